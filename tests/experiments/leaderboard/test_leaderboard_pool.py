"""The temporary folder of Ray: those of killed benchmarks go."""

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.leaderboard import pool

HOLDING = """
import time
from experiments.leaderboard.pool import _own_folder
folder, lock = _own_folder()
print(folder, flush=True)
time.sleep(600)
"""


def test_folders_of_killed_benchmarks_go_and_those_of_living_ones_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(pool.tempfile, "tempdir", None)
    (tmp_path / "ray-of-others").mkdir()
    (tmp_path / "ray-link").symlink_to(tmp_path / "ray-of-others")
    with subprocess.Popen([sys.executable, "-c", HOLDING], stdout=subprocess.PIPE, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        if folder.parent != tmp_path:
            process.kill()
            pytest.skip("the temporary folder is elsewhere")
        (folder / "session").mkdir()
        _, lock = pool._own_folder()
        assert folder.is_dir()
        process.kill()
    lock.close()
    again, lock = pool._own_folder()
    assert {path.name for path in tmp_path.iterdir()} == {"ray-of-others", "ray-link", Path(again).name}
    lock.close()
