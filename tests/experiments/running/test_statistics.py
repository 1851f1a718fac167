"""The statistics of the benchmark, against what can be worked out by hand and against scipy."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, trim_mean

from experiments.running.statistics import NONE, improvement, interquartile, mean, with_bounds


def test_the_interquartile_mean_is_over_all_runs_of_all_tasks():
    assert interquartile([np.array([1.0, 2.0, 3.0, 4.0]), np.array([5.0, 6.0, 7.0, 8.0])]).value == 4.5


def test_it_is_the_trimmed_mean_of_rliable():
    tasks = [np.random.default_rng(seed).normal(size=8) for seed in range(3)]
    assert interquartile(tasks).value == pytest.approx(trim_mean(np.concatenate(tasks), 0.25))


def test_runs_are_drawn_within_their_task():
    """Drawn from the pool of both tasks, the mean would vary from 0 to 100."""
    assert interquartile([np.zeros(4), np.full(4, 100.0)]) == (50.0, 50.0, 50.0)


def test_the_interval_is_that_of_the_bootstrap():
    """Two runs give 0, 50 or 100 with chances 1/4, 1/2, 1/4, and so the ends are 0 and 100."""
    assert interquartile([np.array([0.0, 100.0])]) == (50.0, 0.0, 100.0)


def test_the_interval_narrows_with_the_root_of_the_runs():
    few, many = (interquartile([np.random.default_rng(0).normal(size=n)]) for n in (25, 400))
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4.0, rel=0.35)


def test_a_mean_counts_what_is_rare():
    """Of 99 zeros and a collision, drawn anew, a share exp(-1) of the samples has none."""
    found = mean([0.0] * 99 + [-100.0])
    assert (found.value, found.high) == (pytest.approx(-1.0), 0.0)
    assert -4.5 < found.low < -2.5
    assert mean([]) is NONE


def test_every_pair_of_runs_is_compared_and_a_tie_counts_half():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.0])
    assert improvement([x], [y]).value == pytest.approx(6.0 / 9.0)
    assert improvement([x], [y]).value == pytest.approx(mannwhitneyu(x, y).statistic / 9.0)


def test_tasks_count_alike_whatever_their_runs():
    high, low = np.array([2.0]), np.zeros(9)
    assert improvement([high, low], [low, high]).value == pytest.approx(0.5)


def test_the_interval_of_an_improvement():
    """Of two runs, one of them above the only run of the other: 0, 1/2 or 1 with chances 1/4, 1/2, 1/4."""
    assert improvement([np.array([0.0, 1.0])], [np.array([0.5])]) == (0.5, 0.0, 1.0)


def test_the_spread_of_an_improvement_is_that_of_drawing_rows_and_columns():
    """Against drawing the runs themselves, anew and in another way."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(0.3, 1.0, 12), rng.normal(0.0, 1.0, 9)
    drawn = [(rng.choice(x, 12)[:, None] > rng.choice(y, 9)).mean() for _ in range(10_000)]
    found = improvement([x], [y])
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.02)


def test_the_same_scores_give_the_same_interval():
    x, y = np.arange(6.0), np.arange(6.0) + 1.5
    assert interquartile([x, y]) == interquartile([x, y])
    assert improvement([x], [y]) == improvement([x], [y])


def test_nothing_played_is_no_number():
    nothing = np.empty(0)
    assert np.isnan(interquartile([nothing])).all()
    assert improvement([nothing], [np.ones(2)]) is NONE
    assert interquartile([nothing, np.ones(3)]).value == 1.0


def test_a_number_alone_has_no_interval():
    plain = "{:.1f}".format
    assert with_bounds(plain, 2.0, 1.0, 3.0) == "2.0 [1.0, 3.0]"
    assert with_bounds(plain, 2.0, 1.0, 3.0, ",") == "2.0 [1.0,3.0]"
    assert with_bounds(plain, *mean([2.0])) == "2.0"
    assert with_bounds(plain, *NONE) == "-"
