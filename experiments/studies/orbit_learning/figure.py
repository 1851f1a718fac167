"""The figure of the study: value over time, and value against what learning took."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.plotting import style
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
    "frozen": "FedAvg, frozen at the change",
}
COLOURS = {
    "none": style.GREY,
    "ground": style.ORANGE,
    "central": style.INK,
    "fedavg": style.BLUE,
    "fedavg_int8": style.SKY,
    "fedavg_top10": style.YELLOW,
    "fedprox": style.PURPLE,
    "fedbuff": style.GREEN,
    "planes": style.VERMILLION,
    "frozen": style.PALE,
}
DASHED = ("fedavg_int8", "fedavg_top10", "frozen")


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
        figure.subplots_adjust(0.09, 0.07, 0.97, 0.87, 0.25, 0.62)
        for row in table:
            _course(left, rows, row["method"])
        if change_h is not None:
            left.axvline(change_h, color=style.INK, lw=0.9, ls=(0, (4, 3)))
            left.annotate("the world changes", (change_h, 0.96), (4, 0), xycoords=("data", "axes fraction"),
                          textcoords="offset points", color=style.INK, size=8)  # fmt: skip
        left.axhline(100.0, color=style.GREY, lw=0.8, ls=(0, (4, 3)))
        left.set_ylim(bottom=0.0)
        left.set_xlabel("Hours since the launch")
        left.grid(axis="y")
        left.legend(ncols=3, loc="upper left", bbox_to_anchor=(0.0, -0.11), fontsize=8)
        style.caption(left, "Value, % of greedy's in the same worlds", "over six hours")
        for place, (name, label) in enumerate(
            (("kwh", "kWh of boards and lasers"), ("sent_gbit", "Gbit sent"))
        ):
            _price(figure.add_subplot(grid[1, place]), table, name, label)
        runs = table[0]["runs"] if table else 0
        facts = f"mean and 95 % interval over {runs} seeds" if runs > 1 else "one seed"
        style.headline(figure, {"scenario": title}, 0.5, facts)
        return style.save(figure, path)


def _course(axes: Any, rows: Sequence[dict[str, Any]], method: str) -> None:
    hours, found = course(rows, method)
    colour, dashes = COLOURS[method], (0, (4, 2)) if method in DASHED else "solid"
    low, value, high = ([100.0 * getattr(each, end) for each in found] for end in ("low", "value", "high"))
    axes.plot(hours, value, lw=1.5, color=colour, ls=dashes, label=NAMES[method])
    axes.fill_between(hours, low, high, color=colour, alpha=0.12, lw=0)


def _price(axes: Any, table: Sequence[dict[str, Any]], name: str, label: str) -> None:
    """The share of the whole flight against what it took, with its interval; the free ones stand at 0."""
    for row in table:
        if row["share"] is None:
            continue
        value, low, high = (100.0 * row[f"share{end}"] for end in ("", "_low", "_high"))
        axes.errorbar(row[name], value, [[value - low], [high - value]], fmt="o", ms=4, lw=1.0,
                      color=COLOURS[row["method"]])  # fmt: skip
    axes.grid(axis="y")
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(label)
    style.caption(axes, "Whole flight, %")
