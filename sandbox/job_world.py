"""A world in which jobs are served: boards, mesh and users beside all that a `World` has.

    world = JobWorld("scs01")
    world.reset(seed=0)
    world.serve(decision)          # (B, N): what becomes of the job at the head of each inbox
    world.work.ledger              # jobs and bits created, delivered, dropped, expired, lost

The customers' work is served job by job here, so that the boards idle where a `World` lets them draw the
standing load `power.compute_w`.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandbox.compute import board
from sandbox.demand import check_book
from sandbox.errors import SandboxError
from sandbox.jobs import (
    JOB,
    begin_work,
    draw_jobs,
    jobs_room,
    make_sketch,
    make_terms,
    make_work,
    pattern_links,
)
from sandbox.scenario import Scenario, load_scenario
from sandbox.service import DECISIONS, serve_worlds, sketch_worlds, welcome_worlds
from sandbox.state import CHARGE, MODE_NAMES, NONE, THINKING, arrays
from sandbox.world import FLY, Snapshot, World


class JobWorld(World):
    """B worlds of N satellites that serve jobs. Arguments as `World`.

    `work` holds what changes, `terms` what does not; `sketch.training` the ways to the training satellites.
    Raises SandboxError for bad input, and for models that do not fit the boards.
    """

    whole_inbox = False
    """Whether a decision is about all jobs in an inbox, not the first alone."""

    def __init__(self, scenario: Any, worlds: int = 1, **how: Any) -> None:
        super().__init__(idle_boards(load_scenario(scenario)), worlds, **how)
        jobs, events = self.scenario.jobs, self.scenario.events
        self.terms = make_terms(self.scenario, self.fleet, self.whole_inbox)
        self._room = jobs_room(jobs, self.satellites, self.horizon_s, events)
        boards = int(self.terms.hosts["boards"].max())
        check_book("jobs", self._room)
        self.demand.add(
            f"{self._room:,} jobs",
            lambda: [
                *make_work(0, self.satellites, self._room, boards),
                *arrays(make_sketch(0, self.satellites)),
            ],
            once=2 * JOB.itemsize * self._room,  # drawn, then sorted
        )
        self.work = make_work(self.worlds, self.satellites, self._room, boards)
        self.sketch = make_sketch(self.worlds, self.satellites)
        self._pattern = pattern_links(self.scenario, self.fleet)
        self._load = np.zeros((self.worlds, self.satellites), THINKING)
        self._facing_sun = np.full((self.worlds, self.satellites), CHARGE, np.int32)
        self._first = np.zeros((self.worlds, self.satellites), np.int32)

    def reset(self, seed: int | ArrayLike | None = None, worlds: ArrayLike | None = None) -> None:
        super().reset(seed, worlds)
        which = np.arange(self.worlds) if worlds is None else self._which(worlds)
        self._call([which], welcome_worlds, *self.desks)

    def serve(
        self,
        decision: ArrayLike,
        command: ArrayLike | None = None,
        choice: ArrayLike | None = None,
        thinking: NDArray[np.void] | None = None,
    ) -> None:
        """One decision round in every world.

        decision (B, N): what becomes of the job at the head of each inbox, by number in `service.DECISIONS`;
        one that cannot be carried out leaves it there. command, choice and thinking as in `World.step`;
        without a command the panels face the Sun. Decisions too wait for the thinking to be done, which
        takes the first board.
        """
        decision = self._orders("decision", decision, len(DECISIONS))
        mind = self._no_thought if thinking is None else self._checked(thinking)
        if not self._all_ready:
            raise SandboxError("JobWorld.serve before reset: call reset() first.")
        command = self._facing_sun if command is None else self._orders("command", command, len(MODE_NAMES))
        self.share(serve_worlds, *self.desks, decision, command, mind, self._load)
        for name in ("delay", "command", "choice"):
            self._load[name] = mind[name]
        choice = self._first if choice is None else self._orders("choice", choice, self.shown)
        self._run(FLY, command, choice, self._load, self._shares)
        self.share(welcome_worlds, *self.desks)

    @property
    def desks(self) -> tuple[Any, ...]:
        """What the kernels of jobs take after state, constants and worlds."""
        return self.work, self.terms, self.sketch

    def scene(self, b: int) -> dict[str, NDArray]:
        """Which satellites the laser terminals can send to now."""
        links, wait = self.work.links[b], self.terms.lasers["acquisition"]
        peer = links["peer"]
        acquired = links["since"] + np.maximum(wait[:, None], wait[peer])
        up = (peer != NONE) & (acquired <= self.state.clock["time"][b])
        return super().scene(b) | {"link_peer": np.where(up, peer, NONE).astype(np.int32)}

    def restore(self, snapshot: Snapshot) -> None:
        super().restore(snapshot)
        self.share(sketch_worlds, *self.desks)

    def _parts(self) -> dict[str, tuple[NDArray, ...]]:
        return super()._parts() | {"jobs": self.work}

    def _begin_episode(self, b: int, seed: int | None) -> None:
        super()._begin_episode(b, seed)
        jobs, start = self.scenario.jobs, float(self.state.clock["time"][b])
        disasters = self.scenario.events, self.state.events[b] - start
        size = self.satellites, self.horizon_s, self._room
        book = draw_jobs(self._generators[b], jobs, *size, *disasters)
        begin_work(self.work, b, book, self._pattern, self.terms, start, jobs.large_on_board)


def idle_boards(scenario: Scenario) -> Scenario:
    """`scenario` with the standing load of every spacecraft's boards that of idle ones."""
    loads = {
        f"spacecraft.{name}.power.compute_w": craft.compute.boards * board(craft.compute.board).idle_w
        for name, craft in scenario.spacecraft.items()
        if craft.compute is not None
    }
    return load_scenario(scenario, loads)
