"""The wavelet transform (spec 6.2), in the working precision of the arrays."""

import numpy as np

GAIN = {0: 1.149604398860241, 1: 1.4142135623730951}  # by filter pair: 9/7, Haar
A0, A1, A2, A3 = -1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971


def factor(filter_pair, low_axes, high_axes):
    """The factor of a subband, rounded to binary64 at each operation."""
    s = 1.0
    for _ in range(high_axes):
        s *= GAIN[filter_pair]
    for _ in range(low_axes):
        s /= GAIN[filter_pair]
    return s


def inverse(filter_pair, level, periodic, low, details):
    """Low-pass and detail subbands (keyed by high-pass axes) of a level to its grid."""
    work = low.dtype.type
    count = sum(level.split)
    parts = {(0, 0, 0): low, **details}
    for high in parts:
        parts[high] = parts[high] * work(factor(filter_pair, count - sum(high), sum(high)))
    for axis in (2, 1, 0):
        if not level.split[axis]:
            continue
        joined = {}
        for high in parts:
            if high[axis] == 0:
                other = with_high(high, axis)
                joined[high] = join(filter_pair, parts[high], parts[other], axis, level.wraps(axis, periodic))
        parts = joined
    return parts[(0, 0, 0)]


def forward_details(filter_pair, level, periodic, grid):
    """The detail subbands of a level's grid, keyed by high-pass axes."""
    work = grid.dtype.type
    parts = {(0, 0, 0): grid}
    for axis in range(3):
        if not level.split[axis]:
            continue
        for high in list(parts):
            low_half, high_half = part(filter_pair, parts[high], axis, level.wraps(axis, periodic))
            parts[high], parts[with_high(high, axis)] = low_half, high_half
    count = sum(level.split)
    # Low-pass axes multiply, high-pass axes divide: the inverse with the roles exchanged.
    return {
        high: values * work(factor(filter_pair, sum(high), count - sum(high)))
        for high, values in parts.items()
        if any(high)
    }


def with_high(high, axis):
    return tuple(1 if a == axis else h for a, h in enumerate(high))


def join(filter_pair, low, high, axis, wraps):
    """All lines along one axis: low-pass and high-pass halves to samples."""
    low, high = np.moveaxis(low, axis, -1).copy(), np.moveaxis(high, axis, -1).copy()
    if filter_pair == 0:
        lines = Neighbours(low, high, wraps)
        for a, b in ((A3, A2), (A1, A0)):
            low -= low.dtype.type(a) * lines.of_low()
            high -= low.dtype.type(b) * lines.of_high()
    else:
        n = high.shape[-1]
        low[..., :n] -= low.dtype.type(0.5) * high
        high += low[..., :n]
    out = np.empty(low.shape[:-1] + (low.shape[-1] + high.shape[-1],), low.dtype)
    out[..., 0::2], out[..., 1::2] = low, high
    return np.moveaxis(out, -1, axis)


def part(filter_pair, samples, axis, wraps):
    """The reverse of `join`."""
    samples = np.moveaxis(samples, axis, -1)
    low, high = samples[..., 0::2].copy(), samples[..., 1::2].copy()
    if filter_pair == 0:
        lines = Neighbours(low, high, wraps)
        for a, b in ((A0, A1), (A2, A3)):
            high += low.dtype.type(a) * lines.of_high()
            low += low.dtype.type(b) * lines.of_low()
    else:
        n = high.shape[-1]
        high -= low[..., :n]
        low[..., :n] += low.dtype.type(0.5) * high
    return np.moveaxis(low, -1, axis), np.moveaxis(high, -1, axis)


class Neighbours:
    """Sums of the two neighbours of every sample of a line, with what lies outside."""

    def __init__(self, low, high, wraps):
        self.low, self.high = low, high
        count = low.shape[-1]
        self.here = np.minimum(np.arange(count), high.shape[-1] - 1)  # a missing high[i] is high[i - 1]
        self.before = np.arange(count) - 1
        self.before[0] = -1 if wraps else 0
        self.after = np.arange(high.shape[-1]) + 1
        self.after[self.after == count] = 0 if wraps else count - 1

    def of_low(self):
        """high[i - 1] + high[i]"""
        return self.high[..., self.before] + self.high[..., self.here]

    def of_high(self):
        """low[i] + low[i + 1]"""
        return self.low[..., : self.high.shape[-1]] + self.low[..., self.after]
