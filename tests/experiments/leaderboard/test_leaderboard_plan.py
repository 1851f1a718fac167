"""What is played on which seeds, and what of it the command line picks."""

from argparse import Namespace
from shlex import split

import numpy as np
import pytest

from agents.qwen.nano import NanoEngine
from experiments.leaderboard.benchmark import default_folder
from experiments.leaderboard.plan import Asked, make_plan
from experiments.leaderboard.suite import FIRST_SEED, HELD_OUT, KNOWN, LAST_SEED, OWN, SUITES, make_task
from experiments.running.cli import _asked, _parser
from experiments.training.splits import DRAWS, FIRST_TRAINING_SEED
from sandbox.errors import SandboxError
from sandbox.fleet import make_fleet

SCALE = {"yardstick": "deadline_greedy"}


def plan(**asked):
    return make_plan(Asked(**{"problems": ["tasking_v0"]} | SCALE | asked))


@pytest.mark.parametrize("suite", SUITES)
def test_every_case_can_be_played(suite):
    for case in SUITES[suite].cases:
        task = make_task(case)
        assert task.case == case  # whole rounds
        assert len(make_fleet(task.scenario)) > 1
        assert case.split in (KNOWN, HELD_OUT)


def test_no_seed_is_one_of_training():
    assert FIRST_SEED + max(suite.seeds for suite in SUITES.values()) <= LAST_SEED < FIRST_TRAINING_SEED
    with pytest.raises(SandboxError, match=r"reach into those of training; end by 999999"):
        Asked(seed=999_999, seeds=2)


def test_constellations_held_out_are_not_drawn_for_training():
    """No training scenario has as many satellites, as high and as inclined, as one held out of tasking."""
    held_out = [c for c in SUITES["full"].cases if c.split == HELD_OUT and c.problem == "tasking_v0"]
    shells = [make_task(case).scenario.fleet[0].walker for case in held_out]
    rng = np.random.default_rng(FIRST_TRAINING_SEED)
    trained = [group.walker for _ in range(200) for group in DRAWS["tasking_v0"](rng).fleet if group.walker]
    assert len(trained) > 50
    for shell in shells:
        alike = [t for t in trained if t.total == shell.total]
        assert all(abs(t.inclination_deg - shell.inclination_deg) > 2.0 for t in alike)


def test_every_shipped_policy_plays_and_minds_that_cannot_are_named(monkeypatch):
    monkeypatch.setattr(NanoEngine, "problems", ("tasking_v0",))
    both = plan(problems=["offloading_v0"], yardstick="greedy")
    assert {"random", "idle", "greedy", "local", "ground", "least_loaded"} <= set(
        both.policies["offloading_v0"]
    )
    assert both.absent == {"offloading_v0": ("qwen",)}
    assert "qwen" in plan().policies["tasking_v0"]


def test_a_shipped_network_plays_where_it_was_trained_for_the_tier(tmp_path):
    told = {"problems": ["offloading_v0"], "yardstick": "greedy"}
    assert plan(**told, scenarios=["relay_40_tight"]).policies["offloading_v0"][-1] == "trained"
    assert "trained" not in plan(**told, scenarios=["relay_40_tight"], only=True).policies["offloading_v0"]
    own = tmp_path / "mine.yaml"
    own.write_text("extends: relay_40_tight\nname: mine_tight\n")
    assert "trained" not in plan(**told, scenarios=[str(own)]).policies["offloading_v0"]


def test_a_policy_is_added_or_with_only_plays_beside_the_scale():
    assert set(plan().policies["tasking_v0"]) < set(
        plan(policies=["agents.tasking:Greedy"]).policies["tasking_v0"]
    )
    alone = plan(policies=["random"], only=True, against=["greedy"])
    assert alone.policies == {"tasking_v0": ("idle", "deadline_greedy", "greedy", "random")}
    assert alone.heuristics("tasking_v0") == ["greedy"]


def test_the_heuristics_are_neither_the_scale_nor_chance_nor_minds():
    assert plan().heuristics("tasking_v0") == ["greedy", "cbba", "equinox", "phoenix"]


def test_parts_of_a_suite_are_picked():
    assert [task.case.scenario for task in plan().tasks] == ["scs01", "walker_24"]
    assert [task.case.scenario for task in plan(split=HELD_OUT).tasks] == ["walker_24"]
    assert [task.case.hours for task in plan(scenarios=["scs01"], hours=0.5).tasks] == [0.5]
    other = plan(scenarios=["star_18_86"]).tasks[0]
    assert (other.case.split, other.scenario.name) == (HELD_OUT, "star_18_86")


def test_a_scenario_of_ones_own(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nextends: pair\nhorizon_h: 1\n")
    task = plan(scenarios=[str(file)]).tasks[0]
    assert (task.case.split, task.case.hours, task.scenario.name) == (OWN, 1.0, "mine")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"suite": "smal"}, "Unknown suite 'smal'; did you mean small"),
        ({"problems": ["tasking_v9"]}, "Unknown decision problem 'tasking_v9'; did you mean tasking_v0"),
        ({"scenarios": ["scs1"]}, "Unknown scenario 'scs1'; did you mean scs01"),
        ({"problems": [], "scenarios": ["pair"]}, "does not play 'pair'; name its --problem"),
        ({"split": OWN}, "has nothing for tasking_v0, own"),
        ({"seeds": 0}, "seeds = 0 from seed = 910000; give at least 1"),
        ({"policies": ["greedily"]}, "Unknown policy 'greedily'; did you mean greedy"),
        ({"yardstick": "threshold"}, "'threshold' is not made for tasking_v0, whose scale"),
        ({"hours": 1e-4}, "give at least one round"),
    ],
)
def test_what_there_is_not_is_named(asked, told):
    with pytest.raises(SandboxError, match=told):
        plan(**asked)


def test_a_command_asks_for_what_it_stands_for():
    """The words of a row, read by the command line, plan the row's tasks under its policy and no others."""
    whole = plan(policies=["random"], seeds=3)
    for tasks in ([whole.tasks[0]], whole.tasks):
        words = split(whole.command(tasks, "random", "greedy"))
        assert words[:4] == ["python", "-m", "experiments", "benchmark"]
        told = _parser().parse_args(words[3:])
        assert isinstance(told, Namespace)
        again = make_plan(_asked(told))
        assert (again.tasks, again.seeds) == (tuple(tasks), whole.seeds)
        assert set(again.policies["tasking_v0"]) == {"idle", "deadline_greedy", "greedy", "random"}


def test_the_default_folder_is_that_of_the_suite_and_of_what_is_picked():
    assert default_folder(Asked(policies=["a:B"])).name == "benchmark-small"
    picked = Asked(problems=["tasking_v0"], scenarios=["scs01"], policies=["a:B"], only=True, hours=2.0)
    assert default_folder(picked).name == "benchmark-small-tasking_v0-scs01-2h-a_B"
