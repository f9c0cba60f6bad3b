"""Patch discriminator of the paper (section 4.1.2, Fig. 2d) and the WGAN-GP terms (section 4.1.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class Discriminator(nn.Module):
    """Five 3-wide convolutions, stride 1, receptive field 11: a score per voxel, no sigmoid (Wasserstein critic).

    The last layer is a bare convolution: a score has no natural scale or sign. Batch norm couples the samples of a
    batch, which the gradient penalty's derivation does not allow for; it is the paper's choice, and
    `normalise=False` leaves it out.
    """

    def __init__(self, rank: int, features: int = 96, layers: int = 5, normalise: bool = True) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for i in range(layers):
            last = i == layers - 1
            steps.append(_CONV[rank](1 if i == 0 else features, 1 if last else features, 3))
            if not last:
                if normalise:
                    steps.append(_NORM[rank](features))
                steps.append(nn.LeakyReLU(0.2))
        self.steps = nn.Sequential(*steps)

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(x)


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Mean of `(|grad sum D(x)| - 1)^2` at `x = mix real + (1 - mix) fake`; `mix` is `[batch, 1, ...]`.

    The norm is taken over channels, voxel by voxel: every voxel then pulls on the mean score as strongly as it can
    on the mean absolute error, so that the paper's weights 1 and 0.1 mean the same for any crop size.
    """
    x = (mix * real + (1 - mix) * fake).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((gradient.norm(dim=1) - 1) ** 2).mean()
