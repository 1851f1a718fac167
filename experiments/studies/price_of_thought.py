"""The price of thought: thinking budget against mission value, energy and late decisions.

    python -m experiments price_of_thought                                  # a day of SCS-01, 8 seeds
    python -m experiments price_of_thought --hours 6 --seeds 4 --models Qwen3-8B --budgets 0 256 1024

One policy decides in every run, and every decision is charged as though a Qwen3 of some size had read a
prompt and thought for so many tokens on some board. The decisions are as good whatever the budget, so the
figure shows the price alone: what a mind must be worth in better decisions to earn its thinking back.

A board other than the scenario's takes its place with as many copies as the standing load needs. A model that
does not fit a board is left out and said to be. Leaves `price.json`, `price.parquet` and `price.png`.
"""

import math
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from envs.episodes import make_env
from experiments.plotting import style
from experiments.running.callbacks import Tally
from experiments.running.journal import Journal
from experiments.running.llm_config import Mind
from experiments.running.metrics import metrics_in
from experiments.running.options import add, common, resumable
from experiments.running.progress import bar
from experiments.running.rollout import play
from experiments.running.run_folder import keep_records
from experiments.running.statistics import summarise
from experiments.studies.study import Study
from sandbox.compute import board, inference, model
from sandbox.errors import SandboxError
from sandbox.scenario import Scenario, load_scenario
from sandbox.terminal import say

MODELS = ("Qwen3-0.6B", "Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B")
BOARDS = ("scs01", "agx_orin")
BUDGETS = (0, 64, 256, 512, 1024, 2048, 4096)
KEPT = ("value_delivered", "late_share", "thought_s", "thought_j", "thought_share", "battery_lowest",
        "lost_satellites", "decisions")  # fmt: skip
COLOURS = (style.SKY, style.GREEN, style.ORANGE, style.VERMILLION, style.PURPLE, style.BLUE, style.INK)


def price(
    scenario: Any = "scs01",
    policy: str = "deadline_greedy",
    models: Sequence[str] = MODELS,
    boards: Sequence[str] = BOARDS,
    budgets: Sequence[int] = BUDGETS,
    hours: float | None = None,
    seeds: int = 8,
    seed: int = 0,
    prompt_tokens: int = 500,
    precision: str = "int4",
    report: Any = None,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """A row for each board, model and budget: what it costs to think so, over the same seeded episodes.

    Args:
        policy: who decides, whatever is charged.
        budgets: tokens of thinking; the answer is one more. 0: one forward pass, no token written.
        prompt_tokens: read for every decision.
        report: called with every row as soon as it is known.
        journal: what is in it is not played again.

    A row holds board, model, budget, tokens and, for every metric in `KEPT`, its interquartile mean with
    bounds NAME_low and NAME_high; or under "unfit" why the model cannot run there. The first row, of no board
    and no model, is the policy that thinks for nothing. Raises SandboxError for bad input.
    """
    if seeds < 1 or seed < 0 or not budgets or min(budgets) < 0:
        raise SandboxError(
            f"seeds = {seeds} from {seed}, budgets {list(budgets)}; none may be negative or empty."
        )
    base, rows = load_scenario(scenario), []
    for row in _cases(base, models, boards, budgets, prompt_tokens, precision):
        if "unfit" not in row:
            play_it = partial(_measured, row.pop("scenario"), policy, hours, seeds, seed, row)
            row |= journal.once(row, play_it) if journal else play_it()
        rows.append(row)
        if report:
            report(row)
    return rows


def _cases(
    base: Scenario,
    models: Sequence[str],
    boards: Sequence[str],
    budgets: Sequence[int],
    prompt: int,
    precision: str,
) -> Iterator[dict[str, Any]]:
    yield {
        "board": None,
        "model": None,
        "budget": 0,
        "prompt_tokens": 0,
        "output_tokens": 0,
        "scenario": base,
    }
    for where in boards:
        for name in models:
            for budget in budgets:
                output = budget + 1 if budget else 0
                board(where), model(name)  # an unknown one is an error, not a poor fit
                row = {"board": where, "model": name, "budget": budget}
                row |= {"prompt_tokens": prompt, "output_tokens": output}
                try:
                    inference(board(where), model(name), precision, prompt, output)
                except SandboxError as error:
                    yield row | {"unfit": str(error)}
                else:
                    yield row | {"scenario": _with(base, where, name, precision)}


def _with(base: Scenario, where: str, name: str, precision: str) -> Scenario:
    """The scenario with this board and model in every kind of spacecraft."""
    changes = {}
    for kind, craft in base.spacecraft.items():
        count = max(1, math.ceil(craft.power.compute_w / board(where).active_w))
        onboard = {"board": where, "boards": count, "model": name, "precision": precision}
        changes[f"spacecraft.{kind}.compute"] = onboard
    return load_scenario(base, changes)


def _measured(
    scenario: Scenario, policy: str, hours: float | None, seeds: int, seed: int, row: dict[str, Any]
) -> dict[str, float]:
    mind = Mind(charge=(row["prompt_tokens"], row["output_tokens"]))
    with closing(make_env("tasking_v0", scenario, hours, seeds, thinking=True)) as env:
        tally = Tally()
        with closing(mind.policy(policy, env)) as decider:
            play(env, decider, seed, [tally])
        runs = [metrics_in(env.world, tally.totals(b), b) for b in range(seeds)]
    found: dict[str, float] = {}
    for name in KEPT:
        summary = summarise(run[name] for run in runs)
        found |= {name: summary.iqm, f"{name}_low": summary.low, f"{name}_high": summary.high}
    return found


def draw(rows: Sequence[dict[str, Any]], title: str, path: Path | None = None) -> Any:
    """Value, late decisions and energy over the thinking budget, a column a board. Returns the figure."""
    from matplotlib.figure import Figure

    known = [row for row in rows if "unfit" not in row]
    free = next(row for row in known if row["board"] is None)
    boards = list(dict.fromkeys(row["board"] for row in known if row["board"]))
    models = list(dict.fromkeys(row["model"] for row in known if row["model"]))
    panels = (
        ("value_delivered", "Value delivered", 1.0),
        ("late_share", "Decisions too late, %", 100.0),
        ("thought_share", "Energy spent thinking, %", 100.0),
        ("thought_s", "Seconds of thought a decision", 1.0),
    )
    with style.styled():
        figure = Figure((1.2 + 4.6 * len(boards), 10.4), dpi=150)
        grid = figure.subplots(len(panels), len(boards), squeeze=False, sharex=True, sharey="row")
        figure.subplots_adjust(0.09 if len(boards) > 1 else 0.14, 0.06, 0.985, 0.885, 0.06, 0.3)
        for column, where in enumerate(boards):
            for axes, (name, label, scale) in zip(grid[:, column], panels, strict=True):
                for colour, which in zip(COLOURS, models, strict=False):
                    mine = [r for r in known if (r["board"], r["model"]) == (where, which)]
                    _line(axes, mine, name, scale, colour, which)
                if name == "value_delivered":
                    axes.margins(y=0.12)
                    axes.axhline(free[name], color=style.GREY, lw=0.9, ls=(0, (4, 3)))
                    axes.annotate("thinking for nothing", (0, free[name]), (4, 3), textcoords="offset points",
                                  color=style.GREY, size=8)  # fmt: skip
                axes.grid(axis="y")
                style.caption(axes, label, f"on {where}" if name == "value_delivered" else "")
            _ticks(grid[-1, column], known)
        grid[0, 0].legend(loc="lower left")
        style.headline(
            figure, {"scenario": title}, 0.5, "the same decisions, charged as thought of so many tokens"
        )
        return style.save(figure, path)


def _line(
    axes: Any, rows: Sequence[dict[str, Any]], name: str, scale: float, colour: str, label: str
) -> None:
    x = [_place(row["budget"]) for row in rows]
    axes.plot(x, [row[name] * scale for row in rows], "o-", ms=3, lw=1.4, color=colour, label=label)
    low, high = ([row[f"{name}_{end}"] * scale for row in rows] for end in ("low", "high"))
    axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)


def _place(budget: int) -> float:
    """Where a budget stands on the axis: logarithmic from 32 on, with 0 at the left."""
    return math.log2(1.0 + budget / 32.0)


def _ticks(axes: Any, rows: Sequence[dict[str, Any]]) -> None:
    budgets = sorted({row["budget"] for row in rows})
    axes.set_xticks([_place(b) for b in budgets], ["none" if b == 0 else f"{b:,}" for b in budgets])
    axes.set_xlabel("Thinking budget, tokens")


def run(told: Any) -> None:
    import pandas

    from experiments.running.console_tables import print_prices

    scenario = load_scenario(told.scenario)
    names = ("policy", "models", "boards", "budgets", "hours", "seeds", "seed", "prompt_tokens", "precision")
    options = {name: getattr(told, name) for name in names}
    study = Study.of(told, "price", ".parquet", options | {"scenario": scenario.name})
    whole = options | {"scenario": scenario.model_dump(mode="json")}
    told.interrupted = journal = Journal(told.out, "price_of_thought", whole)
    total = 1 + len(told.models) * len(told.boards) * len(told.budgets)
    with bar("pricing", total) as line:
        rows = price(scenario, **options, report=lambda _: line.more(), journal=journal)
    hours = told.hours or scenario.horizon_h
    title = f"The price of thought: {scenario.name}, {hours:g} h, {told.policy}"
    print_prices(rows)
    if told.json:
        keep_records(told.json, "price_of_thought", rows, scenario=scenario.name, hours=hours)
    study.keep({"rows": rows}, pandas.DataFrame(rows), lambda path: draw(rows, title, path))
    journal.done()
    say(f"Results in {told.out}/")


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--scenario", "scs01", "scenario or YAML file", metavar="NAME")
    add(parser, "--policy", "deadline_greedy", "who decides", metavar="NAME")
    add(parser, "--models", list(MODELS), "that think", nargs="+", metavar="NAME")
    add(parser, "--boards", list(BOARDS), "that they run on", nargs="+", metavar="NAME")
    add(parser, "--budgets", list(BUDGETS), "of thinking", nargs="+", type=int, metavar="TOKENS")
    add(parser, "--hours", None, "simulated (default: the scenario's)", type=float, metavar="H")
    add(parser, "--prompt-tokens", 500, "read for a decision", type=int, metavar="N")
    add(parser, "--precision", "int4", "bf16, int8 or int4")
    common(parser, out="results/price_of_thought", seeds=8, seed=0)
    resumable(parser)
