"""Latency, energy and coverage: what is drawn is what was recorded, or has a closed form."""

import numpy as np
import pytest

from experiments.plotting.charts import in_view, latencies
from experiments.plotting.figures import coverage, energy, latency
from sandbox.errors import SandboxError
from sandbox.recording import Events, Recorder, Recording


def drawn(figure, gid):
    [artist] = figure.findobj(lambda artist: artist.get_gid() == gid)
    return artist


def still(recording, latitude, height):
    """The recording with every satellite standing at the same place above longitude 0, at `height` (m)."""
    arrays = dict(recording.arrays)
    angle, radius = recording["earth_angle"], 6_378_137.0 + height
    place = np.stack(
        [
            radius * np.cos(latitude) * np.cos(angle),
            radius * np.cos(latitude) * np.sin(angle),
            np.full(len(angle), radius * np.sin(latitude)),
        ],
        axis=1,
    )
    arrays["position"] = np.broadcast_to(place[:, None, :], recording["position"].shape)
    return Recording(recording.meta, arrays, recording.events)


@pytest.mark.parametrize("elevation", [0.0, 10.0, 40.0])
def test_coverage_is_a_cap_of_the_size_that_geometry_gives(synthetic_recording, elevation):
    share, count = in_view(still(synthetic_recording, 0.0, 550e3), elevation, cell_deg=0.5)
    angle = np.radians(elevation)
    cap = np.arccos(6_378_137.0 / 6_928_137.0 * np.cos(angle)) - angle
    weight = np.cos(np.radians(np.arange(-89.75, 90.0, 0.5)))[:, None]
    area = (share * weight).sum() / (720 * weight.sum())
    assert area == pytest.approx((1 - np.cos(cap)) / 2, rel=0.05)
    alive = synthetic_recording["alive"].sum(axis=1).mean()
    assert count[180, 360] == pytest.approx(alive, abs=0.05)
    assert share[180, 0] == 0


def test_the_map_of_coverage_shows_it(synthetic_recording, tmp_path):
    figure = coverage(synthetic_recording, tmp_path / "coverage.png")
    share, _ = in_view(synthetic_recording)
    np.testing.assert_allclose(drawn(figure, "coverage").get_array(), share)
    assert (tmp_path / "coverage.png").exists()


def test_waits_are_the_differences_of_their_events(synthetic_recording):
    rows = [
        (100.0, 0, "capture", 3, 1.0, ""),
        (700.0, 0, "delivery", 3, 1.0, ""),
        (250.0, 1, "capture", 5, 1.0, ""),
    ]
    arrays = dict(synthetic_recording.arrays)
    state = np.zeros_like(arrays["target_state"])
    state[2:, 3] = 1  # opens in the round that begins at 60 s
    state[:, 5] = 1  # was open before the run
    arrays["target_state"] = state
    found = latencies(Recording(synthetic_recording.meta, arrays, Events.from_rows(rows)))
    assert {name: list(waits) for name, waits in found.items()} == {
        "open to capture": [40.0],
        "capture to delivery": [600.0],
        "open to delivery": [640.0],
    }


def test_a_curve_ends_at_its_longest_wait(synthetic_recording):
    rows = [(60.0 * j, 0, "capture", j, 1.0, "") for j in range(4)]
    rows += [(60.0 * j + 120.0 * (j + 1), 0, "delivery", j, 1.0, "") for j in range(4)]
    recording = Recording(synthetic_recording.meta, synthetic_recording.arrays, Events.from_rows(rows))
    x, y = drawn(latency(recording), "capture to delivery").get_data()
    assert list(x) == [0, 2, 4, 6, 8]
    assert list(y) == [0, 0.25, 0.5, 0.75, 1]


def test_nothing_captured_is_said(synthetic_recording):
    recording = Recording(synthetic_recording.meta, synthetic_recording.arrays, Events.from_rows([]))
    texts = [t.get_text() for t in latency(recording).findobj(lambda a: hasattr(a, "get_text"))]
    assert "nothing came to an end" in texts


def test_charges_are_those_recorded(synthetic_recording, synthetic_fleet):
    np.testing.assert_array_equal(
        drawn(energy(synthetic_recording), "charge").get_array(), synthetic_recording["battery"].T
    )
    shown = drawn(energy(synthetic_fleet), "charge").get_array()
    assert shown.shape == (60, 120)


def test_mistakes(synthetic_recording):
    with pytest.raises(SandboxError, match="min_elevation_deg = 95"):
        coverage(synthetic_recording, min_elevation_deg=95.0)
    empty = Recorder({}, 5, 1, 0, 0, 1).recording
    for draw in (latency, energy, coverage):
        with pytest.raises(SandboxError, match="outside the 0 recorded"):
            draw(empty)
