"""A charged policy decides as the one inside it, and pays for it."""

import numpy as np
import pytest

from agents import make_policy
from agents.charged import Charged
from envs import tasking_v0
from envs.deliberation import deliberating
from envs.parallel import ParallelFace
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


@pytest.fixture(scope="module")
def busy():
    return load_scenario("scs01", {"horizon_h": 3.0, "satellites": [f"SCS-01 {letter}" for letter in "ABDG"]})


def play(env, policy, seed=3):
    observation, info = env.reset(seed)
    policy.reset(seed)
    total, sums = 0.0, np.zeros(len(env.terms))
    for _ in range(env.max_cycles):
        observation, reward, _, _, info = env.step(policy.act(observation, info), policy.thought)
        total += reward.sum()
        sums += info["terms"].sum((0, 1))
    return total, dict(zip(env.terms, sums, strict=True))


def batch(scenario):
    return deliberating(tasking_v0.batch_env(scenario, autoreset=False))


def test_at_no_price_nothing_changes(busy):
    env = batch(busy)
    plain, _ = play(env, make_policy("deadline_greedy", env))
    free, terms = play(env, Charged(make_policy("deadline_greedy", env), 0, 0))
    assert free == plain
    assert terms["thought_j"] == 0.0


def test_the_price_is_paid_in_joules_and_in_lateness(busy):
    env = batch(busy)
    runs = [play(env, Charged(make_policy("deadline_greedy", env), 500, n))[1] for n in (0, 900, 3_600)]
    joules = [terms["thought_j"] for terms in runs]
    assert joules == sorted(joules)
    assert runs[2]["late"] > runs[0]["late"]
    assert runs[2]["thinking"] > 0.0
    assert runs[2]["reward_delivery"] < runs[0]["reward_delivery"]


def test_a_small_model_thinks_at_a_small_price(busy):
    env = batch(busy)
    large, small = (
        play(env, Charged(make_policy("greedy", env), 500, 50, name))[1]
        for name in ("Qwen3-8B", "Qwen3-0.6B")
    )
    assert small["thought_j"] < 0.5 * large["thought_j"]


def test_dictionary_face(busy):
    face = ParallelFace(batch(busy))
    policy = Charged(make_policy("greedy", face), 500, 6_000)
    observations, infos = face.reset(seed=0)
    for _ in range(10):
        observations, *_, infos = face.step(policy.act(observations, infos), policy.thought)
    assert any(info["thinking"] for info in infos.values())


def test_needs_an_environment_that_charges(busy):
    env = tasking_v0.batch_env(busy)
    policy = Charged(make_policy("greedy", env), 1, 1)
    with pytest.raises(SandboxError, match="needs an environment that charges"):
        policy.act(*env.reset(0))


@pytest.mark.parametrize("tokens", [(-1, 0), (0, 2.5)])
def test_bad_tokens_are_one_sentence(busy, tokens):
    env = batch(busy)
    with pytest.raises(SandboxError, match="give a whole number of at least 0"):
        Charged(make_policy("greedy", env), *tokens)
