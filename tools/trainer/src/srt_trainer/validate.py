"""Scores of a network on whole volumes with the codec's borders: true inputs, or those of a decoder where the network is
told the quantisation step."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import torch

from .losses import STEPS, energy_fraction, rate_distortion
from .model import Generator
from .pyramid import LevelPair, as_decoded
from .wavelet import stack_bands, synthesise, unstack_bands


@torch.no_grad()
def validate(model: Generator, pyramids: list[list[LevelPair]], levels: list[int], device: torch.device
             ) -> dict[str, float]:
    """Mean rate-distortion cost (subbands) or residual energy (fields) as `score`, and energy fractions per level."""
    arch = model.arch
    fractions: dict[int, list[float]] = defaultdict(list)
    costs = []
    if "condition" in arch.input_channels:
        return _validate_conditioned(model, pyramids, levels, device)
    for pair in (pair for pyramid in pyramids for pair in pyramid if pair.level in levels):
        x = torch.from_numpy(pair.channels(arch))[None].to(device)
        prediction = model(x, 1.0 if arch.head == "voxel_shuffle" else pair.gain)
        target, baseline = targets(pair, arch.head, arch.transform)
        t = torch.from_numpy(target)[None].to(device)
        if arch.head == "voxel_shuffle":
            prediction = prediction[(slice(None), slice(None)) + tuple(slice(0, n) for n in pair.fine_shape)]
            fraction = float(((prediction - t) ** 2).sum() / ((t - torch.from_numpy(baseline).to(device)) ** 2).sum())
            costs.append(fraction)
        else:
            prediction = prediction * _valid(pair, arch.rank, device)
            fraction = float(energy_fraction(prediction, t))
            costs.append(float(rate_distortion(prediction, t, pair.level, arch.rank)))
        fractions[pair.level].append(fraction)
    out = {"score": float(np.mean(costs))}
    out.update({f"residual_energy_level{k}": float(np.mean(v)) for k, v in sorted(fractions.items())})
    return out


def _validate_conditioned(model: Generator, pyramids: list[list[LevelPair]], levels: list[int], device: torch.device
                          ) -> dict[str, float]:
    """As `validate`, with inputs decoded at each of the loss's steps in turn."""
    arch = model.arch
    out: dict[str, list[float]] = defaultdict(list)
    for pyramid, step in itertools.product(pyramids, STEPS):
        own = torch.tensor([step], device=device)
        for pair in (pair for pair in as_decoded(pyramid, step, arch.transform) if pair.level in levels):
            t = torch.from_numpy(pair.details)[None].to(device)
            x = torch.from_numpy(pair.channels(arch))[None].to(device)
            prediction = model(x, pair.gain) * _valid(pair, arch.rank, device)
            out["score"].append(float(rate_distortion(prediction, t, pair.level, arch.rank, steps=own)))
            out[f"residual_energy_level{pair.level}_step{step}"].append(float(energy_fraction(prediction, t)))
    return {k: float(np.mean(v)) for k, v in out.items()}


def targets(pair: LevelPair, head: str, transform: str) -> tuple[np.ndarray, np.ndarray]:
    """What the head should give, and what zero details would."""
    if head == "subbands":
        return pair.details, np.zeros_like(pair.details)
    scale = np.float32(2.0 ** (pair.low.ndim / 2))
    bands = unstack_bands(pair.details * scale, pair.fine_shape)
    zero = {k: np.zeros_like(v) for k, v in bands.items()}
    return (synthesise(pair.low * scale, bands, transform)[None],
            synthesise(pair.low * scale, zero, transform)[None])


def _valid(pair: LevelPair, rank: int, device: torch.device) -> torch.Tensor:
    ones = {k: np.ones_like(v) for k, v in unstack_bands(pair.details, pair.fine_shape).items()}
    return torch.from_numpy(stack_bands(ones, pair.low.shape))[None].to(device)
