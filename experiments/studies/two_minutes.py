"""Two minutes: a question goes up to a Qwen3 in orbit and its answer comes back.

    python -m experiments two_minutes                  # the first twelve satellites, and larger meshes
    python -m experiments two_minutes --fleets scs01 walker_120 --queries 500 --output-tokens 1500

In November 2025 a Qwen3 on board the first computing satellites answered in under two minutes end to end.
Here questions come from cities at random moments; the parts of their latency are the wait for a satellite,
the way up, the queue at its board, reading the question (prefill), writing the answer (decode), and the way
down: directly, or over the laser mesh through a satellite that sees the user, or once there is one. The
shares under 120 s are given with a satellite in view, as in the event, and from an arbitrary moment.

Boards run the weights in int4 and are busy with others' questions, Poisson at `--load` an hour. Leaves
`two_minutes.json`, `two_minutes.csv` and `two_minutes.png`.
"""

import math
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.plotting import style
from experiments.running.journal import Journal
from experiments.running.options import add, arguments_of, common, resumable
from experiments.running.progress import tracked
from experiments.running.run_folder import keep_records
from experiments.running.statistics import share
from experiments.studies.study import Study
from sandbox.compute import Inference, board, inference, model
from sandbox.errors import SandboxError
from sandbox.flight_plan import FlightPlan, Moment, Places
from sandbox.lasers import light_time
from sandbox.orbits.bodies import SPEED_OF_LIGHT
from sandbox.routing import routes
from sandbox.scenario import Scenario, load_scenario
from sandbox.terminal import say

LIMIT_S, WIDTH = 120.0, 100
PARTS = ("contact", "uplink", "queue", "prefill", "decode", "downlink")
PART_NAMES = ("wait for contact", "uplink", "queue", "prefill", "decode", "downlink")
COLOURS = (style.PALE, style.SKY, style.ORANGE, style.YELLOW, style.BLUE, style.GREEN)
MODELS = ("Qwen3-0.6B", "Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B", "Qwen3-14B", "Qwen3-32B", "Qwen3-30B-A3B")
BOARD, PRECISION = "scs01", "int4"
POINTS = {
    "Beijing": (39.90, 116.41),
    "Hangzhou": (30.27, 120.16),
    "Urumqi": (43.83, 87.62),
    "Singapore": (1.35, 103.82),
    "Delhi": (28.61, 77.21),
    "Nairobi": (-1.29, 36.82),
    "Cairo": (30.04, 31.24),
    "Berlin": (52.52, 13.40),
    "Tromso": (69.65, 18.96),
    "New York": (40.71, -74.01),
    "Sao Paulo": (-23.55, -46.63),
    "Sydney": (-33.87, 151.21),
}
"""Degrees north and east; positions to 0.01 degree, common knowledge."""
FLEETS = ("scs01", "walker_24x2", "walker_120", "star_compute_2800")
_WALKERS = {  # assumed: planes dense enough for a mesh
    "walker_24x2": {"pattern": "delta", "total": 24, "planes": 2, "altitude_km": 550, "inclination_deg": 53},
    "walker_120": {"pattern": "delta", "total": 120, "planes": 10, "phasing": 3, "altitude_km": 550,
                   "inclination_deg": 53},
}  # fmt: skip


@dataclass(frozen=True)
class Traffic:
    """What is asked, over which link, and how busy the boards are."""

    queries: int = 400
    prompt_tokens: int = 500
    output_tokens: int = 500
    question_kbit: float = 40.0
    answer_kbit: float = 20.0
    load_per_hour: float = 30.0
    seed: int = 0


def fleet(name: str) -> Scenario:
    """A named scenario, or a Walker pattern for the mesh sizes that no scenario has."""
    if name in _WALKERS:
        group = {"name": "Walker", "spacecraft": "computing_satellite", "walker": _WALKERS[name]}
        return load_scenario("walker_24", {"name": name, "fleet": [group]})
    return load_scenario(name)


def replay(
    name: str, models: Sequence[str], traffic: Traffic, hours: float, step_s: float
) -> list[dict[str, Any]]:
    """Parts of the latency of every query on fleet `name`, for every model.

    A row: fleet, model, query, point, one of `PARTS` each in s (NaN from where the answer was not back after
    `hours`), `total` (inf then), and `in_view`: whether a satellite was, when the question came. Queries
    come in the first half of `hours`.
    """
    plan, rng = FlightPlan(fleet(name), step_s), np.random.default_rng(traffic.seed)
    jobs = plan.scenario.jobs
    latitude, longitude = np.radians(np.array(list(POINTS.values())).T)
    places = Places(latitude, longitude, math.radians(jobs.user_min_elevation_deg))
    point = rng.integers(len(POINTS), size=traffic.queries)
    asked = rng.uniform(0.0, 0.5 * hours * 3600.0, traffic.queries)
    tokens = traffic.prompt_tokens, traffic.output_tokens
    costs = {m: inference(board(BOARD), model(m), PRECISION, *tokens) for m in models}
    queues = {
        m: queue_waits(costs[m].seconds, traffic, np.random.default_rng(traffic.seed + 1)) for m in models
    }
    run = _Run(plan, places, point, asked, costs, queues, traffic, jobs.user_mbit_s * 1e6)
    for moment in tracked(plan.moments(hours), f"asking {name}", plan.steps(hours)):
        run.look(moment)
    return [row | {"fleet": name} for row in run.rows()]


def queue_waits(service_s: float, traffic: Traffic, rng: np.random.Generator) -> NDArray[np.float64]:
    """Waits (queries,) in the queue of a board that serves others first come, first served (Lindley 1952).

    Their questions come Poisson at the load and take as long as ours. Where they alone are more than the
    board can serve, the load is what it can serve with nine tenths of its time.
    """
    gap = max(3600.0 / max(traffic.load_per_hour, 1e-9), service_s / 0.9)
    steps = rng.exponential(gap, 200 + 20 * traffic.queries)
    waits, wait = [], 0.0
    for step in steps:
        wait = max(0.0, wait + service_s - step)
        waits.append(wait)
    return np.array(waits[200::20])[: traffic.queries]


class _Run:
    """The queries of one fleet, followed moment by moment; arrays are (M, Q) for M models and Q queries."""

    def __init__(
        self, plan: FlightPlan, places: Places, point: NDArray, asked: NDArray, costs: dict[str, Inference],
        queues: dict[str, NDArray], traffic: Traffic, rate: float,
    ) -> None:  # fmt: skip
        self._plan, self._places, self._point, self._asked = plan, places, point, asked
        self._traffic, self._rate, self._models = traffic, rate, list(costs)
        shape = (len(costs), len(asked))
        self._compute = np.array([[costs[m].prefill_s, costs[m].decode_s] for m in costs])
        self._queue = np.array([queues[m] for m in costs])
        self._taken, self._server = np.full(len(asked), np.nan), np.full(len(asked), -1)
        self._up, self._in_view = np.zeros(len(asked)), np.zeros(len(asked), bool)
        self._down, self._done = np.full(shape, np.nan), np.full(shape, np.inf)
        self._back = np.zeros(shape, bool)

    def look(self, moment: Moment) -> None:
        """Take up the questions that a satellite sees now, and send down the answers that are done."""
        sines, distances = self._places.sines(moment.itrs)
        seen = np.where(sines >= self._places.min_sine[:, None], sines, -1.0)
        best = seen.argmax(axis=1)
        for q in np.flatnonzero((self._asked <= moment.time) & (self._server < 0)):
            p = self._point[q]
            self._in_view[q] |= seen[p, best[p]] > 0.0 and moment.time - self._asked[q] < self._plan.step_s
            if seen[p, best[p]] > 0.0:
                self._take_up(int(q), int(best[p]), distances[p, best[p]], moment.time)
        ready = (self._done <= moment.time + self._plan.step_s) & ~self._back
        for m, q in np.argwhere(ready):
            self._answer(int(m), int(q), seen, distances, moment)

    def _take_up(self, q: int, n: int, distance: float, time: float) -> None:
        time = max(time - self._plan.step_s, self._asked[q]) if self._in_view[q] else time
        self._server[q], self._taken[q] = n, time
        self._up[q] = self._traffic.question_kbit * 1e3 / self._rate + light_time(distance)
        self._done[:, q] = time + self._up[q] + self._queue[:, q] + self._compute.sum(axis=1)

    def _answer(self, m: int, q: int, seen: NDArray, distances: NDArray, moment: Moment) -> None:
        p, n = self._point[q], self._server[q]
        bits = self._traffic.answer_kbit * 1e3
        seconds = math.inf
        if seen[p, n] > 0.0:
            seconds = light_time(distances[p, n])
        elif (seen[p] > 0.0).any():
            goals = np.flatnonzero(seen[p] > 0.0)
            cost = distances[p, goals] / SPEED_OF_LIGHT
            found = routes(moment.links, self._plan.lasers, goals, moment.time, bits, cost)
            seconds = float(found.seconds[n])
        if math.isfinite(seconds):
            self._back[m, q] = True
            recent = self._done[m, q] > moment.time - self._plan.step_s
            begun = self._done[m, q] if recent else moment.time
            self._down[m, q] = begun - self._done[m, q] + bits / self._rate + seconds

    def rows(self) -> list[dict[str, Any]]:
        rows = []
        for m, name in enumerate(self._models):
            for q in range(len(self._asked)):
                waited = self._taken[q] - self._asked[q]
                parts = waited, self._up[q], self._queue[m, q], *self._compute[m], self._down[m, q]
                total = sum(parts)
                row: dict[str, Any] = {"model": name, "query": q, "point": list(POINTS)[self._point[q]]}
                row["in_view"] = bool(self._in_view[q])
                row |= dict(zip(PARTS, map(float, parts), strict=True))
                rows.append(row | {"total": float(total) if math.isfinite(total) else math.inf})
        return rows


def summarise(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each fleet and model: shares under two minutes with 95 % bounds, and quantiles of the
    latency."""
    found = []
    for name, which in dict.fromkeys((row["fleet"], row["model"]) for row in rows):
        mine = [row for row in rows if (row["fleet"], row["model"]) == (name, which)]
        told: dict[str, Any] = {"fleet": name, "model": which}
        for label, part in (("in_view", [row for row in mine if row["in_view"]]), ("any_moment", mine)):
            totals = np.array([row["total"] for row in part])
            told[f"{label}_queries"] = len(totals)
            under = int((totals < LIMIT_S).sum())
            part_share, low, high = share(under, len(totals))
            told |= {f"{label}_share": part_share, f"{label}_share_low": low, f"{label}_share_high": high}
            for quantile in (50, 90):
                value = float(np.percentile(totals, quantile, method="lower")) if len(totals) else math.nan
                told[f"{label}_p{quantile}_s"] = value
            for piece in PARTS:
                known = [row[piece] for row in part if math.isfinite(row["total"])]
                told[f"{label}_{piece}_s"] = float(np.mean(known)) if known else math.nan
        found.append(told)
    return found


def draw(rows: Sequence[dict[str, Any]], told: Traffic, path: Path | None = None) -> Any:
    """Where the time goes with a satellite in view, and how long it takes from an arbitrary moment."""
    from matplotlib.figure import Figure

    table = summarise(rows)
    fleets, models = (list(dict.fromkeys(row[key] for row in table)) for key in ("fleet", "model"))
    with style.styled():
        figure = Figure((11.6, 5.8), dpi=150)
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
        figure.subplots_adjust(0.115, 0.17, 0.98, 0.8, 0.16)
        mine = [row for row in table if row["fleet"] == fleets[0]]
        base = np.zeros(len(mine))
        for part, name, colour in zip(PARTS, PART_NAMES, COLOURS, strict=True):
            wide = np.array([row[f"in_view_{part}_s"] for row in mine])
            left.barh([row["model"] for row in mine], wide, left=base, color=colour, label=name, height=0.62)
            base = base + np.nan_to_num(wide)
        wide_enough = 1.12 * min(max(float(np.nanmax(base)), LIMIT_S), 2.2 * LIMIT_S)
        for row, end in zip(mine, base, strict=True):
            beside = min(float(end), 0.9 * wide_enough)
            left.annotate(f"{100 * row['in_view_share']:.0f} %", (beside, row["model"]), (4, 0), va="center",
                          textcoords="offset points", color=style.INK, size=8)  # fmt: skip
        left.axvline(LIMIT_S, color=style.INK, lw=0.9, ls=(0, (4, 3)))
        left.invert_yaxis()
        left.set_xlabel("Seconds, mean; in per cent the share answered within 120 s")
        left.set_xlim(0, wide_enough)
        left.legend(ncols=3, loc="upper left", bbox_to_anchor=(0.0, -0.12), columnspacing=1.2)
        style.caption(left, "A satellite in view", f"on {fleets[0]}")
        shown = "Qwen3-8B" if "Qwen3-8B" in models else models[-1]
        for name, colour in zip(
            fleets, (style.VERMILLION, style.ORANGE, style.GREEN, style.BLUE), strict=False
        ):
            totals = np.sort([row["total"] for row in rows if (row["fleet"], row["model"]) == (name, shown)])
            shares = np.arange(1, len(totals) + 1) / len(totals)
            right.step(totals, shares, where="post", color=colour, label=name, lw=1.6)
        right.axvline(LIMIT_S, color=style.INK, lw=0.9, ls=(0, (4, 3)))
        right.annotate(
            "two minutes", (LIMIT_S, 0.0), (4, 4), textcoords="offset points", color=style.INK, size=8
        )
        right.set_xscale("log")
        right.set_ylim(0, 1.02)
        right.grid(axis="y")
        ticks = {10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 36000: "10 h"}
        right.set_xticks(list(ticks), list(ticks.values()))
        right.minorticks_off()
        right.set_ylabel("Share of questions answered")
        right.legend(loc="lower right")
        style.caption(right, "From an arbitrary moment", f"{shown}")
        tokens = f"{told.prompt_tokens:,} tokens read, {told.output_tokens:,} written"
        facts = f"{tokens}, {PRECISION} on board {BOARD}"
        style.headline(figure, {"scenario": "Under two minutes: a question to a Qwen3 in orbit"}, 0.5, facts)
        return style.save(figure, path)


def run(told: Any) -> None:
    import pandas

    if min(told.queries, told.prompt_tokens, told.output_tokens) < 1 or told.hours <= 0.0 or told.load < 0.0:
        raise SandboxError(
            "Give at least one query and one token each way, hours above 0, a load of at least 0."
        )
    traffic = Traffic(
        told.queries, told.prompt_tokens, told.output_tokens, load_per_hour=told.load, seed=told.seed
    )
    for name in told.models:
        model(name)
    rows, study = [], Study.of(told, "two_minutes", ".csv", arguments_of(told))
    told.interrupted = journal = Journal(told.out, "two_minutes", arguments_of(told))
    for name in tracked(told.fleets, "fleets"):
        large = len(FlightPlan(fleet(name)).fleet) > 500
        hours = min(told.hours, 4.0) if large else told.hours
        follow = partial(replay, name, told.models, traffic, hours, 30.0 if large else 10.0)
        rows += journal.once([name, fleet(name).model_dump(mode="json")], follow)
    table = summarise(rows)
    print_table(table)
    if told.json:
        keep_records(told.json, "two_minutes", table)
    study.keep({"rows": table}, pandas.DataFrame(rows), lambda path: draw(rows, traffic, path))
    journal.done()
    say(f"Results in {told.out}/")


def print_table(table: Sequence[dict[str, Any]]) -> None:
    """Shares under two minutes and quantiles, a line for each fleet and model."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from experiments.running.console_tables import console_for

    title = "Share under 120 s [95 %] and median seconds: with a satellite in view, and from any moment"
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("fleet", "Qwen3"):
        shown.add_column(name, no_wrap=True)
    for name in ("in view, %", "median", "any moment, %", "median", "p90"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in table:
        cells = [row["fleet"], row["model"].removeprefix("Qwen3-")]
        for label, quantiles in (("in_view", (50,)), ("any_moment", (50, 90))):
            share, low, high = (100 * row[f"{label}_share{end}"] for end in ("", "_low", "_high"))
            cells.append(f"{share:.0f} [{low:.0f}, {high:.0f}]")
            cells += [f"{row[f'{label}_p{quantile}_s']:,.0f}" for quantile in quantiles]
        shown.add_row(*cells)
    console_for(width=WIDTH).print(shown)


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--fleets", list(FLEETS), "these, or any scenario", nargs="+", metavar="NAME")
    add(parser, "--models", list(MODELS), "that answer", nargs="+", metavar="NAME")
    add(parser, "--queries", 400, "to each fleet", type=int, metavar="N")
    hours = "simulated; 4 at most for fleets of over 500"
    add(parser, "--hours", 48.0, hours, type=float, metavar="H")
    add(parser, "--prompt-tokens", 500, "of a question", type=int, metavar="N")
    add(parser, "--output-tokens", 500, "of an answer", type=int, metavar="N")
    add(parser, "--load", 30.0, "others' questions an hour on each board", type=float, metavar="N")
    common(parser, out="results/two_minutes", seed=0)
    resumable(parser)
