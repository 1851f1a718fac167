"""A parallel face in which an action may come with a message to the neighbours.

The action space is `Tuple(Discrete(A), Box(-1, 1, (M,)))`; a bare number, without a message, will do as well.
The vector is sent over every laser link that is up, its bits paid in time and energy, and stands in what each
neighbour observes as `neighbour_k_message_i` once it has arrived.
"""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.parallel import ParallelFace


class MessagingFace(ParallelFace):
    """PettingZoo's parallel face over a problem with a channel for messages (`message_size` > 0)."""

    def __init__(self, batch: Any, **how: Any) -> None:
        super().__init__(batch, **how)
        self._size = batch.problem.message_size
        vector = gymnasium.spaces.Box(-1.0, 1.0, (self._size,), np.float32)
        count = gymnasium.spaces.Discrete(len(self.actions))
        self._action_spaces: dict[str, Any] = {
            agent: gymnasium.spaces.Tuple((count, vector)) for agent in self.possible_agents
        }

    def _orders(self, actions: dict[str, Any]) -> NDArray:
        labels: dict[str, Any] = {}
        said = np.full((1, len(self.possible_agents), self._size), np.nan, np.float32)
        for agent, action in actions.items():
            labels[agent] = action
            if isinstance(action, (tuple, list)) and len(action) == 2 and agent in self._number:
                labels[agent], said[0, self._number[agent]] = action
        orders = super()._orders(labels)
        self.problem.say(said)  # type: ignore[attr-defined]
        return orders
