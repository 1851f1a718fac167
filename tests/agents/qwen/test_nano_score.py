"""The shipped weights are those that the model card's scores were measured with."""

import json
import re

import pytest

pytest.importorskip("torch", reason="the nano needs torch")
pytest.importorskip("transformers", reason="the nano needs transformers")

from agents.qwen.nano import FOLDER
from experiments.score_nano import quick_score
from experiments.splits import HELD_OUT

SCORES = json.loads((FOLDER / "scores.json").read_text(encoding="utf-8"))


def test_short_flights_come_to_what_the_card_says():
    found = quick_score()
    for name in ("greedy", "nano"):
        assert found[name] == pytest.approx(SCORES["quick"][name], rel=0.02)
    assert sum(found["nano"]) > sum(found["greedy"])


def test_scores_are_of_every_held_out_constellation():
    assert set(SCORES["scenarios"]) == set(HELD_OUT)
    for name, scenario in SCORES["scenarios"].items():
        ratio = scenario["summary"]["nano"]["over_greedy"]
        assert ratio["runs"] == len(SCORES["arguments"]["seeds"])
        if name != "scs01":
            assert ratio["low"] > 1.0, f"{name}, never seen in training: better than greedy, beyond doubt"


def test_card_tells_the_scores():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, scenario in SCORES["scenarios"].items():
        ratio = scenario["summary"]["nano"]["over_greedy"]
        told = rf"\| `{name}` .*{ratio['iqm']:.3f} \[{ratio['low']:.3f}, {ratio['high']:.3f}\]"
        assert re.search(told, card), name
