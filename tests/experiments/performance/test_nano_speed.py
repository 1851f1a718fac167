"""The benchmark of the nano's decisions runs, and what it prints is what it measured."""

import json

import pytest

pytest.importorskip("torch", reason="the nano needs torch")
pytest.importorskip("transformers", reason="the nano needs transformers")

from experiments.performance.nano_speed import flop
from experiments.running.cli import main
from experiments.training.nano_blank import blank_config


def test_a_quick_run(tmp_path, capsys):
    path = tmp_path / "minds.json"
    assert main(["nano_speed", "--fleets", "1", "12", "--repeats", "3", "--json", str(path)]) == 0
    rows = json.loads(path.read_text())
    assert [row["satellites"] for row in rows] == [1, 12]
    for row in rows:
        assert row["cpu_ms_per_decision"] == pytest.approx(1e3 * row["cpu_s"] / row["satellites"])
        assert 0.0 < row["rendering_share"] < 1.0
        assert 12 <= row["tokens_per_decision"] <= 64
    assert f"{1e3 * rows[1]['cpu_s']:.1f}" in capsys.readouterr().out


def test_operations_are_two_per_weight_and_token():
    config = blank_config()
    weights = 4 * (128 * 128 * 2 + 128 * 64 * 2 + 3 * 128 * 384)
    assert flop(config, 1) == 2 * weights + 4 * 4 * 4 * 32
    assert flop(config, 20) > 20 * flop(config, 1)
