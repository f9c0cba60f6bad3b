"""What is done along the slowest axis behind the levels (spec 6.9), in the working precision of the array."""

import math

import numpy as np

from . import transform

LEVELS, DCT, WAVELET, SLICES = range(4)
PI = 14488038916154245684


def check(plan, rank, dims):
    """Whether a shape can have a plan."""
    most = 1024 if plan in (DCT, WAVELET) else 1 << 32
    return plan == LEVELS or rank == 3 and 2 <= dims[0] <= most


def cosine(m, n):
    angle = PI * m // (2 * n)
    square = angle * angle >> 62
    term, total, sign, j = 1 << 62, 0, 1, 1
    while term:
        total += sign * term
        term = (term * square >> 62) // (j * (j + 1))
        sign, j = -sign, j + 2
    return float(total) / 2.0**62


def factor(n, z, k):
    m = (2 * z + 1) * k % (4 * n)
    m = min(m, 4 * n - m)
    c = -cosine(2 * n - m, n) if m > n else cosine(m, n)
    return math.sqrt((1.0 if k == 0 else 2.0) / n) * c


def inverse(plan, filter_pair, values):
    if plan == DCT:
        return from_cosines(values)
    if plan == WAVELET:
        return synthesise(filter_pair, values)
    return values


def from_cosines(u):
    n, work = len(u), u.dtype.type
    out = np.empty_like(u)
    for z in range(-(-n // 2)):
        sums = [np.zeros_like(u[0]), np.zeros_like(u[0])]
        for k in reversed(range(n)):
            sums[k % 2] = sums[k % 2] + work(factor(n, z, k)) * u[k]
        out[n - 1 - z] = sums[0] - sums[1]
        out[z] = sums[0] + sums[1]
    return out


def synthesise(filter_pair, u):
    lengths = [len(u)]
    while lengths[-1] >= 4:
        lengths.append(-(-lengths[-1] // 2))
    work = u.dtype.type
    u = u.copy()
    for n, half in reversed(list(zip(lengths, lengths[1:]))):
        low = u[:half] * work(transform.factor(filter_pair, 1, 0))
        high = u[half:n] * work(transform.factor(filter_pair, 0, 1))
        u[:n] = transform.join(filter_pair, low, high, 0, False)
    return u
