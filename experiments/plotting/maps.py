"""The world below a run."""

from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.plotting import style
from experiments.plotting.labels import Label, put_labels
from sandbox.errors import SandboxError
from sandbox.geography import coastline
from sandbox.recording import TARGET_STATES, Recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 12.0, 0.55, 0.25, 0.95, 0.9  # inches
OCEAN, LAND, COAST = "#EEF3F8", "#DCE0DE", "#AEB7BE"
SUN_EDGE = "#C9B800"
ORBIT_S = 5_700.0  # about one revolution in low orbit
REVOLUTIONS = 12  # of track that one map can bear
NAMED = 26  # satellites that are still named, and joined to what they see


def ground_track(
    recording: Recording, path: Path | str | None = None, satellites: Sequence[int] | None = None
) -> "Figure":
    """The world at the end of a run: night, stations, requests by state, and where satellites came from.

    Tracks show the last revolution, less where there are more than 12 `satellites` (indices; default all), in
    the colour of what was done. Returns the figure, saved as PNG to `path`. Raises `SandboxError` for a
    recording without rounds or a satellite that is not in it.
    """
    recording.frame()  # refuses an empty one
    chosen = _chosen(recording, satellites)
    time = recording["time"]
    trail_s = ORBIT_S * min(1.0, REVOLUTIONS / len(chosen))
    first = int(np.searchsorted(time, time[-1] - trail_s))
    with style.styled():
        axes = _world()
        _night(axes, recording)
        _targets(axes, recording)
        _tracks(axes, recording, chosen, first)
        if len(chosen) <= NAMED:
            _sights(axes, recording, chosen, first)
        labels = [*_stations(axes, recording), *_satellites(axes, recording, chosen)]
        put_labels(axes, labels)
        _key(axes, recording)
        past = time[-1] - time[first]
        tracks = f"tracks: last {style.duration(past)}" if past >= 60 else ""
        facts = style.satellites(len(chosen)), style.clock(recording.meta, time[-1]), tracks
        style.headline(axes.figure, recording.meta, LEFT, *facts)
        return style.save(axes.figure, path)


def subsolar(sun: np.ndarray, earth_angle: float) -> tuple[float, float]:
    """Latitude and longitude (rad) below the Sun, whose unit vector is given in GCRS."""
    longitude = np.arctan2(sun[1], sun[0]) - earth_angle
    return float(np.arcsin(sun[2])), float((longitude + np.pi) % (2 * np.pi) - np.pi)


def _chosen(recording: Recording, satellites: Sequence[int] | None) -> list[int]:
    fleet = range(recording.doing.shape[1])
    chosen = list(fleet if satellites is None else satellites)
    if wrong := [s for s in chosen if s not in fleet]:
        raise SandboxError(f"ground_track: no satellite {wrong[0]}; give indices from 0 to {fleet[-1]}.")
    if not chosen:
        raise SandboxError("ground_track: satellites is empty; leave it out to draw all.")
    return chosen


def _world() -> "Axes":
    """An equirectangular map of land, sea and graticule, in degrees."""
    from matplotlib.figure import Figure

    across = WIDTH - LEFT - RIGHT
    height = TOP + across / 2 + BOTTOM
    figure = Figure((WIDTH, height), dpi=150)
    axes = figure.add_axes(
        (LEFT / WIDTH, BOTTOM / height, across / WIDTH, across / 2 / height), facecolor=OCEAN
    )
    coast_outline(axes, facecolor=LAND, edgecolor=COAST)
    axes.set(xlim=(-180, 180), ylim=(-90, 90), xticks=range(-120, 121, 60), yticks=range(-60, 61, 30))
    axes.xaxis.set_major_formatter(lambda x, _: f"{abs(x):.0f}°{'W' if x < 0 else 'E' if x else ''}")
    axes.yaxis.set_major_formatter(lambda y, _: f"{abs(y):.0f}°{'S' if y < 0 else 'N' if y else ''}")
    axes.tick_params(length=0, pad=5)
    axes.grid(color="#8A97A5", alpha=0.25, lw=0.5, zorder=1.5)
    axes.set_axisbelow(False)
    axes.spines[:].set_visible(False)
    return axes


def coast_outline(axes: "Axes", **look: str) -> None:
    """The land of the world on axes in degrees."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    copies = [Outline(ring + np.array([turn, 0.0])) for ring in coastline() for turn in (-360.0, 0.0, 360.0)]
    land = Outline.make_compound_path(*copies)
    axes.add_patch(PathPatch(land, lw=0.5, zorder=1, gid="land", **look))


def _night(axes: "Axes", recording: Recording) -> None:
    """Night, full where the Sun is 12 degrees below the horizon, and the Sun itself where it is overhead."""
    latitude, longitude = subsolar(recording["sun"][-1], recording["earth_angle"][-1])
    y, x = np.radians(np.mgrid[-89.75:90:0.5, -179.75:180:0.5])
    height = np.sin(y) * np.sin(latitude) + np.cos(y) * np.cos(latitude) * np.cos(x - longitude)
    depth = np.clip(-height / np.sin(np.radians(12.0)), 0.0, 1.0)
    shade = np.empty((*depth.shape, 4))
    shade[..., :3] = tuple(int(style.NIGHT[i : i + 2], 16) / 255 for i in (1, 3, 5))
    shade[..., 3] = 0.32 * depth * depth * (3 - 2 * depth)
    axes.imshow(
        shade, extent=(-180, 180, -90, 90), origin="lower", interpolation="bilinear", zorder=2, gid="night"
    )
    spot = np.degrees([[longitude], [latitude]])
    axes.plot(
        *spot, "o", ms=13, mfc=style.YELLOW, mec=SUN_EDGE, mew=0.8, zorder=2.5, clip_on=False, gid="sun"
    )


def _targets(axes: "Axes", recording: Recording) -> None:
    x, y = (np.degrees(recording[f"target_{name}"]) for name in ("longitude", "latitude"))
    size, edge = (np.interp(len(x), [50, 1_000, 8_000], ends) for ends in ([26, 7, 2.5], [0.9, 0.9, 0.5]))
    faint = {"alpha": float(np.interp(len(x), [1_000, 8_000], [1.0, 0.45]))}
    for name, here in _states(recording).items():
        look = _LOOKS[name] | {"s": size, "gid": f"target:{name}"} | (faint if name == "expired" else {})
        artist = axes.scatter(x[here], y[here], **look)
        width = min(edge, np.ravel(artist.get_linewidth())[0])
        artist.set(zorder=2.9 if name == "expired" else 3, linewidth=width)


def _states(recording: Recording) -> dict[str, np.ndarray]:
    """Which requests were in each state at the end; all merely requests where that was not recorded."""
    if "target_state" not in recording:
        return {"request": np.ones(len(recording["target_value"]), bool)}
    return {name: recording["target_state"][-1] == code for code, name in enumerate(TARGET_STATES)}


_LOOKS = {
    "request": {"marker": "o", "fc": "white", "ec": style.GREY, "lw": 0.9},
    "not yet": {"marker": ".", "c": style.GREY, "alpha": 0.5, "lw": 0},
    "open": {"marker": "o", "fc": "white", "ec": style.INK, "lw": 0.9},
    "captured": {"marker": "o", "fc": style.SKY, "ec": style.BLUE, "lw": 0.9},
    "delivered": {"marker": "o", "c": style.GREEN, "lw": 0},
    "expired": {"marker": "x", "c": style.GREY, "lw": 0.8},
}


def _tracks(axes: "Axes", recording: Recording, chosen: list[int], first: int) -> None:
    """What lies below each satellite since round `first`, in the colour of its mode, fading into the past."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba_array

    names, colours = style.modes(recording)
    kinds = [*names, "lost"]
    pens = to_rgba_array(
        [*(style.GREY if n == "idle" else c for n, c in zip(names, colours, strict=True)), style.GREY]
    )
    widths = np.array([2.6 if kind in ("observe", "downlink") else 1.1 for kind in kinds])
    fade = np.linspace(0.15, 0.95, max(len(recording) - 1 - first, 0))
    for s in chosen:
        track = np.degrees(np.stack([recording[c][first:, s] for c in ("longitude", "latitude")], axis=1))
        kind = np.where(recording["alive"][first:-1, s], recording.doing[first:-1, s], len(names))
        paint = pens[kind]
        paint[:, 3] = fade
        pieces, source = _pieces(track[:-1], track[1:])
        lines = LineCollection(
            pieces, colors=paint[source], linewidths=widths[kind][source], capstyle="round"
        )
        axes.add_collection(lines, autolim=False)
        lines.set(zorder=4, gid=f"track:{s}")


def _sights(axes: "Axes", recording: Recording, chosen: list[int], first: int) -> None:
    """Lines from where a satellite was to what it captured, and to a station at the middle of a contact."""
    begin = recording["time"][first]
    events = recording.events
    seen = events[(events.kind == "capture") & (events.time_s >= begin) & np.isin(events.satellite, chosen)]
    rounds = np.searchsorted(recording["time"], seen.time_s, side="right") - 1
    known = seen.target >= 0
    captures = rounds[known], seen.satellite[known], seen.target[known]
    _join(axes, recording, "target", *captures, color=style.BLUE, gid="captures")
    contacts = _contacts(recording, chosen, first)
    _join(axes, recording, "station", *contacts, color=style.GREEN, gid="contacts")


def _contacts(recording: Recording, chosen: list[int], first: int) -> np.ndarray:
    """Middle round, satellite and station (3, contacts) of every unbroken downlink since round `first`."""
    found = []
    for s in chosen:
        served = np.where(recording["downlinked"][first:, s] > 0, recording["station"][first:, s], -1)
        turns = np.flatnonzero(np.diff(served, prepend=-1, append=-1))
        found += [(first + (a + b) // 2, s, served[a]) for a, b in pairwise(turns) if served[a] >= 0]
    return np.array(found, int).reshape(-1, 3).T


def _join(axes: "Axes", recording: Recording, what: str, rounds, satellites, places, **look) -> None:
    from matplotlib.collections import LineCollection

    names = ("longitude", "latitude")
    here = np.degrees(np.stack([recording[name][rounds, satellites] for name in names], axis=1))
    there = np.degrees(np.stack([recording[f"{what}_{name}"][places] for name in names], axis=1))
    pieces, _ = _pieces(here, there)
    lines = LineCollection(pieces, linewidths=0.8, alpha=0.8, linestyles=(0, (1.5, 1.5)), zorder=3.5, **look)
    axes.add_collection(lines, autolim=False)


def _pieces(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines (m, 2, 2) between points in degrees the short way round, and the row each comes from.

    A line over the date line is drawn twice, once beyond either edge of the map.
    """
    turn = np.round((end[:, 0] - start[:, 0]) / 360.0) * 360.0
    lines = np.stack([start, end - np.stack([turn, np.zeros_like(turn)], axis=1)], axis=1)
    source = np.arange(len(lines))
    over = np.flatnonzero(turn)
    again = lines[over] + np.stack([turn[over], np.zeros(len(over))], axis=1)[:, None, :]
    return np.concatenate([lines, again]), np.concatenate([source, over])


def _stations(axes: "Axes", recording: Recording) -> list[Label]:
    """The stations; their labels."""
    x, y = (np.degrees(recording[f"station_{name}"]) for name in ("longitude", "latitude"))
    look = {"marker": "^", "s": 46, "fc": style.INK, "ec": "white", "lw": 0.8}
    axes.scatter(x, y, zorder=6, gid="stations", **look)
    look = {"size": 8, "style": "italic"}
    names = recording.meta.get("station_names", [])
    return [
        Label(name, at, ("below", "above", "right", "left"), look)
        for name, at in zip(names, zip(x, y, strict=True), strict=False)
    ]


def _satellites(axes: "Axes", recording: Recording, chosen: list[int]) -> list[Label]:
    """Where they are now, in the colour of what they do; the lost ones hollow. Their labels."""
    _, modes = style.modes(recording)
    x, y = (np.degrees(recording[name][-1, chosen]) for name in ("longitude", "latitude"))
    lost = style.lost(recording)[chosen]
    colours = [
        "white" if gone else modes[m] for m, gone in zip(recording.doing[-1, chosen], lost, strict=True)
    ]
    size, edge = (np.interp(len(chosen), [12, 400], ends) for ends in ([58, 12], [0.9, 0.4]))
    axes.scatter(x, y, s=size, c=colours, ec=style.INK, lw=edge, zorder=7, clip_on=False, gid="satellites")
    names = recording.meta.get("satellite_names")
    if not names or len(chosen) > NAMED:
        return []
    common = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))
    look = {"size": 8.5, "weight": "bold"}
    return [
        Label(names[s][common:] or names[s], at, ("right", "left", "above", "below"), look)
        for s, at in zip(chosen, zip(x, y, strict=True), strict=True)
    ]


def _key(axes: "Axes", recording: Recording) -> None:
    """Below the map: what satellites do on the left, what became of requests on the right."""
    from matplotlib.lines import Line2D

    def dot(label: str, **look) -> Line2D:
        return Line2D([], [], ls="", label=label, **look)

    left = [dot(n, marker="o", ms=7, mfc=c, mec=style.INK, mew=0.8) for n, c in style.key(recording)]
    if style.lost(recording).any():
        left.append(dot("lost", marker="o", ms=7, mfc="white", mec=style.INK, mew=0.8))
    left.append(dot("station", marker="^", ms=7, mfc=style.INK, mec="white"))
    left.append(dot("Sun overhead", marker="o", ms=8, mfc=style.YELLOW, mec=SUN_EDGE))
    right = [axes.scatter([], [], s=24, label=name, **_LOOKS[name]) for name in _states(recording)]
    for rows in (1, 2, 3):  # the fewest in which the two do not meet
        legends = [
            _legend(axes, side, title, handles, rows)
            for side, title, handles in ((0, "Satellites", left), (1, "Requests", right))
        ]
        ends = [legend.get_window_extent() for legend in legends]
        if ends[0].x1 < ends[1].x0:
            break
        for legend in legends if rows < 3 else ():
            legend.remove()


def _legend(axes: "Axes", side: int, title: str, handles: list, rows: int) -> "Legend":
    """A legend in so many rows, below the map on the left (0) or on the right (1)."""
    place = {"loc": ("upper left", "upper right")[side], "bbox_to_anchor": (side, -0.04)}
    heading = {"title": title, "alignment": "left", "title_fontproperties": {"weight": "bold", "size": 9}}
    columns = -(-len(handles) // rows)
    legend = axes.legend(handles=handles, ncols=columns, borderaxespad=0, **place, **heading)
    axes.legend_ = None  # so that another may stand beside it
    axes.add_artist(legend)
    return legend
