"""Policies that need to know nothing of the problem."""

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy


class Random(Policy):
    """Each legal action is as likely as any other."""

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        return np.argmax(self.rng.random(mask.shape) * mask, axis=-1)


class Idle(Policy):
    """The no-op, always."""

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        return np.zeros(mask.shape[:-1], np.int64)
