"""The steps of a forward pass (spec/networks.md section 5), written once for every arithmetic.

`model` runs them in floating point, `integer` in exact integers; each supplies an `Ops`. Keeping one list of
steps is what makes the quantised network the network that was trained.
"""

from __future__ import annotations

from typing import Any, Protocol

from .arch import Architecture

Tensor = Any  # torch.Tensor in both arithmetics; kept open so that `Ops` says all that is needed


class Ops(Protocol):
    """What an arithmetic offers. Tensors are `[batch, channel, (z,) y, x]`."""

    def layer(self, name: str, x: Tensor, scale: float = 1.0) -> Tensor:
        """Convolution `name`, its activation, times `scale`; integers: requantised (scale is in its factors)."""

    def output(self, name: str, x: Tensor) -> Tensor:
        """Convolution `name` of role head or shortcut as a prediction in binary32."""

    def add(self, x: Tensor, y: Tensor) -> Tensor: ...

    def scaled(self, x: Tensor, factor: float) -> Tensor: ...

    def concat(self, parts: list[Tensor]) -> Tensor: ...

    def shuffle(self, x: Tensor, rank: int) -> Tensor: ...


def crop_to(x: Tensor, like: Tensor) -> Tensor:
    """Centre part of `x` with the spatial size of `like`; valid convolutions shrink, skips must follow."""
    index = [slice(None), slice(None)]
    for have, want in zip(x.shape[2:], like.shape[2:]):
        start = (have - want) // 2
        index.append(slice(start, start + want))
    return x[tuple(index)]


def crop_by(x: Tensor, margin: int) -> Tensor:
    return x if margin == 0 else x[(slice(None), slice(None)) + (slice(margin, -margin),) * (x.ndim - 2)]


def _dense_block(arch: Architecture, ops: Ops, prefix: str, x: Tensor) -> Tensor:
    parts = [x]
    for k in range(arch.trunk.convolutions - 1):
        y = ops.layer(f"{prefix}.conv{k}", ops.concat(parts))
        parts = [crop_to(p, y) for p in parts] + [y]
    y = ops.layer(f"{prefix}.conv{arch.trunk.convolutions - 1}", ops.concat(parts), scale=arch.trunk.beta)
    return ops.add(crop_to(x, y), y)


def trunk(arch: Architecture, ops: Ops, x: Tensor) -> Tensor:
    """From the input channels to the features."""
    x = first = ops.layer("input", x)
    for b in range(arch.trunk.blocks):
        if arch.trunk.kind == "residual":
            y = ops.layer(f"block{b}", x)
        else:
            y = x
            for d in range(arch.trunk.dense_blocks):
                y = _dense_block(arch, ops, f"block{b}.dense{d}", y)
            y = ops.scaled(y, arch.trunk.beta)
        x = ops.add(crop_to(x, y), y)
    if arch.trunk.kind == "rrdb":
        y = ops.layer("trunk_end", x)
        x = ops.add(crop_to(first, y), y)
    return x


def predict(arch: Architecture, ops: Ops, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Trunk prediction (to be multiplied by the level's gain) and linear shortcut, if the network has one.

    `x` carries the receptive radius as a margin with padding `extend` and none with `zero`.
    """
    features = trunk(arch, ops, x)
    if arch.head == "voxel_shuffle":
        features = ops.shuffle(ops.layer("shuffle", features), arch.rank)
        features = ops.layer("refine", features)
    p = ops.output("head", features)
    if arch.head == "voxel_shuffle" and arch.padding == "extend":
        p = crop_by(p, 1)  # a margin of two coarse voxels is four fine ones, refine and head use three
    if arch.shortcut_kernel is None:
        return p, None
    margin = arch.radius - arch.shortcut_kernel // 2 if arch.padding == "extend" else 0
    p = crop_to(p, p if arch.padding == "zero" else crop_by(x, arch.radius))
    return p, ops.output("shortcut", crop_by(x[:, : arch.shortcut_inputs], margin))


def voxel_shuffle(x: Tensor, rank: int) -> Tensor:
    """Channel `o * features + c` goes to channel `c` at offset `o = 4 dz + 2 dy + dx` (offset-major)."""
    batch, channels, *size = x.shape
    features = channels // 2**rank
    x = x.reshape(batch, *(2,) * rank, features, *size)
    # [batch, dz, dy, dx, c, z, y, x] -> [batch, c, z, dz, y, dy, x, dx]
    order = [0, rank + 1]
    for axis in range(rank):
        order += [rank + 2 + axis, 1 + axis]
    return x.permute(order).reshape(batch, features, *(2 * n for n in size))
