"""Random training crops with exact augmentation.

Every batch is a pure function of (seed, rank, step), so a resumed run draws what an uninterrupted one would have.
Volumes are rolled (periodic boxes), trimmed (others) and flipped before the transform, because the wavelet does not
commute with those; the axes of a crop are permuted after it, because it does.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from . import TrainerError
from .arch import Architecture
from .pyramid import LevelPair, as_decoded, decompose
from .wavelet import subband_names, synthesise, unstack_bands

#: Decimal logarithms of the smallest and largest quantisation step that inputs go through (orthonormal units of a
#: normalised field): the range of `losses.STEPS` and a little more, down to about 30 dB.
STEP_DECADES = (-1.6, 0.75)
#: Levels that a volume is decomposed into for quantised inputs: errors of coarser levels no longer reach the network.
DECODED_LEVELS = 5


@dataclass
class Batch:
    """Crops of one level: channels with margin, target, gain `[batch, 1, ...]`, and where the target counts."""

    level: int
    channels: Tensor
    target: Tensor
    gain: Tensor
    valid: Tensor | None
    steps: Tensor | None = None  # quantisation step of each crop's input, where the network is told it

    def to(self, device: torch.device) -> Batch:
        move = lambda t: None if t is None else t.to(device, non_blocking=True)
        return Batch(self.level, move(self.channels), move(self.target), move(self.gain), move(self.valid),
                     move(self.steps))


@dataclass(frozen=True)
class SamplerOptions:
    levels: tuple[int, ...]
    level_weights: tuple[float, ...]  # probability of a batch per entry of `levels`, up to a factor
    crop: int  # edge of a crop in low-pass voxels
    batch: int
    periodic: bool = False
    permute_axes: bool = True
    trim: float = 0.15  # chance per axis of dropping planes, so that odd lengths are seen
    refresh: int = 16  # steps between new rolls and flips of one of the volumes
    decoded_inputs: float = 0.0  # chance that a volume's low-pass went through a random quantisation step


@dataclass
class _Prepared:
    level: int
    channels: np.ndarray
    target: np.ndarray
    gain: float
    valid: np.ndarray | None
    step: float = 0.0  # quantisation step of the input, 0: none


class CropSampler:
    """Draws batches from normalised volumes."""

    def __init__(self, volumes: list[np.ndarray], arch: Architecture, options: SamplerOptions, seed: int,
                 rank: int = 0) -> None:
        if not volumes:
            raise TrainerError("no training volumes")
        for v in volumes:
            if v.ndim != arch.rank:
                raise TrainerError(f"{arch.rank}-D volumes expected, shape {v.shape} found")
        self.volumes, self.arch, self.options = volumes, arch, options
        self.seed, self.rank = seed, rank
        self.generation: list[int] = [-1] * len(volumes)
        self.prepared: list[list[_Prepared]] = [[] for _ in volumes]
        names = subband_names(arch.rank)
        self.permutations = [(p, _band_order(names, p)) for p in itertools.permutations(range(arch.rank))]

    def batch(self, step: int) -> Batch:
        self._refresh(step)
        rng = np.random.default_rng([self.seed, self.rank, step, 1])
        o = self.options
        weights = np.asarray(o.level_weights, float)
        level = int(rng.choice(o.levels, p=weights / weights.sum()))
        pool = [p for volume in self.prepared for p in volume if p.level == level]
        if not pool:
            raise TrainerError(f"the volumes are too small for level {level}")
        size = np.array([p.channels[0].size for p in pool], float) ** 0.5
        picks = rng.choice(len(pool), o.batch, p=size / size.sum())
        edge = min([o.crop] + [n for i in picks for n in self._low_shape(pool[i])])
        crops = [self._crop(pool[i], edge, rng) for i in picks]
        stack = lambda i: torch.from_numpy(np.stack([c[i] for c in crops]))
        gain = torch.tensor([c[2] for c in crops], dtype=torch.float32).reshape(-1, *(1,) * (self.arch.rank + 1))
        valid = None if all(c[3] is None for c in crops) else torch.from_numpy(
            np.stack([np.ones_like(c[1]) if c[3] is None else c[3] for c in crops]))
        steps = torch.tensor([c[4] for c in crops]) if "condition" in self.arch.input_channels else None
        return Batch(level, stack(0), stack(1), gain, valid, steps)

    def _refresh(self, step: int) -> None:
        turn = step // self.options.refresh
        count = len(self.volumes)
        for i in range(count):
            generation = (turn - i) // count + 1 if turn >= i else 0
            if generation != self.generation[i]:
                self.generation[i] = generation
                self.prepared[i] = self._prepare(i, generation)

    def _prepare(self, index: int, generation: int) -> list[_Prepared]:
        rng = np.random.default_rng([self.seed, self.rank, index, generation, 2])
        x, o = self.volumes[index], self.options
        if o.periodic:
            x = np.roll(x, [int(rng.integers(n)) for n in x.shape], tuple(range(x.ndim)))
        for axis in range(x.ndim):
            n = x.shape[axis]
            drop = int(rng.integers(1, 8)) if rng.random() < o.trim and n >= 64 else 0
            # A grid that starts one voxel later is new data for the wavelet, where rolling is not allowed.
            start = int(rng.integers(0, 2)) if not o.periodic and n >= 16 else 0
            if start or drop:
                # An even cut of the start keeps an even length even, so that odd ones stay as rare as `trim` says.
                x = x[(slice(None),) * axis + (slice(start, n - start - drop),)]
            if rng.random() < 0.5:
                x = np.flip(x, axis)
        decoded = rng.random() < o.decoded_inputs
        levels = max(o.levels) + 1
        pairs = decompose(np.ascontiguousarray(x), max(levels, DECODED_LEVELS) if decoded else levels, self.arch.transform)
        if decoded:
            pairs = as_decoded(pairs, float(10 ** rng.uniform(*STEP_DECADES)), self.arch.transform)
        return [self._prepare_level(p) for p in pairs if p.level in o.levels]

    def _prepare_level(self, pair: LevelPair) -> _Prepared:
        channels = pair.channels(self.arch)
        if self.arch.head == "voxel_shuffle":
            return _Prepared(pair.level, channels, self._fine(pair)[None], 1.0, None)
        valid = None
        if any(n % 2 for n in pair.fine_shape):
            valid = np.ones_like(pair.details)
            for i, name in enumerate(subband_names(self.arch.rank)):
                for axis, (letter, n) in enumerate(zip(name, pair.fine_shape)):
                    if letter == "H" and n % 2:
                        valid[i][(slice(None),) * axis + (slice(-1, None),)] = 0
        return _Prepared(pair.level, channels, pair.details, pair.gain, valid, pair.step)

    def _fine(self, pair: LevelPair) -> np.ndarray:
        even = tuple(n - n % 2 for n in pair.fine_shape)
        scale = np.float32(2.0 ** (self.arch.rank / 2))
        fine = synthesise(pair.low * scale, unstack_bands(pair.details * scale, pair.fine_shape), self.arch.transform)
        return fine[tuple(slice(0, n) for n in even)]

    def _low_shape(self, p: _Prepared) -> list[int]:
        ratio = 2 if self.arch.head == "voxel_shuffle" else 1
        return [n // ratio for n in p.target.shape[1:]]

    def _crop(self, p: _Prepared, edge: int, rng: np.random.Generator
              ) -> tuple[np.ndarray, np.ndarray, float, np.ndarray | None, float]:
        margin = self.arch.radius if self.arch.padding == "extend" else 0
        ratio = 2 if self.arch.head == "voxel_shuffle" else 1
        # Starts beyond the ends are clipped to them: borders hold most of the error and deserve more crops.
        start = [int(np.clip(rng.integers(-edge, n + 1), 0, n - edge)) for n in self._low_shape(p)]
        outer = tuple(slice(s, s + edge + 2 * margin) for s in start)
        inner = tuple(slice(ratio * s, ratio * (s + edge)) for s in start)
        axes, bands = self.permutations[int(rng.integers(len(self.permutations)))]
        if not self.options.permute_axes:
            axes, bands = self.permutations[0]
        turn = (0,) + tuple(1 + a for a in axes)
        x = p.channels[(slice(None),) + outer].transpose(turn)
        t = p.target[(slice(None),) + inner].transpose(turn)
        v = None if p.valid is None else p.valid[(slice(None),) + inner].transpose(turn)
        if self.arch.head == "subbands":
            t, v = t[bands], None if v is None else v[bands]
        contiguous = np.ascontiguousarray
        return contiguous(x), contiguous(t), p.gain, None if v is None else contiguous(v), p.step


def _band_order(names: list[str], axes: tuple[int, ...]) -> list[int]:
    """`order[i]` is the old band that becomes band `i` when `transpose(axes)` is applied to the grid."""
    order = []
    for name in names:
        old = [""] * len(axes)
        for new_axis, old_axis in enumerate(axes):
            old[old_axis] = name[new_axis]
        order.append(names.index("".join(old)))
    return order
