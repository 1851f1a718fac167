"""The shipped weights are those that the model card's scores were measured with."""

import json

import pytest

pytest.importorskip("torch", reason="the nano needs torch")
pytest.importorskip("transformers", reason="the nano needs transformers")

from agents.qwen.nano import FOLDER, NanoEngine
from experiments.training.score_nano import NANO, TEACHER, behind, quick_score, table
from experiments.training.splits import JUDGED, RIVALS

SCORES = json.loads((FOLDER / "scores.json").read_text(encoding="utf-8"))
CARD = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("problem", NanoEngine.problems)
def test_short_flights_come_to_what_the_card_says(problem):
    found = quick_score(problem)
    assert set(found) == {RIVALS[problem][0], NANO}
    for name, rewards in found.items():
        assert rewards == pytest.approx(SCORES["quick"][problem][name], rel=0.02)


def test_scores_are_of_all_that_is_judged_and_of_every_rival():
    assert set(SCORES["problems"]) == set(JUDGED) == set(NanoEngine.problems)
    for problem, scenarios in SCORES["problems"].items():
        assert set(scenarios) == set(JUDGED[problem])
        for row in scenarios.values():
            assert set(row["reward"]) == {*RIVALS[problem], TEACHER, NANO}
            assert all(summary["runs"] == len(SCORES["seeds"]) for summary in row["reward"].values())
            assert row["reward"][row["best"]]["iqm"] == max(row["reward"][r]["iqm"] for r in RIVALS[problem])


def test_card_says_what_it_is_worth_over_all_episodes():
    over = SCORES["over_best"]
    assert f"{over['iqm']:.3f} [{over['low']:.3f}, {over['high']:.3f}] of the best heuristic" in CARD


def test_card_tells_the_scores():
    assert table(SCORES) in CARD


def test_card_names_where_it_does_not_beat_the_best_heuristic():
    assert behind(SCORES) in CARD.split("## Where it does not beat the best heuristic")[1].split("##")[0]


def test_behind_is_what_is_not_shown_to_be_better():
    row = {"best": "greedy", "nano_over": {"greedy": {"iqm": 0.9, "low": 0.8, "high": 0.95}}}
    level = {"best": "idle", "nano_over": {"idle": {"iqm": 1.1, "low": 0.9, "high": 1.3}}}
    ahead = {"best": "idle", "nano_over": {"idle": {"iqm": 1.1, "low": 1.01, "high": 1.3}}}
    found = behind({"problems": {"tasking_v0": {"scs01": row, "pair": level, "walker_24": ahead}}})
    assert found.splitlines() == [
        "- `scs01` (`tasking_v0`): worse than `greedy`, 0.900 [0.800, 0.950] of it.",
        "- `pair` (`tasking_v0`): not shown to be better than `idle`, 1.100 [0.900, 1.300] of it.",
    ]
