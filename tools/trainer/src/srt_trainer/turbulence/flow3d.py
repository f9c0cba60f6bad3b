"""Incompressible flow in three dimensions, forced or driven by buoyancy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .backend import Array
from .box import Box

#: Forced band `|k| <= 2.5`.
FORCED = 2.5


@dataclass
class Flow3D:
    """Velocity `q[0:3]`, and a scalar of Schmidt number 1 in `q[3]` where `gravity` is not zero.

    The nonlinear term is `u x omega` (rotational form). Forcing puts exactly `power` into the band `|k| <= 2.5`
    (Carati, Ghosal and Moin 1995), so in the steady state the dissipation is `power`.
    """

    box: Box
    viscosity: float
    power: float = 0.0
    gravity: float = 0.0

    def __post_init__(self) -> None:
        band = (self.box.k2_numpy <= FORCED**2) & (self.box.k2_numpy > 0)
        self._band_numpy = band
        self._band = self.box.backend.asarray(band.astype(float))

    def tendency(self, q: Array) -> tuple[Array, float]:
        box, b = self.box, self.box.backend
        velocity = box.to_grid(q[:3])
        # Axes and components are (z, y, x), a left-handed order: the signs of both cross products flip together.
        vorticity = box.to_grid(b.stack(_cross(box.ik, q)))
        speed = b.largest(abs(velocity).sum(0))
        out = box.project(b.forward(b.stack(_cross(velocity, vorticity)), 3) * box.live)
        if self.power:
            out = out + (self.power / self._band_energy(q)) * (self._band * q[:3])
        if not self.gravity:
            return out, speed
        flux = b.forward(velocity * box.to_grid(q[3:4]), 3) * box.live
        scalar = -sum(box.ik[a] * flux[a] for a in range(3))
        buoyancy = b.stack([self.gravity * q[3], 0 * q[3], 0 * q[3]])
        out = out + box.project(buoyancy)
        return b.stack([out[0], out[1], out[2], scalar]), speed

    def _band_energy(self, q: Array) -> float:
        k = int(FORCED)
        rows = [i for i in range(self.box.n) if min(i, self.box.n - i) <= k]
        low = self.box.backend.numpy(q[:3, rows][:, :, rows][..., : k + 1])
        band = self._band_numpy[rows][:, rows][..., : k + 1] * self.box.parseval[rows][:, rows][..., : k + 1]
        return float(((np.abs(low.astype(np.complex128)) ** 2).sum(0) * band).sum())

    def magnitude(self, q: Array) -> np.ndarray:
        u = self.box.backend.numpy(self.box.to_grid(q[:3])).astype(np.float64)
        return np.sqrt((u**2).sum(0))

    def pressure(self, q: Array) -> np.ndarray:
        """Zero-mean kinematic pressure: `lap p = -d_i d_j (u_i u_j) + g d_z theta`."""
        box = self.box
        u = box.to_grid(q[:3])
        p = 0 * q[0]
        for i in range(3):
            for j in range(i, 3):
                p = p - (1 if i == j else 2) * (box.k[i] * box.k[j]) * box.to_spectrum(u[i] * u[j])
        if self.gravity:
            p = p - self.gravity * (box.ik[0] * q[3])
        return box.backend.numpy(box.to_grid(p * box.inverse_k2))

    def scalar(self, q: Array) -> np.ndarray:
        return self.box.backend.numpy(self.box.to_grid(q[3:4]))[0]

    def statistics(self, q: Array) -> dict[str, float]:
        """Energy, dissipation, `Re_lambda`, `k_max eta`, integral scale and velocity-derivative skewness."""
        box, nu = self.box, self.viscosity
        energy = box.energies(q[:3])
        dissipation = nu * float((energy * box.k2_numpy).sum())
        rms = float(np.sqrt(energy.sum() / 3))
        shells = box.shells(q[:3])
        taylor = float(np.sqrt(15 * nu * rms**2 / max(dissipation, 1e-30)))
        eta = (nu**3 / max(dissipation, 1e-30)) ** 0.25
        gradients = box.backend.numpy(box.to_grid(box.backend.stack([box.ik[a] * q[a] for a in range(3)])))
        skewness = [float((g.astype(np.float64) ** 3).mean() / ((g.astype(np.float64) ** 2).mean() ** 1.5 + 1e-30))
                    for g in gradients]
        k = np.arange(1, shells.size)
        return {"energy": 0.5 * float(energy.sum()), "dissipation": dissipation, "u_rms": rms, "eta": eta,
                "k_max_eta": box.k_max * eta, "taylor_scale": taylor, "re_lambda": rms * taylor / nu,
                "integral_scale": float(np.pi / (2 * max(rms, 1e-30) ** 2) * (shells[1:] / k).sum()),
                "skewness": float(np.mean(skewness))}


def _cross(a: Array, b: Array) -> list[Array]:
    """Cross product with components in the order (z, y, x), up to the sign both uses share."""
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def random_blobs(box: Box, seed: int, k_low: float, k_high: float, width: float = 1.5) -> Array:
    """Spectrum of `theta = +-1` blobs (set-up of Livescu and Ristorcelli 2007), smoothed over `width` grid cells."""
    b = box.backend
    k = np.sqrt(box.k2_numpy)
    noise = np.random.default_rng(seed).standard_normal((box.n,) * box.rank)
    band = b.asarray(((k >= k_low) & (k <= k_high)).astype(float))
    sign = np.where(b.numpy(box.to_grid(box.to_spectrum(b.asarray(noise)) * band)) > 0, 1.0, -1.0)
    smooth = np.exp(-0.5 * box.k2_numpy * (width * 2 * np.pi / box.n) ** 2)
    return box.to_spectrum(b.asarray(sign)) * b.asarray(smooth)


def viscosity_for(k_max_eta: float, k_max: float, power: float) -> float:
    """Viscosity at which the steady dissipation `power` gives the wanted `k_max eta`."""
    return power ** (1 / 3) * (k_max_eta / k_max) ** (4 / 3)
