"""One level of CDF 9/7 or Haar analysis and synthesis, any rank and any length (spec: transform).

Lifting constants as in Daubechies and Sweldens (1998); the scaling makes the transform nearly orthonormal, so a
coefficient of level `l + 1` is `2^(rank (l + 1) / 2)` times a local mean of the field.
"""

from __future__ import annotations

import itertools

import numpy as np

_LIFTING = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
_SCALE = 1.149604398860241


def subband_names(rank: int) -> list[str]:
    """Subbands in the order of spec section 1: by number of `H`, then the last axis first."""
    keys = ["".join(k) for k in itertools.product("LH", repeat=rank)]
    return sorted((k for k in keys if "H" in k), key=lambda k: (k.count("H"), k[::-1]))


def _neighbours(n_low: int, n_high: int, periodic: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the low neighbours of each high value (left, right) and of the high neighbours of each low value."""
    high, low = np.arange(n_high), np.arange(n_low)
    if periodic:
        return high, (high + 1) % n_low, (low - 1) % n_high, low % n_high
    # Whole-sample symmetry of the fine signal: beyond the end, the neighbour on the other side stands in.
    return high, np.minimum(high + 1, n_low - 1), np.maximum(low - 1, 0), np.minimum(low, n_high - 1)


def _check_periodic(n: int, periodic: bool) -> None:
    if periodic and n % 2:
        raise ValueError(f"a periodic axis needs an even length, {n} found")


def _analyse_axis(x: np.ndarray, axis: int, transform: str, periodic: bool) -> tuple[np.ndarray, np.ndarray]:
    x = np.moveaxis(x, axis, 0)
    low, high = x[0::2].copy(), x[1::2].copy()
    _check_periodic(x.shape[0], periodic)
    if high.shape[0] == 0:  # a single value: its low-pass is itself at the orthonormal scale
        low *= np.sqrt(x.dtype.type(2))
    elif transform == "haar":
        even = low[: high.shape[0]].copy()
        root = x.dtype.type(np.sqrt(0.5))
        low[: high.shape[0]] = (even + high) * root
        high = (high - even) * root
        low[high.shape[0] :] *= np.sqrt(x.dtype.type(2))
    else:
        left, right, before, after = _neighbours(low.shape[0], high.shape[0], periodic)
        for i, c in enumerate(_LIFTING):
            c = x.dtype.type(c)
            if i % 2 == 0:
                high += c * (low[left] + low[right])
            else:
                low += c * (high[before] + high[after])
        low *= x.dtype.type(_SCALE)
        high /= x.dtype.type(_SCALE)
    return np.moveaxis(low, 0, axis), np.moveaxis(high, 0, axis)


def _synthesise_axis(low: np.ndarray, high: np.ndarray, axis: int, transform: str, periodic: bool) -> np.ndarray:
    low, high = np.moveaxis(low, axis, 0).copy(), np.moveaxis(high, axis, 0).copy()
    kind = low.dtype.type
    _check_periodic(low.shape[0] + high.shape[0], periodic)
    if high.shape[0] == 0:
        low /= np.sqrt(kind(2))
    elif transform == "haar":
        root, n = kind(np.sqrt(0.5)), high.shape[0]
        mean = low[:n].copy()
        low[:n] = (mean - high) * root
        high = (mean + high) * root
        low[n:] /= np.sqrt(kind(2))
    else:
        low /= kind(_SCALE)
        high *= kind(_SCALE)
        left, right, before, after = _neighbours(low.shape[0], high.shape[0], periodic)
        for i in (3, 2, 1, 0):
            c = kind(_LIFTING[i])
            if i % 2 == 0:
                high -= c * (low[left] + low[right])
            else:
                low -= c * (high[before] + high[after])
    x = np.empty((low.shape[0] + high.shape[0],) + low.shape[1:], low.dtype)
    x[0::2], x[1::2] = low, high
    return np.moveaxis(x, 0, axis)


def analyse(x: np.ndarray, transform: str = "cdf97", periodic: tuple[bool, ...] | None = None
            ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Low-pass and detail subbands of `x`, keyed by name (`HLL` is high along z)."""
    periodic = (False,) * x.ndim if periodic is None else periodic
    bands = {"": x}
    for axis in range(x.ndim):
        split = {k: _analyse_axis(v, axis, transform, periodic[axis]) for k, v in bands.items()}
        bands = {k + name: v[i] for k, v in split.items() for i, name in enumerate("LH")}
    return bands.pop("L" * x.ndim), bands


def synthesise(low: np.ndarray, bands: dict[str, np.ndarray], transform: str = "cdf97",
               periodic: tuple[bool, ...] | None = None) -> np.ndarray:
    """Inverse of `analyse`."""
    periodic = (False,) * low.ndim if periodic is None else periodic
    bands = {"L" * low.ndim: low, **bands}
    for axis in reversed(range(low.ndim)):
        keys = {k[:-1] for k in bands}
        bands = {k: _synthesise_axis(bands[k + "L"], bands[k + "H"], axis, transform, periodic[axis]) for k in keys}
    return bands[""]


def stack_bands(bands: dict[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Subbands as `[K, ...]` on the grid `shape` of the low-pass; missing surplus planes are zero."""
    names = subband_names(len(shape))
    out = np.zeros((len(names),) + tuple(shape), next(iter(bands.values())).dtype)
    for i, name in enumerate(names):
        band = bands[name]
        out[(i,) + tuple(slice(0, n) for n in band.shape)] = band
    return out


def unstack_bands(stack: np.ndarray, fine_shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Inverse of `stack_bands`: drops the surplus planes."""
    out = {}
    for i, name in enumerate(subband_names(len(fine_shape))):
        size = [n // 2 if c == "H" else (n + 1) // 2 for n, c in zip(fine_shape, name)]
        out[name] = stack[(i,) + tuple(slice(0, n) for n in size)]
    return out
