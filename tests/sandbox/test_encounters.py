"""Worlds with encounters: what passes is what propagation says; warnings are as wrong as they admit."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from pilots import encounter_world

from sandbox.conjunctions import (
    Objects,
    closest_approach,
    collision_probability,
    covariance_from_rtn,
    encounter_plane,
    screen,
)
from sandbox.conjunctions.approach import minimum_between
from sandbox.encounter_warnings import deviation, estimated_error
from sandbox.encounters import make_params, population, staged_encounter
from sandbox.errors import SandboxError
from sandbox.maneuvers import RETURN, SEEK_M_S, WAIT
from sandbox.orbits.propagation import propagate
from sandbox.scenario import load_scenario

FEW = [
    {
        "name": "Shell",
        "spacecraft": "computing_satellite",
        "walker": {"total": 4, "planes": 2, "altitude_km": 550, "inclination_deg": 53},
    }
]


EXACT = {
    "encounters.own_sigma_m": (0.0, 0.0, 0.0),
    "encounters.own_growth_m_day15": 0.0,
    "encounters.burn_sigma_percent": 0.0,
    "encounters.burn_pointing_sigma_deg": 0.0,
}
"""One's own orbit is known, and burns are as ordered."""


@pytest.fixture(scope="module")
def scenario():
    changes = EXACT | {
        "fleet": FEW,
        "horizon_h": 24.0,
        "encounters.staged_per_day": 6.0,
        "encounters.population": 200,
    }
    return load_scenario("crossing_12", changes | {"encounters.watch_km": 100.0})


def orders(world, seed):
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, RETURN + 1, (world.worlds, world.satellites), np.int32)
    return np.where(rng.random(drawn.shape) < 0.2, drawn, WAIT).astype(np.int32)


def own_state(world, b, n):
    return np.concatenate((world.state.orbit.position[b, n], world.state.orbit.velocity[b, n]))


def test_what_will_pass_is_what_propagation_says(scenario):
    """After some burns: every encounter ahead, by `closest_approach` from the satellite's present state."""
    world = encounter_world(scenario, 2)
    world.reset(seed=1)
    for k in range(10):
        world.step(burn=orders(world, k))
    checked = 0
    for b, n in np.ndindex(2, 4):
        now = world.state.clock["time"][b]
        for row in world.encounters.state.encounter[b, n]:
            lead = row["tca"] - now
            if not 200.0 < lead < 1e6:
                continue
            other = row["state"]
            (r,), (v,) = propagate(other[:3], other[3:], [-lead])
            found = closest_approach(own_state(world, b, n), np.concatenate((r, v)), lead + 90.0, lead - 90.0)
            assert row["passing"] == pytest.approx(now + found.time_s, abs=1e-3)
            np.testing.assert_allclose(row["relative"][:3], found.miss, atol=0.5)
            checked += 1
    assert checked > 20


def test_unburned_satellites_meet_what_was_drawn(scenario):
    world = encounter_world(scenario, 2)
    world.reset(seed=2)
    rows = world.encounters.state.encounter
    there = np.isfinite(rows["tca"])
    np.testing.assert_allclose(rows["passing"][there], rows["tca"][there], atol=1e-3)
    distance = np.linalg.norm(rows["relative"][..., :3], axis=-1)[there]
    assert (distance < 100.1e3).all()
    assert 3 < (distance < 10.0).sum() < 25  # a fifth of some 48


def test_a_hit_ends_the_satellite_in_its_round_and_nobody_else(scenario):
    world = encounter_world(scenario, 4)
    world.reset(seed=3)
    rows = world.encounters.state.encounter
    distance = np.linalg.norm(rows["relative"][..., :3], axis=-1)
    hit_at = np.where((distance < 10.0) & np.isfinite(rows["tca"]), rows["passing"], np.inf).min(axis=-1)
    wait = np.zeros((4, 4), np.int32)
    for _ in range(24 * 12):
        world.step(burn=wait)
        now = world.state.clock["time"][:, None]
        np.testing.assert_array_equal(world.state.body["alive"], hit_at > now)
        np.testing.assert_array_equal(
            world.encounters.state.passing["hit"], (hit_at <= now) & (hit_at > now - 300.0)
        )
    assert (~world.state.body["alive"]).sum() > 3


def test_burns_are_flown(scenario):
    """The state after a round is that of the burned orbit; the contact search starts anew from it once the
    burns since the last start sum up to something."""
    world = encounter_world(scenario)
    world.reset(seed=0)
    before = own_state(world, 0, 0)
    world.encounters.state.passing["unsought"][0] = [SEEK_M_S, 0.0, 0.0, 0.0]
    unburned = world.state.contacts.position[0, 2].copy()
    world.step(burn=np.array([[2, 0, 4, 0]]))
    np.testing.assert_array_equal(world.state.contacts.position[0, 2], unburned)
    speed = np.linalg.norm(before[3:])
    (r,), (v,) = propagate(before[:3], before[3:] * (1 + 0.1 / speed), [300.0])
    np.testing.assert_allclose(world.state.orbit.position[0, 0], r, atol=1e-6)
    np.testing.assert_allclose(world.state.orbit.velocity[0, 0], v, atol=1e-9)
    assert world.encounters.state.fuel[0].tolist() == pytest.approx([9.9, 10.0, 9.9, 10.0])
    assert world.encounters.state.passing["burned"][0].tolist() == pytest.approx([0.1, 0, 0.1, 0])
    searched = world.state.contacts.plan["searched"][0, 0]
    (r,), _ = propagate(
        before[:3], before[3:] * (1 + 0.1 / speed), [searched - world.state.clock["start"][0]]
    )
    np.testing.assert_allclose(world.state.contacts.position[0, 0], r, atol=1e-3)


def test_drift_is_minus_three_times_the_burn(scenario):
    world = encounter_world(scenario)
    world.reset(seed=0)
    world.step(burn=np.array([[2, 4, 0, 0]]))
    assert world.encounters.state.passing["drift"][0].tolist() == pytest.approx(
        [-0.3, 0.3, 0, 0], rel=1e-3, abs=1e-9
    )
    for _ in range(227):  # twelve revolutions and a little
        world.step(burn=np.zeros((1, 4), np.int32))
    expected = 0.3 * 228 * 300.0
    offset = world.encounters.state.passing["offset"][0]
    assert offset[:2].tolist() == pytest.approx([-expected, expected], abs=300.0)
    assert np.abs(offset[2:]).max() < 1e-3


def test_errors_of_warnings_are_a_martingale(scenario):
    """Deviations as stated; what a later estimate adds is independent of the earlier error."""
    params = make_params(scenario.encounters)
    draws = np.random.default_rng(0).standard_normal((20_000, 6, 3))
    for axis in range(3):
        errors = np.array([[estimated_error(d, axis, u, params) for u in (0, 2, 4)] for d in draws])
        stated = [deviation(axis, (u + 1) * 8 * 3600.0, params) for u in (0, 2, 4)]
        np.testing.assert_allclose(errors.std(axis=0), stated, rtol=0.02)
        covariance = np.cov(errors.T)
        # what is known later is contained in what was not known before
        assert covariance[0, 1] == pytest.approx(stated[0] ** 2, rel=0.05)
        assert covariance[1, 2] == pytest.approx(stated[1] ** 2, rel=0.05)
    assert deviation(1, 86_400.0, params) == pytest.approx(np.hypot(40.0, 400.0))
    assert deviation(0, 86_400.0, params) == 15.0


def test_warnings_are_what_the_estimate_comes_to(scenario):
    """Miss, deviation and probability of every warning, by `encounter_plane` from truth and error."""
    world = encounter_world(scenario, warned=8)
    world.reset(seed=5)
    for k in range(6):
        world.step(burn=orders(world, k))
    params, now, checked = world.encounters.params, world.state.clock["time"][0], 0
    for n in range(4):
        expected = []
        for row, error in zip(
            world.encounters.state.encounter[0, n], world.encounters.state.error[0, n], strict=True
        ):
            lead = row["tca"] - now
            if lead > params.warn or row["passing"] <= now:
                continue
            update = min(error.shape[0] - 1, max(0, int(lead / params.update)))
            off = [estimated_error(error, axis, update, params) for axis in range(3)]
            relative = row["relative"].copy()
            relative[:3] += row["axes"].T @ off
            sigma = [deviation(axis, (update + 1) * params.update, params) for axis in range(3)]
            spread = np.zeros((6, 6))
            spread[:3, :3] = row["axes"].T @ np.diag(np.square(sigma)) @ row["axes"]
            miss, plane = encounter_plane(np.zeros(6), np.zeros((6, 6)), relative, spread)
            expected.append((collision_probability(miss, plane, 10.0), miss[0], np.sqrt(plane[0, 0])))
        expected.sort(reverse=True)
        told = world.encounters.warnings[0, n]
        if not world.state.body["alive"][0, n]:
            assert np.isinf(told["tca"]).all()
            continue
        for row, (probability, miss, sigma) in zip(told, expected, strict=False):
            assert row["probability"] == pytest.approx(probability, rel=1e-6, abs=1e-200)
            if probability > 1e-100:
                assert (row["miss"], row["sigma"]) == pytest.approx((miss, sigma), rel=1e-6)
                checked += 1
        assert np.isfinite(told["tca"]).sum() == min(8, len(expected))
    assert checked >= 3


def test_axes_are_the_local_frame_of_the_other_object(scenario):
    world = encounter_world(scenario)
    world.reset(seed=5)
    row = world.encounters.state.encounter[0, 0, 0]
    expected = covariance_from_rtn(np.diag([1.0, 4.0, 9.0, 0, 0, 0]), row["state"][:3], row["state"][3:])
    found = row["axes"].T @ np.diag([1.0, 4.0, 9.0]) @ row["axes"]
    np.testing.assert_allclose(found, expected[:3, :3], atol=1e-4)


def test_satellites_can_run_into_each_other():
    """The second of two, 6 km behind on the same orbit, slows down, so that it catches up; both are lost."""
    position, velocity = np.array([6_928e3, 0.0, 0.0]), np.array([0.0, 4.6e3, 6.0e3])
    (r,), (v,) = propagate(position, velocity, [-0.8])
    two = [
        {"name": name, "position_km": list(p / 1e3), "velocity_km_s": list(w / 1e3)}
        for name, p, w in (("first", position, velocity), ("second", r, v))
    ]
    fleet = [{"name": "Pair", "spacecraft": "computing_satellite", "states": two}]
    quiet = EXACT | {
        "encounters.staged_per_day": 0.0,
        "encounters.population": 0,
        "encounters.hard_body_radius_m": 600.0,
    }
    world = encounter_world(load_scenario("crossing_12", {"fleet": fleet, "horizon_h": 12.0, **quiet}))
    world.reset(seed=0)
    world.step(burn=np.array([[0, 4]]))
    for _ in range(100):
        world.step(burn=np.zeros((1, 2), np.int32))
        if world.encounters.state.passing["hit"].any():
            break
    assert world.encounters.state.passing["hit"].all()
    assert world.encounters.state.passing["closest"].max() < 600.0
    assert not world.state.body["alive"].any()


@pytest.mark.parametrize("round_s", [60, 300])
def test_encounters_in_the_fleet_are_those_of_all_pairs(round_s):
    """Every pair of which one has burned is followed over the round; nothing is left out that came near."""
    walker = {"total": 60, "planes": 12, "phasing": 5, "altitude_km": 550, "inclination_deg": 80}
    fleet = [{"name": "Shell", "spacecraft": "computing_satellite", "walker": walker}]
    quiet = EXACT | {
        "encounters.staged_per_day": 0.0,
        "encounters.population": 0,
        "encounters.watch_km": 300.0,
    }
    world = encounter_world(
        load_scenario("crossing_12", {"fleet": fleet, "round_s": round_s, "substep_s": round_s, **quiet})
    )
    world.reset(seed=0)
    world.encounters.state.burned[0] = np.arange(60) % 3 == 0
    world.state.body["alive"][0, [7, 9]] = False
    found = 0
    for _ in range(8):
        alive = np.flatnonzero(world.state.body["alive"][0]).tolist()
        world.step(burn=np.zeros((1, 60), np.int32))
        states = np.concatenate((world.state.orbit.position[0], world.state.orbit.velocity[0]), axis=-1)
        states = [tuple(map(float, row)) for row in states]
        nearest = np.full(60, np.inf)
        for n, m in combinations(alive, 2):
            if world.encounters.state.burned[0, [n, m]].any():
                pair = states[n], states[m], -float(round_s), 0.0
                _, least = minimum_between(*pair, world.constants.forces, *world.constants.ballistic[[n, m]])
                nearest[[n, m]] = np.minimum(nearest[[n, m]], least)
        nearest = np.where(nearest <= 300e3, nearest, np.inf)
        np.testing.assert_allclose(
            world.encounters.state.passing["closest"][0], nearest, rtol=1e-9, atol=1e-3
        )
        found += int(np.isfinite(nearest).sum())
    assert found > 0


def test_snapshots_lead_to_the_same_future(scenario):
    world = encounter_world(scenario, 2)
    world.reset(seed=4)
    for k in range(5):
        world.step(burn=orders(world, k))
    kept = world.snapshot()
    stories = []
    for _ in range(2):
        for k in range(5, 40):
            world.step(burn=orders(world, k))
        stories.append(
            (
                world.encounters.state.fuel.copy(),
                world.encounters.warnings.copy(),
                world.state.orbit.position.copy(),
            )
        )
        world.restore(kept)
    for one, other in zip(*stories, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(SandboxError, match="holds nothing beside the state, the world encounters"):
        world.restore(replace(kept, more={}))


def test_the_population_is_what_screening_finds(scenario):
    world = encounter_world(scenario)
    fleet = Objects(world.fleet.position, world.fleet.velocity)
    found = screen(fleet, population(200), world.horizon_s, 100e3)
    assert len(found) > 10
    world.reset(seed=0)
    rows = world.encounters.state.encounter[0]
    for n in range(4):
        mine = found[found["primary"] == n]
        assert np.isin(np.round(mine["tca"], 3), np.round(rows["tca"][n], 3)).all()


def test_staged_encounters_are_closest_approaches(scenario):
    rng, settings = np.random.default_rng(0), scenario.encounters
    position, velocity = np.array([6.9e6, 0, 0]), np.array([0, 5.4e3, 5.3e3])
    misses = []
    for _ in range(2_000):
        other = staged_encounter(rng, position, velocity, settings)
        miss, relative = other[:3] - position, other[3:] - velocity
        assert abs(miss @ relative) < 1e-6 * np.linalg.norm(relative) * 1e3
        assert 0.3 * 7.5e3 < np.linalg.norm(relative) < 2.02 * 7.6e3
        misses.append(np.linalg.norm(miss))
    hits = np.array(misses) < settings.hard_body_radius_m
    assert hits.mean() == pytest.approx(settings.hit_share, abs=0.03)
    others = np.array(misses)[~hits]
    assert np.sqrt(0.5 * np.mean(others**2)) == pytest.approx(settings.miss_m, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"encounters.small_m_s": 0.5}, "small_m_s < large_m_s"),
        ({"encounters.hit_share": 1.5}, "hit_share"),
        ({"encounters.population": 5, "encounters.catalogue": "x.tle"}, "population or catalogue"),
    ],
)
def test_bad_settings_are_one_sentence(changes, sentence):
    with pytest.raises(SandboxError, match=sentence):
        load_scenario("crossing_12", changes)


def test_flying_before_reset(scenario):
    with pytest.raises(SandboxError, match="before reset"):
        encounter_world(scenario).step(burn=np.zeros((1, 4), int))
