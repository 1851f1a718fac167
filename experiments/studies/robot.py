"""A robot in the loop: a search robot on the ground whose decisions come from a model far away.

    python -m experiments robot                       # constellations, places of the mind, model sizes, load
    python -m experiments robot --fleets walker_24 --places greedy on_robot --seeds 4
    python -m experiments robot --fleets star_compute_2800 --seeds 2

A robot looks for a victim in a disaster site (MuJoCo). Its reflex walks and stops; where to go next is
decided by a model that it has to ask. In orbit every question is a job of the world: taken up by a satellite
in sight, handed over, queued beside others' questions, read, answered, sent down. How satellites decide is a
policy (local: the one that took it up; least_loaded; greedy; trained). On the ground a data centre answers
behind a bent pipe, or with lasers through any station of the mesh; or the model runs on the robot's own
board, out of its battery. `at_once` is the robot with a mind that takes no time: nobody can do better.

The mind is the same everywhere: a larger model answers later here, not better. `Time` is that of the missions
that reached the victim. The robot's battery is the
only deadline. A mission begins at a random moment of a day, in sight of a satellite or not; others ask
`--loads` questions an hour the world over. Intervals are over seeds, each of `--robots` robots that share the
satellites. Leaves `robot.json`, `robot.csv` and `robot.png`.
"""

import math
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.robots.team import MOST_ROBOTS
from experiments.plotting import style
from experiments.robots.loop import ALONE, PLACES, RobotSetting, fly, scenario_of
from experiments.robots.places import DATA_CENTRE
from experiments.running.journal import Journal
from experiments.running.options import add, arguments_of, common, resumable
from experiments.running.progress import bar
from experiments.running.run_folder import keep_records
from experiments.running.statistics import NONE, Estimate, mean, with_bounds
from experiments.studies.study import Study
from sandbox.compute import board, inference, model
from sandbox.errors import SandboxError, unknown_name
from sandbox.fleet import make_fleet
from sandbox.jobs import make_job_params
from sandbox.terminal import say

WIDTH = 140
FLEETS = ("scs01", "walker_24", "walker_120")
MODELS, LOADS = ("Qwen3-8B", "Qwen3-1.7B", "Qwen3-32B"), (3000.0, 0.0, 30000.0)
OF_MODELS, OF_LOADS = ("greedy", "bent_pipe_lasers", "on_robot"), ("local", "greedy")
"""Places that are played with every model, and with every load."""
MEASURES = {
    "reached": "Reached, %",
    "time_s": "Time, s",
    "energy_wh": "Energy, Wh",
    "collisions": "Collisions",
    "latency_s": "Latency, s",
}
SCALE = {"reached": 100.0}
NAMES = {
    "local": "orbit, local", "least_loaded": "orbit, least loaded", "greedy": "orbit, greedy",
    "trained": "orbit, trained", "bent_pipe": "ground, bent pipe", "bent_pipe_lasers": "ground, over lasers",
    "on_robot": "on the robot", "at_once": "at once",
}  # fmt: skip
COLOURS = {
    "local": style.SKY, "least_loaded": style.BLUE, "greedy": style.GREEN, "trained": style.PURPLE,
    "bent_pipe": style.ORANGE, "bent_pipe_lasers": style.VERMILLION, "on_robot": style.YELLOW,
    "at_once": style.GREY,
}  # fmt: skip


class Case(NamedTuple):
    """A constellation ("-" where none is asked), a model, a load and a place of the mind."""

    fleet: str
    model: str
    load: float
    place: str


def cases(
    fleets: Sequence[str], places: Sequence[str], models: Sequence[str], loads: Sequence[float]
) -> list[Case]:
    """What is played: every place with every constellation, the first model and load; with the last one some
    with the other models, and some with the other loads."""
    found = []
    for place in places:
        alone = place in ALONE
        base = [Case("-", models[0], 0.0, place)] if alone else []
        base += [] if alone else [Case(fleet, models[0], loads[0], place) for fleet in fleets]
        found += base
        if place in OF_MODELS:
            found += [base[-1]._replace(model=name) for name in models[1:]]
        if place in OF_LOADS:
            found += [base[-1]._replace(load=load) for load in loads[1:]]
    return list(dict.fromkeys(found))


def _fits(case: Case, told: Any) -> bool:
    """Whether the board that the model runs on has room for it; `check` looks at the boards in orbit."""
    setting = setting_of(case, told)
    host = {"on_robot": setting.robot_board, "bent_pipe": DATA_CENTRE, "bent_pipe_lasers": DATA_CENTRE}
    if case.place not in host:
        return True
    try:
        inference(board(host[case.place]), model(case.model), "int4", told.prompt_tokens, told.output_tokens)
    except SandboxError as error:
        say(f"{NAMES[case.place]}, {case.model}: left out. {error}")
        return False
    return True


def setting_of(case: Case, told: Any) -> RobotSetting:
    """What the robots of a case meet."""
    fleet = "walker_24" if case.fleet == "-" else case.fleet
    return RobotSetting(
        fleet,
        case.model,
        case.load,
        told.robots,
        told.prompt_tokens,
        told.output_tokens,
        told.mind,
        told.round,
    )


def summarise(case: Case, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A row of the table: means with 95 % bounds over worlds, of the missions of a case."""
    worlds = [[row for row in rows if row["world"] == b] for b in sorted({row["world"] for row in rows})]
    told: dict[str, Any] = case._asdict() | {"worlds": len(worlds), "missions": len(rows)}
    for name in (*MEASURES, *_PARTS):
        found = _estimate([_of_a_world(part, name) for part in worlds])
        told |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    told["answered"] = float(np.mean([row["decisions"] > 0 for row in rows]))
    return told


_PARTS = ("wait_s", "up_s", "lasers_s", "queue_s", "prefill_s", "decode_s", "down_s")


def _of_a_world(rows: Sequence[dict[str, Any]], name: str) -> float:
    """The mean of a measure in one world; of times that of the robots that reached, NaN where none has it."""
    kept = [row[name] for row in rows if name != "time_s" or row["reached"]]
    known = [float(value) for value in kept if value is not None and not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _estimate(values: Sequence[float]) -> Estimate:
    known = [value for value in values if not math.isnan(value)]
    return mean(known) if known else NONE


def draw(table: Sequence[dict[str, Any]], path: Path | None = None) -> Any:
    """Success over constellations, where the latency goes, success over models and loads."""
    from matplotlib.figure import Figure

    base = [row for row in table if row["fleet"] != "-"]
    first = (table[0]["model"], base[0]["load"]) if base else (table[0]["model"], 0.0)
    with style.styled():
        figure = Figure((7.2, 8.6), dpi=150)  # one below the other, so that it can be read on a phone
        left, right = figure.subplots(2, 1, height_ratios=(1.15, 1))
        figure.subplots_adjust(0.19, 0.12, 0.97, 0.88, hspace=0.52)
        fleets = list(dict.fromkeys(row["fleet"] for row in base)) or ["-"]
        places = list(dict.fromkeys(row["place"] for row in table))
        wide = 0.8 / max(1, len(places))
        for i, place in enumerate(places):
            mine = {
                row["fleet"]: row
                for row in table
                if row["place"] == place
                and row["model"] == first[0]
                and (place in ALONE or row["load"] == first[1])
            }
            shown = [(k, mine.get(fleet, mine.get("-"))) for k, fleet in enumerate(fleets)]
            at = [k + (i - 0.5 * len(places) + 0.5) * wide for k, row in shown if row]
            values = [100.0 * row["reached"] for _, row in shown if row]
            ends = [
                [100.0 * max(0.0, row["reached"] - row["reached_low"]) for _, row in shown if row],
                [100.0 * max(0.0, row["reached_high"] - row["reached"]) for _, row in shown if row],
            ]
            left.bar(at, values, 0.9 * wide, color=COLOURS[place], label=NAMES[place])
            left.errorbar(at, values, ends, fmt="none", ecolor=style.INK, elinewidth=0.8)
        left.set_xticks(range(len(fleets)), fleets)
        left.set_ylim(0, 105)
        left.set_ylabel("Missions that reached the victim, %")
        left.legend(ncols=4, loc="upper left", bbox_to_anchor=(0.0, -0.09))
        style.caption(left, "Success", f"{first[0]}, {first[1]:,.0f} questions of others an hour")
        _draw_parts(right, [row for row in table if row["model"] == first[0]], fleets[-1], first[1])
        worlds = table[0]["worlds"]
        over = f"means with 95 % intervals over {worlds} worlds" if worlds > 1 else "of one world"
        facts = f"{table[0]['missions']} missions each, {over}"
        style.headline(figure, {"scenario": "A robot in the loop: where its mind is"}, 0.5, facts)
        return style.save(figure, path)


def _draw_parts(axes: Any, table: Sequence[dict[str, Any]], fleet: str, load: float) -> None:
    """Where the latency goes, by place, with one constellation."""
    mine = [row for row in table if row["place"] != "at_once" and row["fleet"] in (fleet, "-")]
    mine = [row for row in mine if row["fleet"] == "-" or row["load"] == load]
    base, names = np.zeros(len(mine)), [NAMES[row["place"]] for row in mine]
    colours = (style.PALE, style.SKY, style.PURPLE, style.ORANGE, style.YELLOW, style.BLUE, style.GREEN)
    for part, colour in zip(_PARTS, colours, strict=True):
        long = np.nan_to_num([row[part] for row in mine])
        axes.barh(names, long, left=base, color=colour, label=part.removesuffix("_s"), height=0.62)
        base = base + long
    if len(base) and base.max() > 0.0:  # one that waits for minutes would hide where the others' seconds go
        axes.set_xlim(0, 1.25 * min(float(base.max()), 4.0 * max(float(np.median(base)), 0.1)))
    limit = axes.get_xlim()[1]
    for name, end in zip(names, base, strict=True):
        cut = float(end) > limit
        if cut:
            _mark_cut(axes, list(dict.fromkeys(names)).index(name), limit)
        beside = (0.8 * limit if cut else float(end), name)
        axes.annotate(f"{end:.1f} s", beside, (4, 0), va="center", textcoords="offset points", size=8)
    axes.invert_yaxis()
    axes.set_xlabel("Seconds, mean of questions that were answered")
    axes.legend(ncols=4, loc="upper left", bbox_to_anchor=(0.0, -0.14))
    style.caption(axes, "Latency of a decision", fleet)


def _mark_cut(axes: Any, row: int, limit: float) -> None:
    """Two slanting lines through a bar that goes on beyond the axis."""
    for at in (0.94, 0.96):
        x = (at * limit, (at + 0.015) * limit)
        axes.plot(x, (row + 0.42, row - 0.42), color="white", lw=3.0, solid_capstyle="butt")
        for side in (-0.004, 0.004):
            edge = [each + side * limit for each in x]
            axes.plot(edge, (row + 0.42, row - 0.42), color=style.GREY, lw=0.8)


def print_table(table: Sequence[dict[str, Any]]) -> None:
    """Every measure with its interval, a line for each case."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from experiments.running.console_tables import console_for

    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("constellation", "Qwen3", "load", "mind"):
        shown.add_column(name, no_wrap=True)
    for name in MEASURES.values():
        shown.add_column(name, justify="right", no_wrap=True)
    for row in table:
        load = "-" if row["fleet"] == "-" else f"{row['load']:,.0f}"
        cells = [row["fleet"], row["model"].removeprefix("Qwen3-"), load, NAMES[row["place"]]]
        for name in MEASURES:
            values = [row[f"{name}{end}"] for end in ("", "_low", "_high")]
            value, low, high = (SCALE.get(name, 1.0) * (math.nan if v is None else v) for v in values)
            cells.append(with_bounds(_short, value, low, high, ","))
        shown.add_row(*cells)
    console_for(width=WIDTH).print(shown)


def _short(value: float) -> str:
    """Two digits; whole numbers whole."""
    return f"{value:.0f}" if value >= 9.95 or value == 0.0 else f"{value:.2g}"


def check(told: Any) -> None:
    """Raises SandboxError for arguments that cannot be played."""
    if min(told.seeds, told.robots, told.prompt_tokens, told.output_tokens) < 1 or min(told.loads) < 0.0:
        raise SandboxError("Give at least one seed, robot and token each way, and loads of at least 0.")
    if told.seed < 0:
        raise SandboxError(f"seed = {told.seed}; give a whole number of at least 0.")
    for name in told.models:
        model(name)
    for place in told.places:
        if place not in PLACES:
            raise unknown_name("place of a mind", place, PLACES)
    if told.robots > MOST_ROBOTS:
        raise SandboxError(f"robots = {told.robots}; {MOST_ROBOTS:,} is the most.")
    if told.film:
        from experiments.robots.film import check_film

        check_film(told.film)
        if set(told.places) <= set(ALONE):
            raise SandboxError(
                "--film wants a mind that is far away; give --places one in orbit or on the ground."
            )
    for name in told.fleets:
        for each in told.models:
            made = scenario_of(RobotSetting(name, each, prompt_tokens=told.prompt_tokens, round_s=told.round))
            make_job_params(made, make_fleet(made))  # says which model does not fit


def run(told: Any) -> None:
    import pandas

    from agents.robots import make_mind
    from envs.robots.model import mujoco_module

    mujoco_module()
    make_mind(told.mind)
    check(told)
    study = Study.of(told, "robot", ".csv", arguments_of(told))
    told.interrupted = journal = Journal(told.out, "robot", arguments_of(told))
    rows: list[dict[str, Any]] = []
    table: list[dict[str, Any]] = []
    played = [case for case in cases(told.fleets, told.places, told.models, told.loads) if _fits(case, told)]
    if not played:
        raise SandboxError("No board of these places has room for the models; give smaller --models.")
    seeds = list(range(told.seed, told.seed + told.seeds))
    with bar("playing", len(played)) as step:
        for case in played:
            found = journal.once(list(case), partial(fly, setting_of(case, told), case.place, seeds))
            rows += [case._asdict() | row for row in found]
            table.append(summarise(case, found))
            step("playing", len(played))
    print_table(table)
    if told.json:
        keep_records(told.json, "robot", table)
    study.keep({"rows": table}, pandas.DataFrame(rows), partial(draw, table))
    journal.done()
    if told.film:
        _film(told, played)
    say(f"Results in {told.out}/")


def _film(told: Any, played: Sequence[Case]) -> None:
    """The first mission of the last constellation, by the first place of the mind that needs a world."""
    from experiments.robots.film import film, watched

    afar = [case for case in played if case.place not in ALONE]
    if not afar:
        raise SandboxError("--film: no board far away has room for the models; give smaller --models.")
    first = next(
        case for case in reversed(afar) if case.place == afar[0].place and case.fleet == told.fleets[-1]
    )
    say(f"Film in {film(watched(setting_of(first, told), first.place, told.seed), told.film)}")


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    fleets = "scs01, walker_24, walker_120, star_compute_2800 or any scenario"
    add(parser, "--fleets", list(FLEETS), fleets, nargs="+", metavar="NAME")
    add(
        parser,
        "--places",
        list(PLACES),
        f"where the mind is, of {', '.join(PLACES)}",
        nargs="+",
        metavar="NAME",
    )
    models = "that answer; those after the first with the last constellation"
    add(parser, "--models", list(MODELS), models, nargs="+", metavar="NAME")
    loads = "questions of others an hour, the world over; likewise"
    add(parser, "--loads", list(LOADS), loads, nargs="+", type=float, metavar="N")
    add(parser, "--robots", 2, "beside each other, of a seed", type=int, metavar="N")
    add(
        parser,
        "--mind",
        "trained",
        "of the robot: nearest, loudest, trained, or a folder (or hub id) of a Qwen3 that reads",
        metavar="NAME",
    )
    add(parser, "--prompt-tokens", 500, "of a report", type=int, metavar="N")
    add(parser, "--output-tokens", 60, "of an answer", type=int, metavar="N")
    add(
        parser,
        "--film",
        None,
        "also film the first mission whose mind is far away: .webp, .gif or .mp4",
        metavar="FILE",
    )
    add(parser, "--round", 1.0, "of the world, s", type=float, metavar="S")
    common(parser, out="results/robot", seeds=6, seed=0, of="worlds of each")
    resumable(parser)
