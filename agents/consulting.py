"""Rules for thinking: when to have the onboard planner search, by clock or by what it is worth.

They are for problems made with `consult=True`. A fast policy decides wherever no plan stands; where one does,
it is followed. What differs is when a search is begun (`RULES`):

- `never`: the fast policy alone;
- `short`, `long`: a search every so many minutes, needed or not;
- `always`: a long one whenever the board is free;
- `auto`: when it is worth it. A plan loses by its age what a fresh one would bring, the faster the older it
  is: after t minutes t^2 / (2 x FADE_MIN) minutes of the worth of planning. A search costs minutes too: those
  for which the board takes to it, without a plan, and those in which the panel earns the joules that it
  takes, more the lower the battery is. It is begun when the loss has grown to the cost, or where no plan
  stands. So plans are renewed by the square root of their cost: often where boards are fast, seldom where
  they are slow; and a short search takes the place of a long one where that would leave less.
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
from sandbox.consulting import LONG, SHORT, longest_search
from sandbox.errors import SandboxError, unknown_name

RULES = NEVER, BRIEF, DEEP, ALWAYS, AUTO = "never", "short", "long", "always", "auto"
EVERY_MIN: Mapping[str, float] = MappingProxyType({BRIEF: 10.0, DEEP: 30.0})
"""Minutes between two searches of a rule by clock; assumed: two thirds of the time that plans stand."""
FADE_MIN = 25.0
"""`auto`: minutes, by the age of which a plan is reckoned to bring nothing more than a reflex; chosen on
seeds from 1000 on of `scs01_tight` and `scs01_scarce`, on a fast and a slow board."""
SHARE_OF_LONG: Mapping[int, float] = MappingProxyType({SHORT: 0.4, LONG: 1.0})
"""`auto`: what a fresh plan of each effort brings, of what a long one does; from the same seeds."""
USUAL = 0.5
"""`auto`: seconds of a search, of the most that it may take; so measured."""
SPARE = 0.2
"""`auto`: what panels earn beyond the standing load, of that load; assumed, as in `scs01_tight`."""
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
        crafts = [each for each in env.problem.mission.spacecraft.values() if each.compute is not None]
        self._lag = {c: max((self._minutes(each, c) for each in crafts), default=0.0) for c in SHARE_OF_LONG}
        self._drawn = {c: max((_earned(each, c) for each in crafts), default=0.0) for c in SHARE_OF_LONG}
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
        self.messages = self.inner.messages
        follows = (mask[..., self._follow] == 1) & (self.rule != NEVER)
        action = fast
        if follows.any():
            action = self._followed(observation, mask, fast, follows)
        wanted, due = self._thinks(observation, follows)
        wants = (np.take_along_axis(mask, wanted[..., None], axis=-1)[..., 0] == 1) & due
        if self._stand:  # an order of another kind goes before; a search waits for a round without one
            wants &= (action == 0) | (action == self._follow) | np.isin(action, self._pointing)
        self._since = np.where(wants, 0, self._since + 1)
        self.reasons = {"minutes since it thought": np.minimum(self._since * self._round_min, 1e4)}
        return np.where(wants, wanted, action)

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

    def _thinks(
        self, observation: NDArray, follows: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Which search (B, N) each would have begun, and who now, as far as it is possible."""
        assert self._since is not None
        if self.rule == AUTO:
            return self._worth_it(observation, follows)
        wanted = np.full(follows.shape, self._short if self.rule == BRIEF else self._long)
        if self.rule in (NEVER, ALWAYS):
            return wanted, np.full(follows.shape, self.rule == ALWAYS)
        return wanted, self._since >= self._every

    def _worth_it(
        self, observation: NDArray, follows: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """`_thinks` of `auto`: the search that leaves most, begun when the plan has lost what it costs."""
        assert self._since is not None
        battery = self.layout.physical(observation, "battery")
        comfort = np.clip((battery - LEAST_BATTERY) / (100.0 - LEAST_BATTERY), 1e-9, 1.0)
        cost = {c: self._lag[c] + self._drawn[c] / comfort for c in SHARE_OF_LONG}
        # renewed at its best time, a plan loses this share of its worth to age and to searches
        left = {c: share * (1.0 - np.sqrt(2.0 * cost[c] / FADE_MIN)) for c, share in SHARE_OF_LONG.items()}
        long = left[LONG] >= left[SHORT]
        price = np.where(long, cost[LONG], cost[SHORT])
        pays = (np.where(long, left[LONG], left[SHORT]) > 0.0) & (battery > LEAST_BATTERY)
        since = self._since * self._round_min
        age = np.minimum(self.layout.physical(observation, "plan_age"), since)
        late = np.where(follows, age**2 / (2.0 * FADE_MIN), since) >= price
        return np.where(long, self._long, self._short), pays & late & (self._since >= self._rest)

    def _minutes(self, craft: Any, choice: int) -> float:
        """For so long a satellite is without a plan while it searches."""
        minutes = USUAL * longest_search(board(craft.compute.board), choice) / 60.0
        return minutes if minutes < self._round_min else minutes + 0.5 * self._round_min


def _earned(craft: Any, choice: int) -> float:
    """Minutes in which the panel earns, beyond the standing load, what a search takes from the battery."""
    profile, power = board(craft.compute.board), craft.power
    watts = max(0.0, profile.active_w - power.compute_w / craft.compute.boards)
    minutes = USUAL * longest_search(profile, choice) / 60.0
    return minutes * watts / (SPARE * (power.bus_w + power.compute_w))
