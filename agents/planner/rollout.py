"""Planners that search by simulation: they plan every so many rounds, and play what they simulated."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.planner.base import Planner
from agents.planner.search import Base, Change, Genes, Search, Trace
from agents.planner.simulator import Simulator


class RolloutPlanner(Planner):
    """Plans anew every `every` rounds, and whenever the world is not where the plan has it.

    `copies`, `horizon` and `tries` are those of `Search`.
    """

    every: ClassVar[int] = 60
    copies: ClassVar[int] = 32
    horizon: ClassVar[int] = 240
    tries: ClassVar[int] = 8
    overlap: ClassVar[int] = 20
    """Rounds beyond the next plan in which this one may be changed."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._problem = env.problem
        self._search: Search | None = None
        self.forget()

    def forget(self) -> None:
        self._traces: dict[int, Trace] = {}
        self._genes: dict[int, tuple[float, Genes]] = {}

    def act_in(self, b: int, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        done, trace = int(self.world.state.clock["round"][b]), self._traces.get(b)
        if trace is None or not self._holds(b, trace, done):
            trace = self._traces[b] = self._plan(b, done)
        if not len(trace.actions):
            return np.zeros(len(mask), np.int64)
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
        if self._search is None:
            simulator = Simulator(self._problem, self.copies)
            self._search = Search(
                simulator, self.base(simulator), self.horizon, self.every + self.overlap, self.tries
            )
        clock = self.world.state.clock[b]
        genes = self._genes[b][1] if self.planned(b) else self._search.base.blank()
        left = self.world.horizon_s - float(clock["time"] - clock["start"])
        rounds = round(left / self.world.constants.round_s)
        if rounds < 1:
            return Trace(done, np.zeros((0, self.world.satellites), np.int64), *(np.zeros(0),) * 2)
        genes, trace, _ = self._search.improve(b, genes, done, rounds, self.others(b, done, rounds))
        self._genes[b] = float(clock["start"]), genes
        return trace

    def planned(self, b: int) -> bool:
        """Whether there is a plan from an earlier round of the episode that world b plays."""
        clock = self.world.state.clock[b]
        return b in self._genes and int(clock["round"]) > 0 and self._genes[b][0] == float(clock["start"])

    @abstractmethod
    def base(self, simulator: Simulator) -> Base:
        """What carries the plans out in the copies."""

    def others(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """Changes of the plan of world b that are tried first."""
        return ()
