"""How far a long command is: a bar in the terminal with an estimate of the time left, elsewhere nothing.

    for case in tracked(cases, "flying"):
        fly(case)

There is one display at a time: what is begun inside of something shows a line below it. The command line
silences all of them with `--quiet`.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.compiling import compiling_told
from sandbox.terminal import visible

if TYPE_CHECKING:
    from rich.progress import Progress

_Item = TypeVar("_Item")
_open: list["Progress"] = []
"""The display, while there is one."""
_silent: list[bool] = []
STILL_S = 0.5
"""Between two pictures of a display that is still."""


class Line:
    """A line of a display that is not shown."""

    def __call__(self, what: str, of: int) -> None:
        """One more step was done of `what`, out of so many: a `Told`. What is not the title is a new line."""

    def more(self, by: float = 1.0) -> None:
        """So much more was done."""

    def to(self, done: float) -> None:
        """So much is done in all."""


class _Shown(Line):
    """A line of a display."""

    def __init__(self, lines: "Progress", title: str, total: float | None) -> None:
        self._lines, self._title, self._tasks = lines, title, dict[str, Any]()
        self._done = 0.0
        self._begin(title, total)

    def __call__(self, what: str, of: int) -> None:
        if what not in self._tasks:
            self._begin(what, of)
        self._move(what, 1.0, of)

    def more(self, by: float = 1.0) -> None:
        self._done += by
        self._move(self._title, by, None)

    def to(self, done: float) -> None:
        self.more(done - self._done)

    def end(self) -> None:
        """Remove what is shown."""
        for task, _ in self._tasks.values():
            self._lines.remove_task(task)

    def _begin(self, what: str, total: float | None) -> None:
        pace = Pace()
        self._tasks[what] = self._lines.add_task(visible(what), total=total, pace=pace, told=""), pace

    def _move(self, what: str, by: float, of: float | None) -> None:
        task, pace = self._tasks[what]
        pace.step(by)
        self._lines.update(task, total=of, advance=by)
        _redraw()


class Compiling:
    """How long kernels have been compiled, which no estimate takes for work."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._spent_s = 0.0

    def __bool__(self) -> bool:
        return self._since is not None

    def told(self, now: bool) -> None:
        """Whether one is compiled now."""
        if now == bool(self):
            return
        if now:
            self._since = time.monotonic()
        else:
            self._spent_s, self._since = self.spent_s(), None
        _redraw(at_once=True)

    def spent_s(self) -> float:
        """Seconds so far."""
        return self._spent_s + (0.0 if self._since is None else time.monotonic() - self._since)


_compiling = Compiling()


def _working_s() -> float:
    """A clock that stands while kernels are compiled."""
    return time.monotonic() - _compiling.spent_s()


class Pace:
    """Seconds that a unit of work takes, from the steps so far.

    The first step is left out as soon as there is a second: it may load kernels. So are steps that took no
    time before one that did: what a study that goes on had done before.
    """

    def __init__(self, clock: Callable[[], float] = _working_s) -> None:
        self._clock, self._last = clock, clock()
        self._steps, self._units, self._spent = 0, 0.0, 0.0
        self._first = (0.0, 0.0)

    def step(self, units: float) -> None:
        """So many units of work were done since the last step."""
        now = self._clock()
        took, self._last = now - self._last, now
        if self._steps and took > 0.5 and took > 100.0 * (self._spent + self._first[1]) / self._steps:
            self._steps, self._units, self._spent = 0, 0.0, 0.0
        if self._steps == 0:
            self._first = units, took
        else:
            self._units += units
            self._spent += took
        self._steps += 1

    def left(self, units: float) -> float | None:
        """Seconds that so many more units take; None before the first step."""
        done, spent = (self._units, self._spent) if self._units > 0.0 else self._first
        if done <= 0.0:
            return None
        whole = spent / done * units
        return max(whole - (self._clock() - self._last), whole - spent / max(1, self._steps - 1), 0.0)


@contextmanager
def of_command(quiet: bool) -> Iterator[None]:
    """What a command shows: nothing if it is to be quiet, and nothing any more when it is over or failed."""
    _silent.append(quiet)
    try:
        yield
    finally:
        _silent.pop()
        for lines in _open:
            lines.stop()


@contextmanager
def display(shown: bool = True, still: bool = False, stays: bool = False) -> Iterator["Progress | None"]:
    """The display: the one that is open, or a new one; None where nothing is shown.

    Nothing is shown unless `shown`, where the standard error is no terminal, in a process that another one
    started to share its work, or without rich. A `still` one is drawn after steps alone, not ten times a
    second beside what is being timed; one that `stays` is not removed at its end.
    """
    if _open and shown:
        yield _open[0]
        return
    alone = parent_process() is None and sys.stderr.isatty()
    lines = _made(still, stays) if shown and alone and not any(_silent) else None
    if lines is None:
        yield None
        return
    with lines, compiling_told(_compiling.told):
        _open.append(lines)
        try:
            yield lines
        finally:
            _open.remove(lines)


@contextmanager
def bar(title: str, total: float | None = None, shown: bool = True, still: bool = False) -> Iterator[Line]:
    """Show how far something is, with an estimate of the time left; without `total` only that it goes on.

    Yields what is to be told of every step. Where nothing is shown, see `display`, it does nothing.
    """
    inside = is_open()
    with display(shown, still) as lines:
        if lines is None:
            yield Line()
            return
        line = _Shown(lines, title, total)
        try:
            yield line
        finally:
            if inside:  # else all of the display goes, after a last picture of it
                line.end()


def tracked(
    items: Iterable[_Item], title: str, total: int | None = None, shown: bool = True, still: bool = False
) -> Iterator[_Item]:
    """The items, each to be worked on by who takes it; a bar with `title` says how far that is.

    `total` is by default the number of items.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    with bar(title, total, shown, still) as line:
        for item in items:
            yield item
            line.more()


def finished(found: Iterable[_Item], title: str, total: int, shown: bool = True) -> Iterator[_Item]:
    """What comes as work is done elsewhere, such as in other processes; a bar says how far that is."""
    with bar(title, total, shown) as line:
        for each in found:
            line.more()
            yield each


def is_open() -> bool:
    """Whether something is shown now."""
    return bool(_open)


def _made(still: bool, stays: bool) -> "Progress | None":
    """A display; None without rich."""
    try:
        from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
        from rich.text import Text
    except ModuleNotFoundError:
        return None
    from experiments.running.console_tables import console_for

    class Left(ProgressColumn):
        """Hours, minutes and seconds that are left."""

        def render(self, task: Any) -> Text:
            seconds = None if task.remaining is None else task.fields["pace"].left(task.remaining)
            return Text(told_as_clock(seconds), style="progress.remaining")

    class Note(ProgressColumn):
        """What else is told of a line."""

        def render(self, task: Any) -> Text:
            last = _open and task.id == _open[0].task_ids[-1]
            return Text("compiling kernels" if _compiling and last else task.fields["told"])

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(24),
        TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(), TextColumn("left"), Left(),
        Note(),
    )  # fmt: skip
    # rich would write to the standard error what is printed meanwhile, which may go to a file
    return Progress(
        *columns, console=console_for(error=True), transient=not stays, auto_refresh=not still,
        redirect_stdout=sys.stdout.isatty(),
    )  # fmt: skip


def _redraw(at_once: bool = False) -> None:
    """Draw a still display again, if it is time."""
    lines = _open[0] if _open else None
    if lines is None or lines.live.auto_refresh:
        return
    now = time.monotonic()
    if at_once or now - _drawn[0] > STILL_S:
        _drawn[0] = now
        lines.refresh()


_drawn = [0.0]
"""When a still display was drawn last."""


def told_as_clock(seconds: float | None) -> str:
    """H:MM:SS, with dashes for what is not known."""
    if seconds is None:
        return "-:--:--"
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"
