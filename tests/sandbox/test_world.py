"""The world: the same seed, a world of a batch, a snapshot, any scenario; what is said of wrong orders."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pilots import at_random, differing, one_of, orders, sensible

from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE, arrays, wipe
from sandbox.thermal import throttle
from sandbox.world import World


def play(world, rounds=60):
    for _ in range(rounds):
        world.step(*sensible(world))
    return copy.deepcopy(world.state)


class TestSameAgain:
    def test_same_seed_same_run(self):
        runs = []
        for _ in range(2):
            world, rng = World("pair"), np.random.default_rng(0)
            world.reset(7)
            for _ in range(100):
                world.step(*at_random(world, rng))
            runs.append(world.state)
        assert differing(*runs) == []

    def test_other_seed_other_run(self):
        world = World("pair", 2)
        world.reset([7, 8])
        assert {"energy", "value", "position"} <= set(
            differing(one_of(world.state, 0), one_of(world.state, 1))
        )

    def test_used_world_begins_like_a_new_one(self):
        fresh, used = World("pair"), World("pair")
        used.reset(3)
        play(used)
        used.reset(5)
        fresh.reset(5)
        assert differing(fresh.state, used.state) == []

    @pytest.mark.parametrize("threads", [1, 2, 3])
    def test_world_of_a_batch_is_the_world_alone(self, threads):
        batch, rng = World("pair", 4, threads=threads), np.random.default_rng(1)
        batch.reset(20)
        alone = [World("pair") for _ in range(4)]
        for b, world in enumerate(alone):
            world.reset(20 + b)
        for _ in range(80):
            command, choice = at_random(batch, rng)
            batch.step(command, choice)
            for b, world in enumerate(alone):
                world.step(command[b : b + 1], choice[b : b + 1])
        for b, world in enumerate(alone):
            assert differing(one_of(batch.state, b), world.state) == []
        batch.close()
        batch.close()
        batch.step(*orders(batch, IDLE))

    def test_no_seed_draws_on(self):
        one, two = World("pair"), World("pair")
        for world in (one, two):
            world.reset(3)
            world.reset()
        assert differing(one.state, two.state) == []
        two.reset(3)
        assert "energy" in differing(one.state, two.state)

    def test_no_seed_at_first_is_fresh(self):
        one, two = World("pair"), World("pair")
        one.reset()
        two.reset()
        assert "energy" in differing(one.state, two.state)

    def test_some_worlds_begin_anew(self):
        world, other, alone = World("pair", 3), World("pair", 3), World("pair")
        for each in (world, other):
            each.reset(1)
            play(each, 50)
        world.reset([40], worlds=[1])
        alone.reset(40)
        assert differing(one_of(world.state, 0), one_of(other.state, 0)) == []
        assert differing(one_of(world.state, 1), alone.state) == []
        assert differing(one_of(world.state, 2), one_of(other.state, 2)) == []

    def test_no_worlds_to_reset(self):
        world = World("pair", 2)
        world.reset(1)
        before = copy.deepcopy(world.state)
        world.reset(None, worlds=[])
        assert differing(before, world.state) == []

    def test_pickle_goes_on_the_same(self):
        world = World("pair", 2, threads=2)
        world.reset(1)
        twin = pickle.loads(pickle.dumps(world))
        assert differing(play(world, 20), play(twin, 20)) == []


class TestSnapshots:
    def test_back_to_the_same_future(self):
        world = World("pair", 2)
        world.reset(2)
        play(world)
        moment = world.snapshot()
        future = play(world)
        world.restore(moment)
        assert differing(world.state, moment.state) == []
        assert differing(play(world), future) == []

    def test_across_a_reset(self):
        world = World("pair", 2)
        world.reset(2)
        moment = world.snapshot()
        world.reset()
        future = play(world)
        world.reset(9)
        world.restore(moment)
        world.reset()
        assert differing(play(world), future) == []

    def test_into_another_world_of_the_scenario(self):
        world, other = World("pair"), World("pair")
        world.reset(2)
        play(world)
        other.restore(world.snapshot())
        assert differing(play(world), play(other)) == []

    def test_is_a_copy(self):
        world = World("pair")
        world.reset(2)
        moment = world.snapshot()
        before = copy.deepcopy(moment.state)
        play(world, 5)
        assert differing(before, moment.state) == []

    def test_before_any_reset(self):
        world = World("pair")
        moment = world.snapshot()
        world.reset(1)
        world.restore(moment)
        with pytest.raises(SandboxError, match="before reset"):
            world.step(*orders(world, IDLE))

    def test_of_another_world(self):
        world = World("pair")
        world.reset(1)
        for other in (World("pair", 2), World("walker_24"), World("pair", horizon_s=60.0)):
            with pytest.raises(SandboxError, match="restore it where it was taken"):
                other.restore(world.snapshot())
        warmer = {"spacecraft.computing_satellite.thermal.initial_c": 20}
        with pytest.raises(SandboxError, match="of pair or of one with other fields"):
            World(load_scenario("pair", warmer)).restore(world.snapshot())


class TestWrongUse:
    def test_step_before_reset(self):
        world = World("pair", 2)
        for _ in range(2):
            with pytest.raises(SandboxError, match=r"call reset\(\) first"):
                world.step(*orders(world, IDLE))
            world.reset(0, worlds=[1])

    @pytest.mark.parametrize(
        ("command", "choice", "says"),
        [
            ([0, 0], [[0, 0]], r"command has shape \(2,\); give \(1, 2\)"),
            ([[0, 0]], [[0], [0]], r"choice has shape \(2, 1\); give \(1, 2\)"),
            ([[0.0, 0.0]], [[0, 0]], "command has dtype float64; give whole numbers from 0 to 4"),
            ([[True, False]], [[0, 0]], "command has dtype bool"),
            ([[0, 0]], [["a", "b"]], "choice has dtype"),
        ],
    )
    def test_orders(self, command, choice, says):
        world = World("pair")
        world.reset(0)
        with pytest.raises(SandboxError, match=says):
            world.step(command, choice)

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"worlds": 0}, "worlds = 0; give a whole number of at least 1"),
            ({"worlds": 1.5}, "worlds = 1.5"),
            ({"shown": 0}, "shown = 0"),
            ({"threads": -1}, "threads = -1"),
            ({"horizon_s": 0.0}, "horizon_s = 0.0; give a number of seconds greater than 0"),
            ({"horizon_s": float("nan")}, "horizon_s = nan"),
            ({"horizon_s": "1"}, "horizon_s = '1'"),
        ],
    )
    def test_options(self, options, says):
        with pytest.raises(SandboxError, match=says):
            World("pair", **options)

    @pytest.mark.parametrize(
        ("seed", "worlds", "says"),
        [
            (-1, None, "seed = -1; give a whole number"),
            (1.5, None, "seed = 1.5"),
            ([1, 2, 3], None, "3 seeds for 2 worlds"),
            *((1, wrong, "worlds = ") for wrong in ([2], [-1], [0, 0], [True, False], [0.0])),
        ],
    )
    def test_reset(self, seed, worlds, says):
        with pytest.raises(SandboxError, match=says):
            World("pair", 2).reset(seed, worlds)

    def test_any_layout_of_orders_will_do(self):
        worlds = [World("pair", 2) for _ in range(4)]
        for world in worlds:
            world.reset(0)
        command, choice = sensible(worlds[0])
        frozen = command.copy()
        frozen.flags.writeable = False
        forms = (command, frozen, np.asfortranarray(command), command.astype(np.uint8))
        for world, form in zip(worlds, forms, strict=True):
            world.step(form, choice)
            assert differing(worlds[0].state, world.state) == []

    @pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int16, object])
    def test_a_number_that_wraps_around_makes_no_sense_either(self, dtype):
        one, two = World("pair"), World("pair")
        for world in (one, two):
            world.reset(4)
        for value in (2**32 + CHARGE, 2**64 - 2**32 + CHARGE, -(2**32) + CHARGE, 2**16 + CHARGE, 99, -1):
            try:
                command = np.full((1, 2), value, dtype)
            except OverflowError:
                continue
            if dtype is object:
                with pytest.raises(SandboxError, match="command has dtype object"):
                    one.step(command, [[0, 0]])
            else:
                one.step(command, [[0, 0]])
                two.step(*orders(two, IDLE))
        assert differing(one.state, two.state) == []

    def test_orders_that_make_no_sense_are_idle(self):
        one, two = World("pair"), World("pair")
        for world, command in ((one, 99), (two, IDLE)):
            world.reset(4)
            for _ in range(10):
                world.step(*orders(world, command))
        assert differing(one.state, two.state) == []
        one.step(*orders(one, OBSERVE, 77))
        assert (one.state.activity["mode"] == IDLE).all()


def bold_orders(rng, world):
    """Orders that do something: often downlink or observe where that is possible."""
    command = rng.integers(0, 4, (world.worlds, world.satellites))
    send = (world.state.outlook["station"] != NONE) & (rng.random(command.shape) < 0.8)
    shoot = (world.state.opportunities["request"][..., 0] != NONE) & (rng.random(command.shape) < 0.8)
    command = np.where(send, DOWNLINK, np.where(shoot, OBSERVE, command))
    return command, rng.integers(0, world.shown, command.shape)


def fly(world, rounds, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        world.step(*bold_orders(rng, world))
        yield world.state


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


def test_a_state_that_is_no_number_names_its_subsystem(small):
    world = World(load_scenario(small), worlds=2)
    world.reset(seed=1)
    world.state.body["temperature"][0, 0] = np.nan
    with pytest.raises(SandboxError, match="thermal"):
        world.step(np.zeros((2, 3), int), np.zeros((2, 3), int))


def test_a_kernel_can_be_called_without_the_world(small):
    world = World(small)
    assert [world.call(throttle, t, 310.0, 330.0) for t in (300.0, 320.0, 340.0)] == [1.0, 0.5, 0.0]


def test_one_world_is_wiped_and_no_other(small):
    world = World(small, 3)
    world.reset(seed=0)
    for array in arrays(world.state):
        others = [array[b : b + 1].tobytes() for b in (0, 2)]
        wipe(array, 1)
        assert not array[1:2].tobytes().strip(b"\0")
        assert [array[b : b + 1].tobytes() for b in (0, 2)] == others
