"""Training recipes: what is optimised. The loop around them (`fit.py`) knows neither."""

from __future__ import annotations

from typing import Any, Protocol

from ..model import Generator
from ..sampling import Batch


class Recipe(Protocol):
    """State and one step of a way to train."""

    def step(self, batch: Batch, lr: float) -> dict[str, float]:
        """One optimiser step; returns what to log."""

    def exported(self) -> Generator:
        """The network as it would be exported now."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...
