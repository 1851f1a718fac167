"""The scripts for other people's trainers, a few iterations each, where these are installed."""

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from envs.batch import BatchEnv
from experiments.running.cli import main
from experiments.training.evaluation import FIRST_VALIDATION_SEED
from experiments.training.splits import FIRST_TRAINING_SEED

MODULES = {
    "torchrl": "torchrl",
    "sb3": "sb3_contrib",
    "benchmarl": "benchmarl",
    "rllib": "ray.rllib",
    "tianshou": "tianshou",
    "skrl": "skrl",
    "agilerl": "agilerl",
}
WITHOUT_MASKS = ("agilerl",)
SHORT = ["--hours=0.2", "--worlds=2", "--evaluate-worlds=2", "--iterations=2", "--evaluations=2"]


class Watched:
    """What was played: illegal actions, and the seed of the episode in every round."""

    def __init__(self):
        self.illegal, self.forbidden, self.seeds, self._seed = 0, 0, set(), {}

    def reset(self, env, seed):
        if seed is not None:
            self._seed[id(env)] = int(np.min(seed))

    def step(self, env, actions):
        legal = np.take_along_axis(env.legal(), np.asarray(actions).astype(int)[..., None], -1)
        self.illegal += int((legal == 0).sum())
        self.forbidden += int((env.legal() == 0).sum())
        self.seeds.add(self._seed.get(id(env)))


@pytest.fixture
def watched(monkeypatch):
    found, reset, step = Watched(), BatchEnv.reset, BatchEnv.step

    def watched_reset(env, seed=None, worlds=None, out=None):
        found.reset(env, seed)
        return reset(env, seed, worlds, out)

    def watched_step(env, actions, **more):
        found.step(env, actions)
        return step(env, actions, **more)

    monkeypatch.setattr(BatchEnv, "reset", watched_reset)
    monkeypatch.setattr(BatchEnv, "step", watched_step)
    return found


@pytest.fixture
def short_paths(monkeypatch):
    """A folder of temporary files with a short name, which Ray's sockets need."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield folder


def start(name, folder, *more):
    pytest.importorskip(MODULES[name], reason=f"{name} is not installed; docs/train.md says how")
    if name == "rllib":
        pytest.importorskip("tree", reason="RLlib is not installed; docs/train.md says how")
    return main([f"train_{name}", *SHORT, "--out", str(folder), *more])


@pytest.mark.filterwarnings("ignore")  # the trainers' own
@pytest.mark.parametrize(
    ("name", "more"),
    [*((name, ()) for name in MODULES), *(("benchmarl", ("--algorithm", name)) for name in ("ippo", "qmix"))],
)
def test_it_learns_by_the_rules_and_leaves_a_curve(tmp_path, capsys, watched, short_paths, name, more):
    assert start(name, tmp_path / "o", *more) == 0
    rows = list(csv.DictReader((tmp_path / "o" / "learning_curve.csv").open()))
    assert [int(row["steps"]) for row in rows] == [256, 512]
    assert (tmp_path / "o" / "learning_curve.png").is_file()
    assert "greedy" in json.loads((tmp_path / "o" / "training.json").read_text())["references"]
    last = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Return on 2 held-out")]
    assert len(last) == 1
    assert ", random " in last[0]
    assert ", greedy " in last[0]
    assert watched.forbidden
    assert (watched.illegal == 0) == (name not in WITHOUT_MASKS)
    assert {FIRST_VALIDATION_SEED} < watched.seeds
    assert all(seed >= FIRST_TRAINING_SEED for seed in watched.seeds - {FIRST_VALIDATION_SEED})
    assert not list(Path(short_paths).glob("SB3-*"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_rllib_plays_in_processes_of_its_own(tmp_path, short_paths):
    assert start("rllib", tmp_path / "o", "--workers", "1") == 0


@pytest.mark.filterwarnings("ignore")
def test_rllib_names_a_cluster_that_does_not_answer(tmp_path, short_paths, capsys):
    assert start("rllib", tmp_path / "o", "--address", "127.0.0.1:1") == 2
    assert "No Ray cluster answers at --address 127.0.0.1:1" in capsys.readouterr().err
