"""Copies of a world in which plans are tried: many futures of one present, stepped together.

The world is deterministic given its state (requests, sky and jobs are drawn at the reset, faults hashed by
round), so that what a plan earns in a copy is what it will earn.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.driver import Outputs
from envs.problem import Problem
from sandbox.state import State
from sandbox.world import Snapshot, World


class Simulator:
    """W copies of one world of a problem.

    It stands where a policy expects an environment: `layout`, `actions`, `problem` and `world` are those of
    the copies. `seen` (W, N, F), `mask` (W, N, A) and `reward` (W, N) are what was reported last.

    Args:
        problem: it and its world are only read.
        copies: W.
        world: of so many worlds, with the same parts and sizes, to be used in the place of a new one.
    """

    def __init__(self, problem: Problem, copies: int, world: World | None = None) -> None:
        self.of = problem
        self.problem = problem.over(problem.world.alike(copies) if world is None else world)
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
        state = _only(now.state, b)
        more = {name: _only(part, b) for name, part in now.more.items()}
        self.alter(b, state, more)
        copied: State = _repeated(state, self.copies)
        others = {name: _repeated(part, self.copies) for name, part in more.items()}
        ready = np.ones(self.copies, np.bool_)
        self.world.restore(Snapshot(self.world.scenario, copied, others, ready, mine.generators, mine.seeds))
        self._report()

    def alter(self, b: int, state: State, more: Mapping[str, tuple[NDArray, ...]]) -> None:
        """What the copies are to have otherwise than world b has it: nothing.

        `state` and the arrays `more` of the parts are of one world, and copies themselves.
        """

    def step(self, actions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Play a round of actions (W, N); what each copy's fleet earned in it (W,)."""
        self.problem.advance(np.ascontiguousarray(actions, np.int32), self.mask)
        self._report()
        return self.reward.sum(axis=1)

    def _report(self) -> None:
        self.problem.report(self._outputs)


def _only(part: Any, b: int) -> Any:
    """World b of an array, or of a tuple of such parts."""
    if isinstance(part, tuple):
        return _like(part, [_only(each, b) for each in part])
    return part[b : b + 1].copy()


def _repeated(part: Any, copies: int) -> Any:
    """One world so many times."""
    if isinstance(part, tuple):
        return _like(part, [_repeated(each, copies) for each in part])
    return np.broadcast_to(part[0], (copies, *part.shape[1:]))


def _like(part: tuple, some: list[Any]) -> Any:
    return type(part)(*some) if hasattr(part, "_fields") else tuple(some)
