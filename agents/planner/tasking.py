"""The planner for tasking_v0: who images what in which round, and who sends when.

Plans are searched by simulation (`search`), around a heuristic that sees the truth (`tasking_decoder`).
Whenever it plans, a network flow program of the rounds ahead (`tasking_milp`) says who should image what, and
that is among what is tried; the program alone counts on requests that the outlook does not list.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from agents.planner.neighbourhood import PREFERRED, TaskingNeighbourhood
from agents.planner.rollout import RolloutPlanner
from agents.planner.search import ALL, Base, Change, Edit
from agents.planner.simulator import Simulator
from agents.planner.tasking_decoder import REST, SEND, WATCH, TaskingDecoder
from agents.planner.tasking_milp import SEND as SENT
from agents.planner.tasking_milp import TaskingMilp
from agents.planner.trajectories import trajectories
from sandbox.campaigns import completion_shares
from sandbox.state import NONE

FEW = 200
"""Opportunities of a program of which the optimum is looked for."""


class TaskingPlanner(RolloutPlanner):
    """See the module's page; `gap` is that of the flow programs' plans."""

    problems = ("tasking_v0",)
    window_s = 1_200.0
    """Seconds ahead that the flow program covers: beyond, others may have imaged what it counts on."""

    def base(self, simulator: Simulator) -> Base:
        return TaskingNeighbourhood(simulator, TaskingDecoder(simulator))

    def starts(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """Plans that send whenever they can, and that leave what is worth little; where the episode is small,
        what a flow program of all of it has everybody do."""
        base = cast(TaskingNeighbourhood, self.searching.base)
        world, place = self.source(b)
        requests = world.state.requests
        choosy = base.choosy(requests.book["value"][place] + completion_shares(requests, place))
        if base.blank()["orders"].shape[1] == 1:
            return choosy
        # with all requests, and with those alone that would be shown if nobody imaged any
        plans = [self._orders(b, rounds, rounds, near) for near in (0, rounds)]
        return [*choosy, *_wished(plans[0]), *(_ordered(orders, done) for orders in plans)]

    def others(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """The wishes that the flow program has for the rounds ahead."""
        return _wished(self._orders(b, rounds, min(self.rounds_in(self.window_s), rounds), 2))

    def _orders(self, b: int, rounds: int, window: int, near: int) -> NDArray[np.int64]:
        """What the flow program of the next `window` rounds has each satellite do in each (N, window)."""
        world, place = self.source(b)
        model = TaskingMilp(world, place, trajectories(world, place, rounds), window, near)
        # rounding leaves a tenth and more at times; where few have few choices the optimum can be proven
        small = len(model.opportunities) <= FEW
        solution = model.program.exact() if small else model.program.solve()
        self.gaps.append(solution.gap)
        return model.orders(solution)


def _pairs(orders: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Who is to image what, in order."""
    n, t = np.nonzero(orders >= 0)
    return sorted({(int(i), int(orders[i, s])) for i, s in zip(n, t, strict=True)})


def _wished(orders: NDArray[np.int64]) -> list[Change]:
    """The pairs as a preference, and also with all others of those requests held off.

    The program knows nothing of the heuristic: so none is imaged by the wrong satellite first.
    """
    pairs = _pairs(orders)
    mine: list[Edit] = [("keys", pair, PREFERRED) for pair in pairs]
    alone: list[Edit] = [("keys", (slice(None), j), 0.25) for _, j in pairs]
    return [{ALL: mine}, {ALL: [*alone, *mine]}]


def _ordered(orders: NDArray[np.int64], done: int) -> Change:
    """The orders to the letter: nothing else is imaged, and nobody images or sends at other times."""
    habits = np.select([orders >= 0, orders == SENT], [WATCH, SEND], REST).astype(np.int8)
    when = slice(done, done + orders.shape[1])
    mine: list[Edit] = [("keys", pair, PREFERRED) for pair in _pairs(orders)]
    place = slice(None), when
    asked = np.maximum(orders, NONE).astype(np.int32)
    return {
        ALL: [
            ("keys", (slice(None), slice(None)), 0.0),
            *mine,
            ("habits", place, habits),
            ("orders", place, asked),
        ]
    }
