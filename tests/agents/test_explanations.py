"""Policies say what decided, and recordings keep it."""

import json

import numpy as np
import pytest

from agents import make_policy
from agents.blind import Blind
from envs import autonomy_v0, avoidance_v0, offloading_v0, tasking_v0
from experiments.running.callbacks import odds_of
from experiments.running.run import run
from sandbox.recording import Recording
from sandbox.scenario import load_scenario

MODULES = {m.__name__.rpartition(".")[2]: m for m in (tasking_v0, offloading_v0, avoidance_v0, autonomy_v0)}


@pytest.mark.parametrize(
    ("problem", "name"),
    [
        ("tasking_v0", "greedy"),
        ("tasking_v0", "deadline_greedy"),
        ("offloading_v0", "least_loaded"),
        ("offloading_v0", "phoenix"),
        ("tasking_v0", "cbba"),
        ("tasking_v0", "equinox"),
        ("tasking_v0", "phoenix"),
        ("offloading_v0", "equinox"),
        ("autonomy_v0", "deadline_greedy"),
        ("autonomy_v0", "equinox"),
        ("autonomy_v0", "phoenix"),
        ("autonomy_v0", "agents.tuned.autonomy:Teacher"),
    ],
)
def test_heuristics_say_what_decided(problem, name):
    env = MODULES[problem].batch_env(worlds=2, max_cycles=10)
    observation, info = env.reset(seed=0)
    policy = make_policy(name, env)
    assert policy.explain(0, 0) == {}
    policy.act(observation, info)
    told = policy.explain(1, 3)
    assert told
    assert all(np.isfinite(value) for value in told.values())
    assert all(values.shape == (2, env.satellites) for values in policy.reasons.values())


PLANNED = {
    "tasking_v0": ("scs01", 20),
    "offloading_v0": ("relay_13_tight", 12),
    "autonomy_v0": ("disaster_response", 6),
}


@pytest.mark.parametrize("name", ["planner", "onboard"])
@pytest.mark.parametrize("problem", PLANNED)
def test_planners_say_what_their_plan_is_held_against(problem, name):
    scenario, rounds = PLANNED[problem]
    env = MODULES[problem].batch_env(scenario, worlds=1, max_cycles=rounds)
    observation, info = env.reset(seed=0)
    policy = make_policy(name, env, effort=1)
    assert policy.explain(0, 0) == {}
    gains, seen = [], set()
    for _ in range(rounds - 1):
        actions = policy.act(observation, info)
        for n in range(env.satellites):
            told = policy.explain(0, n)
            seen |= told.keys()
            assert all(np.isfinite(value) for value in told.values())
            assert told["fleet earns by the plan"] >= told["by the plan before"] - 1e-6
            assert 0.0 <= told["lowest battery in the plan, %"] <= 100.0 + 1e-9
            assert f"earns with {env.actions[actions[0, n]]}" in told
            if "more than with that" in told:
                ways = [value for key, value in told.items() if key.startswith("earns with ")]
                gains.append(told["more than with that"])
                assert gains[-1] == pytest.approx(ways[0] - ways[1])
        observation, _, _, _, info = env.step(actions)
    assert gains  # of three rounds with so many satellites something was tried otherwise
    own = sum(value for n in range(env.satellites) for value in [_own(policy, env, actions, n)])
    assert own == pytest.approx(told["fleet earns by the plan"], rel=1e-5, abs=1e-4)


def _own(policy, env, actions, n):
    return policy.explain(0, n)[f"earns with {env.actions[actions[0, n]]}"]


def test_when_the_plan_has_it_image_and_send():
    env = tasking_v0.batch_env("pair", worlds=1, max_cycles=60)
    observation, info = env.reset(seed=0)
    policy = make_policy("planner", env, effort=1)
    due, some = {}, False
    for t in range(60):
        actions = policy.act(observation, info)
        for n in range(env.satellites):
            if t == 0:
                due[n] = policy.explain(0, n).get("minutes to its next image")
                some |= due[n] is not None
            elif due[n] is not None and t == round(due[n] * 60 / env.problem.mission.round_s):
                assert env.actions[actions[0, n]].startswith("observe_")
                due[n] = None
        observation, _, _, _, info = env.step(actions)
    assert some
    assert set(due.values()) == {None}
    assert policy.explain(0, 0)["lowest battery in the plan, %"] > 0.0


@pytest.mark.parametrize(("problem", "scenario"), [("tasking_v0", "pair"), ("avoidance_v0", None)])
@pytest.mark.parametrize("name", ["planner", "onboard"])
def test_saying_why_changes_no_decision(problem, scenario, name):
    played = []
    for asked in (False, True):
        env = MODULES[problem].batch_env(*[scenario] if scenario else [], worlds=1, max_cycles=8)
        observation, info = env.reset(seed=3)
        slow = (problem, name) != ("avoidance_v0", "planner")
        policy = make_policy(name, env, **{"effort": 1} if slow else {})
        policy.reset(3)
        for _ in range(8):
            actions = policy.act(observation, info)
            if asked:
                [policy.explain(0, n) for n in range(env.satellites)]
            played.append(actions.tolist())
            observation, _, _, _, info = env.step(actions)
    assert played[:8] == played[8:]


def test_the_avoidance_planner_says_what_is_in_the_way():
    env = avoidance_v0.batch_env(load_scenario("crossing_12", {"encounters.hit_share": 0.5}), max_cycles=120)
    observation, info = env.reset(seed=0)
    policy = make_policy("planner", env)
    burned = 0
    for _ in range(120):
        actions = policy.act(observation, info)
        for n in np.flatnonzero(actions[0]):
            burned += 1
            told = policy.explain(0, int(n))
            assert told["wrong ahead as decided"] <= told["wrong ahead without a burn"]
            assert told["m/s spent"] > 0.0 or told["drift left, m/s"] >= 0.0
        observation, _, _, _, info = env.step(actions)
    assert burned


def test_who_wraps_a_policy_passes_its_reasons_on():
    env = tasking_v0.batch_env("pair", worlds=1, max_cycles=4)
    observation, info = env.reset(seed=0)
    inner = make_policy("deadline_greedy", env)
    blind = Blind(env, inner, "battery")
    blind.act(observation, info)
    assert blind.explain(0, 1) == inner.explain(0, 1) != {}
    assert blind.reasons is inner.reasons


@pytest.mark.parametrize("name", ["threshold", "late_threshold", "thrifty"])
def test_the_gravest_warning_decides(name):
    env = avoidance_v0.batch_env(worlds=1, max_cycles=60)
    observation, info = env.reset(seed=0)
    policy = make_policy(name, env)
    seen = set()
    for _ in range(60):
        observation, _, _, _, info = env.step(policy.act(observation, info))
        warnings = env.world.encounters.warnings[0]
        for n in range(env.satellites):
            told = policy.explain(0, n)
            seen.add("gravest probability" in told)
            assert told["it has to exceed"] > 0.0
            if np.isfinite(warnings["tca"][n]).any() and "gravest probability" in told:
                assert told["hours to it"] >= 0.0
    assert seen == {True, False}


def test_a_recording_holds_a_reason_for_every_change_of_mind(tmp_path):
    run("pair", policy="deadline_greedy", hours=1, out=tmp_path / "run", progress=False)
    recording = Recording.load(tmp_path / "run" / "recording")
    events = recording.events[recording.events.kind == "reason"]
    actions = recording["action"]
    changes = np.ones_like(actions, bool)
    changes[1:] = actions[1:] != actions[:-1]
    assert len(events) == changes.sum()
    for time, n, _, _, _, text in events.rows():
        said = json.loads(text)
        k = int(np.searchsorted(recording["time"], time + 1e-6)) - 1
        assert said["decision"] == recording.meta["action_names"][actions[k, n]]
        assert "battery to spare, %" in said["because"]


def test_odds_are_of_the_likelier_decisions():
    assert odds_of(np.array([0.001, 0.7, 0.299]), ("a", "b", "c")) == {"b": 0.7, "c": 0.299}
