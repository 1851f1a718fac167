"""The value of thought: mission value against how much satellites think, where thought changes what they do.

    python -m experiments value_of_thought                                # scs01_tight and scs01_scarce, 12 h
    python -m experiments value_of_thought --boards scs01 orin_nx orin_nano --load low high --battery small

A fast policy decides wherever no plan stands. Rules say when a satellite has its onboard planner search
(`agents.consulting`): never, short and long by the clock, always, and auto. A search takes the seconds and
joules that it costs on the satellite's board (`sandbox.consulting`). Every rule meets the same episodes, so
that beside the value stands what it brings over never thinking: the mean of the differences, with its
interval.

--load, --pressure and --battery change how much is asked for, how fast it is due and stale, and how much a
battery holds; a board takes the place of the scenario's. With the same planner and the true sky (`--truth`)
it is printed what not knowing costs. Leaves `value_of_thought.json`, `.parquet` and `.png`.
"""

import itertools
import math
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agents.consulting import ALWAYS, AUTO, BRIEF, DEEP, NEVER, RULES, Consulting
from envs.episodes import make_env, scenario_of
from experiments.plotting import style
from experiments.running.journal import Journal
from experiments.running.options import add, common, resumable
from experiments.running.progress import bar
from experiments.running.run_folder import keep_records
from experiments.running.statistics import mean
from experiments.studies.study import Study
from sandbox.compute import board
from sandbox.errors import SandboxError, unknown_name
from sandbox.scenario import Scenario, load_scenario
from sandbox.terminal import say

SCENARIOS = ("scs01_tight", "scs01_scarce")
LEVELS: Mapping[str, Mapping[str, float]] = {
    "load": {"low": 0.5, "middle": 1.0, "high": 2.0},
    "pressure": {"low": 2.0, "middle": 1.0, "high": 0.5},
    "battery": {"large": 1.5, "middle": 1.0, "small": 0.7},
}
"""Factors: of requests; of their lifetimes and the half-life of images; of the batteries."""
FAST = {"tasking_v0": "equinox", "autonomy_v0": "phoenix", "operations_v0": "phoenix"}
"""Who decides where no plan stands: the best of the heuristics in the tight and scarce tiers."""
OWN = "own"
"""In the place of a board: the scenario's."""
FEW = 4
"""Seeds up to which no difference is called sure."""
LEAST_MODEL = "Qwen3-0.6B"
"""On a board that takes the place of another: it fits all, and the planner needs none."""
PLANNER = "beam search"
SECONDS = (0, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""Marked on the axis of the figure."""


def value(
    problem: str = "tasking_v0",
    scenarios: Sequence[Any] = SCENARIOS,
    *,
    boards: Sequence[str] = (OWN,),
    load: Sequence[str] = ("middle",),
    pressure: Sequence[str] = ("middle",),
    battery: Sequence[str] = ("middle",),
    rules: Sequence[str] = RULES,
    policy: str | None = None,
    hours: float | None = None,
    seeds: int = 8,
    seed: int = 0,
    truth: bool = False,
    report: Any = None,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """A row for each scenario, board, level and rule; with `truth` also for an `auto` that knows the sky.

    Args:
        boards: names out of `sandbox.compute.board_names`, or "own" for the scenario's.
        load, pressure, battery: levels, out of `LEVELS`.
        rules: out of `agents.consulting.RULES`; "never" is added, which the others are held against.
        policy: who decides where no plan stands (default: `FAST`).
        report: called with every row as soon as it is known.
        journal: what is in it is not played again.

    A row holds what was played, rewards (of every episode), value, low and high (their mean, 95 % interval),
    gain, gain_low and gain_high (the same of the difference to never), thought_s, thought_j, consultations,
    decisions_changed (all of an episode's fleet), lost_satellites and safe_share. Raises SandboxError for bad
    input.
    """
    _check(problem, seeds, seed, rules, {"load": load, "pressure": pressure, "battery": battery})
    rows = []
    for case in itertools.product(scenarios, boards, load, pressure, battery):
        scenario = _with(scenario_of(problem, case[0]), *case[1:])
        place = dict(
            zip(("scenario", "board", "load", "pressure", "battery"), (scenario.name, *case[1:]), strict=True)
        )
        plain: list[float] = []
        for rule, knows in _kinds(rules, truth):
            key = place | {"thinking": rule, "planner": "truth" if knows else "onboard"}
            play_it = partial(_played, problem, scenario, rule, policy, hours, seeds, seed, knows)
            told = journal.once(key, play_it) if journal else play_it()
            plain = plain or told["rewards"]
            row = {"problem": problem, **key, "model": PLANNER, **_row(told, plain)}
            rows.append(row)
            if report:
                report(row)
    return rows


def _check(
    problem: str, seeds: int, seed: int, rules: Sequence[str], levels: Mapping[str, Sequence[str]]
) -> None:
    if problem not in FAST:
        raise unknown_name("problem in which satellites may consult", problem, FAST)
    if seeds < 1 or seed < 0:
        raise SandboxError(f"seeds = {seeds} from {seed}; give at least 1, from 0 or more.")
    for rule in rules:
        if rule not in RULES:
            raise unknown_name("rule of thinking", rule, RULES)
    for name, some in levels.items():
        for level in some:
            if level not in LEVELS[name]:
                raise unknown_name(f"level of {name}", level, LEVELS[name])


def _kinds(rules: Sequence[str], truth: bool) -> Iterator[tuple[str, bool]]:
    """The rules in their order, never first, each with whether it knows the truth."""
    yield NEVER, False
    for rule in RULES:
        if rule in rules and rule != NEVER:
            yield rule, False
    if truth:
        yield AUTO, True


def _with(base: Scenario, where: str, load: str, pressure: str, battery: str) -> Scenario:
    """The scenario on this board and with these levels."""
    asked, changes = base.requests, {}  # type: Any, dict[str, Any]
    factor = LEVELS["load"][load]
    changes["requests.initial"] = round(factor * asked.initial)
    changes["requests.per_hour"] = factor * asked.per_hour
    factor = LEVELS["pressure"][pressure]
    changes["requests.lifetime_h"] = [factor * hours for hours in asked.lifetime_h]
    changes["requests.half_life_h"] = factor * asked.half_life_h
    for kind, craft in base.spacecraft.items():
        held = LEVELS["battery"][battery] * craft.power.battery_wh
        changes[f"spacecraft.{kind}.power.battery_wh"] = held
        if where != OWN and craft.compute is not None:
            count = max(1, math.ceil(craft.power.compute_w / board(where).active_w))
            onboard = {"board": where, "boards": count, "model": LEAST_MODEL}
            changes[f"spacecraft.{kind}.compute"] = {"precision": craft.compute.precision} | onboard
    return load_scenario(base, changes)


def _played(
    problem: str,
    scenario: Scenario,
    rule: str,
    policy: str | None,
    hours: float | None,
    seeds: int,
    seed: int,
    truth: bool,
) -> dict[str, Any]:
    """What came of so many episodes: lists by episode, and sums of the fleet, in the mean of episodes."""
    options = {"consult": True, "consult_truth": truth}
    with closing(make_env(problem, scenario, hours, seeds, **options)) as env:
        decider = Consulting(env, rule, policy or FAST[problem])
        observation, info = env.reset(seed)
        decider.reset(seed)
        rewards, sums = np.zeros(seeds), np.zeros(len(env.terms))
        for _ in range(env.max_cycles):
            observation, reward, _, _, info = env.step(decider.act(observation, info))
            rewards += reward.sum(axis=1, dtype=float)
            sums += info["terms"].sum(axis=(0, 1), dtype=float) / seeds
        terms = dict(zip(env.terms, sums.tolist(), strict=True))
        alive = float(env.world.state.body["alive"].sum(axis=1).mean())
        return {
            "rewards": rewards.tolist(),
            "thought_s": terms["consult_s"],
            "thought_j": terms["consult_j"],
            "consultations": terms["consulted"],
            "decisions_changed": float(decider.changed.mean()),
            "followed": terms["followed"],
            "lost_satellites": env.satellites - alive,
            "safe_share": terms["safe_mode"] / (env.satellites * env.max_cycles),
        }


def _row(told: Mapping[str, Any], plain: Sequence[float]) -> dict[str, Any]:
    """The numbers of a row; `plain` are the rewards of the same episodes without thought."""
    own, gained = mean(told["rewards"]), mean(np.subtract(told["rewards"], plain).tolist())
    bounds = {"value": own.value, "low": own.low, "high": own.high}
    return bounds | {"gain": gained.value, "gain_low": gained.low, "gain_high": gained.high} | dict(told)


def draw(rows: Sequence[dict[str, Any]], title: str, path: Path | None = None) -> Any:
    """What thinking brings over never thinking, by rule; a column a scenario, a line a board and level."""
    from matplotlib.figure import Figure

    scenarios = list(dict.fromkeys(row["scenario"] for row in rows))
    rules = [rule for rule in RULES if any(row["thinking"] == rule for row in rows)]
    colours = (style.BLUE, style.ORANGE, style.GREEN, style.VERMILLION, style.PURPLE, style.SKY, style.INK)
    with style.styled():
        figure = Figure((1.2 + 4.6 * len(scenarios), 7.2), dpi=150)
        grid = figure.subplots(2, len(scenarios), squeeze=False, sharex=True)
        figure.subplots_adjust(0.1 if len(scenarios) > 1 else 0.15, 0.07, 0.985, 0.85, 0.16, 0.24)
        for column, scenario in enumerate(scenarios):
            mine = [r for r in rows if r["scenario"] == scenario and r["planner"] == "onboard"]
            cases = list(dict.fromkeys(map(_case, mine)))
            for number, case in enumerate(cases):
                some = {row["thinking"]: row for row in mine if _case(row) == case}
                shift = 0.06 * (number - 0.5 * (len(cases) - 1))
                _line(grid[:, column], some, rules, shift, colours[number % len(colours)], case)
            grid[0, column].axhline(0.0, color=style.GREY, lw=0.9, ls=(0, (4, 3)))
            style.caption(grid[0, column], "Value over never thinking", scenario)
            style.caption(grid[1, column], "Seconds of thought, of a fleet's episode", "")
            grid[1, column].set_yscale("symlog", linthresh=10)
            grid[1, column].set_yticks(SECONDS, [f"{each:,}" for each in SECONDS])
            grid[1, column].set_ylim(-2, 1e6)
            grid[1, column].set_xticks(range(len(rules)), rules)
            for axes in grid[:, column]:
                axes.grid(axis="y")
        grid[0, 0].legend(loc="upper left")
        style.headline(
            figure, {"scenario": title}, 0.5, "thought that changes decisions, charged to the body"
        )
        return style.save(figure, path)


def _case(row: Mapping[str, Any]) -> str:
    """What a row's line is called: its board, and the levels that are not in the middle."""
    levels = [f"{name} {row[name]}" for name in LEVELS if row[name] != "middle"]
    return ", ".join([f"{row['board']} board" if row["board"] == OWN else row["board"], *levels])


def _line(
    panels: Any, rows: Mapping[str, Any], rules: Sequence[str], shift: float, colour: str, label: str
) -> None:
    """Rules by rising thought are joined; auto stands apart."""
    x = [number + shift for number, rule in enumerate(rules) if rule in rows]
    known = [rows[rule] for rule in rules if rule in rows]
    joined = sum(row["thinking"] != AUTO for row in known)
    gains = np.array([[row[f"gain{end}"] for row in known] for end in ("", "_low", "_high")])
    errors = np.maximum(0.0, [gains[0] - gains[1], gains[2] - gains[0]])
    panels[0].errorbar(x, gains[0], errors, fmt="o", ms=4, lw=1.2, color=colour, label=label)
    panels[0].plot(x[:joined], gains[0][:joined], lw=1.2, color=colour, alpha=0.6)
    panels[1].plot(x, [row["thought_s"] for row in known], "o", ms=4, color=colour)


def told_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What came out, in sentences: the best of each case against never and always, and what truth adds."""
    said = []
    for case in dict.fromkeys((row["scenario"], _case(row)) for row in rows):
        mine = [row for row in rows if (row["scenario"], _case(row)) == case]
        rules = {row["thinking"]: row for row in mine if row["planner"] == "onboard"}
        bounded = [row for rule, row in rules.items() if rule not in (NEVER, ALWAYS)]
        if bounded:
            best = max(bounded, key=lambda row: row["value"])
            sure = "beyond its interval" if best["gain_low"] > 0.0 else "within its interval"
            if len(best["rewards"]) <= FEW:
                sure = f"of {len(best['rewards'])} seeds, which say little"
            line = f"{', '.join(case)}: {best['thinking']} is the best bounded budget, "
            line += f"{best['gain']:+.1f} over never, {sure}"
            said.append(line + (f"; {_over(best, rules[ALWAYS])}" if ALWAYS in rules else "") + ".")
        fixed = [rules[rule] for rule in (BRIEF, DEEP) if rule in rules]
        if fixed and AUTO in rules:
            best = max(fixed, key=lambda row: row["value"])
            said.append(
                f"{', '.join(case)}: auto is {_over(rules[AUTO], best)}, the better of those by clock."
            )
        truth = [row for row in mine if row["planner"] == "truth"]
        if truth and AUTO in rules:
            lost = truth[0]["value"] - rules[AUTO]["value"]
            whole = truth[0]["value"]
            said.append(f"{', '.join(case)}: the price of not knowing the sky is {lost:.1f} of {whole:.1f}.")
    return said


def _over(row: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """By how much a row is ahead of another one in the same episodes."""
    ahead = mean(np.subtract(row["rewards"], other["rewards"]).tolist())
    way = "ahead of" if ahead.value >= 0.0 else "behind"
    bounds = "" if ahead.low == ahead.high else f" [{ahead.low:+.1f}, {ahead.high:+.1f}]"
    return f"{way} {other['thinking']} by {abs(ahead.value):.1f}{bounds}"


def run(told: Any) -> None:
    import pandas

    from experiments.running.console_tables import print_thinking

    names = (
        "problem",
        "boards",
        "load",
        "pressure",
        "battery",
        "rules",
        "policy",
        "hours",
        "seeds",
        "seed",
        "truth",
    )
    options = {name: getattr(told, name) for name in names}
    scenarios = [scenario_of(told.problem, name) for name in told.scenarios]
    kept = options | {"scenarios": [each.model_dump(mode="json") for each in scenarios]}
    study = Study.of(
        told, "value_of_thought", ".parquet", options | {"scenarios": list(map(str, told.scenarios))}
    )
    told.interrupted = journal = Journal(told.out, "value_of_thought", kept)
    cases = math.prod(
        len(getattr(told, name)) for name in ("scenarios", "boards", "load", "pressure", "battery")
    )
    total = cases * len(list(_kinds(told.rules, told.truth)))
    with bar("thinking", total) as shown:
        rows = value(scenarios=scenarios, **options, report=lambda _: shown.more(), journal=journal)
    title = f"The value of thought: {told.problem}, {told.seeds} seeds"
    print_thinking(rows)
    for line in told_of(rows):
        say(line)
    if told.json:
        keep_records(told.json, "value_of_thought", rows, hours=told.hours, seeds=told.seeds)
    study.keep({"rows": rows}, pandas.DataFrame(rows), lambda path: draw(rows, title, path))
    journal.done()
    say(f"Results in {told.out}/")


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--problem", "tasking_v0", "decision problem", metavar="NAME")
    add(parser, "--scenarios", list(SCENARIOS), "scenarios or YAML files", nargs="+", metavar="NAME")
    add(parser, "--boards", [OWN], "to think on; own: the scenario's", nargs="+", metavar="NAME")
    for name, levels in LEVELS.items():
        add(parser, f"--{name}", ["middle"], ", ".join(levels), nargs="+", metavar="LEVEL")
    add(parser, "--rules", list(RULES), "of thinking", nargs="+", metavar="RULE")
    add(
        parser,
        "--policy",
        None,
        "who decides where no plan stands (default: the best heuristic)",
        metavar="NAME",
    )
    add(parser, "--hours", 12.0, "simulated", type=float, metavar="H")
    parser.add_argument("--truth", action="store_true", help="also auto with a planner that knows the sky")
    common(parser, out="results/value_of_thought", seeds=8, seed=0)
    resumable(parser)
