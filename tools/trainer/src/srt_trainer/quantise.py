"""Floating-point network to w8a16: weights i8, activations i16, accumulators i32; shortcut weights i16.

Real value = integer / scale. Every channel of every activation has its own scale (the next layer's weights take it
up), and all layers of the trunk share one scale per channel, because skips add them as integers. Weights have one
scale per output channel.
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

#: Activations may grow to this multiple of the calibration maximum before they saturate.
HEADROOM = 1.5
#: A channel's scale may exceed that of the loudest one by this much; more would only cost weight precision.
SPREAD = 32.0


@dataclass(frozen=True)
class ActivationRange:
    """Largest absolute activation met in calibration, per channel, by scale group (see `_group`)."""

    largest: dict[str, np.ndarray]

    def scales(self) -> dict[str, np.ndarray]:
        out = {}
        for group, largest in self.largest.items():
            loudest = max(float(largest.max()), 1e-12)
            out[group] = LIMIT / (HEADROOM * np.maximum(largest, loudest / SPREAD))
        return out


def calibrate(model: Generator, batches: Iterable[Tensor]) -> ActivationRange:
    """Runs the float network on input channels and notes the largest activations."""
    ops = _RangeOps(model)
    with torch.no_grad():
        for x in batches:
            graph.predict(model.arch, ops, x)
    if not ops.largest:
        raise ValueError("calibration needs at least one batch")
    return ActivationRange(ops.largest)


class _RangeOps(FloatOps):
    """Float arithmetic that watches every value that becomes an i16."""

    def __init__(self, model: Generator) -> None:
        super().__init__(model)
        self.largest: dict[str, np.ndarray] = {}

    def _note(self, group: str, x: Tensor) -> Tensor:
        largest = x.abs().transpose(0, 1).flatten(1).amax(1).double().numpy()
        if group == "shuffle":
            # Channel `o * features + c` becomes part of channel `c`: the offsets share a scale.
            largest = largest.reshape(2**self.model.arch.rank, -1).max(0)
        self.largest[group] = np.maximum(self.largest.get(group, 0.0), largest)
        return x

    def layer(self, name: str, x: Tensor, scale: float = 1.0) -> Tensor:
        return self._note(_group(self.model.arch, name), super().layer(name, x, scale))

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return self._note("trunk", super().add(x, y))


def _group(arch: Architecture, name: str) -> str:
    """Layers whose outputs share their scales: the trunk is one group, every other output is its own."""
    grows = ".conv" in name and not _ends_dense_block(arch, name)
    return name if grows or name in ("shuffle", "refine") else "trunk"


def _ends_dense_block(arch: Architecture, name: str) -> bool:
    return arch.trunk.kind == "rrdb" and name.endswith(f".conv{arch.trunk.convolutions - 1}")


def _source(arch: Architecture, layer: Layer, scale: dict[str, np.ndarray]) -> np.ndarray:
    """Scale of each input channel of a layer."""
    if layer.name == "input" or layer.role == "shortcut":
        return np.full(layer.inputs, arch.input_scale)
    if layer.name == "refine":
        return scale["shuffle"]
    if layer.name == "head" and arch.head == "voxel_shuffle":
        return scale["refine"]
    if ".conv" in layer.name:
        prefix, k = layer.name.rsplit(".conv", 1)
        return np.concatenate([scale["trunk"]] + [scale[f"{prefix}.conv{i}"] for i in range(int(k))])
    return scale["trunk"]


def _target(arch: Architecture, layer: Layer, scale: dict[str, np.ndarray]) -> np.ndarray:
    """Scale of each output channel of an inner layer."""
    out = scale[_group(arch, layer.name)]
    return np.tile(out, layer.outputs // out.size)  # the shuffle's offsets repeat the channels


def quantise_weights(w: np.ndarray, bias: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integer weights, integer bias and scale per output channel, within the accumulator's bound.

    `w` already refers to integer inputs (divided by the inputs' scales), so `real = integer / scale` for both.

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
            scales[o] = min(1.0, 2**30 / (abs(float(bias[o])) + 1e-30))
            biases[o] = int(np.rint(float(bias[o]) * scales[o]))
            continue
        budget = (ACCUMULATOR - 1) / (float(np.abs(w[o]).sum()) * LIMIT + abs(float(bias[o])))
        best = None
        for ratio in (1.0, 0.95, 0.9, 0.85, 0.8) if bits == 8 else (1.0,):
            s = min(top / (magnitude * ratio), 0.999 * budget)
            q = _round_keeping_sums(np.clip(w[o] * s, -top, top), top)
            error = float(((q / s - w[o]) ** 2).sum())
            if best is None or error < best[0]:
                best = (error, s, q)
        _, scales[o], q = best
        b = int(np.rint(float(bias[o]) * scales[o]))
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
    scale = ranges.scales()
    tensors: dict[str, np.ndarray] = {}
    for layer in arch.layers():
        conv = model.convolution(layer.name)
        w = conv.weight.detach().double().cpu().numpy()
        b = conv.bias.detach().double().cpu().numpy()
        bits = 16 if layer.role == "shortcut" else 8
        source = _source(arch, layer, scale).reshape(1, -1, *(1,) * arch.rank)
        q, qb, ws = quantise_weights(w / source, b, bits)
        tensors[f"{layer.name}.weight"] = q.astype(np.int16 if bits == 16 else np.int8)
        tensors[f"{layer.name}.bias"] = qb
        if layer.role != "inner":
            tensors[f"{layer.name}.scale"] = (1.0 / ws).astype(np.float32)
            continue
        beta = arch.trunk.beta if _ends_dense_block(arch, layer.name) else 1.0
        positive = (beta * _target(arch, layer, scale) / ws).astype(np.float32)
        slope = np.float32(arch.slope if layer.activation else 1.0)
        tensors[f"{layer.name}.positive"] = positive
        tensors[f"{layer.name}.negative"] = positive * slope
    network = QuantisedNetwork(arch, min_level, max_level, tensors)
    network.check()
    return network
