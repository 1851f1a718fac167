"""What a terminal shows: the progress bar and the tables. Names and paths are text, whatever is in them."""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from experiments.running.asked import wish
from experiments.running.callbacks import Shown
from experiments.running.metrics import GROUPS
from experiments.running.statistics import Summary
from sandbox.terminal import Printable, say, visible

WHILE_S = 3600.0
"""Over which the speed is measured that time left is estimated from; a round with a mind may take minutes."""


def console_for(*, error: bool = False, width: int | None = None) -> Console:
    """A console that takes no text for markup, and shows a ? for what the terminal does not have."""
    stream: Any = Printable(sys.stderr if error else sys.stdout)
    return Console(file=stream, markup=False, emoji=False, width=width)


def progress_bar() -> Progress:
    """A bar with simulated time and speed, which shows nothing where there is no terminal."""
    console = console_for(error=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[simulated]}"),
        TextColumn("{task.fields[speed]}", style="green"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
        speed_estimate_period=WHILE_S,
    )


def print_run(content: Mapping[str, Any], folder: Path) -> None:
    """The metrics of one run, what they mean and where they lie."""
    told, timing = content["arguments"], content["timing"]
    title = f"{told['env']}  {told['scenario']}  {told['policy']}  seed {told['seed']}  {told['hours']:g} h"
    table = _table(title, "metric", ">value", "unit")
    table.add_column("meaning", min_width=24)
    for group in GROUPS:
        for name, metric in group.items():
            if name in content:
                table.add_row(name, number(content[name]), _unit(metric.unit), metric.meaning)
        table.add_section()
    for clock in ("wall", "cpu"):
        name = f"decisions_per_{clock}_s"
        table.add_row(name, number(timing[name]), "1/s", "decided and stepped, one process")
    console = console_for()
    console.print(table)
    say(f"Results in {folder}/")


def print_thought(shown: Shown, onboard: Sequence[str]) -> None:
    """One decision of one satellite: what it read, what it answered, and what that cost it."""
    console, decision = console_for(), shown.decision
    when = f"{shown.when:%Y-%m-%d %H:%M:%S} UTC"
    console.print(visible(f"{shown.satellite}  {when}"), style="bold", highlight=False)
    console.print(visible(shown.request.report), highlight=False)
    if asked := wish(decision, shown.actions):
        console.print(asked, highlight=False)
    if decision.reasoning:
        console.print(visible(f"Thinks: {decision.reasoning}"), style="dim", highlight=False)
    chance = (
        ""
        if decision.probabilities is None
        else f" (probability {decision.probabilities[decision.action]:.2f}{_mass(decision)})"
    )
    console.print(f"Decides: {shown.actions[decision.action]}{chance}", style="bold", highlight=False)
    tokens = f"{decision.prompt_tokens} tokens read, {decision.output_tokens} written"
    price = f"{number(shown.seconds)} s and {number(shown.joules)} J of the satellite's own"
    board = ", ".join(onboard) if onboard else "no board, so thought is free"
    console.print(f"Price: {price} ({tokens}; {board})\n", highlight=False)


def _mass(decision: Any) -> str:
    return "" if decision.mass is None else f" of the {decision.mass:.2g} that lay on legal labels"


def print_comparison(title: str, policies: Sequence[str], rows: Mapping[str, Sequence[Summary]]) -> None:
    """Metrics down, policies across: interquartile means, and under them their intervals.

    As many policies stand side by side as the terminal is wide for, the others in a table below.
    """
    console = console_for()

    def table(first: int, count: int) -> Table:
        these = slice(first, first + count)
        made = _table(None if first else title, "metric", *(f">{policy}" for policy in policies[these]))
        for name, summaries in rows.items():
            made.add_row(name, *map(interval, summaries[these]))
        return made

    unbounded = console.options.update(max_width=10_000)
    for count in range(len(policies), 0, -1):
        tables = [table(first, count) for first in range(0, len(policies), count)]
        if all(console.measure(each, options=unbounded).maximum <= console.width for each in tables):
            break
    for each in tables:
        console.print(each)


def print_prices(rows: Sequence[Mapping[str, Any]]) -> None:
    """What it costs to think: a line for each board, Qwen3 and budget."""
    table = _table(None, "board", "Qwen3", *(f">{name}" for name in _PRICES))
    for row in rows:
        if "unfit" in row:
            continue
        shown = (row["budget"], *(row[name] for name in ("value_delivered", "thought_s", "thought_j")))
        shares = (100.0 * row["thought_share"], 100.0 * row["late_share"], row["lost_satellites"])
        size = (row["model"] or "-").removeprefix("Qwen3-")
        table.add_row(visible(row["board"] or "free"), visible(size), *map(_short, (*shown, *shares)))
    console = console_for()
    console.print(table)
    for reason in dict.fromkeys(row["unfit"] for row in rows if "unfit" in row):
        console.print(visible(f"Left out: {reason}"), highlight=False)


def print_thinking(rows: Sequence[Mapping[str, Any]]) -> None:
    """What thinking brings and costs: a table for each scenario, board and level, a line for each rule; none
    is wider than 80 letters."""
    console = console_for()
    cases: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        cases.setdefault(_case(row), []).append(row)
    for case, own in cases.items():
        table = _table(case, "thinking", *(f">{name}" for name in _THINKING))
        for row in own:
            rule = visible(row["thinking"]) + ("\ntrue sky" if row["planner"] == "truth" else "")
            gain = _over_never(row["gain"], row["gain_low"], row["gain_high"])
            spent = map(_short, (row["thought_s"] / 3_600.0, row["thought_j"] / 1e6))
            counts = (f"{row[name]:,.0f}" for name in ("consultations", "decisions_changed"))
            table.add_row(rule, f"{row['value']:,.1f}", gain, *counts, *spent)
        console.print(table)


def _case(row: Mapping[str, Any]) -> str:
    """Scenario, board, and the levels that are not in the middle."""
    levels = [f"{name} {row[name]}" for name in ("load", "pressure", "battery") if row[name] != "middle"]
    board = "own board" if row["board"] == "own" else row["board"]
    return ", ".join((row["scenario"], board, *levels))


def _over_never(gain: float, low: float, high: float) -> Text:
    """A gain and, on a line of its own, its interval, where it has one."""
    middle = f"{gain:+,.1f}"
    bounds = (f"{low:+,.1f}–{high:+,.1f}", "dim")
    return Text(middle) if low == high else Text.assemble(middle, "\n", bounds)


_THINKING = ("value", "over never", "searches", "changed", "h", "MJ")
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
        table.add_row(visible(name), f"{satellites:,}", f"{hours:g} h", visible(description))
    console_for().print(table)


def _table(title: str | None, *columns: str) -> Table:
    """A table with these columns, none of them wrapped; those that begin with > are flush right."""
    head = None if title is None else visible(title)
    table = Table(title=head, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        side: JustifyMethod = "right" if column.startswith(">") else "left"
        table.add_column(visible(column.removeprefix(">")), justify=side, no_wrap=True)
    return table


def number(value: float) -> str:
    """A count in full, anything else to four digits; a dash for no value."""
    if value is None or not math.isfinite(value):
        return "-"
    if float(value).is_integer() or abs(value) >= 1_000:
        return f"{value + 0.0:,.0f}"  # no -0
    return f"{value:.4g}"


def interval(summary: Summary) -> Text:
    """The interquartile mean and, on a line of its own, from where to where it may be.

    What happens in few runs, a collision, falls out of it altogether: then the mean stands there.
    """
    middle, low, high, mean = map(number, (summary.iqm, summary.low, summary.high, summary.mean))
    if low != high:
        return Text.assemble(middle, "\n", (f"{low}–{high}", "dim"))
    return Text(middle) if mean == middle else Text.assemble(middle, "\n", (f"mean {mean}", "dim"))


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit
