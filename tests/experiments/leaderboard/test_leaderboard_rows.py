"""From outcomes to rows and tables; nothing is played here."""

import random

import numpy as np
import pyarrow.parquet
import pytest

from experiments.leaderboard.plan import Asked, make_plan
from experiments.leaderboard.rows import ALL, BEST, rows_of
from experiments.leaderboard.table import COLUMNS, markdown, write_table

ASKED = Asked(problems=["tasking_v0"], seeds=4, yardstick="deadline_greedy", only=True,
              policies=["greedy", "random", "agents.avoidance:Never"])  # fmt: skip


@pytest.fixture(scope="module")
def plan():
    return make_plan(ASKED)


def outcomes(plan, **scores):
    """For every episode the score that `scores` gives its policy: a number, or one for each seed."""
    found = {}
    for episode in plan.episodes():
        score = np.broadcast_to(scores[episode.policy], len(plan.seeds))[plan.seeds.index(episode.seed)]
        found[episode] = {"score": float(score), "lost": 1, "energy_kwh": 2.0}
    return found


def row_of(rows, policy, scenario="scs01"):
    return next(row for row in rows if (row.policy, row.scenario) == (policy, scenario))


def test_idle_is_nothing_and_the_yardstick_everything(plan):
    rows = rows_of(plan, outcomes(plan, idle=-600.0, deadline_greedy=200.0, greedy=0.0, random=-800.0))
    for scenario in ("scs01", "walker_24", ALL):
        values = [row_of(rows, name, scenario).percent.value for name in ("idle", "deadline_greedy")]
        assert values == [0.0, 100.0]
        assert row_of(rows, "greedy", scenario).percent == (75.0, 75.0, 75.0)
        assert row_of(rows, "random", scenario).percent.value == -25.0


def test_the_scale_is_that_of_the_same_episode(plan):
    scores = {"idle": [0.0, 10.0, 20.0, 30.0], "deadline_greedy": [10.0, 110.0, 21.0, 32.0]}
    rows = rows_of(plan, outcomes(plan, **scores, greedy=[5.0, 60.0, 20.5, 31.0], random=0.0))
    assert row_of(rows, "greedy").percent == (50.0, 50.0, 50.0)


def test_an_episode_without_a_scale_counts_for_nobody(plan):
    """Seed 0: the yardstick loses; seed 1: it leads by less than 1. Both would be wild percentages."""
    scores = {"idle": 0.0, "deadline_greedy": [-5.0, 0.01, 10.0, 10.0], "random": 0.0}
    rows = rows_of(plan, outcomes(plan, **scores, greedy=[900.0, 900.0, 4.0, 4.0]))
    row = row_of(rows, "greedy")
    assert (row.episodes, row.counted) == (4, 2)
    assert row.percent == (40.0, 40.0, 40.0)
    assert row.score == 452.0


def test_where_nothing_counts_the_table_says_so(plan):
    rows = rows_of(plan, outcomes(plan, idle=1.0, deadline_greedy=0.0, greedy=5.0, random=5.0))
    assert COLUMNS["% of the planner"](row_of(rows, "greedy")) == "-"
    assert COLUMNS["P(better)"](row_of(rows, "random")) == "-"
    assert COLUMNS["episodes"](row_of(rows, "random")) == "0 of 4"


def test_improvement_is_over_the_best_heuristic(plan):
    rows = rows_of(
        plan, outcomes(plan, idle=0.0, deadline_greedy=10.0, greedy=4.0, random=[9.0, 9.0, 1.0, 4.0])
    )
    assert {row.against for row in rows if row.episodes} == {"greedy"}
    assert row_of(rows, "random").better.value == pytest.approx((4 + 4 + 0 + 2) / 16)
    assert np.isnan(row_of(rows, "greedy").better.value)


def test_scenarios_are_summed_up_by_split_and_in_all(plan):
    rows = rows_of(plan, outcomes(plan, idle=0.0, deadline_greedy=9.0, greedy=1.0, random=2.0))
    assert list(dict.fromkeys((row.scenario, row.split, row.hours) for row in rows)) == [
        ("scs01", "known", 6.0),
        ("walker_24", "held out", 6.0),
        (ALL, ALL, 12.0),
    ]


def test_a_policy_that_is_not_made_for_the_problem_has_a_row_of_dashes(plan):
    rows = rows_of(plan, outcomes(plan, idle=0.0, deadline_greedy=9.0, greedy=1.0, random=2.0))
    row = row_of(rows, "agents.avoidance:Never")
    assert {name: text(row) for name, text in COLUMNS.items()} == dict.fromkeys(COLUMNS, "-") | {
        "problem": "tasking_v0",
        "scenario": "scs01",
        "hours": "6",
        "split": "known",
        "policy": "agents.avoidance:Never",
    }


def test_the_same_outcomes_in_any_order_are_the_same_bytes(plan, tmp_path):
    known = outcomes(plan, idle=0.0, deadline_greedy=[9, 8, 7, 6], greedy=[1, 2, 3, 4], random=0.1)
    for name in ("a", "b"):
        write_table(rows_of(plan, known), plan, tmp_path / name)
        shuffled = list(known.items())
        random.Random(3).shuffle(shuffled)
        known = dict(shuffled)
    for name in ("table.md", "table.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_both_tables_hold_every_row(plan, tmp_path):
    rows = rows_of(plan, outcomes(plan, idle=0.0, deadline_greedy=9.0, greedy=1.0, random=2.0))
    write_table(rows, plan, tmp_path)
    table = pyarrow.parquet.read_table(tmp_path / "table.parquet").to_pylist()
    lines = [line for line in markdown(rows, plan).splitlines() if line.startswith("| tasking_v0")]
    assert len(table) == len(lines) == len(rows) == 15
    assert table[2]["percent"] == pytest.approx(100.0 / 9.0)
    assert {"percent_low", "percent_high", "better", "split", "command"} <= set(table[0])
    assert table[4]["percent"] is None
    assert all(f"`{row.command}`" in line for row, line in zip(rows, lines, strict=True) if row.command)


@pytest.fixture(scope="module")
def rows_of_two_problems():
    """In tasking greedy is best (20 %), in avoidance late_threshold (60 %); the mind gets 30 and 50 %."""
    plan = make_plan(Asked(problems=["tasking_v0", "avoidance_v0"], seeds=4))
    low = ("random", "never", "deadline_greedy", "threshold", "cbba", "equinox", "phoenix")
    percent = dict.fromkeys(low, 10.0)
    percent |= {"idle": 0.0, "planner": 100.0, "greedy": 20.0, "late_threshold": 60.0}
    mind = {"tasking_v0": 30.0, "avoidance_v0": 50.0}
    found = {e: {"score": percent.get(e.policy, mind[e.task.case.problem])} for e in plan.episodes()}
    return [row for row in rows_of(plan, found) if row.problem == ALL]


class TestAllProblems:
    def test_those_who_play_all_are_summed_up(self, rows_of_two_problems):
        names = [row.policy for row in rows_of_two_problems]
        assert names == ["random", "idle", "planner", "qwen", "trained", BEST]

    def test_best_heuristic_is_that_of_each_problem(self, rows_of_two_problems):
        row = row_of(rows_of_two_problems, BEST, ALL)
        assert (row.split, row.hours, row.episodes) == (ALL, 60.0, 12)
        assert row.percent.value == pytest.approx(np.mean([20.0] * 5 + [60.0]))  # of 8 and 4 runs
        assert np.isnan(row.better.value)

    def test_improvement_is_over_the_best_of_each_problem(self, rows_of_two_problems):
        """Better in the two scenarios of tasking, worse in that of avoidance."""
        row = row_of(rows_of_two_problems, "qwen", ALL)
        assert row.better.value == pytest.approx(2.0 / 3.0)

    def test_the_command_plays_everything(self, rows_of_two_problems):
        words = "--problem tasking_v0 avoidance_v0 --suite small --seeds 4 --seed 910000"
        command = f"python -m experiments benchmark {words}"
        assert {row.command for row in rows_of_two_problems} == {command}
