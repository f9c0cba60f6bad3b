"""Writes ssim.json: SSIM and PSNR of synthetic fields as scikit-image computes them.

    pip install scikit-image==0.26.0
    python make_ssim.py > ssim.json

tests/metrics_reference.rs builds the same fields from the same integers, so no field is stored.
"""

import json

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def hashed(index, seed):
    """Uniform in [-0.5, 0.5), from 32-bit integer arithmetic only."""
    h = (index.astype(np.uint64) * 2654435761 + seed * 40503) & 0xFFFFFFFF
    h ^= h >> 15
    h = (h * 2246822519) & 0xFFFFFFFF
    h ^= h >> 13
    return h.astype(np.float64) / 4294967296.0 - 0.5


def fields(shape, noise, offset, scale):
    index = np.arange(np.prod(shape), dtype=np.uint64).reshape(shape)
    smooth = np.zeros(shape)
    for axis, n in enumerate(shape):
        t = np.arange(n, dtype=np.float64) / n - 0.4
        view = [1] * len(shape)
        view[axis] = n
        smooth = smooth + (t * t * (axis + 1.0)).reshape(view)
    original = ((smooth + 0.3 * hashed(index, 1)) + offset) * scale
    decoded = original + noise * scale * hashed(index, 2)
    return original, decoded


CASES = [
    ([32, 37], 0.1, 0.0, 1.0, "f64"),
    ([11, 64], 0.5, 0.0, 1.0, "f64"),
    ([48, 40], 0.05, 1000.0, 1.0, "f64"),
    ([200, 150], 0.2, 0.0, 3.0, "f32"),
    ([16, 19, 23], 0.1, 0.0, 1.0, "f64"),
    ([11, 12, 40], 0.3, -2.0, 1e-6, "f64"),
    ([30, 64, 96], 0.02, 0.0, 1e6, "f32"),
    ([24, 24, 24], 2.0, 0.5, 1.0, "f64"),
]

rows = []
for shape, noise, offset, scale, dtype in CASES:
    a, b = (v.astype(dtype.replace("f", "float")) for v in fields(shape, noise, offset, scale))
    a, b = a.astype(np.float64), b.astype(np.float64)
    data_range = a.max() - a.min()
    rows.append(
        {
            "shape": shape,
            "noise": noise,
            "offset": offset,
            "scale": scale,
            "dtype": dtype,
            "ssim": structural_similarity(
                a, b, gaussian_weights=True, use_sample_covariance=False, data_range=data_range
            ),
            "psnr_db": peak_signal_noise_ratio(a, b, data_range=data_range),
        }
    )
print("[\n  " + ",\n  ".join(json.dumps(row) for row in rows) + "\n]")
