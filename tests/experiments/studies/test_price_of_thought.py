"""The price of thought: the same decisions, ever dearer."""

import json

import pandas as pd
import pytest

from experiments.running.cli import main
from experiments.studies.price_of_thought import draw, price
from sandbox.errors import SandboxError

BRIEF = {"scenario": "scs01", "hours": 2.0, "seeds": 2, "models": ["Qwen3-8B"], "boards": ["scs01"]}


@pytest.fixture(scope="module")
def rows():
    return price(**BRIEF, budgets=[0, 256, 6144])


def test_more_thought_costs_more(rows):
    free, *priced = rows
    assert free["model"] is None
    assert free["thought_share"] == 0.0
    for name in ("thought_s", "thought_j", "thought_share", "late_share"):
        found = [row[name] for row in priced]
        assert found == sorted(found)
        assert found[-1] > found[0]
    assert [row["output_tokens"] for row in priced] == [0, 257, 6145]
    assert priced[-1]["battery_lowest"] < free["battery_lowest"]


def test_rows_say_how_sure_they_are(rows):
    for row in rows:
        assert row["value_delivered_low"] <= row["value_delivered"] <= row["value_delivered_high"]


def test_what_does_not_fit_is_left_out_and_said():
    rows = price(**BRIEF | {"models": ["Qwen3-32B"], "boards": ["orin_nano"], "hours": 0.5}, budgets=[0])
    assert "GB more than orin_nano has free" in rows[1]["unfit"]


def test_draws_a_column_for_each_board(rows, tmp_path):
    figure = draw(rows, "Test", tmp_path / "price.png")
    assert len(figure.axes) == 4
    assert (tmp_path / "price.png").read_bytes()[:4] == b"\x89PNG"


def test_command_leaves_a_table_and_a_figure(tmp_path, capsys):
    words = ["--scenario", "pair", "--hours", "0.5", "--seeds", "2", "--boards", "agx_orin"]
    words += ["--models", "Qwen3-4B", "--budgets", "0", "512"]
    assert main(["price_of_thought", *words, "--out", str(tmp_path / "p")]) == 0
    assert "agx_orin   4B" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "p").iterdir()} == {"price.json", "price.parquet", "price.png"}
    assert len(pd.read_parquet(tmp_path / "p" / "price.parquet")) == 3
    assert json.loads((tmp_path / "p" / "price.json").read_text())["arguments"]["seeds"] == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"boards": ["orin"]}, "Unknown board 'orin'; did you mean"),
        ({"models": ["Qwen3-9B"]}, "Unknown model 'Qwen3-9B'"),
        ({"seeds": 0}, "seeds = 0"),
        ({"budgets": [-1]}, r"budgets \[-1\]"),
    ],
)
def test_mistakes_are_one_sentence(change, words, capsys):
    with pytest.raises(SandboxError, match=words):
        price(**BRIEF | {"budgets": [0], "hours": 0.1} | change)
