"""Input channels of a network and how they continue beyond the domain (spec/networks.md sections 3 and 4)."""

from __future__ import annotations

import numpy as np

from .arch import Architecture


def extension_index(n: int, margin: int, kind: str) -> np.ndarray:
    """Indices into an axis of `n` low-pass values for positions `-margin .. n + margin` (spec section 4)."""
    t = np.arange(-margin, n + margin)
    if kind == "periodic":
        return t % n
    if kind == "even":
        m = t % (2 * n - 1)
        return np.where(m < n, m, 2 * n - 1 - m)
    if kind == "odd":
        m = t % max(2 * n - 2, 1)
        return np.where(m < n, m, 2 * n - 2 - m)
    if kind == "half":
        m = t % (2 * n)
        return np.where(m < n, m, 2 * n - 1 - m)
    raise ValueError(f"unknown extension {kind!r}")


def extension_kind(transform: str, fine_length: int, periodic: bool) -> str:
    if periodic:
        return "periodic"
    if transform == "haar":
        return "half"
    return "odd" if fine_length % 2 else "even"


def input_channels(
    field: np.ndarray,
    arch: Architecture,
    fine_shape: tuple[int, ...],
    periodic: tuple[bool, ...] | None = None,
    one: float = 1.0,
    condition: float = 0.0,
    margin: int | None = None,
) -> np.ndarray:
    """Channels `[c, (z,) y, x]` with the network's margin; `one` is the value of `inside` in the unit of `field`."""
    rank = field.ndim
    periodic = (False,) * rank if periodic is None else periodic
    if margin is None:
        margin = arch.radius if arch.padding == "extend" else 0
    extended, inside = field, np.ones(field.shape, bool)
    for axis, n in enumerate(field.shape):
        kind = extension_kind(arch.transform, fine_shape[axis], periodic[axis])
        extended = np.take(extended, extension_index(n, margin, kind), axis)
        t = np.arange(-margin, n + margin)
        row = np.ones(t.size, bool) if periodic[axis] else (t >= 0) & (t < n)
        inside = np.take(inside, np.clip(t, 0, n - 1), axis) & row.reshape([-1 if a == axis else 1 for a in range(rank)])
    out = {
        "field": lambda: extended,
        "inside_field": lambda: extended * inside,
        "inside": lambda: inside * np.asarray(one, field.dtype),
        "condition": lambda: np.full(inside.shape, condition, field.dtype),
    }
    return np.stack([out[c]() for c in arch.input_channels]).astype(field.dtype)
