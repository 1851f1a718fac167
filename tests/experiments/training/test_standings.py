"""How policies stand in the tiers, from records."""

import json

import numpy as np
import pytest

from experiments.running.cli import main
from experiments.running.run_folder import format_of
from experiments.training import standings
from sandbox.errors import SandboxError


def row(algorithm, returns, seed=None, **more):
    told = {"problem": "tasking_v0", "tier": "tight", "algorithm": algorithm, "returns": returns, "lost": 0}
    told |= {
        "train_seed": seed,
        "cpu_minutes": 2.0,
        "eval_seeds": [910_000, 910_001],
        "validation": 1.0,
        "command": f"python -m experiments {algorithm}",
    }
    return told | more


def test_the_standing_of_a_tier():
    rows = [row("ppo", [10.0 + k, 12.0 + k], k, lost=2) for k in range(4)]
    rows += [row("greedy", [8.0, 12.0]), row("phoenix", [1.0, 2.0]), row("random", [-3.0, -1.0])]
    found = standings.standing(rows)
    assert (found.best, found.rule.mean, found.chance) == ("greedy", 10.0, -2.0)
    assert found.trained.iqm == pytest.approx(12.5)  # of 11, 12, 13, 14
    assert found.trained.low <= 12.5 <= found.trained.high
    assert found.ratio == pytest.approx(1.25)
    assert (found.lost, found.rule_lost, found.minutes) == (1.0, 0.0, 2.0)
    assert found.gain.value == pytest.approx(2.5)  # 11.5 and 13.5 in the mean, where the rule has 8 and 12
    assert "greedy 10.0" in standings.table(rows)
    assert (found.best_abroad, np.isnan(found.abroad.value)) == ("", True)
    for one, unseen in zip(rows, ([6.0], [7.0], [8.0], [9.0], [5.0], [4.0], [0.0]), strict=True):
        one["unseen_returns"] = unseen
    found = standings.standing(rows)
    assert (found.best_abroad, found.abroad.value) == ("greedy", 1.5)
    assert "| 1.50 greedy" in standings.table(rows)
    rows[0]["unseen_returns"] = [6.0, 99.0]  # of a later run that played more
    assert standings.standing(rows).abroad.value == 1.5
    below = [row("ppo", [-2.0, -2.0], 0), row("greedy", [-4.0, -4.0])]
    assert standings.standing(below).ratio == pytest.approx(1.5)  # better, though both lose
    with pytest.raises(SandboxError, match="needs trained policies"):
        standings.standing([row("greedy", [1.0])])


def test_all_algorithms_of_a_tier():
    rows = [row("ppo", [10.0 + k, 12.0 + k], k) for k in range(4)]
    rows += [row("mappo", [20.0, 22.0], 0, cpu_minutes=3.0), row("greedy", [8.0, 12.0])]
    rows += [row("phoenix", [1.0, 2.0]), row("planner", [30.0]), row("random", [-3.0, -1.0])]
    rows += [row("greedy", [5.0, 5.0], tier="scarce")]
    text = standings.algorithms(rows)
    tight, scarce = text.split("## tasking_v0, scarce")
    names = [line.split("|")[1].strip() for line in tight.splitlines() if line.startswith("| `")]
    assert names == ["`planner`", "`mappo`", "`ppo`", "`greedy`", "`phoenix`", "`random`"]
    assert "| 12.5 [" in tight
    assert "(4 trainings) | +2.5 [+1.5, +3.5]" in tight  # 11.5 - 8 and 13.5 - 12
    assert "| 30.0 (1 episodes) | +22.0" in tight  # of the one that both played
    assert "| 3.0 | `python -m experiments mappo` |" in tight
    assert "`greedy`" in scarce
    others = [row("greedy", [8.0]), row("mine", [9.0], 0, eval_seeds=[920_000, 920_000])]
    assert "| 9.0 (1 trainings) |  |" in standings.algorithms(others)


def write(folder, **record):
    told = {"format": format_of(standings.RECORD), "schema": standings.SCHEMA}
    told |= row("greedy", [1.0]) | record
    (folder / "a.json").write_text(json.dumps(told))


def test_records_are_read_and_written_as_a_table(tmp_path, capsys):
    write(tmp_path, algorithm="a policy of mine")
    assert main(["standings", str(tmp_path)]) == 0
    assert "`a policy of mine`" in capsys.readouterr().out
    kept = tmp_path / "kept"
    assert main(["standings", str(tmp_path), "--out", str(tmp_path / "table.md"), "--json", f"{kept}"]) == 0
    (record,) = json.loads(kept.read_text())
    assert (record["algorithm"], record["value"], record["gain"]) == ("a policy of mine", 1.0, None)
    assert "`a policy of mine`" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"format": "a shopping list"}, "is no record"),
        ({"schema": 9}, "schema 9"),
        ({"algorithm": 3}, "algorithm 3"),
        ({"lost": True}, "lost True"),
        ({"returns": []}, "finite numbers"),
        ({"returns": [1.0, "2"]}, "finite numbers"),
        ({"returns": [np.nan]}, "finite numbers"),
        ({"eval_seeds": [1]}, "the first and the last seed"),
        ({"train_seed": "0"}, "train_seed '0'"),
    ],
)
def test_what_is_no_record_is_refused_with_its_file(tmp_path, record, said):
    write(tmp_path, **record)
    with pytest.raises(SandboxError, match=said) as caught:
        standings.read(tmp_path)
    assert "a.json" in str(caught.value)


def test_what_is_left_out_is_named(tmp_path):
    write(tmp_path)
    told = json.loads((tmp_path / "a.json").read_text())
    del told["train_seed"]
    (tmp_path / "a.json").write_text(json.dumps(told))
    with pytest.raises(SandboxError, match="says nothing of train_seed"):
        standings.read(tmp_path)


def test_a_folder_without_records(tmp_path):
    with pytest.raises(SandboxError, match="holds no records"):
        standings.read(tmp_path)
