"""The value of thought: a table, a figure and records, by rule of thinking."""

import json
from unittest.mock import Mock

import pandas as pd
import pytest

from experiments.running.cli import main
from experiments.running.console_tables import print_thinking
from experiments.running.journal import Journal
from experiments.studies.value_of_thought import draw, told_of, value
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

BUSY = load_scenario("pair", {"requests.initial": 120, "requests.per_hour": 20.0})
BRIEF = {"scenarios": [BUSY], "policy": "greedy", "hours": 0.5, "seeds": 2}
FIELDS = {"scenario", "model", "board", "thinking", "value", "low", "high", "thought_s", "thought_j",
          "decisions_changed"}  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    return value(**BRIEF, rules=["always", "auto"], truth=True)


def test_every_rule_has_a_row_and_never_is_among_them(rows):
    assert [(row["thinking"], row["planner"]) for row in rows] == [
        ("never", "onboard"), ("always", "onboard"), ("auto", "onboard"), ("auto", "truth")]  # fmt: skip
    assert all(set(row) >= FIELDS for row in rows)


def test_who_never_thinks_pays_nothing_and_gains_nothing(rows):
    never = rows[0]
    assert never["thought_s"] == never["thought_j"] == never["decisions_changed"] == 0.0
    assert never["gain"] == never["gain_low"] == never["gain_high"] == 0.0


def test_more_thought_costs_more(rows):
    _, always, auto, _ = rows
    assert always["thought_s"] > auto["thought_s"] > 0.0
    assert always["thought_j"] > auto["thought_j"] > 0.0
    assert always["consultations"] > auto["consultations"]


def test_rows_say_how_sure_they_are(rows):
    for row in rows:
        assert row["low"] <= row["value"] <= row["high"]
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
        assert row["gain"] == pytest.approx(row["value"] - rows[0]["value"], abs=1e-6)


def test_levels_and_boards_change_the_scenario():
    low = value(**BRIEF, rules=[], load=["low"])[0]
    high = value(**BRIEF, rules=[], load=["high"])[0]
    assert low["load"] == "low"
    assert low["value"] != high["value"]
    slow, fast = value(**BRIEF | {"hours": 0.2}, rules=["always"], boards=["orin_nano", "scs01"])[1::2]
    per_search = [row["thought_s"] / row["consultations"] for row in (slow, fast)]
    assert per_search[0] > 5.0 * per_search[1]


def test_what_is_in_the_journal_is_not_played_again(tmp_path, monkeypatch):
    journal = Journal(tmp_path, "test", {})
    first = value(**BRIEF, rules=["auto"], journal=journal)
    played = Mock(side_effect=AssertionError("played again"))
    monkeypatch.setattr("experiments.studies.value_of_thought._played", played)
    assert value(**BRIEF, rules=["auto"], journal=Journal(tmp_path, "test", {})) == first


def test_what_came_out_is_said(rows):
    said = told_of(rows)
    assert any("best bounded budget" in line and "over never" in line for line in said)
    assert any("price of not knowing" in line for line in said)


def test_draws_a_column_for_each_scenario(rows, tmp_path):
    figure = draw([*rows, *(row | {"scenario": "other"} for row in rows)], "Test", tmp_path / "v.png")
    assert len(figure.axes) == 4
    assert (tmp_path / "v.png").read_bytes()[:4] == b"\x89PNG"


def test_command_leaves_a_table_and_a_figure(tmp_path, capsys):
    words = [
        "--scenarios",
        "pair",
        "--hours",
        "0.2",
        "--seeds",
        "2",
        "--rules",
        "short",
        "--policy",
        "greedy",
    ]
    records, out = tmp_path / "records.json", tmp_path / "v"
    assert main(["value_of_thought", *words, "--out", str(out), "--json", str(records)]) == 0
    assert "short is the best bounded budget" in capsys.readouterr().out
    names = {f"value_of_thought.{ending}" for ending in ("json", "parquet", "png")}
    assert {path.name for path in out.iterdir()} == names
    assert len(pd.read_parquet(out / "value_of_thought.parquet")) == 2
    told = json.loads(records.read_text())
    assert [record["thinking"] for record in told] == ["never", "short"]
    assert all(set(record) >= FIELDS for record in told)


def test_the_table_can_be_read_at_eighty_letters(capsys):
    """Whatever the numbers, within reason; and one episode has no interval."""
    row = dict.fromkeys(("load", "battery"), "middle") | {
        "pressure": "low",
        "scenario": "operations_24_tight",
    }
    row |= {"board": "orin_nano", "thinking": "never", "planner": "onboard", "value": 12345.6}
    row |= {"gain": 0.0, "gain_low": 0.0, "gain_high": 0.0, "consultations": 0, "thought_s": 0.0}
    row |= {"thought_j": 0.0, "decisions_changed": 0.0}
    most = {"thinking": "auto", "planner": "truth", "gain": -123.4, "gain_low": -1234.5, "gain_high": 1222.1}
    most |= {
        "consultations": 12345,
        "thought_s": 1234567.0,
        "thought_j": 1.2345e9,
        "decisions_changed": 123456,
    }
    print_thinking([row, row | most, row | {"board": "own", "pressure": "middle"}])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert [line.strip() for line in lines if "board" in line or "orin" in line] == [
        "operations_24_tight, orin_nano, pressure low",
        "operations_24_tight, own board",
    ]
    told = {line.split()[0]: line.split() for line in lines if line.split()}
    assert told["auto"] == ["auto", "12,345.6", "-123.4", "12,345", "123,456", "343", "1,234"]
    assert told["true"] == ["true", "sky", "-1,234.5–+1,222.1"]
    assert told["never"] == ["never", "12,345.6", "+0.0", "0", "0", "0", "0"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rules": ["often"]}, "Unknown rule of thinking 'often'"),
        ({"load": ["much"]}, "Unknown level of load 'much'"),
        ({"battery": ["low"]}, "Unknown level of battery 'low'"),
        ({"boards": ["orin"]}, "Unknown board 'orin'"),
        ({"seeds": 0}, "seeds = 0"),
        ({"problem": "avoidance_v0"}, "'avoidance_v0'"),
    ],
)
def test_mistakes_are_one_sentence(change, words):
    with pytest.raises(SandboxError, match=words):
        value(**BRIEF | {"rules": ["auto"], "hours": 0.1} | change)
