"""Copies of a world in which plans are tried: many futures of one present, stepped together.

The world is deterministic given its state (requests, sky and jobs are drawn at the reset, faults hashed by
round), so that what a plan earns in a copy is what it will earn.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.driver import Outputs
from envs.problem import Problem
from sandbox.state import State
from sandbox.world import Snapshot


class Simulator:
    """W copies of one world of a problem.

    It stands where a policy expects an environment: `layout`, `actions`, `problem` and `world` are those of
    the copies. `seen` (W, N, F), `mask` (W, N, A) and `reward` (W, N) are what was reported last.

    Args:
        problem: it and its world are only read.
        copies: W.
    """

    def __init__(self, problem: Problem, copies: int) -> None:
        self.of = problem
        self.problem = problem.over(problem.world.alike(copies))
        self.world: Any = self.problem.world
        self.layout, self.actions = self.problem.layout, self.problem.actions
        team = copies, self.world.satellites
        self.copies, self.satellites = team
        self.seen = np.zeros((*team, len(self.layout)), np.float32)
        self.mask = np.zeros((*team, len(self.actions)), np.int8)
        self.reward = np.zeros(team, np.float32)
        terms, flags = np.zeros((*team, len(self.problem.terms)), np.float32), np.zeros((3, *team), np.bool_)
        self._outputs = Outputs(self.seen, self.mask, self.reward, terms, *flags)

    def load(self, b: int) -> None:
        """Put every copy where world b of the problem is now."""
        now, mine = self.of.world.snapshot(), self.world.snapshot()

        def tiled(part: Any) -> Any:
            if isinstance(part, tuple):
                some = [tiled(each) for each in part]
                return type(part)(*some) if hasattr(part, "_fields") else tuple(some)
            return np.broadcast_to(part[b], (self.copies, *part.shape[1:]))

        state: State = tiled(now.state)
        more = {name: tiled(part) for name, part in now.more.items()}
        ready = np.ones(self.copies, np.bool_)
        self.world.restore(Snapshot(self.world.scenario, state, more, ready, mine.generators, mine.seeds))
        self._report()

    def step(self, actions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Play a round of actions (W, N); what each copy's fleet earned in it (W,)."""
        self.problem.advance(np.ascontiguousarray(actions, np.int32), self.mask)
        self._report()
        return self.reward.sum(axis=1)

    def _report(self) -> None:
        self.problem.report(self._outputs)
