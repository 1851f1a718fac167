"""The price on energy in plans for offloading_v0."""

import numpy as np
import pytest

from agents import make_policy
from agents.offloading import NEIGHBOURS
from agents.phoenix import OffloadingPhoenix
from agents.planner.offloading_decoder import (
    NUMBERS,
    PHOENIX,
    TEACHER,
    OffloadingDecoder,
    PricedPhoenix,
    PricedTeacher,
)
from agents.planner.simulator import Simulator
from agents.tuned.offloading import Teacher
from envs import offloading_v0
from sandbox.scenario import load_scenario

PRICE = NUMBERS.index("price")


@pytest.fixture(scope="module")
def asked():
    """Observations and masks of a fleet some of whose satellites have jobs to decide on."""
    env = offloading_v0.batch_env(load_scenario("relay_13_tight", {"horizon_h": 0.5}), autoreset=False)
    seen, info = env.reset(seed=3)
    policy = make_policy("least_loaded", env)
    for _ in range(10):
        seen, _, _, _, info = env.step(policy.act(seen, info))
    return env, seen, info["action_mask"]


def priced(env, kind, factor):
    policy = kind(env)
    numbers = np.ones((1, env.world.satellites, len(NUMBERS)), np.float32)
    numbers[..., PRICE] = factor
    policy.follow(numbers)
    return policy


@pytest.mark.parametrize(("kind", "plain"), [(PricedTeacher, Teacher), (PricedPhoenix, OffloadingPhoenix)])
def test_without_a_price_it_is_the_heuristic(asked, kind, plain):
    env, seen, mask = asked
    np.testing.assert_array_equal(priced(env, kind, 0.0).decide(seen, mask), plain(env).decide(seen, mask))


@pytest.mark.parametrize("kind", [PricedTeacher, PricedPhoenix])
def test_at_a_high_price_no_battery_is_spent(asked, kind):
    env, seen, mask = asked
    names = {"run_small", "run_large", *(f"neighbour_{k}" for k in NEIGHBOURS)}
    spends = [env.actions.index(name) for name in names]
    assert np.isin(priced(env, kind, 0.0).decide(seen, mask), spends).any()
    assert not np.isin(priced(env, kind, 1e6).decide(seen, mask), spends).any()


def test_a_price_halves_with_charge_and_is_the_slope_of_what_a_charge_is_worth(asked):
    env, _, _ = asked
    policy = PricedTeacher(env)
    charge = np.linspace(0.0, 100.0, 2_001)
    price = policy._second(charge)
    assert policy._second(50.0) == pytest.approx(policy.price)
    assert policy._second(50.0 - policy.halving) == pytest.approx(2.0 * policy.price)
    np.testing.assert_allclose(np.gradient(policy.kept(charge), charge)[1:-1], price[1:-1], rtol=1e-4)


def test_satellites_follow_the_heuristic_that_the_plan_names(asked):
    env, _, _ = asked
    simulator = Simulator(env.problem, 1)
    simulator.load(0)
    decoder, found = OffloadingDecoder(simulator), {}
    plan = decoder.blank()
    for kind in (TEACHER, PHOENIX):
        plan["kinds"][:] = kind
        decoder.follow({name: part[None] for name, part in plan.items()})
        found[kind] = decoder.act(0)
    plan["kinds"][::2] = TEACHER
    decoder.follow({name: part[None] for name, part in plan.items()})
    mixed = decoder.act(0)
    np.testing.assert_array_equal(mixed[:, ::2], found[TEACHER][:, ::2])
    np.testing.assert_array_equal(mixed[:, 1::2], found[PHOENIX][:, 1::2])


def test_what_is_left_in_the_battery_counts_until_the_episode_ends(asked):
    env, _, _ = asked
    simulator = Simulator(env.problem, 2)
    simulator.load(0)
    decoder = OffloadingDecoder(simulator)
    decoder.follow({name: part[None] for name, part in decoder.blank().items()})
    power, boards = simulator.world.state.power, simulator.world.jobs.params.hosts["boards"] > 0
    power["energy"][1] *= 0.5
    left = decoder.left()
    assert (left[0] > left[1])[boards].all(), "more charge is worth more"
    simulator.world.state.safety["safe"][0] = True
    assert (decoder.left()[0] < left[0])[boards].all(), "who is in safe mode cannot use it"
    clock = simulator.world.state.clock
    clock["time"] = clock["start"] + simulator.world.horizon_s
    assert (decoder.left() == 0.0).all()
