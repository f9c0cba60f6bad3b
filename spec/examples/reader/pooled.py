"""Frames of the pooled form: mean-pooled boxes in a representative volume (spec 4.10 and 6.7)."""

from itertools import product

import numpy as np

from . import layout, lossless, networks, transform
from .bits import RangeDecoder, state
from .fields import MissingWeights, Unsupported, need
from .values import working

NO_AXIS = [False] * 3
TAPS = {  # by interpolation: cells on the side of the sample are positive
    0: [(0, 0.75), (1, 0.25)],
    1: [(0, 0.8671875), (1, 0.2265625), (-1, -0.0703125), (2, -0.0234375)],
}


class Pooled:
    def __init__(self, dataset, frame, chunks, weights):
        self.dataset, self.frame, self.weights = dataset, frame, weights
        need(len(chunks["TREE"]) == len(chunks["BRIK"]) == 1 and not chunks["CORR"], "one octree and one brick")
        need(chunks["BRIK"][0].part == 0, "the only brick is number 0")
        if frame.gains and weights is None:
            raise MissingWeights("the frame uses networks, the file names none")
        self.work = working(dataset.fields[frame.field][2])
        self.levels = layout.levels(dataset.dims, frame.levels)
        self.axes = range(3 - dataset.rank, 3)
        need(all(level.split[axis] for level in self.levels for axis in self.axes), "levels of this domain")
        self.grids = [dataset.dims] + [level.low for level in self.levels]
        self.leaves = self.octree(chunks["TREE"][0].payload)
        self.volume = self.values(chunks["BRIK"][0].payload)

    def octree(self, payload):
        """Leaves as (first voxel, end, level)."""
        finest, coarsest, dims = self.frame.finest, self.frame.levels, self.dataset.dims
        root = (max(dims) - 1).bit_length()
        need(min(coarsest, root) >= finest, "levels of the octree")
        bits, splits, coarser = RangeDecoder(payload), [state() for _ in range(16)], [state() for _ in range(16)]
        leaves = []

        def visit(start, edge, depth):
            if edge > max(finest, 1) and bits.bit(splits[min(depth, 15)]):
                for corner in product((0, 1), repeat=3):
                    first = [v + (c << (edge - 1)) for v, c in zip(start, corner)]
                    if all(v < n for v, n in zip(first, dims)):
                        visit(first, edge - 1, depth + 1)
                return
            level = finest
            while level < min(coarsest, edge) and bits.bit(coarser[level]):
                level += 1
            leaves.append((start, [min(v + (1 << edge), n) for v, n in zip(start, dims)], level))

        visit([0, 0, 0], root, 0)
        bits.end()
        return leaves

    def values(self, payload):
        """The representative volume (codecs/quantised)."""
        if self.frame.payload != 0:
            raise Unsupported("SZ3")
        grid = self.grids[self.frame.finest]
        raw = lossless.decode(payload, int(np.prod(grid)), 4)
        folded = np.frombuffer(raw, "<u4").reshape(grid)
        q = (folded >> np.uint32(1)).astype(np.uint32) ^ (np.uint32(0) - (folded & np.uint32(1)))
        for axis in (0, 1, 2):
            q = np.cumsum(q, axis=axis, dtype=np.uint32)
        q = q.view(np.int32).astype(np.int64)
        need((np.abs(q) < 1 << 24).all(), "an integer of 2^24 or more")
        epsilon = self.work(self.frame.epsilon)
        return q.astype(self.work) * (epsilon + epsilon)

    def stored(self):
        """Values and whether there is one, per level."""
        finest = self.frame.finest
        values = [np.zeros(n, self.work) for n in self.grids]
        known = [np.zeros(n, bool) for n in self.grids]
        for level in range(finest, self.frame.levels + 1):
            if level > finest:
                values[level] = self.pool(values[level - 1])
            for start, end, own in self.leaves:
                if own > level:
                    continue
                cells = tuple(slice(a >> level, -(-b >> level)) for a, b in zip(start, end))
                known[level][cells] = True
                if own == level:
                    packed = tuple(slice(a >> finest, (a >> finest) + c.stop - c.start) for a, c in zip(start, cells))
                    values[level][cells] = self.volume[packed]
        return values, known

    def pool(self, fine):
        for axis in reversed(self.axes):
            fine = np.moveaxis(fine, axis, -1)
            if fine.shape[-1] % 2:
                fine = np.concatenate([fine, fine[..., -1:]], -1)
            half = self.work(0.5)
            fine = np.moveaxis(half * fine[..., 0::2] + half * fine[..., 1::2], -1, axis)
        return fine

    def interpolate(self, coarse, dims):
        for axis in reversed(self.axes):
            line = np.moveaxis(coarse, axis, -1)
            i = np.arange(dims[axis])
            cell, side = i // 2, np.where(i % 2 == 1, 1, -1)
            out = None
            for distance, weight in TAPS[self.frame.interpolation]:
                at = np.clip(cell + distance * side, 0, line.shape[-1] - 1)
                part = self.work(weight) * line[..., at]
                out = part if out is None else out + part
            coarse = np.moveaxis(out, -1, axis)
        return coarse

    def upscale(self, number, coarse):
        level, f, rank = self.levels[number], self.frame, self.dataset.rank
        gain = f.gains[number] if number < len(f.gains) else 0
        if gain == 0:
            return self.interpolate(coarse, level.dims)
        network = networks.of_level(self.weights, rank, True, number)
        low = coarse * self.work(power(rank * (number + 1), 1.4142135623730951, 2.0))
        run = networks.Evaluation(network, number, level.low, level.dims, gain, 2 * f.epsilon, NO_AXIS)
        out = run.predict(low).astype(self.work)
        if network.shuffle:
            grid = out[0][tuple(slice(n) for n in level.dims)]
            details = transform.forward_details(1, level, NO_AXIS, grid)
        else:
            details = {high: band[tuple(slice(n) for n in dims)] for (high, dims), band in zip(level.bands, out)}
        fine = transform.inverse(1, level, NO_AXIS, low, details)
        return fine * self.work(power(rank * number, 0.7071067811865476, 0.5))

    def field(self, target):
        """The field at a level, in its unit."""
        values, known = self.stored()
        out = values[self.frame.levels]
        for level in reversed(range(target, self.frame.levels)):
            out = self.upscale(level, out)
            if level >= self.frame.finest:
                out = np.where(known[level], values[level], out)
        return self.frame.unit_of_field(out)


def power(k, root, base):
    return (root if k % 2 else 1.0) * base ** (k // 2)
