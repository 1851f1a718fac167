"""How fast the environments step: `python -m experiments throughput`.

Agent-steps (rounds x worlds x agents) per second of processor time and of wall-clock time, resets included,
median of several repeats that take turns, one thread; MPE2 in the same run beside it. Then what a fresh
interpreter pays: importing, the first step, the memory of 2,800 satellites. With `--requests 64 1500`,
instead, what so many open requests cost.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from statistics import median
from typing import Any

from envs import autonomy_v0, offloading_v0, operations_v0
from experiments.performance import request_speed, startup
from experiments.performance.cases import ROUNDS, Case, batch_case, dictionary_case, mpe2_case
from experiments.performance.machine import machine
from experiments.running.options import add, common
from experiments.running.progress import tracked
from experiments.running.run_folder import keep_records

BATCHES, LARGE = (1, 32, 256), 2_800
QUICK_ROUNDS, QUICK_BATCHES, QUICK_LARGE = 5, (1, 2), 40


def run(told: Any) -> None:
    """Measure, print a table, write JSON if asked to."""
    if told.requests:
        _of_requests(told)
        return
    if told.quick:
        cases, seconds, tries, large = (
            make_cases(QUICK_ROUNDS, QUICK_BATCHES, QUICK_LARGE),
            0.0,
            1,
            QUICK_LARGE,
        )
    else:
        cases, seconds, tries, large = make_cases(ROUNDS, BATCHES, LARGE), told.seconds, 5, LARGE
    found = {
        "machine": machine(),
        "rounds": cases[0].rounds,
        "repeats": told.repeats,
        "throughput": measure(cases, told.repeats, seconds),
        "startup": startup.measure(tries, large, compiling=not told.quick),
    }
    _print(found)
    if told.json:
        records = [{"what": "throughput", **row} for row in found["throughput"]]
        records.append({"what": "startup", **found["startup"]})
        keep_records(told.json, "throughput", records, machine=found["machine"], rounds=found["rounds"])


def _of_requests(told: Any) -> None:
    rounds, worlds = (QUICK_ROUNDS, QUICK_BATCHES[-1]) if told.quick else (ROUNDS, request_speed.WORLDS)
    rows = request_speed.measure(told.requests, told.repeats, rounds, worlds)
    request_speed.show(rows, worlds)
    if told.json:
        records = [{"what": "requests", **row} for row in rows]
        keep_records(told.json, "throughput", records, machine=machine(), rounds=rounds)


def make_cases(rounds: int, batches: Sequence[int], large: int) -> list[Case]:
    """What is timed, in worlds of 16 satellites and in one `large` one; no MPE2 where it is not installed."""
    cases = [dictionary_case(16, rounds), *(batch_case(worlds, 16, rounds) for worlds in batches)]
    cases.append(batch_case(1, large, rounds))
    cases.append(dictionary_case(16, rounds, autonomy_v0))
    for problem in (offloading_v0, autonomy_v0, operations_v0):
        for worlds, satellites in ((1, 16), (max(batches[:2]), 16), (1, large)):
            cases.append(batch_case(worlds, satellites, rounds, problem))
    try:
        return [*cases, *(mpe2_case(agents, rounds) for agents in (16, 3))]
    except ModuleNotFoundError:
        print("mpe2 is not installed and left out; pip install mpe2 adds it.", file=sys.stderr)
        return cases


def measure(cases: Sequence[Case], repeats: int, seconds: float) -> list[dict[str, Any]]:
    """Agent-steps per second of each case: every repeat, and the medians.

    A repeat plays whole episodes until `seconds` have passed, at least one. The cases take turns, so that a
    busy machine slows all of them.
    """
    for case in tracked(cases, "first episodes", still=True):
        case.play()
    rates: list[list[tuple[float, float]]] = [[] for _ in cases]
    turns = [pair for _ in range(repeats) for pair in zip(cases, rates, strict=True)]
    for case, kept in tracked(turns, "timing", still=True):
        kept.append(_rate(case, seconds))
    return [_row(case, *zip(*kept, strict=True)) for case, kept in zip(cases, rates, strict=True)]


def _rate(case: Case, seconds: float) -> tuple[float, float]:
    """Agent-steps per second of processor time and per second of wall-clock time."""
    wall, cpu, steps = time.perf_counter(), time.process_time(), 0
    while steps == 0 or time.perf_counter() - wall < seconds:
        case.play()
        steps += case.steps
    return steps / (time.process_time() - cpu), steps / (time.perf_counter() - wall)


def _row(case: Case, cpu: Sequence[float], wall: Sequence[float]) -> dict[str, Any]:
    return {
        "environment": case.name,
        "worlds": case.worlds,
        "agents": case.agents,
        "per_cpu_s": median(cpu),
        "per_wall_s": median(wall),
        "per_cpu_s_repeats": list(cpu),
        "per_wall_s_repeats": list(wall),
    }


def _print(found: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from experiments.running.console_tables import console_for

    told = found["machine"]
    title = f"{told['cpu']}, {told['cores']} cores, Python {told['python']}"
    title += f", NumPy {told['numpy']}, numba {told['numba']}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("environment", no_wrap=True)
    for name in ("size", "/ CPU s", "range, k", "/ wall s", "x mpe2"):
        table.add_column(name, justify="right", no_wrap=True)
    yardsticks = [row["per_cpu_s"] for row in found["throughput"] if _is_yardstick(row)]
    for row in found["throughput"]:
        table.add_row(*_cells(row, *yardsticks))
    console = console_for()
    console.print(table)
    note = f"Agent-steps a second, one thread, median of {found['repeats']}; size: worlds x agents; "
    console.print(note + "x mpe2: CPU, over its 16 agents.", soft_wrap=True)
    for name, value in found["startup"].items():
        console.print(f"{name:32} {value:8.2f}", highlight=False)


def _is_yardstick(row: dict[str, Any]) -> bool:
    return row["environment"].startswith("mpe2") and row["agents"] == 16


def _cells(row: dict[str, Any], yardstick: float | None = None) -> list[str]:
    low, high = (f"{pick(row['per_cpu_s_repeats']) / 1e3:,.3g}" for pick in (min, max))
    ratio = f"{row['per_cpu_s'] / yardstick:,.1f}" if yardstick else "-"
    size = f"{row['worlds']} x {row['agents']:,}"
    cpu, wall = (f"{row[name]:,.0f}" for name in ("per_cpu_s", "per_wall_s"))
    return [row["environment"], size, cpu, f"{low}–{high}", wall, ratio]


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    add(parser, "--repeats", 5, "repeats of each case", type=int, metavar="N")
    told = "only this: rounds, and resets, with so many open requests, such as 64 1500 20000"
    add(parser, "--requests", None, told, type=int, nargs="+", metavar="M")
    add(parser, "--seconds", 0.5, "least length of one", type=float, metavar="S")
    common(parser)
