"""The planner for autonomy_v0: plans for pointing and for the inboxes' rules, searched by simulation.

What carries them out is `serving`. A plan changes a wish about a request, the behaviour of a satellite, the
rule of its inbox for some rounds, or a number that it reckons with.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.planner.plans import Points, some_rounds
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import ALL, Base, Change, Edit, Genes, Trace
from agents.planner.serving import NUMBERS, STAY, Plain, Serving
from agents.planner.simulator import Simulator
from sandbox.jobs import DECISIONS


class Serves(Points):
    """`Serving` in the copies of a simulator, and changes of its plans; see `search.Base`."""

    def __init__(self, simulator: Simulator) -> None:
        self.serving = Serving(simulator)
        super().__init__(simulator, self.serving.points)
        self._plain = Plain(simulator)
        self._plain.share(self.serving.points)

    def blank(self) -> Genes:
        n = self.world.satellites
        return super().blank() | {
            "plain": np.zeros((n, self.rounds), np.bool_),
            "wishes": np.zeros((n, self.rounds), np.int8),
            "rules": np.ones((n, len(NUMBERS)), np.float32),
        }

    def heed(self, genes: Genes) -> None:
        super().heed(genes)
        self._wishes, self._plainly = genes["wishes"], genes["plain"]
        self.serving.rules.heed(genes["rules"])

    def act(self, round_: int) -> NDArray[np.int64]:
        last = min(round_, self.rounds - 1)
        self.policy.habit, self.serving.rules.wish = self.habits[..., last], self._wishes[..., last]
        seen, mask, plainly = self.simulator.seen, self.simulator.mask, self._plainly[..., last]
        actions = self.serving.decide(seen, mask)
        return np.where(plainly, self._plain.decide(seen, mask), actions) if plainly.any() else actions

    def starts(self) -> Sequence[Change]:
        plain: Edit = ("plain", (slice(None),), True)
        return [*super().starts(), {ALL: [plain]}, {ALL: [plain, self.pointed_plainly()]}]

    def change(self, rng: np.random.Generator, trace: Trace, rounds: int, n: int) -> Sequence[Edit]:
        kind = rng.random()
        if kind < 0.4:
            return super().change(rng, trace, rounds, n)
        if kind < 0.9 and n != ALL:
            wish = int(rng.integers(STAY, len(DECISIONS)))
            return [("wishes", (n, some_rounds(rng, trace.first, rounds)), wish)]
        return [self.number(rng, "rules", len(NUMBERS), n)]


class AutonomyPlanner(RolloutPlanner):
    """See the module's page."""

    problems = ("autonomy_v0",)
    every, horizon, effort = 40, 90, 384

    def base(self, simulator: Simulator) -> Base:
        return Serves(simulator)
