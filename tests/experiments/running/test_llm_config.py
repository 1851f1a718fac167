"""Runs in which thought is charged: their metrics, table, recording, and what the terminal shows."""

import json

import numpy as np
import pandas as pd
import pytest

from agents.qwen.decisions import Decision, Engine
from experiments.running.compare import compare
from experiments.running.llm_config import Mind
from experiments.running.metrics import THOUGHT_METRICS
from experiments.running.run import run
from sandbox.errors import SandboxError
from sandbox.recording import Recording

ROUNDS = 60


class Wordy(Engine):
    """Thinks aloud, takes the first legal action or, every third time, says what cannot be read."""

    name = "Qwen3-8B"

    def __init__(self):
        self.count = 0

    def decide(self, requests):
        return [self._one(request) for request in requests]

    def _one(self, request):
        self.count += 1
        lost = self.count % 3 == 0
        chances = request.mask / request.mask.sum()
        return Decision(
            0, 420, 30, "unreadable" if lost else "stop", chances, "A", "the battery is full", fell_back=lost
        )


@pytest.fixture(scope="module")
def wordy(tmp_path_factory):
    """Half an hour of the pair with that mind, two satellites' thoughts recorded."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Mind, "_engine", lambda self: Wordy())
    folder = tmp_path_factory.mktemp("results") / "wordy"
    content = run("pair", policy="qwen", hours=0.5, out=folder, progress=False, minds_recorded=2)
    patch.undo()
    return content, folder


def test_metrics_of_thought(wordy):
    content, _ = wordy
    assert THOUGHT_METRICS.keys() <= content.keys()
    assert content["decisions"] == 2 * ROUNDS
    assert content["fallbacks"] == 2 * ROUNDS // 3
    assert content["prompt_tokens"] == 420
    assert content["output_tokens"] == 30
    assert content["thought_j"] == pytest.approx(200.0 * content["thought_s"], rel=1e-5)
    spent = content["decisions"] * content["thought_j"] / 3.6e6
    assert content["thought_share"] == pytest.approx(spent / content["energy_kwh"], rel=1e-5)
    assert content["arguments"]["onboard"] == ["2 x Qwen3-8B int4 on scs01"]


def test_the_table_of_rounds_has_them_too(wordy):
    content, folder = wordy
    table = pd.read_parquet(folder / "rounds.parquet")
    assert table["thought_j"].sum() == pytest.approx(content["thought_j"] * content["decisions"], rel=1e-5)


def test_the_recording_shows_what_was_read_and_answered(wordy):
    content, folder = wordy
    recording = Recording.load(folder / "recording")
    assert recording["thought_j"].mean() == pytest.approx(content["thought_j"], rel=1e-5)
    assert (recording["output_tokens"] == 30).all()
    assert np.isfinite(recording["probability"]).all()
    thoughts = recording.events[recording.events.kind == "thought"]
    assert len(thoughts) == 2 * ROUNDS
    assert set(thoughts.satellite) == {0, 1}
    said = json.loads(str(thoughts.text[0]))
    assert said["report"].startswith("Power and heat: battery at")
    assert (said["answer"], said["reasoning"], said["decision"]) == ("A", "the battery is full", "idle")


def test_any_policy_can_be_charged(tmp_path, capsys):
    mind = Mind(charge=(500, 100), charge_model="Qwen3-1.7B")
    content = run("pair", hours=0.5, out=tmp_path / "r", record=False, mind=mind)
    assert content["prompt_tokens"] == 500
    assert content["arguments"]["mind"] == {"charge": [500, 100], "charge_model": "Qwen3-1.7B"}
    shown = capsys.readouterr().out
    assert "thought_share" in shown
    plain = run("pair", hours=0.5, out=tmp_path / "p", record=False, progress=False)
    assert not THOUGHT_METRICS.keys() & plain.keys()


def test_rounds_without_a_decision_are_rows_without_an_action(tmp_path):
    content = run(
        "pair", hours=0.5, out=tmp_path / "r", record=False, progress=False, mind=Mind(charge=(500, 7_500))
    )
    assert content["share_thinking"] > 0.5
    table = pd.read_parquet(tmp_path / "r" / "rounds.parquet")
    assert table["action"].isna().sum() == 2 * ROUNDS - content["decisions"]


def test_one_decision_and_its_price_are_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Mind, "_engine", lambda self: Wordy())
    run("pair", policy="qwen", hours=0.25, out=tmp_path / "r", record=False)
    shown = capsys.readouterr().out
    assert shown.startswith("Pair 1  2026-")
    assert "Thinks: the battery is full" in shown
    assert "Decides: idle" in shown
    assert "of the satellite's own (420 tokens read, 30 written;" in shown


def test_minds_and_others_side_by_side(monkeypatch, capsys):
    monkeypatch.setattr(Mind, "_engine", lambda self: Wordy())
    episodes = compare(["greedy", "qwen"], "pair", hours=0.5, seeds=2)
    shown = capsys.readouterr().out
    assert "thought_share" in shown
    assert episodes["greedy"][0]["decisions"] == 0
    assert episodes["qwen"][0]["decisions"] == 2 * ROUNDS


@pytest.mark.parametrize(
    ("options", "policy", "words"),
    [
        ({"charge_model": "Qwen3-8B"}, "greedy", "without charge"),
        ({"engine": {"model": "x"}}, "greedy", "Policy 'greedy' has no mind to set"),
        ({"fallback": "gredy"}, "qwen", "Unknown policy 'gredy'; did you mean greedy"),
        ({"charge": (500, 1), "charge_model": "Qwen3-9B"}, "greedy", "Unknown model 'Qwen3-9B'"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, monkeypatch, options, policy, words):
    monkeypatch.setattr(Mind, "_engine", lambda self: Wordy())
    with pytest.raises(SandboxError, match=words):
        run("pair", policy=policy, hours=0.1, out=tmp_path / "r", progress=False, mind=Mind(**options))
    assert not list(tmp_path.iterdir())
