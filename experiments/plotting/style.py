"""How every figure of the project looks: one set of colours, one title block, one way to disk."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.running.run_folder import is_our_figure
from sandbox.files import MARK, replacing
from sandbox.rendering.palette import (  # noqa: F401  the figures take their colours from here
    BLUE,
    BROWN,
    GREEN,
    GREY,
    INK,
    NIGHT,
    ORANGE,
    PALE,
    PURPLE,
    RULE,
    SKY,
    VERMILLION,
    YELLOW,
    mode_colours,
)

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sandbox.recording import Recording

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": PALE,
    "axes.labelcolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.labelcolor": GREY,
    "ytick.labelcolor": GREY,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.0,
    "legend.handleheight": 1.0,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.4,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "text.parse_math": False,  # names are text, whatever is in them
    "text.usetex": False,
}


BOLD = 0.62
"""Width of a bold letter in the mean, by its size."""


@contextmanager
def styled() -> Iterator[None]:
    """The style, for the figures made and saved inside."""
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


def modes(recording: "Recording") -> tuple[list[str], list[str]]:
    """The names of what satellites do in the recording, and a colour for each.

    What this project does not know takes one of the palette's other colours.
    """
    return recording.doing_names, mode_colours(recording.doing_names)


def key(recording: "Recording") -> list[tuple[str, str]]:
    """Names and colours for a legend, of what was done: "lost" is drawn in a way of its own."""
    done = set(recording.doing.ravel().tolist())
    rows = enumerate(zip(*modes(recording), strict=True))
    return [row for m, row in rows if row[0] != "lost" and m in done]


def lost(recording: "Recording") -> "np.ndarray":
    """Which satellites (N,) were lost by the end of the run, its last round included."""
    names = recording.doing_names
    fell = recording.doing[-1] == names.index("lost") if "lost" in names else False
    return ~recording["alive"][-1] | fell


def headline(figure: "Figure", meta: Mapping[str, Any], left: float, *facts: str) -> None:
    """The title block, `left` inches in: the scenario, and below it who decided, the seed, and `facts`."""
    policy, seed = meta.get("policy"), meta.get("seed")
    known = [f"{policy} policy" if policy is not None else "", f"seed {seed}" if seed is not None else ""]
    subtitle = "   ·   ".join(fact for fact in [*known, *facts] if fact)
    width, height = figure.get_size_inches()
    scenario, room = str(meta.get("scenario", "Run")), width - left - 0.2
    size = min(16.0, max(8.0, 72.0 * room / (BOLD * max(len(scenario), 1))))  # a long one is smaller, not cut
    left = left / width
    figure.text(left, 1 - 0.30 / height, scenario, size=size, weight="bold", va="top", gid="title")
    figure.text(left, 1 - 0.64 / height, subtitle, size=9.5, color=GREY, va="top", gid="subtitle")


def plain_numbers(axis: Any) -> None:
    """Numbers of a logarithmic axis as they are: text here is text, and powers of ten would be TeX."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def clock(meta: Mapping[str, Any], seconds: float) -> str:
    """The UTC minute `seconds` after the epoch, or the hours since an epoch that is not given."""
    if "epoch" not in meta:
        return f"T+{seconds / 3600:.1f} h"
    instant = datetime.fromisoformat(meta["epoch"]) + timedelta(seconds=float(seconds))
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """A length of time: below a minute in seconds or milliseconds, from two hours on in hours."""
    if seconds < 1.0:
        return f"{1e3 * seconds:.3g} ms"
    if seconds < 60.0:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7_200 else f"{seconds / 3_600:.4g} h"


def satellites(count: int) -> str:
    return "1 satellite" if count == 1 else f"{count:,} satellites"


def caption(axes: "Axes", title: str, remark: str = "") -> None:
    """A panel's name above its top left corner, with a remark in grey."""
    name = axes.annotate(
        title,
        (0, 1),
        (0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        weight="bold",
        va="bottom",
    )
    axes.annotate(remark, (1, 0), (6, 0), xycoords=name, textcoords="offset points", color=GREY, va="bottom")


def save(figure: "Figure", path: Path | str | None) -> "Figure":
    """Write a PNG, whole or not at all, if there is a path. Returns the figure.

    Raises SandboxError for a file that is not one of ours.
    """
    _take_literally(figure)
    if path is not None:
        with replacing(path, is_our_figure) as draft:
            figure.savefig(draft, format="png", metadata={"Software": MARK})
    return figure


def _take_literally(figure: "Figure") -> None:
    """Let no name be read as a formula, in whatever style the figure is drawn later."""
    from matplotlib.text import Text

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_ticklabels()  # makes those that are not there yet
    for text in figure.findobj(Text):
        text.set_parse_math(False)
