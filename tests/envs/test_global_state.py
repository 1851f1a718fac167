"""The state for a critic tells every orbit apart, and is for low orbits what it always was."""

import numpy as np
import pytest

from envs import autonomy_v0, avoidance_v0, offloading_v0, tasking_v0
from sandbox.fleet import LEAST_SCALES, make_fleet, orbit_scales
from sandbox.scenario import load_scenario, scenario_names

FIRST = {tasking_v0: 4, offloading_v0: 4, avoidance_v0: 1, autonomy_v0: 4}
"""Numbers of the state that are not of a satellite."""
RADIUS_M, SPEED_M_S = LEAST_SCALES


def fleet_of(rows):
    fields = ("semi_major_axis_km", "eccentricity", "inclination_deg", "mean_anomaly_deg")
    orbits = [{"name": f"S{i}"} | dict(zip(fields, row, strict=True)) for i, row in enumerate(rows)]
    group = {"name": "F", "spacecraft": "computing_satellite", "keplerian": orbits}
    return {"extends": "pair", "fleet": [group], "requests": {"initial": 1, "per_hour": 0}}


def rows_of(env):
    return env.state()[FIRST[env.module] :].reshape(len(env.possible_agents), -1)[:, :6]


def make(module, scenario):
    env = module.parallel_env(scenario, max_cycles=3)
    env.reset(seed=0)
    env.module = module
    return env


@pytest.mark.parametrize("module", FIRST, ids=lambda module: module.__name__)
@pytest.mark.parametrize(
    "rows",
    [
        [(42_164, 0.0, 0.0, angle) for angle in (20, 30, 40, 60)],
        [(26_600, 0.72, 63.4, angle) for angle in (0, 1, 2, 170, 180)],
        [(6_928, 0.0, 53.0, 0), (26_560, 0.0, 55.0, 0), (42_164, 0.0, 0.0, 0)],
        [(49_000, 0.86, 5.0, angle) for angle in (0, 0.5, 179, 181)],
    ],
    ids=["geostationary", "Molniya", "mixed", "transfer"],
)
def test_far_orbits(module, rows):
    env = make(module, fleet_of(rows))
    seen, orbit = rows_of(env), env.world.state.orbit
    assert np.abs(seen).max() < 1.0
    scales = env.world.scales
    assert np.allclose(seen[:, :3] * scales[0], orbit.position[0], atol=10.0)
    assert np.allclose(seen[:, 3:] * scales[1], orbit.velocity[0], atol=0.01)


@pytest.mark.parametrize("name", scenario_names())
def test_the_shipped_scenarios_keep_their_scales(name):
    scenario = load_scenario(name)
    assert orbit_scales(make_fleet(scenario), scenario.encounters.fuel_m_s, 1e5) == LEAST_SCALES


def test_low_orbits_as_ever():
    env = make(tasking_v0, "pair")
    orbit = env.world.state.orbit
    assert np.array_equal(rows_of(env)[:, :3], (orbit.position[0] / 1e7).astype(np.float32))
    assert np.array_equal(rows_of(env)[:, 3:], (orbit.velocity[0] / 1e4).astype(np.float32))


def test_what_a_burn_may_reach():
    fleet = make_fleet(load_scenario(fleet_of([(7_000, 0.0, 0.0, 0)])))
    still, pushed = (orbit_scales(fleet, burn, 1e9) for burn in (0.0, 2_500.0))
    assert still == LEAST_SCALES
    radius, speed = 7e6, np.sqrt(3.986004418e14 / 7e6) + 2_500.0
    axis = 1.0 / (2.0 / radius - speed**2 / 3.986004418e14)
    assert pushed[0] >= 2.0 * axis - radius
    assert pushed[1] >= speed


def test_what_escapes():
    state = {"name": "a", "position_km": [7000, 0, 0], "velocity_km_s": [0, 15, 0]}
    scenario = load_scenario(
        "pair", {"fleet": [{"name": "F", "spacecraft": "computing_satellite", "states": [state]}]}
    )
    length, speed = orbit_scales(make_fleet(scenario), 0.0, 1e5)
    assert 7e6 + 1e5 * 15e3 <= length <= 1.1 * (7e6 + 1e5 * 15e3)
    assert 15e3 <= speed <= 17e3
