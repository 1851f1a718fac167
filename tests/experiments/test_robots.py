"""Robots in the loop: what they wait is what the world says, nobody waits for nothing, books balance."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from sandbox.errors import SandboxError

pytest.importorskip("mujoco", reason="no mujoco; pip install -e '.[robots]'")

from agents.robots import make_mind
from envs.robots import SearchEnv
from experiments.robots.loop import MOST_S, PLACES, WARM_UP_S, Onlooker, RobotSetting, flown, fly, scenario_of
from experiments.running.cli import main
from experiments.studies import robot as study
from sandbox.compute import board, inference, model
from sandbox.jobs import DELIVERED, DROPPED, EXPIRED, LOST, UNBORN

MESH = RobotSetting("walker_120", robots=2, mind="loudest")


class Books(Onlooker):
    """The books of the world in every round."""

    def start(self, env, missions):
        self.rounds, self.env = 0, env

    def after(self, env, played):
        self.rounds += 1
        for b in range(env.worlds):
            book, ledger = env.world.jobs.state.book[b], env.world.jobs.state.ledger[b]
            known = np.isfinite(book["release"]) & (book["status"] != UNBORN)
            ends = {"delivered": DELIVERED, "dropped": DROPPED, "expired": EXPIRED, "lost": LOST}
            counts = {name: int((book["status"] == status).sum()) for name, status in ends.items()}
            held = known & ~np.isin(book["status"], list(ends.values()))
            assert all(ledger[f"jobs_{name}"] == count for name, count in counts.items())
            assert ledger["jobs_created"] == sum(counts.values()) + held.sum()
            gone = sum(ledger[f"bits_{name}"] for name in ends) + ledger["bits_understood"]
            assert ledger["bits_created"] == pytest.approx(gone + book["bits"][held].sum(), rel=1e-9, abs=1.0)
            energy = env.world.state.power["energy"][b]
            assert np.isfinite(energy).all()
            assert (energy >= 0.0).all()


@pytest.fixture(scope="module")
def missions():
    """Two robots of one world, answered by whoever is free first."""
    books = Books()
    return flown(MESH, "greedy", [0], books), books


def test_what_a_robot_waits_is_the_sum_of_what_the_world_records(missions):
    """To the millisecond, for every answer, under the policy that moves questions about."""
    answers = 0
    for placed in missions[0]:
        mission = placed.mission
        assert len(mission.latencies) == len(mission.parts)
        for latency, parts in zip(mission.latencies, mission.parts, strict=True):
            assert latency == pytest.approx(sum(parts.values()), abs=1e-3)
            assert min(parts.values()) > -1e-9
            cost = inference(board("scs01"), model("Qwen3-8B"), "int4", 500, 60)
            assert parts["prefill"] >= cost.prefill_s - 1e-6
            assert parts["decode"] >= cost.decode_s - 1e-6
            answers += 1
    assert answers > 8


def test_books_balance_with_robots_in_the_world(missions):
    placed, books = missions
    assert books.rounds > WARM_UP_S
    assert all(p.mission.over for p in placed)


def test_the_same_seed_is_the_same_run(missions):
    again = flown(MESH, "greedy", [0])
    assert [p.mission.row() for p in again] == [p.mission.row() for p in missions[0]]


def test_without_latency_a_robot_does_what_it_does_alone():
    """The same decisions at the same moments, so the same outcome, on every seed."""
    rows = fly(replace(MESH, robots=1), "at_once", range(3))
    env, mind = SearchEnv(), make_mind("loudest")
    for row in rows:
        observation, info = env.reset(seed=row["site"])
        over = False
        while not over:
            observation, _, terminated, truncated, info = env.step(
                mind.decide(observation, info["action_mask"])
            )
            over = terminated or truncated
        for name in ("reached", "time_s", "energy_wh", "collisions", "walked_m", "battery_empty"):
            assert row[name] == info[name], name
        assert row["latency_s"] == 0.0
    assert any(row["reached"] for row in rows)


def test_a_board_of_its_own_takes_its_time_and_energy_from_the_robot():
    told = replace(MESH, robots=1)
    cost = inference(board(told.robot_board), model(told.model), "int4", 500, 60)
    [row] = fly(told, "on_robot", [0])
    assert row["latency_s"] == pytest.approx(cost.seconds, rel=1e-9)
    assert row["prefill_s"] + row["decode_s"] == pytest.approx(cost.seconds, rel=1e-9)
    [free] = fly(told, "at_once", [0])
    assert row["energy_wh"] > free["energy_wh"]


@pytest.mark.parametrize("place", ["bent_pipe", "bent_pipe_lasers"])
def test_a_data_centre_answers_through_whoever_sees_both(place):
    placed = flown(replace(MESH, robots=1), place, [0])
    told = [parts for p in placed for parts in p.mission.parts]
    cost = inference(board("h100_pcie"), model("Qwen3-8B"), "int4", 500, 60)
    for p in placed:
        for latency, parts in zip(p.mission.latencies, p.mission.parts, strict=True):
            assert latency == pytest.approx(sum(parts.values()), abs=1e-3)
            assert parts["prefill"] + parts["decode"] == pytest.approx(cost.seconds)
            assert (parts["lasers"] > 0.0) <= (place == "bent_pipe_lasers")
    if place == "bent_pipe_lasers":
        assert len(told) > 2


def test_where_nobody_flies_nobody_answers():
    """SCS-01, twelve satellites in one plane: out of sight the robot stands until its battery is empty."""
    rows = fly(RobotSetting("scs01", robots=1, mind="loudest"), "local", [0])
    for row in rows:
        if row["decisions"] == 0:
            assert row["battery_empty"]
            assert row["walked_m"] < 8.0  # a hazard may push it
            assert row["time_s"] < MOST_S
    assert any(row["decisions"] == 0 for row in rows)


def test_what_cannot_be_played_is_said():
    with pytest.raises(SandboxError, match="least_loaded"):
        fly(MESH, "least_loded", [0])
    with pytest.raises(SandboxError, match="at least one robot"):
        fly(replace(MESH, robots=0), "at_once", [0])
    with pytest.raises(SandboxError, match="nearest"):
        fly(replace(MESH, mind="nearst"), "at_once", [0])
    kinds = [kind.name for kind in scenario_of(MESH).jobs.kinds]
    assert kinds == ["search_robot", "customer"]


def test_the_study_leaves_numbers_a_table_and_a_figure(tmp_path, capsys):
    words = ["robot", "--fleets", "walker_120", "--places", "at_once", "greedy", "--models", "Qwen3-8B"]
    words += ["--loads", "1000", "--seeds", "1", "--robots", "1", "--mind", "loudest"]
    words += ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "rows.json")]
    words += ["--film", str(tmp_path / "film.webp")]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "orbit, greedy" in shown
    assert not re.search(r"\d \[", shown)  # one world has no interval
    content = json.loads((tmp_path / "out/robot.json").read_text())
    assert {row["place"] for row in content["rows"]} == {"at_once", "greedy"}
    by_place = {row["place"]: row for row in content["rows"]}
    parts = sum(by_place["greedy"][name] for name in study._PARTS)
    assert by_place["greedy"]["latency_s"] == pytest.approx(parts, abs=1e-3)
    for name in ("robot.csv", "robot.png"):
        assert (tmp_path / "out" / name).stat().st_size > 100
    assert (tmp_path / "film.webp").stat().st_size > 1000
    assert len(json.loads((tmp_path / "rows.json").read_text())) == 2
    capsys.readouterr()
    assert main(["robot", "--seeds", "2", "--out", str(tmp_path / "out")]) == 2
    assert "holds results of robot with other options" in capsys.readouterr().err
    assert json.loads((tmp_path / "out/robot.json").read_text()) == content


def test_a_bar_beyond_the_axis_is_marked():
    def row(place, waited):
        told = dict.fromkeys(study._PARTS, 0.2) | {"fleet": "walker_120", "place": place, "wait_s": waited}
        told |= {"model": "Qwen3-8B", "load": 0.0, "missions": 4, "worlds": 1}
        return told | dict.fromkeys(("reached", "reached_low", "reached_high"), 0.5)

    def marks(*waited):
        places = ("local", "greedy", "trained", "bent_pipe")
        figure = study.draw([row(*each) for each in zip(places, waited, strict=True)])
        return len(figure.axes[1].lines)

    assert marks(1.0, 1.0, 1.0, 1.0) == 0
    assert marks(1.0, 1.0, 1.0, 45.0) > 0


def test_a_killed_study_goes_on_to_the_same_result(tmp_path, monkeypatch, capsys):
    words = ["robot", "--places", "at_once", "on_robot", "--models", "Qwen3-1.7B", "--loads", "0"]
    words += ["--seeds", "1", "--robots", "1", "--mind", "loudest", "--quiet"]
    assert main([*words, "--out", str(tmp_path / "whole")]) == 0
    played, real = [], study.fly

    def breaks(told, place, seeds):
        played.append(place)
        if len(played) == 2:
            raise KeyboardInterrupt
        return real(told, place, seeds)

    monkeypatch.setattr(study, "fly", breaks)
    assert main([*words, "--out", str(tmp_path / "part")]) == 130
    assert "what is finished is kept" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path / "part")]) == 0
    assert played == ["at_once", "on_robot", "on_robot"]
    whole, part = (json.loads((tmp_path / name / "robot.json").read_text()) for name in ("whole", "part"))
    assert whole["rows"] == part["rows"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--places", "moon"], "moon"),
        (["--seeds", "0"], "at least one"),
        (["--loads", "-1"], "at least"),
        (["--models", "Qwen3-9B"], "Qwen3-9B"),
        (["--mind", "cleverest"], "cleverest"),
        (["--fleets", "walker_25"], "walker_25"),
        (["--robots", "2000"], "1,000 is the most"),
        (["--film", "mission.txt"], "let the name end in"),
        (["--film", "mission.webp", "--places", "at_once"], "far away"),
    ],
)
def test_the_study_says_what_is_wrong(words, part, tmp_path, capsys):
    assert main(["robot", "--out", str(tmp_path / "out"), *words]) == 2
    assert part in capsys.readouterr().err


def test_cases_are_every_place_once():
    found = study.cases(["a", "b", "b"], (*PLACES, "local"), ["m", "n"], [1.0, 2.0])
    assert len(set(found)) == len(found)
    assert {case.place for case in found} == set(PLACES)
    assert sum(case.place == "at_once" for case in found) == 1
    assert [case.place for case in found].count("local") == 3
    assert [case.place for case in found].count("bent_pipe") == 2
    assert [case.model for case in found if case.place == "on_robot"] == ["m", "n"]


def test_means_leave_out_what_is_not_there():
    case = study.Case("a", "m", 1.0, "local")
    row = {"world": 0, "reached": False, "time_s": 9.0, "energy_wh": 1.0, "collisions": 0, "decisions": 0}
    row |= dict.fromkeys(("latency_s", *study._PARTS))
    told = study.summarise(case, [row, row | {"world": 1, "reached": True, "latency_s": 2.0, "decisions": 3}])
    assert told["reached"] == 0.5
    assert told["time_s"] == 9.0
    assert told["latency_s"] == 2.0
    assert told["answered"] == 0.5
    assert math.isnan(told["wait_s"])
