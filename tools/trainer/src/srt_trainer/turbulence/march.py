"""Time stepping shared by all solvers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from .. import TrainerError
from .backend import Array
from .box import Box


class Flow(Protocol):
    """A spectral state and its explicit tendencies; viscosity is left to the integrating factor."""

    box: Box
    viscosity: float

    def tendency(self, q: Array) -> tuple[Array, float]:
        """Tendency without viscosity, and the largest sum of velocity components (for the CFL number)."""


def runge_kutta_step(flow: Flow, q: Array, dt: float, first: Array) -> Array:
    """Classical RK4 with the viscous term exact; `first` is the tendency at `q`."""
    half = flow.box.backend.exp(flow.box.k2 * (-flow.viscosity * dt / 2))
    full = half * half
    k2, _ = flow.tendency(half * (q + (dt / 2) * first))
    k3, _ = flow.tendency(half * q + (dt / 2) * k2)
    k4, _ = flow.tendency(full * q + dt * (half * k3))
    return full * q + (dt / 6) * (full * first + 2 * (half * (k2 + k3)) + k4)


def advance(flow: Flow, q: Array, start: float, end: float, cfl: float = 1.25, dt_max: float = 0.05,
            progress: Callable[[float, float, int], None] | None = None) -> Array:
    """Marches `q` from time `start` to exactly `end`."""
    t, dx, step = start, 2 * np.pi / flow.box.n, 0
    while t < end - 1e-9:
        first, speed = flow.tendency(q)
        if not np.isfinite(speed):
            raise TrainerError(f"the flow diverged at t = {t:.4f}; lower --cfl")
        dt = min(cfl * dx / max(speed, 1e-6), dt_max)
        dt = (end - t) / np.ceil((end - t) / dt - 1e-6)  # equal steps, no sliver at the end
        q = runge_kutta_step(flow, q, dt, first)
        t += dt
        step += 1
        if progress:
            progress(t, dt, step)
    return q
