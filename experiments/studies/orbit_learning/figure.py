"""The figure of the study: value over time, and value against what learning took."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.plotting import style
from experiments.plotting.labels import End, put_ends
from experiments.studies.orbit_learning.outcomes import course

NAMES = {
    "none": "nobody learns",
    "ground": "on the ground, by passes",
    "central": "in one place, for free",
    "fedavg": "FedAvg",
    "fedavg_int8": "FedAvg, 8 bits",
    "fedavg_top10": "FedAvg, top tenth",
    "fedprox": "FedProx",
    "fedbuff": "FedBuff",
    "planes": "by planes",
    "frozen": "FedAvg until the change",
}
NARROWER = 0.71
"""Of the figure's width, the part that the upper panel takes: names stand on its right."""


class Look(NamedTuple):
    """How a method is drawn: a colour, dashes and a mark, no two of which are all alike."""

    colour: str
    dashes: Any = "solid"
    mark: str = "o"


_DASHED, _DOTTED, _DASH_DOTTED = (0, (5, 2)), (0, (1, 1.3)), (0, (5, 1.5, 1, 1.5))
LOOKS = {
    "none": Look(style.GREY, _DOTTED, "x"),
    "ground": Look(style.ORANGE, "solid", "v"),
    "central": Look(style.INK, "solid", "*"),
    "fedavg": Look(style.BLUE, "solid", "o"),
    "fedavg_int8": Look(style.SKY, _DASHED, "s"),
    "fedavg_top10": Look(style.BLUE, _DOTTED, "^"),
    "fedprox": Look(style.PURPLE, _DASH_DOTTED, "D"),
    "fedbuff": Look(style.GREEN, "solid", "P"),
    "planes": Look(style.VERMILLION, _DASHED, "h"),
    "frozen": Look(style.BROWN, _DASH_DOTTED, "X"),
}
"""By method."""


def draw(
    rows: Sequence[dict[str, Any]],
    table: Sequence[dict[str, Any]],
    change_h: float | None,
    title: str,
    path: Path | None = None,
) -> Any:
    """Shares (`outcomes.shares`) over hours, and the summary's against kWh and Gbit. Returns the figure."""
    from matplotlib.figure import Figure

    with style.styled():
        figure = Figure((7.2, 8.8), dpi=150)  # one below the other, so that it can be read on a phone
        grid = figure.add_gridspec(2, 2, height_ratios=(1.7, 1.0))
        left = figure.add_subplot(grid[0, :])
        figure.subplots_adjust(0.09, 0.07, 0.97, 0.87, 0.25, 0.32)
        box = left.get_position()  # on its right there is room for names
        left.set_position((box.x0, box.y0, NARROWER * box.width, box.height))
        ends = [_course(left, rows, row["method"]) for row in table]
        if change_h is not None:
            left.axvline(change_h, color=style.INK, lw=0.9, ls=(0, (4, 3)))
            left.annotate("the world changes", (change_h, 0.96), (4, 0), xycoords=("data", "axes fraction"),
                          textcoords="offset points", color=style.INK, size=8)  # fmt: skip
        left.axhline(100.0, color=style.GREY, lw=0.8, ls=(0, (4, 3)))
        left.set_ylim(0.0, 1.08 * left.get_ylim()[1])
        left.set_xlabel("Hours since the launch")
        left.grid(axis="y")
        left.margins(x=0.01)
        put_ends(left, [end for end in ends if end])
        style.caption(left, "Value, % of greedy's in the same worlds", "over six hours")
        for place, (name, label) in enumerate(
            (("kwh", "kWh of boards and lasers"), ("sent_gbit", "Gbit sent"))
        ):
            _price(figure.add_subplot(grid[1, place]), table, name, label)
        runs = table[0]["runs"] if table else 0
        facts = f"mean and 95 % interval over {runs} seeds" if runs > 1 else "one seed"
        style.headline(figure, {"scenario": title}, 0.5, facts)
        return style.save(figure, path)


def _course(axes: Any, rows: Sequence[dict[str, Any]], method: str) -> End | None:
    """Draw a method's share over time, with its mark at the end; what is to be written there."""
    hours, found = course(rows, method)
    look = LOOKS[method]
    low, value, high = ([100.0 * getattr(each, end) for each in found] for end in ("low", "value", "high"))
    axes.plot(hours, value, lw=1.5, color=look.colour, ls=look.dashes)
    axes.fill_between(hours, low, high, color=look.colour, alpha=0.1, lw=0)
    known = [(x, y) for x, y in zip(hours, value, strict=True) if math.isfinite(y)]
    if not known:
        return None
    axes.plot(*known[-1], look.mark, ms=5, color=look.colour, clip_on=False)
    return End(NAMES[method], known[-1], {"color": look.colour, "size": 8})


def _price(axes: Any, table: Sequence[dict[str, Any]], name: str, label: str) -> None:
    """The share of the whole flight against what it took, with its interval; the free ones stand at 0."""
    for row in table:
        if row["share"] is None:
            continue
        look = LOOKS[row["method"]]
        value, low, high = (100.0 * row[f"share{end}"] for end in ("", "_low", "_high"))
        axes.errorbar(row[name], value, [[value - low], [high - value]], fmt=look.mark, ms=5, lw=1.0,
                      color=look.colour)  # fmt: skip
    axes.grid(axis="y")
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(label)
    style.caption(axes, "Whole flight, %")
