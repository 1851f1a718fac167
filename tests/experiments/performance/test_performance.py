"""The benchmark runs, and what it prints is what it measured."""

import json

import pytest

from experiments.performance.cases import batch_case
from experiments.performance.machine import machine
from experiments.performance.throughput import measure
from experiments.running.cli import main


def test_a_quick_run(tmp_path, capsys):
    assert main(["throughput", "--quick", "--repeats", "2", "--json", str(tmp_path / "b.json")]) == 0
    shown, found = capsys.readouterr().out, json.loads((tmp_path / "b.json").read_text())
    *rows, start = found
    assert all(row["what"] == "throughput" for row in rows)
    assert {(row["worlds"], row["agents"]) for row in rows} >= {(1, 16), (2, 16), (1, 40)}
    assert all(len(row["per_cpu_s_repeats"]) == 2 for row in rows)
    assert all(row["per_cpu_s"] > 0 for row in rows)
    assert start["machine"].keys() >= {"cpu", "cores", "python", "numpy", "numba"}
    assert 0 < start["import_envs_s"] < start["first_step_cached_s"]
    assert "mpe2 simple_spread" in shown
    assert f"{rows[0]['per_cpu_s']:,.0f}" in shown


def test_what_open_requests_cost(tmp_path, capsys):
    sizes = ["--requests", "30", "1200", "--repeats", "1"]
    assert main(["throughput", "--quick", *sizes, "--json", str(tmp_path / "q.json")]) == 0
    rows, shown = json.loads((tmp_path / "q.json").read_text()), capsys.readouterr().out
    assert [row["requests"] for row in rows] == [30, 1200]
    assert all(0 < row["episodes_per_cpu_s"] < row["rounds_per_cpu_s"] for row in rows)
    assert all(f"{row['rounds_per_cpu_s']:,.0f}" in shown for row in rows)


def test_steps_are_counted():
    case = batch_case(2, 4, rounds=3)
    assert case.steps == 24
    [row] = measure([case], repeats=3, seconds=0.0)
    assert row["per_wall_s"] == pytest.approx(sorted(row["per_wall_s_repeats"])[1])


def test_the_machine_has_a_name():
    assert machine()["cpu"]
    assert machine()["cores"] >= 1


def test_a_quick_run_of_the_mesh(capsys):
    assert main(["routing", "--quick"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert len(rows) == 6
    assert all(float(row.split()[-2]) >= 0.0 for row in rows)


def test_screening_in_small(tmp_path, capsys):
    arguments = ["--primaries", "40", "--secondaries", "60", "--hours", "0.5", "--threshold-km", "50"]
    assert main(["screening", *arguments, "--json", str(tmp_path / "s.json")]) == 0
    shown, found = capsys.readouterr().out, json.loads((tmp_path / "s.json").read_text())
    first, own = found
    assert (first["primaries"], first["secondaries"], own["secondaries"]) == (40, 60, 40)
    assert first["pair_hours_per_cpu_s"] == pytest.approx(40 * 60 * 0.5 / first["cpu_s"])
    assert own["pair_hours_per_cpu_s"] == pytest.approx(40 * 39 / 2 * 0.5 / own["cpu_s"])
    assert f"{first['encounters']:,} encounters" in shown
    assert first["peak_memory_mb"] > 10


def test_a_quick_look_at_rendering(tmp_path, capsys):
    assert main(["rendering", "--quick", "--json", str(tmp_path / "r.json")]) == 0
    [case] = json.loads((tmp_path / "r.json").read_text())
    assert case["satellites"] == 2
    assert case["rgb_array_cpu_ms"] > 0
    assert case["page_bytes"] > 50_000
    assert f"{case['ansi_cpu_ms']:,.2f}" in capsys.readouterr().out
