"""Rules for thinking: when a search is begun, and what is done beside a plan."""

import numpy as np
import pytest

from agents import make_policy
from agents.consulting import ALWAYS, AUTO, BRIEF, DEEP, EVERY_MIN, NEVER, RULES, Consulting
from envs import tasking_v0
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

ROUNDS = 60
BUSY = {"requests.initial": 120, "requests.per_hour": 20.0}
CRAFT = "spacecraft.computing_satellite"


def played(rule, rounds=ROUNDS, changes=(), seed=1, **options):
    """(actions (T, N), searches, policy) of a rule in two worlds' first."""
    scenario = load_scenario("pair", BUSY | dict(changes))
    env = tasking_v0.batch_env(scenario, 1, consult=True, autoreset=False, max_cycles=rounds)
    policy = Consulting(env, rule, "greedy", **options)
    observation, info = env.reset(seed)
    policy.reset(0)
    actions, searches = [], 0.0
    for _ in range(rounds):
        chosen = policy.act(observation, info)
        assert (np.take_along_axis(info["action_mask"], chosen[..., None], -1) == 1).all()
        observation, _, _, _, info = env.step(chosen)
        actions.append(chosen[0])
        searches += info["terms"][..., env.terms.index("consulted")].sum()
    return np.array(actions), searches, policy, env


def test_never_is_the_fast_policy():
    actions, searches, policy, env = played(NEVER)
    again = tasking_v0.batch_env(env.world.scenario, 1, autoreset=False, max_cycles=ROUNDS)
    fast = make_policy("greedy", again)
    observation, info = again.reset(1)
    fast.reset(0)
    for chosen in actions:
        np.testing.assert_array_equal(chosen, fast.act(observation, info)[0])
        observation, _, _, _, info = again.step(chosen[None])
    assert searches == 0.0
    assert (policy.changed == 0).all()


@pytest.mark.parametrize("rule", [BRIEF, DEEP])
def test_the_clock_is_kept(rule):
    actions, _, _, env = played(rule)
    label = env.actions.index(f"consult_{rule}")
    for own in actions.T:
        asked = np.flatnonzero(own == label)
        assert len(asked) > 0
        assert (np.diff(asked) > EVERY_MIN[rule] * 2).all()
        assert (np.diff(asked) <= EVERY_MIN[rule] * 2 + 2).all()


def test_always_asks_in_every_round_in_which_it_may():
    actions, searches, _, env = played(ALWAYS, rounds=20)
    assert (actions == env.actions.index("consult_long")).mean() > 0.9
    assert searches == (actions == env.actions.index("consult_long")).sum()


def test_auto_asks_when_there_is_no_plan_and_then_follows():
    actions, searches, policy, env = played(AUTO)
    assert 2.0 <= searches <= 40.0
    assert (actions == env.actions.index("follow")).mean() > 0.5
    assert policy.changed[0] > 0


def test_auto_takes_a_short_search_where_a_long_one_takes_too_long(monkeypatch):
    monkeypatch.setattr("agents.consulting.FADE_MIN", 3.0)
    slow = {"board": "orin_nano", "boards": 10, "model": "Qwen3-0.6B", "precision": "int4"}
    actions, _, _, env = played(AUTO, rounds=4, changes={f"{CRAFT}.compute": slow})
    assert (actions != env.actions.index("consult_long")).all()
    assert (actions == env.actions.index("consult_short")).any()


def test_auto_asks_less_on_a_slow_board():
    slow = {"board": "orin_nano", "boards": 10, "model": "Qwen3-0.6B", "precision": "int4"}
    assert played(AUTO, changes={f"{CRAFT}.compute": slow})[1] < played(AUTO)[1]


def test_auto_lets_a_low_battery_be():
    low = {f"{CRAFT}.power.initial_charge": [0.2, 0.22]}
    _, searches, _, _ = played(AUTO, rounds=3, changes=low)
    assert searches == 0.0


def test_another_episode_begins_anew():
    _, _, policy, env = played(AUTO, rounds=8)
    first, *_ = played(AUTO, rounds=8)
    observation, info = env.reset(1)
    policy.reset(0)
    np.testing.assert_array_equal(policy.act(observation, info)[0], first[0])


def test_mistakes_are_one_sentence():
    plain = tasking_v0.batch_env("pair")
    with pytest.raises(SandboxError, match="make it with consult=True"):
        Consulting(plain)
    able = tasking_v0.batch_env("pair", consult=True)
    with pytest.raises(SandboxError, match="rule of thinking 'sometimes'"):
        Consulting(able, "sometimes")


@pytest.mark.parametrize("rule", RULES)
def test_goes_with_standing_orders(rule, disaster, trouble):
    from envs import autonomy_v0

    env = autonomy_v0.batch_env(disaster(changes=trouble), 1, consult=True, autoreset=False, max_cycles=12)
    policy = Consulting(env, rule, "phoenix")
    observation, info = env.reset(0)
    policy.reset(0)
    for _ in range(12):
        chosen = policy.act(observation, info)
        assert (np.take_along_axis(info["action_mask"], chosen[..., None], -1) == 1).all()
        observation, _, _, _, info = env.step(chosen)
    assert (info["terms"][..., env.terms.index("illegal")] == 0.0).all()
