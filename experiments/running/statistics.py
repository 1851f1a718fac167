"""What several runs come to: means, shares and rates with 95 % intervals, on SciPy.

All resampling is SciPy's percentile bootstrap and is seeded: the same runs give the same interval.

Interquartile means and probabilities of improvement over tasks are those of rliable (Agarwal et al., Deep
reinforcement learning at the edge of the statistical precipice, 2021), which does not work beside a current
numpy. A quarter of the runs that is no whole number is counted in part here, where rliable and
`scipy.stats.trim_mean` round it down; of 4, 8, 12, ... runs the interquartile mean is the same.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95
_AT_ONCE = 1_000


class Estimate(NamedTuple):
    """A number, and the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


NONE = Estimate(math.nan, math.nan, math.nan)


def with_bounds(
    text_of: Callable[[float], str], value: float, low: float, high: float, comma: str = ", "
) -> str:
    """A number with its interval, each as `text_of` writes it; alone where there is no interval, as of a
    single run. A dash for no value."""
    if math.isnan(value):
        return "-"
    if low == high:
        return text_of(value)
    return f"{text_of(value)} [{text_of(low)}{comma}{text_of(high)}]"


class Summary(NamedTuple):
    """A metric over several runs; `low` and `high` bound the interquartile mean with 95 % confidence."""

    mean: float
    iqm: float
    low: float
    high: float
    runs: int


def summarise(values: Iterable[float]) -> Summary:
    """Mean and interquartile mean over runs; NaN runs are left out. NaN throughout where none is left."""
    kept = np.array([value for value in values if not math.isnan(value)], float)
    if not len(kept):
        return Summary(*NONE, math.nan, 0)
    return Summary(float(kept.mean()), *interquartile([kept]), len(kept))


def interquartile_mean(values: NDArray) -> NDArray:
    """Mean of the middle half of `values` (..., n); a value on the edge of that half counts in part."""
    count = np.shape(values)[-1]
    edges = np.clip(np.arange(count + 1) / count, 0.25, 0.75)
    return np.sort(values, axis=-1) @ np.diff(edges) * 2.0


def interquartile(tasks: Sequence[NDArray]) -> Estimate:
    """Interquartile mean over all runs of all `tasks`, each an array of its runs' scores.

    Runs are drawn anew within their task. NONE where there is no run.
    """
    tasks = [scores for scores in tasks if len(scores)]
    if not tasks:
        return NONE
    return _bootstrap(tasks, lambda *drawn: interquartile_mean(np.concatenate(drawn, axis=-1)))


def mean(values: Sequence[float]) -> Estimate:
    """The mean, which a rare and large loss counts in. NONE where there are no values."""
    return _bootstrap([np.asarray(values, float)], lambda x: x.mean(axis=-1)) if len(values) else NONE


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
    return _between(value, drawn)


def per_unit(sums: NDArray, units: NDArray) -> Estimate:
    """Sum over sum of two arrays (episodes,), such as collisions and years; episodes are drawn anew."""
    return _bootstrap((sums, units), lambda s, u: s.sum(axis=-1) / u.sum(axis=-1), paired=True)


def share(hits: int, trials: int) -> Estimate:
    """Share of hits with its score interval (Wilson 1927); NONE without a trial."""
    from scipy.stats import binomtest

    if not trials:
        return NONE
    return Estimate(hits / trials, *binomtest(hits, trials).proportion_ci(CONFIDENCE, method="wilson"))


def _bootstrap(
    samples: Sequence[NDArray], statistic: Callable[..., NDArray], paired: bool = False
) -> Estimate:
    """`statistic` of the samples along their last axis, and its interval; none around single runs."""
    from scipy.stats import bootstrap

    value = float(statistic(*samples))
    if paired and len(samples[0]) == 1:
        return Estimate(value, value, value)
    if min(map(len, samples)) > 1:
        found = bootstrap(
            samples,
            lambda *drawn, axis: statistic(*drawn),
            n_resamples=RESAMPLES,
            batch=RESAMPLES,
            vectorized=True,
            paired=paired,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
        return Estimate(value, float(found.low), float(found.high))
    rng = np.random.default_rng(0)  # SciPy resamples no sample of one run
    return _between(value, statistic(*(rng.choice(each, (RESAMPLES, len(each))) for each in samples)))


def _resampled(wins: NDArray, rng: np.random.Generator) -> NDArray:
    """Means (RESAMPLES,) of a matrix whose rows and whose columns are drawn anew: their counts are drawn,
    where SciPy would compare all pairs of every resample."""
    found = []
    for _ in range(0, RESAMPLES, _AT_ONCE):
        rows, columns = (rng.multinomial(n, np.full(n, 1.0 / n), _AT_ONCE) for n in wins.shape)
        found.append(((rows @ wins) * columns).sum(axis=1) / wins.size)
    return np.concatenate(found)


def _between(value: float, drawn: NDArray) -> Estimate:
    """`value` with the percentiles of its resampled selves."""
    low, high = np.quantile(drawn, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return Estimate(value, float(low), float(high))
