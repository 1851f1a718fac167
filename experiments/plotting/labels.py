"""Names beside what they name, where they do not cover one another: of marks, and at the ends of lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 6.0  # points between the middle of a mark and its name
SIDES = {
    "right": (1.0, 0.0), "left": (-1.0, 0.0), "above": (0.0, 1.0), "below": (0.0, -1.0),
    "above right": (0.7, 0.7), "below right": (0.7, -0.7),
    "above left": (-0.7, 0.7), "below left": (-0.7, -0.7),
}  # fmt: skip
"""Where a name may stand, by the direction from the mark."""
_ACROSS, _UP = {-1: "right", 0: "center", 1: "left"}, {-1: "top", 0: "center", 1: "bottom"}


class Label(NamedTuple):
    """A name, the place of its mark in the units of the axes, the sides that it likes best, and its look."""

    text: str
    at: tuple[float, float]
    sides: Sequence[str]
    look: dict[str, Any]


def put_labels(axes: "Axes", labels: Sequence[Label]) -> None:
    """Write `labels`, one after another, each on the first side where it covers nothing, or the least.

    What counts are the names before it, the marks of all, and the edge of the axes.
    """
    scale = axes.figure.dpi / 72.0
    marks = axes.transData.transform([label.at for label in labels]) if labels else np.empty((0, 2))
    half = 0.6 * GAP * scale
    taken = [np.array([x - half, y - half, x + half, y + half]) for x, y in marks]
    edge = np.array(axes.get_window_extent().extents)
    for i, label in enumerate(labels):
        size = _size(axes, label)
        others = np.array([box for j, box in enumerate(taken) if j != i]).reshape(-1, 4)
        sides = dict.fromkeys((*label.sides, *SIDES))
        covered = {side: _covered(_box(marks[i], side, size, scale), others, edge) for side in sides}
        side = min(covered, key=lambda side: covered[side])
        taken.append(_box(marks[i], side, size, scale))
        _write(axes, label, side)


class End(NamedTuple):
    """What stands at the end of a line: a name, where the line ends in the units of the axes, its look."""

    text: str
    at: tuple[float, float]
    look: dict[str, Any]


def put_ends(axes: "Axes", ends: Sequence[End]) -> None:
    """Write names on the right of the axes, as high as their lines end, or as near as others let them; a thin
    line leads to one that was pushed away.

    The axes have their last size and limits.
    """
    if not ends:
        return
    scale = axes.figure.dpi / 72.0
    heights = [_size(axes, Label(end.text, end.at, (), end.look))[1] for end in ends]
    edge = axes.get_window_extent()
    wanted = axes.transData.transform([end.at for end in ends])
    placed = spread(wanted[:, 1], 1.05 * max(heights), edge.y0, edge.y1)
    for end, (x, y), height in zip(ends, wanted, placed, strict=True):
        across = (edge.x1 - x) / scale + 2.0 * GAP
        away = abs(height - y) > 0.2 * max(heights)
        leader = {"arrowstyle": "-", "lw": 0.6, "color": end.look.get("color", "black"), "shrinkA": 0.0}
        axes.annotate(
            end.text,
            end.at,
            (across, (height - y) / scale),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            gid="end",
            arrowprops=leader | {"shrinkB": 2.0, "relpos": (0.0, 0.5)} if away else None,
            **end.look,
        )


def spread(wanted: ArrayLike, apart: float, low: float, high: float) -> NDArray[np.float64]:
    """Numbers (n,) as near `wanted` (n,) as they can be, in the same order and `apart` from one another, from
    `low` to `high` where there is room: the squares of their moves add up to the least."""
    from scipy.optimize import isotonic_regression

    asked = np.asarray(wanted, float)
    order, steps = np.argsort(asked, kind="stable"), apart * np.arange(len(asked))
    found = isotonic_regression(asked[order] - steps).x
    top = max(low, high - steps[-1]) if len(asked) else low
    placed = np.empty(len(asked))
    placed[order] = np.clip(found, low, top) + steps
    return placed


def _size(axes: "Axes", label: Label) -> tuple[float, float]:
    """Width and height of a name in pixels."""
    text = axes.text(*label.at, label.text, **label.look)
    box = text.get_window_extent()
    text.remove()
    return box.width, box.height


def _box(mark: NDArray, side: str, size: tuple[float, float], scale: float) -> NDArray[np.float64]:
    """The corners (x0, y0, x1, y1) of a name in pixels."""
    direction, whole = np.array(SIDES[side]), np.array(size)
    middle = mark + direction * GAP * scale + np.sign(direction) * whole / 2.0
    return np.concatenate((middle - whole / 2.0, middle + whole / 2.0))


def _covered(box: NDArray, others: NDArray, edge: NDArray) -> float:
    """Pixels of `box` that lie on one of `others` (k, 4) or beyond the `edge`."""
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    inside = np.minimum(box[2:], edge[2:]) - np.maximum(box[:2], edge[:2])
    whole = float(np.prod(box[2:] - box[:2]))
    beyond = whole - float(np.prod(np.maximum(inside, 0.0)))
    return round(float(np.prod(np.maximum(shared, 0.0), axis=1).sum()) + beyond, 1)


def _write(axes: "Axes", label: Label, side: str) -> None:
    from matplotlib.patheffects import withStroke

    x, y = SIDES[side]
    halo = [withStroke(linewidth=2.2, foreground="white", alpha=0.85)]
    axes.annotate(
        label.text,
        label.at,
        (x * GAP, y * GAP),
        textcoords="offset points",
        ha=_ACROSS[int(np.sign(x))],
        va=_UP[int(np.sign(y))],
        zorder=8,
        path_effects=halo,
        gid="name",
        **label.look,
    )
