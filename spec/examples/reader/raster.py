"""Values of a brick of the raster form (spec codecs/raster)."""

import itertools
import math

import numpy as np

from . import lossless
from .bits import RangeDecoder, state
from .fields import need
from .values import is_integer, rounded

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
        self.first = [[[state() for _ in range(2)] for _ in range(44)] for _ in range(3)]
        self.unary = [[state() for _ in range(14)] for _ in range(44)]
        self.escape = [[state() for _ in range(24)] for _ in range(44)]
        self.sign = [[state() for _ in range(27)] for _ in range(5)]

    def next(self, b, sign_context, rest=0.0, exact=False):
        """(difference, None), or (0, bits of a stored value); `exact`: all cells hold one magnitude."""
        distance, side = min(int(abs(rest) * 6), 2), min(int(rest * 5 + 2.5), 4)
        unary = self.first[distance][b] + self.unary[b]
        cell = 0
        while cell < 16 and self.bits.bit(unary[cell]):
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
        r = 0 if b < 13 or exact else (2 * b - 21) // 5
        magnitude = (cell - 1 << r) + self.bits.raw(r) + 1
        need(magnitude < 1 << 24, "a difference above 2^24 - 1")
        return (-magnitude if self.bits.sign(self.sign[side][sign_context]) else magnitude), None


class Brick:
    def __init__(self, frame, dims, rank, value, payload):
        self.dims, self.rank, self.value = dims, rank, value
        self.work = work = np.float64 if frame.fine or np.dtype(value).itemsize == 8 else np.float32
        self.whole = bool(frame.palette or frame.integers and frame.step_size == 1)
        self.has_stored = not frame.palette
        if frame.palette:
            self.step, self.least, self.most = work(1), work(0), work(frame.palette - 1)
        else:
            self.step, self.least, self.most = work(frame.step_size), work(frame.minimum), work(frame.maximum)
        steps = (self.most - self.least) / self.step
        need(steps <= work(2.0**31), "too many steps")
        self.top = steps + work(1)
        if self.whole:
            ends = float(self.least), float(self.most)
            need(all(end == int(end) for end in ends) and steps < work(2.0**31), "integers less than 2^31 apart")
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
            u[x + 2], q[x + 2] = place, difference
        for row in (u, q):
            row[-1] = row[-2]
            row[0] = row[1] = row[2]

    def voxel(self, z, y, x, out):
        if self.rank == 1:
            return self.on_line(x, out)
        west = self.u[0].at(y, x - 1)
        predicted = self.predictions(z, y, x) if self.coefficients and (z or y) else None
        if not z and not y:
            d = self.work(0)
        elif predicted:
            d = self.blend(predicted, z, y, x)
        else:
            north = self.u[0].at(y - 1, x)
            d = median(self.work(0), north - west, north - self.u[0].at(y - 1, x - 1))
        out[x], place, difference = self.read(west + d, z, y, x)
        moved = place - west
        self.e[0].rows[y + 1][x + 2] = [abs(d - moved) for d in predicted or [self.work(0)] * 8]
        return place, difference

    def on_line(self, x, out):
        """Codecs/raster 8."""
        work = self.work
        if x == 0:
            self.known, self.differences, self.errors = [work(0)] * 4, [0] * 4, [work(0)] * 8
        w, w2, w3, w4 = self.known
        a, b, c = w - w2, w2 - w3, w3 - w4
        bend, half = a - b, work(0.5)
        square = a + bend
        mean = (work(0.75) * a + half * b) + work(0.25) * c
        predicted = [work(0), a, square, square + (bend - (b - c)), half * a, -(half * a), -mean, half * (a + square)]
        d = work(0)
        if x:
            known = [error + self.floor(w) for error in self.errors]
            weights = [work(1) / (error * error) for error in known]
            d = total([v * p for v, p in zip(weights, predicted)]) / total(weights)
        out[x], place, difference = self.read(w + d, 0, 0, x)
        if x == 0:
            self.known = [place] * 4
        else:
            moved = place - w
            self.errors = [e * work(0.75) + abs(p - moved) for e, p in zip(self.errors, predicted)]
            self.known = [place, w, w2, w3]
        self.differences = [difference, *self.differences[:3]]
        return place, difference

    def sign_on_line(self):
        w, w2, w3, _ = self.differences
        return 9 * sign(w) + 3 * sign(w2) + sign(w3)

    def read(self, p, z, y, x):
        """Value, place and difference of a voxel with the prediction `p`."""
        rest = 0.0
        if self.whole:
            limited = min(max(float(p), 0.0), float(self.top) - 1)
            p = self.work(int(limited + 0.5))
            rest = limited - float(p)
        difference, stored = self.coder.next(*self.contexts(z, y, x), rest)
        if stored is None:
            place = self.limited(p + self.work(difference))
            value = min(max(place * self.step + self.least, self.least), self.most)
            return self.value(value), place, max(-32767, min(32767, difference))
        need(self.has_stored, "a stored value beside a palette")
        found = np.frombuffer(stored, np.dtype(self.value).newbyteorder(">"))[0]
        value = self.work(found)
        need(self.least <= value <= self.most, "a stored value outside of the range")
        return found, self.limited((value - self.least) / self.step), difference

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

    def floor(self, west):
        """What is added to errors."""
        return self.work(0.05)

    def blend(self, predicted, z, y, x):
        work = self.work
        floor = self.floor(self.u[0].at(y, x - 1))
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
            t = s + (w[k] + half * ww[k]) + floor
            weights.append(work(1) / (t * t))
        return total([v * d for v, d in zip(weights, predicted)]) / total(weights)

    def contexts(self, z, y, x):
        if self.rank == 1:
            energy = sum(weight * abs(q) for weight, q in zip((8, 4, 2, 1), self.differences))
            return bin_of(energy, 5), self.sign_on_line()
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


class Exact(Brick):
    """Values as they are (codecs/raster 7)."""

    def __init__(self, frame, dims, rank, value, payload):
        self.dims, self.rank, self.value = dims, rank, value
        self.size = np.dtype(value).itemsize
        self.work = np.float64 if self.size == 8 else np.float32
        self.coefficients = frame.coefficients
        self.unused = frame.unused
        self.mantissa, self.bias = {2: (10, 15), 4: (23, 127), 8: (52, 1023)}[self.size]
        self.mantissa -= frame.unused
        self.minimum, self.maximum = frame.minimum, frame.maximum
        self.scale = min(30 - exponent(max(abs(frame.minimum), abs(frame.maximum))), 1000)
        self.least, self.most = self.place(frame.minimum), self.place(frame.maximum)
        need(len(payload) >= 4, "a brick ends early")
        length = int.from_bytes(payload[:4], "little")
        need(len(payload) >= 4 + length, "a brick ends early")
        self.coder = Difference(payload[4 : 4 + length], self.size)
        self.tails = Tails(payload[4 + length :])
        self.zero = [state() for _ in range(2)]
        self.depth = [state() for _ in range(24)]
        self.was_zero = False

    def decode(self):
        out = super().decode()
        self.tails.end()
        return out

    def place(self, value):
        return self.work(float(value) * 2.0**self.scale)

    def floor(self, west):
        return abs(west) * self.work(2.0 ** (-self.mantissa - 5)) + self.work(2.0**-40)

    def contexts(self, z, y, x):
        """The mean difference of the neighbours, and the sign context."""
        two, four, ten = np.float32(2), np.float32(4), np.float32(10)
        if self.rank == 1:
            w, w2, w3, w4 = (np.float32(abs(q)) for q in self.differences)
            energy = (np.float32(8) * w + four * w2) + (two * w3 + w4)
            return energy * np.float32(1 / 15), self.sign_on_line()
        near = self.q[0].at
        w, ww = near(y, x - 1), near(y, x - 2)
        if not z and not y:
            return (ten * abs(w) + np.float32(5) * abs(ww)) * np.float32(1 / 15), 9 * sign(w) + 4
        n = near(y - 1, x)
        energy = (four * abs(n) + (two * abs(near(y - 1, x - 1)) + two * abs(near(y - 1, x + 1)))) + abs(near(max(y - 2, -1), x))
        b = 0
        if z:
            back = self.q[1].at
            b = back(y, x)
            beside = two * abs(back(y, x - 1)) + two * abs(back(y, x + 1))
            beside = (beside + two * abs(back(y - 1, x))) + two * abs(back(y + 1, x))
            energy = energy + (four * abs(b) + beside)
        energy = (energy + four * abs(w)) + two * abs(ww)
        return energy * np.float32(1 / 27 if z else 1 / 15), 9 * sign(w) + 3 * sign(n) + (sign(b) if z else 1)

    def expected(self, p, mean):
        """Place, bin, width as an exponent, slot and rest by a prediction and the mean difference nearby."""
        p = min(max(p, self.least), self.most)
        apart = max(exponent(p) - self.mantissa, -40, 1 - self.bias + self.scale)
        bits = int(np.float32(mean).view(np.uint32))
        wide = (bits >> 23) - 129
        if wide > apart:
            return p, 24 + (bits >> 20 & 7), wide, math.floor(float(p) * 2.0**-wide), 0.0
        spread = np.float32(1) + np.float32(6) * (np.float32(mean) * np.float32(2.0**-apart))
        exact = float(p) * 2.0**-apart
        slot = math.floor(exact)
        slot += exact - slot >= 0.5
        return p, (int(spread.view(np.uint32)) >> 21) - 508, apart, slot, exact - slot

    def read(self, p, z, y, x):
        mean, sign_context = self.contexts(z, y, x)
        p, b, width, slot, rest = self.expected(p, mean)
        difference, stored = self.coder.next(b, sign_context, rest, exact=True)
        if stored is None:
            pattern = self.pattern(slot + difference, width - self.scale + self.bias) << self.unused
            stored = pattern.to_bytes(self.size, "big")
        found = np.frombuffer(stored, np.dtype(self.value).newbyteorder(">"))[0]
        need(self.minimum <= found <= self.maximum, "a value outside of the range")
        place = self.place(found)
        self.was_zero = bool(place == 0)
        return self.value(found), place, np.float32(place - p)

    def pattern(self, slot, width):
        """The bits of a value in a slot, without the unused ones; `width` as an exponent field."""
        b = self.mantissa
        fields = 2 * self.bias + 1
        negative = (fields + 1 << b) if slot < 0 else 0
        number = -1 - slot if slot < 0 else slot
        if number:
            length = number.bit_length() - 1
            field = width + length
            need(field < fields, "no finite value")
            left = b - length
            need(left >= 0 or number % (1 << -left) == 0, "a slot without values")
            digits = number << left | self.tails.take(left) if left >= 0 else number >> -left
            return negative | field << b | digits & (1 << b) - 1
        if self.coder.bits.bit(self.zero[self.was_zero]):
            return negative
        depth = 0
        while depth < 24 and self.coder.bits.bit(self.depth[depth]):
            depth += 1
        field = width - 1 - depth if depth < 24 else self.tails.take(fields.bit_length())
        need(0 <= field < fields, "no finite value")
        return negative | field << b | self.tails.take(b)


class Tails:
    """Bits from the lowest of each byte on."""

    def __init__(self, data):
        self.length = len(data)
        self.number = int.from_bytes(data, "little")
        self.at = 0

    def take(self, count):
        self.at += count
        need(self.at <= 8 * self.length, "the tails end early")
        return self.number >> self.at - count & (1 << count) - 1

    def end(self):
        need((self.at + 7) // 8 == self.length and self.number >> self.at == 0, "tails are left")


def exponent(value):
    """Of the binary64 of a number; -1023 for 0 and what is next to it."""
    return (int(np.float64(value).view(np.uint64)) >> 52 & 0x7FF) - 1023


def total(v):
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))


def sign(q):
    return int(q > 0) - int(q < 0) + 1


def palette(payload, count, value):
    """The values of a palette (spec 4.11)."""
    width = np.dtype(value).itemsize
    differences = np.frombuffer(lossless.decode(payload, count, width), f"<u{width}")
    keys = list(itertools.accumulate(int(d) for d in differences))
    need(all(a < b for a, b in zip(keys, keys[1:])) and keys[-1] < 1 << 8 * width, "a palette that does not ascend")
    sign = 1 << 8 * width - 1
    if is_integer(value):
        bits = [key ^ sign * (np.dtype(value).kind == "i") for key in keys]
    else:
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
    expected = (0, 6, 16)[dataset.rank - 1]
    need(len(frame.coefficients) in (0, expected), "coefficients of another rank")
    coded = frame.work if is_integer(value) else value
    out = np.zeros(dataset.dims, coded)
    edge = frame.brick_edge
    counts = [math.ceil(n / edge) for n in dataset.dims]
    need(sorted(payloads) == list(range(math.prod(counts))), "bricks missing or too many")
    for number, payload in payloads.items():
        place = [number // counts[2] // counts[1], number // counts[2] % counts[1], number % counts[2]]
        box = tuple(slice(c * edge, min((c + 1) * edge, n)) for c, n in zip(place, dataset.dims))
        kind = Brick if frame.unused is None else Exact
        out[box] = kind(frame, out[box].shape, dataset.rank, coded, payload).decode()
    return rounded(out, value)
