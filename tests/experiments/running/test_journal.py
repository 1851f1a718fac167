"""What is finished of a killed command is not played again, and gives the same in the end."""

import json

import numpy as np
import pytest

from experiments.running import code
from experiments.running.cli import main
from experiments.running.journal import KEPT, Journal
from experiments.studies import planner_gap, space_vs_ground

VALUES = [1, 2.5, "a", None, [1, 2], {"a": float("inf")}, 0.1 + 0.2]


def test_what_is_known_is_not_played_again(tmp_path):
    played = []

    def play(value):
        played.append(value)
        return {"value": value}

    for _ in range(2):
        journal = Journal(tmp_path / "o", "test", {"hours": 1.0})
        found = [journal.once([k], lambda value=value: play(value)) for k, value in enumerate(VALUES)]
        assert found == [{"value": value} for value in VALUES]
    assert played == VALUES
    for name, arguments in (("other", {"hours": 1.0}), ("test", {"hours": 2.0})):
        assert Journal(tmp_path / "o", name, arguments).get([0]) is None


def test_other_code_plays_anew(tmp_path, monkeypatch):
    Journal(tmp_path, "test", {}).put("a", 1)
    monkeypatch.setattr(code, "whole_stamp", lambda: "other")
    assert Journal(tmp_path, "test", {}).get("a") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"key": 1, "outcome": 2, "check": ""}'])
def test_a_damaged_file_is_no_outcome(tmp_path, damage):
    journal = Journal(tmp_path, "test", {})
    journal.put("a", 1)
    [path] = (tmp_path / "unfinished").iterdir()
    path.write_bytes(damage)
    assert journal.once("a", lambda: 2) == 2
    assert journal.get("a") == 2


def test_in_the_end_it_goes_and_what_others_left_stays(tmp_path):
    journal = Journal(tmp_path / "o", "test", {})
    journal.put("a", 1)
    (tmp_path / "o" / "unfinished" / "mine.json").write_text("{}")
    journal.done()
    assert [path.name for path in (tmp_path / "o" / "unfinished").iterdir()] == ["mine.json"]
    (tmp_path / "o" / "unfinished" / "mine.json").unlink()
    journal.done()
    assert not (tmp_path / "o").exists()
    journal.done()


def test_what_is_finished_of_other_arguments_waits(tmp_path, monkeypatch):
    mine, other = (Journal(tmp_path, "test", {"hours": hours}) for hours in (1.0, 2.0))
    assert str(mine) == "nothing was finished yet, and nothing was written"
    other.put("a", 2)
    assert str(mine) == "nothing was finished yet, and nothing was written"
    mine.put("a", 1)
    assert str(mine) == KEPT
    mine.done()
    assert (mine.get("a"), other.get("a")) == (None, 2)
    monkeypatch.setattr(code, "whole_stamp", lambda: "other")
    Journal(tmp_path, "test", {"hours": 1.0}).done()  # what no code can use any more
    assert not (tmp_path / "unfinished").exists()


def test_a_study_goes_on_and_gives_the_same(tmp_path, monkeypatch, capsys):
    def play(scenario, policy, rate, hours, seeds, seed):
        if len(played) == limit:
            raise KeyboardInterrupt
        played.append((policy, rate))
        rng = np.random.default_rng(int(rate))
        names = ("captures", "answers", *space_vs_ground.MEASURES)
        return [{name: float(rng.random()) for name in names} for _ in range(seeds)]

    monkeypatch.setattr(space_vs_ground, "_play", play)
    words = ["space_vs_ground", "--rates", "5", "20", "--seeds", "2", "--hours", "1"]
    played, limit = [], None
    assert main([*words, "--out", str(tmp_path / "a"), "--json", str(tmp_path / "a.json")]) == 0
    assert len(played) == 4
    played, limit = [], 3
    assert main([*words, "--out", str(tmp_path / "b")]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    played, limit = [], None
    assert main([*words, "--out", str(tmp_path / "b"), "--json", str(tmp_path / "b.json")]) == 0
    assert len(played) == 1
    names = {"space_vs_ground.json", "space_vs_ground.csv", "space_vs_ground.png"}
    assert {path.name for path in (tmp_path / "b").iterdir()} == names
    for name in ("a.json", "a/space_vs_ground.json", "a/space_vs_ground.csv"):
        assert (tmp_path / name).read_bytes() == (tmp_path / name.replace("a", "b", 1)).read_bytes()
    assert all(isinstance(record, dict) for record in json.loads((tmp_path / "a.json").read_text()))


def test_so_does_a_table_of_many_policies(tmp_path, monkeypatch, capsys):
    played = []

    def measure(problem, policy, hours, seeds):
        played.append(policy)
        if len(played) == 2:
            raise KeyboardInterrupt
        return 1.5, 2.0, float("nan")

    monkeypatch.setattr(planner_gap, "bound", lambda *_: 3.0)
    monkeypatch.setattr(planner_gap, "measure", measure)
    words = ["planner_gap", "--problems", "tasking_v0", "--policies", "greedy", "planner"]
    words += ["--out", str(tmp_path / "o")]
    assert main(words) == 130
    assert main(words) == 0
    assert played == ["greedy", "planner", "planner"]
    assert "50.0 % of the bound" in capsys.readouterr().out
    assert not (tmp_path / "o").exists()
