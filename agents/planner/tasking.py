"""The planner for tasking_v0: who images what in which round, and who sends when.

Plans are searched by simulation (`search`), around a heuristic that sees the truth (`pointing`). Whenever it
plans, a network flow program of the rounds ahead (`tasking_case`) says who should image what, and that is
among what is tried; the program alone counts on requests that the outlook does not list.
"""

from collections.abc import Sequence

import numpy as np

from agents.planner.plans import PREFERRED, Points
from agents.planner.pointing import Pointing
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import ALL, Base, Change, Edit
from agents.planner.simulator import Simulator
from agents.planner.tasking_case import Case
from agents.planner.tracks import tracks


class TaskingPlanner(RolloutPlanner):
    """See the module's page; `gap` is that of the flow programs' plans."""

    problems = ("tasking_v0",)
    window = 40

    def base(self, simulator: Simulator) -> Base:
        return Points(simulator, Pointing(simulator))

    def others(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """The wishes that the flow program has for the rounds ahead."""
        window = min(self.window, rounds)
        case = Case(self.world, b, tracks(self.world, b, rounds), window, 2)
        solution = case.program.solve()
        self.gaps.append(solution.gap)
        orders = case.orders(solution)
        n, t = np.nonzero(orders >= 0)
        pairs = {(int(i), int(orders[i, s])) for i, s in zip(n, t, strict=True)}
        mine: list[Edit] = [("keys", pair, PREFERRED) for pair in sorted(pairs)]
        alone = [("keys", (slice(None), j), 0.25) for _, j in sorted(pairs)]
        return [{ALL: mine}, {ALL: [*alone, *mine]}]
