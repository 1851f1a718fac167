"""Quantities with units at the entrances of the library: the same numbers, or one sentence."""

import warnings

import numpy as np
import pytest
from astropy import units as u

from sandbox.conjunctions import (
    Objects,
    OutsideValidity,
    avoidance_burn,
    chan_error,
    closest_approach,
    collision_probability,
    covariance_from_rtn,
    covariance_to_rtn,
    dilution,
    encounter_plane,
    encounter_validity,
    max_probability,
    monte_carlo_probability,
    remediate_covariance,
    return_to_slot,
    rtn_axes,
    screen,
)
from sandbox.errors import SandboxError

FIRST = np.array([7.0e6, 0.0, 0.0, 0.0, 7.546e3, 0.0])
SECOND = np.array([7.0e6 + 200.0, 50.0, 0.0, 0.0, 0.0, 7.546e3])
BLOCK = np.diag([100.0, 400.0, 100.0]) ** 2


def pair(state, length=u.km, speed=u.km / u.s):
    """A state as positions and velocities with units."""
    return (state[..., :3] * u.m).to(length), (state[..., 3:] * u.m / u.s).to(speed)


def six(state):
    return [x * u.m if k < 3 else x * u.m / u.s for k, x in enumerate(state)]


@pytest.mark.parametrize("function", [collision_probability, max_probability, dilution, chan_error])
def test_of_the_plane(function):
    miss, covariance = np.array([120.0, 0.0]), np.diag([150.0, 90.0]) ** 2
    bare = function(miss, covariance, 12.0)
    assert function(miss / 1e3 * u.km, covariance / 1e6 * u.km**2, 1200 * u.cm) == pytest.approx(bare)
    assert function(miss, covariance, hard_body_radius=0.012 * u.km) == pytest.approx(bare)


@pytest.mark.parametrize("form", [pair, six])
def test_states(form):
    first, second = form(FIRST), form(SECOND)
    plane, bare = (
        encounter_plane(first, BLOCK * u.m**2, second, BLOCK),
        encounter_plane(FIRST, BLOCK, SECOND, BLOCK),
    )
    assert all(np.allclose(*each) for each in zip(plane, bare, strict=True))
    valid, known = (
        encounter_validity(*states, 10 * u.m)
        for states in ((first, BLOCK, second, BLOCK), (FIRST, BLOCK, SECOND, BLOCK))
    )
    assert np.allclose(valid, known)
    near, ours = (
        closest_approach(first, second, 1 * u.min, -1 * u.min),
        closest_approach(FIRST, SECOND, 60.0, -60.0),
    )
    assert near.distance == pytest.approx(ours.distance)


def test_many_states():
    states = np.stack([FIRST, FIRST + 5.0]), np.stack([SECOND, SECOND])
    bare = encounter_plane(states[0], BLOCK, states[1], BLOCK)
    for given in (map(pair, states), (list(map(pair, each)) for each in states)):
        first, second = given
        found = encounter_plane(first, BLOCK, second, BLOCK)
        assert all(np.allclose(*each) for each in zip(found, bare, strict=True))


def test_screening():
    one, other = ((state[None, :3], state[None, 3:]) for state in (FIRST, SECOND))
    bare = screen(Objects(*one), Objects(*other), 600.0, 5_000.0)
    sets = [
        Objects(r / 1e3 * u.km, v * u.m / u.s, ballistic_m2_kg=0 * u.m**2 / u.kg) for r, v in (one, other)
    ]
    found = screen(*sets, 10 * u.min, 5 * u.km, step_s=1 * u.min)
    assert len(bare) > 0
    assert np.array_equal(found, bare)


def test_monte_carlo():
    covariance = np.diag([100.0, 400.0, 100.0, 0.1, 0.1, 0.1]) ** 2
    bare = monte_carlo_probability(FIRST, covariance, SECOND, covariance, 50.0, 20, span_s=30.0)
    found = monte_carlo_probability(
        pair(FIRST), covariance, pair(SECOND), covariance, 50 * u.m, 20, span_s=0.5 * u.min
    )
    assert found == bare


def test_burns():
    hit = np.concatenate((FIRST[:3], -FIRST[3:]))  # head on, at time 0 and half a revolution later
    ours = avoidance_burn(FIRST, hit, 2_914.0, miss_distance=200.0, burn_time_s=60.0)
    found = avoidance_burn(
        pair(FIRST), pair(hit), 2_914 * u.s, miss_distance=0.2 * u.km, burn_time_s=1 * u.min
    )
    assert found.burn == ours.burn
    assert return_to_slot(pair(FIRST), ours.burn, 1 * u.h) == return_to_slot(FIRST, ours.burn, 3_600.0)


def test_covariances():
    r, v = FIRST[:3], FIRST[3:]
    assert np.allclose(rtn_axes(*pair(FIRST)), rtn_axes(r, v))
    for turn in (covariance_from_rtn, covariance_to_rtn):
        assert np.allclose(turn(BLOCK / 1e6 * u.km**2, *pair(FIRST)), turn(BLOCK, r, v))
    assert np.allclose(remediate_covariance(BLOCK / 1e6 * u.km**2, 1 * u.m**2), BLOCK)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: collision_probability([1, 0] * u.s, np.eye(2), 1.0), r"miss is given in s \(time\)"),
        (lambda: collision_probability([1, 0], np.eye(2) * u.m, 1.0), r"covariance is given in m \(length\)"),
        (lambda: screen(Objects(FIRST[:3], FIRST[3:]), None, 1 * u.m, 1.0), "horizon_s is given in m"),
        (lambda: closest_approach(FIRST * u.m, SECOND, 60.0), "state1 has positions and velocities"),
        (lambda: closest_approach(pair(FIRST)[::-1], SECOND, 60.0), "state1 is given in km / s"),
        (lambda: encounter_plane(FIRST, np.eye(6) * u.m**2, SECOND, BLOCK), r"cov1 .* several units; give"),
        (lambda: encounter_plane((FIRST[:3] * u.m, [1.0, 2.0]), BLOCK, SECOND, BLOCK), "state1 has"),
        (lambda: Objects(FIRST[:3] * u.s, FIRST[3:]), "position is given in s"),
    ],
)
def test_what_does_not_fit_is_one_sentence(call, said):
    with pytest.raises(SandboxError, match=said) as raised:
        call()
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)


def test_a_warning_points_at_the_caller():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        collision_probability([500.0, 0.0], np.diag([1000.0, 10.0]) ** 2, 60.0, "chan")
    assert [(each.category, each.filename) for each in caught] == [(OutsideValidity, __file__)]
