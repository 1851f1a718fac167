"""Where a policy learns may be otherwise than where it is judged: what is rare there is frequent here."""

import json

import pytest

from agents.network import read_weights
from envs.blocks.terms import Loss, Service
from experiments.running.cli import main, script_parser
from experiments.tiers import PROBLEMS
from experiments.training.recipes import recipe
from experiments.training.session import Task
from experiments.training.train_options import fill
from sandbox.scenario import load_scenario

SMALL = ("--hours", "0.5", "--steps", "240", "--worlds", "2", "--evaluate-worlds", "1", "--hidden", "8",
         "--clone", "none", "--track", "none", "--quiet")  # fmt: skip


def test_only_the_worlds_that_are_learned_in_are_changed():
    task = Task(
        "avoidance_v0",
        (load_scenario("crossing_12_tight"),),
        1.0,
        1,
        1,
        options={"service": 2.0},
        practice={"encounters.hit_share": 0.5},
        practice_options={"loss_penalty": 1.0},
    )
    practised, judged = task.envs(1)[0], task.judge_env()
    told = [
        (env.problem.mission.encounters.hit_share, env.problem.price(Loss)) for env in (practised, judged)
    ]
    assert told == [(0.5, 1.0), (0.004, 100.0)]
    assert practised.problem.price(Service) == judged.problem.price(Service) == 2.0


def test_it_is_part_of_what_a_training_is(tmp_path, capsys):
    words = ["train", "--problem", "avoidance_v0", "--scenario", "crossing_12_tight", *SMALL]
    words += ["--out", str(tmp_path / "t")]
    more = ["--practice", "encounters.hit_share=0.5", "--practice-option", "loss_penalty=1"]
    assert main([*words, *more]) == 0
    told = json.loads((tmp_path / "t" / "training.json").read_text())["arguments"]
    assert told["practice"] == ["encounters.hit_share=0.5"]
    assert main(words) == 2
    assert "practice" in capsys.readouterr().err


def test_a_training_without_says_nothing_of_it(tmp_path):
    words = ["train", "--problem", "avoidance_v0", "--scenario", "crossing_12_tight", *SMALL]
    assert main([*words, "--out", str(tmp_path / "t")]) == 0
    told = json.loads((tmp_path / "t" / "training.json").read_text())["arguments"]
    assert not [name for name in told if name.startswith("practice")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--practice", "encounters.hit_shar=0.5"], "hit_shar"),
        (["--practice", "encounters.hit_share"], "--practice encounters.hit_share: give"),
        (["--practice-option", "los_penalty=1"], "Unknown option of avoidance_v0 'los_penalty'"),
        (["--practice-option", "warned=5"], "other features"),
        (["--practice-option", "risk_price=nan"], "price of risk = 'nan'; give a finite number"),
        (["--practice-option", "loss_penalty=abc"], "price of loss = 'abc'; give a finite number"),
        (["--practice-option", "risk_price=-1"], "price of risk = -1; give at least 0"),
        (["--option", "loss_penalty=abc"], "price of loss = 'abc'; give a finite number"),
        (["--practice", "encounters.large_m_s=0.01"], "small_m_s"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, told, tmp_path, capsys):
    base = ["train", "--problem", "avoidance_v0", "--scenario", "crossing_12_tight", *SMALL]
    assert main([*base, "--out", str(tmp_path / "t"), *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert not (tmp_path / "t").exists()
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("mode", ["argmax", "sample"])
def test_a_policy_plays_as_it_is_told_to(mode, tmp_path):
    words = ["train", "--scenario", "pair", *SMALL, "--mode", mode, "--out", str(tmp_path / "t")]
    assert main(words) == 0
    assert read_weights(tmp_path / "t" / "policy.npz").mode == mode
    records = json.loads((tmp_path / "t" / "training.json").read_text())["evaluations"]
    assert all(record["score"] == record[f"score_{mode}"] for record in records)


def test_a_critic_of_the_state_takes_one_fleet():
    told = script_parser("train").parse_args(["--tier", "tight", "--algorithm", "mappo"])
    fill(told, "tasking_v0")
    usual = recipe("tasking_v0", "tight")
    assert (told.draws, told.worlds) == (0, usual["worlds"] * (1 + usual["draws"]))


def test_practice_of_a_recipe_can_be_left_out():
    words = ["--tier", "tight", "--practice", "none", "--practice-option", "none"]
    told = script_parser("train").parse_args(words)
    fill(told, "avoidance_v0")
    assert (told.practice, told.practice_option) == ([], [])


def test_recipes_name_what_there_is():
    for problem, tiers in PROBLEMS.items():
        for tier, scenario in tiers.items():
            found = recipe(problem, tier)
            pairs = dict(pair.split("=") for pair in found["practice"])
            load_scenario(scenario, {name: float(value) for name, value in pairs.items()})
