"""Episodes side by side in processes of this machine."""

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from test_leaderboard import (
    ASKED,
    OWN,
    TABLES,
    WHO,
    content,
    ended,
    finished,
    kept,
    killed_and_gone_on_with,
    pace,
    start,
)

from experiments.leaderboard.benchmark import benchmark
from experiments.running import pool
from experiments.running.options import GOES_ON
from sandbox.errors import SandboxError


def spawned():
    """Spawned processes that live, by number, with the number of who began them."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"spawn_main" in path.read_bytes():
                found[int(path.parent.name)] = path.parent
        except OSError:
            continue
    return found


@pytest.fixture
def before():
    """Those that there were; skipped where the system does not tell."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("no /proc")
    return set(spawned())


def running(before):
    """Those that are new, once those that are ending had time to."""
    end = time.monotonic() + 30.0
    while (found := set(spawned()) - before) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def double(number):
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if number < 0:
        raise SandboxError("negative.")
    return 2 * number


@pytest.mark.parametrize("processes", [1, 2])
def test_every_item_comes_with_its_outcome(processes, before):
    assert dict(pool.outcomes(double, range(5), processes)) == {n: 2 * n for n in range(5)}
    assert list(pool.outcomes(double, [], processes)) == []
    with pytest.raises(SandboxError, match=r"negative\."):
        list(pool.outcomes(double, [1, -1], processes))
    assert not running(before)


def test_a_process_that_dies_is_one_sentence(before):
    with pytest.raises(SandboxError, match="A process that played an episode died; give fewer --processes"):
        list(pool.outcomes(double, [1, 13, 2], 2))
    assert not running(before)


def test_processes_give_the_same_table_and_leave_nothing(tmp_path, before):
    """With a policy from the current folder, which the processes must find too."""
    (tmp_path / "my_spawned_policy.py").write_text(OWN)
    who = [*WHO, "--policy", "my_spawned_policy:Mine"]
    for name, processes in (("one", "1"), ("two", "2")):
        process = start(tmp_path / name, *who, "--processes", processes, cwd=tmp_path)
        assert ended(process) == ""
        assert process.returncode == 0
    assert content(tmp_path / "one", TABLES) == content(tmp_path / "two", TABLES)
    assert not running(before)


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(tmp_path, before):
    """Ctrl-C, which a terminal sends to all processes of the command, after the first of 64 episodes."""
    process = start(tmp_path / "b", *WHO, "--processes", "2", "--seeds", "16")
    while not finished(tmp_path / "b") and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process) == f"Interrupted; {GOES_ON}.\n"
    assert process.returncode == 130
    assert 0 < len(finished(tmp_path / "b")) < 64
    assert not running(before)


@pytest.mark.slow
def test_ten_kills_lose_nothing(tmp_path, before):
    """Only the command is killed, as with `kill -9`: the processes of the pool end by themselves."""
    folder, whole, seeds = tmp_path / "b", tmp_path / "whole", 32
    benchmark(replace(ASKED, seeds=seeds), whole, processes=1, progress=False)
    arguments = ("--processes", "2", "--seeds", str(seeds))
    assert kept(
        killed_and_gone_on_with(folder, 10, pace(whole), random.Random(11), *arguments), folder, whole
    )
    assert not running(before)
