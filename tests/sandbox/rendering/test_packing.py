"""Packed recordings: what comes out is what went in, to the precision that is promised, and it is small."""

import numpy as np
import pytest
from flown import flown, linked
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.recording import Events, Recorder, Recording
from sandbox.rendering import words
from sandbox.rendering.opening import opening
from sandbox.rendering.packing import pack, stride, unpacked
from sandbox.rendering.widget import part


def test_every_variable_comes_back_to_its_precision(circles):
    header, arrays = unpacked(pack(circles))
    precision = {
        "position": 120.0,
        "temperature": 0.05,
        "sun": 1e-4,
        "reward": 1e-3,
        "time": 1e-5,
        "earth_angle": 1e-9,
        "delivered_value": 1e-3,
        "downlinked": 1e5,
        "target_latitude": 5e-5,
        "target_longitude": 1e-4,
        "target_value": 1e-4,
        "station_latitude": 1e-9,
        "station_longitude": 1e-9,
    }
    shares = dict.fromkeys(("battery", "store", "sunlight", "probability"), 0.0050001)
    for name, most in (precision | shares).items():
        assert np.abs(arrays[name] - circles[name]).max() <= most, name
    for name in ("mode", "action", "station", "target", "target_state", "alive"):
        np.testing.assert_array_equal(arrays[name], circles[name], err_msg=name)
    open_ = np.unpackbits(arrays["mask"].astype(np.uint8), axis=2, bitorder="little")[..., :4]
    np.testing.assert_array_equal(open_, circles["mask"])
    assert header["meta"]["satellite_names"] == circles.meta["satellite_names"]
    assert len(header["events"]) == len(circles.events)


def test_the_coast_comes_back():
    from sandbox.geography import fine_coastline

    _, arrays = unpacked(pack(flown(rounds=1)))
    rings = np.split(arrays["coast"], np.cumsum(arrays["coast_lengths"].astype(int))[:-1])
    for mine, theirs in zip(rings, fine_coastline(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=0.0051)


@given(st.integers(1, 7))
def test_thinning_samples_states_and_sums_what_flows(every):
    recording = flown(satellites=3, rounds=23)
    _, arrays = unpacked(pack(recording, every=every))
    np.testing.assert_allclose(arrays["time"], recording["time"][::every], atol=1e-4)
    np.testing.assert_array_equal(arrays["mode"], recording["mode"][::every])
    assert arrays["reward"].sum() == pytest.approx(recording["reward"].sum(dtype=float), abs=0.05)


def test_a_long_run_is_thinned_to_steps_of_five_minutes_at_most():
    assert stride(flown(satellites=2, rounds=500)) == 1

    class Long:
        def __getitem__(self, name):
            return {"battery": np.empty((2880, 2800), bool), "time": np.arange(2880) * 30.0}[name]

    assert stride(Long()) == 9


@pytest.mark.parametrize("every", [0, -1, 1.5])
def test_a_stride_that_is_none(circles, every):
    with pytest.raises(SandboxError, match="whole number of rounds"):
        pack(circles, every=every)


def test_a_recording_without_rounds():
    with pytest.raises(SandboxError, match="outside the 0 recorded"):
        pack(Recorder({}, 5, 1, 0, 0, 1).recording)


def test_a_page_of_a_large_fleet_is_small():
    fleet = flown(satellites=2800, rounds=120, targets=500)
    assert 4 / 3 * len(pack(fleet)) < 1.4e6  # a page adds 0.1 MB


def test_words_beyond_the_room_are_counted_and_other_texts_stay(circles, monkeypatch):
    monkeypatch.setattr(words.kept_words, "__defaults__", (30_000,))
    noise = np.random.default_rng(0)
    rows = [(float(k), 0, "thought", -1, 0.0, noise.bytes(6_000).hex()) for k in range(300)]
    rows.append((300.0, -1, "disaster", 0, 0.0, '{"name": "Flood"}'))
    header, _ = unpacked(pack(Recording(circles.meta, circles.arrays, Events.from_rows(rows))))
    assert header["texts_left_out"] == sum(event[5] is None for event in header["events"]) == 300
    assert header["events"][-1][5] == '{"name": "Flood"}'
    assert header["kinds"]["disaster"][:2] == ["disaster", "health"]


def test_every_word_of_a_usual_run_is_kept(circles):
    header, _ = unpacked(pack(circles))
    assert header["texts_left_out"] == 0
    assert words.told_words(circles) == ""


def test_a_part_keeps_its_events_and_what_does_not_move(circles):
    parts = part(circles, 0, 13), part(circles, 13)
    assert [len(p) for p in parts] == [13, 27]
    assert sum(len(p.events) for p in parts) == len(circles.events)
    assert parts[0].events.time_s.max() < circles["time"][13] <= parts[1].events.time_s.min()
    np.testing.assert_array_equal(parts[1]["target_value"], circles["target_value"])
    header, arrays = unpacked(pack(parts[1], rest=False))
    assert "coast" not in arrays
    assert all(array["moving"] for array in header["arrays"])


def test_links_and_encounters_go_along_once_a_recording_has_them(circles):
    recording = linked(circles)
    _, arrays = unpacked(pack(recording))
    np.testing.assert_array_equal(arrays["link_peer"], recording["link_peer"])
    assert np.abs(arrays["encounter_position"] - recording["encounter_position"]).max() < 200


def test_a_world_without_requests_or_stations():
    recording = flown(targets=0)
    arrays = dict(recording.arrays) | {f"station_{axis}": np.empty(0) for axis in ("latitude", "longitude")}
    _, found = unpacked(pack(Recording(recording.meta, arrays, recording.events)))
    assert found["target_state"].shape == (40, 0)
    assert found["station_latitude"].shape == (0,)


def test_what_is_not_known_stays_so(circles):
    """NaN is neither 0 nor anything else; what is beside it keeps its accuracy."""
    holes = dict(circles.arrays)
    for name in ("probability", "temperature", "reward", "latitude", "encounter_position"):
        values = (
            np.array(holes[name]) if name in holes else np.zeros((*holes["battery"].shape, 3), np.float32)
        )
        values[::3, 1] = np.nan
        holes[name] = values
    holes["thought_s"] = np.full_like(holes["battery"], np.nan)
    header, arrays = unpacked(pack(Recording(circles.meta, holes, circles.events)))
    _, whole = unpacked(pack(circles))
    for name in ("probability", "temperature", "reward", "encounter_position"):
        assert np.array_equal(np.isnan(arrays[name]), np.isnan(holes[name])), name
    known = ~np.isnan(holes["reward"])
    np.testing.assert_allclose(arrays["reward"][known], whole["reward"][known], atol=1e-3)
    assert np.isnan(arrays["thought_s"]).all()
    assert {array["name"] for array in header["arrays"] if "gap" in array} == {
        "probability", "temperature", "reward", "encounter_position", "thought_s",
    }  # fmt: skip


def test_a_page_says_where_it_opens(circles):
    header, _ = unpacked(pack(circles))
    first = opening(circles)
    assert header["opening"] == pytest.approx(first, abs=0.06)
    assert "opening" not in unpacked(pack(circles, rest=False))[0]
