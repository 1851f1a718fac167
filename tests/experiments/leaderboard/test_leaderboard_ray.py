"""Episodes side by side in the processes of Ray."""

import os
import random
import signal
import subprocess
import tempfile
import time
from dataclasses import replace

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

pytest.importorskip("ray")


@pytest.fixture
def temporary(monkeypatch):
    """A folder of temporary files for Ray alone; its sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield folder


def running(folder):
    """Processes that were told of `folder`, once those that are ending had time to."""
    end = time.monotonic() + 30.0
    while True:
        shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
        found = [line for line in shown if f"{folder}/" in line]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)


def test_processes_give_the_same_table_and_leave_nothing(tmp_path, temporary):
    """With a policy from the current folder, which the processes must find too."""
    (tmp_path / "my_ray_policy.py").write_text(OWN)
    who = [*WHO, "--policy", "my_ray_policy:Mine"]
    for name, processes in (("one", "1"), ("two", "2")):
        process = start(tmp_path / name, *who, "--processes", processes, cwd=tmp_path)
        assert ended(process) == ""
        assert process.returncode == 0
    assert content(tmp_path / "one", TABLES) == content(tmp_path / "two", TABLES)
    assert os.listdir(temporary) == []
    assert running(temporary) == []


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(tmp_path, temporary):
    """Ctrl-C, which a terminal sends to all processes of the command, after the first of 64 episodes."""
    process = start(tmp_path / "b", *WHO, "--processes", "2", "--seeds", "16")
    while not finished(tmp_path / "b") and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    assert (
        ended(process) == "Interrupted; what is finished is kept, and the same command goes on from there.\n"
    )
    assert process.returncode == 130
    assert 0 < len(finished(tmp_path / "b")) < 64
    assert running(temporary) == []
    assert os.listdir(temporary) == []


@pytest.mark.slow
def test_ten_kills_lose_nothing(tmp_path, temporary):
    """Only the command is killed, as with `kill -9`: the processes of Ray end by themselves."""
    folder, whole, seeds = tmp_path / "b", tmp_path / "whole", 32
    benchmark(replace(ASKED, seeds=seeds), whole, processes=1, progress=False)
    arguments = ("--processes", "2", "--seeds", str(seeds))
    assert kept(
        killed_and_gone_on_with(folder, 10, pace(whole), random.Random(11), *arguments), folder, whole
    )
    assert running(temporary) == []


@pytest.mark.slow
def test_a_cluster_gives_the_same_table_and_goes_on(tmp_path, temporary):
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "object_store_memory": 100_000_000, "include_dashboard": False}
    try:
        cluster = Cluster(initialize_head=True, head_node_args=node)
    except Exception as error:  # Ray has no class of its own for what goes wrong here
        pytest.skip(f"Ray does not start here: {error}")
    try:
        joined = start(tmp_path / "far", *WHO, "--processes", "2", "--address", cluster.address)
        assert ended(joined) == ""
        assert cluster.head_node.any_processes_alive()
    finally:
        cluster.shutdown()
    assert joined.returncode == 0
    assert ended(start(tmp_path / "here", *WHO, "--processes", "1")) == ""
    assert content(tmp_path / "far", TABLES) == content(tmp_path / "here", TABLES)


def test_where_no_cluster_answers_the_address_is_named(tmp_path, temporary):
    process = start(tmp_path / "b", *WHO, "--processes", "2", "--address", "127.0.0.1:1")
    assert "No Ray cluster answers at --address 127.0.0.1:1" in ended(process)
    assert process.returncode == 2
