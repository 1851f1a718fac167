"""Encounters at real rates: a debris scenario beside what operators publish."""

import numpy as np
import pytest

from experiments.running.cli import main
from experiments.studies.encounter_rates import PUBLISHED, as_encounter, encounter_rates
from sandbox.conjunctions.screening import ENCOUNTER
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

# warnings per satellite-year, a day ahead, above each: `python -m experiments encounter_rates --days 5`
MEASURED = {3e-7: 53.9, 1e-6: 40.4, 1e-5: 18.4, 1e-4: 3.35}


def test_the_measured_table_is_within_a_factor_of_three_of_the_published():
    """Of operators with their own rules and covariances; ESA's at 1e-4, Starlink's at the lower ones."""
    for each in PUBLISHED:
        rate = MEASURED[each.threshold]
        assert each.low / 3.0 < rate < each.high * 3.0, each.who


def test_nothing_is_staged():
    rules = load_scenario("debris_24").encounters
    assert rules.staged_per_day == 0.0
    assert rules.population == 20_000


@pytest.mark.slow
def test_the_table_comes_out_again():
    rows = encounter_rates("debris_24", days=5.0)
    for row in rows:
        assert row["rate"] == pytest.approx(MEASURED[row["threshold"]], rel=0.02)
        assert row["low"] < row["rate"] < row["high"]
    for each in PUBLISHED:
        (row,) = [row for row in rows if row["threshold"] == each.threshold]
        assert each.low / 3.0 < row["rate"] < each.high * 3.0


def test_a_small_population_in_small(capsys):
    few = {"encounters.population": 300, "encounters.watch_km": 50.0}
    rows = encounter_rates(load_scenario("debris_24", few), days=0.2, draws=20)
    rates = [row["rate"] for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert all(row["low"] <= row["rate"] <= row["high"] for row in rows)


def test_a_pass_as_an_encounter():
    found = np.zeros((), ENCOUNTER)
    found["state1"], found["state2"] = (7e6, 0, 0, 0, 7e3, 0), (7e6, 0, 100.0, 0, 0, 7e3)
    (row,) = as_encounter(found, 5.0)
    assert row["relative"].tolist() == [0, 0, 100.0, 0, -7e3, 7e3]
    np.testing.assert_allclose(row["own_axes"], np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("scenario", "options", "words"),
    [
        ("walker_24", {}, "choose debris_24"),
        ("debris_24", {"days": 0.0}, "days = 0"),
        ("debris_24", {"lead_h": 90.0}, "lead_h = 90"),
    ],
)
def test_bad_input_is_one_sentence(scenario, options, words):
    with pytest.raises(SandboxError, match=words):
        encounter_rates(scenario, **options)
    assert main(["encounter_rates", "--scenario", "nowhere"]) == 2
