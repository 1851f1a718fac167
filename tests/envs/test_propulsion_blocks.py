"""The blocks of electric propulsion, in a small problem of orbit raising."""

import re

import numpy as np
import pytest

from envs.blocks.body import Body, TimeLeft
from envs.blocks.propulsion import Climb, OffTarget, PropellantUse, Tank, Thrust
from envs.blocks.terms import Energy, Loss
from envs.faces import faces_of
from envs.language import LanguageEnv
from envs.problem import Declaration, Problem
from envs.reports import Reporter
from sandbox.propulsion import OFF, PROGRADE, RETROGRADE
from sandbox.scenario import load_scenario

RAISE_KM = 3.0


class Raising(Problem):
    """raising_v0: climb to a higher orbit, and no further. {creation}{observation}{actions}{rewards}"""

    name, scenario = "raising_v0", "pair"
    briefing_text = "You are a satellite that climbs. Every {round_s:g} s you decide whether to thrust."

    @classmethod
    def declare(cls, raise_km: float = RAISE_KM, price: float = 1.0):
        return Declaration(
            blocks=(
                Tank(), Climb(raise_km), Body(), TimeLeft(), Thrust(),
                OffTarget(price, raise_km), PropellantUse(0.1), Loss(10.0), Energy(),
            )
        )  # fmt: skip


@pytest.fixture(scope="module")
def scenario():
    craft = "spacecraft.computing_satellite"
    changes = {
        f"{craft}.body.mass_kg": 20.0,
        f"{craft}.propulsion": {"propellant_kg": 2.0},
        f"{craft}.power.battery_wh": 6000.0,
        "requests.initial": 0,
        "requests.per_hour": 0.0,
        "round_s": 60.0,
        "horizon_h": 3.0,
    }
    return load_scenario("pair", changes)


def batch(scenario, **arguments):
    return faces_of(Raising).batch_env(scenario=scenario, **arguments)


def climb(env, observation):
    return env.problem.layout.physical(observation, "climb")


def test_a_climb_ends_at_its_target(scenario):
    """Thrust until it is reached: it stays within 50 m; the reward is what the terms of a round say."""
    env = batch(scenario, worlds=2)
    observation, info = env.reset(0)
    assert climb(env, observation) == pytest.approx(RAISE_KM, abs=1e-5)
    assert env.problem.layout.physical(observation, "propellant") == pytest.approx(100.0)
    left = env.problem.layout.physical(observation, "delta_v")
    assert left == pytest.approx(1_375 * 9.80665 * np.log(20.0 / 18.0), rel=1e-6)
    for k in range(170):
        thrust = np.where(climb(env, observation) > 0.0, PROGRADE, OFF)
        was = climb(env, observation)
        observation, reward, _, _, info = env.step(thrust)
        terms = dict(zip(env.problem.terms, np.moveaxis(info["terms"], -1, 0), strict=True))
        paid = [terms[name] for name in terms if name.startswith("reward_")]
        assert reward == pytest.approx(np.sum(paid, axis=0), abs=1e-6)
        off = np.abs(climb(env, observation))
        assert terms["reward_climb"] == pytest.approx(-off * 60.0 / 86_400.0, abs=1e-6)
        assert (climb(env, observation) < was)[thrust == PROGRADE].all()
        assert (terms["thrust_m_s"] > 0.0).tolist() == (thrust == PROGRADE).tolist(), k
    assert np.abs(climb(env, observation)).max() < 0.1
    spent = left - env.problem.layout.physical(observation, "delta_v")
    assert spent == pytest.approx(1e3 * RAISE_KM * 7_600.0 / 2.0 / 6_898e3, rel=0.05), "v da / 2 a"


def test_a_descent_and_who_cannot(scenario):
    env = batch(scenario)
    observation, info = env.reset(0)
    assert info["action_mask"].tolist() == [[[1, 1, 1]] * 2]
    env.world.propulsion.state.tank["propellant"][0, 1] = 0.0
    observation, _, _, _, info = env.step(np.full((1, 2), RETROGRADE))
    assert info["action_mask"][0].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert climb(env, observation)[0, 0] > RAISE_KM
    assert climb(env, observation)[0, 1] == pytest.approx(RAISE_KM, abs=1e-4)
    assert env.problem.layout.physical(observation, "thrusting")[0].tolist() == [-1.0, 0.0]


def test_a_thought_about_thrust_waits_for_the_next_round(scenario):
    """What was ordered before rules until then, as for burns."""
    from envs.deliberation import Thought, deliberating

    env = deliberating(batch(scenario))
    env.reset(0)
    thought = Thought(np.full((1, 2), 20), np.full((1, 2), 5))
    env.step(np.full((1, 2), PROGRADE), thought)
    assert (env.world.propulsion.state.tank["thrust"] == OFF).all()
    env.step(np.full((1, 2), PROGRADE))
    assert (env.world.propulsion.state.tank["thrust"] == PROGRADE).all()


def test_the_problem_stands_every_check(scenario):
    from envs.check import check_env

    check_env(
        lambda **how: faces_of(Raising).parallel_env(scenario=scenario, **how),
        lambda **how: batch(scenario, **how),
        max_cycles=12,
    )


def test_it_is_told_in_chinese(scenario):
    env = batch(scenario)
    observation, info = env.reset(0)
    reporter = Reporter(env.problem, language="zh")
    told = reporter.system.replace(reporter.briefing, "") + reporter.report(
        observation[0, 0], info["action_mask"][0, 0]
    )
    assert "推进剂1千克-0.1" in told
    names = {word for action in env.problem.actions for word in action.split("_")}
    assert set(re.findall("[A-Za-z]{2,}", told)) <= names


def test_it_is_told_in_words(scenario):
    env = LanguageEnv(faces_of(Raising).parallel_env(scenario=scenario))
    reports, _ = env.reset(seed=0)
    assert "3 km of semi-major axis to climb" in str(reports["sat_0"])
    assert env.unwrapped.problem.phrases[PROGRADE].startswith("thrust in the direction of flight")
