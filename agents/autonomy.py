"""Heuristics for autonomy_v0: three of the other problems', each for its part, and who comes first."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents import avoidance, equinox, offloading, phoenix, tasking
from agents.policy import Policy
from envs.blocks.encounters import BURNS
from envs.blocks.orders import POINTINGS
from envs.features import Layout
from sandbox.jobs import DECISIONS, DROP


class Part:
    """A part of autonomy_v0 as the problem that it comes from: its features, its actions, its mask.

    `names` are the actions after the `no_op`, if it has one of its own.
    """

    def __init__(self, env: Any, names: Sequence[str], no_op: str | None, features: Sequence[str]) -> None:
        self.actions = (*([no_op] if no_op else []), *names)
        self.problem, self.world = env.problem, env.world  # the second for planners' parts alone
        self.columns = np.array([env.layout.index(name) for name in features])
        self.layout = Layout([env.layout.features[i] for i in self.columns])
        self.labels = np.array([0] * bool(no_op) + [env.actions.index(name) for name in names])

    def mask(self, mask: NDArray[np.int8], standing: NDArray[np.bool_] | None = None) -> NDArray[np.int8]:
        """The mask (B, N, a) of the part; `standing` (B, N, a) are the orders that stand, which may go on."""
        mine = mask[..., self.labels]
        return mine if standing is None else np.where(standing, np.int8(1), mine)


class Composite(Policy):
    """Decides in three parts, and changes the one order that matters most.

    A burn goes before everything; then corrupted weights are loaded anew. The rule of the queue is changed
    before the pointing where the one that stands answers nothing; otherwise only when the pointing is as
    wanted.
    """

    problems: ClassVar[tuple[str, ...]] = ("autonomy_v0", "operations_v0")
    pointing: ClassVar[type[Policy]]
    queue: ClassVar[type[Policy]]
    burns: ClassVar[type[Policy]] = avoidance.Threshold

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        names = self.layout.names
        observes = [name for name in self.actions if name.startswith("observe_")]
        asks = [name for name in names if name.startswith("request_")]
        warned = [name for name in names if name.startswith("warning")]
        own = names[: names.index("inbox")]
        jobs = [n for n in names if n.startswith(("job_", "neighbour_", "training_")) and "message" not in n]
        work = ("inbox", "backlog", "answers", "raw", "large_missing")
        self._points = Part(env, (*POINTINGS, *observes), None, (*own, *asks))
        self._serves = Part(env, DECISIONS, None, (*own, *work, *jobs))
        self._burns = Part(env, BURNS, "wait", ("fuel", "offset", "drift", "battery", "time_left", *warned))
        self._pointing, self._queue = self.pointing(self._points), self.queue(self._serves)
        self._avoid = self.burns(self._burns)
        self._orders = np.array([self.layout.index(f"order_{name}") for name in POINTINGS])
        self._rules = np.array([self.layout.index(f"order_{name}") for name in DECISIONS])
        self._present = np.array(
            [self.layout.index(f"request_{k + 1}_present") for k in range(len(observes))]
        )
        self._reload = self.actions.index("reload")

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        for part in (self._pointing, self._queue, self._avoid):
            part.reset(seed)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        point = self._pointed(observation, mask)
        rule = self._ruled(observation, mask)
        burn = self.burned(observation, mask)
        self.reasons = {**self._pointing.reasons, **self._queue.reasons, **self._avoid.reasons}
        silent = self._says(observation, "order_defer") & (self._of(observation, "inbox") > 0.0)
        action = np.where(point != 0, point, rule)
        action = np.where(silent & (rule != 0), rule, action)
        mend = self._says(observation, "weights_fault") & (mask[..., self._reload] == 1)
        action = np.where(mend, self._reload, action)
        return np.where(burn != 0, burn, action)

    def burned(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """The label (B, N) of the burn that is due, 0 for none."""
        return self._burns.labels[self._part(self._burns, self._avoid, observation, self._burns.mask(mask))]

    def _pointed(self, observation: NDArray, mask: NDArray) -> NDArray[np.int64]:
        """The label (B, N) that points the satellite as wanted, 0 where it is."""
        stands = observation[..., self._orders] > 0.0
        asked = observation[..., self._present] > 0.0
        observing = self._says(observation, "order_observe")[..., None]
        shown = mask[..., self._points.labels[len(POINTINGS) :]]
        under_way = observing & asked & (shown == 0)
        standing = np.concatenate((stands, under_way), axis=-1)
        return self._change(self._points, self._pointing, observation, mask, standing)

    def _ruled(self, observation: NDArray, mask: NDArray) -> NDArray[np.int64]:
        """The label (B, N) that has the job at the head of the inbox served as wanted, 0 where it is."""
        standing = (observation[..., self._rules] > 0.0) & self._possible(observation)
        change = self._change(self._serves, self._queue, observation, mask, standing)
        useful = self._says(observation, "job_present") & (change != self._serves.labels[DROP])
        return np.where(useful, change, 0)  # a hopeless job expires by itself; the rule would drop all

    def _possible(self, observation: NDArray) -> NDArray[np.bool_]:
        """Which rules (B, N, rules) there is a neighbour or a training satellite for, if they need one."""
        possible = np.ones((*observation.shape[:-1], len(DECISIONS)), np.bool_)
        for rule, name in enumerate(DECISIONS):
            if name == "training" or name.startswith("neighbour_"):
                possible[..., rule] = self._says(observation, f"{name}_present")
        return possible

    def _change(
        self, part: Part, policy: Policy, observation: NDArray, mask: NDArray, standing: NDArray
    ) -> NDArray[np.int64]:
        chosen = self._part(part, policy, observation, part.mask(mask, standing))
        stands = np.take_along_axis(standing, chosen[..., None], -1)[..., 0]
        label = part.labels[chosen]
        legal = np.take_along_axis(mask, label[..., None], -1)[..., 0] == 1
        return np.where(stands | ~legal, 0, label)

    @staticmethod
    def _part(part: Part, policy: Policy, observation: NDArray, mask: NDArray) -> NDArray[np.int64]:
        return policy.decide(observation[..., part.columns], mask)

    def _of(self, observation: NDArray, name: str) -> NDArray[np.float64]:
        return self.layout.physical(observation, name)

    def _says(self, observation: NDArray, name: str) -> NDArray[np.bool_]:
        return observation[..., self.layout.index(name)] > 0.0


class Greedy(Composite):
    """Greedy in its pointing and its jobs, and out of the way of what operators would avoid."""

    pointing, queue = tasking.Greedy, offloading.Greedy


class DeadlineGreedy(Composite):
    """Points with an eye on windows and eclipses; the jobs go where they would pay most."""

    pointing, queue = tasking.DeadlineGreedy, offloading.Greedy


class Equinox(Composite):
    """Points and serves jobs by marginal costs, see `agents.equinox`."""

    pointing, queue = equinox.TaskingEquinox, equinox.OffloadingEquinox


class Phoenix(Composite):
    """Points and serves jobs by the Sun, see `agents.phoenix`."""

    pointing, queue = phoenix.TaskingPhoenix, phoenix.OffloadingPhoenix
