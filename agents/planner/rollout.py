"""Planners that search by simulation: they plan every so often, and play what they simulated."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.planner.base import Planner
from agents.planner.search import Base, Change, Plan, Search, Trace, Tried
from agents.planner.simulator import Simulator
from envs.options import whole_count

FEWEST, MOST = 4, 24
"""Tries of the largest fleet, and of the smallest."""
FIRST, AGAIN = 1.5, 0.3
"""Of the tries, as many that run to the end of the episode: when it begins, and for every plan."""


class Found(NamedTuple):
    """What a search ended with for a world, and what it was compared with."""

    trace: Trace
    tried: Tried


class RolloutPlanner(Planner):
    """Plans anew every `every_s` seconds, and whenever the world is not where the plan has it.

    It looks `horizon_s` seconds ahead in so many `copies`; of tries there are `effort` by the number of
    satellites.

    Args:
        env: any face of a problem that `Simulator` can copy.
        effort: in place of that of the class; the time that a plan takes grows with it.

    Raises SandboxError for an effort that is no whole number of at least 1.
    """

    every_s: ClassVar[float] = 1_800.0
    horizon_s: ClassVar[float] = 4_800.0
    """Nearly a revolution: most satellites meet a station in it, so that what they image is paid."""
    overlap_s: ClassVar[float] = 600.0
    """Beyond the next plan, in which this one may be changed: the end of a plan is the least thought out."""
    copies: ClassVar[int] = 16
    effort: ClassVar[int] = 160

    def __init__(self, env: Any, effort: int | None = None) -> None:
        super().__init__(env)
        self._effort = whole_count("effort", self.effort if effort is None else effort)
        self._problem = env.problem
        self._search: Search | None = None
        self.forget()

    def forget(self) -> None:
        self._traces: dict[int, Trace] = {}
        self._plans: dict[int, Plan] = {}
        self._last: dict[int, int] = {}
        self._found: dict[int, Found] = {}

    def act_in(self, b: int, mask: NDArray[np.int8]) -> NDArray[np.int64]:
        done = int(self.world.state.clock["round"][b])
        if done < self._last.get(b, 0):  # another episode has begun
            self._plans.pop(b, None)
            self._traces.pop(b, None)
        self._last[b], trace = done, self._traces.get(b)
        if trace is None or not self._holds(b, trace, done):
            trace = self._traces[b] = self._plan(b, done)
        wanted = trace.actions[done - trace.first]
        legal = np.take_along_axis(mask, wanted[:, None], axis=-1)[:, 0] == 1
        return np.where(legal, wanted, 0)

    def told(self, chosen: NDArray[np.int64]) -> Mapping[str, NDArray]:
        """What the fleet earns by the plan and by the one before; `explain` adds a satellite's part."""
        self._chosen = chosen
        tried = [self._found[b].tried for b in range(len(chosen))]
        sums = {
            "fleet earns by the plan": [each.fleet for each in tried],
            "by the plan before": [each.before for each in tried],
        }
        return {name: np.repeat(np.array(s)[:, None], chosen.shape[1], 1) for name, s in sums.items()}

    def explain(self, b: int, n: int) -> dict[str, float]:
        """What satellite n of world b earns as planned, and in the best plan tried in which it decides
        otherwise in this round; what of its plan is still to come."""
        told = super().explain(b, n)
        if b not in self._found:
            return told
        trace, tried = self._found[b]
        t, action = self._last[b] - trace.first, int(self._chosen[b, n])
        if not 0 <= t < len(trace.actions):
            return told
        told |= self._compared(tried, t, n, action) if t < len(tried.worth) else {}
        ahead = trace.actions[t:, n]
        minutes = self.world.constants.round_s / 60.0
        for name, wanted in (("image", "observe_"), ("downlink", "downlink")):
            labels = [a for a, label in enumerate(self.actions) if label.startswith(wanted)]
            due = np.flatnonzero(np.isin(ahead, labels))
            if len(due):
                told[f"minutes to its next {name}"] = float(due[0]) * minutes
        capacity = float(self.world.state.power["capacity"][b, n])
        told["lowest battery in the plan, %"] = 100.0 * float(trace.energy[t:, n].min()) / capacity
        return told

    def _compared(self, tried: Tried, t: int, n: int, action: int) -> dict[str, float]:
        """What satellite n earns by its decision in round t of the plan, and by what came second."""
        others = tried.worth[t, n].copy()
        others[action] = -np.inf
        second, own = int(others.argmax()), float(tried.own[n])
        told = {f"earns with {self.actions[action]}": own}
        if np.isfinite(others[second]):
            told[f"earns with {self.actions[second]}"] = float(others[second])
            told["more than with that"] = own - float(others[second])
        return told

    def _holds(self, b: int, trace: Trace, done: int) -> bool:
        """Whether the world is where the plan has it, and the plan is still fresh."""
        t = done - trace.first
        if not 0 <= t < min(self.rounds_in(self.every_s), len(trace.actions)):
            return False
        return bool(np.array_equal(trace.energy[t], self.world.state.power["energy"][b]))

    def _plan(self, b: int, done: int) -> Trace:
        search = self.searching
        clock = self.world.state.clock[b]
        left = self.world.horizon_s - float(clock["time"] - clock["start"])
        rounds = max(1, round(left / self.world.constants.round_s))
        plan = self._plans.get(b)
        if plan is None:
            plan = search.begin(b, done, rounds, [*search.base.starts(), *self.starts(b, done, rounds)])
        better, trace, _ = search.improve(b, plan, done, rounds, self.others(b, done, rounds))
        if rounds > search.horizon:
            better, trace, _ = search.settle(b, plan, better, done, rounds)
        assert search.tried is not None  # of the last step
        self._plans[b], self._found[b] = better, Found(trace, search.tried)
        return trace

    @property
    def searching(self) -> Search:
        """The search, made when it is first needed."""
        self._search = self._search or self._make()
        return self._search

    def _make(self) -> Search:
        simulator = self.simulated(self.copies)
        tries = min(MOST, max(FEWEST, self._effort // simulator.satellites))
        horizon, span = self.rounds_in(self.horizon_s), self.rounds_in(self.every_s + self.overlap_s)
        first, again = max(1, round(FIRST * tries)), max(1, round(AGAIN * tries))
        return Search(simulator, self.base(simulator), horizon, span, tries, first, again)

    def simulated(self, copies: int) -> Simulator:
        """So many copies of a world in which plans are tried."""
        return Simulator(self._problem, copies)

    def source(self, b: int) -> tuple[Any, int]:
        """The world, and the place in it, from which what will be is computed for world b: itself."""
        return self.world, b

    def rounds_in(self, seconds: float) -> int:
        """Rounds in so many seconds, at least one."""
        return max(1, round(seconds / self.world.constants.round_s))

    @abstractmethod
    def base(self, simulator: Simulator) -> Base:
        """What carries the plans out in the copies."""

    def others(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """Changes of the plan of world b that are tried first."""
        return ()

    def starts(self, b: int, done: int, rounds: int) -> Sequence[Change]:
        """Plans for world b that compete at the beginning, beside those of the base."""
        return ()
