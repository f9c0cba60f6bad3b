"""Values of a brick of the raster form (spec codecs/raster)."""

import itertools
import math

import numpy as np

from . import lossless
from .bits import RangeDecoder, state
from .fields import need

# Places of the neighbours of the linear sub-predictor behind NN, as (plane, dy, dx); codecs/raster 3.
DEEP = [(1, 0, 0), (1, 0, -1), (1, 0, 1), (1, -1, 0), (1, 1, 0), (1, -1, -1), (1, -1, 1), (1, 1, -1), (1, 1, 1), (2, 0, 0)]
FLAT_CORNERS = [1024, 1024, -1024, 0, 0, 0]


def bins(third):
    """The largest n of every bin (codecs/raster 4)."""
    starts = []
    for b in range(44):
        n = 0 if not starts else starts[-1]
        step = 1 << 22
        while step:
            if (third + 2 * (n + step - 1)) ** 5 < third**5 * 4**b:
                n += step
            step >>= 1
        starts.append(n if b else 0)
    return starts


STARTS = {5: bins(5), 9: bins(9)}


def bin_of(n, third):
    return max(b for b in range(44) if STARTS[third][b] <= n)


def median(a, b, c):
    return max(min(a, b), min(max(a, b), c))


class Rows:
    """A plane with a row above it, two entries before each row and one behind it."""

    def __init__(self, ny, nx, zero):
        self.rows = [[zero] * (nx + 3) for _ in range(ny + 1)]

    def at(self, y, x):
        """`y` -1 is the row above; rows below the last are the last."""
        return self.rows[min(y + 1, len(self.rows) - 1)][x + 2]


class Difference:
    """What is coded at a voxel (codecs/raster 5)."""

    def __init__(self, payload, size):
        self.bits = RangeDecoder(payload)
        self.size = size
        self.unary = [[state() for _ in range(16)] for _ in range(44)]
        self.escape = [[state() for _ in range(24)] for _ in range(44)]
        self.sign = [state() for _ in range(27)]

    def next(self, b, sign_context):
        """(difference, None), or (0, bits of a stored value)."""
        cell = 0
        while cell < 16 and self.bits.bit(self.unary[b][cell]):
            cell += 1
        if cell == 16:
            e = 0
            while e < 24 and self.bits.bit(self.escape[b][e]):
                e += 1
            if e == 24:
                return 0, bytes(self.bits.raw(8) for _ in range(self.size))
            cell = 15 + (1 << e | self.bits.raw(e))
        if cell == 0:
            return 0, None
        r = 0 if b < 13 else (2 * b - 21) // 5
        magnitude = (cell - 1 << r) + self.bits.raw(r) + 1
        need(magnitude < 1 << 24, "a difference above 2^24 - 1")
        return (-magnitude if self.bits.sign(self.sign[sign_context]) else magnitude), None


class Brick:
    def __init__(self, frame, dims, rank, value, payload):
        self.dims, self.rank, self.value = dims, rank, value
        self.work = work = np.float64 if frame.fine or np.dtype(value).itemsize == 8 else np.float32
        self.whole = bool(frame.palette)
        if self.whole:
            self.step, self.least, self.most = work(1), work(0), work(frame.palette - 1)
        else:
            self.step, self.least, self.most = work(frame.step_size), work(frame.minimum), work(frame.maximum)
        steps = (self.most - self.least) / self.step
        need(steps <= work(2.0**31), "too many steps")
        self.top = steps + work(1)
        self.coefficients = frame.coefficients
        self.coder = Difference(payload, np.dtype(value).itemsize)

    def decode(self):
        nz, ny, nx = self.dims
        out = np.zeros(self.dims, self.value)
        zero = self.work(0)
        self.u = [Rows(ny, nx, zero) for _ in range(3)]  # this plane, the one before, the one before that
        self.q = [Rows(ny, nx, 0) for _ in range(2)]
        self.e = [Rows(ny, nx, [zero] * 8) for _ in range(2)]
        for z in range(nz):
            if z:
                self.u[0].rows[0] = list(self.u[1].rows[1])
                self.q[0].rows[0] = list(self.q[1].rows[1])
            for y in range(ny):
                self.row(z, y, out[z, y])
                if z == y == 0:
                    self.close()
            self.close()
            if z == 0:
                self.u[1] = self.u[0]
            self.u = [Rows(ny, nx, zero), self.u[0], self.u[1]]
            self.q = [Rows(ny, nx, 0), self.q[0]]
            self.e = [Rows(ny, nx, [zero] * 8), self.e[0]]
        self.coder.bits.end()
        return out

    def close(self):
        """The row above a plane, for what comes after it."""
        self.u[0].rows[0] = list(self.u[0].rows[1])
        self.q[0].rows[0] = list(self.q[0].rows[1])

    def row(self, z, y, out):
        u, q = self.u[0].rows[y + 1], self.q[0].rows[y + 1]
        first = self.u[0].at(y - 1, 0) if z or y else self.work(0)
        if z:
            first = first + (self.u[1].at(y, 0) - self.u[1].at(y - 1, 0))
        u[0] = u[1] = first
        q[0] = q[1] = self.q[0].at(y - 1, 0) if z or y else 0
        for x in range(len(out)):
            place, difference = self.voxel(z, y, x, out)
            u[x + 2], q[x + 2] = place, max(-32767, min(32767, difference))
        for row in (u, q):
            row[-1] = row[-2]
            row[0] = row[1] = row[2]

    def voxel(self, z, y, x, out):
        west = self.u[0].at(y, x - 1)
        predicted = self.predictions(z, y, x) if self.coefficients and (z or y) else None
        if not z and not y:
            d = self.work(0)
        elif predicted:
            d = self.blend(predicted, z, y, x)
        else:
            north = self.u[0].at(y - 1, x)
            d = median(self.work(0), north - west, north - self.u[0].at(y - 1, x - 1))
        p = west + d
        if self.whole:
            p = self.work(int(min(max(float(p), 0.0), float(self.most)) + 0.5))
        difference, stored = self.coder.next(*self.contexts(z, y, x))
        if stored is None:
            place = self.limited(p + self.work(difference))
            value = min(max(place * self.step + self.least, self.least), self.most)
            out[x] = self.value(value)
        else:
            need(not self.whole, "a stored value beside a palette")
            out[x] = np.frombuffer(stored, np.dtype(self.value).newbyteorder(">"))[0]
            value = self.work(out[x])
            need(self.least <= value <= self.most, "a stored value outside of the range")
            place = self.limited((value - self.least) / self.step)
        moved = place - west
        self.e[0].rows[y + 1][x + 2] = [abs(d - moved) for d in predicted or [self.work(0)] * 8]
        return place, difference

    def limited(self, u):
        return min(max(u, self.work(-1)), self.top)

    def predictions(self, z, y, x):
        work, deep = self.work, z > 0
        at = self.u[0].at
        w, ww, n, nw, ne, nn = at(y, x - 1), at(y, x - 2), at(y - 1, x), at(y - 1, x - 1), at(y - 1, x + 1), at(max(y - 2, -1), x)
        whole = self.coefficients if self.rank == 2 or deep else FLAT_CORNERS
        a = [work(c / 1024) for c in whole]
        linear = a[2] * (nw - n) + a[3] * (ne - n) + a[5] * (nn - n)
        if deep:
            for c, (plane, dy, dx) in zip(a[6:], DEEP):
                linear = linear + c * (self.u[plane].at(y + dy, x + dx) - n)
        north = n - w
        shared = [
            n - nw,
            median(work(0), north, n - nw),
            north + ((a[0] * (w - n) + a[4] * (ww - n)) + linear),
            work(0),
            north,
        ]
        if not deep:
            return [*shared, work(0.5) * (ne - n), north + (n - nn), w - ww]
        back = self.u[1].at
        b, bw, bn, bnw = back(y, x), back(y, x - 1), back(y - 1, x), back(y - 1, x - 1)
        shared[0] = shared[0] + ((b - bw) - (bn - bnw))
        g, c, own = w - bw, n - bn, b - w
        return [*shared, own, own + median(g, c, g + (c - (nw - bnw))), median(work(0), north, own)]

    def blend(self, predicted, z, y, x):
        work = self.work
        half = work(0.5)
        nothing = [work(0)] * 8
        near = self.e[0].at
        above = (near(y - 1, x), near(y - 1, x - 1), near(y - 1, x + 1)) if y else (nothing,) * 3
        w, ww = near(y, x - 1), near(y, x - 2)
        weights = []
        for k in range(8):
            s = above[0][k] + above[1][k] + above[2][k]
            if z:
                back = self.e[1].at
                south = back(y + 1, x) if y + 1 < self.dims[1] else nothing
                s = s + (back(y, x)[k] + half * (back(y, x + 1)[k] + south[k]))
            t = s + (w[k] + half * ww[k]) + work(0.05)
            weights.append(work(1) / (t * t))
        return total([v * d for v, d in zip(weights, predicted)]) / total(weights)

    def contexts(self, z, y, x):
        near = self.q[0].at
        w, ww, n = near(y, x - 1), near(y, x - 2), near(y - 1, x) if z or y else 0
        if not z and not y:
            return bin_of(10 * abs(w) + 5 * abs(ww), 5), 9 * sign(w) + 4
        energy = 4 * abs(w) + 2 * abs(ww) + 4 * abs(n) + 2 * abs(near(y - 1, x - 1)) + 2 * abs(near(y - 1, x + 1))
        energy += abs(near(max(y - 2, -1), x))
        if not z:
            return bin_of(energy, 5), 9 * sign(w) + 3 * sign(n) + 1
        back = self.q[1].at
        energy += 4 * abs(back(y, x))
        energy += 2 * sum(abs(back(y + dy, x + dx)) for dy, dx in [(0, -1), (0, 1), (-1, 0), (1, 0)])
        return bin_of(energy, 9), 9 * sign(w) + 3 * sign(n) + sign(back(y, x))


def total(v):
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))


def sign(q):
    return (q > 0) - (q < 0) + 1


def palette(payload, count, value):
    """The values of a palette (spec 4.11)."""
    width = np.dtype(value).itemsize
    differences = np.frombuffer(lossless.decode(payload, count, width), f"<u{width}")
    keys = list(itertools.accumulate(int(d) for d in differences))
    need(all(a < b for a, b in zip(keys, keys[1:])) and keys[-1] < 1 << 8 * width, "a palette that does not ascend")
    sign = 1 << 8 * width - 1
    bits = [key ^ sign if key & sign else key ^ (2 * sign - 1) for key in keys]
    values = np.array(bits, f"<u{width}").view(np.dtype(value).newbyteorder("<")).astype(value)
    need(np.isfinite(values).all(), "a palette of finite values")
    return values


def paletted(dataset, frame, tree, payloads, value):
    """All of a frame of form 4 with a palette."""
    values = palette(tree, frame.palette, value)
    return values[decode(dataset, frame, payloads, np.float32).astype(np.int64)]


def decode(dataset, frame, payloads, value):
    """All of a frame of form 4; `payloads`: its bricks by number. Ranks, where it has a palette."""
    expected = 6 if dataset.rank == 2 else 16
    need(len(frame.coefficients) in (0, expected), "coefficients of another rank")
    out = np.zeros(dataset.dims, value)
    edge = frame.brick_edge
    counts = [math.ceil(n / edge) for n in dataset.dims]
    need(sorted(payloads) == list(range(math.prod(counts))), "bricks missing or too many")
    for number, payload in payloads.items():
        place = [number // counts[2] // counts[1], number // counts[2] % counts[1], number % counts[2]]
        box = tuple(slice(c * edge, min((c + 1) * edge, n)) for c, n in zip(place, dataset.dims))
        out[box] = Brick(frame, out[box].shape, dataset.rank, value, payload).decode()
    return out
