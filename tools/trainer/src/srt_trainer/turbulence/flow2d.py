"""Decaying two-dimensional turbulence in the vorticity equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .backend import Array
from .box import Box


@dataclass
class Flow2D:
    """The state is the vorticity's spectrum `[n, n // 2 + 1]`."""

    box: Box
    viscosity: float

    def _velocity(self, q: Array) -> Array:
        psi = q * self.box.inverse_k2
        return self.box.to_grid(self.box.backend.stack([self.box.ik[1] * psi, -(self.box.ik[0] * psi)]))

    def tendency(self, q: Array) -> tuple[Array, float]:
        box = self.box
        u = self._velocity(q)
        gradient = box.to_grid(box.backend.stack([box.ik[0] * q, box.ik[1] * q]))
        speed = box.backend.largest(abs(u).sum(0))
        return -box.to_spectrum(u[0] * gradient[0] + u[1] * gradient[1]), speed

    def magnitude(self, q: Array) -> np.ndarray:
        u = self.box.backend.numpy(self._velocity(q)).astype(np.float64)
        return np.sqrt((u**2).sum(0))

    def vorticity(self, q: Array) -> np.ndarray:
        return self.box.backend.numpy(self.box.to_grid(q))

    def statistics(self, q: Array) -> dict[str, float]:
        """Energy, enstrophy, its dissipation, `k_max eta` on the enstrophy scale, kurtosis of the vorticity."""
        box = self.box
        a = box.energies(q)
        k2 = np.where(box.live_numpy, box.k2_numpy, 1.0)
        energy, enstrophy, palinstrophy = 0.5 * float((a / k2).sum()), 0.5 * float(a.sum()), 0.5 * float((a * k2).sum())
        chi = 2 * self.viscosity * palinstrophy
        eta = (self.viscosity**3 / max(chi, 1e-30)) ** (1 / 6)
        w = self.vorticity(q).astype(np.float64)
        return {"energy": energy, "enstrophy": enstrophy, "enstrophy_dissipation": chi, "eta": eta,
                "k_max_eta": box.k_max * eta, "kurtosis": float((w**4).mean() / (w**2).mean() ** 2),
                "skewness": float((w**3).mean() / (w**2).mean() ** 1.5)}


def random_vorticity(box: Box, seed: int, k0: float) -> Array:
    """Random phases with `E(k) ~ k^6 / (k + k0)^14`, RMS speed 1."""
    k = np.sqrt(box.k2_numpy)
    noise = np.random.default_rng(seed).standard_normal((box.n,) * 2)
    amplitude = k * np.sqrt(np.maximum(k, 1e-6) ** 5 / (k + k0) ** 14)  # |omega|^2 ~ k^2 E(k) / k
    # Factor k0^4.5 keeps binary32 away from its smallest numbers; the norm below removes it.
    q = box.to_spectrum(box.backend.asarray(noise)) * box.backend.asarray(amplitude * k0**4.5)
    energy = 0.5 * float((box.energies(q) * np.where(box.live_numpy, 1 / np.maximum(box.k2_numpy, 1), 0)).sum())
    return q * (1 / np.sqrt(2 * energy))
