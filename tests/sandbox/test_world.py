"""The world: ledgers that close, the same run for the same seed, what satellites do to one another."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.orbits.catalogue import from_mean_elements
from sandbox.orbits.frames import earth_rotations
from sandbox.orbits.propagation import propagate
from sandbox.scenario import load_scenario
from sandbox.state import (
    CAPTURED,
    CHARGE,
    DELIVERED,
    DOWNLINK,
    EXPIRED,
    IDLE,
    LOST,
    NONE,
    OBSERVE,
    OPEN,
    PENDING,
    arrays,
)
from sandbox.world import World

NEXT = {
    PENDING: {PENDING, OPEN, CAPTURED, DELIVERED, EXPIRED},
    OPEN: {OPEN, CAPTURED, DELIVERED, EXPIRED},
    CAPTURED: {CAPTURED, DELIVERED},
    DELIVERED: {DELIVERED},
    EXPIRED: {EXPIRED},
}


def orders(rng, world):
    """Orders that do something: often downlink or observe where that is possible."""
    command = rng.integers(0, 4, (world.worlds, world.satellites))
    send = (world.state.outlook["station"] != NONE) & (rng.random(command.shape) < 0.8)
    shoot = (world.state.opportunities["request"][..., 0] != NONE) & (rng.random(command.shape) < 0.8)
    command = np.where(send, DOWNLINK, np.where(shoot, OBSERVE, command))
    return command, rng.integers(0, world.shown, command.shape)


def fly(world, rounds, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        world.step(*orders(rng, world))
        yield world.state


def digest(world):
    return [array.tobytes() for array in arrays(world.state)]


def worlds_alike(many, b, one):
    """Whether world b of `many` is world 0 of `one`, to the bit (what an empty slot holds has no meaning)."""
    for ours, alone in zip(arrays(many.state), arrays(one.state), strict=True):
        if ours[b].tobytes() != alone[0].tobytes():
            return False
    return True


@pytest.fixture
def world(small):
    made = World(load_scenario(small), worlds=2)
    made.reset(seed=1)
    return made


def check_ledgers(world, initial):
    power, store = world.state.power, world.state.store
    balance = (
        initial + power["harvested"] - power["consumed"] - power["lost"] - power["curtailed"] + power["unmet"]
    )
    scale = power["harvested"] + power["consumed"] + initial
    np.testing.assert_allclose((power["energy"] - balance) / scale, 0.0, atol=1e-9)
    assert (power["energy"] >= 0).all()
    assert (power["energy"] <= power["capacity"] * (1 + 1e-12)).all()
    assert (store.level["used"] >= 0).all()
    assert (store.level["used"] <= world.fleet.craft["store_bits"]).all()
    waiting = store.remaining.sum(axis=-1)
    np.testing.assert_allclose(store.level["used"], waiting, atol=1.0)


def test_ledgers_close_over_random_orders(world):
    initial = world.state.power["energy"].copy()
    sent, taken = np.zeros(initial.shape), np.zeros(initial.shape)
    for state in fly(world, 240):
        sent += state.activity["downlinked"]
        taken += state.activity["captured"]
        check_ledgers(world, initial)
    bits = taken * world.fleet.craft["image_bits"]
    np.testing.assert_allclose(bits - sent, world.state.store.level["used"], atol=1e3)
    assert taken.sum() > 10
    assert sent.sum() > 0


def test_requests_only_move_forward_and_add_up(world):
    before = world.state.requests.book["status"].copy()
    delivered = captured = 0
    for state in fly(world, 240):
        now = state.requests.book["status"]
        moves = set(zip(before.ravel().tolist(), now.ravel().tolist(), strict=True))
        assert all(new in NEXT[old] for old, new in moves)
        delivered += state.activity["delivered"].sum()
        captured += state.activity["captured"].sum()
        assert (now == DELIVERED).sum() == delivered
        assert (now == CAPTURED).sum() + delivered == captured
        assert (state.requests.open_count == (now == OPEN).sum(axis=1)).all()
        before = now.copy()
    book = world.state.requests.book
    done = book["status"] == DELIVERED
    assert (book["delivered_at"][done] > book["captured_at"][done]).all()
    assert (book["captured_at"][done] <= book["deadline"][done] + world.fleet.craft["dwell"][0]).all()
    assert (book["captured_at"][done] >= book["release"][done]).all()


def test_open_list_is_the_open_requests(world):
    for state in fly(world, 120):
        for b in range(2):
            count = state.requests.open_count[b]
            listed = np.sort(state.requests.open_ids[b, :count])
            np.testing.assert_array_equal(listed, np.flatnonzero(state.requests.book["status"][b] == OPEN))
            ids = state.requests.open_ids[b, :count]
            np.testing.assert_array_equal(
                state.requests.open_up[b, :, :count].T, state.requests.book["up"][b, ids]
            )


def test_clock_counts_rounds(world):
    for count, state in enumerate(fly(world, 10), start=1):
        assert (state.clock["round"] == count).all()
        np.testing.assert_allclose(state.clock["time"], count * 30.0)


SCENARIOS = st.fixed_dictionaries(
    {
        "fleet.0.walker.total": st.integers(1, 6),
        "fleet.0.walker.altitude_km": st.floats(250, 2000),
        "fleet.0.walker.inclination_deg": st.floats(0, 180),
        "round_s": st.floats(5, 120),
        "requests.initial": st.integers(0, 400),
        "requests.cloud_mean": st.floats(0, 1),
        "spacecraft.craft.power.battery_wh": st.floats(5, 2000),
        "spacecraft.craft.power.fade_per_cycle": st.sampled_from([0.0, 1e-3, 0.2]),
        "spacecraft.craft.power.panel_mount": st.sampled_from(["body", "tracking"]),
        "spacecraft.craft.camera.dwell_s": st.floats(0.5, 30),
        "spacecraft.craft.camera.max_off_nadir_deg": st.floats(1, 60),
        "spacecraft.craft.attitude.slew_rate_deg_s": st.floats(0.1, 10),
        "spacecraft.craft.thermal.heat_capacity_j_k": st.floats(500, 1e6),
        "forces.drag": st.booleans(),
        "forces.moon": st.booleans(),
        "forces.sun": st.booleans(),
    }
)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(fields=SCENARIOS, seed=st.integers(0, 2**31))
def test_any_scenario_keeps_its_ledgers(small, fields, seed):
    scenario = load_scenario(small, {**fields, "substep_s": min(10.0, fields["round_s"])})
    world = World(scenario, horizon_s=60 * scenario.round_s)
    world.reset(seed=seed)
    initial = world.state.power["energy"].copy()
    assert (initial <= world.state.power["capacity"]).all()
    times, delivered, captured = [], 0, 0
    for state in fly(world, 40, seed):
        check_ledgers(world, initial)
        delivered += state.activity["delivered"].sum()
        captured += state.activity["captured"].sum()
        assert delivered <= captured
        times.append(state.clock["time"][0])
        for array in (state.pointing, *state.orbit):
            assert np.isfinite(array).all()
        np.testing.assert_allclose(np.linalg.norm(state.pointing, axis=-1), 1.0, atol=1e-9)
        assert np.isfinite(state.body["temperature"]).all()
        assert (state.body["temperature"] > 50).all()
    assert (np.diff(times) > 0).all()


def test_same_seed_same_run(small):
    digests = []
    for _ in range(2):
        world = World(load_scenario(small), worlds=2)
        world.reset(seed=3)
        for _ in fly(world, 60):
            pass
        digests.append(digest(world))
    assert digests[0] == digests[1]
    world.reset(seed=4)
    assert digest(world) != digests[0]


def test_a_used_world_forgets(small):
    used, fresh = World(load_scenario(small)), World(load_scenario(small))
    used.reset(seed=1)
    for _ in fly(used, 90):
        pass
    for each in (used, fresh):
        each.reset(seed=2)
        for _ in fly(each, 60):
            pass
    np.testing.assert_array_equal(used.state.power["energy"], fresh.state.power["energy"])
    np.testing.assert_array_equal(used.state.requests.book["status"], fresh.state.requests.book["status"])


def test_world_of_a_batch_is_the_world_alone(small):
    scenario = load_scenario(small)
    many = World(scenario, worlds=4)
    many.reset(seed=10)
    rng, story = np.random.default_rng(0), []
    for _ in range(80):
        told = orders(rng, many)
        story.append(told)
        many.step(*told)
    for b in range(4):
        alone = World(scenario)
        alone.reset(seed=10 + b)
        for command, choice in story:
            alone.step(command[b : b + 1], choice[b : b + 1])
        assert worlds_alike(many, b, alone)


def test_threads_change_nothing(small):
    digests = []
    for threads in (1, 2, 3):
        world = World(load_scenario(small), worlds=5, threads=threads)
        world.reset(seed=0)
        for _ in fly(world, 40):
            pass
        digests.append(digest(world))
        world.close()
        world.close()
    assert digests[0] == digests[1] == digests[2]


def test_restore_leads_to_the_same_future_also_across_a_reset(world):
    for _ in fly(world, 30):
        pass
    there = world.snapshot()
    futures = []
    for _ in range(2):
        world.restore(there)
        for _ in fly(world, 30, seed=7):
            pass
        world.reset()
        for _ in fly(world, 30, seed=8):
            pass
        futures.append(digest(world))
    assert futures[0] == futures[1]


def test_snapshot_of_another_world_is_refused(world, small):
    other = World(load_scenario(small), worlds=3)
    other.reset(seed=0)
    with pytest.raises(SandboxError, match="snapshot"):
        world.restore(other.snapshot())


def test_reset_of_some_worlds_leaves_the_others(world):
    for _ in fly(world, 20):
        pass
    before = world.state.power["energy"].copy()
    world.reset(seed=9, worlds=[1])
    np.testing.assert_array_equal(world.state.power["energy"][0], before[0])
    assert world.state.clock["round"].tolist() == [20, 0]


def test_orbits_are_those_of_the_propagator(world):
    start, speed = world.fleet.position, world.fleet.velocity
    for _ in fly(world, 120):
        pass
    expected, _ = propagate(start, speed, [3600.0])
    np.testing.assert_allclose(world.state.orbit.position[0], expected[0], atol=1e-3)


def test_start_is_drawn_in_whole_rounds(small):
    world = World(load_scenario(small, {"start_within_h": 12.0}), worlds=8)
    world.reset(seed=0)
    starts = world.state.clock["start"]
    assert len(set(starts.tolist())) > 4
    assert ((starts % 30.0) == 0).all()
    assert (starts <= 12 * 3600).all()
    expected, _ = propagate(world.fleet.position, world.fleet.velocity, [starts[3]])
    np.testing.assert_allclose(world.state.orbit.position[3], expected[0], atol=1e-3)


def test_sgp4_flies_what_it_should(small):
    row = {
        "name": "SCS-01 A", "epoch": "26078.5", "inclination_deg": 97.3676, "raan_deg": 250.4982,
        "eccentricity": 0.0027079, "argp_deg": 332.5156, "mean_anomaly_deg": 27.4646,
        "mean_motion_rev_day": 15.20497803, "bstar": 0.00041333,
    }  # fmt: skip
    group = {"name": "Real", "spacecraft": "craft", "propagator": "sgp4", "elements": [row]}
    small["fleet"].append(group)
    scenario = load_scenario(small)
    world = World(scenario)
    world.reset(seed=0)
    for _ in fly(world, 20):
        pass
    from datetime import timedelta

    catalogue = from_mean_elements([{"norad_id": 0, "cospar_id": "", **row}])
    expected, _ = catalogue.states(scenario.epoch + timedelta(seconds=600))
    np.testing.assert_allclose(world.state.orbit.position[0, 3], expected[0], atol=1e-6)
    ring, _ = propagate(world.fleet.position[:3], world.fleet.velocity[:3], [600.0])
    np.testing.assert_allclose(world.state.orbit.position[0, :3], ring[0], atol=1e-3)


def test_every_capture_was_within_the_cone(world):
    """Off-nadir angle at the end of the dwell, from the orbit propagated anew."""
    craft, seen = world.fleet.craft[0], 0
    for state in fly(world, 200):
        for b, n in np.argwhere(state.activity["captured"] == 1):
            request = state.requests.book[b, state.activity["request"][b, n]]
            at = request["captured_at"]
            position, _ = propagate(world.fleet.position[n], world.fleet.velocity[n], [at])
            rotation = earth_rotations(world.constants.ephemeris, np.array([at]))[0]
            ground = rotation.T @ request["position"]
            sight = ground - position[0]
            cosine = -sight @ position[0] / np.linalg.norm(sight) / np.linalg.norm(position[0])
            assert np.arccos(cosine) <= craft["max_off_nadir"] + 1e-6
            assert at - craft["dwell"] >= state.clock["time"][b] - 30.0
            assert at <= state.clock["time"][b] + 1e-9
            assert request["captured_by"] == n
            seen += 1
    assert seen > 10


def test_of_two_satellites_one_gets_the_image(small):
    """Two satellites at one place, ordered to take the same request: the first of the list wins."""
    kepler = {"semi_major_axis_km": 6928.0, "inclination_deg": 53.0}
    small["fleet"][0] = {
        "name": "Twins",
        "spacecraft": "craft",
        "keplerian": [{"name": "a", **kepler}, {"name": "b", **kepler}],
    }
    small["spacecraft"]["craft"] |= {"store_gbit": 4000}
    small["requests"] |= {"cloud_mean": 0.0, "initial": 600}
    world = World(load_scenario(small))
    world.reset(seed=0)
    won = 0
    for _ in range(120):
        world.step(np.full((1, 2), OBSERVE), np.zeros((1, 2), int))
        did = world.state.activity[0]
        assert did["captured"][0] == did["duplicate"][1]
        assert did["captured"][1] == 0
        won += did["captured"][0]
    assert won > 5
    assert world.state.store.level["count"][0, 1] == 0


def test_empty_battery_loses_the_satellite_for_good(small):
    small["spacecraft"]["craft"]["power"] |= {"battery_wh": 20, "initial_charge": [0.1, 0.9]}
    world = World(load_scenario(small))
    world.reset(seed=0)
    gone = np.zeros(3, bool)
    for _ in range(120):
        energy = world.state.power["energy"][0].copy()
        world.step(np.full((1, 3), IDLE), np.zeros((1, 3), int))
        alive, did = world.state.body["alive"][0], world.state.activity[0]
        assert not alive[gone].any()
        assert (did["mode"][~alive] == LOST).all()
        np.testing.assert_array_equal(did["died"], ~alive & ~gone)
        np.testing.assert_array_equal(world.state.power["energy"][0][gone], energy[gone])
        assert (world.state.outlook["station"][0][~alive] == NONE).all()
        assert (world.state.opportunities["request"][0][~alive] == NONE).all()
        gone |= ~alive
    assert gone.all()
    assert (world.state.power["energy"][0] == 0).all()


def test_too_hot_a_satellite_neither_shoots_nor_sends(small):
    small["spacecraft"]["craft"]["thermal"] |= {
        "initial_c": 70,
        "throttle_above_c": 20,
        "shutdown_above_c": 30,
        "heat_capacity_j_k": 1e7,
    }
    world = World(load_scenario(small))
    world.reset(seed=0)
    for state in fly(world, 60):
        assert not np.isin(state.activity["mode"], (OBSERVE, DOWNLINK)).any()


def test_charging_turns_the_panel_to_the_sun(world):
    rounds = 10
    for _ in range(rounds):
        world.step(np.full((2, 3), CHARGE), np.zeros((2, 3), int))
    lit = world.state.outlook["sunlight"] == 1.0
    craft = world.fleet.craft[0]
    full = 1361.0 * craft["panel_area"] * craft["panel_efficiency"] * 30.0
    harvested = world.state.activity["harvested"][lit]
    np.testing.assert_allclose(harvested, full, rtol=0.02)  # the Sun is 0.7 % farther or nearer over the year
    assert lit.any()


def test_downlink_is_the_rate_over_the_visible_time(small):
    """Bits sent in each whole round of a pass against the link budget integrated at a tenth of a second."""
    small["spacecraft"]["craft"] |= {"store_gbit": 4000}
    small["spacecraft"]["craft"]["camera"]["image_gbit"] = 40
    small["requests"] |= {"cloud_mean": 0.0, "initial": 900}
    small["stations"] = [{"name": "Svalbard", "latitude_deg": 78.2, "longitude_deg": 15.4}]
    world = World(load_scenario(small, {"fleet.0.walker.total": 1, "fleet.0.walker.inclination_deg": 97.0}))
    world.reset(seed=2)
    checked, follows = 0, 0
    for _ in range(240):
        outlook, start = world.state.outlook[0, 0].copy(), world.state.clock["time"][0]
        send = outlook["station"] != NONE and world.state.store.level["used"][0, 0] > 40e9
        world.step(np.array([[DOWNLINK if send else OBSERVE]]), np.zeros((1, 1), int))
        whole = outlook["visible_from"] == 0.0 and outlook["visible_to"] == 30.0
        if send and whole and follows >= 2:  # the first rounds of a pass go to turning there
            sent = world.state.activity["downlinked"][0, 0]
            assert sent == pytest.approx(_integral(world, start, 30.0), rel=1e-3)
            checked += 1
        follows = follows + 1 if send else 0
    assert checked > 4


def _integral(world, start, seconds):
    craft, station = world.fleet.craft[0], world.constants.stations[0]
    times = start + np.arange(0.05, seconds, 0.1)
    position, _ = propagate(world.fleet.position[0], world.fleet.velocity[0], times)
    rotation = earth_rotations(world.constants.ephemeris, times)
    ground = np.einsum("tij,tj->ti", rotation, position)
    distance = np.linalg.norm(ground - [station["x"], station["y"], station["z"]], axis=-1)
    loss = 20 * np.log10(4 * np.pi * distance * craft["frequency"] / 299_792_458.0)
    density = craft["eirp_dbw"] + station["gain_to_noise"] - loss + 228.5991672 - craft["implementation_loss"]
    efficiency = np.minimum(np.log2(1 + 10 ** (density / 10) / craft["bandwidth"]), craft["max_efficiency"])
    return (craft["bandwidth"] * efficiency).sum() * 0.1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda w: World("pair").step([[0, 0]], [[0, 0]]), "step before reset"),
        (lambda w: w.step(np.zeros((1, 3), int), np.zeros((1, 3), int)), "command has shape"),
        (lambda w: w.step(np.zeros((2, 3)), np.zeros((2, 3), int)), "command has dtype float64"),
        (lambda w: w.reset(seed=-1), "seed = -1"),
        (lambda w: w.reset(seed=0.5), "seed = 0.5"),
        (lambda w: w.reset(seed=[1, 2, 3]), "3 seeds for 2 worlds"),
        (lambda w: World("pair", worlds=0), "worlds = 0"),
        (lambda w: World("pair", threads=1.5), "threads = 1.5"),
    ],
)
def test_misuse_is_one_sentence(world, call, sentence):
    with pytest.raises(SandboxError, match=sentence) as error:
        call(world)
    assert "\n" not in str(error.value)


def test_a_state_that_is_no_number_names_its_subsystem(world):
    world.state.body["temperature"][0, 0] = np.nan
    with pytest.raises(SandboxError, match="thermal"):
        world.step(np.zeros((2, 3), int), np.zeros((2, 3), int))
