"""Softmax over what is legal, seeded streams, names and budgets."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from agents.qwen.choice import Draws, check_temperature, draw, legal_probabilities, thinking_budget
from agents.qwen.names import nominal_name
from sandbox.errors import SandboxError


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.booleans()), min_size=1, max_size=40),
    st.floats(0.01, 100),
    st.floats(0, 1, exclude_max=True),
)
def test_illegal_actions_have_no_share_and_are_never_drawn(scored, temperature, uniform):
    scores, mask = np.array([s for s, _ in scored]), np.array([m for _, m in scored], np.int8)
    mask[0] = 1  # the safe action is always legal
    probabilities = legal_probabilities(scores, mask, temperature)
    assert (probabilities[mask == 0] == 0).all()
    np.testing.assert_allclose(probabilities[mask == 1], softmax(scores[mask == 1] / temperature), atol=1e-12)
    assert mask[draw(probabilities, uniform)]


def test_draws_follow_the_probabilities():
    probabilities = np.array([0.2, 0.0, 0.5, 0.3])
    draws = Draws(7)
    counts = np.bincount([draws.pick(probabilities, 0) for _ in range(20_000)], minlength=4) / 20_000
    np.testing.assert_allclose(counts, probabilities, atol=4 * math.sqrt(0.25 / 20_000))


def test_a_satellite_has_its_own_stream():
    alone, together = Draws(5), Draws(5)
    mixed = [together.of(i % 3).random() for i in range(9)]
    assert [alone.of(1).random() for _ in range(3)] == mixed[1::3]
    together.reset(5)
    assert together.of(0).random() == mixed[0]
    together.reset(6)
    assert together.of(0).random() != mixed[0]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Qwen/Qwen3-0.6B", "Qwen3-0.6B"),
        ("Qwen/Qwen3-4B-Instruct-2507", "Qwen3-4B"),
        ("Qwen/Qwen3-8B-FP8", "Qwen3-8B"),
        ("someone/qwen3-30b-a3b-gguf", "Qwen3-30B-A3B"),
        ("qwen3:8b", "Qwen3-8B"),
        ("/models/Qwen3-14B/", "Qwen3-14B"),
        ("/hub/models--Qwen--Qwen3-1.7B/snapshots/0123abc", "Qwen3-1.7B"),
        ("Qwen/Qwen3-80B", "Qwen3-80B"),
        ("Qwen/Qwen3-4Bit", "Qwen3-4Bit"),
        ("Qwen/Qwen2.5-7B", "Qwen2.5-7B"),
        ("runs/my-model", "my-model"),
    ],
)
def test_nominal_names(model, name):
    assert nominal_name(model) == name


def test_budgets():
    assert [thinking_budget(each) for each in ("off", "free", 5, "64")] == [0, math.inf, 5, 64]
    for wrong in ("of", 0, -3, "0", None, math.inf):
        with pytest.raises(SandboxError, match="give off, free or a number"):
            thinking_budget(wrong)


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf])
def test_temperatures(wrong):
    with pytest.raises(SandboxError, match="give a number above 0"):
        check_temperature(wrong)
