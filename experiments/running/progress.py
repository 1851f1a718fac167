"""A bar in the terminal for what takes long and is no episode: a film, an export."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.rendering.told import Told, to_nobody


@contextmanager
def bar(title: str, total: int | None = None, shown: bool = True) -> Iterator[Told]:
    """Show how far something is, with an estimate of the time left; without `total` only that it goes on.

    Yields what is to be told of every step: (what is done now, out of how many). Unless `shown`, where
    the standard error is no terminal, or rich is not installed, nothing is shown.
    """
    if not (shown and sys.stderr.isatty()):
        yield to_nobody
        return
    try:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    except ModuleNotFoundError:
        yield to_nobody
        return
    from experiments.running.console_tables import console_for

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console_for(error=True), transient=True) as lines:
        tasks = {title: lines.add_task(title, total=total)}

        def step(what: str, of: int) -> None:
            if what not in tasks:
                tasks[what] = lines.add_task(what, total=of)
            lines.update(tasks[what], total=of, advance=1)

        yield step
