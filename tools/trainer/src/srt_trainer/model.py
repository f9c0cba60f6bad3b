"""The network in floating point, for training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import graph
from .arch import Architecture, Layer

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}


class Generator(nn.Module):
    """`G[l]`: input channels `[batch, channels, (z,) y, x]` to subbands (or the finer field), in units of the field.

    `gain` is the RMS of the level's details: it multiplies the trunk but not the shortcut, so that the trunk's
    output has unit variance at every level.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch
        self.convolutions = nn.ModuleDict()
        for layer in arch.layers():
            self.convolutions[_key(layer.name)] = self._build(layer)

    def _build(self, layer: Layer) -> nn.Module:
        pad = layer.kernel // 2 if self.arch.padding == "zero" else 0
        conv = _CONV[self.arch.rank](layer.inputs, layer.outputs, layer.kernel, padding=pad)
        nn.init.zeros_(conv.bias)
        if layer.role == "shortcut":
            nn.init.zeros_(conv.weight)  # least squares sets it before training (`shortcut.py`)
        elif layer.role == "head" and self.arch.shortcut_kernel is not None:
            conv.weight.data *= 0.02  # training starts from the linear prediction
        return conv

    def convolution(self, name: str) -> nn.Module:
        return self.convolutions[_key(name)]

    def forward(self, x: Tensor, gain: Tensor | float = 1.0) -> Tensor:
        p, s = graph.predict(self.arch, FloatOps(self), x)
        p = p.float() * gain
        return p if s is None else p + s


class FloatOps:
    """`graph.Ops` in floating point."""

    def __init__(self, model: Generator) -> None:
        self.model = model
        self.roles = {layer.name: layer for layer in model.arch.layers()}

    def layer(self, name: str, x: Tensor, scale: float = 1.0) -> Tensor:
        y = self.model.convolution(name)(x)
        if self.roles[name].activation:
            y = F.leaky_relu(y, self.model.arch.slope)
        return y if scale == 1.0 else y * scale

    def output(self, name: str, x: Tensor) -> Tensor:
        if self.roles[name].role == "shortcut":
            # The shortcut carries most of the energy: bf16 there would cost more than the trunk gains.
            with torch.autocast(x.device.type, enabled=False):
                return self.model.convolution(name)(x.float())
        return self.model.convolution(name)(x)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def scaled(self, x: Tensor, factor: float) -> Tensor:
        return x * factor

    def concat(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, 1)

    def shuffle(self, x: Tensor, rank: int) -> Tensor:
        return graph.voxel_shuffle(x, rank)


def _key(name: str) -> str:
    return name.replace(".", "/")  # ModuleDict keys may not hold a dot


def start_from(model: Generator, other: Generator, trunk_only: bool = False) -> None:
    """Copies the weights of `other`, which may lack the channel `condition`; raises `ValueError` if they differ more.

    `trunk_only` leaves out head and shortcut, whose scales belong to the level they were trained for.
    """
    channels = tuple(c for c in model.arch.input_channels if c != "condition" or c in other.arch.input_channels)
    if other.arch != model.arch.with_(input_channels=channels):
        raise ValueError("its architecture differs from the one asked for")
    with torch.no_grad():
        for layer in other.arch.layers():
            if trunk_only and layer.role != "inner":
                continue
            mine, theirs = model.convolution(layer.name), other.convolution(layer.name)
            mine.weight.zero_()
            mine.weight[:, : layer.inputs] = theirs.weight  # `condition` is the last channel
            mine.bias.copy_(theirs.bias)


def memory_format(rank: int) -> torch.memory_format:
    return torch.channels_last_3d if rank == 3 else torch.channels_last
