"""Pictures of a run: pure functions of a `Recording`, for a README, a paper or a notebook."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.plotting import style
from experiments.plotting.charts import coverage, energy, latency
from experiments.plotting.maps import ground_track
from sandbox.recording import Recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["coverage", "energy", "ground_track", "latency", "timeline"]

ROWS = 40  # satellites that still get a row each
BINS = 180  # steps in the shares of a larger fleet
RESTING = {"charge": 1, "idle": 2}  # drawn above the modes that do something
HOUR = 3600.0
WIDTH, LEFT, RIGHT, TOP, BOTTOM, GAP = 12.0, 0.95, 0.75, 1.32, 0.6, 0.48  # inches


def timeline(recording: Recording, path: Path | str | None = None) -> "Figure":
    """Who did what when, and how the fleet fared: activity, battery, temperature and delivered value.

    Up to 40 satellites have a row each; more are shown as shares. Returns the figure, saved as PNG to `path`.
    Raises `SandboxError` for a recording without rounds.
    """
    recording.frame()  # refuses an empty one
    satellites = recording.doing.shape[1]
    single = satellites <= ROWS
    edges = _edges(recording)
    with style.styled():
        panels = _stacked([0.25 * satellites + 0.1 if single else 2.4, 1.2, 1.0, 1.2])
        (_rows if single else _shares)(panels[0], recording, edges)
        for draw, axes in zip((_battery, _temperature, _value), panels[1:], strict=True):
            draw(axes, recording, edges)
            _shade(axes, recording, edges)
        start = style.clock(recording.meta, recording["time"][0])
        span = f"{style.duration(edges[-1] * HOUR)} from {start}"
        _hours(panels, edges[-1], start)
        style.headline(panels[0].figure, recording.meta, LEFT, style.satellites(satellites), span)
        return style.save(panels[0].figure, path)


def _edges(recording: Recording) -> np.ndarray:
    """When each round began, and when the last one ended, in hours since the first."""
    time = recording["time"]
    step = recording.meta.get("round_s") or (np.median(np.diff(time)) if len(time) > 1 else 30.0)
    return (np.append(time, time[-1] + step) - time[0]) / HOUR


def _stacked(heights: list[float]) -> list["Axes"]:
    """Panels of these heights (inches) below one another, in a figure that is as high as they need."""
    from matplotlib.figure import Figure

    total = TOP + sum(heights) + GAP * (len(heights) - 1) + BOTTOM
    figure = Figure((WIDTH, total), dpi=150)
    tops = total - TOP - np.cumsum([0.0, *(h + GAP for h in heights[:-1])])
    width = WIDTH - LEFT - RIGHT
    boxes = [
        (LEFT / WIDTH, (t - h) / total, width / WIDTH, h / total) for t, h in zip(tops, heights, strict=True)
    ]
    return [figure.add_axes(box) for box in boxes]


def _rows(axes: "Axes", recording: Recording, edges: np.ndarray) -> None:
    """A row per satellite: a bar for what it did, a line for the Earth's shadow, what it earned."""
    modes, colours = style.modes(recording)
    labels = recording.meta.get("satellite_names") or [str(s) for s in range(recording.doing.shape[1])]
    alive = recording["alive"]
    doing = np.where(alive, recording.doing.astype(int), -1)
    lost = style.lost(recording)
    earned = recording[_earned(recording)].sum(axis=0, dtype=float)
    for s, label in enumerate(labels):
        for m, colour in enumerate(colours):
            bars = _spans(doing[:, s] == m, edges)
            axes.broken_barh(bars, (s - 0.38, 0.6), facecolors=colour, lw=0, gid=f"{label}:{modes[m]}")
        dark = _spans((recording["sunlight"][:, s] < 0.5) & alive[:, s], edges)
        axes.broken_barh(dark, (s + 0.26, 0.12), facecolors=style.NIGHT, lw=0, gid=f"{label}:shadow")
        _margin(axes, _number(earned[s]), s)
        if lost[s]:
            at = (edges[np.flatnonzero(alive[:, s])[-1] + 1] if alive[:, s].any() else 0.0, s - 0.08)
            axes.annotate(
                "lost", at, (5, 0), textcoords="offset points", va="center", color=style.GREY, size=8
            )
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    _margin(axes, _earned(recording).removeprefix("delivered_"), -0.75, va="bottom")
    style.caption(axes, "Activity")
    _key(axes, recording, "Earth's shadow")


def _shares(axes: "Axes", recording: Recording, edges: np.ndarray) -> None:
    """The share of the fleet in each mode, in equal steps, rest on top; what then is missing is lost."""
    modes, colours = style.modes(recording)
    starts = np.unique(np.linspace(0, len(recording), BINS + 1).astype(int)[:-1])
    counts = np.diff(starts, append=len(recording))
    steps = np.append(edges[starts], edges[-1])
    working = [(recording.doing == m) & recording["alive"] for m in range(len(modes))]
    shares = [np.add.reduceat(flags.mean(axis=1), starts) / counts for flags in working]
    lower = np.zeros(len(starts))
    for m in sorted(range(len(modes)), key=lambda m: RESTING.get(modes[m], 0)):
        upper = lower + shares[m]
        axes.stairs(upper, steps, baseline=lower, fill=True, color=colours[m], lw=0, gid=modes[m])
        lower = upper
    _percent(axes)
    style.caption(axes, "Activity", "share of the fleet")
    _key(axes, recording)


def _battery(axes: "Axes", recording: Recording, edges: np.ndarray) -> None:
    _band(axes, recording["battery"], recording["alive"], edges, style.BLUE, "battery")
    _percent(axes)
    style.caption(
        axes, "Battery", "charge: median and range of the fleet; shaded by its share in the Earth's shadow"
    )


def _temperature(axes: "Axes", recording: Recording, edges: np.ndarray) -> None:
    celsius = recording["temperature"] - np.float32(273.15)
    _band(axes, celsius, recording["alive"], edges, style.VERMILLION, "temperature")
    axes.margins(y=0.15)
    axes.yaxis.set_major_locator(_nice(4))
    axes.yaxis.set_major_formatter("{x:.0f} °C")
    style.caption(axes, "Temperature", "of the body: median and range of the fleet")


def _earned(recording: Recording) -> str:
    """What counts: the value delivered or, in a problem in which nobody delivers, the reward."""
    return "delivered_value" if recording["delivered_value"].any() else "reward"


def _value(axes: "Axes", recording: Recording, edges: np.ndarray) -> None:
    name = _earned(recording)
    total = np.append(0.0, np.cumsum(recording[name].sum(axis=1, dtype=float)))
    axes.fill_between(edges, total, step="pre", color=style.GREEN, alpha=0.15, lw=0)
    axes.plot(edges, total, drawstyle="steps-pre", color=style.GREEN, lw=1.6, gid="value")
    low, high = min(0.0, total.min()), max(0.0, total.max())
    room = 0.08 * (high - low) or 1.0
    axes.set_ylim(low - room * (low < 0.0), high + room)
    axes.yaxis.set_major_locator(_nice(4))
    axes.yaxis.set_major_formatter("{x:,g}")
    _margin(axes, _number(total[-1]), total[-1], color=style.GREEN, weight="bold")
    caption = "Delivered value" if name == "delivered_value" else "Reward"
    style.caption(axes, caption, "cumulative, the whole fleet")


def _band(
    axes: "Axes", values: np.ndarray, alive: np.ndarray, edges: np.ndarray, colour: str, name: str
) -> None:
    """Median of the living satellites as a line over their range; nothing while there is none."""
    some = alive.any(axis=1)
    living = np.where(alive, values, np.nan)[some]
    low, median, high = np.full((3, len(values)), np.nan)
    low[some], high[some] = np.nanmin(living, axis=1), np.nanmax(living, axis=1)
    median[some] = np.nanmedian(living, axis=1)
    axes.fill_between(edges[:-1], low, high, color=colour, alpha=0.2, lw=0)
    axes.plot(edges[:-1], median, color=colour, lw=1.3, gid=name)


def _shade(axes: "Axes", recording: Recording, edges: np.ndarray) -> None:
    """Background, the darker the more of the fleet is in the Earth's shadow."""
    from matplotlib.colors import LinearSegmentedColormap

    night = LinearSegmentedColormap.from_list("night", ["white", "#B4BECB"])
    share = 1.0 - recording["sunlight"].mean(axis=1, dtype=float)
    limits = axes.get_ylim()
    quad = axes.pcolormesh(
        edges,
        [0.0, 1.0],
        share[None, :],
        cmap=night,
        vmin=0.0,
        vmax=1.0,
        transform=axes.get_xaxis_transform(),
    )
    axes.set_ylim(limits)
    quad.set(zorder=0, rasterized=True, gid="shadow")


def _hours(panels: list["Axes"], end: float, start: str) -> None:
    """The common time axis, written below the last panel: hours, or minutes in a run of up to two."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    per_hour, unit = (60, "minutes") if end <= 2 else (1, "hours")
    steps = (1 / 60, 1 / 12, 1 / 6) if end <= 2 else (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168)
    step = next((s for s in steps if end / s <= 13), end / 10)
    for axes in panels:
        axes.set_xlim(0.0, end)
        axes.xaxis.set_major_locator(MultipleLocator(step))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda hours, _: f"{hours * per_hour:.4g}"))
        axes.tick_params(axis="x", labelbottom=axes is panels[-1], length=3)
    panels[-1].set_xlabel(f"{unit} since {start}", loc="left", labelpad=6)


def _percent(axes: "Axes") -> None:
    axes.set_ylim(0.0, 1.0)
    axes.set_yticks([0.0, 0.5, 1.0], ["0", "50", "100 %"])


def _nice(most: int):
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(most, steps=[1, 2, 5, 10])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.1f}"


def _margin(axes: "Axes", text: str, y: float, **how) -> None:
    """A number in the right margin, at height `y` of the data."""
    place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
    axes.annotate(text, (1.0, y), (8, 0), **place, **{"va": "center", "size": 8.5, "color": style.GREY} | how)


def _key(axes: "Axes", recording: Recording, shadow: str = "") -> None:
    """The legend of the modes, above the panel's right corner."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=mode) for mode, colour in style.key(recording)]
    handles += [Patch(color=style.NIGHT, label=shadow)] if shadow else []
    axes.legend(
        handles=handles, ncols=len(handles), loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2
    )


def _spans(flags: np.ndarray, edges: np.ndarray) -> list[tuple[float, float]]:
    """Start and width of every unbroken run of true `flags`."""
    turns = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    starts, ends = edges[turns[::2]], edges[turns[1::2]]
    return list(zip(starts.tolist(), (ends - starts).tolist(), strict=True))
