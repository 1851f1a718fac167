"""Options of a problem on the command line: a PPO learns when to ask its planner."""

import json

import pytest

from envs import make
from envs.blocks.consult import ACTIONS
from envs.episodes import checked_options, left_out
from experiments.running.cli import changes_in, main
from experiments.training.session import Task
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


def test_a_task_hands_them_to_all_its_environments():
    task = Task("tasking_v0", (load_scenario("pair"),), 0.25, 1, 1, options={"consult": True})
    for env in (*task.envs(1), task.judge_env()):
        assert set(ACTIONS) <= set(env.actions)


def test_a_training_with_them_ends_in_a_policy_that_has_them(tmp_path, capsys):
    words = [
        "--scenario",
        "pair",
        "--hours",
        "0.25",
        "--steps",
        "240",
        "--worlds",
        "2",
        "--evaluate-worlds",
        "1",
    ]
    words += ["--clone", "none", "--hidden", "8", "--track", "none", "--option", "consult=true"]
    assert main(["train", *words, "--out", str(tmp_path / "t")]) == 0
    told = capsys.readouterr().out
    assert "--option consult=true" in told
    again = ["--scenario", "pair", "--hours", "0.1", "--seeds", "1", "--option", "consult=true", "--policy"]
    records = tmp_path / "c.json"
    assert main(["compare", *again, str(tmp_path / "t"), "greedy", "--json", str(records)]) == 0
    assert json.loads(records.read_text())[0]["options"] == {"consult": True}


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("consult", "--option consult: give NAME=VALUE"),
        ("consult=[", "--option consult=\\[: it is not YAML"),
    ],
)
def test_what_is_no_option_is_one_sentence(pair, words):
    with pytest.raises(SandboxError, match=words):
        changes_in([pair], "--option")


def test_an_unknown_one_is_one_sentence():
    assert checked_options("tasking_v0", {"consult": True}) == {"consult": True}
    with pytest.raises(SandboxError, match="Unknown option of tasking_v0 'consul'; did you mean"):
        checked_options("tasking_v0", {"consul": True})
    with pytest.raises(SandboxError, match="'scenario'"):
        checked_options("tasking_v0", {"scenario": "pair"})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("directives", "^directives is an option of operations_v0, not of tasking_v0; leave it out"),
        ("candidates", "a command has its own --candidates"),
        ("questions", "robots=N has room for the questions of its robots"),
        ("difference_reward", "`train` has --difference for it"),
        ("max_cycles", "a command has --hours"),
    ],
)
def test_what_is_had_otherwise_is_explained(name, words):
    with pytest.raises(SandboxError, match=words):
        checked_options("tasking_v0", {name: 1})
    if name == "directives":
        with pytest.raises(SandboxError, match=words):
            make("tasking_v0", directives=1)


def test_what_a_problem_has_not_of_a_scenario_is_said():
    """`tasking_v0` has no part in which things break."""
    for problem, scenario, said in (
        ("tasking_v0", "disaster_response", True),
        ("tasking_v0", "pair", False),
        ("autonomy_v0", "disaster_response", False),
    ):
        env = make(problem, scenario, face="batch", max_cycles=1)
        assert ("nothing breaks: faults and silent stations" in left_out(env)) == said
