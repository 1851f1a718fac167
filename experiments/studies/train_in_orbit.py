"""Training in orbit: a fleet learns from what it flies, by several rules, and pays for it on its boards and
links.

    python -m experiments train_in_orbit                                   # 36 satellites, two days, 3 seeds
    python -m experiments train_in_orbit --methods fedavg fedbuff --days 1 --seeds 5
    python -m experiments train_in_orbit --methods fedavg --size-factor 1e5   # charged as 600 million weights
    python -m experiments train_in_orbit --scenario star_compute_2800 --days 1 --seeds 1 --methods planes

The satellites of `tasking_v0` decide by a small network that knows nothing at the launch. Each keeps its last
rounds (`--store-kbit`) and trains on them on one of its boards: seconds, joules and heat come out of its own
budget and out of customers' work. Updates and weights travel as bits over the laser mesh. Methods:

- `none`: nobody learns; `ground`: raw experience goes down by passes, weights come up by passes;
- `central`: all experience in one place, links and boards without end, the bound of the others;
- `fedavg`, `fedprox`, `fedbuff`: a satellite brings updates together, in step, with partial work, or as they
  come; `fedavg_int8` and `fedavg_top10` send 8 bits a number, or the largest tenth;
- `planes`: each plane by itself, planes brought together every few periods;
- `frozen`: fedavg that ends when the world changes.

After `--change-h` hours a flood strikes and `--lost-stations` are silent. Values are told as a share of what
the heuristic `greedy` gets in the same worlds. Where the fleet has training satellites they learn, for all.
Leaves `train_in_orbit.json`, `train_in_orbit.csv` and `train_in_orbit.png`.
"""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from functools import partial
from typing import Any

from experiments.running.journal import Journal
from experiments.running.options import add, arguments_of, common, resumable
from experiments.running.pool import outcomes
from experiments.running.progress import finished, tracked
from experiments.running.run_folder import keep_records
from experiments.running.statistics import with_bounds
from experiments.studies.orbit_learning.crew import Plan
from experiments.studies.orbit_learning.differences import differences
from experiments.studies.orbit_learning.differences import summary as summary_of_differences
from experiments.studies.orbit_learning.figure import draw
from experiments.studies.orbit_learning.flight import (
    LINKED,
    METHODS,
    REFERENCE,
    Change,
    changed,
    fleet_of,
    fly,
    plan_of,
    ring_sizes,
)
from experiments.studies.orbit_learning.outcomes import shares, summarise
from experiments.studies.orbit_learning.planes import planes_of
from experiments.studies.study import Study
from sandbox.errors import SandboxError
from sandbox.fleet import make_fleet
from sandbox.scenario import Scenario, load_scenario
from sandbox.terminal import say

DEFAULT = tuple(METHODS)
LOST = ("Singapore", "Dubai", "Hawaii")
"""Stations of `walker_24` that are silent when the world has changed: those nearest the equator."""
WINDOW_H = 3.0
COMPARED_ROUNDS = 960
"""Rounds of eight hours, over which the experience of planes is compared."""
MOST_COMPARED = 500
"""Satellites from which on that is left out: it takes the memory of all their experience."""
WIDTH = 110


def scenario_of(told: Namespace) -> tuple[Scenario, Change]:
    """The scenario that is flown, and how its world changes. Raises SandboxError for bad input."""
    at = told.change_h or None
    if told.scenario is None:
        stations = LOST if told.lost_stations is None else told.lost_stations
        change = Change(at, tuple(stations) if at else ())
        return fleet_of(told.satellites, told.days, change), change
    change = Change(at, tuple(told.lost_stations or ()) if at else ())
    return changed(load_scenario(told.scenario), told.days, change), change


def rings_of(satellites: int) -> str:
    """What a number means that makes rings unlike, or too sparse for lasers; "" for any other."""
    sizes = ring_sizes(satellites)
    told = []
    if len(set(sizes)) > 1:
        told.append("they are not alike")
    if min(sizes) < LINKED:
        told.append(f"below {LINKED} in a ring, a satellite does not see the next one, and lasers link fewer")
    rings = ", ".join(map(str, sizes))
    return f"{satellites} satellites are rings of {rings}: {'; '.join(told)}." if told else ""


def plan_from(told: Namespace) -> Plan:
    """How the fleet learns. Raises SandboxError for numbers out of range."""
    return Plan(
        period=told.period,
        store_kbit=told.store_kbit,
        size_factor=told.size_factor,
        free=told.free,
        everybody=told.everybody,
    )


def _flight(task: tuple[dict[str, Any], str, int, Plan, Change, float]) -> list[dict[str, Any]]:
    """A run, in whatever process; its scenario comes as JSON has it."""
    content, method, seed, plan, change, window_h = task
    return fly(Scenario.model_validate(content), method, seed, plan, change, window_h)


def flights(
    scenario: Scenario,
    change: Change,
    plan: Plan,
    methods: Sequence[str],
    seeds: Sequence[int],
    journal: Journal | None = None,
    processes: int = 1,
) -> list[dict[str, Any]]:
    """Rows of every method and of the reference over the seeds, by window; see `orbit_learning.flight.fly`.

    Raises SandboxError for an unknown method, before anything is flown.
    """
    for method in methods:
        plan_of(method, plan, None)
    wanted = [(method, seed) for seed in seeds for method in (*methods, REFERENCE)]
    kept = {pair: journal.get(list(pair)) for pair in wanted} if journal else {}
    content = scenario.model_dump(mode="json")
    missing = [
        (content, method, seed, plan, change, WINDOW_H)
        for method, seed in wanted
        if kept.get((method, seed)) is None
    ]
    for task, rows in finished(outcomes(_flight, missing, processes), "flying", len(missing)):
        kept[task[1:3]] = rows
        if journal:
            journal.put([*task[1:3]], rows)
    return [row for pair in wanted for row in kept[pair]]


def run(told: Namespace) -> None:
    import pandas

    if told.seeds < 1 or told.processes < 1:
        raise SandboxError(f"{told.seeds} seeds, {told.processes} processes; give at least one of each.")
    plan = plan_from(told)
    scenario, change = scenario_of(told)
    if told.scenario is None and (remark := rings_of(told.satellites)):
        say(remark)
    study = Study.of(told, "train_in_orbit", ".csv", arguments_of(told))
    asked = {
        name: value
        for name, value in arguments_of(told).items()
        if name not in ("processes", "methods", "seeds")
    }
    told.interrupted = journal = Journal(
        told.out, "train_in_orbit", asked | {"scenario": scenario.model_dump(mode="json")}
    )
    seeds = range(told.seed, told.seed + told.seeds)
    methods = list(dict.fromkeys(told.methods))
    rows = flights(scenario, change, plan, methods, seeds, journal, told.processes)
    compared = compare(scenario, seeds, journal)
    table = summarise(rows, methods, change.at_h, told.target)
    content = {
        "rows": table,
        "differences": compared,
        "windows": shares(rows),
    }
    print_table(table, compared, told.target)
    if told.json:
        keep_records(told.json, "train_in_orbit", table, scenario=scenario.name)
    title = f"Training in orbit: {scenario.name}, {told.days:g} days"
    windows = shares(rows)
    paint = partial(draw, windows, table, change.at_h, title)
    study.keep(content, pandas.DataFrame(windows), paint)
    journal.done()
    say(f"Results in {told.out}/")


def compare(scenario: Scenario, seeds: Sequence[int], journal: Journal) -> list[dict[str, Any]]:
    """How unlike the planes' experience is, and that of two seasons; nothing of a fleet that is too large, or
    flies in one plane."""
    fleet = make_fleet(scenario)
    if len(fleet) > MOST_COMPARED or len(planes_of(scenario, fleet)) < 2:
        return []
    found = []
    for seed in tracked(seeds, "comparing planes"):
        found += journal.once(["differences", seed], partial(differences, scenario, seed, COMPARED_ROUNDS))
    return summary_of_differences(found)


def print_table(table: Sequence[dict[str, Any]], compared: Sequence[dict[str, Any]], target: float) -> None:
    """What each method comes to, and how unlike the planes are."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from experiments.running.console_tables import console_for

    console = console_for(width=WIDTH)
    title = "Value as a share of greedy's, % [95 %]; what learning took, mean"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("method", no_wrap=True)
    heads = (
        "whole",
        "at its end",
        f"h to {100 * target:.0f} %",
        "after change",
        "kWh",
        "ground kWh",
        "Gbit",
        "late",
    )
    for name in heads:
        shown.add_column(name, justify="right", no_wrap=True)
    for row in table:
        shown.add_row(row["method"], *_cells(row))
    console.print(shown)
    for row in compared:
        bits, more = (f"{row[f'divergence{end}']:.3f}" for end in ("", "_above_chance"))
        slope = f"{row['dissimilarity']:.2f}"
        above = (row[f"dissimilarity_above_chance{end}"] for end in ("", "_low", "_high"))
        beyond = with_bounds("{:.2f}".format, *above)
        console.print(
            f"Between {row['between']}: divergence of what is seen {bits} bits ({more} above chance); "
            f"dissimilarity B of slopes {slope} ({beyond} above chance)"
        )


def _cells(row: dict[str, Any]) -> list[str]:
    def of(name: str) -> str:
        if row[name] is None:
            return "-"
        value, low, high = (100.0 * row[f"{name}{end}"] for end in ("", "_low", "_high"))
        return with_bounds("{:.0f}".format, value, low, high)

    reached = "-" if row["hours_to_target"] is None else f"{row['hours_to_target']:.0f}"
    if row["hours_to_target"] is not None and row["reached"] < row["runs"]:
        reached += f" ({row['reached']} of {row['runs']})"
    spent = [f"{row[name]:.3g}" for name in ("kwh", "ground_kwh", "sent_gbit")]
    return [of("share"), of("share_end"), reached, of("share_changed"), *spent, f"{row['late']:.0f}"]


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    rings = "in three rings: tropical, middle, polar; lasers link a ring from nine on"
    add(parser, "--satellites", 36, rings, type=int, metavar="N")
    parser.add_argument("--scenario", metavar="NAME", help="scenario or YAML file, in the place of the rings")
    add(parser, "--days", 2.0, "simulated", type=float, metavar="D")
    add(
        parser, "--methods", list(DEFAULT), "how they learn", nargs="+", metavar="NAME", choices=list(METHODS)
    )
    add(parser, "--period", 30, "rounds between two sessions of training", type=int, metavar="N")
    add(parser, "--store-kbit", 150.0, "each satellite's room for experience", type=float, metavar="K")
    add(
        parser,
        "--size-factor",
        1.0,
        "charge as though networks were so many times larger",
        type=float,
        metavar="X",
    )
    parser.add_argument("--free", action="store_true", help="links and boards without end and without price")
    parser.add_argument(
        "--everybody", action="store_true", help="all learn, where there are training satellites, too"
    )
    add(parser, "--change-h", 24.0, "hours until the world changes; 0 for never", type=float, metavar="H")
    lost = f"silent from then on (default: {' '.join(LOST)}; with --scenario none)"
    parser.add_argument("--lost-stations", nargs="*", metavar="NAME", help=lost)
    add(parser, "--target", 0.8, "share of greedy's value whose time is told", type=float, metavar="X")
    processes = min(4, os.cpu_count() or 1)
    add(parser, "--processes", processes, "that fly side by side", type=int, metavar="N")
    common(parser, out="results/train_in_orbit", seeds=3, seed=0, of="runs of each")
    resumable(parser)
