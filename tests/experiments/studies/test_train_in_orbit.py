"""The study of training in orbit: its command, what it leaves, and what it makes of its runs."""

import json

import numpy as np
import pandas
import pytest

import envs
from agents import make_policy
from experiments.running.cli import main
from experiments.studies import train_in_orbit
from experiments.studies.orbit_learning.crew import Plan
from experiments.studies.orbit_learning.flight import METHODS, SPENT, Change, changed, fleet_of, fly
from experiments.studies.orbit_learning.outcomes import course, hours_to, shares, summarise
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

CALM = Change()
SMALL = ["--satellites", "9", "--days", "0.06", "--change-h", "1", "--seeds", "1", "--processes", "1"]


def made(values, method="fedavg", seed=0, reference=10.0, every=3.0):
    """Rows of a method and of the reference with these values, window by window."""
    more = dict.fromkeys(SPENT, 0.5) | {"alive": 9}
    rows = []
    for i, value in enumerate(values):
        place = {"seed": seed, "hour": every * (i + 1)}
        rows += [{"method": method, "value": value} | place | more]
        rows += [{"method": "greedy", "value": reference} | place | more]
    return rows


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Planes are compared over half an hour."""
    monkeypatch.setattr(train_in_orbit, "COMPARED_ROUNDS", 60)


def test_the_command_leaves_numbers_a_table_and_a_figure(tmp_path, capsys):
    out, records = tmp_path / "out", tmp_path / "records.json"
    told = ["train_in_orbit", *SMALL, "--methods", "none", "fedavg", "ground"]
    assert main([*told, "--out", str(out), "--json", str(records)]) == 0
    shown = capsys.readouterr().out
    assert "fedavg" in shown
    assert "Between planes" in shown
    content = json.loads((out / "train_in_orbit.json").read_text())
    assert [row["method"] for row in content["rows"]] == ["none", "fedavg", "ground"]
    assert {row["between"] for row in content["differences"]} == {"planes", "seasons"}
    kept = json.loads(records.read_text())
    assert len(kept) == 3
    table = pandas.read_csv(out / "train_in_orbit.csv")
    assert set(table["method"]) == {"greedy", "none", "fedavg", "ground"}
    assert (out / "train_in_orbit.png").stat().st_size > 10_000
    assert not (out / "unfinished").exists()


def test_a_killed_study_goes_on_to_the_same_result(tmp_path, monkeypatch):
    told = ["train_in_orbit", *SMALL, "--seeds", "2", "--methods", "fedbuff", "--quiet"]
    assert main([*told, "--out", str(tmp_path / "whole")]) == 0
    flown, real = [], train_in_orbit.fly

    def breaks(scenario, method, *rest):
        flown.append(method)
        if len(flown) == 3:
            raise KeyboardInterrupt
        return real(scenario, method, *rest)

    monkeypatch.setattr(train_in_orbit, "fly", breaks)
    assert main([*told, "--out", str(tmp_path / "part")]) == 130
    assert main([*told, "--out", str(tmp_path / "part")]) == 0
    assert len(flown) == 2 + 1 + 2  # two were done, one broke off; it and the last are flown again
    kept = [tmp_path / name / "train_in_orbit.json" for name in ("whole", "part")]
    whole, part = (json.loads(path.read_text()) for path in kept)
    assert whole["rows"] == part["rows"]
    assert whole["windows"] == part["windows"]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (["--satellites", "2"], "2 satellites; give 3 or more"),
        (["--days", "0"], "0 days; give more than 0"),
        (["--change-h", "100"], "to change after 100 h; give 0 to 48"),
        (["--lost-stations", "Atlantis"], "Atlantis"),
        (["--store-kbit", "1"], "kbit or more"),
        (["--size-factor", "-1"], "size_factor = -1"),
        (["--period", "0"], "period = 0"),
        (["--seeds", "0"], "0 seeds"),
        (["--scenario", "no_such"], "no_such"),
    ],
)
def test_mistakes_are_told_in_a_sentence(told, sentence, tmp_path, capsys):
    small = ["--methods", "fedavg", "--processes", "1", "--out", str(tmp_path / "out")]
    assert main(["train_in_orbit", *small, *told]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error


def test_an_unknown_method_is_told():
    with pytest.raises(SandboxError, match="fedavg"):
        fly(fleet_of(9, 0.1, CALM), "fedsgd", 0, Plan(), CALM, 1.0)


def test_the_reference_is_the_heuristic_on_the_plain_batch_face():
    scenario = fleet_of(9, 1 / 24, CALM)
    rows = fly(scenario, "greedy", 4, Plan(), CALM, 1.0)
    batch = envs.make("tasking_v0", scenario, face="batch", autoreset=False)
    policy = make_policy("greedy", batch)
    observation, info = batch.reset(4)
    policy.reset(4)
    value = 0.0
    for _ in range(120):
        observation, reward, _, _, info = batch.step(policy.act(observation, info))
        value += float(reward.sum())
    assert [row["value"] for row in rows] == [value]


def test_nobody_has_learned_before_the_first_session():
    """Whatever the method: the same launch weights, the same worlds, the same draws."""
    scenario, first = fleet_of(9, 1 / 24, CALM), []
    for method in METHODS:
        rows = fly(scenario, method, 0, Plan(period=200), CALM, 0.5)
        first.append(rows[0]["value"])
        assert rows[-1]["updates"] == 0.0
    assert len(set(first)) == 1


def test_lost_stations_are_silent_and_the_flood_is_there():
    everyone = tuple(station.name for station in load_scenario("walker_24").stations)
    change = Change(0.5, everyone, disaster=True)
    scenario = fleet_of(9, 2 / 24, change)
    assert len(scenario.events) == 1
    rows = fly(scenario, "greedy", 0, Plan(), change, 0.5)
    kept = fly(fleet_of(9, 2 / 24, CALM), "greedy", 0, Plan(), CALM, 0.5)
    assert sum(row["value"] for row in rows[1:]) < 0.1 * sum(row["value"] for row in kept[1:])
    assert changed(load_scenario("pair"), 1.0, Change(3.0, (), disaster=False)).events == ()


def test_frozen_learns_until_the_world_changes():
    change = Change(1.0, (), disaster=False)
    rows = fly(fleet_of(9, 2 / 24, change), "frozen", 0, Plan(), change, 0.5)
    updates = [row["updates"] for row in rows]
    assert updates[1] > updates[0] > 0
    assert updates[1] == updates[2] == updates[3]
    assert rows[1]["board_kwh"] == rows[3]["board_kwh"]


def test_shares_and_times():
    rows = made([2.0, 4.0, 8.0, 10.0, 6.0, 9.0])
    (row,) = summarise(rows, ["fedavg"], 12.0, 0.8)
    assert row["share"] == pytest.approx(39.0 / 60.0)
    assert row["share_end"] == pytest.approx(24.0 / 40.0)
    assert row["share_changed"] == pytest.approx(15.0 / 20.0)
    assert row["hours_to_target"] == 12.0  # 8 and 10 of 10 over six hours
    assert row["kwh"] == 1.0
    assert (row["reached"], row["runs"]) == (1, 1)
    own = [each for each in shares(rows) if each["method"] == "fedavg"]
    assert hours_to(own, 0, 0.95) is None
    hours, found = course(shares(rows), "fedavg")
    assert hours == [3.0, 6.0, 9.0, 12.0, 15.0, 18.0]
    assert [round(each.value, 9) for each in found] == [0.2, 0.3, 0.6, 0.9, 0.8, 0.75]


def test_where_the_reference_gets_nothing_no_share_is_told():
    (row,) = summarise(made([1.0, 2.0], reference=0.0), ["fedavg"], None, 0.8)
    assert row["share"] is None
    assert row["share_changed"] is None
    assert row["hours_to_target"] is None
    assert shares(made([1.0], reference=0.0))[0]["share"] is None


def test_intervals_are_over_seeds():
    rows = [row for seed, level in enumerate((4.0, 6.0, 8.0)) for row in made([level] * 4, seed=seed)]
    (row,) = summarise(rows, ["fedavg"], None, 0.7)
    assert row["share"] == pytest.approx(0.6)
    assert 0.4 <= row["share_low"] < 0.6 < row["share_high"] <= 0.8
    assert row["reached"] == 1


@pytest.mark.slow
def test_without_prices_fedavg_is_as_good_as_training_in_one_place():
    """Over three seeds, once both have learned: the mean difference is within its interval, or a tenth."""
    scenario, level = fleet_of(36, 1.0, CALM), {}
    for method in ("central", "fedavg", "greedy"):
        level[method] = np.array([
            sum(row["value"] for row in fly(scenario, method, seed, Plan(free=True), CALM, 12.0)[1:])
            for seed in range(3)
        ])  # fmt: skip
    difference = (level["central"] - level["fedavg"]) / level["greedy"]
    noise = 4.30 * difference.std(ddof=1) / np.sqrt(len(difference))  # Student's t, 2 degrees of freedom
    assert abs(difference.mean()) < max(noise, 0.1)


def test_a_number_that_does_not_fit_is_explained():
    assert train_in_orbit.rings_of(36) == train_in_orbit.rings_of(27) == ""
    assert train_in_orbit.rings_of(28) == "28 satellites are rings of 10, 9, 9: they are not alike."
    assert train_in_orbit.rings_of(7) == (
        "7 satellites are rings of 3, 2, 2: they are not alike; below 9 in a ring, a satellite does not see "
        "the next one, and lasers link fewer."
    )
