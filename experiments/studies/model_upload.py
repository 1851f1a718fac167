"""How long it takes to put a Qwen3 on board: by ground passes alone, and with laser relay.

    python -m experiments model_upload                 # SCS-01, every size and precision, 10 Mbit/s
    python -m experiments model_upload --uplink-mbit-s 1 --models Qwen3-0.6B Qwen3-8B --days 30

The weights go up in pieces over the contact windows of the scenario's stations; an antenna serves one
satellite at a time. By ground passes alone every satellite needs every piece from below. With laser relay
the stations send only pieces that nobody in reach has, and satellites that are linked share theirs (a round
is long enough: an 8B model in bf16 takes 1.3 s over 100 Gbit/s). Given are the hours until one satellite
(the first named) has the whole model, if the fleet serves it alone, and until all have it. (The model of
November 2025 is said to have gone up in 43 orbits.)

What is not done after `--days` is told as such. Leaves `model_upload.json`, `model_upload.csv`,
`model_upload.png`.
"""

import math
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.plotting import style
from experiments.running.options import add, arguments_of, common
from experiments.running.progress import tracked
from experiments.running.run_folder import keep_records
from experiments.studies.study import Study
from sandbox.compute import PRECISIONS, model, model_names
from sandbox.errors import SandboxError
from sandbox.flight_plan import FlightPlan, components
from sandbox.terminal import say

WAYS = ("ground_one", "relay_one", "ground_all", "relay_all")
WAY_NAMES = {
    "ground_one": "one, ground only",
    "relay_one": "one, laser relay",
    "ground_all": "all, ground only",
    "relay_all": "all, laser relay",
}
COLOURS = dict(zip(WAYS, (style.ORANGE, style.SKY, style.VERMILLION, style.BLUE), strict=True))
PIECES, WIDTH = 1_000, 100
DAY, HOUR = 86_400.0, 3_600.0


class Uploads:
    """Uploads of several sizes (S,), bits, over the same flight; each of the `WAYS` is followed by itself."""

    def __init__(self, bits: NDArray, satellites: int, rate: float, step_s: float) -> None:
        self.bits, self.step_s = bits, step_s
        self.per_step = rate * step_s  # bit that an antenna sends in a step
        self.ground = np.zeros((len(bits), satellites))  # bit, of the fleet served in turn
        self.alone = np.zeros(len(bits))  # bit, of the first satellite served alone
        self.pieces = {
            way: np.zeros((len(bits), satellites, PIECES), bool) for way in ("relay_one", "relay_all")
        }
        self.credit = {
            way: np.zeros((len(bits), satellites)) for way in self.pieces
        }  # bit, less than a piece
        self.done = {way: np.full(len(bits), math.inf) for way in WAYS}  # s

    def step(self, time: float, seen: NDArray, antennas: NDArray, part: NDArray) -> None:
        """One step that ends at `time`: who is seen by which station (G, N), and the mesh's parts (N,)."""
        for s in range(len(self.bits)):
            if not math.isfinite(self.done["ground_one"][s]):
                self.alone[s] += self.per_step * bool(seen[:, 0].any())
                self._note("ground_one", s, self.alone[s] >= self.bits[s], time)
            if not math.isfinite(self.done["ground_all"][s]):
                self._serve_in_turn(s, seen, antennas)
                self._note("ground_all", s, bool((self.ground[s] >= self.bits[s]).all()), time)
            for way in self.pieces:
                if not math.isfinite(self.done[way][s]):
                    self._serve_and_share(way, s, seen, antennas, part)
                    whole = self.pieces[way][s].all(axis=1)
                    self._note(way, s, bool(whole[0] if way == "relay_one" else whole.all()), time)

    def _note(self, way: str, s: int, done: bool, time: float) -> None:
        if done:
            self.done[way][s] = time

    def _serve_in_turn(self, s: int, seen: NDArray, antennas: NDArray) -> None:
        """Each antenna serves the satellite in its sight that has least and still needs some."""
        free = np.ones(seen.shape[1], bool)
        for g in range(len(seen)):
            needy = np.flatnonzero(seen[g] & free & (self.ground[s] < self.bits[s]))
            for n in needy[np.argsort(self.ground[s][needy], kind="stable")][: antennas[g]]:
                self.ground[s, n] += self.per_step
                free[n] = False

    def _serve_and_share(self, way: str, s: int, seen: NDArray, antennas: NDArray, part: NDArray) -> None:
        """Each antenna sends pieces that the part of the mesh it sees has not; linked satellites share
        theirs."""
        held, piece = self.pieces[way][s], self.bits[s] / PIECES
        free = np.ones(seen.shape[1], bool)
        for g in range(len(seen)):
            for n in np.flatnonzero(seen[g] & free)[: antennas[g]]:
                free[n] = False
                known = held[part == part[n]].any(axis=0)
                wanted = ~known if way == "relay_all" or part[n] == part[0] else ~(known | held[0])
                self.credit[way][s, n] += self.per_step
                count = int(self.credit[way][s, n] // piece)
                new = np.flatnonzero(wanted)[:count]
                held[n, new] = True
                self.credit[way][s, n] = min(self.credit[way][s, n] - len(new) * piece, piece)
        for label in np.unique(part):
            together = part == label
            if together.sum() > 1:
                held[together] = held[together].any(axis=0)


def upload(
    scenario: Any = "scs01",
    models: Sequence[str] | None = None,
    precisions: Sequence[str] = PRECISIONS,
    uplink_mbit_s: float = 10.0,
    days: float = 10.0,
    step_s: float = 30.0,
) -> list[dict[str, Any]]:
    """A row for each model and precision: gigabytes, and hours for each of `WAYS` (inf where not done in
    `days`).

    Raises SandboxError for bad input.
    """
    if uplink_mbit_s <= 0.0 or days <= 0.0 or step_s <= 0.0:
        raise SandboxError(f"uplink {uplink_mbit_s:g} Mbit/s, {days:g} days; give more than 0.")
    names = list(models) if models is not None else model_names()
    cases = [
        (name, precision, model(name).weight_bytes(precision)) for name in names for precision in precisions
    ]
    plan = FlightPlan(scenario, step_s)
    stations, antennas = plan.stations(), np.array([s.antennas for s in plan.scenario.stations])
    bits = np.array([8.0 * size for _, _, size in cases])
    uploads = Uploads(bits, len(plan.fleet), uplink_mbit_s * 1e6, step_s)
    hours = days * 24.0
    for moment in tracked(plan.moments(hours), "uploading", plan.steps(hours)):
        sines, _ = stations.sines(moment.itrs)
        part = components(moment.links, plan.lasers, moment.time)
        uploads.step(moment.time + step_s, sines >= stations.min_sine[:, None], antennas, part)
        if all(np.isfinite(done).all() for done in uploads.done.values()):
            break
    rows = []
    for i, (name, precision, size) in enumerate(cases):
        row = {"model": name, "precision": precision, "gigabytes": size / 1e9}
        rows.append(row | {way: float(uploads.done[way][i]) / HOUR for way in WAYS})
    return rows


def draw(
    rows: Sequence[dict[str, Any]], title: str, facts: str, days: float, path: Path | None = None
) -> Any:
    """Hours over gigabytes, a line for each way. Returns the figure."""
    from matplotlib.figure import Figure

    rows = sorted(rows, key=lambda row: row["gigabytes"])
    with style.styled():
        figure = Figure((10.4, 6.0), dpi=150)
        axes = figure.subplots()
        figure.subplots_adjust(0.085, 0.11, 0.97, 0.8)
        for way in WAYS:
            done = [row for row in rows if math.isfinite(row[way])]
            x, y = [row["gigabytes"] for row in done], [row[way] for row in done]
            axes.plot(x, y, "o-", ms=4, lw=1.5, color=COLOURS[way], label=WAY_NAMES[way])
        axes.set_xscale("log")
        axes.set_yscale("log")
        for mark, label in ((24.0, "a day"), (24.0 * days, f"{days:g} days, the end of the run")):
            axes.axhline(mark, color=style.GREY, lw=0.8, ls=(0, (4, 3)))
            axes.annotate(label, (1, mark), (-4, 3), xycoords=("axes fraction", "data"), ha="right",
                          textcoords="offset points", color=style.GREY, size=8)  # fmt: skip
        ticks = [1, 2, 5, 10, 20, 50]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        hours = [tick for tick in (0.5, 1, 2, 5, 10, 24, 48, 120, 240, 720) if tick <= 40 * days]
        axes.set_yticks(hours, [f"{tick:g}" for tick in hours])
        axes.grid(axis="y")
        axes.set_xlabel("Size of the weights, GB")
        axes.legend(loc="lower right")
        style.caption(axes, "Hours until the model is on board")
        for row in rows:
            if row["precision"] == "int4" and math.isfinite(row["relay_one"]):
                label, at = row["model"].removeprefix("Qwen3-"), (row["gigabytes"], row["relay_one"])
                axes.annotate(label, at, (0, -11), textcoords="offset points", ha="center",
                              color=style.GREY, size=7)  # fmt: skip
        style.headline(figure, {"scenario": title}, 0.5, facts)
        return style.save(figure, path)


def run(told: Any) -> None:
    import pandas

    study = Study.of(told, "model_upload", ".csv", arguments_of(told))
    plan = FlightPlan(told.scenario)
    rows = upload(told.scenario, told.models, told.precisions, told.uplink_mbit_s, told.days)
    facts = f"{style.satellites(len(plan.fleet))}, {len(plan.scenario.stations)} stations, "
    facts += f"uplink {told.uplink_mbit_s:g} Mbit/s"
    title = f"Putting a Qwen3 on board: {plan.scenario.name}"
    print_table(rows, told.days)
    if told.json:
        keep_records(told.json, "model_upload", [_in_hours(row) for row in rows], scenario=plan.scenario.name)
    study.keep({"rows": rows}, pandas.DataFrame(rows), lambda path: draw(rows, title, facts, told.days, path))
    say(f"Results in {told.out}/")


def print_table(rows: Sequence[dict[str, Any]], days: float) -> None:
    """Hours for each model, precision and way."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from experiments.running.console_tables import console_for

    title = "Hours until the model is on board one satellite, or all"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("model", no_wrap=True)
    for name in ("precision", "GB", *WAY_NAMES.values()):
        shown.add_column(name, justify="right")
    for row in rows:
        hours = [f"{row[way]:.1f}" if math.isfinite(row[way]) else f"> {24 * days:g}" for way in WAYS]
        shown.add_row(row["model"], row["precision"], f"{row['gigabytes']:.2f}", *hours)
    console_for(width=WIDTH).print(shown)


def _in_hours(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the unit in the names; None where the model was not on board in time."""
    return {f"{name}_h" if name in WAYS else name: value for name, value in row.items()}


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--scenario", "scs01", "scenario or YAML file", metavar="NAME")
    add(parser, "--models", None, "default: every Qwen3 size", nargs="+", metavar="NAME")
    add(parser, "--precisions", list(PRECISIONS), "of the weights", nargs="+", metavar="NAME")
    add(parser, "--uplink-mbit-s", 10.0, "of a station", type=float, metavar="R")
    add(parser, "--days", 10.0, "simulated at most", type=float, metavar="D")
    common(parser, out="results/model_upload")
