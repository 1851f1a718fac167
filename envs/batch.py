"""The batch face: B worlds at once, arrays in and arrays out. Every other face is a thin skin over it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.options import whole_count
from envs.problem import Problem
from sandbox.checks import whole_numbers
from sandbox.errors import SandboxError
from sandbox.scenario import Scenario

Observation = NDArray[np.float32]
Info = dict[str, NDArray]


class BatchEnv:
    """B worlds of N satellites under one decision problem.

    `reset` and `step` return fresh arrays: observation (B, N, F) float32 in [-1, 1], reward (B, N) float32,
    terminated and truncated (B, N) bool, and an info of arrays: `action_mask` (B, N, A) int8 and `terms`
    (B, N, I) float32, the numbers named in `env.terms`.

    An episode is terminated when its last satellite is lost, truncated when the world's horizon is reached.
    With `autoreset` a world that ended begins anew within the step: observation and mask are those of the new
    episode, the last ones of the old are `info["final_observation"]` where `info["ended"]` (B,).
    """

    lowest_action = 0

    def __init__(self, problem: Problem, *, autoreset: bool = True) -> None:
        world = problem.world
        self.problem, self.world, self.autoreset = problem, world, autoreset
        self.worlds, self.satellites = world.worlds, world.satellites
        self.max_cycles = problem.max_cycles
        self.layout, self.actions, self.terms = problem.layout, problem.actions, problem.terms
        self._team = (self.worlds, self.satellites)
        self._mask: NDArray[np.int8] | None = None
        self._restores = world.restores

    def reset(
        self, seed: int | ArrayLike | None = None, worlds: ArrayLike | None = None
    ) -> tuple[Observation, Info]:
        """Begin an episode in every world, or in those listed. World b gets seed + b, or its own seed."""
        self._begin(seed, worlds)
        observation, _, info = self._report()
        return observation, info

    def step(self, actions: ArrayLike) -> tuple[Observation, NDArray, NDArray, NDArray, Info]:
        """Play one round. `actions` (B, N) are whole numbers in [0, A); a masked one is played as no-op.

        Raises SandboxError for other actions; a step that is refused changes nothing.
        """
        self.problem.advance(self._whole(actions), self.legal())
        return self._finish()

    def legal(self) -> NDArray[np.int8]:
        """What may be done in the coming round: the mask (B, N, A) that was reported last."""
        if self._restores != self.world.restores:
            self.present()
        if self._mask is None or not self.world.ready:
            raise SandboxError("step before reset: call reset() first.")
        return self._mask

    def present(self) -> tuple[Observation, Info]:
        """What is seen of the worlds as they stand, as `reset` returns it: after a `world.restore`, say.

        The terms are those of the round that was played last.
        """
        if not self.world.ready:
            raise SandboxError("step before reset: call reset() first.")
        observation, _, info = self._report()
        return observation, info

    def ended(self) -> NDArray[np.bool_]:
        """Whose episode (B,) is over, as the worlds stand."""
        state = self.world.state
        return ~state.body["alive"].any(axis=1) | (state.clock["round"] >= self.max_cycles)

    def _finish(self) -> tuple[Observation, NDArray, NDArray, NDArray, Info]:
        """What a step returns, after the worlds were advanced."""
        observation, reward, info = self._report()
        terminated, truncated = self.problem.ends()
        if self.autoreset:
            info["ended"] = ended = terminated[:, 0] | truncated[:, 0]
            info["final_observation"] = observation
            if self._any_over:
                self._begin(None, np.flatnonzero(ended))
                observation, _, fresh = self._report()
                info |= {name: fresh[name] for name in ("action_mask", "thinking") if name in fresh}
        return observation, reward, terminated, truncated, info

    def _begin(self, seed: int | ArrayLike | None, worlds: ArrayLike | None) -> None:
        """Begin an episode in the worlds listed; without a seed they draw on from their generators."""
        self.world.reset(seed, worlds)

    @property
    def started(self) -> bool:
        """Whether there has been a reset."""
        return self._mask is not None or self.world.ready

    def close(self) -> None:
        """Let the threads of the world go. Safe to call twice."""
        self.world.close()

    def _whole(self, actions: ArrayLike) -> NDArray[np.int32]:
        last = len(self.actions) - 1
        return whole_numbers("action", actions, self._team, last, low=self.lowest_action, agent="sat_{}")

    def _report(self) -> tuple[Observation, NDArray[np.float32], Info]:
        new = np.empty if self.world.ready else np.zeros  # of a world that was never reset nothing is told
        observation = new((*self._team, len(self.layout)), np.float32)
        reward = new(self._team, np.float32)
        terms = new((*self._team, len(self.problem.terms)), np.float32)
        self._mask = new((*self._team, len(self.actions)), np.int8)
        self._any_over = self.problem.report(observation, self._mask, reward, terms)
        self._restores = self.world.restores
        return observation, reward, {"action_mask": self._mask, "terms": terms}


LONGEST = 10**9
"""Rounds: more than any world takes, and few enough for a float."""


def horizon_of(scenario: Scenario, max_cycles: int | None) -> float | None:
    """Seconds in `max_cycles` rounds; None for the scenario's own horizon."""
    if max_cycles is None:
        return None
    return min(whole_count("max_cycles", max_cycles), LONGEST) * scenario.round_s
