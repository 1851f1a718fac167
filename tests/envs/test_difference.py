"""Difference rewards against fleets that really fly without one of their satellites."""

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

import envs
from envs.deliberation import deliberating
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

ROUNDS = 160


def chosen(mask, rng):
    """A legal action (B, N): mostly the last one, which is to observe or to hand over, or else any."""
    last = mask.shape[-1] - 1 - np.flip(mask, -1).argmax(-1)
    return np.where(rng.random(last.shape) < 0.7, last, (rng.random(mask.shape) * mask).argmax(-1))


def flown_without(problem, scenario, seed, n, orders, options):
    """What the others earn, round by round, where satellite n does nothing and they follow `orders`: for each
    round and satellite what is referred to, -1 for nothing."""
    env = envs.make(problem, scenario, face="batch", autoreset=False, **options)
    _, info = env.reset(seed)
    earned = []
    for wanted in orders:
        named, actions = env.problem.identities()[0], np.zeros((1, env.satellites), np.int64)
        for m in range(env.satellites):
            if m == n or wanted[m] < 0:
                continue
            for a in range(len(env.actions)):
                if info["action_mask"][0, m, a] and named[m, a] == wanted[m]:
                    actions[0, m] = a
                    break
        _, reward, _, _, info = env.step(actions)
        earned.append(reward[0].sum() - reward[0, n])
    return np.array(earned)


@pytest.mark.parametrize(
    ("problem", "scenario", "options"),
    [("tasking_v0", "pair", {"max_cycles": ROUNDS}), ("offloading_v0", "burst_12", {"max_cycles": 20})],
)
def test_it_is_what_the_fleet_would_lose(problem, scenario, options):
    env = envs.make(
        problem, scenario, face="batch", worlds=2, autoreset=False, difference_reward=True, **options
    )
    _, info = env.reset(5)
    rng = np.random.default_rng(0)
    orders, told, own = [], [], []
    for _ in range(options["max_cycles"]):
        actions = chosen(info["action_mask"], rng)
        named = np.take_along_axis(env.problem.identities(), actions[..., None], -1)[..., 0]
        legal = np.take_along_axis(info["action_mask"], actions[..., None], -1)[..., 0]
        orders.append(np.where(legal, named, -1))
        _, reward, _, _, info = env.step(actions)
        told.append(reward.copy())
        own.append(info["own_reward"])
    told, own = np.array(told), np.array(own)
    assert np.abs(own).sum() > 0.0
    for b, n in ((0, 0), (1, 1)):
        others = flown_without(problem, scenario, 5 + b, n, [order[b] for order in orders], options)
        np.testing.assert_allclose(told[:, b, n], own[:, b].sum(-1) - others, atol=1e-4)


def test_who_is_alone_gets_its_own_reward():
    pair = load_scenario("pair").model_dump()
    pair["fleet"][0]["sun_synchronous"]["total"] = 1
    env = envs.make(
        "tasking_v0", load_scenario(pair), face="batch", difference_reward=True, max_cycles=ROUNDS
    )
    _, info = env.reset(1)
    rng = np.random.default_rng(1)
    paid = 0.0
    for _ in range(ROUNDS):
        _, reward, _, _, info = env.step(chosen(info["action_mask"], rng))
        np.testing.assert_array_equal(reward, info["own_reward"])
        paid += float(reward.sum())
    assert paid != 0.0


def test_the_other_worlds_begin_anew_with_the_batch():
    """After an autoreset, with and without a seed, all fly the same episode."""
    env = envs.make("tasking_v0", "pair", face="batch", worlds=2, difference_reward=True, max_cycles=8)
    for seed in (3, None):
        env.reset(seed)
        for _ in range(20):
            books = env.without.world.state.requests.book["value"].reshape(2, 2, -1)
            mine = env.world.state.requests.book["value"]
            np.testing.assert_array_equal(books, np.broadcast_to(mine[:, None], books.shape))
            times = env.without.world.state.clock["time"].reshape(2, 2)
            np.testing.assert_array_equal(times, np.repeat(env.world.state.clock["time"][:, None], 2, 1))
            env.step(np.zeros((2, 2), np.int64))


def test_the_dictionary_face_takes_it():
    env = envs.make("tasking_v0", "pair", difference_reward=True, max_cycles=10)
    parallel_api_test(env, 20)
    env.reset(0)
    _, rewards, _, _, infos = env.step(dict.fromkeys(env.agents, 0))
    assert rewards.keys() == infos.keys()
    assert all(isinstance(info["own_reward"], float) for info in infos.values())


def test_buffers_are_written():
    env = envs.make("tasking_v0", "pair", face="batch", difference_reward=True, max_cycles=10)
    env.reset(0)
    room = env.buffers()
    _, reward, *_ = env.step(np.ones((1, 2), np.int64), out=room)
    assert reward is room["reward"]


def test_what_is_refused():
    with pytest.raises(SandboxError, match="team_reward"):
        envs.make("tasking_v0", "pair", difference_reward=True, team_reward=True)
    with pytest.raises(SandboxError, match="message_size"):
        envs.make("autonomy_v0", difference_reward=True, message_size=2)
    with pytest.raises(SandboxError, match="multi_discrete"):
        envs.make("autonomy_v0", difference_reward=True, multi_discrete=True)
    env = envs.make("tasking_v0", "pair", face="batch", difference_reward=True)
    with pytest.raises(SandboxError, match="charged thought"):
        deliberating(env)
    env.reset(0)
    env.world.restore(env.world.snapshot())
    with pytest.raises(SandboxError, match="restored"):
        env.step(np.zeros((1, 2), np.int64))
    env.reset(0)
    env.step(np.zeros((1, 2), np.int64))
