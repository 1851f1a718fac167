"""Interquartile means and probabilities of improvement over tasks, with stratified bootstrap intervals.

The method of rliable (Agarwal et al., Deep reinforcement learning at the edge of the statistical precipice,
2021). That package does not work beside a current numpy: its bootstrap needs an `arch` before 6. A
quarter of the runs that is no whole number is counted in part here, where rliable rounds it down; the
interquartile mean of 4, 8, 12, ... runs is the same. All resampling is seeded: the same scores give the same
interval.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.running.metrics import RESAMPLES, interquartile_mean

TAIL = 2.5  # per cent on either side
_AT_ONCE = 1_000


class Estimate(NamedTuple):
    """A number, and the percentiles of its resampled selves that bound it with 95 % confidence."""

    value: float
    low: float
    high: float


NONE = Estimate(math.nan, math.nan, math.nan)


def interquartile(tasks: Sequence[NDArray]) -> Estimate:
    """Interquartile mean over all runs of all `tasks`, each an array of its runs' scores.

    Runs are drawn anew within their task. NONE where there is no run.
    """
    tasks = [scores for scores in tasks if len(scores)]
    if not tasks:
        return NONE
    rng = np.random.default_rng(0)
    drawn = np.concatenate([rng.choice(scores, (RESAMPLES, len(scores))) for scores in tasks], axis=1)
    value = float(interquartile_mean(np.concatenate(tasks)))
    return _bounded(value, interquartile_mean(drawn))


def improvement(better: Sequence[NDArray], worse: Sequence[NDArray]) -> Estimate:
    """Probability that a run of one policy scores above a run of another on the same task, over tasks.

    That of a task is the share of pairs in which it does, a tie counting half (Mann and Whitney's U over the
    number of pairs); tasks count alike. Runs of either are drawn anew within their task. NONE where no task
    has runs of both.
    """
    pairs = [(x, y) for x, y in zip(better, worse, strict=True) if len(x) and len(y)]
    if not pairs:
        return NONE
    rng, drawn, value = np.random.default_rng(0), np.zeros(RESAMPLES), 0.0
    for x, y in pairs:
        wins = (np.sign(x[:, None] - y[None, :]) + 1.0) / 2.0
        value += float(wins.mean()) / len(pairs)
        drawn += _resampled(wins, rng) / len(pairs)
    return _bounded(value, drawn)


def _resampled(wins: NDArray, rng: np.random.Generator) -> NDArray:
    """Means (RESAMPLES,) of a matrix whose rows and whose columns are drawn anew."""
    found = []
    for _ in range(0, RESAMPLES, _AT_ONCE):
        rows, columns = (rng.multinomial(n, np.full(n, 1.0 / n), _AT_ONCE) for n in wins.shape)
        found.append(((rows @ wins) * columns).sum(axis=1) / wins.size)
    return np.concatenate(found)


def _bounded(value: float, drawn: NDArray) -> Estimate:
    low, high = np.percentile(drawn, [TAIL, 100.0 - TAIL])
    return Estimate(value, float(low), float(high))
