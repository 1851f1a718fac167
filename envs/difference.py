"""Difference rewards: each satellite is paid what the fleet would lose without it.

With its own reward a satellite learns nothing of what it does for others: to hand a question over is unpaid,
and an image that two want pays the one who was quicker, though one of them was not needed. With the mean of
the fleet everybody is paid for everything, and who did what drowns. The difference reward is what the fleet
earned, less what it would have earned had this satellite done nothing (Wolpert and Tumer, Advances in Complex
Systems 4 (2001) 265; Tumer and Agogino, AAMAS 2007): it points the way that the fleet's sum does, and holds
only what hangs on the satellite.

It is not estimated here but flown: beside every world there is one for each satellite, with the same seed, in
which that satellite does nothing from the start and is paid nothing, and the others decide as they do here.
What an order refers to is looked up there (a request, not its place in a list); where that is not possible
the satellite does nothing. So a step takes 1 + N times as long. Requests that the missing satellite would
have imaged stay open there, and pay whoever is ordered to take them.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.batch import BatchEnv, Info, Observation, Out
from envs.deliberation import matching
from envs.problem import Problem
from sandbox.errors import SandboxError

__all__ = ["DifferenceBatch"]


class DifferenceBatch(BatchEnv):
    """A batch face whose rewards (B, N) are what the fleet would lose without each satellite.

    `info["own_reward"]` (B, N) is what each earned itself; its sum is what the fleet earned. `without` is the
    batch of the B N worlds in which one satellite does nothing, world b N + n without satellite n.

    Raises SandboxError for a problem with messages or with `team_reward`, and for a step after a
    `world.restore`, which the other worlds do not follow: begin a new episode first.
    """

    def __init__(self, problem: Problem, *, autoreset: bool = True) -> None:
        if problem.message_size:
            raise SandboxError("difference_reward follows no messages; leave out message_size.")
        if problem.team_reward:
            raise SandboxError("difference_reward and team_reward exclude each other; choose one.")
        super().__init__(problem, autoreset=autoreset)
        others = problem.world.alike(self.worlds * self.satellites)
        self.without = BatchEnv(problem.over(others), autoreset=False)
        self._begun = self.world.restores

    def step(
        self, actions: ArrayLike, *, out: Out = None
    ) -> tuple[Observation, NDArray, NDArray, NDArray, Info]:
        """As `BatchEnv.step`; `reward` is the difference, `info["own_reward"]` what each earned."""
        out = self._checked_out(out)
        whole = self._whole(actions)
        legal = self.legal()
        if self.world.restores != self._begun:
            raise SandboxError("difference rewards cannot go on from a restored world: call reset() first.")
        elsewhere = self._elsewhere(whole, legal)
        _, others, *_ = self.without.step(elsewhere)
        played = super().step(whole, out=out)
        reward, info = played[1], played[-1]
        info["own_reward"] = reward.copy()
        reward[...] = reward.sum(axis=1, keepdims=True) - self._of_others(others)
        return played

    def resume(self) -> None:
        """Go on, after this world and that of `without` were both restored.

        Raises SandboxError where they do not stand at the same times.
        """
        times = self.without.world.state.clock["time"].reshape(self.worlds, self.satellites)
        if not (times == self.world.state.clock["time"][:, None]).all():
            raise SandboxError("the worlds without a satellite were not restored to the same moment.")
        self._begun = self.world.restores

    def close(self) -> None:
        super().close()
        self.without.close()

    def _begin(self, seed: int | ArrayLike | None, worlds: ArrayLike | None) -> None:
        which = np.arange(self.worlds) if worlds is None else np.asarray(worlds, np.int64).reshape(-1)
        if seed is None and not self.world.ready:
            # worlds without a seed would each begin differently
            seed = np.random.SeedSequence().generate_state(len(which))
        super()._begin(seed, worlds)
        self._begun = self.world.restores
        each = (which[:, None] * self.satellites + np.arange(self.satellites)).ravel()
        seeds: Any = np.asarray(seed) if seed is not None else None
        if seeds is not None:
            own = seeds + which if seeds.ndim == 0 else seeds
            seeds = np.repeat(own, self.satellites)
        self.without.reset(seeds, each)

    def _elsewhere(self, actions: NDArray[np.int32], legal: NDArray[np.int8]) -> NDArray[np.int64]:
        """What the satellites do (B N, N) in the worlds without one of them."""
        count = self.satellites
        named = self.problem.identities()
        wanted = np.take_along_axis(named, actions[..., None].astype(np.int64), -1)[..., 0]
        allowed = np.take_along_axis(legal, actions[..., None].astype(np.int64), -1)[..., 0]
        wanted = np.repeat(np.where(allowed, wanted, 0), count, axis=0)
        there = matching(wanted, self.without.problem.identities(), self.without.legal())
        there = np.maximum(there, 0).reshape(self.worlds, count, count)
        np.einsum("bnn->bn", there)[...] = 0
        return there.reshape(-1, count)

    def _of_others(self, reward: NDArray[np.float32]) -> NDArray[np.float32]:
        """What all but the missing satellite earned (B, N) in the worlds without it."""
        square = reward.reshape(self.worlds, self.satellites, self.satellites)
        return square.sum(axis=-1) - np.einsum("bnn->bn", square)
