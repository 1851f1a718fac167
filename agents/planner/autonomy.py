"""The planner for autonomy_v0: plans for pointing and for the inboxes' rules, searched by simulation.

`autonomy_decoder` carries them out. A move changes the weight of a request, the habit of a satellite or the
rule of its inbox for some minutes, or a number that its heuristic reckons with.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.planner.autonomy_decoder import NUMBERS, STAY, AutonomyDecoder, Plain
from agents.planner.neighbourhood import TaskingNeighbourhood, some_rounds
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import ALL, Base, Change, Edit, Plan, Trace
from agents.planner.simulator import Simulator
from agents.planner.variation import varied
from sandbox.jobs import DECISIONS


class AutonomyNeighbourhood(TaskingNeighbourhood):
    """`AutonomyDecoder` in the copies of a simulator, and changes of its plans; see `search.Base`."""

    def __init__(
        self,
        simulator: Simulator,
        decoder: type[AutonomyDecoder] = AutonomyDecoder,
        plain: type[Plain] = Plain,
    ) -> None:
        self.decoder = decoder(simulator)
        super().__init__(simulator, self.decoder.points)
        self._plain = plain(simulator)
        self._plain.share(self.decoder.points)

    def blank(self) -> Plan:
        n = self.world.satellites
        return super().blank() | {
            "plain": np.zeros((n, self.rounds), np.bool_),
            "wishes": np.zeros((n, self.rounds), np.int8),
            "rules": np.ones((n, len(NUMBERS)), np.float32),
        }

    def follow(self, plan: Plan) -> None:
        super().follow(plan)
        self._wishes, self._plainly = plan["wishes"], plan["plain"]
        self.decoder.rules.follow(plan["rules"])

    def act(self, round_: int | NDArray[np.int64]) -> NDArray[np.int64]:
        self.policy.habit, self.policy.order = self.now(self.habits, round_), self.now(self.orders, round_)
        self.decoder.rules.wish = self.now(self._wishes, round_)
        seen, mask, plainly = self.simulator.seen, self.simulator.mask, self.now(self._plainly, round_)
        actions = self.decoder.decide(seen, mask)
        return np.where(plainly, self._plain.decide(seen, mask), actions) if plainly.any() else actions

    def starts(self) -> Sequence[Change]:
        # single moves cannot cross from one heuristic to the other: every step between the two earns less
        plain: Edit = ("plain", (slice(None),), True)
        return [*super().starts(), {ALL: [plain]}, {ALL: [plain, self.pointed_plainly()]}]

    def change(self, rng: np.random.Generator, trace: Trace, rounds: int, n: int) -> Sequence[Edit]:
        # the inbox comes up in every round, a request in few: half of the moves are about the inbox
        kind = rng.random()
        if kind < 0.4:
            return super().change(rng, trace, rounds, n)
        if kind < 0.9 and n != ALL:
            wish = int(rng.integers(STAY, len(DECISIONS)))
            return [("wishes", (n, some_rounds(rng, trace.first, rounds, self.round_s)), wish)]
        return [self.number(rng, "rules", len(NUMBERS), n)]

    def vary(self, rng: np.random.Generator, plan: Plan, n: int) -> Sequence[Edit]:
        return super().vary(rng, plan, n) if rng.random() < 0.5 else varied(rng, "rules", plan, n)


class AutonomyPlanner(RolloutPlanner):
    """See the module's page."""

    problems = ("autonomy_v0",)
    # shorter than for images alone: answers are paid within minutes, and a copy's round costs twice as much
    every_s, horizon_s, effort = 1_200.0, 2_700.0, 300

    def base(self, simulator: Simulator) -> Base:
        return AutonomyNeighbourhood(simulator)
