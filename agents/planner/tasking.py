"""The planner for tasking_v0: who images what in which round, and who sends when.

Plans are searched by simulation (`search`), around a heuristic that sees the truth (`tasking_decoder`).
Whenever it plans, a network flow program of the rounds ahead (`tasking_milp`) says who should image what, and
that is among what is tried; the program alone counts on requests that the outlook does not list.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from agents.planner.neighbourhood import PREFERRED, TaskingNeighbourhood
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import ALL, Base, Change, Edit
from agents.planner.simulator import Simulator
from agents.planner.tasking_decoder import TaskingDecoder
from agents.planner.tasking_milp import TaskingMilp
from agents.planner.trajectories import trajectories


class TaskingPlanner(RolloutPlanner):
    """See the module's page; `gap` is that of the flow programs' plans."""

    problems = ("tasking_v0",)
    window_s = 1_200.0
    """Seconds ahead that the flow program covers: beyond, others may have imaged what it counts on."""

    def base(self, simulator: Simulator) -> Base:
        return TaskingNeighbourhood(simulator, TaskingDecoder(simulator))

    def starts(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """Plans that send whenever they can, and that leave what is worth little."""
        base = cast(TaskingNeighbourhood, self.searching.base)
        world, place = self.source(b)
        return base.choosy(world.state.requests.book["value"][place])

    def others(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """The wishes that the flow program has for the rounds ahead."""
        window = min(self.rounds_in(self.window_s), rounds)
        world, place = self.source(b)
        model = TaskingMilp(world, place, trajectories(world, place, rounds), window, 2)
        solution = model.program.solve()
        self.gaps.append(solution.gap)
        orders = model.orders(solution)
        n, t = np.nonzero(orders >= 0)
        pairs = {(int(i), int(orders[i, s])) for i, s in zip(n, t, strict=True)}
        mine: list[Edit] = [("keys", pair, PREFERRED) for pair in sorted(pairs)]
        # the program knows nothing of the heuristic: its pairs as a preference, and also with all others of
        # those requests held off, so that none is imaged by the wrong satellite first
        alone = [("keys", (slice(None), j), 0.25) for _, j in sorted(pairs)]
        return [{ALL: mine}, {ALL: [*alone, *mine]}]
