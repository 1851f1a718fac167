"""What a terminal shows: the progress bar and the tables."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from experiments.metrics import GROUPS, Summary
from experiments.watchers import Shown


def progress_bar() -> Progress:
    """A bar with simulated time and speed, which shows nothing where there is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[simulated]}"),
        TextColumn("{task.fields[speed]}", style="green"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def print_run(content: Mapping[str, Any], folder: Path) -> None:
    """The metrics of one run, what they mean and where they lie."""
    told, timing = content["arguments"], content["timing"]
    title = f"{told['env']}  {told['scenario']}  {told['policy']}  seed {told['seed']}  {told['hours']:g} h"
    table = _table(title, "metric", ">value", "unit", "meaning")
    for group in GROUPS:
        for name, metric in group.items():
            if name in content:
                table.add_row(name, number(content[name]), _unit(metric.unit), metric.meaning)
        table.add_section()
    for clock in ("wall", "cpu"):
        name = f"decisions_per_{clock}_s"
        table.add_row(name, number(timing[name]), "1/s", "decided and stepped, one process")
    console = Console()
    console.print(table)
    console.print(f"Results in {folder}/", highlight=False, soft_wrap=True)


def print_thought(shown: Shown, onboard: Sequence[str]) -> None:
    """One decision of one satellite: what it read, what it answered, and what that cost it."""
    console, decision = Console(), shown.decision
    console.print(f"{shown.satellite}  {shown.when:%Y-%m-%d %H:%M:%S} UTC", style="bold", highlight=False)
    console.print(shown.request.report, highlight=False, markup=False)
    if decision.reasoning:
        console.print(f"Thinks: {decision.reasoning}", style="dim", highlight=False, markup=False)
    chance = (
        ""
        if decision.probabilities is None
        else f" (probability {decision.probabilities[decision.action]:.2f})"
    )
    console.print(f"Decides: {shown.actions[decision.action]}{chance}", style="bold", highlight=False)
    tokens = f"{decision.prompt_tokens} tokens read, {decision.output_tokens} written"
    price = f"{number(shown.seconds)} s and {number(shown.joules)} J of the satellite's own"
    board = ", ".join(onboard) if onboard else "no board, so thought is free"
    console.print(f"Price: {price} ({tokens}; {board})\n", highlight=False, markup=False)


def print_comparison(title: str, policies: Sequence[str], rows: Mapping[str, Sequence[Summary]]) -> None:
    """Metrics down, policies across: interquartile means, and under them their intervals."""
    table = _table(title, "metric", *(f">{policy}" for policy in policies))
    for name, summaries in rows.items():
        table.add_row(name, *map(interval, summaries))
    Console().print(table)


def print_prices(rows: Sequence[Mapping[str, Any]]) -> None:
    """What it costs to think: a line for each board, Qwen3 and budget."""
    table = _table(None, "board", "Qwen3", *(f">{name}" for name in _PRICES))
    for row in rows:
        if "unfit" in row:
            continue
        shown = (row["budget"], *(row[name] for name in ("value_delivered", "thought_s", "thought_j")))
        shares = (100.0 * row["thought_share"], 100.0 * row["late_share"], row["lost_satellites"])
        size = (row["model"] or "-").removeprefix("Qwen3-")
        table.add_row(row["board"] or "free", size, *map(_short, (*shown, *shares)))
    console = Console()
    console.print(table)
    for reason in dict.fromkeys(row["unfit"] for row in rows if "unfit" in row):
        console.print(f"Left out: {reason}", highlight=False)


_PRICES = ("tokens", "value", "s", "J", "energy %", "late %", "lost")


def _short(value: float) -> str:
    """Three digits, or a whole number; a dash for no value."""
    if not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.2g}"


def print_scenarios(rows: Sequence[tuple[str, int, float, str]]) -> None:
    """Name, satellites, horizon (h) and description of each."""
    table = _table(None, "scenario", ">satellites", ">horizon")
    table.add_column("description")
    for name, satellites, hours, description in rows:
        table.add_row(name, f"{satellites:,}", f"{hours:g} h", description)
    Console().print(table)


def _table(title: str | None, *columns: str) -> Table:
    """A table with these columns, none of them wrapped; those that begin with > are flush right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        side: JustifyMethod = "right" if column.startswith(">") else "left"
        table.add_column(column.removeprefix(">"), justify=side, no_wrap=True)
    return table


def number(value: float) -> str:
    """A count in full, anything else to four digits; a dash for no value."""
    if value is None or not math.isfinite(value):
        return "-"
    if float(value).is_integer() or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def interval(summary: Summary) -> str:
    """The interquartile mean and, on a line of its own, from where to where it may be."""
    middle, low, high = map(number, (summary.iqm, summary.low, summary.high))
    return middle if low == high else f"{middle}\n[dim]{low}–{high}[/dim]"


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit
