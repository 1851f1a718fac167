"""A parallel face in which an action may come with a message to the neighbours.

The action space is `Tuple(Discrete(A), Box(-1, 1, (M,)))`; a bare number, without a message, will do as well.
The vector is sent over every laser link that is up, its bits paid in time and energy, and stands in what each
neighbour observes as `neighbour_k_message_i` once it has arrived.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.deliberation import Thought
from envs.parallel import ParallelFace
from sandbox.checks import as_array
from sandbox.errors import SandboxError, shown


class MessagingSpace(gymnasium.spaces.Tuple):
    """An action and M numbers; it samples under the mask (A,) of the actions, as it stands in the info."""

    def __init__(self, actions: int, size: int) -> None:
        vector = gymnasium.spaces.Box(-1.0, 1.0, (size,), np.float32)
        super().__init__((gymnasium.spaces.Discrete(actions), vector))

    def sample(self, mask: Any = None, probability: Any = None) -> tuple[Any, ...]:
        """An action, legal under the `mask` (A,), and a message."""
        masks = (mask, None) if isinstance(mask, np.ndarray) else mask
        return super().sample(masks, probability)


class MessagingFace(ParallelFace):
    """PettingZoo's parallel face over a problem with a channel for messages (`message_size` > 0)."""

    def __init__(self, batch: Any, **kwargs: Any) -> None:
        super().__init__(batch, **kwargs)
        self._size = batch.problem.message_size
        self.action_spaces: dict[str, Any] = {
            agent: MessagingSpace(len(self.actions), self._size) for agent in self.possible_agents
        }

    def check(self, agent: str, action: Any) -> None:
        super().check(agent, self._parts(agent, action)[0])

    def step(
        self, actions: Mapping[str, Any], thought: Thought | None = None
    ) -> tuple[dict, dict, dict, dict, dict]:
        """Play one round; an action is a number, or a number and a message."""
        with self.problem.mail.saying():
            return super().step(actions, thought)

    def _orders(self, actions: Mapping[str, Any]) -> NDArray:
        labels: dict[str, Any] = {}
        said = np.full((1, len(self.possible_agents), self._size), np.nan, np.float32)
        for agent, action in self._given(actions).items():
            labels[agent], said[0, self._number[agent]] = self._parts(agent, action)
        orders = super()._orders(labels)
        self.problem.mail.say(said)
        return orders

    def _parts(self, agent: str, action: Any) -> tuple[Any, NDArray[np.float32] | float]:
        """The number in an action, unchecked, and its message, NaN for none."""
        if not (isinstance(action, (tuple, list)) and len(action) == 2):
            return action, np.nan
        vector = as_array(f"The message of {agent}", action[1])
        if vector.shape != (self._size,) or vector.dtype.kind not in "fiu":
            raise SandboxError(f"The message of {agent} is {shown(action[1])}; give {self._size} numbers.")
        with np.errstate(over="ignore"):  # what is too great is refused below
            message = vector.astype(np.float32)
        if (np.abs(message) > 1.0).any() and not np.isnan(message).any():
            raise SandboxError(f"The message of {agent} is {shown(action[1])}; give numbers within [-1, 1].")
        return action[0], message
