"""Several orders at once: a MultiDiscrete face, for trainers that can take it.

The actions of a problem whose blocks order different things (`Block.group`: where to point, how to serve the
jobs, what else to do) fall into parts, each of which is changed or left as it is in every round. The labels
are numbered as on the environment's page, each from its own 0, which leaves the order as it is.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.batch import BatchEnv, Info, Observation, Out
from envs.parallel import ParallelFace
from envs.problem import Problem
from sandbox.checks import as_array, whole_numbers
from sandbox.errors import SandboxError, shown


class JointBatch(BatchEnv):
    """A batch face whose actions are (B, N, P), one for each part of the orders, as many as `parts` says.

    The mask stays that of the single labels (B, N, A): `joint_mask` gives those of the parts side by side.
    """

    def __init__(self, problem: Problem, *, autoreset: bool = True) -> None:
        super().__init__(problem, autoreset=autoreset)
        self.parts = problem.groups()

    @cached_property
    def single_action_space(self) -> gymnasium.Space:
        """What one satellite does."""
        return JointSpace(list(self.parts))

    @cached_property
    def action_space(self) -> gymnasium.spaces.MultiDiscrete:
        """What all satellites of all worlds do (B, N, P)."""
        return gymnasium.spaces.MultiDiscrete(np.broadcast_to(self.parts, (*self._team, len(self.parts))))

    def step(
        self, actions: ArrayLike, *, out: Out = None
    ) -> tuple[Observation, NDArray, NDArray, NDArray, Info]:
        """Play one round under orders (B, N, P)."""
        out = self._checked_out(out)
        orders, shape = as_array("actions", actions), (*self._team, len(self.parts))
        if orders.shape != shape:
            raise SandboxError(f"actions have shape {orders.shape}; give {shape}, one for each part.")
        each = [
            whole_numbers(f"action of part {part}", orders[..., part], self._team, size - 1, agent="sat_{}")
            for part, size in enumerate(self.parts)
        ]
        self.problem.advance_labels(self.labels(np.stack(each, -1)), self.legal())
        return self._finish(out)

    def labels(self, orders: NDArray) -> list[NDArray[np.int32]]:
        """The single labels (B, N) that orders (B, N, P) stand for, part by part."""
        found, begin = [], 0
        for part, size in enumerate(self.parts):
            order = orders[..., part]
            shift = begin - 1 if part else 0
            found.append(np.where(order == 0, 0, order + shift).astype(np.int32))
            begin += size if part == 0 else size - 1
        return found

    def joint_mask(self, mask: NDArray[np.int8]) -> NDArray[np.int8]:
        """The masks (..., sum of parts) of the parts side by side, of masks (..., A)."""
        keep, cuts = mask[..., :1], np.cumsum(self.parts) - np.arange(len(self.parts))
        first, *others = np.split(mask, cuts[:-1], axis=-1)
        return np.concatenate((first, *(part for other in others for part in (keep, other))), axis=-1)


class JointSpace(gymnasium.spaces.MultiDiscrete):
    """Several orders; it samples under masks that stand side by side, as they do in the info."""

    def sample(self, mask: Any = None, probability: Any = None) -> NDArray:
        """Orders, legal under the `mask` (sum of parts,)."""
        if isinstance(mask, np.ndarray):
            mask = tuple(np.split(mask, np.cumsum(self.nvec)[:-1]))
        return super().sample(mask, probability)


class JointFace(ParallelFace):
    """PettingZoo's parallel face over a `JointBatch`: `MultiDiscrete` actions, their masks side by side.

    Raises SandboxError for a problem with a channel: its actions have no place for messages.
    """

    batch: JointBatch

    def __init__(self, batch: JointBatch, **kwargs: Any) -> None:
        if batch.problem.message_size:
            raise SandboxError(
                "multi_discrete has no place for the messages of message_size here; leave out one of the "
                "two, or say them on the batch face (env.problem.mail.say)."
            )
        super().__init__(batch, **kwargs)
        self.action_spaces: dict[str, Any] = {
            agent: JointSpace(list(batch.parts)) for agent in self.possible_agents
        }

    def _make_space(self) -> gymnasium.Space:
        vector = gymnasium.spaces.Box(-1.0, 1.0, (len(self.layout),), np.float32)
        if not self.mask_in_obs:
            return vector
        mask = gymnasium.spaces.Box(0, 1, (sum(self.batch.parts),), np.int8)
        return gymnasium.spaces.Dict({"observation": vector, "action_mask": mask})

    def _orders(self, actions: Mapping[str, Any]) -> NDArray:
        rows = np.zeros((1, len(self.possible_agents), len(self.batch.parts)), np.int64)
        for agent, action in self._given(actions).items():
            rows[0, self._number[agent]] = self._order(agent, action)
        return rows

    def _order(self, agent: str, action: Any) -> NDArray:
        value = as_array(f"action of {agent}", action)
        whole = value.shape == (len(self.batch.parts),) and value.dtype.kind in "iu"
        if whole and (value >= 0).all() and (value < self.batch.parts).all():
            return value
        raise SandboxError(
            f"action {shown(action)} of {agent} is outside its space; give {len(self.batch.parts)} whole "
            f"numbers below {self.batch.parts}."
        )

    def _observations(self, observation: NDArray, mask: NDArray) -> dict[str, Any]:
        return super()._observations(observation, self.batch.joint_mask(mask) if self.mask_in_obs else mask)

    def _infos(self, info: dict[str, NDArray]) -> dict[str, dict]:
        return super()._infos(info | {"action_mask": self.batch.joint_mask(info["action_mask"])})

    def _played(self, orders: NDArray, thought: Any) -> tuple[Any, ...]:
        if self.camera is None:
            return self._stepped(orders, thought)
        self.camera.before(self.batch.legal()[0])
        played = self._stepped(orders, thought)
        labels = self.batch.labels(orders)
        shown = labels[-1]
        for label in reversed(labels[:-1]):
            shown = np.where(label > 0, label, shown)
        self.camera.after(shown[0], played[1][0])
        return played
