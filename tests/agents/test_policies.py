"""Policies: found by name, legal, reproducible, the same on every face, and worth their names."""

from types import SimpleNamespace

import numpy as np
import pytest

from agents import Policy, make_policy, policy_class, policy_names
from agents.policy import YARDSTICKS
from envs import tasking_v0
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

NAMES = policy_names("tasking_v0")


@pytest.fixture(scope="module")
def busy():
    """Six satellites of the real constellation for six hours over many requests."""
    return load_scenario(
        "scs01", {"horizon_h": 6.0, "satellites": [f"SCS-01 {letter}" for letter in "ABDGKM"]}
    )


def play(scenario, name, worlds=4, seed=50, rounds=None):
    env = tasking_v0.batch_env(scenario, worlds, autoreset=False)
    policy = make_policy(name, env)
    policy.reset(seed=0)
    observation, info = env.reset(seed=seed)
    total = np.zeros(worlds)
    for _ in range(rounds or env.max_cycles):
        actions = policy.act(observation, info)
        assert np.take_along_axis(info["action_mask"], actions[..., None], axis=-1).all(), "an illegal action"
        observation, reward, _, _, info = env.step(actions)
        total += reward.sum(axis=1)
    return total, env


def test_names_are_those_of_the_issue():
    assert {"random", "idle", "greedy", "deadline_greedy", "qwen"} <= set(policy_names())
    assert set(policy_names("some_other_problem")) == {"random", "idle", "qwen"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in YARDSTICKS])
def test_same_seed_same_run(busy, name):
    rounds = 150 if name == "qwen" else None  # a thousand times dearer than a heuristic
    (first, one), (again, two) = (play(busy, name, worlds=2, rounds=rounds) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(one.world.state.pointing, two.world.state.pointing)


@pytest.mark.parametrize("name", NAMES)
def test_dictionary_face_gets_the_same_decisions(busy, name):
    env = tasking_v0.parallel_env(scenario=busy, mask_in_obs=True, max_cycles=120)
    batch = tasking_v0.batch_env(busy, max_cycles=120)
    least = {"effort": 1} if name in YARDSTICKS else {}
    one, other = (make_policy(name, each, **least) for each in (env, batch))
    one.reset(seed=1)
    other.reset(seed=1)
    seen, infos = env.reset(seed=5)
    observation, info = batch.reset(seed=5)
    while env.agents:
        actions = one.act(seen, infos)
        table = other.act(observation, info)
        assert list(actions.values()) == table[0].tolist()
        seen, _, _, _, infos = env.step(actions)
        observation, _, _, _, info = batch.step(table)
    assert one.act({}, {}) == {}


def test_better_policies_earn_more(busy):
    paid = {name: play(busy, name)[0] for name in ("random", "greedy", "deadline_greedy")}
    for name in ("greedy", "deadline_greedy"):  # which of them is ahead depends on the links
        assert (paid[name] > paid["random"]).all(), "seed by seed"


@pytest.mark.parametrize("name", ["greedy", "deadline_greedy"])
def test_heuristics_keep_their_satellites_alive(busy, name):
    _, env = play(busy, name)
    assert env.world.state.body["alive"].all()


def test_third_party_class_by_path(busy):
    env = tasking_v0.batch_env(busy)
    assert type(make_policy("agents.baselines:Idle", env)).__name__ == "Idle"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gredy", "Unknown policy 'gredy'; did you mean greedy"),
        ("no.such.module:Class", "cannot be loaded"),
        ("agents.baselines:Missing", "cannot be loaded"),
        ("agents.policy:SandboxError", "not a subclass"),
        ("test_policies:OnlyForOthers", "made for other_v0, not for tasking_v0"),
    ],
)
def test_errors_are_one_sentence(busy, name, sentence, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "test_policies", sys.modules[__name__])
    with pytest.raises(SandboxError, match=sentence):
        make_policy(name, tasking_v0.batch_env(busy))


def test_what_is_no_environment_is_refused():
    with pytest.raises(SandboxError, match="env is 'pair'; give an environment"):
        make_policy("greedy", "pair")


@pytest.mark.parametrize(("name", "problem"), [("greedy", "avoidance_v0"), ("local", "tasking_v0")])
def test_who_does_not_play_a_problem_is_refused_with_those_who_do(name, problem):
    env = SimpleNamespace(problem=SimpleNamespace(name=problem))
    with pytest.raises(SandboxError, match=f"not for {problem}; give one of ") as refused:
        make_policy(name, env)
    assert str(refused.value).endswith(f"give one of {', '.join(policy_names(problem))}.")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "nano",
            "Policy 'nano' reads the orders in words of operations_v0, and tasking_v0 has none; its mind is "
            "qwen.",
        ),
        ("keyword", "Policy 'keyword' is made for operations_v0, not for tasking_v0; give one of random, "),
    ],
)
def test_a_name_that_only_another_problem_has_is_explained(busy, name, sentence):
    for asked in (
        lambda: policy_class(name, "tasking_v0"),
        lambda: make_policy(name, tasking_v0.batch_env(busy)),
    ):
        with pytest.raises(SandboxError) as refused:
            asked()
        assert str(refused.value).startswith(sentence)


class OnlyForOthers(Policy):
    problems = ("other_v0",)

    def decide(self, observation, mask):
        return np.zeros(mask.shape[:-1], int)
