"""Floating-point network to w8a16 (DESIGN: weights i8, activations i16, accumulators i32; shortcut weights i16).

Real value = integer / scale. All activations of the trunk share one scale, because skips add them as integers; the
two layers behind a voxel shuffle have their own. Weights have one scale per output channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from . import graph
from .arch import Architecture, Layer
from .integer import ACCUMULATOR, LIMIT, QuantisedNetwork
from .model import FloatOps, Generator

#: Activations may grow to this multiple of the calibration maximum before they saturate. Two of sixteen bits buy
#: safety on fields unlike the calibration data; 13 bits are more than the loss needs (12 were measured as enough).
HEADROOM = 4.0


@dataclass(frozen=True)
class ActivationRange:
    """Largest absolute activation met in calibration, by scale group."""

    trunk: float
    shuffle: float = 1.0
    refine: float = 1.0


def calibrate(model: Generator, batches: Iterable[Tensor]) -> ActivationRange:
    """Runs the float network on input channels and notes the largest activations."""
    ops = _RangeOps(model)
    with torch.no_grad():
        for x in batches:
            graph.predict(model.arch, ops, x)
    if not ops.largest:
        raise ValueError("calibration needs at least one batch")
    return ActivationRange(**ops.largest)


class _RangeOps:
    """Float arithmetic that watches every value that becomes an i16."""

    def __init__(self, model: Generator) -> None:
        self.inner = FloatOps(model)
        self.largest: dict[str, float] = {}

    def _note(self, group: str, x: Tensor) -> Tensor:
        self.largest[group] = max(self.largest.get(group, 0.0), float(x.abs().max()))
        return x

    def layer(self, name: str, x: Tensor, scale: float = 1.0) -> Tensor:
        return self._note(_group(name), self.inner.layer(name, x, scale))

    def output(self, name: str, x: Tensor) -> Tensor:
        return self.inner.output(name, x)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return self._note("trunk", x + y)

    def scaled(self, x: Tensor, factor: float) -> Tensor:
        return x * factor

    def concat(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, 1)

    def shuffle(self, x: Tensor, rank: int) -> Tensor:
        return graph.voxel_shuffle(x, rank)


def _group(name: str) -> str:
    return name if name in ("shuffle", "refine") else "trunk"


def _scales(arch: Architecture, layer: Layer, scale: dict[str, float]) -> tuple[float, float | None]:
    """Activation scales at a layer's input and output; `None` where the accumulator becomes binary32."""
    if layer.name == "input" or layer.role == "shortcut":
        source = arch.input_scale
    elif layer.name == "refine":
        source = scale["shuffle"]
    elif layer.name == "head" and arch.head == "voxel_shuffle":
        source = scale["refine"]
    else:
        source = scale["trunk"]
    return source, scale[_group(layer.name)] if layer.role == "inner" else None


def quantise_weights(w: np.ndarray, bias: np.ndarray, source: float, bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integer weights, integer bias and weight scale per output channel, within the accumulator's bound.

    The scale is the one of a few clipping ratios with the least squared error; sums over each kernel are kept
    (largest remainders move), because smooth fields see a rounding error of the sum in every voxel.
    """
    top = 2 ** (bits - 1) - 1
    weights = np.zeros(w.shape, np.int32)
    biases, scales = np.zeros(w.shape[0], np.int64), np.ones(w.shape[0])
    for o in range(w.shape[0]):
        magnitude = float(np.abs(w[o]).max())
        if magnitude == 0.0:
            # A silent channel: any scale serves, this one keeps the bias in range.
            scales[o] = min(1.0, (2**30) / (abs(float(bias[o])) * source + 1e-30))
            biases[o] = int(np.rint(float(bias[o]) * source * scales[o]))
            continue
        budget = (ACCUMULATOR - 1) / (float(np.abs(w[o]).sum()) * LIMIT + abs(float(bias[o])) * source)
        best = None
        for ratio in (1.0, 0.95, 0.9, 0.85, 0.8) if bits == 8 else (1.0,):
            s = min(top / (magnitude * ratio), 0.999 * budget)
            q = _round_keeping_sums(np.clip(w[o] * s, -top, top), top)
            error = float(((q / s - w[o]) ** 2).sum())
            if best is None or error < best[0]:
                best = (error, s, q)
        _, scales[o], q = best
        b = int(np.rint(float(bias[o]) * source * scales[o]))
        if int(np.abs(q).sum()) * LIMIT + abs(b) >= ACCUMULATOR:
            raise AssertionError("accumulator bound broken by rounding")  # 0.999 leaves room for half a unit per tap
        weights[o], biases[o] = q, b
    return weights, biases.astype(np.int32), scales


def _round_keeping_sums(w: np.ndarray, top: int) -> np.ndarray:
    """Rounds each kernel `w[i]` so that its sum is rounded too, not the sum of its roundings."""
    flat = w.reshape(w.shape[0], -1)
    q = np.rint(flat)
    for row, exact in zip(q, flat):
        excess = int(np.rint(row.sum() - exact.sum()))
        if excess:
            remainder = (row - exact) * np.sign(excess)
            movable = np.argsort(-remainder, kind="stable")
            moved = row[movable] - np.sign(excess)
            allowed = movable[np.abs(moved) <= top][: abs(excess)]
            row[allowed] -= np.sign(excess)
    return q.reshape(w.shape).astype(np.int64)


def quantise(model: Generator, ranges: ActivationRange, min_level: int, max_level: int) -> QuantisedNetwork:
    """Post-training quantisation with the given activation ranges."""
    arch = model.arch
    scale = {g: LIMIT / (HEADROOM * max(getattr(ranges, g), 1e-12)) for g in ("trunk", "shuffle", "refine")}
    tensors: dict[str, np.ndarray] = {}
    for layer in arch.layers():
        conv = model.convolution(layer.name)
        w = conv.weight.detach().double().cpu().numpy()
        b = conv.bias.detach().double().cpu().numpy()
        source, target = _scales(arch, layer, scale)
        bits = 16 if layer.role == "shortcut" else 8
        q, qb, ws = quantise_weights(w, b, source, bits)
        tensors[f"{layer.name}.weight"] = q.astype(np.int16 if bits == 16 else np.int8)
        tensors[f"{layer.name}.bias"] = qb
        if target is None:
            tensors[f"{layer.name}.scale"] = (1.0 / (source * ws)).astype(np.float32)
            continue
        beta = arch.trunk.beta if _ends_dense_block(arch, layer) else 1.0
        positive = (beta * target / (source * ws)).astype(np.float32)
        slope = np.float32(arch.slope if layer.activation else 1.0)
        tensors[f"{layer.name}.positive"] = positive
        tensors[f"{layer.name}.negative"] = positive * slope
    network = QuantisedNetwork(arch, min_level, max_level, tensors)
    network.check()
    return network


def _ends_dense_block(arch: Architecture, layer: Layer) -> bool:
    return arch.trunk.kind == "rrdb" and layer.name.endswith(f".conv{arch.trunk.convolutions - 1}")
