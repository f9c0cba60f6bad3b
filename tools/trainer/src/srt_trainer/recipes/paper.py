"""The paper's recipe (sections 4.1 and 5.2): RRDB generator, patch discriminator, L1 + WGAN-GP, Adam."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..config import FitConfig
from ..discriminator import Discriminator, gradient_penalty
from ..model import Generator
from ..sampling import Batch


class PaperRecipe:
    def __init__(self, model: Generator, config: FitConfig, device: torch.device, wrap: Any = lambda m: m) -> None:
        self.config, self.device, self.model = config, device, model
        critic = Discriminator(model.arch.rank, config.features).to(device)
        self.generator, self.critic = wrap(model), wrap(critic)
        self.bare_critic = critic
        # Default decay rates, section 5.2.
        self.generator_optimiser = torch.optim.Adam(model.parameters(), config.lr, (0.9, 0.999))
        self.critic_optimiser = torch.optim.Adam(critic.parameters(), config.lr, (0.9, 0.999))

    def step(self, batch: Batch, lr: float) -> dict[str, float]:
        for optimiser in (self.generator_optimiser, self.critic_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = lr
        metrics: dict[str, float] = {}
        if self.config.adversarial_weight:
            for _ in range(self.config.critic_steps):
                metrics = self._critic_step(batch)
        return {**self._generator_step(batch), **metrics}

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16)

    def _critic_step(self, batch: Batch) -> dict[str, float]:
        with torch.no_grad(), self._autocast():
            fake = self.generator(batch.channels).float()
        real = batch.target
        # The penalty differentiates twice; bf16 there is noise, and the critic is small.
        distance = self.critic(real).mean() - self.critic(fake).mean()
        mix = torch.rand((real.shape[0],) + (1,) * (real.ndim - 1), device=self.device)
        penalty = gradient_penalty(self.bare_critic, real, fake, mix)
        self.critic_optimiser.zero_grad(set_to_none=True)
        (self.config.gradient_penalty * penalty - distance).backward()
        self.critic_optimiser.step()
        return {"wasserstein": float(distance.detach()), "penalty": float(penalty.detach())}

    def _generator_step(self, batch: Batch) -> dict[str, float]:
        with self._autocast():
            fake = self.generator(batch.channels)
        reconstruction = F.l1_loss(fake, batch.target)
        loss = reconstruction
        if self.config.adversarial_weight:
            # The generator minimises equation (3), whose only part that depends on it is the fake score.
            self.bare_critic.requires_grad_(False)
            loss = loss - self.config.adversarial_weight * self.bare_critic(fake).mean()
        self.generator_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.bare_critic.requires_grad_(True)
        self.generator_optimiser.step()
        return {"loss": float(loss.detach()), "l1": float(reconstruction.detach())}

    def exported(self) -> Generator:
        return self.model

    def state_dict(self) -> dict[str, Any]:
        parts: dict[str, nn.Module | torch.optim.Optimizer] = self._parts()
        return {k: v.state_dict() for k, v in parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for k, v in self._parts().items():
            v.load_state_dict(state[k])

    def _parts(self) -> dict[str, Any]:
        return {"generator": self.model, "critic": self.bare_critic,
                "generator_optimiser": self.generator_optimiser, "critic_optimiser": self.critic_optimiser}
