"""Adam for what is small or special, Muon for the trunk's kernels, as one optimiser.

Muon (Jordan 2024; scaled as in Moonlight, 2025) orthogonalises the momentum of each weight matrix, which needs
about a third fewer steps than Adam on these networks (README, table of measurements).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .model import Generator


def orthogonalise(g: Tensor, iterations: int = 5) -> Tensor:
    """Nearest semi-orthogonal matrix by the quintic Newton-Schulz iteration, in binary32."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(iterations):
        m = x @ x.T
        x = a * x + (b * m + c * m @ m) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; the update's RMS is 0.2 of the learning rate, as Adam's about is.

    Weight decay keeps the weights near their natural scale. Without it activations grow until sixteen bits are
    too few: 0.15 dB of quantisation loss were measured.
    """

    def __init__(self, params: list[Any], lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group["momentum"])
                matrix = p.grad.lerp(buffer, group["momentum"]).reshape(p.shape[0], -1)
                update = orthogonalise(matrix) * (0.2 * max(matrix.shape) ** 0.5)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.reshape(p.shape), alpha=-group["lr"])


class Optimisers:
    """The optimisers of one generator, stepped together; `lr` is the trunk's learning rate."""

    def __init__(self, model: Generator, lr: float, kind: str, weight_decay: float = 0.0,
                 shortcut_lr_factor: float = 0.02) -> None:
        matrices, shortcut, rest = [], [], []
        for layer in model.arch.layers():
            conv = model.convolution(layer.name)
            if layer.role == "shortcut":
                shortcut += [conv.weight, conv.bias]
            elif kind == "muon" and layer.role == "inner":
                matrices.append(conv.weight)
                rest.append(conv.bias)
            else:
                rest += [conv.weight, conv.bias]
        groups = [{"params": rest, "factor": 1.0}]
        if shortcut:
            # The shortcut starts at the least-squares optimum; larger steps only shake it.
            groups.append({"params": shortcut, "factor": shortcut_lr_factor})
        self.parts: list[torch.optim.Optimizer] = [torch.optim.Adam(groups, lr=lr)]
        if matrices:
            self.parts.append(Muon([{"params": matrices, "factor": 1.0}], lr, weight_decay=weight_decay))

    def set_lr(self, lr: float) -> None:
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = lr * group["factor"]

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        for part, s in zip(self.parts, state, strict=True):
            part.load_state_dict(s)
