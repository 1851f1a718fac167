"""A page for each decision problem: what it declares, its baselines, its tiers, what was trained."""

import inspect
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from agents.policy import YARDSTICKS, policy_class, policy_names
from agents.qwen.nano import NanoEngine
from envs import registry
from envs.page import page
from experiments.tiers import CALM, PROBLEMS, tier_hours, tier_scenario
from experiments.training.standings import standing
from tools.pages import globes
from tools.pages.tables import cell, table

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "docs/records/train_table"
TRAINED = ROOT / "agents/trained"


def pages() -> dict[str, str]:
    """A page a problem, and the one that lists them."""
    return {"environments/index.md": _index()} | {
        path_of(name): environment_page(name) for name in registry.names() if name in PROBLEMS
    }


def pictures() -> dict[str, Path]:
    """The learning curves of what is shipped, by their path in the site."""
    return {curve_path(path.parent.name): path for path in sorted(TRAINED.glob("*/learning_curve.png"))}


def path_of(problem: str) -> str:
    """Where the page of a problem is in the site."""
    return f"environments/{problem}.md"


def curve_path(name: str) -> str:
    """Where the learning curve of what was trained for `PROBLEM_TIER` is in the site."""
    return f"curves/{name}.png"


def environment_page(name: str) -> str:
    """The page of the problem called `name`."""
    path = path_of(name)
    parts = [
        f"# {name}",
        page(registry.find(name)).strip().replace("## Version history", "\0## Version history"),
    ]
    told, history = parts[1].split("\0")
    opening, rest = told.split("\n\n", 1)
    return "\n\n".join(
        [
            parts[0],
            opening,
            globes.frame(name, path),
            rest.strip(),
            "## Baselines",
            baselines(name),
            _general(name),
            "## Tiers",
            tiers(name),
            *learning(name),
            history.strip(),
        ]
    )


def _index() -> str:
    rows = [
        (f"[`{name}`]({name}.md)", first_line(registry.find(name)), f"`{PROBLEMS[name][CALM]}`")
        for name in registry.names()
        if name in PROBLEMS
    ]
    return "\n\n".join(
        [
            "# Environments",
            "Each is one decision problem with the same faces: PettingZoo parallel and AEC, Gymnasium, "
            "Gymnasium vector, batch, and words. [Concepts](../concepts.md) tells what they have in common.",
            table(("id", "a satellite decides", "its own scenario"), rows),
            "The tables of their pages are made from the same declarations as the numbers, the mask and the "
            "words; `help(envs.tasking_v0)` shows the same. A problem of your own has such a page, too: "
            "[your own problem](../your_own_problem.md).",
        ]
    )


def first_line(thing: Any) -> str:
    """The first sentence of a docstring, in one line; nothing where there is none."""
    paragraph = (inspect.getdoc(thing) or "").split("\n\n")[0]
    return " ".join(paragraph.split())


def baselines(problem: str) -> str:
    """The heuristics that understand a problem, with what their docstrings say."""
    general = {"random", "idle", "qwen", *YARDSTICKS}
    names = [name for name in policy_names(problem) if name not in general]
    rows = [(f"`{name}`", cell(first_line(policy_class(name, problem)))) for name in names]
    return table(("policy", "how it decides"), rows)


def _general(problem: str) -> str:
    """Which of the policies for any problem there are for this one."""
    yardsticks = [name for name in YARDSTICKS if name in policy_names(problem)]
    minds = "`qwen` (the nano, a checkpoint or a server)"
    if problem not in NanoEngine.problems:
        minds = "`qwen` with a checkpoint or a server (the nano that decides has not learned this problem)"
    told = [
        "`random`",
        "`idle`",
        minds,
        *(["`trained` (what is shipped for a tier)"] if _shipped(problem) else []),
    ]
    told += [f"[`{name}`](../yardsticks.md)" for name in yardsticks]
    return f"Besides there are {', '.join(told)}."


def _shipped(problem: str) -> list[str]:
    """The tiers for which a network is shipped."""
    return [tier for tier in PROBLEMS[problem] if (TRAINED / f"{problem}_{tier}/policy.npz").is_file()]


def tiers(problem: str) -> str:
    """The tiers of a problem: scenario, what is scarce, hours of an episode, heuristic and trained."""
    rows = []
    for tier, name in PROBLEMS[problem].items():
        found = standings().get((problem, tier))
        earned = (f"`{found.best}` {found.rule.mean:,.1f}", _interval(found.trained)) if found else ("", "")
        about = cell(tier_scenario(problem, tier).description)
        rows.append((tier, f"`{name}`", about, f"{tier_hours(problem, tier):g}", *earned))
    head = ("tier", "scenario", "what it is", "hours", "best heuristic", "five trainings")
    if not any(row[-1] for row in rows):
        return table(head[:-2], [row[:-2] for row in rows])
    return table(head, rows) + (
        "\n\nReturns of the fleet on 16 held-out seeds, from the records of `train_table`: of the heuristic "
        "the mean, of the trainings the interquartile mean with its 95 % interval ([how](../train.md))."
    )


@cache
def standings() -> Mapping[tuple[str, str], Any]:
    """What the records of `train_table` come to, by problem and tier."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDS.glob("*.json"))]
    cases = {(record["problem"], record["tier"]) for record in records}
    return {
        case: standing([record for record in records if (record["problem"], record["tier"]) == case])
        for case in sorted(cases)
    }


def learning(problem: str) -> list[str]:
    """The pictures of what is shipped for the tiers of a problem, if anything is."""
    if not _shipped(problem):
        return []
    told = [
        "## Learning curves",
        "Of what is shipped for its tiers; [their cards](../trained.md) say how they were trained.",
    ]
    for tier in _shipped(problem):
        text = f"Return on validation seeds while the policy for {tier} {problem} learned"
        told.append(f"![{text}](../{curve_path(f'{problem}_{tier}')})")
    return told


def _interval(summary: Any) -> str:
    return f"{summary.iqm:,.1f} [{summary.low:,.1f}, {summary.high:,.1f}]"
