"""The picture of a training: what was earned on held-out seeds over agent-steps, beside what others earn."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.plotting.labels import End, put_ends
from experiments.plotting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION, save, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_MILLIONS = 50_000
"""Steps from which on they are counted in millions."""
FAR = 2.0
"""Levels further below all scores than so many times what scores and levels above them span are not drawn:
the curve would be a line."""
_SEEDS = (BLUE, SKY, PURPLE, ORANGE, VERMILLION)


def learning_curve(
    records: Sequence[Mapping[str, Any]],
    references: Mapping[str, float],
    title: str,
    path: Path | None = None,
    unit: str = "agent-steps",
) -> "Figure":
    """Draw the scores of `records` over steps, counted in `unit`: a line for each seed, and a level for each
    of `references`. Those so far below that the curve would be a line are named with their number instead.

    Returns the figure, saved as PNG to `path`.
    """
    from matplotlib.figure import Figure

    millions = max((record["steps"] for record in records), default=0) >= LEAST_MILLIONS
    scale, told = (1e6, f"{unit}, millions") if millions else (1, unit)
    with styled():
        figure = Figure((7.2, 4.2))
        axes = figure.add_axes((0.11, 0.16, 0.66, 0.70))
        figure.text(0.11, 0.95, title, size=12, weight="bold", va="top")
        figure.text(0.11, 0.895, "return of the fleet on held-out seeds", size=9, color=GREY, va="top")
        for i, seed in enumerate(sorted({record["seed"] for record in records})):
            own = [record for record in records if record["seed"] == seed]
            steps, scores = [r["steps"] / scale for r in own], [r["score"] for r in own]
            axes.plot(steps, scores, color=_SEEDS[i % len(_SEEDS)], lw=1.6, marker="o", ms=2.5,
                      label=f"seed {seed}")  # fmt: skip
        levels, below = _near(references, [record["score"] for record in records])
        colours = [GREEN if name == "planner" else GREY for name, _ in levels]
        for (_, level), colour in zip(levels, colours, strict=True):
            axes.axhline(level, color=colour, lw=0.9, ls=(0, (4, 3)))
        axes.set_xlabel(told, color=INK)
        if below:
            text = "far below: " + ", ".join(f"{name} {level:,.0f}" for name, level in below)
            figure.text(0.11, 0.012, text, size=8, color=GREY, va="bottom")
        axes.grid(True, axis="y")
        axes.legend(loc="best")
        right = axes.get_xlim()[1]
        ends = zip(levels, colours, strict=True)
        put_ends(axes, [End(n, (right, at), {"color": c, "size": 8.5}) for (n, at), c in ends])
        return save(figure, path)


Levels = list[tuple[str, float]]


def _near(references: Mapping[str, float], scores: Sequence[float]) -> tuple[Levels, Levels]:
    """The levels that are drawn beside `scores`, from below, and those that are not."""
    levels = sorted(references.items(), key=lambda item: item[1])
    if not scores:
        return levels, []
    low = min(scores)
    high = max([*scores, *(level for _, level in levels)])
    least = low - FAR * max(high - low, 0.05 * abs(high))
    return [one for one in levels if one[1] >= least], [one for one in levels if one[1] < least]
