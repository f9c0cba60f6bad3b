"""Wave numbers of a periodic box and the operations every solver shares."""

from __future__ import annotations

import numpy as np

from .backend import Array, Backend


class Box:
    """Half spectrum of an `n^rank` grid: `k[a]` broadcast along axis `a`, `live` masks `0 < |k| <= k_max`."""

    def __init__(self, n: int, rank: int, backend: Backend) -> None:
        self.n, self.rank, self.backend = n, rank, backend
        self.k_max = n / 3.0
        lines = [np.fft.fftfreq(n, 1 / n)] * (rank - 1) + [np.arange(n // 2 + 1, dtype=float)]
        self._k = [line.reshape([-1 if a == axis else 1 for a in range(rank)]) for axis, line in enumerate(lines)]
        self.k2_numpy = sum(k * k for k in self._k)
        live = (self.k2_numpy <= self.k_max**2) & (self.k2_numpy > 0)
        # Parseval on a half spectrum: columns with a conjugate twin count twice.
        twin = np.where((lines[-1] == 0) | (lines[-1] == n / 2), 1.0, 2.0)
        self.parseval = np.broadcast_to(twin, self.k2_numpy.shape)
        self.shell = np.rint(np.sqrt(self.k2_numpy)).astype(int)
        self.live_numpy = live
        self.k = [backend.asarray(k) for k in self._k]
        self.ik = [backend.asarray(1j * k) for k in self._k]
        self.k2 = backend.asarray(self.k2_numpy)
        self.live = backend.asarray(live.astype(float))
        self.inverse_k2 = backend.asarray(live / np.where(live, self.k2_numpy, 1.0))

    def to_grid(self, spectrum: Array) -> Array:
        return self.backend.backward(spectrum, self.rank, self.n)

    def to_spectrum(self, grid: Array) -> Array:
        """Truncated spectrum of grid values."""
        return self.backend.forward(grid, self.rank) * self.live

    def project(self, v: Array) -> Array:
        """Solenoidal part of a vector spectrum."""
        divergence = sum(self.k[a] * v[a] for a in range(self.rank)) * self.inverse_k2
        return self.backend.stack([v[a] - self.k[a] * divergence for a in range(self.rank)])

    def energies(self, spectrum: Array) -> np.ndarray:
        """`|q|^2` of every mode, summed over components and weighted for the half spectrum."""
        q = self.backend.numpy(spectrum).astype(np.complex128)
        q = q.reshape(-1, *self.k2_numpy.shape)
        return (np.abs(q) ** 2).sum(0) * self.parseval

    def shells(self, spectrum: Array) -> np.ndarray:
        """`E(k)`: half the energy per integer shell."""
        return 0.5 * np.bincount(self.shell.ravel(), self.energies(spectrum).ravel())

    def random_solenoidal(self, seed: int, k0: float, rms: float) -> Array:
        """Gaussian solenoidal velocity with `E(k) ~ k^4 exp(-2 (k / k0)^2)` and component RMS `rms`."""
        rng = np.random.default_rng(seed)
        k = np.sqrt(self.k2_numpy)
        noise = rng.standard_normal((self.rank,) + (self.n,) * self.rank)
        q = self.to_spectrum(self.backend.asarray(noise)) * self.backend.asarray(k * np.exp(-((k / k0) ** 2)))
        q = self.project(q)
        return q * (rms / np.sqrt(self.energies(q).sum() / self.rank))
