"""Least-squares initialisation of the linear shortcut.

Gradient descent alone does not find it: the input's spectrum spans many decades. Started from the least-squares
solution, the trunk only has to learn what no linear filter can.
"""

from __future__ import annotations

import numpy as np
import torch

from .model import Generator
from .sampling import CropSampler


def fit_shortcut(model: Generator, sampler: CropSampler, batches: int = 24, ridge: float = 1e-6) -> None:
    """Sets the shortcut's weights and bias in place from the sampler's first batches."""
    arch = model.arch
    if arch.shortcut_kernel is None:
        return
    k, inputs = arch.shortcut_kernel, arch.shortcut_inputs
    unknowns = inputs * k**arch.rank + 1
    gram, right = np.zeros((unknowns, unknowns)), np.zeros((unknowns, arch.subbands))
    for step in range(batches):
        batch = sampler.batch(step)
        margin = arch.radius - k // 2 if arch.padding == "extend" else 0
        for x, t, g in zip(batch.channels.numpy(), batch.target.numpy(), batch.gain.flatten().numpy()):
            inner = slice(margin, -margin) if margin else slice(None)
            window = np.lib.stride_tricks.sliding_window_view(
                x[(slice(0, inputs),) + (inner,) * arch.rank], (k,) * arch.rank, tuple(range(1, arch.rank + 1)))
            rows = np.moveaxis(window, 0, arch.rank).reshape(t[0].size, -1)
            pick = np.random.default_rng(step).permutation(rows.shape[0])[:4096]
            a = np.concatenate([rows[pick], np.ones((pick.size, 1))], 1).astype(np.float64) / g
            gram += a.T @ a
            right += a.T @ (t.reshape(arch.subbands, -1)[:, pick].T.astype(np.float64) / g)
    # Field and inside_field agree in the interior, so the system is singular without a ridge.
    gram[np.diag_indices(unknowns)] += ridge * np.trace(gram) / unknowns
    solution = np.linalg.solve(gram, right).T
    conv = model.convolution("shortcut")
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(solution[:, :-1].reshape(conv.weight.shape)))
        conv.bias.copy_(torch.from_numpy(solution[:, -1]))
