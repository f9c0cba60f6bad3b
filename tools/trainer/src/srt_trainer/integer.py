"""The exact integer forward pass (spec/networks.md sections 2 and 5): the oracle of every decoder.

Convolutions run in binary64, where integers below 2^53 are exact in any order of summation, so PyTorch's fast
convolutions give the same integers as loops. Everything else is one binary32 operation at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import graph
from .arch import Architecture
from .extension import input_channels

LIMIT = 32767  # activations are symmetric i16
ACCUMULATOR = 2**31  # sum |w| * LIMIT + |bias| stays below it


@dataclass
class QuantisedNetwork:
    """One network of a hierarchy: tensors named `layer.part` as in spec section 6."""

    arch: Architecture
    min_level: int
    max_level: int
    tensors: dict[str, np.ndarray]

    def check(self) -> None:
        """Raises `ValueError` unless shapes, types and the accumulator guarantee hold (spec section 5)."""
        expected = set()
        for layer in self.arch.layers():
            parts = ("weight", "bias", "positive", "negative") if layer.role == "inner" else ("weight", "bias", "scale")
            expected |= {f"{layer.name}.{part}" for part in parts}
            w, b = self.tensors[f"{layer.name}.weight"], self.tensors[f"{layer.name}.bias"]
            shape = (layer.outputs, layer.inputs) + (layer.kernel,) * self.arch.rank
            dtype = np.int16 if layer.role == "shortcut" else np.int8
            if w.shape != shape or w.dtype != dtype:
                raise ValueError(f"{layer.name}.weight: {np.dtype(dtype)}{shape} expected, {w.dtype}{w.shape} found")
            total = np.abs(w.astype(np.int64)).reshape(layer.outputs, -1).sum(1) * LIMIT + np.abs(b.astype(np.int64))
            if (total >= ACCUMULATOR).any():
                raise ValueError(f"{layer.name}: accumulator may reach {total.max()}, the limit is {ACCUMULATOR}")
            for part in parts[1:]:
                t = self.tensors[f"{layer.name}.{part}"]
                want = np.int32 if part == "bias" else np.float32
                if t.shape != (layer.outputs,) or t.dtype != want or not np.isfinite(t).all():
                    raise ValueError(f"{layer.name}.{part}: finite {np.dtype(want)}({layer.outputs},) expected")
        if set(self.tensors) != expected:
            raise ValueError(f"tensors differ from the architecture: {sorted(set(self.tensors) ^ expected)}")


def unit_f32(rank: int, level: int) -> np.float32:
    """`unit(l)` in binary32 (spec section 2)."""
    half, odd = divmod(rank * (level + 1), 2)
    return np.float32(np.sqrt(np.float32(2.0)) if odd else 1.0) * np.float32(2.0**half)


def quantise_input(c: np.ndarray, arch: Architecture, level: int) -> np.ndarray:
    """Orthonormal low-pass (binary32) to the integer field of spec section 2."""
    factor = np.float32(np.float32(arch.input_scale) * np.float32(np.float32(1.0) / unit_f32(arch.rank, level)))
    u = np.asarray(c, np.float32) * factor
    return np.rint(np.clip(u, np.float32(-LIMIT), np.float32(LIMIT))).astype(np.int32)


def predict(
    network: QuantisedNetwork,
    c: np.ndarray,
    level: int,
    gain: float,
    fine_shape: tuple[int, ...] | None = None,
    periodic: tuple[bool, ...] | None = None,
    condition: int = 0,
) -> np.ndarray:
    """Prediction for `level` from the orthonormal low-pass `c` of level `level + 1`, in orthonormal units.

    Returns `[K, (z,) y, x]` on the grid of `c`. `gain` is the frame's, which contains `unit(level)`.
    """
    arch = network.arch
    fine_shape = tuple(2 * n for n in c.shape) if fine_shape is None else fine_shape
    q = int(np.rint(arch.input_scale))
    channels = input_channels(quantise_input(c, arch, level), arch, fine_shape, periodic, one=q, condition=condition)
    return predict_channels(network, torch.from_numpy(channels)[None], level, gain, periodic)[0].numpy()


def predict_channels(network: QuantisedNetwork, x: Tensor, level: int, gain: float,
                     periodic: tuple[bool, ...] | None = None) -> Tensor:
    """The same from integer input channels `[batch, channels, ...]` that carry their margin."""
    arch = network.arch
    p, s = graph.predict(arch, _IntegerOps(network, periodic), x.double())
    p = p.float() * _column(network.tensors["head.scale"] * np.float32(gain), arch.rank)
    if s is not None:
        s = s.float() * _column(network.tensors["shortcut.scale"] * unit_f32(arch.rank, level), arch.rank)
        p = p + s
    return p


def _column(v: np.ndarray, rank: int) -> Tensor:
    return torch.from_numpy(np.asarray(v, np.float32)).reshape(1, -1, *(1,) * rank)


class _IntegerOps:
    """Integers held in binary64; accumulators are below 2^31, so every sum and product is exact."""

    def __init__(self, network: QuantisedNetwork, periodic: tuple[bool, ...] | None = None) -> None:
        network.check()
        self.arch = network.arch
        self.periodic = periodic or (False,) * self.arch.rank
        self.tensors = network.tensors
        self.convolve = F.conv3d if self.arch.rank == 3 else F.conv2d

    def _accumulate(self, name: str, x: Tensor) -> Tensor:
        w = torch.from_numpy(self.tensors[f"{name}.weight"].astype(np.float64))
        b = torch.from_numpy(self.tensors[f"{name}.bias"].astype(np.float64))
        if self.arch.padding == "zero":
            x = self._pad(x, w.shape[-1] // 2)
        # FFT or Winograd algorithms would round; PyTorch's CPU convolution in binary64 is a plain matrix product.
        return torch.round(self.convolve(x, w, b))

    def _pad(self, x: Tensor, margin: int) -> Tensor:
        """Zeros outside the domain; a periodic axis has no outside and wraps (spec section 4)."""
        for axis, wraps in enumerate(self.periodic):
            n = x.shape[2 + axis]
            t = torch.arange(-margin, n + margin)
            x = x.index_select(2 + axis, t % n)
            if not wraps:
                inside = ((t >= 0) & (t < n)).to(x.dtype)
                x = x * inside.reshape([-1 if a == axis + 2 else 1 for a in range(x.ndim)])
        return x

    def layer(self, name: str, x: Tensor, scale: float = 1.0) -> Tensor:
        acc = self._accumulate(name, x).float()
        positive = _column(self.tensors[f"{name}.positive"], self.arch.rank)
        negative = _column(self.tensors[f"{name}.negative"], self.arch.rank)
        y = acc * torch.where(acc < 0, negative, positive)
        return torch.round(y.clamp(-LIMIT, LIMIT)).double()

    def output(self, name: str, x: Tensor) -> Tensor:
        return self._accumulate(name, x)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return (x + y).clamp(-LIMIT, LIMIT)

    def scaled(self, x: Tensor, factor: float) -> Tensor:
        return torch.round(x.float() * torch.tensor(factor, dtype=torch.float32)).double()

    def concat(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, 1)

    def shuffle(self, x: Tensor, rank: int) -> Tensor:
        return graph.voxel_shuffle(x, rank)
