"""A benchmark from the command line to its table: resumed, killed, with a policy of one's own."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from shlex import split

import pyarrow.parquet
import pytest

from experiments.leaderboard import benchmark as running
from experiments.leaderboard import pool
from experiments.leaderboard.benchmark import benchmark
from experiments.leaderboard.plan import Asked
from experiments.running.cli import main

ROOT = Path(__file__).resolve().parents[3]
PART = ["--problem", "tasking_v0", "--scenario", "pair", "--hours", "1", "--seeds", "4"]
PART += ["--yardstick", "deadline_greedy"]
WHO = ["--policy", "greedy", "random", "--only"]
ASKED = Asked(problems=["tasking_v0"], scenarios=["pair"], hours=1.0, seeds=4, yardstick="deadline_greedy",
              policies=["greedy", "random"], only=True)  # fmt: skip
TABLES = ("table.md", "table.parquet")
FIGURES = ("performance.png", "improvement.png")
OWN = """
from agents.policy import Policy

class Mine(Policy):
    def decide(self, observation, mask):
        return mask.shape[-1] - 1 - mask[..., ::-1].argmax(axis=-1)
"""


def play(out, *also, **how):
    return benchmark(ASKED, out, processes=1, progress=False, **how)


def content(folder, names=TABLES):
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole") / "b"
    play(folder)
    return folder


@pytest.fixture
def played(monkeypatch):
    """Names every episode that is played, in its order."""
    seen = []

    def outcome_of(episode):
        seen.append((episode.policy, episode.seed))
        return original(episode)

    original = pool.outcome_of
    monkeypatch.setattr(pool, "outcome_of", outcome_of)
    return seen


def start(folder, *arguments, cwd=ROOT):
    """The command in a process group of its own, as a shell starts it."""
    words = [sys.executable, "-m", "experiments", "benchmark", *PART, *arguments, "--out", str(folder)]
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "process_group": 0}
    return subprocess.Popen(words, cwd=cwd, env=os.environ | {"PYTHONPATH": path}, **how)


def test_a_run_leaves_tables_and_figures(whole):
    assert {path.name for path in whole.iterdir() if path.is_file()} == {
        *TABLES, *FIGURES, "benchmark.json", ".lock"
    }  # fmt: skip
    assert all((whole / name).read_bytes().startswith(b"\x89PNG") for name in FIGURES)


def test_what_is_finished_is_not_played_again(whole, tmp_path, played, monkeypatch):
    """Cut short after five episodes, then gone on with: eleven more, and the same table."""
    put, kept = running.Store.put, []

    def stop_at_five(store, episode, outcome):
        if len(kept) == 5:
            raise KeyboardInterrupt
        put(store, episode, outcome)
        kept.append(episode)

    monkeypatch.setattr(running.Store, "put", stop_at_five)
    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / "b")
    assert not (tmp_path / "b" / "table.md").exists()
    monkeypatch.setattr(running.Store, "put", put)
    first, played[:] = set(played[:5]), []
    play(tmp_path / "b")
    assert len(played) == 11
    assert not first & set(played)
    assert content(tmp_path / "b", TABLES + FIGURES) == content(whole, TABLES + FIGURES)
    played[:] = []
    play(tmp_path / "b")
    assert played == []


def test_a_torn_file_is_played_again_and_told_of(whole, tmp_path, played, capsys):
    play(tmp_path / "b")
    played[:] = []
    files = sorted((tmp_path / "b" / "episodes").rglob("*.json"))
    files[3].write_bytes(files[3].read_bytes()[:60])
    benchmark(ASKED, tmp_path / "b", processes=1)
    assert len(played) == 1
    assert "Episodes played before: 15; 1 files are damaged" in capsys.readouterr().err
    assert content(tmp_path / "b") == content(whole)


def test_the_order_of_the_episodes_does_not_matter(whole, tmp_path, monkeypatch):
    def shuffled(episodes, processes, address):
        mixed = random.Random(7).sample(episodes, len(episodes))
        return original(mixed, processes, address)

    original = running.outcomes
    monkeypatch.setattr(running, "outcomes", shuffled)
    play(tmp_path / "b")
    assert content(tmp_path / "b", TABLES + FIGURES) == content(whole, TABLES + FIGURES)


def test_afresh_everything_is_played_again(whole, tmp_path, played):
    play(tmp_path / "b")
    played[:] = []
    play(tmp_path / "b", fresh=True)
    assert len(played) == 16
    assert content(tmp_path / "b") == content(whole)


def test_the_command_of_a_row_gives_that_row(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = pyarrow.parquet.read_table(whole / "table.parquet").to_pylist()
    for row in rows:
        words = split(row["command"])
        assert words[:3] == ["python", "-m", "experiments"]
        assert main([*words[3:], "--processes", "1", "--fresh", "--out", "again"]) == 0
        again = pyarrow.parquet.read_table("again/table.parquet").to_pylist()
        assert row in again


def test_a_policy_of_ones_own(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_own_policy.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    arguments = ["benchmark", *PART, "--policy", "my_own_policy:Mine", "--only", "--against", "greedy"]
    assert main([*arguments, "--processes", "1", "--out", "b"]) == 0
    assert "my_own_policy:Mine" in capsys.readouterr().out
    row = pyarrow.parquet.read_table("b/table.parquet").to_pylist()[-1]
    assert (row["policy"], row["episodes"], row["against"]) == ("my_own_policy:Mine", 4, "greedy")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--processes", "0"], "processes = 0; give at least 1"),
        (["--policy", "nowhere:Mine"], "'nowhere:Mine' cannot be loaded"),
        (["--out", str(ROOT)], "something other than a benchmark"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, told, capsys, tmp_path):
    assert main(["benchmark", *PART, *WHO, "--out", str(tmp_path / "b"), *arguments]) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert shown.count("\n") == 1


def finished(folder):
    """Files of finished episodes."""
    return list(folder.rglob("episodes/*/[!.]*.json"))


def pace(folder):
    """Seconds from one episode to the next in a run that nothing happened to."""
    times = [path.stat().st_mtime for path in finished(folder)]
    return (max(times) - min(times)) / (len(times) - 1)


def ended(process):
    """What the command said; the test is skipped where Ray cannot start at all."""
    _, err = process.communicate(timeout=900)
    if "Ray does not start here" in err:
        pytest.skip(err.strip())
    return err


def killed_and_gone_on_with(folder, times, episode_s, rng, *arguments):
    """Kill -9 as many runs, then let one end; how many episodes were finished at each kill.

    Every run is killed at a random moment of the episodes after the first one that it finished.
    """
    left = []
    for _ in range(times):
        before, process = len(finished(folder)), start(folder, *WHO, *arguments)
        while process.poll() is None and len(finished(folder)) == before:
            time.sleep(0.002)
        time.sleep(rng.uniform(0.0, 1.5) * episode_s)
        process.kill()
        said = ended(process)
        assert process.returncode == -signal.SIGKILL, said
        left.append(len(finished(folder)))
    process = start(folder, *WHO, *arguments)
    said = ended(process)
    assert process.returncode == 0, said
    return left


def kept(left, folder, whole):
    """Whether all is as without the kills; each came while episodes were in play, and after more of them."""
    assert left == sorted(set(left))
    assert 0 < left[0] <= left[-1] < len(finished(whole)) == len(finished(folder))
    assert not list(folder.rglob("*.part"))
    return content(folder, TABLES + FIGURES) == content(whole, TABLES + FIGURES)


def test_killed_runs_lose_nothing(whole, tmp_path):
    left = killed_and_gone_on_with(tmp_path / "b", 2, pace(whole), random.Random(2), "--processes", "1")
    assert kept(left, tmp_path / "b", whole)


@pytest.mark.slow
def test_ten_kills_lose_nothing(tmp_path):
    folder, whole, seeds = tmp_path / "b", tmp_path / "whole", 16
    benchmark(replace(ASKED, seeds=seeds), whole, processes=1, progress=False)
    arguments = ("--processes", "1", "--seeds", str(seeds))
    assert kept(
        killed_and_gone_on_with(folder, 10, pace(whole), random.Random(10), *arguments), folder, whole
    )
