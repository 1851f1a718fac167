"""The batch face: B worlds at once, arrays in and arrays out. Every other face is a thin skin over it."""

from collections.abc import Mapping
from functools import cached_property

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.driver import Outputs
from envs.options import whole_count
from envs.problem import Problem
from sandbox.checks import whole_numbers
from sandbox.compiled import kernel
from sandbox.errors import SandboxError, shown, unknown_name
from sandbox.scenario import Scenario
from sandbox.units import HOUR

Observation = NDArray[np.float32]
Info = dict[str, NDArray]


Out = Mapping[str, NDArray] | None
"""Arrays to write to, by name, as `BatchEnv.buffers` makes them; what is missing is made anew."""


class BatchEnv:
    """B worlds of N satellites under one decision problem.

    `reset` and `step` return fresh arrays (or those of `out`): observation (B, N, F) float32 in [-1, 1],
    reward (B, N) float32, terminated and truncated (B, N) bool, and an info of arrays:

    - `action_mask` (B, N, A) int8: 1 where an action is legal in the coming round.
    - `terms` (B, N, I) float32: the numbers named in `env.terms`.
    - `alive` (B, N) bool: who is there in the coming round. A lost satellite can only idle.
    - `decides` (B, N) bool: who has a choice, that is, more than one legal action: the decision points.
    - `lost` (B, N) bool, after a step: who was lost in it. There its own return ends.

    An episode is terminated when its last satellite is lost, truncated when the world's horizon is reached.
    With `autoreset` a world that ended begins anew within the step: observation, mask, `alive` and `decides`
    are those of the new episode, the last observation of the old one is `info["final_observation"]` where
    `info["ended"]` (B,), its last state `final_state()`. At a truncation the return goes on and is estimated
    from there (bootstrapped); where a satellite is lost it does not. Without `autoreset` a world that is
    played on beyond its horizon pays and reports nothing.
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
        self._tells_state = False
        self._final: tuple[NDArray[np.bool_], NDArray[np.float32] | None] | None = None
        self._restores = world.restores

    @property
    def num_envs(self) -> int:
        """B, under the name that vector environments have for it."""
        return self.worlds

    @cached_property
    def single_observation_space(self) -> gymnasium.spaces.Box:
        """What one satellite sees."""
        return gymnasium.spaces.Box(-1.0, 1.0, (len(self.layout),), np.float32)

    @cached_property
    def single_action_space(self) -> gymnasium.Space:
        """What one satellite does."""
        return gymnasium.spaces.Discrete(len(self.actions))

    @cached_property
    def observation_space(self) -> gymnasium.spaces.Box:
        """What all satellites of all worlds see (B, N, F)."""
        return gymnasium.spaces.Box(-1.0, 1.0, (*self._team, len(self.layout)), np.float32)

    @cached_property
    def action_space(self) -> gymnasium.spaces.MultiDiscrete:
        """What all satellites of all worlds do (B, N)."""
        return gymnasium.spaces.MultiDiscrete(np.full(self._team, len(self.actions)))

    @cached_property
    def state_space(self) -> gymnasium.spaces.Box:
        """The true state of one world, for a centralised critic."""
        return gymnasium.spaces.Box(-1.0, 1.0, (self.problem.state_size,), np.float32)

    def reset(
        self, seed: int | ArrayLike | None = None, worlds: ArrayLike | None = None, out: Out = None
    ) -> tuple[Observation, Info]:
        """Begin an episode in every world, or in those listed. World b gets seed + b, or its own seed."""
        out = self._checked_out(out)
        self._begin(seed, worlds)
        observation, _, info = self._report(out)
        return observation, info

    def step(
        self, actions: ArrayLike, *, out: Out = None
    ) -> tuple[Observation, NDArray, NDArray, NDArray, Info]:
        """Play one round. `actions` (B, N) are whole numbers in [0, A); a masked one is played as no-op.

        What `out` has a contiguous array for is written there, in place of a fresh one: say, row t of what a
        trainer keeps. The mask is read at the next step, so leave it as it is until then. Raises SandboxError
        for other actions and for arrays that do not fit; a step that is refused changes nothing.
        """
        out = self._checked_out(out)
        self.problem.advance(self._whole(actions), self.legal())
        return self._finish(out)

    def buffers(self) -> dict[str, NDArray]:
        """New arrays for all that a step returns, by name, to be given as its `out`."""
        sizes = self._sizes()
        return {name: np.zeros(shape, kind) for name, (shape, kind) in sizes.items()}

    def state(self, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """True state (B, S) of every world as it stands, for a centralised critic; in `out`, if given."""
        self._tells_state = True
        return self.problem.states(out)

    def final_state(self) -> NDArray[np.float32]:
        """As `state`, but of worlds that began anew in the last step: as they ended.

        For whoever reads `state` all along: raises SandboxError where that was not called before.
        """
        if self._final is not None:
            ended, final = self._final
            if final is None:
                raise SandboxError(
                    "final_state: call state() before the step, so that final states are kept."
                )
            return np.where(ended[:, None], final, self.state())
        return self.state()

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

    def _finish(self, out: Out = None) -> tuple[Observation, NDArray, NDArray, NDArray, Info]:
        """What a step returns, after the worlds were advanced."""
        observation, reward, info = self._report(out)
        terminated, truncated = self._ends(out)
        info["lost"] = self._lost
        self._final = None
        if self._any_over:
            self.world.call(silence, self.world.state.clock, self.max_cycles, reward, info["terms"])
        if self.autoreset:
            info["ended"] = ended = terminated[:, 0] | truncated[:, 0]
            info["final_observation"] = observation
            if self._any_over:
                self._final = ended, self.state() if self._tells_state else None
                info["final_observation"] = observation if out is None else observation.copy()
                self._begin(None, np.flatnonzero(ended))
                kept = {name: out[name] for name in OF_THE_NEXT if name in out} if out else None
                observation, _, fresh = self._report(kept)
                told = (*OF_THE_NEXT, "thinking", "board_share")
                info |= {name: fresh[name] for name in told if name in fresh}
        return observation, reward, terminated, truncated, info

    def _begin(self, seed: int | ArrayLike | None, worlds: ArrayLike | None) -> None:
        """Begin an episode in the worlds listed; without a seed they draw on from their generators."""
        self.world.reset(seed, worlds)

    def _ends(self, out: Out = None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which worlds (B, N) are terminated and which truncated."""
        ends = self.problem.ends()
        if out is None:
            return ends
        rooms = self._room(out, "terminated"), self._room(out, "truncated")
        for room, flags in zip(rooms, ends, strict=True):
            room[...] = flags
        return rooms

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

    def _report(self, out: Out = None) -> tuple[Observation, NDArray[np.float32], Info]:
        if out is None:
            told = Outputs(*map(np.empty, *self._fresh))
        else:
            told = Outputs(*(self._room(out, name) for name in REPORTED))
        if not self.world.ready:  # of a world that was never reset nothing is told
            for room in told:
                room.fill(0)
        self._any_over = self.problem.report(told)
        self._mask, self._lost, self._restores = told.mask, told.lost, self.world.restores
        info: Info = {
            "action_mask": told.mask,
            "terms": told.terms,
            "alive": told.alive,
            "decides": told.decides,
        }
        return told.observation, told.reward, info

    def _sizes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """Shape and type of what a step returns, by name."""
        team = self._team
        return {
            "observation": ((*team, len(self.layout)), np.float32),
            "reward": (team, np.float32),
            "terminated": (team, np.bool_),
            "truncated": (team, np.bool_),
            "action_mask": ((*team, len(self.actions)), np.int8),
            "terms": ((*team, len(self.terms)), np.float32),
            "alive": (team, np.bool_),
            "decides": (team, np.bool_),
            "lost": (team, np.bool_),
        }

    @cached_property
    def _shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        return self._sizes() | {"terms": ((*self._team, len(self.problem.terms)), np.float32)}

    @cached_property
    def _fresh(self) -> tuple[list[tuple[int, ...]], list[type]]:
        """Shapes and types of what is reported, as `map` takes them: this is done in every step."""
        sizes = [self._shapes[name] for name in REPORTED]
        return [shape for shape, _ in sizes], [kind for _, kind in sizes]

    def _room(self, out: Out, name: str) -> NDArray:
        """Where to write what has this name."""
        return np.empty(*self._shapes[name]) if out is None or name not in out else out[name]

    def _checked_out(self, out: Out) -> Out:
        """`out`, if its arrays can be written to as they are. Raises SandboxError otherwise."""
        if out is None:
            return None
        if not isinstance(out, Mapping):
            raise SandboxError(f"out is {shown(out)}; give a dictionary of arrays, as buffers() makes it.")
        sizes = self._sizes()
        for name, array in out.items():
            if name not in sizes:
                raise unknown_name("array to write to", name, sizes)
            shape, kind = sizes[name]
            fits = isinstance(array, np.ndarray) and array.shape == shape and array.dtype == kind
            if not (fits and array.flags.c_contiguous and array.flags.writeable):
                told = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else shown(array)
                raise SandboxError(
                    f"out: {name} is {told}; give a writeable contiguous array of {np.dtype(kind)} {shape}."
                )
        return out


REPORTED = ("observation", "action_mask", "reward", "terms", "alive", "decides", "lost")
"""The names of `driver.Outputs` in what a step returns."""
OF_THE_NEXT = ("observation", "action_mask", "alive", "decides")
"""What a step tells of the coming round."""
LONGEST = 10**9
"""Rounds: more than any world takes, and few enough for a float."""


def horizon_of(scenario: Scenario, max_cycles: int | None) -> float | None:
    """Seconds in `max_cycles` rounds; None for the scenario's own horizon."""
    if max_cycles is None:
        return None
    return min(whole_count("max_cycles", max_cycles), LONGEST) * scenario.round_s


def rounds_in(scenario: Scenario, horizon_s: float | None) -> int:
    """Rounds of an episode of so many seconds, or of the scenario's horizon."""
    long = scenario.horizon_h * HOUR if horizon_s is None else horizon_s
    return max(1, round(long / scenario.round_s))


@kernel
def silence(clock, limit, reward, terms):
    """Beyond its horizon a world pays and reports nothing: rewards (B, N) and terms (B, N, I)."""
    for b in range(reward.shape[0]):
        if clock[b].round > limit:
            reward[b, :] = 0.0
            terms[b, :, :] = 0.0
