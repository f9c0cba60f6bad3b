"""Trained networks to one quantised hierarchy, with a report of what quantisation cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from . import TrainerError
from .arch import unit
from .hierarchy_file import FloatNetwork, Hierarchy
from .integer import QuantisedNetwork, predict
from .model import Generator
from .pyramid import LevelPair, decompose, normalise
from .quantise import calibrate, quantise
from .sampling import STEP_DECADES
from .upscale import frame_gain
from .validate import targets

#: Levels of a volume that calibration and reports look at; coarser ones hold too few values to matter.
LEVELS = 4


@dataclass(frozen=True)
class LevelLoss:
    """Residual energy over detail energy at one level, float and quantised."""

    level: int
    float_fraction: float
    quantised_fraction: float

    @property
    def loss_db(self) -> float:
        return 10 * float(np.log10(self.quantised_fraction / self.float_fraction))


def export(networks: list[FloatNetwork], calibration: Iterable[np.ndarray], name: str) -> Hierarchy:
    """Quantises `networks` (finest first) with activation ranges from the calibration volumes."""
    networks = sorted(networks, key=lambda n: n.min_level)
    for finer, coarser in zip(networks, networks[1:]):
        if finer.max_level + 1 != coarser.min_level:
            raise TrainerError(f"levels {finer.min_level}..{finer.max_level} and {coarser.min_level}.."
                               f"{coarser.max_level} must meet without gap or overlap")
    pyramids = [decompose(normalise(v), LEVELS, networks[0].model.arch.transform) for v in calibration]
    out = []
    for network in networks:
        pairs = [p for pyramid in pyramids for p in pyramid if network.min_level <= p.level <= network.max_level]
        if not pairs:
            raise TrainerError(f"calibration volumes are too small for levels {network.min_level}..{network.max_level}")
        arch = network.model.arch
        # The extremes of the condition are met too, or activations that depend on it would saturate.
        steps = (0.0, *(10**d for d in STEP_DECADES)) if "condition" in arch.input_channels else (0.0,)
        told = (replace(p, step=s) for p in pairs for s in steps)
        ranges = calibrate(network.model, (torch.from_numpy(p.channels(arch))[None] for p in told))
        out.append(quantise(network.model, ranges, network.min_level, network.max_level))
    hashes = sorted({n.training_data_sha256 for n in networks})
    return Hierarchy(name, out, training_data_sha256=hashes[0] if len(hashes) == 1 else _combined_hash(hashes))


def _combined_hash(hashes: list[str]) -> str:
    """Hash of several training sets in one hierarchy."""


    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def predict_float(model: Generator, pair: LevelPair) -> np.ndarray:
    """Details, or the finer field (voxel shuffle), in units of the normalised field."""
    gain = pair.gain if model.arch.head == "subbands" else 1.0
    with torch.no_grad():
        return model(torch.from_numpy(pair.channels(model.arch))[None], gain)[0].numpy()


def predict_quantised(network: QuantisedNetwork, pair: LevelPair) -> np.ndarray:
    """The same from the exact integers, converted from the orthonormal units a codec works in."""
    arch, u = network.arch, unit(network.arch.rank, pair.level)
    c = (pair.low * np.float32(u)).astype(np.float32)
    out = u if arch.head == "subbands" else unit(arch.rank, pair.level - 1)
    gain = frame_gain(arch, pair.level, pair.gain * u)
    return predict(network, c, pair.level, gain, pair.fine_shape, pair.periodic) / np.float32(out)


def compare(networks: list[FloatNetwork], hierarchy: Hierarchy, volume: np.ndarray, levels: int = LEVELS,
            ) -> list[LevelLoss]:
    """Float against quantised on ground-truth inputs, level by level."""
    out = []
    for pair in decompose(normalise(volume), levels, hierarchy.networks[0].arch.transform):
        model = next((n.model for n in networks if n.min_level <= pair.level <= n.max_level), None)
        if model is None:
            continue
        target, without = targets(pair, model.arch.head, model.arch.transform)
        energy = float(np.square(target - without, dtype=np.float64).sum())
        inside = tuple(slice(0, n) for n in target.shape)
        fractions = [float(np.square(p[inside] - target, dtype=np.float64).sum()) / energy
                     for p in (predict_float(model, pair), predict_quantised(hierarchy.for_level(pair.level), pair))]
        out.append(LevelLoss(pair.level, *fractions))
    return out
