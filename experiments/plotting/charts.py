"""Further figures for a paper: how long things take, where the energy goes, what is covered."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.plotting import style
from experiments.plotting.maps import COAST, coast_outline
from sandbox.errors import SandboxError
from sandbox.recording import TARGET_STATES, Recording
from sandbox.rendering.projection import direction, turned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LEFT = 12.0, 0.95  # inches
MINUTE, HOUR = 60.0, 3600.0
SCALE = "cividis"  # told apart with any colour vision
ROWS = 60  # satellites that still get a row each
EARTH_RADIUS = 6_378_137.0
CELL_DEG = 2.0
SAMPLES = 720  # rounds, evenly spread, from which coverage is counted
MOST_WORK = 400_000_000  # cells x satellites x rounds: beyond it fewer rounds are looked at


def latency(recording: Recording, path: Path | str | None = None) -> "Figure":
    """How long a request waits, as shares within a time: from opening to capture to delivery; questions, too,
    and thoughts.

    Where some take a hundred times as long as others the axis is logarithmic. Returns the figure, saved as
    PNG to `path`. Raises `SandboxError` for a recording without rounds.
    """
    recording.frame()  # refuses an empty one
    curves = latencies(recording)
    with style.styled():
        axes = _figure(3.6, right=3.9)
        colours = (style.BLUE, style.ORANGE, style.GREEN, style.VERMILLION, style.PURPLE)
        looks = dict(zip(curves, colours, strict=False))
        longest = 0.0
        for name, seconds in curves.items():
            if not len(seconds):
                continue
            minutes = np.sort(seconds) / MINUTE
            share = np.arange(1, len(minutes) + 1) / len(minutes)
            label = f"{name}: median {style.duration(float(np.median(seconds)))}, n = {len(minutes):,}"
            axes.step(
                np.append(0.0, minutes),
                np.append(0.0, share),
                where="post",
                color=looks[name],
                label=label,
                gid=name,
            )
            longest = max(longest, minutes[-1])
        axes.set(xlim=(0.0, longest or 1.0), ylim=(0.0, 1.02), xlabel="minutes")
        _spread(axes, curves, longest)
        axes.set_yticks([0.0, 0.5, 0.9, 1.0], ["0", "50 %", "90 %", "100 %"])
        axes.grid(True, axis="y")
        if longest:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), handlelength=1.6)
        else:
            axes.text(0.5, 0.5, "nothing came to an end", transform=axes.transAxes, ha="center")
        style.caption(axes, "Latency", "share of what came to its end in the run, within a time")
        return _finished(axes.figure, recording, path)


TICKS = (1e-3, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 6 * 3_600.0, 24 * 3_600.0)
"""Seconds that an axis of times of every size names."""


def _spread(axes: "Axes", curves: dict[str, np.ndarray], longest: float) -> None:
    """A logarithmic axis with named times, where the shortest would not be seen on a plain one."""
    medians = [float(np.median(seconds)) for seconds in curves.values() if len(seconds)]
    if not medians or max(medians) < 100.0 * max(min(medians), 1e-6):
        return
    positive = [seconds[seconds > 0.0] for seconds in curves.values()]
    shortest = min(float(seconds.min()) for seconds in positive if len(seconds))
    axes.set_xscale("log")
    axes.set(xlim=(0.7 * shortest / MINUTE, longest), xlabel="")
    ticks = [tick for tick in TICKS if 0.7 * shortest <= tick <= longest * MINUTE]
    axes.set_xticks([tick / MINUTE for tick in ticks], [style.duration(tick) for tick in ticks])
    axes.minorticks_off()


def latencies(recording: Recording) -> dict[str, np.ndarray]:
    """Seconds of every wait that ended in the run, by name: to capture, to delivery, both, and thinking."""
    events = recording.events
    captured = _last_time(events[events.kind == "capture"])
    delivered = _last_time(events[events.kind == "delivery"])
    opened = _openings(recording)
    both = [j for j in delivered if j in captured]
    found = {
        "open to capture": [captured[j] - opened[j] for j in captured if j in opened],
        "capture to delivery": [delivered[j] - captured[j] for j in both],
        "open to delivery": [delivered[j] - opened[j] for j in both if j in opened],
    }
    answers = events[events.kind == "answer"]
    if len(answers):
        found["question to answer"] = [json.loads(text)["latency_s"] for text in answers.text.tolist()]
    if "thought_s" in recording:
        spent = recording["thought_s"]
        found["thinking"] = spent[spent > 0].astype(float).tolist()
    return {name: np.array(seconds, float) for name, seconds in found.items()}


def _last_time(events) -> dict[int, float]:
    return {int(j): float(t) for t, j in zip(events.time_s, events.target, strict=True) if j >= 0}


def _openings(recording: Recording) -> dict[int, float]:
    """When each request that was not open at the start opened, to a round, where states were recorded."""
    if "target_state" not in recording:
        return {}
    waiting = recording["target_state"] == TARGET_STATES.index("not yet")
    first = np.argmin(waiting, axis=0)
    opens = waiting[0] & ~waiting.all(axis=0)
    return {int(j): float(recording["time"][first[j]]) for j in np.flatnonzero(opens)}


def energy(recording: Recording, path: Path | str | None = None) -> "Figure":
    """The charge of every battery over time, and how low each of them fell.

    More than 60 satellites are shown from the lowest to the highest charge of each moment. Returns the
    figure, saved as PNG to `path`. Raises `SandboxError` for a recording without rounds.
    """
    recording.frame()  # refuses an empty one
    battery = recording["battery"]
    satellites = battery.shape[1]
    single = satellites <= ROWS
    names = recording.meta.get("satellite_names") or [str(n) for n in range(satellites)]
    hours = (recording["time"] - recording["time"][0]) / HOUR
    step = hours[1] - hours[0] if len(hours) > 1 else 1 / 120
    shown = battery if single else np.sort(battery, axis=1)
    with style.styled():
        axes = _figure(max(1.6, 0.24 * satellites) if single else 3.6, right=3.4)
        extent = (0.0, hours[-1] + step, satellites - 0.5, -0.5)
        image = axes.imshow(
            shown.T, aspect="auto", cmap=SCALE, vmin=0.0, vmax=1.0, extent=extent, interpolation="nearest"
        )
        image.set_gid("charge")
        axes.set_xlabel("hours", loc="left")
        lowest = axes.figure.add_axes(_beside(axes), sharey=axes)
        least = battery.min(axis=0) if single else np.sort(battery.min(axis=0))
        lowest.barh(np.arange(satellites), least, height=0.7 if single else 1.0, color=style.BLUE)
        lowest.set(xlim=(0.0, 1.0), xticks=[0.0, 0.5, 1.0])
        lowest.set_xticklabels(["0", "50", "100 %"])
        lowest.tick_params(labelleft=False, length=0)
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(*((range(satellites), names) if single else ([], [])))
        remark = (
            "of the battery" if single else "of the batteries, at each moment from the lowest to the highest"
        )
        style.caption(axes, "Charge", remark)
        style.caption(lowest, "Lowest charge")
        _bar(axes.figure, image, "charge")
        return _finished(axes.figure, recording, path)


def coverage(
    recording: Recording, path: Path | str | None = None, min_elevation_deg: float = 10.0
) -> "Figure":
    """The share of the run in which a place has a satellite at least so high above its horizon.

    Where all of the Earth always has one, the mean number of them instead. Returns the figure, saved as PNG
    to `path`. Raises `SandboxError` for a recording without rounds, or an elevation outside 0 to 90 degrees.
    """
    share, count = in_view(recording, min_elevation_deg)
    always = bool(share.min() > 0.999)
    with style.styled():
        axes = _figure((WIDTH - LEFT - 1.6) / 2, right=1.6)
        shown = count if always else share
        image = axes.imshow(shown, origin="lower", cmap=SCALE, extent=(-180, 180, -90, 90), vmin=0.0)
        image.set_gid("coverage")
        coast_outline(axes, facecolor="none", edgecolor=COAST)
        x, y = (np.degrees(recording[f"station_{name}"]) for name in ("longitude", "latitude"))
        axes.scatter(x, y, marker="^", s=40, fc="white", ec=style.INK, lw=0.8, gid="stations")
        axes.set(xlim=(-180, 180), ylim=(-90, 90), xticks=range(-120, 121, 60), yticks=range(-60, 61, 30))
        axes.xaxis.set_major_formatter(lambda x, _: f"{abs(x):.0f}°{'W' if x < 0 else 'E' if x else ''}")
        axes.yaxis.set_major_formatter(lambda y, _: f"{abs(y):.0f}°{'S' if y < 0 else 'N' if y else ''}")
        what = "mean number of satellites" if always else "share of the time with a satellite"
        style.caption(axes, "Coverage", f"{what} at least {min_elevation_deg:g}° above the horizon")
        _bar(axes.figure, image, "satellites" if always else "share of the time", percent=not always)
        return _finished(axes.figure, recording, path)


def in_view(
    recording: Recording, min_elevation_deg: float = 10.0, cell_deg: float = CELL_DEG
) -> tuple[np.ndarray, np.ndarray]:
    """The share of the run with a satellite in view, and their mean number, for every cell of the Earth.

    Rows go from south to north, columns from 180 degrees west on.

    On a sphere: a satellite at distance r from its centre is above elevation e within
    arccos(R cos e / r) - e of its subsatellite point. Of a long run, evenly spread rounds are looked at.
    """
    recording.frame()  # refuses an empty one
    if not 0.0 <= min_elevation_deg < 90.0:
        raise SandboxError(f"min_elevation_deg = {min_elevation_deg:g}; give 0 to 90.")
    latitude = np.radians(np.arange(-90.0, 90.0, cell_deg) + cell_deg / 2)
    longitude = np.radians(np.arange(-180.0, 180.0, cell_deg) + cell_deg / 2)
    up = direction(*np.meshgrid(latitude, longitude, indexing="ij")).reshape(-1, 3).astype(np.float32)
    satellites = recording["position"].shape[1]
    rounds = int(np.clip(MOST_WORK // (len(up) * satellites), 24, SAMPLES))
    chosen = np.unique(np.linspace(0, len(recording) - 1, rounds).astype(int))
    elevation, seen = np.radians(min_elevation_deg), np.zeros((2, len(up)))
    for k in chosen:
        alive = recording["alive"][k]
        position = turned(recording["position"][k][alive].astype(float), recording["earth_angle"][k])
        distance = np.linalg.norm(position, axis=1)
        reach = np.cos(np.arccos(EARTH_RADIUS * np.cos(elevation) / distance) - elevation)
        count = (up @ (position / distance[:, None]).T.astype(np.float32) >= reach).sum(axis=1)
        seen += count > 0, count
    share, count = (seen / len(chosen)).reshape(2, len(latitude), len(longitude))
    return share, count


def _figure(height: float, right: float = 0.5) -> "Axes":
    """Axes of this height in a figure with room for the title block above."""
    from matplotlib.figure import Figure

    total = 1.32 + height + 0.75
    figure = Figure((WIDTH, total), dpi=150)
    return figure.add_axes((LEFT / WIDTH, 0.75 / total, (WIDTH - LEFT - right) / WIDTH, height / total))


def _beside(axes: "Axes") -> tuple[float, float, float, float]:
    box = axes.get_position()
    return box.x1 + 0.3 / WIDTH, box.y0, 1.6 / WIDTH, box.height


def _bar(figure: Any, image: Any, label: str, percent: bool = True) -> None:
    """A scale of colours at the right edge."""
    box = figure.axes[0].get_position()
    scale = figure.add_axes((1 - 1.05 / WIDTH, box.y0, 0.14 / WIDTH, box.height))
    figure.colorbar(image, cax=scale, format=lambda x, _: f"{100 * x:.0f} %" if percent else f"{x:g}")
    scale.set_ylabel(label)
    scale.spines[:].set_visible(False)


def _finished(figure: Any, recording: Recording, path: Path | str | None) -> "Figure":
    satellites = style.satellites(recording["battery"].shape[1])
    start = style.clock(recording.meta, recording["time"][0])
    style.headline(figure, recording.meta, LEFT, satellites, f"from {start}")
    return style.save(figure, path)
