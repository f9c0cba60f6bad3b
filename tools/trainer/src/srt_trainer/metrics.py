"""PSNR and SSIM as the codec defines them (`srt eval`)."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d


def psnr(original: np.ndarray, reconstructed: np.ndarray) -> float:
    """`20 log10(range / rmse)` in dB."""
    a, b = original.astype(np.float64), reconstructed.astype(np.float64)
    rmse = np.sqrt(np.mean((a - b) ** 2))
    return float(np.inf) if rmse == 0 else float(20 * np.log10((a.max() - a.min()) / rmse))


def ssim(original: np.ndarray, reconstructed: np.ndarray) -> float:
    """Mean SSIM: Gaussian window sigma 1.5 with 11 taps per axis, K1 0.01, K2 0.03, valid windows, biased covariance."""
    a, b = original.astype(np.float64), reconstructed.astype(np.float64)
    if min(a.shape) < 11:
        raise ValueError(f"SSIM needs at least 11 values per axis, shape {a.shape} found")
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps /= taps.sum()

    def smooth(x: np.ndarray) -> np.ndarray:
        for axis in range(x.ndim):
            x = correlate1d(x, taps, axis)
        return x[(slice(5, -5),) * x.ndim]

    span = a.max() - a.min()
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    ma, mb = smooth(a), smooth(b)
    va, vb, cov = smooth(a * a) - ma * ma, smooth(b * b) - mb * mb, smooth(a * b) - ma * mb
    return float((((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean())
