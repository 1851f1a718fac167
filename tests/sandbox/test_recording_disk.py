"""A recording on disks that fill, and files that are no recordings: a sentence, and nobody's file is lost."""

import errno
import json
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest

from sandbox.errors import SandboxError
from sandbox.recording import VARIABLES, Recorder, Recording, disk
from sandbox.recording.variables import MOVING, OPTIONAL

SIZES = {"time": 5, "satellite": 3, "axis": 3, "ground_station": 2, "ground_target": 4}
NAMES = {"satellite_names": ["A", "B", "C"], "station_names": ["Kashgar", "Sanya"], "mode_names": ["idle"]}


def shape(name):
    return tuple(SIZES[dim] for dim in VARIABLES[name].dims if dim != "time")


def row(k):
    """Round k, without what is optional."""
    kept = [name for name in MOVING if name not in OPTIONAL]
    return {name: np.full(shape(name), k % 2, VARIABLES[name].dtype) for name in kept} | {"time": float(k)}


def record(folder=None, rounds=5, room=5):
    """A recorder for `room` rounds with some in it, and an event for each."""
    static = {name: np.zeros(shape(name)) for name, variable in VARIABLES.items() if variable.static}
    recorder = Recorder(NAMES, room, 3, 2, 4, 6, folder, static=static, optional=[])
    for k in range(rounds):
        recorder.append(**row(k))
        recorder.event(k, 0, "capture", target=k)
    return recorder


def test_a_user_s_array_is_not_overwritten(tmp_path):
    (tmp_path / "battery.npy").write_text("mine")
    with pytest.raises(SandboxError, match=r"already holds battery.npy"):
        record(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["battery.npy"]
    assert (tmp_path / "battery.npy").read_text() == "mine"


def filling(monkeypatch, left):
    """Let the disk be full after so many bytes have gone to the arrays."""
    room = [left]

    class Full(disk.FileColumn):
        def write(self, value, k=None):
            room[0] -= value.nbytes
            if room[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().write(value, k)

    monkeypatch.setattr(disk, "FileColumn", Full)
    return room


def test_a_disk_that_fills_is_a_sentence_and_leaves_what_was_whole(tmp_path, monkeypatch):
    room = filling(monkeypatch, 10**9)
    recorder = record(tmp_path / "run", rounds=2)
    room[0] = 20
    with pytest.raises(SandboxError, match=r"run was not written, no space is left on its disk"):
        recorder.append(**row(2))
    assert len(recorder) == 2
    assert len(recorder.close()) == 2
    assert len(Recording.load(tmp_path / "run")) == 2


@pytest.mark.parametrize("left", [0, 100, 120])
def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path, monkeypatch, left):
    filling(monkeypatch, left)
    with pytest.raises(SandboxError, match="no space is left"):
        record(tmp_path / "run", rounds=0)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 800 kB, where mounting is allowed."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", str(place)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_a_disk_that_is_really_full(tiny_disk):
    recorder = record(tiny_disk / "run", rounds=1, room=2_000)
    (tiny_disk / "ballast").write_bytes(bytes(500_000))

    def play():
        for k in range(1, 2_000):
            recorder.append(**row(k))

    with pytest.raises(SandboxError, match="run was not written, no space is left"):
        play()
    played = len(recorder)
    assert 0 < played < 2_000
    with suppress(SandboxError):
        recorder.close()
    np.testing.assert_array_equal(recorder.recording["time"], [row(k)["time"] for k in range(played)])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"format": ' + "9" * 5_000 + "}",
        '{"format": "' + "x" * 10**6 + '"}',
    ],
    ids=["brackets", "braces", "digits", "long"],
)
def test_json_that_is_too_much_is_a_sentence(tmp_path, text):
    record(tmp_path / "run").close()
    (tmp_path / "run" / "meta.json").write_text(text)
    with pytest.raises(SandboxError, match="no recording") as caught:
        Recording.load(tmp_path / "run")
    assert len(str(caught.value)) < 600
    record(tmp_path / "other").close()
    (tmp_path / "other" / "events.jsonl").write_text((text + "\n") * 5)
    with pytest.raises(SandboxError, match=r"no recording|damaged") as caught:
        Recording.load(tmp_path / "other")
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ([1], "its meta is no set"),
        ("text", "its meta is no set"),
        ({"satellite_names": 3}, "satellite_names is no list of names"),
        ({"satellite_names": ["one"]}, "1 satellite_names for 3"),
        ({"mode_names": [["deep"]]}, "mode_names is no list of names"),
        ({"round_s": "often"}, "round_s = 'often'"),
        ({"round_s": -1}, "round_s = -1"),
    ],
)
def test_meta_is_what_readers_take_it_for(tmp_path, meta, words):
    record(tmp_path / "run").close()
    path = tmp_path / "run" / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"meta": meta}))
    with pytest.raises(SandboxError, match=words):
        Recording.load(tmp_path / "run")


@pytest.mark.parametrize("line", ["[1]", '["a", 0, "b", 0, 0, ""]', "{}", "3"])
def test_events_are_rows(tmp_path, line):
    record(tmp_path / "run").close()
    (tmp_path / "run" / "events.jsonl").write_text(f"{line}\n" * 5)
    with pytest.raises(SandboxError, match="damaged"):
        Recording.load(tmp_path / "run")


def test_a_file_that_is_no_recording_is_not_replaced(tmp_path):
    (tmp_path / "mine.npz").write_text("mine")
    recording = record().close()
    with pytest.raises(SandboxError, match="not written by this sandbox"):
        recording.save(tmp_path / "mine.npz")
    assert (tmp_path / "mine.npz").read_text() == "mine"
    assert recording.save(recording.save(tmp_path / "a.npz")).exists()
