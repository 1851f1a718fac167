"""Planners that search by simulation: they plan every so many rounds, and play what they simulated."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.planner.base import Planner
from agents.planner.search import Base, Change, Genes, Search, Trace
from agents.planner.simulator import Simulator
from envs.options import whole_count

FEWEST, MOST = 4, 24
"""Tries of the largest fleet, and of the smallest."""


class RolloutPlanner(Planner):
    """Plans anew every `every` rounds, and whenever the world is not where the plan has it.

    `copies` and `horizon` are those of `Search`; of tries there are `effort` by the number of satellites.

    Args:
        env: any face of a problem that `Simulator` can copy.
        effort: in place of that of the class; the time that a plan takes grows with it.

    Raises SandboxError for an effort that is no whole number of at least 1.
    """

    every: ClassVar[int] = 60
    copies: ClassVar[int] = 16
    horizon: ClassVar[int] = 160
    effort: ClassVar[int] = 240
    overlap: ClassVar[int] = 20
    """Rounds beyond the next plan in which this one may be changed."""

    def __init__(self, env: Any, effort: int | None = None) -> None:
        super().__init__(env)
        self._effort = whole_count("effort", self.effort if effort is None else effort)
        self._problem = env.problem
        self._search: Search | None = None
        self.forget()

    def forget(self) -> None:
        self._traces: dict[int, Trace] = {}
        self._genes: dict[int, Genes] = {}
        self._last: dict[int, int] = {}

    def act_in(self, b: int, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        done = int(self.world.state.clock["round"][b])
        if done < self._last.get(b, 0):  # another episode has begun
            self._genes.pop(b, None)
            self._traces.pop(b, None)
        self._last[b], trace = done, self._traces.get(b)
        if trace is None or not self._holds(b, trace, done):
            trace = self._traces[b] = self._plan(b, done)
        wanted = trace.actions[done - trace.first]
        legal = np.take_along_axis(mask, wanted[:, None], axis=-1)[:, 0] == 1
        return np.where(legal, wanted, 0)

    def _holds(self, b: int, trace: Trace, done: int) -> bool:
        """Whether the world is where the plan has it, and the plan is still fresh."""
        t = done - trace.first
        if not 0 <= t < min(self.every, len(trace.actions)):
            return False
        return bool(np.array_equal(trace.energy[t], self.world.state.power["energy"][b]))

    def _plan(self, b: int, done: int) -> Trace:
        search = self._search = self._search or self._make()
        clock = self.world.state.clock[b]
        left = self.world.horizon_s - float(clock["time"] - clock["start"])
        rounds = max(1, round(left / self.world.constants.round_s))
        genes = self._genes.get(b)
        if genes is None:
            genes = search.begin(b, done, rounds, [*search.base.starts(), *self.starts(b, done, rounds)])
        genes, trace, _ = search.improve(b, genes, done, rounds, self.others(b, done, rounds))
        self._genes[b] = genes
        return trace

    def _make(self) -> Search:
        simulator = Simulator(self._problem, self.copies)
        tries = min(MOST, max(FEWEST, self._effort // simulator.satellites))
        return Search(simulator, self.base(simulator), self.horizon, self.every + self.overlap, tries)

    @abstractmethod
    def base(self, simulator: Simulator) -> Base:
        """What carries the plans out in the copies."""

    def others(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """Changes of the plan of world b that are tried first."""
        return ()

    def starts(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """Plans for world b that compete at the beginning, beside those of the base."""
        return ()
