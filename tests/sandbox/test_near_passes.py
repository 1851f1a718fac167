"""Importance sampling of collisions: unbiased against closed forms and against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.conjunctions.screening import ENCOUNTER
from sandbox.errors import SandboxError
from sandbox.near_passes import draw_miss, draw_near
from sandbox.scenario import load_scenario

RADIUS, WATCH = 10.0, 10_000.0


def drawn(count, seed=0, radius=RADIUS):
    rng = np.random.default_rng(seed)
    return np.array([draw_miss(rng, radius, WATCH) for _ in range(count)]).T


@pytest.mark.parametrize("edge", [4.0, 10.0, 100.0, 3_000.0, 10_000.0])
def test_weights_give_the_area_of_any_disc(edge):
    miss, weight = drawn(20_000)
    inside = weight * (miss < edge)
    error = inside.std() / np.sqrt(len(inside))
    assert inside.mean() == pytest.approx((edge / WATCH) ** 2, abs=4.0 * error)
    assert error < 0.03 * (edge / WATCH) ** 2, "a hundred million draws would do so well otherwise"


def displaced(miss, angle, shift):
    """How near passes come to a satellite that has moved by `shift` m out of the middle."""
    return np.hypot(miss * np.cos(angle) - shift, miss * np.sin(angle))


@pytest.mark.parametrize("shift", [0.0, 25.0, 400.0])
def test_a_policy_that_moves_meets_as_many(shift):
    """Whoever moves by the same for all is hit as often: the misses are spread evenly."""
    miss, weight = drawn(200_000)
    angle = np.random.default_rng(1).uniform(0.0, 2.0 * np.pi, len(miss))
    hits = weight * (displaced(miss, angle, shift) < RADIUS)
    assert hits.mean() == pytest.approx((RADIUS / WATCH) ** 2, abs=4.0 * hits.std() / np.sqrt(len(hits)))


def test_brute_force_at_a_larger_radius_agrees():
    """A policy that sees the miss with an error of 400 m and moves by 900 m when it seems below 800 m."""
    radius, count = 500.0, 60_000

    def hits(miss, seed):
        rng = np.random.default_rng(seed)
        x, y = miss * np.array((np.cos(angle := rng.uniform(0, 2 * np.pi, len(miss))), np.sin(angle)))
        seen = np.hypot(x + rng.normal(0, 400, len(miss)), y + rng.normal(0, 400, len(miss)))
        return np.hypot(x - 900.0 * (seen < 800.0), y) < radius

    brute = hits(WATCH * np.sqrt(np.random.default_rng(2).random(40 * count)), 3)
    miss, weight = drawn(count, 4, radius)
    weighed = weight * hits(miss, 5)
    error = np.hypot(weighed.std() / np.sqrt(count), brute.std() / np.sqrt(len(brute)))
    assert weighed.mean() == pytest.approx(brute.mean(), abs=4.0 * error)
    assert weighed.std() / np.sqrt(count) < brute.std() / np.sqrt(count), "and with fewer draws"


def passes(count):
    rows = np.zeros(count, ENCOUNTER)
    rng = np.random.default_rng(7)
    rows["tca"] = np.arange(count)
    rows["state1"] = np.concatenate((rng.normal(0, 4e6, (count, 3)), rng.normal(0, 5e3, (count, 3))), axis=1)
    rows["state2"] = rows["state1"] + np.concatenate(
        (rng.normal(0, 3e3, (count, 3)), rng.normal(0, 5e3, (count, 3))), axis=1
    )
    return rows


@given(st.integers(1, 30), st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_one_pass_is_drawn_anew_at_its_closest(count, seed):
    before = passes(count)
    after, weights = draw_near(np.random.default_rng(seed), before, RADIUS, WATCH)
    (chosen,) = np.flatnonzero(weights)
    kept = np.arange(count) != chosen
    assert (after[kept] == before[kept]).all()
    miss = after["state2"][chosen, :3] - after["state1"][chosen, :3]
    relative = after["state2"][chosen, 3:] - after["state1"][chosen, 3:]
    assert (after["state2"][chosen, 3:] == before["state2"][chosen, 3:]).all()
    assert np.linalg.norm(miss) == pytest.approx(after["distance"][chosen], rel=1e-6, abs=1e-6)
    assert abs(miss @ relative) < 1e-4 * np.linalg.norm(relative), "so it is nearest then"
    assert after["distance"][chosen] <= WATCH * (1 + 1e-9)


def test_watching_no_further_than_the_radius_is_all_hits():
    rng = np.random.default_rng(0)
    assert draw_miss(rng, 50.0, 50.0)[1] == 1.0


@pytest.mark.parametrize(
    "changes",
    [{"encounters.staged_per_day": 1.0}, {"encounters.population": 0, "encounters.staged_per_day": 0}],
)
def test_it_needs_a_population_and_nothing_staged(changes):
    with pytest.raises(SandboxError, match="importance_sampling draws passes of a population"):
        load_scenario("debris_24", changes | {"encounters.importance_sampling": True})
