"""Episodes side by side in the processes of Ray."""

import os
import signal
import subprocess
import time

import pytest
from test_benchmark import OWN, TABLES, WHO, content, start

pytest.importorskip("ray")


def of_ray():
    """Processes of Ray that run on this machine for this user, and its temporary folders."""
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
    return {line for line in shown if "raylet" in line or "gcs_server" in line or line.startswith("ray::")}


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder of temporary files for Ray alone; its sockets need a short path."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield folder


def test_processes_give_the_same_table_and_leave_nothing(tmp_path, temporary):
    """With a policy from the current folder, which the processes must find too."""
    (tmp_path / "my_ray_policy.py").write_text(OWN)
    who = [*WHO, "--policy", "my_ray_policy:Mine"]
    for name, processes in (("one", "1"), ("two", "2")):
        process = start(tmp_path / name, *who, "--processes", processes, cwd=tmp_path)
        _, err = process.communicate(timeout=300)
        if "Ray does not start here" in err:
            pytest.skip("this machine is too busy for Ray, which waits 30 s for itself")
        assert process.returncode == 0, err
        assert err == ""
    assert content(tmp_path / "one", TABLES) == content(tmp_path / "two", TABLES)
    assert os.listdir(temporary) == []
    assert not [line for line in of_ray() if temporary in line]


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(tmp_path, temporary):
    process = start(tmp_path / "b", *WHO, "--processes", "2")
    while not list((tmp_path / "b").rglob("episodes/*/*.json")) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = process.communicate(timeout=120)
    assert process.returncode in (0, 130)
    if process.returncode == 130:
        assert err == ("Interrupted; what is finished is kept, and the same command goes on from there.\n")
    time.sleep(1.0)
    assert not [line for line in of_ray() if temporary in line]
    assert os.listdir(temporary) == []
