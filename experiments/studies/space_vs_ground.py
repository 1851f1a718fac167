"""Answers over images: a bent pipe against inference on board, for the same captures.

    python -m experiments space_vs_ground              # a day of SCS-01, 10 seeds, three rates
    python -m experiments space_vs_ground --rates 10 --seeds 4 --hours 12

Every camera takes images in daylight. The bent pipe sends them down raw and the ground understands them; on
board, a model turns each into a report, and only that comes down. Contacts, antennas, boards and batteries
are the same. Compared: bits sent down, time from capture to answer, joules of boards and transmitters, and
the share of captures whose answer ever reaches the ground within the run (what is on board at its end does
not count).

Leaves `space_vs_ground.json`, `space_vs_ground.csv` and `space_vs_ground.png`.
"""

from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from agents import make_policy
from envs import offloading_v0
from envs.batch import BatchEnv
from experiments.plotting import style
from experiments.running.journal import Journal
from experiments.running.options import add, arguments_of, common, resumable
from experiments.running.progress import tracked
from experiments.running.rollout import Round, Watcher, play
from experiments.running.run_folder import keep_records
from experiments.running.statistics import summarise, with_bounds
from experiments.studies.study import Study
from sandbox.errors import SandboxError
from sandbox.jobs import DELIVERED, UNBORN
from sandbox.scenario import load_scenario
from sandbox.terminal import say

HOUR, WIDTH = 3600.0, 120
POLICIES = {"ground": "bent pipe", "local": "on board"}
COLOURS = {"ground": style.VERMILLION, "local": style.BLUE}
MEASURES = {
    "gbit_down": "Sent down, Gbit",
    "latency_min": "Capture to answer, min, median",
    "kilojoules": "Boards and transmitters, kJ an answer",
    "answered_share": "Captures answered, %",
}
SCALE = {"answered_share": 100.0}
LINEAR = ("kilojoules", "answered_share")


def compare(
    scenario: Any = "scs01",
    rates: Sequence[float] = (5.0, 20.0, 60.0),
    hours: float = 24.0,
    seeds: int = 10,
    seed: int = 0,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """A row for each rate (captures an hour and satellite), policy and seed: every measure of `MEASURES`.

    What is in the `journal` is not played again. Raises SandboxError for bad input.
    """
    if seeds < 1 or seed < 0 or not rates or min(rates) <= 0.0 or hours <= 0.0:
        raise SandboxError(
            f"seeds = {seeds} from {seed}, rates {list(rates)}, hours {hours:g}; give more than 0."
        )
    rows = []
    for rate, policy in tracked(list(product(rates, POLICIES)), "playing"):
        play_it = partial(_play, scenario, policy, rate, hours, seeds, seed)
        played = journal.once([rate, policy], play_it) if journal else play_it()
        for b, row in enumerate(played):
            rows.append({"rate": float(rate), "policy": policy, "seed": seed + b} | row)
    return rows


def _play(
    scenario: Any, policy: str, rate: float, hours: float, seeds: int, seed: int
) -> list[dict[str, float]]:
    base = load_scenario(scenario)
    camera = next((kind for kind in base.jobs.kinds if kind.source == "camera"), None)
    if camera is None:
        raise SandboxError(
            f"{base.name} has no kind of job that comes from a camera; give it one in jobs.kinds."
        )
    image = camera.model_dump() | {"per_hour": rate, "deadline_s": hours * HOUR}
    cycles = round(hours * HOUR / base.round_s)
    made = load_scenario(base, {"jobs.kinds": [image], "horizon_h": hours})
    with closing(offloading_v0.batch_env(made, seeds, max_cycles=cycles, autoreset=False)) as env:
        spent = _Spent()
        play(env, make_policy(policy, env), seed, [spent])
        return [_measured(env, b, spent.sent[b], spent.joules[b]) for b in range(seeds)]


class _Spent(Watcher):
    """Bits sent down and joules of boards and transmitters, for every world."""

    def start(self, env: BatchEnv) -> None:
        self.sent, self.joules = np.zeros(env.worlds), np.zeros(env.worlds)

    def after(self, env: BatchEnv, played: Round) -> None:
        self.sent += env.world.jobs.state.servers["sent"].sum(axis=1)
        self.joules += env.world.state.load["joules"].sum(axis=1) - _camera_joules(env)


def _camera_joules(env: BatchEnv) -> np.ndarray:
    """Energy (B,) of the cameras in the last round, which is the same for either policy."""
    world = env.world
    craft, clock = world.constants.craft, world.state.clock["time"]
    book = world.jobs.state.book
    begun = clock[:, None] - world.scenario.round_s
    taken = (book["release"] > begun - world.scenario.round_s) & (book["release"] <= begun)
    taken &= book["status"] != UNBORN
    return (taken * (craft["camera_load"] * craft["dwell"])[book["source"]]).sum(axis=1)


def _measured(env: BatchEnv, b: int, sent: float, joules: float) -> dict[str, float]:
    book = env.world.jobs.state.book[b]
    born = book["status"] != UNBORN
    arrived = book["status"] == DELIVERED
    age = book["delivered_at"][arrived] - book["release"][arrived]
    return {
        "captures": float(born.sum()),
        "answers": float(arrived.sum()),
        "gbit_down": sent / 1e9,
        "latency_min": float(np.median(age)) / 60.0 if len(age) else float("nan"),
        "kilojoules": joules / 1e3 / max(1, int(arrived.sum())),
        "answered_share": float(arrived.sum() / max(1, born.sum())),
    }


def table_of(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each rate and policy: the interquartile mean over seeds of every measure, with 95 %
    bounds."""
    found = []
    for rate, policy in dict.fromkeys((row["rate"], row["policy"]) for row in rows):
        mine = [row for row in rows if (row["rate"], row["policy"]) == (rate, policy)]
        told: dict[str, Any] = {"rate": rate, "policy": policy, "runs": len(mine)}
        for name in ("captures", "answers", *MEASURES):
            summary = summarise(row[name] for row in mine)
            told |= {name: summary.iqm, f"{name}_low": summary.low, f"{name}_high": summary.high}
        found.append(told)
    return found


def draw(table: Sequence[dict[str, Any]], title: str, path: Path | None = None) -> Any:
    """The four measures over the rate of captures. Returns the figure."""
    from matplotlib.figure import Figure

    with style.styled():
        figure = Figure((11.0, 7.0), dpi=150)
        grid = figure.subplots(2, 2).ravel()
        figure.subplots_adjust(0.075, 0.085, 0.98, 0.83, 0.2, 0.36)
        for axes, (name, label) in zip(grid, MEASURES.items(), strict=True):
            scale = SCALE.get(name, 1.0)
            for policy, colour in COLOURS.items():
                mine = [row for row in table if row["policy"] == policy]
                x = [row["rate"] for row in mine]
                low, middle, high = (
                    [row[f"{name}{end}"] * scale for row in mine] for end in ("_low", "", "_high")
                )
                axes.plot(x, middle, "o-", ms=4, lw=1.6, color=colour, label=POLICIES[policy])
                axes.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
            positive = all(row[f"{name}_low"] > 0.0 for row in table)
            if positive and name not in LINEAR:
                axes.set_yscale("log")
                style.plain_numbers(axes.yaxis)
                axes.minorticks_off()
            else:
                axes.set_ylim(0, 1.08 * axes.get_ylim()[1])
            axes.set_xlim(0, 1.08 * max(row["rate"] for row in table))
            axes.grid(axis="y")
            axes.set_xlabel("Captures an hour and satellite")
            style.caption(axes, label)
        grid[0].legend(ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
        runs = table[0]["runs"]
        over = f"interquartile mean and 95 % interval over {runs} seeds" if runs > 1 else "one seed"
        facts = f"the same captures; {over}"
        style.headline(figure, {"scenario": title}, 0.5, facts)
        return style.save(figure, path)


def run(told: Any) -> None:
    import pandas

    name = load_scenario(told.scenario).name
    study = Study.of(told, "space_vs_ground", ".csv", arguments_of(told))
    told.interrupted = journal = Journal(
        told.out,
        "space_vs_ground",
        arguments_of(told) | {"scenario": load_scenario(told.scenario).model_dump(mode="json")},
    )
    rows = compare(told.scenario, told.rates, told.hours, told.seeds, told.seed, journal)
    table, title = table_of(rows), f"Answers over images: {name}, {told.hours:g} h"
    print_table(table)
    if told.json:
        keep_records(told.json, "space_vs_ground", rows, scenario=name, hours=told.hours)
    study.keep({"rows": table}, pandas.DataFrame(rows), lambda path: draw(table, title, path))
    journal.done()
    say(f"Results in {told.out}/")


def print_table(table: Sequence[dict[str, Any]]) -> None:
    """Every measure with its interval, a line for each rate and policy."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from experiments.running.console_tables import console_for

    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("captures/h", "answered"):
        shown.add_column(name, no_wrap=True)
    for label in ("Gbit down", "latency, min", "kJ an answer", "answered, %"):
        shown.add_column(label, justify="right", no_wrap=True)
    for row in table:
        cells = []
        for name in MEASURES:
            middle, low, high = (row[f"{name}{end}"] * SCALE.get(name, 1.0) for end in ("", "_low", "_high"))
            cells.append(with_bounds("{:,.3g}".format, middle, low, high))
        shown.add_row(f"{row['rate']:g}", POLICIES[row["policy"]], *cells)
    console_for(width=WIDTH).print(shown)


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--scenario", "scs01", "scenario or YAML file", metavar="NAME")
    rates = "captures an hour and satellite"
    add(parser, "--rates", [5.0, 20.0, 60.0], rates, nargs="+", type=float, metavar="N")
    add(parser, "--hours", 24.0, "simulated", type=float, metavar="H")
    common(parser, out="results/space_vs_ground", seeds=10, seed=0, of="runs of each")
    resumable(parser)
