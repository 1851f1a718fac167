"""Heuristics for offloading_v0: legal, reproducible, and worth their names."""

import numpy as np
import pytest

from agents import make_policy, policy_names
from agents.offloading import Greedy
from envs import offloading_v0, tasking_v0
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

NAMES = ("local", "ground", "greedy", "least_loaded")


@pytest.fixture(scope="module")
def played():
    """Totals of the terms, and how often each action was taken on a job, by policy."""
    base = load_scenario("relay_40", {"horizon_h": 3.0})
    found = {}
    for name in ("random", "idle", *NAMES):
        env = offloading_v0.batch_env(base, 2, autoreset=False)
        policy = make_policy(name, env)
        policy.reset(seed=0)
        seen, info = env.reset(seed=7)
        terms, taken = np.zeros(len(env.terms)), np.zeros(len(env.actions), int)
        for _ in range(env.max_cycles):
            mask = info["action_mask"]
            actions = policy.act(seen, info)
            assert np.take_along_axis(mask, actions[..., None], axis=-1).all(), "an illegal action"
            taken += np.bincount(actions[mask[..., -1] == 1], minlength=len(taken))
            seen, _, _, _, info = env.step(actions)
            terms += info["terms"].sum(axis=(0, 1))
        found[name] = dict(zip(env.terms, terms, strict=True)), dict(zip(env.actions, taken, strict=True))
    return found


def test_names_are_those_of_the_issue():
    assert set(NAMES) <= set(policy_names("offloading_v0"))
    assert "least_loaded" not in policy_names("tasking_v0")


def test_one_name_can_stand_for_a_policy_of_each_problem():
    assert isinstance(make_policy("greedy", offloading_v0.batch_env("relay_40")), Greedy)
    assert not isinstance(make_policy("greedy", tasking_v0.batch_env("pair")), Greedy)
    with pytest.raises(SandboxError, match="made for offloading_v0, not for tasking_v0"):
        make_policy("local", tasking_v0.batch_env("pair"))


def test_they_do_what_they_are_called(played):
    taken = {name: actions for name, (_, actions) in played.items()}
    local = {name for name, count in taken["local"].items() if count}
    assert local <= {"run_small", "run_large", "drop", "defer"}
    assert {"run_small", "run_large"} <= local
    assert taken["ground"]["ground"] == sum(taken["ground"].values())
    assert taken["least_loaded"]["training"] > 0
    assert taken["least_loaded"]["run_large"] > 0
    assert taken["least_loaded"]["run_small"] == 0
    assert played["idle"][0]["answered"] == 0


def test_thinking_ahead_pays(played):
    paid = {name: terms["reward_answers"] + terms["reward_loss"] for name, (terms, _) in played.items()}
    assert paid["greedy"] > 1.02 * paid["local"]
    assert paid["local"] > 1.1 * paid["ground"]
    assert paid["greedy"] > 1.1 * paid["random"]
    assert min(paid[name] for name in NAMES) > 0.0 == paid["idle"]


@pytest.mark.parametrize("name", NAMES)
def test_dictionary_face_gets_the_same_decisions(name):
    scenario = load_scenario("relay_40", {"horizon_h": 0.25})
    env, batch = offloading_v0.parallel_env(scenario, mask_in_obs=True), offloading_v0.batch_env(scenario)
    one, other = make_policy(name, env), make_policy(name, batch)
    seen, infos = env.reset(seed=5)
    observation, info = batch.reset(seed=5)
    for _ in range(10):
        actions, table = one.act(seen, infos), other.act(observation, info)
        assert list(actions.values()) == table[0].tolist()
        seen, _, _, _, infos = env.step(actions)
        observation, _, _, _, info = batch.step(table)
