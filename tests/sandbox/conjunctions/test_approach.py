"""Closest approach of two propagated arcs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from sandbox.conjunctions import closest_approach
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.ephemeris import make_ephemeris
from sandbox.orbits.forces import J2_ONLY, Forces
from sandbox.orbits.propagation import propagate


def back(state, seconds, forces=J2_ONLY):
    position, velocity = propagate(state[:3], state[3:], [-seconds], forces)
    return np.concatenate((position[0], velocity[0]))


def meeting(seed):
    """Two states in low orbit that are nearest each other now, and their miss."""
    rng = np.random.default_rng(seed)
    r = 7e6 * (1 + rng.uniform(-0.02, 0.1))
    radial, *others = np.linalg.qr(rng.normal(size=(3, 3)))[0].T
    angle, speed = rng.uniform(0.02, np.pi), np.sqrt(MU_EARTH / r)
    v1 = speed * others[0]
    v2 = speed * (np.cos(angle) * others[0] + np.sin(angle) * others[1] + rng.uniform(-0.01, 0.01) * radial)
    normal = np.cross(v2 - v1, radial)
    miss = rng.uniform(1.0, 2000.0) * (radial * 0.6 + 0.8 * normal / np.linalg.norm(normal))
    miss -= (miss @ (v2 - v1)) * (v2 - v1) / ((v2 - v1) @ (v2 - v1))
    return np.concatenate((r * radial, v1)), np.concatenate((r * radial + miss, v2)), miss


@given(st.integers(0, 10_000), st.floats(60.0, 20_000.0))
def test_finds_what_was_flown_back(seed, lead):
    state1, state2, miss = meeting(seed)
    found = closest_approach(back(state1, lead), back(state2, lead), lead + 100.0, lead - 100.0)
    assert found.time_s == pytest.approx(lead, abs=1e-3)
    assert np.linalg.norm(found.miss - miss) < 0.1
    assert abs(found.miss @ found.relative_velocity) < 1e-2 * np.linalg.norm(found.relative_velocity)


def test_agrees_with_a_dense_search():
    """Two orbits for half a day: the closest of the many approaches, by scipy on the propagated distance."""
    state1, state2, _ = meeting(3)
    state2[3:] *= 1.0005
    end = 40_000.0
    found = closest_approach(state1, state2, end, 100.0)

    def distance(seconds):
        r, _ = propagate([state1[:3], state2[:3]], [state1[3:], state2[3:]], np.atleast_1d(seconds))
        return np.linalg.norm(r[:, 1] - r[:, 0], axis=-1)

    coarse = np.linspace(100.0, end, 8001)
    best = coarse[distance(coarse).argmin()]
    exact = minimize_scalar(
        lambda t: distance(t)[0], bounds=(best - 10, best + 10), method="bounded", options={"xatol": 1e-9}
    )
    assert found.time_s == pytest.approx(exact.x, abs=1e-3)
    assert found.distance == pytest.approx(exact.fun, abs=1e-3)


def test_other_forces_and_sides_of_time():
    forces = Forces(j3=-2.5e-6, drag=True, sun=True, moon=True)
    tables = make_ephemeris("2026-03-20T12:00:00", 7200.0)
    state1, state2, miss = meeting(8)
    lead, ballistic = 3_000.0, (0.02, 0.05)
    moved = []
    for state, own in zip((state1, state2), ballistic, strict=True):
        shifted = tables._replace(start_s=tables.start_s - lead)
        r, v = propagate(state[:3], state[3:], [-lead], forces, own, shifted)
        moved.append(np.concatenate((r[0], v[0])))
    found = closest_approach(
        *moved, lead + 50, lead - 50, forces=forces, ballistic_m2_kg=ballistic, ephemeris=tables
    )
    assert found.time_s == pytest.approx(lead, abs=1e-3)
    assert np.linalg.norm(found.miss - miss) < 0.1
    before = closest_approach(back(state1, -500.0), back(state2, -500.0), -400.0, -600.0)
    assert before.time_s == pytest.approx(-500.0, abs=1e-3)


def test_swapping_the_objects_mirrors_the_miss():
    state1, state2, _ = meeting(5)
    pair = back(state1, 900.0), back(state2, 900.0)
    one, other = closest_approach(*pair, 1000.0), closest_approach(*pair[::-1], 1000.0)
    assert one.time_s == pytest.approx(other.time_s, abs=1e-6)
    np.testing.assert_allclose(one.miss, -other.miss, atol=1e-3)


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        ((100.0, 0.0), "falling at its end: no closest approach"),
        ((1300.0, 950.0), "growing from its start on"),
        ((5.0, 5.0), "its start must lie before its end"),
        ((np.inf, 0.0), "its start must lie before its end"),
    ],
)
def test_a_closest_approach_outside_the_window_is_one_sentence(window, sentence):
    state1, state2, _ = meeting(5)
    with pytest.raises(SandboxError, match=sentence):
        closest_approach(back(state1, 900.0), back(state2, 900.0), *window)


def test_bad_states():
    with pytest.raises(SandboxError, match=r"state1 has shape \(3,\); give one position and velocity \(6,\)"):
        closest_approach(np.zeros(3), np.zeros(6), 10.0)
    for bad in (np.nan, 1e308):
        with pytest.raises(SandboxError, match="state2 holds a value that is not a finite number"):
            closest_approach(meeting(1)[0], np.full(6, bad), 10.0)
    with pytest.raises(SandboxError, match="at most ten years"):
        closest_approach(*meeting(1)[:2], 1e300)


@given(st.integers(0, 10_000), st.sampled_from([(0.0, 60.0), (-60.0, 0.0), (0.0, 1e-2), (-1e4, 0.0)]))
def test_a_minimum_at_either_end_of_the_window_is_found(seed, window):
    state1, state2, miss = meeting(seed)
    if abs(miss @ (state2 - state1)[3:]) > 1e-4 * np.linalg.norm((state2 - state1)[3:]) ** 2:
        return
    start, end = window
    found = closest_approach(state1, state2, end, start)
    if end - start < 1e3:
        assert found.time_s == pytest.approx(0.0, abs=1e-3)
        assert np.linalg.norm(found.miss - miss) < 10.0 * 1e-3 * np.linalg.norm(found.relative_velocity)
    assert found.distance <= np.linalg.norm(miss) + 1e-6


def test_a_maximum_at_the_end_of_the_window_is_none():
    """Half a revolution after they met on crossing circles they are farthest apart, and part no more."""
    r, v = 7e6, np.sqrt(MU_EARTH / 7e6)
    pair = np.array([r, 0, 0, 0, v, 0]), np.array([r + 10.0, 0, 0, 0, 0.8 * v, 0.6 * v])
    quarter = 0.5 * np.pi * r / v
    with pytest.raises(SandboxError, match="no closest approach"):
        closest_approach(*pair, quarter, 100.0, forces=Forces(j2=0.0))
