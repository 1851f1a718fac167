"""A recording comes back as it went in: from memory, a folder, a file, and a run that was killed."""

import copy
import json
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.recording import TARGET_STATES, VARIABLES, Recorder, Recording
from sandbox.recording.variables import DIMS, MOVING, OPTIONAL, RENAMED, STATIC

SIZES = {"rounds": 5, "satellites": 3, "stations": 2, "targets": 4, "actions": 6}
META = {
    "scenario": "duty",
    "policy": "greedy",
    "seed": 7,
    "round_s": 30.0,
    "satellite_names": ["SCS-01 A", "SCS-01 B", "SCS-01 Ω"],
    "station_names": ["Kashgar", "Sanya"],
    "mode_names": ["idle", "charge"],
    "team": {"size": 3},
}


def draws(rng, sizes, names):
    """Random values of the right shape and type for `names`, as one round (or the static part) holds them."""
    lengths = dict(zip(DIMS, [sizes[k] for k in ("rounds", "satellites")] + [3], strict=False))
    lengths |= {
        "choice": sizes["actions"],
        "ground_station": sizes["stations"],
        "ground_target": sizes["targets"],
        "terminal": 4,
    }
    values = {}
    for v in map(VARIABLES.get, names):
        shape = tuple(lengths[d] for d in v.dims if d != "time")
        floats = np.dtype(v.dtype).kind == "f"
        values[v.name] = (rng.normal(size=shape) if floats else rng.integers(0, 2, shape)).astype(v.dtype)
    return values


def record(folder=None, sizes=SIZES, rounds=None, names=MOVING, seed=0, **options):
    """A recorder with some rounds in it, and the rounds."""
    rng = np.random.default_rng(seed)
    meta = META if sizes is SIZES else {}
    recorder = Recorder(meta, **sizes, folder=folder, static=draws(rng, sizes, STATIC), **options)
    rows = [draws(rng, sizes, names) for _ in range(sizes["rounds"] if rounds is None else rounds)]
    for k, row in enumerate(rows):
        recorder.append(**row)
        recorder.event(k, k % 3, "capture", target=k, value=0.5 * k, text=f"line\n{k} é")
    return recorder, rows


def assert_holds(recording, rows):
    assert len(recording) == len(rows)
    for name in rows[0]:
        assert recording[name].dtype == VARIABLES[name].dtype
        np.testing.assert_array_equal(recording[name], np.stack([row[name] for row in rows]))


def assert_same(a, b):
    assert dict(a.meta) == dict(b.meta)
    assert set(a) == set(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
    assert a.events.rows() == b.events.rows()


@pytest.mark.parametrize("where", ["memory", "folder"])
def test_round_trip(where, tmp_path):
    recorder, rows = record(tmp_path / "run" if where == "folder" else None)
    recording = recorder.close()
    assert_holds(recording, rows)
    assert dict(recording.meta) == META
    assert recording.events.text.tolist() == [f"line\n{k} é" for k in range(5)]
    assert_same(recording, Recording.load(recording.save(tmp_path / "deep" / "run.npz")))
    if where == "folder":
        assert_same(recording, Recording.load(tmp_path / "run"))
    assert not list(tmp_path.rglob("*.part"))


def test_same_run_same_bytes(tmp_path):
    a, b = (record()[0].close().save(tmp_path / name).read_bytes() for name in ("a.npz", "b.npz"))
    assert a == b


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.fixed_dictionaries(
        {
            "rounds": st.integers(1, 9),
            "satellites": st.integers(1, 5),
            "stations": st.integers(0, 3),
            "targets": st.integers(0, 3),
            "actions": st.integers(0, 3),
        }
    ),
    optional=st.sets(st.sampled_from(sorted(OPTIONAL))),
    flush_every=st.integers(1, 4),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_any_sizes_round_trip(tmp_path_factory, sizes, optional, flush_every, seed, data):
    folder = tmp_path_factory.mktemp("any")
    rounds = data.draw(st.integers(0, sizes["rounds"]))
    names = [n for n in MOVING if n not in OPTIONAL or n in optional]
    made = [record(f, sizes, rounds, names, seed, flush_every=flush_every)[0] for f in (None, folder / "run")]
    in_memory, on_disk = (recorder.close() for recorder in made)
    assert set(in_memory) == set(STATIC) | (set(names) if rounds else set(MOVING) - OPTIONAL)
    assert_same(in_memory, on_disk)
    assert_same(in_memory, Recording.load(folder / "run"))
    assert_same(in_memory, Recording.load(in_memory.save(folder / "run.npz")))


def test_open_while_written_and_after_a_kill(tmp_path):
    """An abandoned recorder is what a kill leaves: rounds and events since the last flush are not there."""
    sizes = SIZES | {"rounds": 50}
    recorder, rows = record(tmp_path / "run", sizes, rounds=11, flush_every=4)
    opened = Recording.load(tmp_path / "run")
    assert_holds(opened, rows[:8])
    assert len(opened.events) == 7  # the eighth came after the flush of its round
    assert json.loads((tmp_path / "run" / "meta.json").read_text())["rounds_written"] == 8
    assert len(recorder.recording) == 11


KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
from test_recording import SIZES, record
recorder, _ = record({folder!r}, SIZES | {{"rounds": 50}}, rounds=11, flush_every=4)
recorder._log.write('[1.0, 2, "half a li')
recorder._log.flush()
os.kill(os.getpid(), 9)
"""


def test_killed_process(tmp_path):
    here = Path(__file__).resolve().parent
    code = KILLED.format(tests=str(here), folder=str(tmp_path / "run"))
    assert subprocess.run([sys.executable, "-c", code], cwd=here.parent.parent).returncode == -9
    opened = Recording.load(tmp_path / "run")
    _, rows = record(None, SIZES | {"rounds": 50}, rounds=11)
    assert_holds(opened, rows[:8])
    assert opened.events.kind.tolist() == ["capture"] * 7
    assert_same(opened, Recording.load(opened.save(tmp_path / "saved.npz")))


def test_memory_is_bounded_on_disk(tmp_path):
    """38 MB of run pass through two of heap, and load without being read."""
    sizes = {"rounds": 2_000, "satellites": 300, "stations": 1, "targets": 1, "actions": 1}
    rng = np.random.default_rng(0)
    static, row = draws(rng, sizes, STATIC), draws(rng, sizes, MOVING)
    tracemalloc.start()
    try:
        with Recorder({}, **sizes, folder=tmp_path / "run", static=static) as recorder:
            for _ in range(sizes["rounds"]):
                recorder.append(**row)
                recorder.event(0.0, 0, "capture")
        recording_peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.clear_traces()
        tracemalloc.reset_peak()
        opened = Recording.load(tmp_path / "run")
        loading_peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(opened[name].nbytes for name in opened) > 35e6
    assert recording_peak < 2e6
    assert loading_peak < 2e6
    assert all(isinstance(opened[name], np.memmap) for name in opened)


def test_optional_variables_follow_the_first_round():
    recorder, _ = record(names=[n for n in MOVING if n != "probability"])
    assert set(OPTIONAL & set(recorder.recording)) == OPTIONAL - {"probability"}
    with pytest.raises(SandboxError, match="'probability' was not recorded"):
        recorder.recording["probability"]
    recorder, _ = record(names=[n for n in MOVING if n not in OPTIONAL], rounds=1)
    recorder.append(**draws(np.random.default_rng(0), SIZES, MOVING))  # those too late are dropped
    assert not OPTIONAL & set(recorder.recording)


def test_optional_variables_are_off_for_large_fleets():
    big = {"rounds": 1, "satellites": 1001, "stations": 0, "targets": 0, "actions": 2}
    assert not OPTIONAL & set(record(sizes=big)[0].recording)
    assert set(OPTIONAL & set(record(sizes=big, optional={"mask"})[0].recording)) == {"mask"}
    assert set(record(sizes=big | {"satellites": 1000})[0].recording) >= OPTIONAL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batery": np.zeros(3)}, "batery.*did you mean battery"),
        ({"station_latitude": np.zeros(2)}, "station_latitude"),
        ({"battery": None}, "battery missing"),
        ({"battery": np.zeros(2)}, r"battery has shape \(2,\) instead of \(3,\) \(satellite\)"),
        ({"battery": 1.0}, r"battery has shape \(\)"),
        ({"time": np.zeros(3)}, "time has shape .*one number"),
        ({"battery": np.array(["full"] * 3)}, "battery is <U4"),
        ({"mode": np.array([0.0, 1.0, 2.0])}, "mode is float64"),
        ({"mode": np.array([0, -1, 2])}, "mode holds -1, which does not fit uint8"),
        ({"action": np.array([0, 40_000, 2])}, "action holds 40000, which does not fit int16"),
        ({"alive": np.array([0, 1, 2])}, "alive holds 2, which does not fit bool"),
        ({"mask": None}, "mask missing"),
    ],
)
def test_refused_rounds_leave_no_trace(change, message):
    recorder, rows = record(rounds=2)
    row = draws(np.random.default_rng(9), SIZES, MOVING)
    broken = {name: value for name, value in (row | change).items() if value is not None}
    with pytest.raises(SandboxError, match=message):
        recorder.append(**broken)
    assert_holds(recorder.recording, rows)
    recorder.append(**row)
    assert_holds(recorder.recording, [*rows, row])


def test_refused_first_round_settles_nothing(tmp_path):
    recorder, _ = record(tmp_path / "run", rounds=0)
    row = draws(np.random.default_rng(9), SIZES, MOVING)
    with pytest.raises(SandboxError, match="sun"):
        recorder.append(**row | {"sun": 0.0})
    del row["mask"]
    recorder.append(**row)
    assert_holds(recorder.close(), [row])
    assert not (tmp_path / "run" / "mask.npy").exists()


def test_values_of_other_types_are_stored_if_nothing_is_lost():
    recorder, _ = record(rounds=0)
    row = draws(np.random.default_rng(9), SIZES, MOVING)
    wide = row | {"alive": np.array([0, 1, 1], np.int8), "mode": [0, 255, 3], "time": 30, "sun": [0, 0, 1]}
    wide |= {"battery": row["battery"].astype(float), "action": row["action"].astype(np.int64)}
    recorder.append(**wide)
    frame = recorder.frame()
    assert frame["mode"].tolist() == [0, 255, 3]
    assert frame["alive"].tolist() == [False, True, True]
    assert frame["time"] == 30.0
    np.testing.assert_array_equal(frame["battery"], row["battery"])


def test_full_and_closed_recorders_say_so():
    recorder, rows = record()
    with pytest.raises(SandboxError, match="full after 5 rounds"):
        recorder.append(**rows[0])
    assert len(recorder.close()) == len(recorder.close()) == 5
    with pytest.raises(SandboxError, match="closed after 5 rounds"):
        recorder.append(**rows[0])
    with pytest.raises(SandboxError, match="closed"):
        recorder.event(0.0, 0, "capture")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": 0}, "0 along 'time'; give 1 or more"),
        ({"satellites": 0}, "'satellite'"),
        ({"flush_every": 0}, "flush_every is 0"),
        ({"targets": -1}, "'ground_target'; give 0"),
        ({"optional": {"masks"}}, "masks.*did you mean mask"),
        ({"static": {}}, "no station_latitude, .*target_value; give 2 values"),
        ({"static": {"mode": []}}, "Unknown variable in Recorder static 'mode'"),
        ({"meta": {"satellite_names": ["A"]}}, "'satellite_names' holds 1 names for 3"),
        ({"meta": {"when": np.datetime64("now")}}, "'when' cannot be JSON"),
    ],
)
def test_bad_recorders(options, message):
    static = draws(np.random.default_rng(0), SIZES, STATIC)
    with pytest.raises(SandboxError, match=message):
        Recorder(**{"meta": {}, "static": static} | SIZES | options)


def test_a_run_is_not_overwritten(tmp_path):
    record(tmp_path / "run")
    with pytest.raises(SandboxError, match="already holds a recording"):
        record(tmp_path / "run")


def test_full_disk_is_told_before_it_kills(tmp_path):
    with pytest.raises(SandboxError, match="GB are free"):
        Recorder({}, 10**9, 10**6, 0, 0, 0, folder=tmp_path / "run")


def test_frames():
    recorder, rows = record()
    recording = recorder.close()
    for k in (0, 3, -1):
        frame = recording.frame(k)
        assert set(frame) == set(recording)
        assert frame["position"].shape == (3, 3)
        np.testing.assert_array_equal(frame["battery"], rows[k]["battery"])
        np.testing.assert_array_equal(frame["target_value"], recording["target_value"])
        assert frame["time"] == recording["time"][k]
        assert frame.meta["scenario"] == "duty"
    for k in (5, -6):
        with pytest.raises(SandboxError, match=f"Round {k} is outside the 5"):
            recording.frame(k)


def test_recordings_are_read_only():
    recording = record()[0].close()
    for view in (recording, recording.frame(0)):
        with pytest.raises(ValueError, match="read-only"):
            view["battery"][0] = 0.0
    with pytest.raises(TypeError):
        recording.meta["seed"] = 8


def test_names_and_repr():
    recording = record()[0].close()
    assert "battery" in recording
    assert "charge" not in recording
    assert set(dict(recording.arrays)) == set(VARIABLES)
    assert repr(recording) == "<Recording duty greedy 7: 5 rounds, 3 satellites, 5 events>"
    with pytest.raises(SandboxError, match="did you mean battery"):
        recording["batery"]


def test_events_select():
    recording = record()[0].close()
    late = recording.events[recording.events.time_s >= 3.0]
    assert late.rows() == [(3.0, 0, "capture", 3, 1.5, "line\n3 é"), (4.0, 1, "capture", 4, 2.0, "line\n4 é")]
    assert len(recording.events[recording.events.kind == "downlink"]) == 0


def test_dataset(tmp_path):
    recording = record()[0].close()
    dataset = recording.to_dataset()
    assert dataset["position"].dims == ("time", "satellite", "axis")
    assert dataset["mask"].dims == ("time", "satellite", "choice")
    assert dataset["target_state"].dims == ("time", "ground_target")
    assert dataset["station_latitude"].dims == ("ground_station",)
    assert dataset["temperature"].attrs == {"units": "K", "description": "temperature of the body"}
    assert dataset["satellite"].values.tolist() == META["satellite_names"]
    assert dataset["ground_station"].values.tolist() == META["station_names"]
    assert dataset.attrs["scenario"] == "duty"
    np.testing.assert_array_equal(dataset["battery"].sel(satellite="SCS-01 B"), recording["battery"][:, 1])
    np.testing.assert_array_equal(dataset["time"], recording["time"])
    assert set(dataset.variables) == set(VARIABLES) | {"satellite", "axis", "ground_station"}
    dataset.to_netcdf(tmp_path / "run.nc")
    again = __import__("xarray").load_dataset(tmp_path / "run.nc")
    np.testing.assert_array_equal(again["position"], recording["position"])
    assert again["satellite"].values.tolist() == META["satellite_names"]
    assert again.attrs["scenario"] == "duty"


def test_a_name_for_views_changes_nothing_else():
    recording = record()[0].close()
    named = recording.named("learned")
    assert named.meta["policy"] == "learned"
    assert {**named.meta, "policy": recording.meta.get("policy")} == {
        **recording.meta,
        "policy": recording.meta.get("policy"),
    }
    assert named.arrays is recording.arrays
    assert named.events is recording.events


def test_long_table():
    recording = record()[0].close()
    table = recording.to_frame()
    assert len(table) == 15
    assert {"time", "satellite", "battery", "action", "reward"} <= set(table)
    assert "position" not in table
    picked = table[table.satellite == "SCS-01 B"]
    np.testing.assert_array_equal(picked.battery, recording["battery"][:, 1])
    np.testing.assert_array_equal(picked.time, recording["time"])


@pytest.mark.parametrize(("method", "module"), [("to_dataset", "xarray"), ("to_frame", "pandas")])
def test_missing_packages_are_named(monkeypatch, method, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SandboxError, match=f"pip install {module}"):
        getattr(record()[0].close(), method)()


def test_save_wants_npz(tmp_path):
    with pytest.raises(SandboxError, match=r"call it run\.npz"):
        record()[0].close().save(tmp_path / "run")


def test_foreign_files(tmp_path):
    with pytest.raises(SandboxError, match="no such recording"):
        Recording.load(tmp_path / "none.npz")
    for name, content in {"text.npz": b"hello", "empty.npz": b"", "pickle.npz": b"\x80\x04N."}.items():
        (tmp_path / name).write_bytes(content)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "folder").mkdir()
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "meta.json").write_text('{"name": "something else"}')
    for path in tmp_path.iterdir():
        with pytest.raises(SandboxError, match=path.name) as caught:
            Recording.load(path)
        assert "\n" not in str(caught.value)


def test_damaged_npz_is_one_sentence(tmp_path):
    whole = record()[0].close().save(tmp_path / "run.npz").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "hurt.npz"
    for _ in range(150):
        hurt = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.3 else whole)
        hurt[rng.integers(len(hurt))] ^= int(rng.integers(1, 256))
        path.write_bytes(hurt)
        with suppress(SandboxError):  # a few bytes do not matter; no other exception may come out
            Recording.load(path)


def _edit_meta(folder, **changes):
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "battery.npy").unlink(), "'battery' is missing"),
        (lambda f: np.save(f / "battery.npy", np.zeros((5, 3))), "'battery' is float64"),
        (lambda f: np.save(f / "battery.npy", np.zeros((5, 2), "f4")), r"\(5, 2\), not float32 \(5, 3\)"),
        (lambda f: np.save(f / "sun.npy", np.zeros(5)), "'sun' is"),
        (lambda f: np.save(f / "mode.npy", np.zeros((5, 3), object), allow_pickle=True), "damaged"),
        (lambda f: _edit_meta(f, rounds_written=6), "damaged"),
        (lambda f: _edit_meta(f, version=99), "format 99 is newer"),
        (lambda f: _edit_meta(f, format="video"), "a 'video', not a recording"),
        (lambda f: (f / "events.jsonl").write_text(""), "0 of 5 events"),
        (lambda f: (f / "events.jsonl").write_text("[1\n" * 5), "damaged"),
        (lambda f: (f / "meta.json").write_text("{"), "JSONDecodeError"),
        (lambda f: (f / "events.jsonl").unlink(), "FileNotFoundError"),
    ],
)
def test_damaged_folders(tmp_path, damage, message):
    record(tmp_path / "run")[0].close()
    damage(tmp_path / "run")
    with pytest.raises(SandboxError, match=message) as caught:
        Recording.load(tmp_path / "run")
    assert str(tmp_path / "run") in str(caught.value)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = record()[0].close().save(tmp_path / "run.npz")
    before = path.read_bytes()
    monkeypatch.setattr(np, "savez_compressed", lambda file, **_: (file.write(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        record()[0].close().save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_every_variable_is_declared_in_full():
    for variable in VARIABLES.values():
        assert set(variable.dims) <= set(DIMS)
        assert variable.description
        assert np.dtype(variable.dtype).itemsize <= 8
    assert TARGET_STATES.index("captured") == 2


@pytest.mark.parametrize(("now", "before"), RENAMED.items())
def test_what_an_older_version_wrote_is_read_by_the_names_of_today(tmp_path, now, before):
    recorder, rows = record(tmp_path / "folder")
    saved = recorder.close().save(tmp_path / "new.npz")
    (tmp_path / "folder" / f"{now}.npy").rename(tmp_path / "folder" / f"{before}.npy")
    with np.load(saved) as data:
        np.savez(tmp_path / "old.npz", **{before if name == now else name: data[name] for name in data})
    wanted = np.stack([row[now] for row in rows])
    for path in (tmp_path / "folder", tmp_path / "old.npz", saved):
        assert np.array_equal(Recording.load(path)[now], wanted)
        assert before not in Recording.load(path)


def test_a_copy_goes_on_by_itself_and_takes_no_more_than_what_was_written():
    recorder, rounds = record(rounds=3)
    recorder._columns["battery"].array[3:] = 7.0  # not written: room that a copy does not touch
    twin = copy.deepcopy(recorder)
    assert_same(twin.recording, recorder.recording)
    assert not twin._columns["battery"].array[3:].any()
    twin.append(**rounds[0])
    twin.event(1.0, 0, "capture")
    assert (len(twin), len(recorder)) == (4, 3)
    assert len(twin.recording.events) == len(recorder.recording.events) + 1
    assert_same(copy.deepcopy(twin).recording, twin.recording)
