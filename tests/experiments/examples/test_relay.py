"""A decision problem from outside, in every face and every command: the example of the docs."""

import json
import re
import shlex
import subprocess
import sys
from functools import partial
from io import StringIO
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_single
from pettingzoo.test import api_test, parallel_api_test

import envs
from agents import Policy, make_policy, policy_class, policy_names
from agents.usual import usual_policies, usual_policy
from envs import language
from envs.episodes import known_as
from experiments.examples.relay import Relay, ShortestQueue
from experiments.leaderboard.benchmark import benchmark
from experiments.leaderboard.plan import Asked, make_plan
from experiments.running.chat import chat
from experiments.running.cli import main
from experiments.running.compare import compare
from experiments.running.run import run
from sandbox.errors import SandboxError

RELAY = "experiments.examples.relay:Relay"
SHORT = {"hours": 1 / 60, "env": RELAY}
PAGE = Path(__file__).resolve().parents[3] / "docs" / "your_own_problem.md"


@pytest.mark.parametrize("face", ["parallel", "aec", "raw", "batch", "single", "vector", "language"])
def test_every_face_is_made_by_path(face):
    env = envs.make(RELAY, face=face, max_cycles=2)
    assert env.reset(seed=0) is not None or env.agents
    env.close()


def test_it_passes_all_checks():
    envs.check_env(partial(envs.make, RELAY), partial(envs.make, RELAY, face="batch"), max_cycles=10)
    parallel_api_test(envs.make(RELAY, max_cycles=4), num_cycles=8)
    api_test(envs.make(RELAY, face="aec", max_cycles=2), num_cycles=50)
    check_single(envs.make(Relay, face="single", max_cycles=4), skip_render_check=True)
    assert isinstance(envs.make(Relay, face="vector", num_envs=2), gymnasium.vector.VectorEnv)


@pytest.mark.parametrize("problem", [RELAY, Relay])
def test_the_language_face_takes_paths_and_classes(problem):
    env = language.parallel_env(problem, max_cycles=2)
    reports, _ = env.reset(seed=0)
    assert "laser mesh" in env.system
    assert "keep: answer the job here" in env.system
    assert "\nA: keep\n" in f"{reports['sat_0']}\n"
    env.step(dict.fromkeys(env.agents, "keep"))


def test_the_page_says_how_it_is_made():
    import experiments.examples.relay as module

    assert f'envs.make("{RELAY}", scenario="relay_40")' in module.__doc__
    assert "gymnasium.make" not in module.__doc__
    assert "| neighbour_1 | pass the job to neighbour 1 |" in module.__doc__


def test_what_is_passed_arrives_next_door():
    env = envs.make(RELAY, face="batch", max_cycles=20, autoreset=False)
    env.reset(seed=1)
    handed = 0.0
    for _ in range(20):
        passes = env.legal()[..., 1:]
        actions = np.where(passes.any(axis=-1), 1 + passes.argmax(axis=-1), 0)
        *_, info = env.step(actions)
        terms = dict(zip(env.terms, info["terms"].sum(axis=(0, 1)), strict=True))
        assert terms["handed"] <= (actions > 0).sum()
        handed += terms["handed"]
    assert handed > 0


class Keeps(Policy):
    problems = ("relay_v0",)

    def decide(self, observation, mask):
        return np.zeros(mask.shape[:-1], int)


def test_its_policies_are_found_by_name():
    assert policy_class("shortest_queue", RELAY) is policy_class("shortest_queue", Relay) is ShortestQueue
    assert set(policy_names(RELAY)) == {"random", "idle", "qwen", "shortest_queue"}
    assert "shortest_queue" not in policy_names("tasking_v0")
    assert (usual_policy(RELAY), usual_policies(RELAY)[-1]) == ("shortest_queue", "shortest_queue")
    env = envs.make(RELAY, face="batch", max_cycles=1)
    with pytest.raises(SandboxError, match="give one of random, idle, qwen, shortest_queue"):
        make_policy("greedy", env)
    with pytest.raises(SandboxError, match="did you mean shortest_queue"):
        make_policy("shortest_que", env)
    with pytest.raises(SandboxError, match="made for relay_v0, not for tasking_v0"):
        make_policy("experiments.examples.relay:ShortestQueue", envs.make("tasking_v0", "pair", face="batch"))


def test_a_problem_may_bring_another_policy_of_a_shipped_name():
    class Other(Relay):
        policies = {"greedy": f"{__name__}:Keeps"}

    assert policy_class("greedy", Other).__name__ == "Keeps"
    assert policy_class("greedy", "tasking_v0") is policy_class("greedy")


@pytest.mark.parametrize("problem", ["envs.tasking_v0:Tasking", "tasking_v0"])
def test_a_registered_problem_keeps_its_name(problem):
    assert known_as(problem) == "tasking_v0"
    assert known_as(RELAY) == known_as(Relay) == RELAY


def test_run_leaves_results(tmp_path):
    content = run(**SHORT, out=tmp_path / "r", progress=False)
    assert content["arguments"]["env"] == RELAY
    assert (content["arguments"]["policy"], content["arguments"]["scenario"]) == (
        "shortest_queue",
        "relay_40",
    )
    assert content["jobs"] > 0
    assert (tmp_path / "r" / "timeline.png").exists()


def test_compare_plays_those_that_there_are():
    found = compare(**SHORT, seeds=2, progress=False)
    assert list(found) == ["random", "idle", "shortest_queue"]
    assert all(len(runs) == 2 for runs in found.values())


def test_a_benchmark_without_a_planner_tells_returns(tmp_path, capsys):
    asked = {"problems": [RELAY], "hours": 1 / 60, "seeds": 2, "only": True, "policies": ["shortest_queue"]}
    rows = benchmark(Asked(**asked), tmp_path / "b", processes=1)
    shown = {row.policy: row for row in rows}
    assert set(shown) == {"idle", "shortest_queue"}
    assert all(row.counted == 0 and np.isfinite(row.score) for row in rows)
    told = capsys.readouterr().err.splitlines()
    assert f"{RELAY} has no planner" in told[0]
    assert f"does not play {RELAY}" in told[1]
    assert f"{RELAY} has no planner" in (tmp_path / "b" / "table.md").read_text()
    again = benchmark(Asked(**asked), tmp_path / "b", processes=1, progress=False)
    assert str(again) == str(rows)


def test_another_yardstick_sets_the_scale():
    plan = make_plan(Asked(problems=[RELAY], yardstick="shortest_queue", hours=1.0))
    assert plan.scaled(RELAY)
    assert [task.case[:3] for task in plan.tasks] == [(RELAY, "relay_40", 1.0)]
    assert not any("no scale" in sentence for sentence in plan.lacking())
    with pytest.raises(SandboxError, match="'local' is not made for"):
        make_plan(Asked(problems=[RELAY], yardstick="local"))


def test_chat_by_the_problem_s_own_policy():
    screen, lines = StringIO(), iter(["", "keep", "q"])
    chat(env=RELAY, hours=0.1, ask=lambda _: next(lines), screen=screen)
    assert "It would: keep" in screen.getvalue()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("experiments.examples.relay:Missing", "cannot be loaded"),
        ("no.such.module:Relay", "cannot be loaded"),
        ("experiments.examples.relay:ShortestQueue", "not a subclass of envs.Problem"),
        ("relay_v0", "Unknown decision problem 'relay_v0'"),
    ],
)
@pytest.mark.parametrize(
    "command", [["run", "--env"], ["compare", "--env"], ["chat", "--env"], ["benchmark", "--problem"]]
)
def test_what_is_no_problem_is_one_line(command, path, sentence, capsys):
    assert main([*command, path]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert shown.err.count("\n") == 1


def blocks(language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def test_the_code_of_the_page_works(tmp_path):
    module = tmp_path / "my_problem.py"
    first, *others = blocks("python")
    module.write_text(first, encoding="utf-8")
    for code in others:
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for block in blocks("sh"):
        for line in block.splitlines():
            command = [sys.executable, *shlex.split(line.partition("#")[0])[1:]]
            how = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 300}
            done = subprocess.run(command, cwd=tmp_path, **how)
            assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results").glob("my_problem*")
    assert json.loads((folder / "metrics.json").read_text())["arguments"]["env"] == "my_problem:Hold"
