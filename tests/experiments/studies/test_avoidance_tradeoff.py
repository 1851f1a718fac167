"""What avoidance costs and saves, in small."""

import json

import numpy as np
import pandas as pd
import pytest

from experiments.running.cli import main
from experiments.running.statistics import per_unit
from experiments.studies.avoidance_tradeoff import RATES, draw, tradeoff
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario


@pytest.fixture(scope="module")
def busy():
    """Two days in half of one: more encounters, more of them hits."""
    changes = {"threats.staged_per_day": 6.0, "threats.hit_share": 0.5, "threats.population": 0}
    return load_scenario("crossing_12", changes | {"satellites": [f"Shell {n}" for n in range(1, 5)]})


@pytest.fixture(scope="module")
def rows(busy):
    return tradeoff(busy, thresholds=[1e-5, 1e-2], leads_h=[6.0, 24.0], hours=24.0, seeds=6)


def test_rows_are_never_and_every_pair(rows):
    assert [row["policy"] for row in rows] == ["never"] + ["threshold"] * 4
    assert [(row["lead_h"], row["threshold"]) for row in rows[1:]] == [
        (6.0, 1e-5), (6.0, 1e-2), (24.0, 1e-5), (24.0, 1e-2),
    ]  # fmt: skip


def test_burning_saves_satellites_and_costs_fuel(rows):
    never, *others = rows
    assert never["fuel_m_s"] == never["days_out_of_slot"] == 0.0
    assert never["satellite_years"] < others[0]["satellite_years"] <= 6 * 4 / 365.25 + 1e-9
    for row in others:
        assert row["collisions"] < 0.3 * never["collisions"]
        assert row["fuel_m_s"] > 0.0
    for lead in (0, 2):
        assert others[lead]["fuel_m_s"] > others[lead + 1]["fuel_m_s"], "a higher threshold burns less"


def test_rates_say_how_sure_they_are(rows):
    for row in rows:
        for name in RATES:
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]


def test_intervals_cover_the_truth():
    """Poisson counts of a known rate: nine in ten of the intervals and more hold it."""
    rng, years = np.random.default_rng(0), np.full(40, 0.5)
    found = [per_unit(rng.poisson(3.0 * years).astype(float), years) for _ in range(60)]
    assert np.mean([low <= 3.0 <= high for _, low, high in found]) > 0.85
    assert np.mean([rate for rate, _, _ in found]) == pytest.approx(3.0, abs=0.15)


def test_draws_three_panels(rows, tmp_path):
    figure = draw(rows, "Test", tmp_path / "t.png")
    assert len(figure.axes) == 3
    assert (tmp_path / "t.png").read_bytes()[:4] == b"\x89PNG"


def test_command_leaves_a_table_and_a_figure(tmp_path, capsys):
    words = [
        "avoidance_tradeoff",
        "--hours",
        "6",
        "--seeds",
        "2",
        "--thresholds",
        "1e-4",
        "--leads",
        "6",
        "--out",
        str(tmp_path / "o"),
    ]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "never" in shown
    assert "1e-04" in shown
    names = {path.name for path in (tmp_path / "o").iterdir()}
    assert names == {"tradeoff.json", "tradeoff.parquet", "tradeoff.png"}
    assert len(pd.read_parquet(tmp_path / "o" / "tradeoff.parquet")) == 2
    assert json.loads((tmp_path / "o" / "tradeoff.json").read_text())["arguments"]["seeds"] == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [({"seeds": 0}, "seeds = 0"), ({"thresholds": [2.0]}, "thresholds"), ({"leads_h": [-1.0]}, "leads_h")],
)
def test_bad_input_is_one_sentence(busy, change, words):
    with pytest.raises(SandboxError, match=words):
        tradeoff(busy, **{"hours": 1.0, "seeds": 1} | change)
