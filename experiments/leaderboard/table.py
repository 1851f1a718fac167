"""The table of a benchmark, as Markdown and as Parquet: the same bytes for the same outcomes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from experiments.leaderboard.plan import Plan
from experiments.leaderboard.rows import ALL, BEST, LEAST_LEAD, Row
from experiments.running.console_tables import console_for, number
from experiments.running.run_folder import is_ours_in_benchmark
from experiments.running.statistics import Estimate, with_bounds
from sandbox.files import MARK, replacing
from sandbox.terminal import say, visible

MARKDOWN, PARQUET = "table.md", "table.parquet"


def percent(estimate: Estimate) -> str:
    """A percentage with its interval, a dash for none."""
    return _bounded(estimate, lambda value: f"{value:.1f}")


def chance(estimate: Estimate) -> str:
    """A probability with its interval, a dash for none."""
    return _bounded(estimate, lambda value: f"{value:.2f}")


def _bounded(estimate: Estimate, text: Callable[[float], str]) -> str:
    return with_bounds(lambda value: _plain(text(value)), *estimate)


def _plain(text: str) -> str:
    """Without the sign of a zero."""
    return text.removeprefix("-") if not text.strip("-0.") else text


COLUMNS: dict[str, Callable[[Row], str]] = {
    "problem": lambda row: row.problem,
    "scenario": lambda row: row.scenario,
    "hours": lambda row: f"{row.hours:g}",
    "split": lambda row: row.split,
    "policy": lambda row: row.policy,
    "episodes": lambda row: f"{row.counted} of {row.episodes}" if row.episodes else "-",
    "% of the planner": lambda row: percent(row.percent),
    "P(better)": lambda row: chance(row.better),
    "return": lambda row: number(row.score),
    "lost": lambda row: number(row.lost),
    "energy, kWh": lambda row: number(row.energy_kwh),
    "thought, s": lambda row: number(row.thought_s),
    "thought, J": lambda row: number(row.thought_j),
}
"""Of the Markdown: heading and text. The command follows."""
_ABOUT = """# Benchmark

Every policy meets the same episodes, seeds {first} to {last}. A score is the team's return, the sum of all
rewards, as a percentage: 0 is what `idle` gets in the same episode, 100 what `{top}` gets. Episodes in
which the latter leads by less than {least:g} have no scale and count for nobody. Shown is the interquartile
mean over all counted episodes, with a 95 % interval of the stratified bootstrap (as rliable does).

P(better) is the probability to score above the best heuristic in an episode of the same scenario
({best}). The last rows sum up all problems, for those who play them all; `best heuristic` is that
of each problem. Further columns are means: return, satellites lost and energy of an episode, seconds and
joules of a decision that was thought about. A dash: not made for the problem, or nothing to tell.

Policies may be trained on known constellations, with seeds from 1,000,000 on; those held out are for the
benchmark alone. The command plays the row again.
{lacking}
<!-- {mark} -->
"""
_ON_SCREEN = ("policy", "% of the planner", "P(better)", "return", "lost")
LEFT = ("problem", "scenario", "split", "policy")


def write_table(rows: Sequence[Row], plan: Plan, folder: Path) -> None:
    """Write both files into `folder`, each whole or not at all, in the place of files of ours alone."""
    with replacing(folder / MARKDOWN, is_ours_in_benchmark) as draft:
        draft.write_text(markdown(rows, plan), encoding="utf-8")
    with replacing(folder / PARQUET, is_ours_in_benchmark) as draft:
        _write_parquet(rows, draft)


def markdown(rows: Sequence[Row], plan: Plan) -> str:
    """The table with a page of explanation above it."""
    best = {row.problem: row.against for row in rows if row.against not in ("", BEST)}
    told = ", ".join(f"{name} in {problem}" for problem, name in best.items()) or "none played"
    about = _ABOUT.format(
        mark=MARK,
        first=plan.seeds[0],
        last=plan.seeds[-1],
        top=plan.asked.yardstick,
        least=LEAST_LEAD,
        best=told,
        lacking="".join(f"\n{_literal(text)}\n" for text in plan.lacking()),
    )
    lines = [
        about,
        "| " + " | ".join((*COLUMNS, "command")) + " |",
        "|" + "|".join(" --- " if name in LEFT else " ---: " for name in COLUMNS) + "| --- |",
    ]
    return "\n".join([*lines, *map(_line, rows)]) + "\n"


def _line(row: Row) -> str:
    cells = [_literal(text(row)) for text in COLUMNS.values()]
    command = _code(row.command) if row.command else "-"
    return "| " + " | ".join((*cells, command)) + " |"


def _literal(text: str) -> str:
    """`text` in a cell, where nothing of it is Markdown or HTML; brackets of our own intervals stay."""
    text = " ".join(visible(text).split("\n")).replace("\\", "\\\\")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("](", "]\\(")
    return re.sub(r"([|`*])", r"\\\1", text)


def _code(text: str) -> str:
    """`text` as code in a cell, between more backticks than it has in a row."""
    text = " ".join(visible(text).split("\n"))
    fence = "`" * (1 + max((len(found) for found in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|")


def records_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A field for each of a row's, three for an estimate: NAME, NAME_low, NAME_high."""
    return [_record(row) for row in rows]


def _record(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for field in fields(Row):
        value = getattr(row, field.name)
        if field.type is Estimate:
            record |= zip((field.name, f"{field.name}_low", f"{field.name}_high"), value, strict=True)
        else:
            record[field.name] = value
    return record


def _write_parquet(rows: Sequence[Row], path: Path) -> None:
    """A column for each field of `records_of`; nothing for NaN."""
    import pyarrow
    from pyarrow import parquet

    records = records_of(rows)
    columns = {name: [record[name] for record in records] for name in records[0]}
    arrays = {name: pyarrow.array(values, from_pandas=True) for name, values in columns.items()}
    parquet.write_table(pyarrow.table(arrays).replace_schema_metadata({"written by": MARK}), path)


def print_table(rows: Sequence[Row], folder: Path) -> None:
    """The table on the terminal, without the commands."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    console = console_for()
    for heading in dict.fromkeys(map(_heading, rows)):
        table = Table(
            title=visible(heading), title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False
        )
        for name in _ON_SCREEN:
            table.add_column(name, justify="left" if name in LEFT else "right", no_wrap=True)
        for row in rows:
            if _heading(row) == heading:
                table.add_row(*(visible(COLUMNS[name](row)) for name in _ON_SCREEN))
        console.print(table)
    say(f"Results in {folder}/")


def _heading(row: Row) -> str:
    """What a row is about."""
    split = "all splits" if row.split == ALL else row.split
    scenario = "all scenarios" if row.scenario == ALL else row.scenario
    problem = "all problems" if row.problem == ALL else row.problem
    return f"{problem}  {scenario}  {row.hours:g} h  {split}"
