"""The figures of a benchmark: how far each policy gets, and whether it beats the best heuristic."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.leaderboard.plan import ZERO, Plan
from experiments.leaderboard.rows import ALL, Row
from experiments.plotting import style
from experiments.running.run_folder import in_one_line
from experiments.running.statistics import Estimate
from sandbox.files import DiskFull

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PERFORMANCE, IMPROVEMENT = "performance.png", "improvement.png"
WIDTH, LEFT, RIGHT, MARGIN = 9.0, 1.55, 1.0, 0.3  # inches
TOP, BOTTOM, GAP, LINE = 1.35, 0.6, 0.62, 0.27
_SHADES = {"known": style.BLUE, "held out": style.ORANGE, "own": style.GREEN, ALL: style.INK}
_LEAST, _MOST = -50.0, 200.0
"""Per cent: what lies beyond is marked with an arrow at the edge."""


def draw(rows: Sequence[Row], plan: Plan, folder: Path) -> dict[str, str]:
    """Draw both figures into `folder`; by name, those that could not be drawn, and why."""
    missing = {}
    for name, picture in ((PERFORMANCE, performance), (IMPROVEMENT, improvement)):
        try:
            picture(rows, plan, folder / name)
        except DiskFull:
            raise
        except Exception as error:  # the table is worth more than a picture of it
            missing[name] = in_one_line(error)
    return missing


def performance(rows: Sequence[Row], plan: Plan, path: Path | None = None) -> "Figure":
    """Per cent of the planner of every policy, a panel a problem, best first: splits and their sum."""
    fixed = {ZERO, plan.asked.yardstick}
    shown = [row for row in _summed(rows) if row.policy not in fixed and row.counted]
    remark = f"interquartile mean and 95 % interval; 0 is {ZERO}, 100 is {plan.asked.yardstick}"
    with style.styled():
        figure, panels = _panels(shown, "How far policies get", remark, plan)
        for axes, mine in panels:
            style.caption(axes, _name(mine[0].problem))
            least = min(0.0, *(row.percent.low for row in mine))
            most = max(100.0, *(row.percent.high for row in mine))
            axes.set(xlim=(max(least, _LEAST) - 5.0, min(most, _MOST) + 5.0))
            axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0f} %")
            _estimates(axes, mine, lambda row: row.percent, lambda value: f"{value:.0f} %", (0.0, 100.0))
        return style.save(figure, path)


def improvement(rows: Sequence[Row], plan: Plan, path: Path | None = None) -> "Figure":
    """The probability of every policy to do better than the best heuristic, a panel a problem."""
    shown = [row for row in _summed(rows) if row.better.value == row.better.value and row.policy != ZERO]
    with style.styled():
        remark = "probability in an episode, and 95 % interval"
        figure, panels = _panels(shown, "Who beats the best heuristic", remark, plan)
        for axes, mine in panels:
            style.caption(axes, _name(mine[0].problem), f"better than {mine[0].against}")
            axes.set(xlim=(-0.03, 1.03))
            axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
            _estimates(axes, mine, lambda row: row.better, lambda value: f"{100 * value:.0f} %", (0.5,))
        return style.save(figure, path)


def _name(problem: str) -> str:
    return "all problems" if problem == ALL else problem


def _summed(rows: Sequence[Row]) -> list[Row]:
    """Of every problem and policy: the rows that sum up its splits and all of them, or its only scenario."""
    found: dict[tuple[str, str, str], Row] = {}
    for row in rows:  # later rows sum up earlier ones
        found[row.problem, row.policy, row.split] = row
    return list(found.values())


def _panels(
    rows: Sequence[Row], title: str, remark: str, plan: Plan
) -> tuple["Figure", list[tuple["Axes", list[Row]]]]:
    """A figure with a panel for each problem, as high as it has policies."""
    from matplotlib.figure import Figure

    problems = list(dict.fromkeys(row.problem for row in rows))
    counts = [len({row.policy for row in rows if row.problem == problem}) for problem in problems]
    height = TOP + BOTTOM + LINE * sum(counts) + GAP * max(len(problems) - 1, 0)
    figure = Figure((WIDTH, height), dpi=150)
    panels, bottom = [], height - TOP
    for problem, count in zip(problems, counts, strict=True):
        bottom -= LINE * count
        box = (LEFT / WIDTH, bottom / height, (WIDTH - LEFT - RIGHT) / WIDTH, LINE * count / height)
        panels.append((figure.add_axes(box), [row for row in rows if row.problem == problem]))
        bottom -= GAP
    facts = f"suite {plan.asked.suite}   ·   {len(plan.seeds)} seeds   ·   {remark}"
    style.headline(figure, {"scenario": title}, MARGIN, facts)
    _legend(figure, rows, height)
    return figure, panels


def _legend(figure: Any, rows: Sequence[Row], height: float) -> None:
    from matplotlib.lines import Line2D

    present = {row.split for row in rows}
    names = {"known": "constellation known, seeds not", "held out": "constellation held out", ALL: "all"}
    marks = [
        Line2D([], [], color=colour, marker="o", ms=5, lw=1.5, label=names.get(split, split))
        for split, colour in _SHADES.items()
        if split in present
    ]
    spot = (MARGIN / WIDTH, 1 - 0.82 / height)
    figure.legend(
        handles=marks, loc="upper left", bbox_to_anchor=spot, ncols=4, borderaxespad=0, handlelength=1.6
    )


def _estimates(
    axes: Any,
    rows: Sequence[Row],
    of: Callable[[Row], Estimate],
    text: Callable[[float], str],
    marked: Sequence[float],
) -> None:
    """A line of the panel for each policy, the best at the top, a mark and an interval for each split.

    `text` writes the value of a policy at the right; dashed lines stand at the values `marked`.
    """
    for x in marked:
        axes.axvline(x, color=style.PALE, lw=1.0, ls=(0, (4, 3)), zorder=0)
    best = {row.policy: of(row).value for row in rows}  # the last of a policy sums up the others
    order = sorted(best, key=lambda policy: best[policy])
    splits = [split for split in _SHADES if any(row.split == split for row in rows)]
    left, right = axes.get_xlim()
    for row in rows:
        estimate, colour = of(row), _SHADES[row.split]
        shift = 0.22 * (splits.index(row.split) - 0.5 * (len(splits) - 1))
        y = order.index(row.policy) - shift
        axes.hlines(y, *(min(max(x, left), right) for x in estimate[1:]), color=colour, lw=1.5)
        inside = left <= estimate.value <= right
        x, marker = (
            (estimate.value, "o") if inside else (left, "<") if estimate.value < left else (right, ">")
        )
        axes.plot(x, y, marker=marker, ms=4.5, color=colour, clip_on=False)
    for place, policy in enumerate(order):
        axes.annotate(text(best[policy]), (1.0, place), (8, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", va="center", color=style.INK)  # fmt: skip
    axes.set(ylim=(-0.6, len(order) - 0.4))
    axes.set_yticks(range(len(order)), order)
    axes.tick_params(axis="y", length=0, labelcolor=style.INK)
