"""What the scripts for other trainers share: how long, on which seeds, and what is left of it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from agents import make_policy
from experiments.running.cli import main, script_parser
from experiments.training.trial import Trial, masked_argmax
from sandbox.errors import SandboxError

SHORT = ("--hours", "0.2", "--worlds", "2", "--evaluate-worlds", "2")


def told(folder, *more):
    return script_parser("train_sb3").parse_args([*SHORT, "--out", str(folder), *more])


def first_legal(observation, mask):
    return mask.argmax(-1)


def play(trial, act=first_legal):
    steps, going = 0, True
    while going:
        steps += trial.iteration
        going = trial.watch(steps, act)
    return steps


@pytest.mark.parametrize(("evaluations", "wanted"), [("1", [4]), ("2", [2, 4]), ("4", [1, 2, 3, 4])])
def test_it_is_judged_evenly_and_at_the_end(tmp_path, evaluations, wanted):
    options = told(tmp_path / "o", "--iterations", "4", "--evaluations", evaluations)
    with Trial(options, "numpy", "sb3") as trial:
        assert trial.iteration == 64 * 2 * 2
        assert play(trial) == trial.steps == 1024
    rows = list(csv.DictReader((tmp_path / "o" / "learning_curve.csv").open()))
    assert [int(row["steps"]) for row in rows] == [256 * iteration for iteration in wanted]
    assert (tmp_path / "o" / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((tmp_path / "o" / "training.json").read_text())
    assert {"random", "greedy", "deadline_greedy"} <= record["references"].keys()
    assert [row["score"] for row in record["records"]] == [float(row["score"]) for row in rows]


def test_what_act_decides_is_what_is_judged(tmp_path, capsys):
    """A copy of greedy earns what greedy does, on the same seeds."""
    with Trial(told(tmp_path / "o", "--iterations", "1", "--hours", "2"), "numpy", "sb3") as trial:
        greedy = make_policy("greedy", trial.judge_env)
        play(trial, lambda observation, mask: greedy.decide(observation, mask.astype(np.int8)))
    assert trial.records[-1]["score"] == pytest.approx(trial.levels["greedy"])
    assert trial.levels["greedy"] > trial.levels["random"]
    last, earned = capsys.readouterr().out.splitlines()[-1], f"{trial.levels['greedy']:,.1f}"
    assert last.startswith(f"Return on 2 held-out seeds: numpy {np.__version__} {earned}, random ")
    assert f", greedy {earned}" in last


@pytest.mark.parametrize(("levels", "scale"), [((-2.0, -20.0), 0.05), ((1.0, 40.0), 0.025)])
def test_values_are_about_one_whatever_the_sign_of_what_is_earned(tmp_path, monkeypatch, levels, scale):
    told_of = dict(zip(("random", "greedy"), levels, strict=True))
    monkeypatch.setattr("experiments.training.trial.references", lambda *_, **__: told_of)
    with Trial(told(tmp_path / "o", "--iterations", "1"), "numpy", "sb3") as trial:
        assert trial.scale == pytest.approx(scale * trial.satellites * 24 / 100)
        play(trial)


def test_a_trial_that_breaks_off_leaves_no_curve_and_its_folder_can_be_used_again(tmp_path):
    with pytest.raises(ZeroDivisionError), Trial(told(tmp_path / "o"), "numpy", "sb3"):
        raise ZeroDivisionError
    assert not (tmp_path / "o" / "learning_curve.csv").exists()
    with Trial(told(tmp_path / "o", "--iterations", "1"), "numpy", "sb3") as trial:
        play(trial)
    assert (tmp_path / "o" / "learning_curve.csv").exists()


def test_what_is_not_a_trial_stays(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SandboxError, match="something other than a trial"):
        Trial(told(tmp_path), "numpy", "sb3")
    with pytest.raises(SandboxError, match="something other than a trial"):
        Trial(told(tmp_path / "mine"), "numpy", "sb3")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["worlds", "steps", "iterations", "evaluations", "evaluate_worlds"])
@pytest.mark.parametrize("value", ["0", "-1"])
def test_counts_are_whole_and_positive(tmp_path, name, value):
    with pytest.raises(SandboxError, match=rf"^{name} = {value}; give a whole number"):
        Trial(told(tmp_path / "o", f"--{name.replace('_', '-')}", value), "numpy", "sb3")


def test_a_trainer_that_is_not_there_is_named_with_its_extra(tmp_path, capsys, monkeypatch):
    from importlib.metadata import PackageNotFoundError

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("experiments.training.trial.version", missing)
    for name, extra in (("skrl", "skrl"), ("sb3", "sb3"), ("torchrl", "torchrl"), ("tianshou", "tianshou"),
                        ("agilerl", "agilerl"), ("benchmarl", "benchmarl"), ("rllib", "rllib")):  # fmt: skip
        assert main([f"train_{name}", *SHORT, "--out", str(tmp_path / "o")]) == 2
        message = capsys.readouterr().err
        assert f"-e '.[{extra}]'" in message
        constraints = message.partition("-c ")[2].split()[0]
        assert (Path(__file__).parents[3] / constraints).is_file()
    assert not (tmp_path / "o").exists()


def test_the_likeliest_legal_action():
    import torch

    logits, mask = torch.tensor([[3.0, 2.0, 1.0], [0.0, -5.0, -9.0]]), np.array([[0, 1, 1], [0, 0, 1]], bool)
    assert masked_argmax(logits, mask).tolist() == [1, 2]


def test_a_trial_of_other_options_stays(tmp_path):
    with Trial(told(tmp_path / "o", "--iterations", "1"), "numpy", "sb3") as trial:
        play(trial)
    before = (tmp_path / "o" / "training.json").read_text()
    with pytest.raises(SandboxError, match="a trial of other options: --iterations was 1, not 2; name anoth"):
        Trial(told(tmp_path / "o", "--iterations", "2"), "numpy", "sb3")
    assert (tmp_path / "o" / "training.json").read_text() == before
    Trial(told(tmp_path / "o", "--iterations", "1"), "numpy", "sb3")
