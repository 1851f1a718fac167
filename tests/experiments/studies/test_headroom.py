"""What is left to win in a tier, in small: two satellites of `pair` stand in for the scenarios."""

import json

import numpy as np
import pandas as pd
import pytest

from experiments.running.cli import main
from experiments.studies import headroom as study
from experiments.studies.headroom import draw, headroom, percent
from experiments.tiers import PROBLEMS, TIERS, tier_hours, tier_scenario
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

STANDS_IN = {"planner": "deadline_greedy", "onboard": "greedy"}


@pytest.fixture
def small(monkeypatch):
    """Every tier is a short flight of `pair`, and the planner is a heuristic: it takes no minutes then."""
    monkeypatch.setattr(study, "tier_scenario", lambda problem, tier: load_scenario("pair"))
    played = study._Case._played

    def quick(case, policy, seeds, blind_to):
        return played(case, STANDS_IN.get(policy, policy), seeds, blind_to)

    monkeypatch.setattr(study._Case, "_played", quick)


ASKED = {"problems": ["tasking_v0"], "tiers": ["scarce"], "hours": 1.0, "seeds": 2}


def test_every_problem_has_named_tiers_that_say_what_is_scarce():
    for problem, names in PROBLEMS.items():
        assert tuple(names) == TIERS
        scenarios = [tier_scenario(problem, tier) for tier in TIERS]
        assert [s.name for s in scenarios] == list(names.values())
        assert len({s.description for s in scenarios}) == len(TIERS)
        assert all(s.description for s in scenarios)
    with pytest.raises(SandboxError, match="Unknown tier 'scarse'; did you mean"):
        tier_scenario("tasking_v0", "scarse")
    with pytest.raises(SandboxError, match="problem"):
        tier_scenario("tasking_v9", "calm")


def test_episodes_are_as_long_as_what_is_scarce_needs():
    for problem, names in PROBLEMS.items():
        for tier in names:
            assert 0.0 < tier_hours(problem, tier) <= tier_scenario(problem, tier).horizon_h
    assert tier_hours("offloading_v0", "scarce") > 1.6, "a revolution, and the shadow in it"
    for wrong in (("offloading_v0", "scarse"), ("offloading_v9", "scarce")):
        with pytest.raises(SandboxError):
            tier_hours(*wrong)


def test_records_say_who_earned_what(small):
    records = headroom(**ASKED)
    sighted = {r["policy"]: r for r in records if not r["blind_to"]}
    assert {"random", "onboard", "planner", "bound"} < set(sighted)
    assert len(sighted) == 5, "and the best heuristic"
    assert sighted["planner"]["score"] == sighted["planner"]["low"] == pytest.approx(100.0)
    assert sighted["bound"]["score"] > sighted["random"]["score"]
    best = (set(sighted) - {"random", "onboard", "planner", "bound"}).pop()
    blind = [r for r in records if r["blind_to"]]
    assert all(r["policy"] == best and r["score"] != sighted[best]["score"] for r in blind)
    for record in records:
        assert record["low"] <= record["score"] <= record["high"]
        assert (record["problem"], record["tier"], record["scenario"]) == ("tasking_v0", "scarce", "pair")


def test_scores_are_shares_of_the_planners_sum():
    found = percent(np.array([10.0, 30.0]), np.array([20.0, 60.0]))
    assert found == pytest.approx((50.0, 50.0, 50.0))
    assert np.isnan(percent(np.zeros(2), np.zeros(2)).value)


def test_what_is_known_is_not_played_again(small, tmp_path, monkeypatch):
    from experiments.running.journal import Journal

    first = headroom(**ASKED, journal=Journal(tmp_path, "headroom", {}))
    monkeypatch.setattr(study._Case, "_played", lambda *_: pytest.fail("played again"))
    assert headroom(**ASKED, journal=Journal(tmp_path, "headroom", {})) == first


def test_command_leaves_records_a_table_and_a_figure(small, tmp_path, capsys):
    out, told = tmp_path / "o", tmp_path / "r.json"
    words = ["headroom", "--problem", "tasking_v0", "--tier", "calm", "tight"]
    words += ["--hours", "0.5", "--seeds", "2"]
    assert main([*words, "--limits", "battery", "link", "--out", str(out), "--json", str(told)]) == 0
    assert {path.name for path in out.iterdir()} == {"headroom.json", "headroom.csv", "headroom.png"}
    records = json.loads(told.read_text())
    assert {r["tier"] for r in records} == {"calm", "tight"}
    keys = {"problem", "tier", "scenario", "policy", "blind_to", "score", "low", "high"}
    assert all(keys <= set(r) for r in records)
    assert len(pd.read_csv(out / "headroom.csv")) == len(records)
    assert "planner" in capsys.readouterr().out


def test_figure_has_a_panel_for_each_problem(tmp_path):
    row = {"tier": "calm", "scenario": "x", "policy": "greedy", "blind_to": "", "score": 80.0, "low": 70.0}
    rows = [row | {"problem": problem, "high": 85.0} for problem in ("tasking_v0", "avoidance_v0")]
    assert len(draw(rows, tmp_path / "h.png").axes) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [({"seeds": 0}, "seeds = 0"), ({"limits": ["batery"]}, "Unknown limit"), ({"tiers": ["mild"]}, "tier")],
)
def test_mistakes_are_one_sentence(change, words):
    with pytest.raises(SandboxError, match=words):
        headroom(**ASKED | change)
