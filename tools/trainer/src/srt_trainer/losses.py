"""Losses of the default recipe, in units of the level's detail RMS."""

from __future__ import annotations

import torch
from torch import Tensor

from .arch import unit

#: Quantisation steps in orthonormal units of a normalised field; about 60, 55, 50, 45, 40 and 35 dB on turbulence.
STEPS = (0.028, 0.07, 0.17, 0.42, 1.05, 2.6)
#: Where a coefficient's cost turns from quadratic (it is dropped, distortion counts) to logarithmic (it is coded).
KNEE = 4.0


def rate_distortion(prediction: Tensor, target: Tensor, level: int, rank: int,
                    valid: Tensor | None = None, steps: Tensor | None = None) -> Tensor:
    """Cost of coding the residual over the cost of coding the details, averaged over quantisation steps.

    Per coefficient and step the cost is `log(1 + KNEE (residual / step)^2)`. 1 means the network is of no use.
    `steps` gives each sample its own step (the one its input was quantised with) instead of the average.
    """
    residual, details = (prediction - target) ** 2, target**2
    if valid is not None:
        residual = residual * valid
    if steps is not None:
        own = steps.clamp(min=STEPS[0]).reshape(-1, *(1,) * (rank + 1))
        scale = KNEE * (unit(rank, level) / own) ** 2
        cost = [torch.log1p(x * scale).flatten(1).sum(1) for x in (residual, details)]
        return (cost[0] / cost[1]).mean()
    total = prediction.new_zeros(())
    for step in STEPS:
        scale = KNEE * (unit(rank, level) / step) ** 2
        total = total + torch.log1p(residual * scale).sum() / torch.log1p(details * scale).sum()
    return total / len(STEPS)


def energy_fraction(prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Residual energy over detail energy."""
    residual = (prediction - target) ** 2
    if valid is not None:
        residual = residual * valid
    return residual.sum() / (target**2).sum()


def combined(prediction: Tensor, target: Tensor, gain: Tensor, level: int, rank: int, valid: Tensor | None,
             energy_weight: float, steps: Tensor | None = None) -> Tensor:
    """Training loss: the rate-distortion cost plus a share of plain energy, relative to each crop's volume."""
    loss = rate_distortion(prediction, target, level, rank, valid, steps)
    if energy_weight:
        residual = ((prediction - target) / gain) ** 2
        loss = loss + energy_weight * (residual if valid is None else residual * valid).mean()
    return loss
