"""Rules for thinking: when to have the onboard planner search, by clock or by what it is worth.

They are for problems made with `consult=True`. A fast policy decides wherever no plan stands; where one does,
it is followed. What differs is when a search is begun (`RULES`):

- `never`: the fast policy alone;
- `short`, `long`: a search every so many minutes, needed or not;
- `always`: a long one whenever the board is free;
- `auto`: as often as the board and the battery can afford: the quicker the board and the fuller the battery,
  the fresher the plan; twice as soon where no plan stands, and a short one where a long one would take too
  long.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policy import Policy, make_policy
from envs.blocks.consult import ACTIONS, CONSULT_LONG, CONSULT_SHORT, FOLLOWS
from envs.blocks.orders import POINTINGS
from sandbox.compute import board
from sandbox.consulting import LONG, longest_search
from sandbox.errors import SandboxError, unknown_name

RULES = NEVER, BRIEF, DEEP, ALWAYS, AUTO = "never", "short", "long", "always", "auto"
EVERY_MIN: Mapping[str, float] = MappingProxyType({BRIEF: 10.0, DEEP: 30.0})
"""Minutes between two searches of a rule by clock; assumed: two thirds of the time that plans stand."""
MOST_TIME = 0.06
"""`auto`: share of the time for which a board may search with a full battery; less the lower it is, none at
`LEAST_BATTERY`; assumed."""
PATIENCE_S = 300.0
"""`auto`: a long search may take so long, a third of the time for which the plan of a short one stands;
assumed."""
LEAST_BATTERY = 25.0
"""`auto`: percent below which nothing is thought; assumed, ten points above where safe mode begins."""
REST_MIN = 1.0
"""`auto`: minutes from one search to the next at least; assumed."""


class Consulting(Policy):
    """A fast policy, and a rule for when to think.

    Args:
        env: any face of a problem made with `consult=True`.
        rule: out of `RULES`.
        inner: the policy that decides where no plan stands, by name or made for `env`.
        every_min: minutes between searches of the rules by clock (default: `EVERY_MIN`).

    `changed` (B,) counts the decisions that a plan took otherwise than `inner` would have; to rest at nadir
    or to the Sun is the same. Raises SandboxError for an unknown rule, and where nothing can be consulted.
    """

    problems = ("tasking_v0", "autonomy_v0", "operations_v0")

    def __init__(
        self, env: Any, rule: str = AUTO, inner: str | Policy = "equinox", every_min: float | None = None
    ) -> None:
        super().__init__(env)
        if rule not in RULES:
            raise unknown_name("rule of thinking", rule, RULES)
        if not set(ACTIONS) <= set(self.actions):
            raise SandboxError(
                f"{type(self).__name__}: nothing can be consulted in this environment; make it with "
                "consult=True."
            )
        self.rule = rule
        self.inner = make_policy(inner, env) if isinstance(inner, str) else inner
        self._short, self._long, self._follow = (
            self.actions.index(name) for name in (CONSULT_SHORT, CONSULT_LONG, FOLLOWS)
        )
        pointing = (*POINTINGS, *(name for name in self.actions if name.startswith("observe_")))
        self._pointing = np.array([self.actions.index(name) for name in pointing])
        self._rests = np.array([self.actions.index(name) for name in POINTINGS if name != "downlink"])
        self._stand = "keep" in self.actions
        self._round_min = float(env.problem.mission.round_s) / 60.0
        self._every = self._rounds(EVERY_MIN.get(rule, 0.0) if every_min is None else every_min)
        self._rest = self._rounds(REST_MIN)
        crafts = env.problem.mission.spacecraft.values()
        boards = [board(craft.compute.board) for craft in crafts if craft.compute is not None]
        longest = max((longest_search(each, LONG) for each in boards), default=0.0)
        self._usual_min = 0.5 * longest / 60.0
        self._wanted = self._long if longest <= PATIENCE_S or rule in (DEEP, ALWAYS) else self._short
        if rule == BRIEF:
            self._wanted = self._short
        self._since: NDArray[np.int64] | None = None
        self.changed = np.zeros(0, np.int64)

    def _rounds(self, minutes: float) -> int:
        return max(1, round(minutes / self._round_min))

    def reset(self, seed: int | None = None) -> None:
        super().reset(seed)
        self.inner.reset(seed)
        self._since, self.changed = None, np.zeros(0, np.int64)

    def close(self) -> None:
        self.inner.close()

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        if self._since is None or self._since.shape != mask.shape[:2]:
            # turns are spread over the fleet, so that not all plan on the same knowledge
            self._since = np.broadcast_to(1_000_000 - np.arange(mask.shape[1]) % 4, mask.shape[:2]).copy()
            self.changed = np.zeros(len(mask), np.int64)
        fast = self.inner.decide(observation, mask)
        follows = (mask[..., self._follow] == 1) & (self.rule != NEVER)
        action = fast
        if follows.any():
            action = self._followed(observation, mask, fast, follows)
        wants = (mask[..., self._wanted] == 1) & self._due(observation, mask, follows)
        if self._stand:  # an order of another kind goes before; a search waits for a round without one
            wants &= (action == 0) | (action == self._follow) | np.isin(action, self._pointing)
        self._since = np.where(wants, 0, self._since + 1)
        self.reasons = {"minutes since it thought": np.minimum(self._since * self._round_min, 1e4)}
        return np.where(wants, self._wanted, action)

    def _followed(
        self, observation: NDArray, mask: NDArray, fast: NDArray, follows: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """What is done where a plan stands, the plan's orders in the place of those of the fast policy."""
        says = self._says(observation, mask)
        if not self._stand:
            differs = (says != fast) & ~(np.isin(says, self._rests) & np.isin(fast, self._rests))
            self.changed += (follows & differs).sum(axis=-1)
            return np.where(follows, self._follow, fast)
        bare = mask.copy()
        bare[..., self._pointing] = 0
        others = self.inner.decide(observation, np.where(follows[..., None], bare, mask))
        standing = says == 0  # what the plan says stands already
        action = np.where(others != 0, others, np.where(standing, 0, self._follow))
        self.changed += (follows & (action != fast) & (others == 0)).sum(axis=-1)
        return np.where(follows, action, fast)

    def _says(self, observation: NDArray, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """The action that the plan stands for; with standing orders 0 where it is in force already."""
        see, label = self.layout.physical, self.actions.index
        place = np.rint(see(observation, "plan_observes")).astype(np.int64)
        sends = see(observation, "plan_sends") > 0.5
        rest = np.where(sends, label("downlink"), label("charge"))
        says = np.where(place > 0, label("observe_1") + place - 1, rest)
        if not self._stand:
            return says
        legal = np.take_along_axis(mask, says[..., None], axis=-1)[..., 0] == 1
        return np.where(legal, says, 0)

    def _due(self, observation: NDArray, mask: NDArray, follows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Who should think now, as far as it is possible."""
        assert self._since is not None
        if self.rule == NEVER:
            return np.zeros(follows.shape, np.bool_)
        if self.rule == ALWAYS:
            return np.ones(follows.shape, np.bool_)
        if self.rule != AUTO:
            return self._since >= self._every
        battery = self.layout.physical(observation, "battery")
        comfort = np.clip((battery - LEAST_BATTERY) / (100.0 - LEAST_BATTERY), 1e-9, 1.0)
        dear = self._usual_min / (MOST_TIME * comfort) / self._round_min  # rounds from search to search
        late = self._since >= np.where(follows, dear, 0.5 * dear)
        return late & (battery > LEAST_BATTERY) & (self._since >= self._rest)
