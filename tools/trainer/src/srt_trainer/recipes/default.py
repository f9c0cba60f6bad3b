"""The default recipe: a small residual network over a least-squares shortcut, rate-distortion loss."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from ..config import FitConfig
from ..losses import combined, energy_fraction
from ..model import Generator
from ..optimiser import Optimisers
from ..sampling import Batch


class DefaultRecipe:
    def __init__(self, model: Generator, config: FitConfig, device: torch.device, wrap: Any = lambda m: m) -> None:
        self.config, self.device = config, device
        self.model = model
        self.parallel: nn.Module = wrap(model)
        self.average = copy.deepcopy(model).requires_grad_(False)
        self.optimisers = Optimisers(model, config.lr, config.optimiser, config.weight_decay)
        self.steps = 0

    def step(self, batch: Batch, lr: float) -> dict[str, float]:
        arch = self.model.arch
        self.optimisers.set_lr(lr)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            prediction = self.parallel(batch.channels, batch.gain)
        loss = combined(prediction, batch.target, batch.gain, batch.level, arch.rank, batch.valid,
                        self.config.energy_weight, batch.steps)
        self.optimisers.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimisers.step()
        self.steps += 1
        self._update_average()
        with torch.no_grad():
            fraction = energy_fraction(prediction, batch.target, batch.valid)
        return {"loss": float(loss.detach()), "residual_energy": float(fraction)}

    def _update_average(self) -> None:
        decay = min(self.config.ema, 1 - 1 / (self.steps + 1))  # a plain mean until the window is full
        with torch.no_grad():
            for a, p in zip(self.average.parameters(), self.model.parameters()):
                a.lerp_(p, 1 - decay)

    def exported(self) -> Generator:
        return self.average

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "average": self.average.state_dict(),
                "optimisers": self.optimisers.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimisers.load_state_dict(state["optimisers"])
        self.steps = state["steps"]
