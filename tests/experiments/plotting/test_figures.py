"""What is drawn is what was recorded."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.plotting import style
from experiments.plotting.figures import ground_track, timeline
from experiments.plotting.maps import _pieces, subsolar
from sandbox.errors import SandboxError
from sandbox.recording import TARGET_STATES, Recorder


def drawn(figure, gid):
    """The one artist of the figure with this name."""
    [artist] = figure.findobj(lambda artist: artist.get_gid() == gid)
    return artist


def widths(bars):
    """The widths of the bars of a collection, in hours."""
    return [np.ptp(path.vertices[:, 0]) for path in bars.get_paths()]


def png_size(path):
    """Width and height of a whole PNG file."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data[-8:-4] == b"IEND"
    return struct.unpack(">II", data[16:24])


def text(figure):
    return {artist.get_text() for artist in figure.findobj(lambda a: hasattr(a, "get_text"))}


@pytest.fixture(scope="module")
def rows(synthetic_recording):
    return timeline(synthetic_recording)


@pytest.fixture(scope="module")
def world(synthetic_recording):
    return ground_track(synthetic_recording)


def test_bars_last_as_long_as_the_modes(synthetic_recording, rows):
    modes, alive = synthetic_recording["mode"], synthetic_recording["alive"]
    for s, satellite in enumerate(synthetic_recording.meta["satellite_names"]):
        for m, mode in enumerate(synthetic_recording.meta["mode_names"]):
            bars = drawn(rows, f"{satellite}:{mode}")
            doing = (modes[:, s] == m) & alive[:, s]
            assert sum(widths(bars)) == pytest.approx(doing.sum() * 30 / 3600)
            assert len(bars.get_paths()) == np.sum(np.diff(doing.astype(int), prepend=0) == 1)


def test_bars_begin_where_the_modes_do(synthetic_recording, rows):
    observing = synthetic_recording["mode"][:, 0] == 2
    starts = np.flatnonzero(np.diff(observing.astype(int), prepend=0) == 1) * 30 / 3600
    bars = drawn(rows, "SCS-01 A:observe")
    np.testing.assert_allclose([path.vertices[:, 0].min() for path in bars.get_paths()], starts)
    from matplotlib.colors import to_rgba

    assert tuple(bars.get_facecolor()[0]) == to_rgba(style.BLUE)


def test_eclipses_and_loss(synthetic_recording, rows):
    dark = (synthetic_recording["sunlight"] < 0.5) & synthetic_recording["alive"]
    assert sum(widths(drawn(rows, "SCS-01 C:shadow"))) == pytest.approx(dark[:, 2].sum() * 30 / 3600)
    share = 1 - synthetic_recording["sunlight"].mean(axis=1)
    shades = rows.findobj(lambda artist: artist.get_gid() == "shadow")
    assert len(shades) == 3
    np.testing.assert_allclose(shades[0].get_array().ravel(), share, atol=1e-6)
    assert "lost" in text(rows)


def test_lines_are_the_recorded_numbers(synthetic_recording, rows):
    hours = synthetic_recording["time"] / 3600
    alive = synthetic_recording["alive"]
    for name, shift in (("battery", 0.0), ("temperature", 273.15)):
        values = np.ma.masked_array(synthetic_recording[name].astype(float) - shift, ~alive)
        x, y = drawn(rows, name).get_data()
        np.testing.assert_allclose(x, hours)
        np.testing.assert_allclose(y, np.ma.median(values, axis=1), atol=1e-4)
    x, y = drawn(rows, "value").get_data()
    delivered = synthetic_recording["delivered_value"].sum(axis=1, dtype=float)
    np.testing.assert_allclose(np.diff(y), delivered)
    np.testing.assert_allclose(x[:-1], hours)
    assert f"{delivered.sum():.1f}" in text(rows)


def test_title_says_which_run(synthetic_recording, rows, world):
    for figure in (rows, world):
        assert drawn(figure, "title").get_text() == "Three trains"
        subtitle = drawn(figure, "subtitle").get_text()
        assert "greedy policy" in subtitle
        assert "seed 7" in subtitle
        assert "12 satellites" in subtitle
    assert "4 h from 2025-11-20 00:00 UTC" in drawn(rows, "subtitle").get_text()
    assert "2025-11-20 03:59 UTC" in drawn(world, "subtitle").get_text()
    assert set(synthetic_recording.meta["satellite_names"]) <= text(rows)


def test_large_fleets_are_shown_as_shares(synthetic_fleet, tmp_path):
    figure = timeline(synthetic_fleet, tmp_path / "fleet.png")
    modes = synthetic_fleet.meta["mode_names"]
    stairs = [drawn(figure, mode).get_data() for mode in modes]
    heights = np.array([upper - lower for upper, _, lower in stairs])
    np.testing.assert_allclose(heights.sum(axis=0), 1.0)
    expected = [(synthetic_fleet["mode"] == m).mean() for m in range(len(modes))]
    np.testing.assert_allclose(np.average(heights, axis=1, weights=np.diff(stairs[0].edges)), expected)
    assert "SCS-0001" not in text(figure)
    assert png_size(tmp_path / "fleet.png")[0] == 1800


def test_tracks_are_the_recorded_places(synthetic_recording, world):
    first = np.searchsorted(synthetic_recording["time"], synthetic_recording["time"][-1] - 5700)
    for s in (0, 5, 11):
        lines = np.array(drawn(world, f"track:{s}").get_segments())
        steps = len(synthetic_recording) - first - 1
        for axis, name in enumerate(("longitude", "latitude")):
            degrees = np.degrees(synthetic_recording[name][first:, s])
            np.testing.assert_allclose(lines[:steps, 0, axis], degrees[:-1], rtol=1e-6)
            np.testing.assert_allclose((lines[:steps, 1, axis] - degrees[1:]) % 360 % 359.9999, 0, atol=1e-3)
        assert np.abs(np.diff(lines[..., 0], axis=1)).max() < 90  # none runs across the map
        assert len(lines) > steps  # and one at least leaves it to come back


def test_colours_of_a_track_are_the_modes(synthetic_recording, world):
    from matplotlib.colors import to_rgb

    first = np.searchsorted(synthetic_recording["time"], synthetic_recording["time"][-1] - 5700)
    modes, alive = (synthetic_recording[name][first:-1] for name in ("mode", "alive"))
    for code, colour in ((1, style.ORANGE), (2, style.BLUE), (3, style.GREEN)):
        doing = (modes == code) & alive
        assert doing.any()
        for s in range(12):
            colours = drawn(world, f"track:{s}").get_colors()[: len(doing), :3]
            np.testing.assert_array_equal((colours == to_rgb(colour)).all(axis=1), doing[:, s])


def test_the_map_shows_the_last_round(synthetic_recording, world):
    last = synthetic_recording.frame()
    here = np.degrees(np.stack([last["longitude"], last["latitude"]], axis=1))
    np.testing.assert_allclose(drawn(world, "satellites").get_offsets(), here)
    stations = np.degrees(np.stack([last["station_longitude"], last["station_latitude"]], axis=1))
    np.testing.assert_allclose(drawn(world, "stations").get_offsets(), stations)
    for code, name in enumerate(TARGET_STATES):
        chosen = last["target_state"] == code
        targets = np.stack([last["target_longitude"], last["target_latitude"]], axis=1)[chosen]
        np.testing.assert_allclose(drawn(world, f"target:{name}").get_offsets(), np.degrees(targets))
    assert {"A", "L", "Kashgar", "lost"} <= text(world)


def test_captures_and_contacts_are_joined(synthetic_recording, world):
    begin = synthetic_recording["time"][-1] - 5700
    events = synthetic_recording.events
    captures = events[(events.kind == "capture") & (events.time_s >= begin)]
    ends = np.array(drawn(world, "captures").get_segments())[: len(captures), 1]
    assert len(ends) > 3
    np.testing.assert_allclose(
        ends[:, 1], np.degrees(synthetic_recording["target_latitude"])[captures.target]
    )
    contacts = np.array(drawn(world, "contacts").get_segments())
    served = set(synthetic_recording["station"][synthetic_recording["downlinked"] > 0].tolist())
    stations = np.degrees(synthetic_recording["station_latitude"])[sorted(served)]
    assert len(contacts)
    assert np.isclose(contacts[:, 1, 1][:, None], stations).any(axis=1).all()


def test_night_is_where_the_sun_is_not(synthetic_recording, world):
    shade = np.asarray(drawn(world, "night").get_array())[..., 3]
    [x], [y] = drawn(world, "sun").get_data()
    sun = subsolar(synthetic_recording["sun"][-1], synthetic_recording["earth_angle"][-1])
    np.testing.assert_allclose(np.radians([y, x]), sun)
    row, column = int((y + 90) * 2), int((x + 180) * 2)
    assert shade[row, column] == 0
    assert shade[359 - row, (column + 360) % 720] == shade.max() > 0.25
    cells = np.cos(np.radians(np.arange(-89.75, 90, 0.5)))[:, None]
    assert np.average(shade == 0, weights=np.broadcast_to(cells, shade.shape)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("sun", "angle", "place"),
    [
        ([1, 0, 0], 0.0, (0, 0)),
        ([0, 1, 0], 0.0, (0, 90)),
        ([1, 0, 0], 20.5 * np.pi, (0, -90)),
        ([0, 0.6, 0.8], 0.0, (53.13, 90)),
    ],
)
def test_subsolar_point(sun, angle, place):
    assert np.degrees(subsolar(np.array(sun), angle)) == pytest.approx(place, abs=0.01)


def test_lines_over_the_date_line_leave_and_come_back():
    lines, source = _pieces(np.array([[170.0, 0.0], [0.0, 0.0]]), np.array([[-170.0, 5.0], [10.0, 0.0]]))
    assert lines.tolist() == [[[170, 0], [190, 5]], [[0, 0], [10, 0]], [[-190, 0], [-170, 5]]]
    assert source.tolist() == [0, 1, 0]


def test_chosen_satellites(synthetic_recording):
    figure = ground_track(synthetic_recording, satellites=[2, 7])
    assert len(drawn(figure, "satellites").get_offsets()) == 2
    assert {"C", "H"} <= text(figure)
    assert not {"A", "B"} & text(figure)
    for wrong, message in (([12], "no satellite 12; give indices from 0 to 11"), ([], "is empty")):
        with pytest.raises(SandboxError, match=message):
            ground_track(synthetic_recording, satellites=wrong)


def test_png_files(synthetic_recording, tmp_path):
    figure = timeline(synthetic_recording, tmp_path / "made" / "timeline.png")
    ground_track(synthetic_recording, tmp_path / "made" / "map.png")
    assert png_size(tmp_path / "made" / "timeline.png") == tuple(
        int(d * 150) for d in figure.get_size_inches()
    )
    assert png_size(tmp_path / "made" / "map.png") == (1800, 1117)
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["map.png", "timeline.png"]
    before = (tmp_path / "made" / "map.png").read_bytes()
    ground_track(synthetic_recording, tmp_path / "made" / "map.png")
    assert (tmp_path / "made" / "map.png").read_bytes() == before


def bare(rounds=3, modes=None, targets=0, meta=None, **changes):
    """A recording with next to nothing in it: no names, targets or stations, and an unknown mode."""
    one = np.zeros(1)
    row = dict.fromkeys(["latitude", "longitude", "battery", "store", "temperature", "sunlight"], one)
    row |= dict.fromkeys(["reward", "delivered_value", "downlinked"], one)
    row |= {name: np.array([-1]) for name in ("action", "station", "target")}
    row |= {"earth_angle": 0.0, "sun": [1, 0, 0], "position": np.zeros((1, 3)), "alive": [True], "mode": [3]}
    static = dict.fromkeys(["target_latitude", "target_longitude", "target_value"], np.zeros(targets))
    recorder = Recorder(meta or {}, max(rounds, 1), 1, 0, targets, 0, static=static)
    for k in range(rounds):
        changes |= {"mode": [modes[k]]} if modes else {}
        recorder.append(time=60.0 * k, **row | changes)
    return recorder.close()


@pytest.mark.parametrize("changes", [{}, {"rounds": 1}, {"alive": [False]}])
def test_bare_recordings_can_be_drawn(changes, tmp_path):
    recording = bare(**changes)
    assert {"mode 3", "Run", "T+0.0 h"} & text(timeline(recording, tmp_path / "timeline.png"))
    ground_track(recording, tmp_path / "map.png")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("draw", [timeline, ground_track])
def test_empty_recordings_are_refused(draw, tmp_path):
    with pytest.raises(SandboxError, match="0 recorded"):
        draw(bare(rounds=0), tmp_path / "figure.png")
    assert not list(tmp_path.iterdir())


def test_a_figure_changes_no_global_state(synthetic_recording):
    import matplotlib

    before = dict(matplotlib.rcParams)
    timeline(synthetic_recording)
    assert dict(matplotlib.rcParams) == before


def test_importing_needs_no_matplotlib():
    code = "import sys, experiments.plotting.figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0


@pytest.mark.parametrize(("rounds", "unit", "label"), [(120, "minutes", "100"), (135, "hours", "0.25")])
def test_times_are_round_numbers(rounds, unit, label):
    axes = timeline(bare(rounds)).axes[-1]
    assert axes.get_xlabel().startswith(unit)
    assert label in {tick.get_text() for tick in axes.get_xticklabels()}


def test_the_last_round_counts_among_the_lost():
    recording = bare(modes=[0, 0, 1], meta={"mode_names": ["idle", "lost"]})
    assert style.lost(recording).tolist() == [True]
    assert style.key(recording) == [("idle", style.PALE)]
    assert "lost" in text(timeline(recording))
    assert "lost" in text(ground_track(recording))


def test_a_crowd_of_requests_stays_small():
    maps = [ground_track(bare(targets=count)) for count in (40, 1_000, 8_000)]
    few, many, crowd = (drawn(figure, "target:request").get_sizes()[0] for figure in maps)
    assert few > many > crowd > 0


@pytest.mark.parametrize("lost", [False, True])
def test_the_keys_below_the_map_stand_apart_and_on_the_page(lost):
    """However many activities there were: they go on in a second row."""
    from matplotlib.legend import Legend

    doing = ("idle", "charge", "observe", "downlink", "compute", "hand over", "burn", "safe mode")
    state = np.zeros(3, np.uint8)
    meta, count = {"mode_names": list(doing)}, len(doing)
    figure = ground_track(bare(count, [*range(count)], 3, meta, alive=[not lost], target_state=state))
    one, other = (legend.get_window_extent() for legend in figure.findobj(Legend))
    assert one.x1 < other.x0
    assert min(one.y0, other.y0) > 0.0
    words = [text for legend in figure.findobj(Legend) for text in (t.get_text() for t in legend.get_texts())]
    assert {*doing, "station", "Sun overhead", *TARGET_STATES} <= set(words)
    assert len(words) == len(set(words))
