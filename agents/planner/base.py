"""What the planners have in common: they are made for an environment, and plan for each of its worlds."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy


class Planner(Policy):
    """Sees the truth: it reads `env.world`, and copies what it would change.

    `gaps` holds, for every program that it solved since the reset, how far the solution's objective stays
    behind that of the relaxation, relative to that; `gap` is their mean, NaN where it solved none.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.world = env.world
        self.gaps: list[float] = []

    @property
    def gap(self) -> float:
        return float(np.mean(self.gaps)) if self.gaps else math.nan

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self.gaps = []
        self.forget()

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        chosen = np.stack([self.act_in(b, mask[b]) for b in range(mask.shape[0])])
        self.reasons = self.told(chosen)
        return chosen

    def told(self, chosen: NDArray[np.int64]) -> Mapping[str, NDArray]:
        """The numbers (B, N), by name, that decided for `chosen`; nothing is computed for them."""
        return {}

    def forget(self) -> None:
        """Let the plans of the last episode go."""

    @abstractmethod
    def act_in(self, b: int, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """Legal actions (N,) in world b for its mask (N, A)."""
