"""What a satellite does not know of its own orbit, and what its burns are off by."""

import numpy as np
import pytest
from pilots import encounter_world

from agents import make_policy
from envs import avoidance_v0
from sandbox.conjunctions import collision_probability, encounter_plane
from sandbox.counted_random import noise
from sandbox.encounter_warnings import deviation, estimated_error
from sandbox.errors import SandboxError
from sandbox.maneuvers import BACKWARD_LARGE, FORWARD_LARGE, SIZE, WAIT
from sandbox.scenario import load_scenario

SHELL = {
    "name": "Shell",
    "spacecraft": "computing_satellite",
    "walker": {"total": 4, "planes": 2, "phasing": 1, "altitude_km": 550, "inclination_deg": 53},
}
EXACT = {
    "own_sigma_m": [0, 0, 0],
    "own_growth_m_day15": 0,
    "burn_sigma_percent": 0,
    "burn_pointing_sigma_deg": 0,
}


def scenario(**changes):
    fields = {"staged_per_day": 6.0, "population": 0} | EXACT | changes
    return load_scenario(
        "crossing_12",
        {"fleet": [SHELL], "horizon_h": 24.0} | {f"encounters.{k}": v for k, v in fields.items()},
    )


def test_shipped_scenarios_say_how_well_orbits_are_known_and_burns_are_flown():
    for name in ("crossing_12", "disaster_response", "debris_24"):
        rules = load_scenario(name).encounters
        assert min(rules.own_sigma_m) > 0.0
        assert rules.own_growth_m_day15 > 0.0
        assert rules.burn_sigma_percent > 0.0
        assert rules.burn_pointing_sigma_deg > 0.0


def test_a_warning_counts_both_orbits():
    """Miss, deviation and probability by `encounter_plane`, from both errors and both covariances."""
    world = encounter_world(scenario(own_sigma_m=[30, 60, 20], own_growth_m_day15=500.0), warned=20)
    world.reset(seed=5)
    params, records, now, checked = world.encounters.params, world.encounters.state, 0.0, 0
    for n in range(4):
        expected = []
        for k, row in enumerate(records.encounter[0, n]):
            if not row["tca"] - now <= params.warn:
                continue
            error, own_error = records.error[0, n, k], records.own_error[0, n, k]
            update = min(error.shape[0] - 1, int((row["tca"] - now) / params.update))
            relative, spread = row["relative"].copy(), np.zeros((2, 6, 6))
            for i, (axes, errors, rules, sign) in enumerate(
                ((row["own_axes"], own_error, params.own, -1), (row["axes"], error, params, 1))
            ):
                off = [estimated_error(errors, axis, update, rules) for axis in range(3)]
                relative[:3] += sign * axes.T @ off
                sigma = [deviation(axis, (update + 1) * params.update, rules) for axis in range(3)]
                spread[i, :3, :3] = axes.T @ np.diag(np.square(sigma)) @ axes
            miss, plane = encounter_plane(np.zeros(6), spread[0], relative, spread[1])
            expected.append((collision_probability(miss, plane, 10.0), miss[0], np.sqrt(plane[0, 0])))
        expected.sort(reverse=True)
        for told, (probability, miss, sigma) in zip(world.encounters.warnings[0, n], expected, strict=False):
            assert told["probability"] == pytest.approx(probability, rel=1e-6, abs=1e-200)
            if probability > 1e-100:
                assert (told["miss"], told["sigma"]) == pytest.approx((miss, sigma), rel=1e-6)
                checked += 1
    assert checked > 5


def test_own_axes_are_those_of_the_satellite():
    world = encounter_world(scenario())
    world.reset(seed=1)
    row = world.encounters.state.encounter[0, 0, 0]
    own = row["state"] - row["relative"]
    radial, momentum = own[:3], np.cross(own[:3], own[3:])
    np.testing.assert_allclose(row["own_axes"][0], radial / np.linalg.norm(radial), atol=1e-6)
    np.testing.assert_allclose(row["own_axes"][2], momentum / np.linalg.norm(momentum), atol=1e-6)


def test_a_known_orbit_is_as_before_and_takes_no_draw():
    worlds = [encounter_world(scenario(**changes)) for changes in ({}, {"own_sigma_m": [1e-9, 1e-9, 1e-9]})]
    for world in worlds:
        world.reset(seed=2)
    one, other = worlds
    assert one.encounters.state.own_error.size == 0
    np.testing.assert_array_equal(one.encounters.state.error, other.encounters.state.error)
    np.testing.assert_allclose(
        one.encounters.warnings["probability"], other.encounters.warnings["probability"], rtol=1e-6
    )


def test_burns_are_off_as_stated():
    """Size and direction over many burns of many satellites, from what fuel and velocity say."""
    world = encounter_world(scenario(burn_sigma_percent=5.0, staged_per_day=0.0, fuel_m_s=100.0))
    world.reset(seed=0)
    sizes = []
    for k in range(60):
        order = FORWARD_LARGE if k % 2 else BACKWARD_LARGE
        world.step(burn=np.full((1, 4), order, np.int32))
        sizes.append(world.encounters.state.passing["burned"][0].copy())
    sizes = np.array(sizes) / 0.1
    assert sizes.mean() == pytest.approx(1.0, abs=4 * 0.05 / np.sqrt(sizes.size))
    assert sizes.std() == pytest.approx(0.05, rel=0.15)
    assert world.encounters.state.fuel[0] == pytest.approx(100.0 - 0.1 * sizes.sum(axis=0))
    key = world.encounters.state.key[0, 2]
    assert sizes[7, 2] == pytest.approx(1.0 + 0.05 * noise(key, SIZE, 7, 2))


def test_a_burn_points_elsewhere():
    """The angle between the impulse flown and the velocity, satellite by satellite."""
    far = scenario(burn_pointing_sigma_deg=3.0, staged_per_day=0.0, large_m_s=5.0, fuel_m_s=100.0)
    angles = []
    for seed in range(12):
        world = encounter_world(far)
        world.reset(seed=seed)
        p, v = world.state.orbit.position[0].copy(), world.state.orbit.velocity[0].copy()
        start = world.snapshot()
        world.step(burn=np.full((1, 4), WAIT, np.int32))
        free = world.state.orbit.velocity[0].copy()
        world.restore(start)
        world.step(burn=np.full((1, 4), FORWARD_LARGE, np.int32))
        normal = np.cross(p, v)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        across = ((world.state.orbit.velocity[0] - free) * normal).sum(-1)
        angles += list(np.degrees(across / (5.0 * np.cos(300.0 * 1.095e-3))))
    assert np.std(angles) == pytest.approx(3.0, rel=0.35)


def test_errors_of_burns_belong_to_the_state():
    """A snapshot leads to the same errors; another seed to others; no more is burned than there is."""
    world = encounter_world(scenario(burn_sigma_percent=50.0, fuel_m_s=0.3))
    world.reset(seed=4)
    order = np.full((1, 4), FORWARD_LARGE, np.int32)
    world.step(burn=order)
    held = world.snapshot()
    first = [world.step(burn=order) or world.encounters.state.fuel.copy() for _ in range(4)]
    world.restore(held)
    again = [world.step(burn=order) or world.encounters.state.fuel.copy() for _ in range(4)]
    np.testing.assert_array_equal(first, again)
    assert (world.encounters.state.fuel >= 0.0).all()
    world.reset(seed=5)
    world.step(burn=order)
    assert (world.encounters.state.fuel != held.more["encounters"][3]).any()


def ends(changes, seeds=6):
    """Fuel left and who lives after a day under the threshold policy."""
    env = avoidance_v0.batch_env(
        scenario(**({"staged_per_day": 12.0, "hit_share": 0.5} | changes)), worlds=seeds, autoreset=False
    )
    policy = make_policy("threshold", env)
    observations, infos = env.reset(seed=0)
    policy.reset(0)
    for _ in range(24 * 12):
        observations, _, _, _, infos = env.step(policy.act(observations, infos))
    return env.world.encounters.state.fuel.copy(), env.world.state.body["alive"].copy()


def test_the_same_policy_ends_differently_with_and_without():
    exact = ends({})
    unknown = ends({"own_sigma_m": [13, 20, 5], "own_growth_m_day15": 350.0})
    off = ends({"burn_sigma_percent": 10.0, "burn_pointing_sigma_deg": 5.0})
    assert not np.array_equal(exact[0], unknown[0])
    assert not np.array_equal(exact[0], off[0])
    np.testing.assert_array_equal(exact[0], ends({})[0])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("own_sigma_m", [-1, 0, 0]),
        ("own_growth_m_day15", -1),
        ("burn_sigma_percent", 60),
        ("burn_pointing_sigma_deg", 90),
    ],
)
def test_bad_numbers_are_one_sentence(field, value):
    with pytest.raises(SandboxError, match=rf"encounters\.{field}"):
        scenario(**{field: value})
