"""Gymnasium's single-agent face."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from agents import make_policy
from agents.tasking import Greedy
from envs import tasking_v0
from sandbox.errors import SandboxError


@pytest.mark.filterwarnings("error")
def test_official_check(small):
    check_env(gymnasium.make("sandbox/Tasking-v0", scenario=small, max_cycles=30).unwrapped)


def test_made_by_name(small):
    env = gymnasium.make("sandbox/Tasking-v0", scenario=small, satellite="Pair 2", max_cycles=4)
    seen, info = env.reset(seed=0)
    assert env.observation_space.contains(seen)
    assert env.unwrapped.world.fleet.names == ("Pair 2",)
    for _ in range(4):
        seen, reward, terminated, truncated, info = env.step(env.action_space.sample(info["action_mask"]))
    assert truncated
    assert not terminated
    assert isinstance(reward, float)


@pytest.mark.parametrize("given", ["greedy", b"greedy", 3, ["greedy"], {"a": "greedy"}, object(), Greedy])
def test_teammates_that_cannot_decide_are_refused_in_a_sentence(small, given):
    with pytest.raises(SandboxError, match=r"^teammates = .*; give a policy, .* or a function"):
        tasking_v0.satellite_env(small, teammates=given)
    with pytest.raises(SandboxError, match=r"^teammates = "):
        gymnasium.make("sandbox/Tasking-v0", teammates=given)


def test_a_policy_is_taken_as_its_function_is(small):
    policy = make_policy("greedy", tasking_v0.batch_env(small))
    envs = [tasking_v0.satellite_env(small, teammates=told) for told in (policy, policy.act)]
    for env in envs:
        env.reset(seed=2)
    for _ in range(60):
        of_the_policy, of_its_function = (env.step(0)[0] for env in envs)
        assert np.array_equal(of_the_policy, of_its_function)
    assert [env.batch.legal()[0, 1].tolist() for env in envs] == 2 * [envs[0].batch.legal()[0, 1].tolist()]


def test_teammates_decide_for_the_others(small):
    fleet = tasking_v0.batch_env(small, autoreset=False)
    policy = make_policy("greedy", fleet)
    env = tasking_v0.satellite_env(small, satellite="Pair 1", teammates=policy.act)
    env.reset(seed=0)
    observation, info = fleet.reset(seed=0)
    for _ in range(60):
        actions = policy.act(observation, info)
        actions[0, 0] = 1
        observation, _, _, _, info = fleet.step(actions)
        seen, *_ = env.step(1)
        np.testing.assert_array_equal(seen, observation[0, 0])


def test_action_masks_are_those_of_the_info(small):
    env = tasking_v0.satellite_env(small)
    _, info = env.reset(seed=0)
    np.testing.assert_array_equal(env.action_masks(), info["action_mask"].astype(bool))


def test_lost_satellite_terminates(dying):
    env = tasking_v0.satellite_env(dying)
    env.reset(seed=1)
    terminated = truncated = False
    while not (terminated or truncated):
        _, reward, terminated, truncated, _ = env.step(0)
    assert terminated
    assert reward == -50.0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda s: tasking_v0.satellite_env(s, satellite="Pair 3"), "Unknown satellite 'Pair 3'"),
        (lambda s: tasking_v0.satellite_env(s).step(0), "step before reset"),
        (lambda s: tasking_v0.satellite_env(s).action_masks(), "before reset"),
        (lambda s: tasking_v0.satellite_env(s, render_mode="cinema"), "render_mode"),
    ],
)
def test_errors_are_one_sentence(small, call, sentence):
    with pytest.raises(SandboxError, match=sentence):
        call(small)


@pytest.mark.parametrize("action", [7, -1, 0.5, float("nan"), "idle"])
def test_action_outside_the_space(small, action):
    env = tasking_v0.satellite_env(small)
    env.reset(seed=0)
    with pytest.raises(SandboxError, match="outside the space"):
        env.step(action)
