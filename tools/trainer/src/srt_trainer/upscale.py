"""Super resolution over several levels with the networks alone: no stored residuals, each level from the last's output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from .arch import Architecture, unit
from .extension import input_channels
from .hierarchy_file import FloatNetwork, Hierarchy
from .integer import predict
from .wavelet import analyse, stack_bands, synthesise, unstack_bands

#: `(orthonormal low-pass of level + 1, level, orthonormal gain, fine shape) -> orthonormal field of level`
Upscaler = Callable[[np.ndarray, int, float, tuple[int, ...]], np.ndarray]


def super_resolve(x: np.ndarray, levels: int, upscale: Upscaler, transform: str = "cdf97") -> np.ndarray:
    """Downscales a normalised field by `levels` levels and brings it back. Gains are true, as a frame stores them."""
    steps, low = [], x.astype(np.float32)
    for level in range(levels):
        fine = low.shape
        low, bands = analyse(low, transform)
        details = stack_bands(bands, low.shape)
        steps.append((level, float(np.sqrt(np.mean(np.square(details, dtype=np.float64)))), fine))
    for level, gain, fine in reversed(steps):
        low = upscale(low, level, gain, fine)
    return low


def quantised(hierarchy: Hierarchy) -> Upscaler:
    """The exact integers, as a decoder computes them."""
    def upscale(low: np.ndarray, level: int, gain: float, fine: tuple[int, ...]) -> np.ndarray:
        network = hierarchy.for_level(level)
        arch = network.arch
        p = predict(network, low, level, frame_gain(arch, level, gain), fine)
        return _finish(arch, low, p, fine)

    return upscale


def floating(networks: list[FloatNetwork]) -> Upscaler:
    """The networks as trained."""
    @torch.no_grad()
    def upscale(low: np.ndarray, level: int, gain: float, fine: tuple[int, ...]) -> np.ndarray:
        model = next(n.model for n in networks if n.min_level <= level <= n.max_level)
        arch = model.arch
        u = np.float32(unit(arch.rank, level))
        x = torch.from_numpy(input_channels(low / u, arch, fine))[None]
        if arch.head == "voxel_shuffle":
            return _finish(arch, low, model(x)[0].numpy() * np.float32(frame_gain(arch, level, gain)), fine)
        return _finish(arch, low, model(x, gain / float(u))[0].numpy() * u, fine)

    return upscale


def frame_gain(arch: Architecture, level: int, detail_rms: float) -> np.float32:
    """What a frame stores as the gain: the RMS of the details, or the scale of the field itself (voxel shuffle)."""
    return np.float32(detail_rms if arch.head == "subbands" else unit(arch.rank, level - 1))


def _finish(arch: Architecture, low: np.ndarray, p: np.ndarray, fine: tuple[int, ...]) -> np.ndarray:
    if arch.head == "voxel_shuffle":
        return p[0][tuple(slice(0, n) for n in fine)]
    return synthesise(low, unstack_bands(p, fine), arch.transform)
