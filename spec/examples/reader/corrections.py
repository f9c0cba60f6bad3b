"""Corrections of single voxels (spec codecs/corrections)."""

from itertools import product

from .bits import RangeDecoder, state
from .fields import need


class Corrections:
    """Decodes a payload. `steps` and `exact` map a voxel (z, y, x) to steps or to its bit pattern."""

    def __init__(self, payload, dims, rank, size):
        self.bits = RangeDecoder(payload)
        self.dims = dims
        self.size = size
        self.steps, self.exact = {}, {}
        self.signs = {}  # voxel -> -1, 0 (exact), 1
        reach = [(0,), (-1, 0, 1), (-1, 0, 1)] if rank == 2 else [(-1, 0, 1)] * 3
        self.around = [o for o in product(*reach) if o != (0, 0, 0)]
        self.edge = [1, 32, 32] if rank == 2 else [8, 8, 8]
        self.first = [[state() for _ in range(3)] for _ in range(8)]
        self.more = [state() for _ in range(5)]
        self.exact_state = state()
        self.sign = [state() for _ in range(3)]
        self.magnitude = [state() for _ in range(12)]
        self.exponent = [state() for _ in range(31)]
        self.blocks()
        self.bits.end()

    def blocks(self):
        block_states = [state() for _ in range(4)]
        single_states = [state() for _ in range(4)]
        held = set()
        for block in product(*[range(-(-n // e)) for n, e in zip(self.dims, self.edge)]):
            before = [tuple(i - (a == axis) for a, i in enumerate(block)) for axis in range(3)]
            context = sum(b in held for b in before)
            if not self.bits.bit(block_states[context]):
                continue
            held.add(block)
            cut = [range(i * e, min((i + 1) * e, n)) for i, e, n in zip(block, self.edge, self.dims)]
            voxels = list(product(*cut))
            if self.bits.bit(single_states[context]):
                place = self.bits.raw((len(voxels) - 1).bit_length())
                need(place < len(voxels), "a place behind the block")
                self.correction(voxels[place])
            else:
                self.several(voxels)

    def several(self, voxels):
        found = False
        for place, voxel in enumerate(voxels):
            near = len(self.near(voxel))
            if found:
                s = self.more[min(near, 4)]
            else:
                s = self.first[8 * place // len(voxels)][min(near, 2)]
            if self.bits.bit(s):
                found = True
                self.correction(voxel)

    def near(self, voxel):
        """Signs of the corrected voxels around one, of those coded so far."""
        around = (tuple(v + d for v, d in zip(voxel, offset)) for offset in self.around)
        return [self.signs[v] for v in around if v in self.signs]

    def correction(self, voxel):
        if self.bits.bit(self.exact_state):
            pattern = 0
            for _ in range(-(-self.size // 2)):
                pattern = pattern << 16 | self.bits.raw(16)
            self.exact[voxel] = pattern
            self.signs[voxel] = 0
            return
        total = sum(self.near(voxel))
        negative = self.bits.bit(self.sign[(total > 0) - (total < 0) + 1])
        steps = 1
        while steps <= 12 and self.bits.bit(self.magnitude[steps - 1]):
            steps += 1
        if steps == 13:
            exponent = 0
            while self.bits.bit(self.exponent[exponent]):
                exponent += 1
                need(exponent < 31, "an escape that does not end")
            steps = 12 + (1 << exponent | self.bits.raw(exponent))
            need(steps < 1 << 31, "more than 2^31 - 1 steps")
        self.steps[voxel] = -steps if negative else steps
        self.signs[voxel] = -1 if negative else 1
