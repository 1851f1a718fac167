"""The planner for autonomy_v0: plans for pointing and for the inboxes' rules, searched by simulation.

`autonomy_decoder` carries them out. A move changes the weight of a request, the habit of a satellite or the
rule of its inbox for some minutes, or a number that its heuristic reckons with.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.planner.autonomy_decoder import NUMBERS, STAY, AutonomyDecoder, Plain, PlainPhoenix
from agents.planner.learned import LearnedDecoder
from agents.planner.neighbourhood import TaskingNeighbourhood, some_rounds
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import ALL, Base, Change, Edit, Plan, Trace
from agents.planner.simulator import Simulator
from agents.planner.variation import varied
from sandbox.jobs import DECISIONS
from sandbox.state import NONE


class AutonomyNeighbourhood(TaskingNeighbourhood):
    """`AutonomyDecoder` in the copies of a simulator, and changes of its plans; see `search.Base`."""

    def __init__(
        self,
        simulator: Simulator,
        decoder: type[AutonomyDecoder] = AutonomyDecoder,
        plain: Sequence[type[Plain]] = (Plain, PlainPhoenix),
    ) -> None:
        self.decoder = decoder(simulator)
        super().__init__(simulator, self.decoder.points)
        self._plain = [kind(simulator) for kind in plain]
        for each in self._plain:
            each.share(self.decoder.points)
        self._learned = LearnedDecoder.shipped_for(simulator, self.decoder)
        self._kinds = 1 + len(self._plain) + (self._learned is not None)
        self._learned_kind = self._kinds - 1 if self._learned is not None else NONE

    def blank(self) -> Plan:
        n = self.world.satellites
        return super().blank() | {
            "plain": np.zeros((n, 1), np.int8),
            "wishes": np.zeros((n, self.rounds), np.int8),
            "rules": np.ones((n, len(NUMBERS)), np.float32),
            "leaning": np.zeros((n, len(self.simulator.actions)), np.float32),
        }

    def follow(self, plan: Plan) -> None:
        super().follow(plan)
        self._wishes, self._plainly = plan["wishes"], plan["plain"][..., 0]
        self.decoder.rules.follow(plan["rules"])
        if self._learned is not None:
            self._learned.leaning = plan["leaning"]

    def act(self, round_: int | NDArray[np.int64]) -> NDArray[np.int64]:
        self.policy.habit, self.policy.order = self.now(self.habits, round_), self.now(self.orders, round_)
        self.decoder.rules.wish = self.now(self._wishes, round_)
        seen, mask = self.simulator.seen, self.simulator.mask
        actions = self.decoder.decide(seen, mask)
        for kind, plain in enumerate(self._plain, 1):
            mine = self._plainly == kind
            if mine.any():
                actions = np.where(mine, plain.decide(seen, mask), actions)
        mine = self._plainly == self._learned_kind
        if self._learned is not None and mine.any():
            actions = np.where(mine, self._learned.decide(seen, mask), actions)
        return actions

    def starts(self) -> Sequence[Change]:
        # single moves cannot cross from one heuristic to the other: every step between the two earns less
        kinds: list[Edit] = [("plain", (slice(None),), kind + 1) for kind in range(len(self._plain))]
        plainly = self.pointed_plainly()
        learned: list[Change] = []
        if self._learned is not None:
            learned = [{ALL: [("plain", (slice(None),), self._learned_kind)]}]
        return [
            *super().starts(),
            *({ALL: [kind]} for kind in kinds),
            *({ALL: [k, plainly]} for k in kinds),
            *learned,
        ]

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
        kind = rng.random()
        if kind < 0.1:
            who = slice(None) if n == ALL else n
            return [("plain", (who,), int(rng.integers(self._kinds)))]
        if self._learned is not None and self._is_learned(plan, n):
            return self._learned.leant(rng, plan, n)
        return super().vary(rng, plan, n) if kind < 0.55 else varied(rng, "rules", plan, n)

    def _is_learned(self, plan: Plan, n: int) -> bool:
        """Whether satellite n of a plan, or more than half of all, follow the network."""
        follow = plan["plain"][:, 0] == self._learned_kind
        return bool(follow.mean() > 0.5 if n == ALL else follow[n])


class AutonomyPlanner(RolloutPlanner):
    """See the module's page."""

    problems = ("autonomy_v0",)
    # shorter than for images alone: answers are paid within minutes, and a copy's round costs twice as much
    every_s, horizon_s, effort = 1_200.0, 2_700.0, 300

    def base(self, simulator: Simulator) -> Base:
        return AutonomyNeighbourhood(simulator)
