"""The batch face as trainers take it: spaces, states, losses, decision points, arrays of their own."""

import numpy as np
import pytest

import envs
from agents import make_policy
from envs.deliberation import Thought, deliberating
from sandbox.errors import SandboxError


def rows(info, t):
    """A legal action for everyone."""
    return np.argmax(np.random.default_rng(t).random(info["action_mask"].shape) * info["action_mask"], -1)


def made(problems, name, **arguments):
    module, scenario = problems[name]
    return module.batch_env(scenario, **arguments)


def test_spaces(problems):
    for name in problems:
        env = made(problems, name, worlds=3, max_cycles=4)
        observation, info = env.reset(0)
        assert env.num_envs == 3
        assert env.observation_space.contains(observation)
        assert env.single_observation_space.contains(observation[1, 0])
        assert env.action_space.contains(rows(info, 0))
        assert env.single_action_space.n == len(env.actions)
        assert env.state_space.contains(env.state()[2])


def test_spaces_of_several_orders(problems):
    env = made(problems, "autonomy_v0", worlds=2, max_cycles=4, multi_discrete=True)
    env.reset(0)
    orders = env.action_space.sample()
    assert orders.shape == (2, env.satellites, len(env.parts))
    assert env.single_action_space.contains(orders[0, 0])
    env.step(orders)


def test_plural_spaces_of_the_dictionary_faces(small):
    env = envs.make("tasking_v0", small, max_cycles=3)
    assert env.observation_spaces == {agent: env.observation_space(agent) for agent in env.possible_agents}
    assert env.action_spaces == {agent: env.action_space(agent) for agent in env.possible_agents}
    words = envs.make("tasking_v0", small, face="language", max_cycles=3)
    assert words.action_spaces.keys() == words.observation_spaces.keys() == set(words.possible_agents)


@pytest.mark.parametrize("arguments", [{}, {"multi_discrete": True}])
def test_the_mask_is_in_one_place(problems, arguments):
    module, scenario = problems["autonomy_v0"]
    for mask_in_obs in (False, True):
        env = module.parallel_env(scenario, max_cycles=3, mask_in_obs=mask_in_obs, **arguments)
        observations, infos = env.reset(0)
        for _ in range(2):
            for agent in env.agents:
                seen = isinstance(observations[agent], dict) and "action_mask" in observations[agent]
                assert seen == mask_in_obs
                assert ("action_mask" in infos[agent]) != mask_in_obs
            observations, *_, infos = env.step({})


@pytest.mark.parametrize("name", ["random", "greedy"])
def test_policies_find_the_mask_in_either_place(small, name):
    played = []
    for mask_in_obs in (False, True):
        env = envs.make("tasking_v0", small, max_cycles=30, mask_in_obs=mask_in_obs)
        policy = make_policy(name, env)
        policy.reset(3)
        observations, infos = env.reset(3)
        total = 0.0
        while env.agents:
            observations, rewards, _, _, infos = env.step(policy.act(observations, infos))
            total += sum(rewards.values())
        played.append(total)
    assert played[0] == played[1]


@pytest.mark.parametrize("autoreset", [True, False])
def test_a_loss_is_told_once_where_it_happens(dying, autoreset):
    env = envs.make("tasking_v0", dying, face="batch", worlds=3, autoreset=autoreset)
    _, info = env.reset(2)
    assert info["alive"].all()
    alive, lost = info["alive"], 0
    for t in range(200):
        _, _, terminated, truncated, info = env.step(rows(info, t))
        ended = (terminated | truncated)[:, 0]
        now = env.world.state.body["alive"]
        assert np.array_equal(info["alive"], now)
        if autoreset:
            assert now[ended].all()  # of the next episode
            assert info["lost"][terminated[:, 0]].any(-1).all()
        else:
            assert np.array_equal(info["lost"], alive & ~now)
        assert not (info["lost"] & ~alive).any()
        alive, lost = info["alive"].copy(), lost + int(info["lost"].sum())
    assert lost >= 6
    assert np.array_equal(info["decides"], info["action_mask"].sum(-1) > 1)
    assert not (info["decides"] & ~info["alive"]).any()


def test_a_loss_after_a_restore(dying):
    env = envs.make("tasking_v0", dying, face="batch", worlds=2, autoreset=False)
    _, info = env.reset(2)
    start = env.world.snapshot()
    while not info.get("lost", np.zeros(1)).any():
        _, _, _, _, info = env.step(np.zeros((2, 2), int))
    env.world.restore(start)
    _, _, _, _, info = env.step(np.zeros((2, 2), int))
    assert info["alive"].all()
    assert not info["lost"].any()


@pytest.mark.parametrize("name", ["tasking_v0", "offloading_v0", "autonomy_v0"])
def test_nothing_is_paid_beyond_the_horizon(problems, name):
    env = made(problems, name, worlds=2, max_cycles=40, autoreset=False)
    _, info = env.reset(1)
    for t in range(60):
        _, reward, _, truncated, info = env.step(rows(info, t))
        assert truncated.all() == (t >= 39)
        if t >= 40:
            assert not reward.any()
            assert not info["terms"].any()


def test_nothing_is_paid_to_the_lost(dying):
    env = envs.make("tasking_v0", dying, face="batch", worlds=3, autoreset=False)
    _, info = env.reset(2)
    for t in range(200):
        there = info["alive"].copy()
        _, reward, _, _, info = env.step(rows(info, t))
        assert not reward[~there].any()


def test_states_of_all_worlds_and_of_those_that_ended(problems):
    for name in problems:
        env = made(problems, name, worlds=3, max_cycles=3)
        other = made(problems, name, worlds=3, max_cycles=3, autoreset=False)
        env.reset(4)
        _, info = other.reset(4)
        out = np.empty((3, env.problem.state_size), np.float32)
        for t in range(3):
            assert env.state(out) is out
            assert np.array_equal(out, [env.problem.global_state(b) for b in range(3)])
            actions = rows(info, t)
            *_, told = env.step(actions)
            *_, info = other.step(actions)
            assert np.array_equal(env.final_state(), other.state())
        assert told["ended"].all()
        assert not np.array_equal(env.final_state(), env.state())


def test_final_states_are_kept_for_whoever_reads_states(small):
    env = envs.make("tasking_v0", small, face="batch", worlds=2, max_cycles=1)
    env.reset(0)
    env.step(np.zeros((2, 2), int))
    with pytest.raises(SandboxError, match=r"call state\(\) before"):
        env.final_state()
    with pytest.raises(SandboxError, match="contiguous float32"):
        env.state(np.zeros((2, 2)))


@pytest.mark.parametrize("name", ["tasking_v0", "autonomy_v0"])
def test_own_arrays_take_what_fresh_ones_would(problems, name):
    env, plain = (made(problems, name, worlds=3, max_cycles=5) for _ in range(2))
    out = env.buffers()
    observation, info = env.reset(5, out=out)
    _, same = plain.reset(5)
    assert observation is out["observation"]
    for t in range(12):
        actions = rows(same, t)
        played, expected = env.step(actions, out=out), plain.step(actions)
        for name_, value in zip(("observation", "reward", "terminated", "truncated"), played, strict=False):
            assert value is out[name_]
        for value, right in zip(played[:4], expected[:4], strict=True):
            assert np.array_equal(value, right)
        info, same = played[4], expected[4]
        assert info.keys() == same.keys()
        for key in info:
            assert np.array_equal(info[key], same[key]), key


def test_own_arrays_for_some_and_with_thought(small):
    env = deliberating(envs.make("tasking_v0", small, face="batch", worlds=2, max_cycles=5))
    plain = deliberating(envs.make("tasking_v0", small, face="batch", worlds=2, max_cycles=5))
    out = {name: env.buffers()[name] for name in ("terms", "reward")}
    env.reset(1, out=out)
    plain.reset(1)
    tokens = np.full((2, 2), 300)
    for _ in range(7):
        _, _, _, _, info = env.step(np.zeros((2, 2), int), Thought(tokens, tokens), out=out)
        _, reward, _, _, same = plain.step(np.zeros((2, 2), int), Thought(tokens, tokens))
        assert info["terms"] is out["terms"]
        assert np.array_equal(info["terms"], same["terms"])
        assert np.array_equal(out["reward"], reward)


def test_own_arrays_that_do_not_fit_change_nothing(small):
    env = envs.make("tasking_v0", small, face="batch", worlds=2, max_cycles=5)
    _, info = env.reset(1)
    good = env.buffers()
    frozen = good["reward"].copy()
    frozen.flags.writeable = False
    wrong = [
        ({"reward": np.zeros((2, 3), np.float32)}, "reward is float32"),
        ({"reward": np.zeros((2, 2))}, "reward is float64"),
        (
            {"observation": np.zeros((*good["observation"].shape[:2], 122), np.float32)[..., ::2]},
            "contiguous",
        ),
        ({"reward": frozen}, "writeable"),
        ({"reward": [0.0]}, "reward is"),
        ({"rewards": good["reward"]}, "array to write to"),
        ([good["reward"]], "give a dictionary"),
    ]
    for out, told in wrong:
        with pytest.raises(SandboxError, match=told):
            env.step(rows(info, 0), out=out)
        with pytest.raises(SandboxError, match=told):
            env.reset(1, out=out)
    assert env.world.state.clock["round"].tolist() == [0, 0]
