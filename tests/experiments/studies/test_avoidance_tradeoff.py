"""What avoidance costs and saves, in small."""

import json

import numpy as np
import pandas as pd
import pytest

from experiments.running.cli import main
from experiments.running.statistics import per_unit
from experiments.studies.avoidance_tradeoff import RATES, draw, tradeoff
from sandbox.encounters import population_passes
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario
from sandbox.setting import make_setting


@pytest.fixture(scope="module")
def busy():
    """Two days in half of one: more encounters, more of them hits."""
    changes = {"encounters.staged_per_day": 6.0, "encounters.hit_share": 0.5, "encounters.population": 0}
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


def test_collisions_of_real_rates_have_an_interval():
    """Nothing staged, a collision in thousands of satellite-years: as many as even misses make."""
    few = {"encounters.staged_per_day": 0.0, "encounters.population": 300, "encounters.watch_km": 50.0}
    scenario = load_scenario("crossing_12", few | {"satellites": [f"Shell {n}" for n in range(1, 5)]})
    hours, radius, watch = 12.0, 10.0, 50e3
    passes = len(population_passes(make_setting(scenario, 1, hours * 3600.0)))
    exact = passes * (radius / watch) ** 2 / (4 * hours / 24.0 / 365.25)
    never, burning = tradeoff(
        scenario, thresholds=[1e-4], leads_h=[12.0], hours=hours, seeds=12, importance=True
    )
    assert 0.0 < exact < 0.01
    assert never["collisions"] == pytest.approx(exact, rel=0.6)
    assert 0.0 < never["collisions_low"] < never["collisions_high"] < 4.0 * exact
    assert burning["collisions"] < never["collisions"]
    assert burning["collisions_low"] <= burning["collisions"] <= burning["collisions_high"] < 0.1


def test_rows_say_whether_encounters_are_staged(rows):
    assert all(row["staged"] for row in rows)
    with pytest.raises(SandboxError, match="importance_sampling draws passes"):
        tradeoff("crossing_12", seeds=1, importance=True)


def test_draws_three_panels(rows, tmp_path):
    figure = draw(rows, "The price of avoidance: " + 6 * "a scenario, ", tmp_path / "t.png")
    assert len(figure.axes) == 3
    figure.canvas.draw()
    texts = [text for text in figure.findobj(lambda part: hasattr(part, "get_text")) if text.get_text()]
    assert not any("$" in text.get_text() for text in texts)  # powers of ten as numbers, not as TeX
    (title,) = (text for text in texts if text.get_gid() == "title")
    inside = title.get_window_extent().transformed(figure.transFigure.inverted())
    assert 0.0 < inside.x0 < inside.x1 < 1.0
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
    assert "encounters are staged" in shown
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
