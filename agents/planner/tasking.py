"""The planner for tasking_v0: who images what in which round, and who sends when.

Every few rounds a network flow program (`tasking_case`) is made of the rounds ahead. A satellite's way
through it leads from round to round: at rest with the panel to the Sun, over images and contacts. The ways
share the requests (one image of each), the antennas, and what each satellite can send and spend. An image is
worth its value at the contact in which it is sent; one that is left on board at the end of the window, what
it will be worth at the next contact. Clouds, requests to come and contacts are the true ones.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.planner.base import Planner
from agents.planner.tasking_case import REST, SEND, Case
from agents.planner.tracks import Tracks, tracks
from sandbox.sensing import is_closed
from sandbox.state import OPEN

SPARE_ROUNDS = 2
"""Rounds without an order in which a satellite may turn to something else."""
PLENTY = 0.5
"""Share of the battery above which it does."""


class Plan(NamedTuple):
    """What each satellite does from round `begin` of the episode on: a request, REST or SEND (N, H)."""

    start: float
    begin: int
    orders: NDArray[np.int64]


class TaskingPlanner(Planner):
    """Plans `window` rounds ahead every `every` rounds; see the module's page."""

    problems = ("tasking_v0",)

    def __init__(self, env: Any, window: int = 40, every: int = 8, near: int = 2) -> None:
        super().__init__(env)
        self.window, self.every, self.near = int(window), int(every), int(near)
        names = ("idle", "charge", "downlink", "observe_1")
        self._idle, self._charge, self._downlink, self._observe = map(self.actions.index, names)
        self.forget()

    def forget(self) -> None:
        self._plans: dict[int, Plan] = {}
        self._tracks: dict[int, Tracks] = {}

    def act_in(self, b: int, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        clock = self.world.state.clock[b]
        done, start = int(clock["round"]), float(clock["start"])
        plan = self._plans.get(b)
        if plan is None or plan.start != start or not plan.begin <= done < plan.begin + self.every:
            plan = self._plans[b] = self._plan(b, start, done)
        return self._actions(b, plan.orders[:, done - plan.begin :], mask)

    def _plan(self, b: int, start: float, done: int) -> Plan:
        """A plan for world b, whose episode began at `start` s and has seen `done` rounds."""
        along = self._ahead(b)
        rounds = min(self.window, len(along.sun))
        orders = np.full((self.world.satellites, max(rounds, self.every)), REST)
        if rounds:
            case = Case(self.world, b, along, rounds, self.near)
            solution = case.program.solve()
            self.gaps.append(solution.gap)
            orders[:, :rounds] = case.orders(solution)
        return Plan(start, done, orders)

    def _ahead(self, b: int) -> Tracks:
        """The tracks from now to the end of the episode: those known, if the satellites are still on them."""
        world, known = self.world, self._tracks.get(b)
        now, step = float(world.state.clock["time"][b]), world.constants.round_s
        if known is not None:
            gone = round((now - known.start) / step)
            if 0 <= gone < len(known.sun) and np.allclose(
                known.position[gone], world.state.orbit.position[b], rtol=0.0, atol=1.0
            ):
                return known._replace(
                    start=now, **{name: getattr(known, name)[gone:] for name in known._fields[1:]}
                )
        left = world.horizon_s - (now - float(world.state.clock["start"][b]))
        self._tracks[b] = tracks(world, b, max(0, round(left / step)))
        return self._tracks[b]

    def _actions(self, b: int, orders: NDArray[np.int64], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        """Actions (N,) that carry out `orders` (N, H) as far as is legal; else the panel goes to the Sun."""
        status = self.world.state.requests.book["status"][b]
        wanted = np.array([self._wanted(row, status) for row in orders])
        actions = np.where(mask[:, self._charge] == 1, self._charge, self._idle)
        listed = self.world.state.opportunities["request"][b]
        shown = (listed == wanted[:, None]) & (wanted[:, None] >= 0) & (mask[:, self._observe :] == 1)
        actions = np.where(shown.any(axis=-1), self._observe + shown.argmax(axis=-1), actions)
        actions = np.where((wanted == SEND) & (mask[:, self._downlink] == 1), self._downlink, actions)
        planned = np.unique(orders)
        resting = (orders[:, :SPARE_ROUNDS] == REST).all(axis=-1) & (wanted == REST)
        hidden = (wanted >= 0) & ~shown.any(axis=-1)
        for n in np.flatnonzero(resting | hidden):
            if mask[n, self._observe :].all():
                actions[n] = self._clear(b, int(n), planned, int(actions[n]))
        return actions

    @staticmethod
    def _wanted(row: NDArray[np.int64], status: NDArray[np.uint8]) -> int:
        """What a satellite is to do now: an image that is there already makes way for what follows it."""
        for order in row[:SPARE_ROUNDS].tolist():
            if order < 0 or status[order] == OPEN:
                return order
        return REST

    def _clear(self, b: int, n: int, planned: NDArray[np.int64], action: int) -> int:
        """Spend rounds on a full list: what is taken, or found under cloud, makes room for others.

        The outlook lists a request under a closed sky until somebody has found it so. What can be had goes
        first, then what hides the rest.
        """
        state, constants = self.world.state, self.world.constants
        if state.power["energy"][b, n] < PLENTY * state.power["capacity"][b, n]:
            return action
        book, now = state.requests.book[b], float(state.clock["time"][b])
        best, choice = -1.0, action
        for k, one in enumerate(state.opportunities[b, n]):
            j, ends = int(one["request"]), one["capture"] + constants.craft["dwell"][n]
            if j in planned or ends > SPARE_ROUNDS * constants.round_s:
                continue
            closed = is_closed(state.requests, b, j, now + one["capture"], constants.sky_s)
            worth = 0.0 if closed else float(book["value"][j])
            if worth > best:
                best, choice = worth, self._observe + k
        return choice
