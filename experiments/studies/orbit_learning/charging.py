"""Work of learning, charged to the satellites of a world: what training and its bits draw in a round.

It is charged as a thought is (`envs.deliberation`): as power from the beginning of the round for so many
seconds, heat in the boards included, except that no decision waits for it. Without work a round is, bit for
bit, what it is on the batch face.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.batch import BatchEnv, Info, Observation, Out
from envs.problem import Deliberated
from experiments.studies.orbit_learning.price import Boards
from sandbox.errors import SandboxError
from sandbox.onboard import Onboard
from sandbox.state import THINKING


class Work(NamedTuple):
    """What the learning of one round draws beyond standing loads, arrays (B, N)."""

    seconds: NDArray[np.float64]  # from its beginning on
    watts: NDArray[np.float64]


class ChargedBatch(BatchEnv):
    """A batch face on which a round may have work of learning in it."""

    def step(
        self, actions: ArrayLike, work: Work | None = None, *, out: Out = None
    ) -> tuple[Observation, NDArray, NDArray, NDArray, Info]:
        """Play one round of actions (B, N). Raises SandboxError for work of another shape, and for seconds
        that are not within the round."""
        if work is None:
            return super().step(actions, out=out)
        for array in work:
            if np.shape(array) != self._team or not np.isfinite(array).all():
                raise SandboxError(f"work has shape {np.shape(array)}; give finite numbers {self._team}.")
        if np.any(work.seconds < 0.0) or np.any(work.seconds > self.world.scenario.round_s):
            raise SandboxError(f"work: seconds must lie from 0 to {self.world.scenario.round_s:g}.")
        if not work.seconds.any():
            return super().step(actions, out=out)
        out = self._checked_out(out)
        timing = np.zeros(self._team, THINKING)
        timing["busy"], timing["power"] = work
        orders = self._whole(actions)
        self.problem.advance(orders, self.legal(), Deliberated(orders, timing))
        return self._finish(out)


def charged(batch: BatchEnv) -> ChargedBatch:
    """The same problem over the same world, on which learning can be charged."""
    return ChargedBatch(batch.problem, autoreset=batch.autoreset)


class Workbench:
    """The training under way on the boards of one world: sessions by satellite, and what they have taken.

    A session waits while its board is too hot, in safe mode or down, or while the battery is below
    `least_battery` (share of its capacity). `seconds`, `joules` and `extra_j` (N,) are what was taken so far:
    board seconds at full speed, J of the boards, J beyond the standing load that they took the place of.
    """

    def __init__(self, batch: BatchEnv, boards: Boards, least_battery: float) -> None:
        world = batch.world
        self._problem, self._world, self._boards = batch.problem, world, boards
        self._onboard, self._least = Onboard(world.scenario, world.fleet), least_battery
        self._round_s = world.scenario.round_s
        count = world.satellites
        self.remaining, self._speed = np.zeros(count), np.zeros(count)
        self._busy = np.zeros(count)
        self.seconds, self.joules, self.extra_j = np.zeros(count), np.zeros(count), np.zeros(count)
        self.radio_j = np.zeros(count)

    def begin(self, n: int, seconds: float) -> None:
        """A session of so many seconds at full speed begins on satellite n."""
        self.remaining[n] = seconds

    def stop(self, n: int) -> None:
        """What is left of the session on satellite n is not done."""
        self.remaining[n] = 0.0

    def work(self, radio_j: NDArray) -> Work:
        """The work of the coming round: sessions under way, and J (N,) that the satellites' lasers take."""
        state = self._world.state
        share = self._onboard.shares(state.body)[0]
        power = state.power[0]
        able = state.body["alive"][0] & ~self._problem.boards_down()[0] & (share > 0.0)
        able &= power["energy"] >= self._least * power["capacity"]
        self._speed = np.where(able, share, 0.0)
        need = np.divide(self.remaining, self._speed, out=np.zeros_like(share), where=self._speed > 0.0)
        self._busy = np.minimum(need, self._round_s)
        training = self._boards.extra_w * self._speed * self._busy
        joules = training + np.where(state.body["alive"][0], radio_j, 0.0)
        seconds = np.where((self._busy < 1.0) & (joules != 0.0), 1.0, self._busy)
        self.radio_j += joules - training
        watts = np.divide(joules, seconds, out=np.zeros_like(joules), where=seconds > 0.0)
        return Work(seconds[None], watts[None])

    def advance(self) -> None:
        """The round is over: what was done of the sessions."""
        done = self._busy * self._speed
        self.remaining = np.where(self._busy > 0.0, np.maximum(self.remaining - done, 0.0), self.remaining)
        self.remaining[self.remaining < 1e-9] = 0.0
        self.seconds += done
        self.joules += done * self._boards.active_w
        self.extra_j += done * self._boards.extra_w
        self._busy = np.zeros_like(self._busy)
