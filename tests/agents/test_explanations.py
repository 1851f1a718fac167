"""Policies say what decided, and recordings keep it."""

import json

import numpy as np
import pytest

from agents import make_policy
from envs import autonomy_v0, avoidance_v0, offloading_v0, tasking_v0
from experiments.running.callbacks import odds_of
from experiments.running.run import run
from sandbox.recording import Recording

MODULES = {m.__name__.rpartition(".")[2]: m for m in (tasking_v0, offloading_v0, avoidance_v0, autonomy_v0)}


@pytest.mark.parametrize(
    ("problem", "name"),
    [
        ("tasking_v0", "greedy"),
        ("tasking_v0", "deadline_greedy"),
        ("offloading_v0", "least_loaded"),
        ("offloading_v0", "phoenix"),
        ("autonomy_v0", "deadline_greedy"),
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
