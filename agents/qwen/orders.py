"""Choosing without regard to place: the same options in several orders, and what their scores agree on.

A language model prefers places and letters (the first, the last, "A") whatever stands there. Its score of
an option at a place is taken for a sum of what the option is worth, and what the place is worth. Listing the
options in a few cyclic shifts shows both: least squares tells them apart, exactly where the sum holds. With
as many shifts as options that is the mean over all places.

The other correction, contextual calibration (Zhao et al. 2021, "Calibrate Before Use"), takes away what the
model answers to a report that says nothing; with that goes what it thinks of a decision in general.

Or there are no places: each option is proposed by itself, and what it is worth is how much rather the model
says "Yes" than "No".
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import unknown_name

NONE, SHIFTS, CALIBRATE, EACH, AUTO = "none", "shifts", "calibrate", "each", "auto"
DEBIASES = (NONE, SHIFTS, CALIBRATE, EACH, AUTO)
MOST_SHIFTS = 4
"""Orders in which more options than so many are listed; fewer are listed in all cyclic shifts."""
TRIES = 32
"""Sets of shifts of which the one that tells options and places apart best is taken."""
RIDGE = 1e-9
LEAST_LOG = -1000.0
"""What is impossible counts as so unlikely (natural logarithm)."""
PROBES, PROBE_OPTIONS = 6, 5
"""Made-up requests by which bias is tested, and the options of most of them."""
BIASED = 0.1
"""Mean distance (total variation) between the decisions of two orders from which on a model is biased."""


def check_debias(debias: str) -> str:
    """`debias`, if there is such a correction. Raises SandboxError."""
    if debias not in DEBIASES:
        raise unknown_name("debias", debias, DEBIASES)
    return debias


class Orders:
    """The orders in which so many options are listed; the same seed gives the same."""

    def __init__(self, seed: int | None = 0) -> None:
        self._seed = 0 if seed is None else seed
        self._made: dict[int, list[NDArray[np.int64]]] = {}

    def of(self, count: int) -> list[NDArray[np.int64]]:
        """Permutations (count,): which option stands at each place."""
        if count not in self._made:
            shifts = range(count) if count <= MOST_SHIFTS else self._shifts(count)
            self._made[count] = [np.roll(np.arange(count), -shift) for shift in shifts]
        return self._made[count]

    def _shifts(self, count: int) -> Sequence[int]:
        """A few shifts, of which one is none, under which every place can be compared with every other."""
        rng = np.random.default_rng([self._seed, count])
        drawn = [
            np.concatenate(([0], 1 + rng.choice(count - 1, MOST_SHIFTS - 1, replace=False)))
            for _ in range(TRIES)
        ]
        return [int(shift) for shift in min(drawn, key=lambda shifts: _entangled(shifts, count))]


def _entangled(shifts: NDArray[np.int64], count: int) -> float:
    """How badly options and places can be told apart: the largest share that a pattern of the one has in the
    other, from 0 to 1 (not at all)."""
    turns = np.exp(2j * np.pi * np.outer(np.arange(1, count), shifts) / count)
    return float((np.abs(turns.sum(axis=1)) / len(shifts)).max())


def agreed(scores: Sequence[NDArray[np.float64]], orders: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """What the options (L,) are worth, by log-probabilities `scores[k]` (L,) at the places of `orders[k]`.

    Without the worth of the places, and up to a constant.
    """
    count, passes = len(orders[0]), len(orders)
    by_option, by_place = np.zeros(count), np.zeros(count)
    meets = np.zeros((count, count))
    for row, order in zip(scores, orders, strict=True):
        centred = np.maximum(row, LEAST_LOG)
        centred = centred - centred.mean()
        by_option[order] += centred
        by_place += centred
        meets[order, np.arange(count)] += 1.0
    if passes == 1:
        return by_option
    kept = passes * np.eye(count) - meets @ meets.T / passes
    worth = np.linalg.lstsq(kept + RIDGE, by_option - meets @ by_place / passes, rcond=1e-8)[0]
    return worth - worth.mean()


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Total variation between two distributions (L,)."""
    return 0.5 * float(np.abs(one - other).sum())
