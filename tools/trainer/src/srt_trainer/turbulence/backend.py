"""Arrays and FFTs of a solver: SciPy on the CPU, PyTorch on CPU or GPU, behind one small interface."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import TrainerError

Array = Any


class ScipyBackend:
    """NumPy arrays, `scipy.fft` with the given number of threads."""

    def __init__(self, precision: str = "single", threads: int = 1) -> None:
        self.real = np.float32 if precision == "single" else np.float64
        self.complex = np.complex64 if precision == "single" else np.complex128
        self.threads = threads

    def asarray(self, a: np.ndarray) -> Array:
        return np.asarray(a, self.complex if np.iscomplexobj(a) else self.real)

    def numpy(self, a: Array) -> np.ndarray:
        return a

    def forward(self, a: Array, rank: int) -> Array:
        from scipy import fft

        return fft.rfftn(a, axes=range(-rank, 0), norm="forward", workers=self.threads)

    def backward(self, a: Array, rank: int, n: int) -> Array:
        from scipy import fft

        return fft.irfftn(a, s=(n,) * rank, axes=range(-rank, 0), norm="forward", workers=self.threads)

    def stack(self, parts: list[Array]) -> Array:
        return np.stack(parts)

    def exp(self, a: Array) -> Array:
        return np.exp(a)

    def largest(self, a: Array) -> float:
        return float(a.max())


class TorchBackend:
    """PyTorch tensors on `device`."""

    def __init__(self, device: str, precision: str = "single", threads: int = 0) -> None:
        import torch

        if device.startswith("cuda") and not torch.cuda.is_available():
            raise TrainerError("device cuda asked for, but PyTorch finds none")
        if threads:
            torch.set_num_threads(threads)
        self.torch, self.device = torch, torch.device(device)
        self.real = torch.float32 if precision == "single" else torch.float64
        self.complex = torch.complex64 if precision == "single" else torch.complex128

    def asarray(self, a: np.ndarray) -> Array:
        return self.torch.as_tensor(a, dtype=self.complex if np.iscomplexobj(a) else self.real, device=self.device)

    def numpy(self, a: Array) -> np.ndarray:
        return a.cpu().numpy()

    def forward(self, a: Array, rank: int) -> Array:
        return self.torch.fft.rfftn(a, dim=tuple(range(-rank, 0)), norm="forward")

    def backward(self, a: Array, rank: int, n: int) -> Array:
        return self.torch.fft.irfftn(a, s=(n,) * rank, dim=tuple(range(-rank, 0)), norm="forward")

    def stack(self, parts: list[Array]) -> Array:
        return self.torch.stack(parts)

    def exp(self, a: Array) -> Array:
        return self.torch.exp(a)

    def largest(self, a: Array) -> float:
        return float(a.max())


Backend = ScipyBackend | TorchBackend


def make_backend(name: str, precision: str = "single", threads: int = 1) -> Backend:
    """`scipy`, `torch` (CPU) or `cuda`."""
    if name == "scipy":
        return ScipyBackend(precision, threads)
    if name in ("torch", "cuda"):
        return TorchBackend("cuda" if name == "cuda" else "cpu", precision, threads)
    raise TrainerError(f"backend: scipy, torch or cuda expected, {name!r} found")
