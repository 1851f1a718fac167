"""Avoidance burns and the way back, against the closed forms of circular orbits and exact propagation."""

import numpy as np
import pytest

from sandbox.conjunctions import Burn, avoidance_burn, closest_approach, collision_probability, return_to_slot
from sandbox.conjunctions.burns import _flown
from sandbox.conjunctions.encounter import plane_axes
from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.forces import J2_ONLY, Forces
from sandbox.orbits.propagation import propagate

RADIUS = 7e6
SPEED = np.sqrt(MU_EARTH / RADIUS)
PERIOD = 2 * np.pi * RADIUS / SPEED
TWO_BODY = Forces(j2=0.0)
COVARIANCE = np.diag([50.0, 200.0, 50.0]) ** 2


def encounter(lead, forces=J2_ONLY, miss=(30.0, 0.0, 40.0), angle=2.0):
    """Two states `lead` seconds before they pass each other at `miss` on a circular orbit of object 1."""
    first = np.array([RADIUS, 0, 0, 0, SPEED, 0])
    second = np.array([RADIUS + miss[0], miss[1], miss[2], 0, SPEED * np.cos(angle), SPEED * np.sin(angle)])
    position, velocity = propagate([first[:3], second[:3]], [first[3:], second[3:]], [-lead], forces)
    return np.concatenate((position[0], velocity[0]), axis=-1)


def passing(states, burn, tca, forces=J2_ONLY):
    """The closest approach after a burn, by propagating from the burn on."""
    position, velocity = propagate(states[:, :3], states[:, 3:], [burn.time_s], forces)
    first, second = np.concatenate((position[0], velocity[0]), axis=-1)
    first[3:] *= 1 + burn.along_track / np.linalg.norm(first[3:])
    return closest_approach(first, second, tca + 300 - burn.time_s, tca - 300 - burn.time_s, forces=forces)


@pytest.mark.parametrize("wanted", [200.0, 1_000.0, 5_000.0])
def test_reaches_the_miss_distance_and_no_more(wanted):
    lead = 4.2 * PERIOD
    states = encounter(lead)
    found = avoidance_burn(*states, lead, miss_distance=wanted)
    assert found.approach.distance == pytest.approx(wanted, abs=0.01)
    assert passing(states, found.burn, lead).distance == pytest.approx(wanted, abs=0.05)
    for share in (0.9, -0.9):  # less of it, or the same the other way, is not enough
        less = Burn(found.burn.time_s, share * found.burn.along_track)
        assert passing(states, less, lead).distance < wanted


def test_is_as_cheap_as_the_closed_form():
    """Half odd revolutions before, dv moves a circular orbit 3 dv t along track and 4 dv / n in radius."""
    lead = 3.5 * PERIOD
    states = encounter(lead, TWO_BODY, miss=(0.0, 0.0, 0.0))
    found = avoidance_burn(*states, lead, miss_distance=1_000.0, burn_time_s=0.0, forces=TWO_BODY)
    along, radial = 3.0 * lead, 4.0 * PERIOD / (2 * np.pi)
    relative = np.array([0, np.cos(2.0) - 1, np.sin(2.0)])
    across = abs(relative[2]) / np.linalg.norm(relative)  # of the track, seen along the relative velocity
    expected = 1_000.0 / np.hypot(along * across, radial)
    assert abs(found.burn.along_track) == pytest.approx(expected, rel=2e-3)


def test_published_displacement():
    """1 cm/s at 7,000 km, ten revolutions before: 1.75 km along track (3 dv t)."""
    lead = 10 * PERIOD
    states = encounter(lead, TWO_BODY)
    moved = _flown(states[0], (Burn(0.0, 0.01),), lead, TWO_BODY, 0.0) - _flown(
        states[0], (), lead, TWO_BODY, 0.0
    )
    assert np.linalg.norm(moved[:3]) == pytest.approx(1_750.0, abs=2.0)


def test_reaches_the_probability():
    lead = 4.2 * PERIOD
    states = encounter(lead)
    found = avoidance_burn(*states, lead, probability=1e-6, covariance=COVARIANCE, hard_body_radius=10.0)
    assert found.probability == pytest.approx(1e-6, rel=1e-3)
    after = passing(states, found.burn, lead)
    axes = plane_axes(after.state2 - after.state1)
    here = collision_probability(axes @ after.miss, axes @ COVARIANCE @ axes.T, 10.0)
    assert here == pytest.approx(1e-6, rel=1e-3)


def test_the_earlier_the_cheaper_and_half_odd_revolutions_are_chosen():
    lead = 6.0 * PERIOD
    states = encounter(lead)
    burns = [
        avoidance_burn(*states, lead, miss_distance=1_000.0, earliest_s=earliest * PERIOD).burn
        for earliest in (0.0, 2.0, 4.0)
    ]
    sizes = [abs(burn.along_track) for burn in burns]
    assert sizes == sorted(sizes)
    for burn, earliest in zip(burns, (0.0, 2.0, 4.0), strict=True):
        revolutions = (lead - burn.time_s) / PERIOD
        assert revolutions % 1.0 == pytest.approx(0.5, abs=0.01)
        assert burn.time_s >= earliest * PERIOD
    late = avoidance_burn(*states, lead, miss_distance=1_000.0, earliest_s=5.8 * PERIOD).burn
    assert late.time_s == pytest.approx(5.8 * PERIOD)


def test_a_safe_encounter_needs_no_burn():
    lead = 2.0 * PERIOD
    states = encounter(lead)
    assert avoidance_burn(*states, lead, miss_distance=20.0).burn.along_track == 0.0
    found = avoidance_burn(*states, lead, probability=0.5, covariance=COVARIANCE, hard_body_radius=5.0)
    assert found.burn.along_track == 0.0
    assert found.approach.distance == pytest.approx(passing(states, found.burn, lead).distance, abs=0.01)


@pytest.mark.parametrize("revolutions", [1, 4])
@pytest.mark.parametrize("forces", [TWO_BODY, J2_ONLY])
def test_the_way_back_ends_in_the_slot_and_stays_there(revolutions, forces):
    lead = 3.5 * PERIOD
    states = encounter(lead, forces)
    burn = Burn(0.0, 0.05)
    first, second = return_to_slot(states[0], burn, lead + 100.0, revolutions, forces=forces)
    later = second.time_s + 10 * PERIOD
    back = _flown(states[0], (burn, first, second), later, forces, 0.0)
    never = _flown(states[0], (), later, forces, 0.0)
    gone = _flown(states[0], (burn,), later, forces, 0.0)
    assert np.linalg.norm(back[:3] - never[:3]) < 2.0
    assert np.linalg.norm(gone[:3] - never[:3]) > 10_000.0
    assert first.time_s >= lead + 100.0
    away = round(first.time_s / PERIOD)
    assert first.along_track == pytest.approx(-0.05 * (1 + away / revolutions), rel=0.01)
    assert second.along_track == pytest.approx(0.05 * away / revolutions, rel=0.01)


def test_a_longer_return_costs_less():
    states = encounter(PERIOD)
    costs = [
        sum(abs(burn.along_track) for burn in return_to_slot(states[0], Burn(0.0, 0.05), 2 * PERIOD, n))
        for n in (1, 2, 8)
    ]
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "Give either miss_distance"),
        ({"miss_distance": 100.0, "probability": 1e-5}, "Give either miss_distance"),
        ({"miss_distance": -1.0}, "miss_distance = -1.0"),
        ({"probability": 2.0}, "probability = 2.0"),
        ({"probability": 1e-5}, "needs covariance"),
        ({"miss_distance": 100.0, "burn_time_s": 1e6}, "must lie from 0 to before tca_s"),
        ({"miss_distance": 100.0, "earliest_s": -5.0}, "earliest_s = -5"),
        ({"miss_distance": 1e6, "burn_time_s": 5_990.0}, "burn earlier or ask for less"),
    ],
)
def test_errors_are_one_sentence(arguments, sentence):
    states = encounter(6_000.0)
    with pytest.raises(SandboxError, match=sentence):
        avoidance_burn(*states, 6_000.0, **arguments)


def test_errors_of_the_return():
    states = encounter(6_000.0)
    with pytest.raises(SandboxError, match="revolutions = 0"):
        return_to_slot(states[0], Burn(0.0, 0.1), 100.0, 0)
    with pytest.raises(SandboxError, match="is not after the burn"):
        return_to_slot(states[0], Burn(200.0, 0.1), 100.0)
    with pytest.raises(SandboxError, match="escape path"):
        avoidance_burn(states[0] * np.array([1, 1, 1, 2, 2, 2]), states[1], 100.0, miss_distance=10.0)
