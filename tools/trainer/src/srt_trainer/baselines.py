"""Upscaling without a network: what a network has to beat (paper, Fig. 5)."""

from __future__ import annotations

import numpy as np

from .wavelet import analyse, synthesise


def mean_pool(x: np.ndarray, factor: int) -> np.ndarray:
    """Means of cubes of `factor` values per axis, the paper's downscaling; lengths must divide."""
    shape: list[int] = []
    for n in x.shape:
        if n % factor:
            raise ValueError(f"length {n} is not a multiple of {factor}")
        shape += [n // factor, factor]
    return x.reshape(shape).mean(axis=tuple(range(1, 2 * x.ndim, 2)))


def interpolate(x: np.ndarray, factor: int, order: int) -> np.ndarray:
    """Separable interpolation of cell means to a `factor` times finer grid.

    Order 0 is nearest, 1 linear, 3 Catmull-Rom; values beyond the border repeat the last one.
    """
    for axis in range(x.ndim):
        n = x.shape[axis]
        position = (np.arange(n * factor) + 0.5) / factor - 0.5
        base = np.floor(position).astype(int)
        t = position - base
        if order == 0:
            taps = {0: np.where(t < 0.5, 1.0, 0.0), 1: np.where(t < 0.5, 0.0, 1.0)}
        elif order == 1:
            taps = {0: 1 - t, 1: t}
        elif order == 3:
            taps = {-1: -0.5 * t**3 + t**2 - 0.5 * t, 0: 1.5 * t**3 - 2.5 * t**2 + 1,
                    1: -1.5 * t**3 + 2 * t**2 + 0.5 * t, 2: 0.5 * t**3 - 0.5 * t**2}
        else:
            raise ValueError(f"order 0, 1 or 3 expected, {order} found")
        column = [-1 if a == axis else 1 for a in range(x.ndim)]
        x = sum(np.take(x, np.clip(base + offset, 0, n - 1), axis) * weight.reshape(column)
                for offset, weight in taps.items())
    return x


def low_pass(x: np.ndarray, levels: int, transform: str = "cdf97") -> np.ndarray:
    """The field without the details of the finest `levels` levels."""
    if levels == 0:
        return x
    low, bands = analyse(x, transform)
    zero = {k: np.zeros_like(v) for k, v in bands.items()}
    return synthesise(low_pass(low, levels - 1, transform), zero, transform)
