"""What each satellite keeps of its own flight: its last rounds, as many as its store for them holds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError

LEAST_ROUNDS = 8
"""Rounds that a store has to hold for anything to be learned from them."""


def record_bits(features: int, actions: int) -> int:
    """Bits of a round as it is kept: 16 a feature, one an action for the mask, 8 for the action, 32 each for
    its chance and the reward, and three flags."""
    return 16 * features + actions + 8 + 32 + 32 + 3


class Rows(NamedTuple):
    """Rounds of C satellites, K of each, in the order in which they were flown; observations are one more."""

    seen: NDArray[np.float16]  # (C, K + 1, F)
    mask: NDArray[np.bool_]  # (C, K, A)
    action: NDArray[np.int64]  # (C, K)
    chance: NDArray[np.float32]  # (C, K) logarithm of the action's chance when it was drawn
    reward: NDArray[np.float32]  # (C, K)
    counts: NDArray[np.bool_]  # (C, K) who had a choice
    lost: NDArray[np.bool_]  # (C, K) the satellite was lost then, or was lost before


class Store:
    """The last K rounds of each of N satellites; all of them add one in every round.

    Raises SandboxError where `bits` hold fewer than `LEAST_ROUNDS`.
    """

    def __init__(self, satellites: int, features: int, actions: int, bits: float) -> None:
        self.bits_each = record_bits(features, actions)
        self.rounds = int(bits // self.bits_each)
        if self.rounds < LEAST_ROUNDS:
            least = LEAST_ROUNDS * self.bits_each / 1e3
            raise SandboxError(
                f"A store of {bits / 1e3:g} kbit holds {self.rounds} rounds; give {least:.0f} kbit or more."
            )
        team = satellites, self.rounds
        self._seen = np.zeros((*team, features), np.float16)
        self._mask = np.zeros((*team, actions), np.bool_)
        self._action, self._chance = np.zeros(team, np.int16), np.zeros(team, np.float32)
        self._reward, self._flags = np.zeros(team, np.float32), np.zeros((*team, 2), np.bool_)
        self._now = np.zeros((satellites, features), np.float16)
        self.flown = 0

    @property
    def held(self) -> int:
        """Rounds that are kept of each satellite."""
        return min(self.flown, self.rounds)

    def look(self, seen: NDArray) -> None:
        """What satellites (N, F) see before the coming round."""
        self._now[...] = seen

    def keep(
        self, mask: NDArray, action: NDArray, chance: NDArray, reward: NDArray, counts: NDArray, lost: NDArray
    ) -> None:
        """A round (N, ...) that began with what was last looked at; the oldest gives way to it."""
        at = self.flown % self.rounds
        self._seen[:, at], self._mask[:, at] = self._now, mask == 1
        self._action[:, at], self._chance[:, at], self._reward[:, at] = action, chance, reward
        self._flags[:, at, 0], self._flags[:, at, 1] = counts, lost
        self.flown += 1

    def rows(self, who: NDArray, last: int | None = None) -> Rows:
        """Copies of the `last` rounds of satellites `who` (C,), or of all that are kept."""
        count = self.held if last is None else min(last, self.held)
        order = (self.flown - count + np.arange(count)) % self.rounds
        pick = np.ix_(who, order)
        seen = np.concatenate((self._seen[pick], self._now[who][:, None]), 1)
        flags = self._flags[pick]
        told = self._action[pick].astype(np.int64), self._chance[pick], self._reward[pick]
        return Rows(seen, self._mask[pick], *told, flags[..., 0], flags[..., 1])


def joined(parts: list[Rows]) -> Rows:
    """Rows of several satellites, as many rounds of each, in one."""
    return Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
