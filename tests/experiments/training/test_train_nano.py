"""Lessons are what was seen and decided; training learns them; the blank model is smooth."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("transformers", reason="training needs transformers")

import torch

from agents.qwen.dense import IDS, ROOT, TOKENS
from agents.qwen.nano import NanoEngine, load_model
from experiments.running.cli import main, script_parser
from experiments.tiers import SCARCE, TIERS, tier_scenario
from experiments.training import nano_lessons
from experiments.training.nano_blank import blank_model
from experiments.training.nano_lessons import AS_SHIPPED, Certain, Lessons, collect, lesson_scenario, nobody
from experiments.training.splits import JUDGED
from experiments.training.teachers import TEACHERS
from experiments.training.train_nano import (
    TRIED_PART,
    Trainer,
    _parts,
    action_logits,
    batches,
    loss_of,
    save,
)


@pytest.fixture(scope="module")
def lessons():
    """A few of every problem."""
    few = pytest.MonkeyPatch()
    few.setattr(nano_lessons, "EPISODES", 1)
    few.setattr(nano_lessons, "WORLDS", 1)
    few.setattr(nano_lessons, "TAUGHT", dict.fromkeys(TEACHERS, (1.0, 1.0)))
    try:
        return Lessons.joined([some_lessons(problem, 100, seed=4) for problem in TEACHERS])
    finally:
        few.undo()


def some_lessons(problem, wanted, seed):
    rng = np.random.default_rng(seed)
    return collect(problem, wanted, rng, lambda env: Certain(TEACHERS[problem](env)), nobody)


def test_there_is_a_teacher_of_every_problem_that_is_judged():
    assert set(TEACHERS) == set(JUDGED) == set(nano_lessons.EVENTFUL) == set(NanoEngine.problems)


def test_lessons_are_legal_and_whole(lessons):
    assert len(lessons) >= 400
    assert (lessons.chances.sum(axis=1) == 1.0).all()
    assert (lessons.chances[lessons.mask == 0] == 0.0).all()
    for ids, length in zip(lessons.ids, lessons.lengths, strict=True):
        assert TOKENS[ids[-1]] == "<decide>"
        assert (ids[: len(ids) - length] == 0).all()
        assert ids[len(ids) - length] != 0


def test_same_seed_same_lessons(monkeypatch):
    monkeypatch.setattr(nano_lessons, "EPISODES", 1)
    monkeypatch.setattr(nano_lessons, "WORLDS", 1)
    monkeypatch.setattr(nano_lessons, "TAUGHT", {"offloading_v0": (0.2, 0.3)})
    first, again, other = (some_lessons("offloading_v0", 60, seed) for seed in (1, 1, 2))
    assert len(first) == len(again)
    assert all((a == b).all() for a, b in zip(vars(first).values(), vars(again).values(), strict=True))
    assert first.ids.shape != other.ids.shape or (first.ids != other.ids).any()


def test_lessons_are_asked_for_by_problem(tmp_path, capsys):
    told = script_parser("train_nano").parse_args(
        ["--out", str(tmp_path), "--lessons", "avoidance_v0=5,6", "tasking_v0=7,0"]
    )
    assert dict(told.lessons) == {"avoidance_v0": (5, 6), "tasking_v0": (7, 0)}
    assert dict(script_parser("train_nano").parse_args(["--out", "x"]).lessons).keys() == TEACHERS.keys()
    for wrong in ("flying_v0=5,6", "tasking_v0=5"):
        with pytest.raises(SystemExit):
            script_parser("train_nano").parse_args(["--out", "x", "--lessons", wrong])


@pytest.mark.parametrize("weights", [None, {}])
def test_parts_are_of_every_tier_and_the_same_each_time(weights):
    told = script_parser("train_nano").parse_args(["--out", "x", "--lessons", "avoidance_v0=9000,3600"])
    told.lessons = dict(told.lessons)
    first, again = (list(_parts(told, np.random.default_rng(3), weights)) for _ in range(2))
    assert [part.number for part in first] == list(range(len(first)))
    for tier in TIERS:
        mine = [part for part in first if part.tier == tier]
        assert sum(part.wanted for part in mine) == (3000 if weights is None else 1200)
        assert len(mine) == (1 if weights is None else -(-1200 // TRIED_PART))
    drawn = [[part.rng.random() for part in parts] for parts in (first, again)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == len(first)


def test_lessons_are_given_in_scenarios_of_the_tier_and_in_itself():
    base, rng = tier_scenario("tasking_v0", SCARCE), np.random.default_rng(0)
    drawn = [lesson_scenario("tasking_v0", rng, (4.0, 5.0), SCARCE) for _ in range(60)]
    assert all(s.name.startswith("training_") and s.name.endswith(SCARCE) for s in drawn)
    assert all(4.0 <= s.horizon_h <= 5.0 and s.safe_mode == base.safe_mode for s in drawn)
    itself = [
        s for s in drawn if (s.fleet, s.requests, s.stations) == (base.fleet, base.requests, base.stations)
    ]
    assert abs(len(itself) / len(drawn) - AS_SHIPPED) < 0.2


def test_batches_are_of_one_length_and_leave_nothing_out(lessons):
    found = list(batches(lessons, 16, np.random.default_rng(0)))
    assert all(len(set(batch.lengths)) == 1 and len(batch) <= 16 for batch in found)
    assert sum(map(len, found)) == len(lessons)


def test_training_learns_its_lessons_and_is_saved(lessons, tmp_path):
    torch.set_num_threads(1)
    model = blank_model(seed=0)
    trainer = Trainer(model, rate=3e-3, steps=400)
    rng = np.random.default_rng(0)
    batch = max(batches(lessons, 64, rng), key=len)
    before, _ = loss_of(model, batch)
    for _ in range(60):
        trainer.learn(batch)
    after, agree = loss_of(model, batch)
    assert after < 0.5 * before
    assert agree > 0.8
    save(model, tmp_path)
    again = load_model(tmp_path)
    with torch.no_grad():
        logits, loaded = action_logits(model, batch), action_logits(again, batch)
    legal = torch.from_numpy(batch.mask == 1)
    torch.testing.assert_close(logits[legal], loaded[legal], atol=0.3, rtol=0.05)
    assert torch.isinf(logits[~legal]).all()


def test_neighbouring_buckets_begin_alike():
    table = blank_model(seed=0).get_input_embeddings().weight.detach()
    rows = table[IDS["<request_window:00>"] :][: ROOT.buckets]
    steps = (rows[1:] - rows[:-1]).norm(dim=1)
    assert steps.max() < 0.5 * (rows[0] - rows[-1]).norm()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--lessons", "avoidance_v0=60,0"], "avoidance_v0=60,0: give at least 1"),
        (["--lessons", "avoidance_v0=0,0", "--rounds", "0"], "avoidance_v0=0,0: give at least 1"),
        (["--lessons", "avoidance_v0=5,5", "avoidance_v0=9,9"], "--lessons names avoidance_v0 twice"),
        (["--device", "cuda:99"], "torch cannot compute there"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(words, told, tmp_path, capsys):
    assert main(["train_nano", "--out", str(tmp_path / "m"), *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_lessons_are_read_or_refused(tmp_path, capsys):
    for wrong in ("nope_v0=5,5", "avoidance_v0=5", "avoidance_v0=a,b"):
        with pytest.raises(SystemExit):
            main(["train_nano", "--out", str(tmp_path / "m"), "--lessons", wrong])
        assert "is not PROBLEM=TAUGHT,TRIED" in capsys.readouterr().err
