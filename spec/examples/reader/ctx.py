"""Coefficients of a brick (spec codecs/ctx 3 and 4)."""

import json
from itertools import product
from pathlib import Path

import numpy as np

from .bits import RangeDecoder, started
from .fields import need

START = json.loads((Path(__file__).parents[2] / "codecs" / "ctx-start.json").read_text())

# weight, offset (dz, dy, dx): codecs/ctx 4.1
NEIGHBOURS = (
    [(4, o) for o in [(0, 0, -1), (0, -1, 0), (-1, 0, 0)]]
    + [(2, o) for o in [(0, -1, -1), (0, -1, 1), (-1, 0, -1), (-1, 0, 1), (-1, -1, 0), (-1, 1, 0)]]
    + [(1, o) for o in [(0, 0, -2), (0, -2, 0), (-2, 0, 0)]]
)


def bin_of(n):
    return max(b for b in range(40) if b == 0 or (n + 4) ** 4 >= 1 << (8 + b))


BIN = [bin_of(n) for n in range(4093)]


class BrickDecoder:
    """Decodes the grids of one brick, one after another, with one set of states."""

    def __init__(self, payload, planar):
        self.bits = RangeDecoder(payload)
        self.planar = planar  # rank 2
        self.magnitude = [[started(*pair) for pair in row] for row in START["magnitude"]]
        self.escape = [[started(*pair) for pair in row] for row in START["escape"]]
        self.signs = [[started(*pair) for pair in row] for row in START["sign"]]

    def grid(self, bands, stored):
        """Bands of one grid. `bands`: (code, dims) each; `stored`: blocks of 8, in z, y, x.

        Returns one integer array per band.
        """
        if not stored.any():
            return [np.zeros(dims, np.int64) for _, dims in bands]
        return [self.band(code, dims, stored) for code, dims in bands]

    def band(self, code, dims, stored):
        out = np.zeros(dims, np.int64)
        # Two voxels of border before, one behind (rows and columns): neighbours need no tests.
        row, plane = dims[2] + 3, (dims[2] + 3) * (dims[1] + 3)
        near = [0] * (plane * (dims[0] + 2))
        sign = [1] * len(near)
        terms = [(weight, dz * plane + dy * row + dx) for weight, (dz, dy, dx) in NEIGHBOURS]
        for z, y, x in product(*map(range, dims)):
            if not stored[z // 8, y // 8, x // 8]:
                continue
            at = (z + 2) * plane + (y + 2) * row + x + 2
            n = sum(weight * near[at + offset] for weight, offset in terms)
            value = self.value(BIN[min(2 * n if self.planar else n, 4092)])
            if value:
                context = 9 * sign[at - 1] + 3 * sign[at - row] + sign[at - plane]
                negative = self.bits.sign(self.signs[code][context])
                near[at] = min(value, 255)
                sign[at] = 0 if negative else 2
                out[z, y, x] = -value if negative else value
        return out

    def value(self, bin_number):
        cell = self.cell(bin_number)
        if cell == 0:
            return 0
        width = 0 if bin_number < 16 else (bin_number - 12) // 4
        value = (cell - 1 << width) + self.bits.raw(width) + 1
        need(value < 1 << 24, "a magnitude above 2^24 - 1")
        return value

    def cell(self, bin_number):
        states = self.magnitude[bin_number]
        for k in range(12):
            if not self.bits.bit(states[k]):
                return k
        states = self.escape[bin_number // 8]
        exponent = 0
        while self.bits.bit(states[exponent]):
            exponent += 1
            need(exponent < 24, "an escape that does not end")
        return 11 + (1 << exponent | self.bits.raw(exponent))

    def end(self):
        self.bits.end(exact=False)
