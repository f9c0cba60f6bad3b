"""Levels, subbands and bricks of a shape (spec 4.7 and 6.1)."""

import math
from dataclasses import dataclass
from itertools import product

from .fields import need

# Detail subbands in order; 1 is high-pass along that axis (z, y, x).
DETAILS = [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1)]


@dataclass
class Level:
    """One step of the transform: the grid `dims`, which axes it splits, its low-pass grid."""

    dims: list
    split: list

    @property
    def low(self):
        return [-(-n // 2) if split else n for n, split in zip(self.dims, self.split)]

    def wraps(self, axis, periodic):
        """Whether an axis that is periodic in the frame wraps at this level: even length only."""
        return periodic[axis] and self.split[axis] and self.dims[axis] % 2 == 0

    @property
    def bands(self):
        """Detail subbands: (which axes are high-pass, extents)."""
        out = []
        for high in DETAILS:
            if all(split or not h for h, split in zip(high, self.split)):
                dims = [n // 2 if h else low for n, h, low in zip(self.dims, high, self.low)]
                out.append((high, dims))
        return out


def code(high):
    """Number of a band for its sign states: bits 0, 1, 2 are z, y, x."""
    return high[0] | high[1] << 1 | high[2] << 2


def levels(dims, count, plan=0):
    out = []
    for _ in range(count):
        split = [n >= 8 and (plan == 0 or axis > 0) for axis, n in enumerate(dims)]
        need(any(split), "more levels than the shape allows")
        out.append(Level(list(dims), split))
        dims = out[-1].low
    return out


def box_bands(level, box):
    """The detail subbands of a level cut to a box of its low-pass grid: (high, ranges)."""
    return [
        (high, [range(min(r.start, n), min(r.stop, n)) for r, n in zip(box, dims)])
        for high, dims in level.bands
    ]


def shared_levels(all_levels):
    """Numbers of the levels whose details are in the shared brick, coarsest first."""
    small = [n for n, level in enumerate(all_levels) if math.prod(level.low) <= 4096]
    return small[::-1]


def boxes(number, all_levels, brick_edge, rank, plan):
    """Boxes of the low-pass grid of level `number`, in z, y, x order."""
    level = all_levels[number]
    least = 32 if rank == 3 else 256
    for large in (1 << 26, 1 << 29):
        if math.prod(all_levels[0].dims) >= large:
            least //= 2
    edge = max(brick_edge >> (number + 1), least)
    edges = [level.low[0] if plan in (1, 2) else edge, edge, edge]
    cuts = [[range(at, min(at + e, n)) for at in range(0, n, e)] for n, e in zip(level.low, edges)]
    return list(product(*cuts))
