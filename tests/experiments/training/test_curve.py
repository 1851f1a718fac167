"""Tests of the picture of a training."""

import pytest

from experiments.training.curve import learning_curve

pytest.importorskip("matplotlib")


def _drawn(scores, references):
    records = [{"seed": 0, "steps": 100_000 * i, "score": score} for i, score in enumerate(scores)]
    figure = learning_curve(records, references, "avoidance_v0")
    texts = [text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))]
    return figure.axes[0].get_ylim(), texts


def test_levels_far_below_a_curve_are_named_and_not_drawn():
    (low, high), texts = _drawn([19.0, 21.5], {"never": -364.0, "threshold": 16.0, "thrifty": 20.7})
    assert 12.0 < low < 16.0
    assert 21.5 < high < 24.0
    assert "thrifty" in texts
    assert "threshold" in texts
    assert "never" not in texts
    assert "far below: never -364" in texts


def test_a_level_that_is_not_far_and_one_above_are_drawn():
    (low, high), texts = _drawn([10.0, 300.0], {"random": 0.2, "planner": 900.0})
    assert low < 0.2
    assert high > 900.0
    assert not any(text.startswith("far below") for text in texts)


def test_a_curve_that_is_flat_keeps_what_is_near():
    (low, _), texts = _drawn([20.0, 20.0], {"greedy": 19.0, "random": 0.0})
    assert low > 17.0
    assert "far below: random 0" in texts
