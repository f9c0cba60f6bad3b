"""Voxels that are not ordinary numbers (spec codecs/mask)."""

import numpy as np

from .bits import RangeDecoder, state
from .fields import need


def decode(payload, dims, size):
    """Palette (bytes of each pattern) and an array of classes."""
    need(len(payload) > 0 and payload[0] > 0, "no pattern")
    count = payload[0]
    need(len(payload) >= 1 + count * size, "the palette ends early")
    palette = [payload[1 + i * size : 1 + (i + 1) * size] for i in range(count)]
    need(len(set(palette)) == count, "two patterns are equal")
    classes = Classes(payload[1 + count * size :], dims, count).decode()
    return palette, classes


class Classes:
    def __init__(self, payload, dims, count):
        self.bits = RangeDecoder(payload)
        self.count = count
        self.dims = dims
        self.out = np.zeros(dims, np.int64)
        self.above = [state() for _ in range(9)]
        self.behind = [state() for _ in range(9)]
        self.left = [state() for _ in range(128)]
        self.up = [state() for _ in range(8)]
        self.back = [state() for _ in range(4)]
        self.tree = [state() for _ in range(256)]

    def decode(self):
        plane_states = [state(), state()]
        same_before = 0
        kinds = [0] * self.dims[1]  # of the last plane coded by rows
        for z in range(self.dims[0]):
            if z > 0:
                same_before = self.bits.bit(plane_states[same_before])
                if same_before:
                    self.out[z] = self.out[z - 1]
                    continue
            kind = 0
            for y in range(self.dims[1]):
                kind = self.row(z, y, 3 * kind + kinds[y])
                kinds[y] = kind
        self.bits.end()
        return self.out

    def row(self, z, y, context):
        """Decodes one row; returns its kind."""
        if self.bits.bit(self.above[context]):
            self.out[z, y] = self.out[z, y - 1] if y > 0 else 0
            return 0
        if z > 0 and self.bits.bit(self.behind[context]):
            self.out[z, y] = self.out[z - 1, y]
            return 1
        for x in range(self.dims[2]):
            self.out[z, y, x] = self.voxel(z, y, x)
        return 2

    def at(self, z, y, x):
        inside = z >= 0 and y >= 0 and 0 <= x < self.dims[2]
        return int(self.out[z, y, x]) if inside else 0

    def voxel(self, z, y, x):
        l, l2 = self.at(z, y, x - 1), self.at(z, y, x - 2)
        u, ul, ur = self.at(z, y - 1, x), self.at(z, y - 1, x - 1), self.at(z, y - 1, x + 1)
        b, br = self.at(z - 1, y, x), self.at(z - 1, y, x + 1)
        flags = [l == u, l == b, l == ur, l == ul, l == br, l == l2, l == 0]
        if self.bits.bit(self.left[number(flags)]):
            return l
        if u != l and self.bits.bit(self.up[number([u == b, u == ur, u == 0])]):
            return u
        if b != l and b != u and self.bits.bit(self.back[number([b == br, b == 0])]):
            return b
        node = 1
        while node < 256:
            node = 2 * node + self.bits.bit(self.tree[node])
        need(node - 256 <= self.count, "a class without a pattern")
        return node - 256


def number(flags):
    """Bit i is flag i."""
    return sum(bool(flag) << i for i, flag in enumerate(flags))
