"""The onboard planner for avoidance_v0: when to burn, found in episodes drawn anew.

On board nobody knows which warning is of a hit. What can be planned is the rule: from which probability on,
how late, for what clearance to burn, when to return to the slot. The numbers of the tuned heuristic are
searched by the cross-entropy method (Rubinstein 1999, Methodology and Computing in Applied Probability 1)
in worlds of the same mission whose encounters, errors and warnings are drawn anew; what they hold follows
the mission's statistics, never the episode's truth. Every satellite of every such world tries numbers of its
own. As hits are rare, more of them are drawn, and each counts for as much less.

What is found holds for the mission, so it is searched once for an environment, before the first decision.
Nothing is shared by the fleet but the numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.planner.simulator import Simulator
from agents.policy import Policy
from agents.tuned.avoidance import Teacher
from envs.blocks.terms import Loss
from envs.options import whole_count

WORLDS = 32
CANDIDATES, ELITE = 24, 6
"""Numbers that are tried in a generation, and those of them that the next one is drawn about."""
SEED = 20_260_421
MOST_HITS = 0.1
"""Share of hits among the encounters that are drawn, at most."""
OFTENER = 10.0
"""How many times as many hits are drawn."""
FACTORS = ("decide_h", "clearance", "spare_m", "calm_h", "out_km", "home_km")
"""Numbers of the heuristic that are multiplied by what is drawn."""
POWERS = ("log_threshold", "log_return_below")
"""Logarithms of probabilities, to which it is added."""
OF_WARNINGS = ("log_threshold", "decide_h", "log_return_below", "calm_h")
"""Those that are held against each warning."""
SPREAD = 0.7
"""Deviation of what is drawn at first."""
SLOT_SHARE = 0.8
"""Share of the slot at which a satellite turns back, at first."""


class OnboardAvoidance(Policy):
    """See the module's page.

    Args:
        env: any face of avoidance_v0.
        effort: generations of the search.

    Raises SandboxError for an effort that is no whole number of at least 1.
    """

    problems = ("avoidance_v0",)
    effort = 8

    def __init__(self, env: Any, effort: int | None = None) -> None:
        super().__init__(env)
        self._effort = whole_count("effort", self.effort if effort is None else effort)
        self._env, self._rule = env, _Rule(env)
        self._found = False

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        if not self._found:
            self._rule.follow(search(self._env.problem, self._effort))
            self._found = True
        chosen = self._rule.decide(observation, mask)
        self.reasons = self._rule.reasons
        return chosen


class _Rule(Teacher):
    """`tuned.avoidance.Teacher` with other numbers, one for all or for each satellite."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        slot = SLOT_SHARE * env.problem.mission.encounters.slot_km
        inside = min(1.0, slot / self.out_km)  # the numbers were found with a wide slot
        self._usual = {name: float(getattr(self, name)) for name in (*FACTORS, *POWERS)}
        self._usual["out_km"] *= inside
        self._usual["home_km"] *= inside

    def follow(self, steps: NDArray[np.float64]) -> None:
        """Steps (..., FACTORS + POWERS) from the usual numbers: of logarithms."""
        for p, name in enumerate((*FACTORS, *POWERS)):
            step = steps[..., p]
            value = self._usual[name] + step if name in POWERS else self._usual[name] * np.exp(step)
            setattr(self, name, value[..., None] if name in OF_WARNINGS else value)


def search(problem: Any, generations: int) -> NDArray[np.float64]:
    """The steps (FACTORS + POWERS,) from the usual numbers that earn most in redrawn worlds."""
    rng, drawn = np.random.default_rng(SEED), Redrawn(problem, WORLDS)
    count = len(FACTORS) + len(POWERS)
    mean, spread = np.zeros(count), np.full(count, SPREAD)
    for generation in range(generations):
        tried = mean + spread * rng.standard_normal((CANDIDATES, count))
        tried[0] = mean
        scores = drawn.earned(tried, generation)
        elite = tried[np.argsort(-scores)[:ELITE]]
        mean = 0.3 * mean + 0.7 * elite.mean(axis=0)
        spread = 0.3 * spread + 0.7 * elite.std(axis=0)
    usual = np.zeros(count)
    scores = drawn.earned(np.stack((mean, usual)), generations)
    return mean if scores[0] >= scores[1] else usual


class Redrawn(Simulator):
    """Worlds of a problem's mission with encounters drawn anew, more of them hits."""

    def __init__(self, problem: Any, copies: int) -> None:
        share = problem.world.scenario.encounters.hit_share
        more = max(share, min(MOST_HITS, OFTENER * share))
        self.weight = share / more if more else 1.0
        super().__init__(problem, copies, problem.world.alike(copies, {"encounters.hit_share": more}))
        self.price = problem.price(Loss)
        self._rule = _Rule(self)

    def earned(self, tried: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
        """What a satellite earns in an episode with each of the steps `tried` (C, ...), in the mean (C,)."""
        team = self.copies, self.satellites
        # neighbours in number have different steps, and each has the same satellites as often as any other
        which = (np.arange(self.copies)[:, None] + np.arange(self.satellites)) % len(tried)
        self._rule.follow(tried[which])
        self.world.reset(SEED + 1_000 * seed)
        self._report()
        total, alive = np.zeros(team), np.ones(team, np.bool_)
        for _ in range(round(self.world.horizon_s / self.world.constants.round_s)):
            self.step(self._rule.decide(self.seen, self.mask))
            total += self.reward
            died = alive & ~self.world.state.body["alive"]
            total += died * self.price * (1.0 - self.weight)
            alive &= ~died
        return np.array([total[which == k].mean() for k in range(len(tried))])
