"""The planner for offloading_v0: each job goes where it truly brings the fleet most.

This is greedy insertion. For the job at the head of every inbox, each place that could answer it is tried:
the queue of the boards there is run through with the job and without it (`queue_model`), with the true
moments at which a satellite will see the users. The difference is the gain: what the job is paid, less what
those that it delays lose. The job of the greatest gain is inserted first; a queue that has taken one is run
through again for the others.

The bound of a round is that of the relaxation in which no job delays another: each at its own best place.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.planner.base import Planner
from agents.planner.queue_model import QUEUED, Ahead, coverage, load_queue, paid, run_through
from agents.planner.trajectories import Trajectories, trajectories
from sandbox.jobs import (
    ANSWERS,
    DEFER,
    DROP,
    GROUND,
    INBOX,
    LARGE,
    NEIGHBOUR,
    RAW,
    RUN_LARGE,
    RUN_SMALL,
    SMALL,
    TO_GROUND,
    TRAINING,
)
from sandbox.state import NONE

HOP_S = 0.1
"""Time that a job takes over the mesh, about."""
RESERVE = 0.2
"""Share of the battery below which the own boards take nothing on."""
WORTHLESS = 1e-3
"""Gain of a dropped job: above zero, so that one that nobody can answer in time holds up no inbox."""


class Queue:
    """The boards of one satellite: what waits there, what it will pay, and what one job more would add."""

    def __init__(self, planner: "Insertion", b: int, n: int, now: float) -> None:
        self.planner, self.b, self.n, self.now = planner, b, n, now
        self.waiting = np.zeros(512, QUEUED)
        self.count = int(load_queue(planner.world.jobs.state, b, n, self.waiting))
        self.total = self._run(self.count)

    def gain(self, j: int, model: int, ready: float) -> float:
        """What job j brings, less what it takes from the others."""
        if self.count == len(self.waiting):
            return 0.0
        self._append(j, model, ready)
        return self._run(self.count + 1) - self.total

    def put(self, j: int, model: int, ready: float) -> None:
        self._append(j, model, ready)
        self.count += 1
        self.total = self._run(self.count)

    def _append(self, j: int, model: int, ready: float) -> None:
        kind = self.planner.world.jobs.state.book["kind"][self.b, j]
        self.waiting[self.count] = (kind, model, ready, j)

    def _run(self, count: int) -> float:
        return self.planner.run(self.b, self.n, self.now, self.waiting, count)


class Insertion(Planner):
    """See the module's page."""

    problems = ("offloading_v0",)

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._left = np.zeros(512, np.bool_)
        self._free = np.zeros(self.world.jobs.state.free.shape[2])
        self.forget()

    def forget(self) -> None:
        self._known: dict[int, tuple[Trajectories, NDArray, NDArray]] = {}

    def act_in(self, b: int, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        now = float(self.world.state.clock["time"][b])
        self._learn(b)
        queues = {
            n: Queue(self, b, n, now) for n in np.flatnonzero(self.world.jobs.params.hosts["boards"]).tolist()
        }
        heads = self.world.jobs.state.queues["head"][b, :, INBOX]
        todo = [n for n in np.flatnonzero(heads != NONE).tolist() if mask[n, DROP]]
        options = {n: self._options(b, n, mask[n], now, queues) for n in todo}
        actions = np.full(len(mask), DEFER)
        bound, earned = sum(max(o[0] for o in some) for some in options.values()), 0.0
        while options:
            # gains only fall as queues fill, so a gain computed earlier is an upper bound: the greatest is
            # computed again, and inserted if it still holds (lazy evaluation, as for submodular functions)
            n = max(options, key=lambda n: options[n][0][0])
            gain, action, host, model, ready = options[n][0]
            fresh = self._fresh(gain, queues, host, int(heads[n]), model, ready)
            if fresh < gain - 1e-9:  # another was put there before
                options[n][0] = (fresh, action, host, model, ready)
                options[n].sort(key=lambda o: (-o[0], o[1]))
                continue
            actions[n] = action
            earned += gain
            if host != NONE:
                queues[host].put(int(heads[n]), model, ready)
            del options[n]
        if bound > 0.0:
            self.gaps.append(max(0.0, 1.0 - earned / bound))
        return actions

    def _fresh(self, gain: float, queues: dict, host: int, j: int, model: int, ready: float) -> float:
        return gain if host == NONE else queues[host].gain(j, model, ready)

    def _options(self, b: int, n: int, mask: NDArray, now: float, queues: dict) -> list[tuple]:
        """(gain, action, host, model, ready) of everything that can be done with the job, the best first."""
        work, step = self.world.jobs.state, self.world.constants.round_s
        j = int(work.queues["head"][b, n, INBOX])
        here = max(now, float(work.book["ready"][b, j]))
        power = self.world.state.power[b, n]
        found = [(WORTHLESS, DROP, NONE, NONE, now)]
        if power["energy"] > RESERVE * power["capacity"]:
            for action, model in ((RUN_LARGE, LARGE), (RUN_SMALL, SMALL)):
                if mask[action]:
                    found.append((queues[n].gain(j, model, here), action, n, model, here))
        if mask[TRAINING]:
            goal = int(self.world.jobs.scratch.training.goal[b, n])
            found.append((queues[goal].gain(j, LARGE, here + HOP_S), TRAINING, goal, LARGE, here + HOP_S))
        for action in range(NEIGHBOUR, TRAINING):
            if mask[action]:
                peer = int(self.world.lasers.state.links["peer"][b, n, action - NEIGHBOUR])
                ready = now + step * (1 + work.queues["count"][b, peer, INBOX])
                if peer in queues:
                    for model in (LARGE, SMALL):
                        found.append((queues[peer].gain(j, model, ready), action, peer, model, ready))
        if mask[TO_GROUND]:
            found.append((self._raw(b, n, j, now), TO_GROUND, NONE, GROUND, now))
        return sorted(found, key=lambda o: (-o[0], o[1]))

    def _raw(self, b: int, n: int, j: int, now: float) -> float:
        """What job j pays if it is sent down raw, behind what waits already, at the contacts to come."""
        along, _, _ = self._known[b]
        step, work = self.world.constants.round_s, self.world.jobs.state
        first = round((now - along.start) / step)
        outlook = along.outlook[first:, n]
        seconds = outlook["visible_to"] - outlook["visible_from"]
        if self._crowded(b, n):
            seconds = np.where(np.arange(len(seconds)) == 0, 0.0, seconds)
        room = np.cumsum(outlook["rate"] * seconds)
        bits = work.book["bits"][b, j] + self._bits(b, n)
        k = int(np.searchsorted(room, bits))
        if k >= len(room):
            return 0.0
        sent = (bits - (room[k - 1] if k else 0.0)) / outlook["rate"][k]
        time = now + step * k + outlook["visible_from"][k] + sent + self.world.jobs.params.ground_s
        return float(paid(self.world.jobs.params, work.book[b], j, GROUND, time))

    def _crowded(self, b: int, n: int) -> bool:
        """Whether others who have something to send will have the antennas of the station in view."""
        outlook, work = self.world.state.outlook[b], self.world.jobs.state
        station = outlook["station"][n]
        if station == NONE:
            return False
        higher = (outlook["station"] == station) & (outlook["elevation"] > outlook["elevation"][n])
        wanting = work.queues["count"][b, :, ANSWERS] + work.queues["count"][b, :, RAW] > 0
        return int((higher & wanting).sum()) >= int(self.world.constants.stations["antennas"][station])

    def _bits(self, b: int, n: int) -> float:
        """Bits that wait to be sent raw."""
        work, total = self.world.jobs.state, 0.0
        j = int(work.queues["head"][b, n, RAW])
        while j != NONE:
            total += float(work.book["bits"][b, j])
            j = int(work.book["next"][b, j])
        return total

    def _learn(self, b: int) -> None:
        """The trajectories, the users seen and the stations seen of the whole episode, computed once."""
        world = self.world
        start, step = float(world.state.clock["start"][b]), world.constants.round_s
        now = float(world.state.clock["time"][b])
        if b in self._known and round((now - start) / step) and self._known[b][0].start <= now:
            return
        along = trajectories(world, b, max(1, round((world.horizon_s - (now - start)) / step)))
        gates = (along.outlook["station"] != NONE).any(axis=1)
        self._known[b] = along, coverage(world, b, along), gates

    def run(self, b: int, n: int, now: float, waiting: NDArray, count: int) -> float:
        """What the first `count` jobs in `waiting` pay on the boards of satellite n."""
        world = self.world
        along, seen, gates = self._known[b]
        end = float(world.state.clock["start"][b]) + world.horizon_s
        return float(
            run_through(
                world.jobs,
                Ahead(along.start, world.constants.round_s, seen, gates),
                b,
                n,
                now,
                end,
                waiting,
                count,
                self._left,
                self._free,
            )
        )
