"""What a network sees of a volume: per level the low-pass, the detail subbands and their RMS.

Values are in units of the normalised field (zero mean, unit deviation; coefficients divided by `unit(level)`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .arch import Architecture, unit
from .extension import input_channels
from .wavelet import analyse, stack_bands, synthesise, unstack_bands

#: Details below this many steps are dropped: about where the codec's encoder draws the line.
DEAD_ZONE = 0.62


@dataclass
class LevelPair:
    """Input and target of the network of one level."""

    level: int
    low: np.ndarray  # [(z,) y, x]
    details: np.ndarray  # [K, (z,) y, x]; surplus planes hold zeros
    gain: float  # RMS of the details
    fine_shape: tuple[int, ...]
    periodic: tuple[bool, ...]
    step: float = 0.0  # quantisation step that `low` went through, orthonormal units; 0: none

    def channels(self, arch: Architecture) -> np.ndarray:
        """Input channels with the network's margin."""
        told = condition(self.step, self.gain, self.level, arch.rank) / arch.input_scale
        return input_channels(self.low, arch, self.fine_shape, self.periodic, condition=told)


def condition(step: float, gain: float, level: int, rank: int) -> int:
    """What a frame tells the network about quantisation: `round(256 step / gain)`, orthonormal units (spec section 3)."""
    return int(np.rint(min(256 * step / max(gain * unit(rank, level), 1e-30), 32767)))


def as_decoded(pairs: list[LevelPair], step: float, transform: str = "cdf97") -> list[LevelPair]:
    """The pairs of one volume, finest first, with inputs as a decoder has them and the details unchanged.

    The coarsest low-pass is rounded to `step` (orthonormal units) and every finer one is synthesised from quantised
    details, small ones dropped. The codec quantises what its networks leave, so that its inputs are a little better.
    """
    rank, out = pairs[0].low.ndim, []
    scale = np.float32(unit(rank, 0))
    low = quantised(pairs[-1].low, step / unit(rank, pairs[-1].level), 0.5)
    for pair in reversed(pairs):
        out.append(replace(pair, low=low, step=step))
        details = quantised(pair.details, step / unit(rank, pair.level), DEAD_ZONE)
        low = synthesise(low * scale, unstack_bands(details * scale, pair.fine_shape), transform, pair.periodic)
    return out[::-1]


def quantised(x: np.ndarray, step: float, dead_zone: float) -> np.ndarray:
    """Multiples of `step`; magnitudes below `dead_zone` steps become zero."""
    return (np.sign(x) * np.floor(np.abs(x) / step + (1 - dead_zone)) * step).astype(np.float32)


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
