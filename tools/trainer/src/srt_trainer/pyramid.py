"""What a network sees of a volume: per level the low-pass, the detail subbands and their RMS.

Values are in units of the normalised field (zero mean, unit deviation; coefficients divided by `unit(level)`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arch import Architecture, unit
from .extension import input_channels
from .wavelet import analyse, stack_bands


@dataclass
class LevelPair:
    """Input and target of the network of one level."""

    level: int
    low: np.ndarray  # [(z,) y, x]
    details: np.ndarray  # [K, (z,) y, x]; surplus planes hold zeros
    gain: float  # RMS of the details
    fine_shape: tuple[int, ...]
    periodic: tuple[bool, ...]

    def channels(self, arch: Architecture, step: float = 0.0, seed: int = 0) -> np.ndarray:
        """Input channels with the network's margin; `step` adds the noise of that quantisation step."""
        x = input_channels(self.low, arch, self.fine_shape, self.periodic)
        return add_noise(x, arch, self.level, self.gain, step, np.random.default_rng(seed)) if step else x


def condition(step: float, gain: float, level: int, rank: int) -> int:
    """What a frame tells the network about quantisation: `round(256 step / gain)`, orthonormal units (spec section 3)."""
    return int(np.rint(min(256 * step / max(gain * unit(rank, level), 1e-30), 32767)))


def add_noise(x: np.ndarray, arch: Architecture, level: int, gain: float, step: float, rng: np.random.Generator
              ) -> np.ndarray:
    """Input channels as a decoder sees them: disturbed by a uniform error of one quantisation step, and told so."""
    x = x.copy()
    noise = ((rng.random(x.shape[1:]) - 0.5) * (step / unit(arch.rank, level))).astype(x.dtype)
    names = arch.input_channels
    for i, name in enumerate(names):
        if name == "field":
            x[i] += noise
        elif name == "inside_field":
            # Beyond the domain this channel stays zero, whatever the field's channel continues with.
            x[i] += noise * (x[names.index("inside")] if "inside" in names else 1)
        elif name == "condition":
            x[i] = condition(step, gain, level, arch.rank) / arch.input_scale
    return x


def normalise(volume: np.ndarray) -> np.ndarray:
    """Zero mean, unit deviation, binary32; raises `ValueError` on a constant or non-finite volume."""
    x = volume.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError("the volume holds NaN or infinite values; fill or crop them first")
    deviation = x.std()
    if deviation == 0:
        raise ValueError("the volume is constant, there is nothing to learn")
    return ((x - x.mean()) / deviation).astype(np.float32)


def decompose(volume: np.ndarray, levels: int, transform: str = "cdf97",
              periodic: tuple[bool, ...] | None = None) -> list[LevelPair]:
    """Level pairs 0 .. `levels` - 1 of a normalised volume; stops where an axis would shrink to one value."""
    rank = volume.ndim
    periodic = (False,) * rank if periodic is None else periodic
    out, fine = [], volume
    for level in range(levels):
        if min(fine.shape) < 2:
            break
        # Odd lengths cannot wrap; the codec treats such an axis as not periodic at that level either.
        wraps = tuple(p and n % 2 == 0 for p, n in zip(periodic, fine.shape))
        low, bands = analyse(fine, transform, wraps)
        step = np.float32(unit(rank, 0))
        low, details = low / step, stack_bands(bands, low.shape) / step
        gain = float(np.sqrt(np.mean(np.square(details, dtype=np.float64))))
        out.append(LevelPair(level, low, details, gain, fine.shape, wraps))
        fine = low
    return out
