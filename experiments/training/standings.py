"""Print how all algorithms stand in every tier, from the records that `train_table` left.

A record is a JSON file of a policy in a tier of a problem; who adds some of an algorithm of their own gets a
line of their own in the table.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.policy import MINDS, TOLD, YARDSTICKS
from experiments.running import run_folder as results
from experiments.running.options import json_path
from experiments.running.statistics import NONE, Estimate, Summary, mean, summarise, with_bounds
from sandbox.errors import SandboxError, shown
from sandbox.files import replacing
from sandbox.terminal import say

RECORD, SCHEMA = "policy in a tier", 1
PPO, CHANCE = "ppo", "random"
UNSEEN, UNSEEN_LOST = "unseen_returns", "unseen_lost"
"""What a record holds of scenarios drawn of the tier, that no training takes: an episode in each."""
_NO_RULE = (CHANCE, *MINDS, *TOLD, *YARDSTICKS)
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "problem": str, "tier": str, "algorithm": str, "returns": list, "lost": int, "eval_seeds": list,
    "cpu_minutes": (int, float), "command": str, "train_seed": (int, type(None)),
}  # fmt: skip


class Case(NamedTuple):
    """A tier of a problem."""

    problem: str
    tier: str

    @property
    def name(self) -> str:
        return f"{self.problem}_{self.tier}"


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("records", nargs="+", metavar="DIR", help="folders of records")
    parser.add_argument("--out", metavar="FILE", help="write the table here, in place of printing it")
    parser.add_argument(
        "--json", type=json_path, metavar="FILE", help="also write a record of each line here"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(told: Namespace) -> None:
    """Print or write the table."""
    rows = [record for folder in told.records for record in read(Path(folder))]
    if told.json:
        results.keep_records(
            told.json, "standing of an algorithm", [place.record() for place in places(rows)]
        )
    if told.out is None:
        say(algorithms(rows))
        return
    with replacing(told.out) as draft:
        draft.write_text(algorithms(rows), encoding="utf-8")
    if not told.quiet:
        say(f"Table in {told.out}.")


def read(folder: Path) -> list[dict[str, Any]]:
    """The records in a folder, in the order of their names.

    Raises SandboxError, with the file, where there is none, or one that is no record of a policy in a tier.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        record = results.read_json(path)
        if not isinstance(record, dict) or record.get("format") != results.format_of(RECORD):
            raise SandboxError(
                f"{path} is no record of a policy in a tier; leave the others out of {folder}."
            )
        if record.get("schema") != SCHEMA:
            raise SandboxError(f"{path}: schema {shown(record.get('schema'))}; this version reads {SCHEMA}.")
        for name, kind in _FIELDS.items():
            if name not in record:
                raise SandboxError(f"{path} says nothing of {name}; a record needs {', '.join(_FIELDS)}.")
            if not isinstance(record[name], kind) or isinstance(record[name], bool):
                raise SandboxError(f"{path}: {name} {shown(record[name])}, where no such value can be.")
        _check_numbers(path, record["returns"], record["eval_seeds"])
        found.append(record)
    if not found:
        raise SandboxError(f"{folder} holds no records (*.json) of policies; `train_table` leaves some.")
    return found


def _check_numbers(path: Path, returns: list[Any], seeds: list[Any]) -> None:
    numbers = all(isinstance(value, int | float) and np.isfinite(value) for value in returns)
    if not returns or not numbers:
        raise SandboxError(f"{path}: returns are to be finite numbers, one an episode.")
    if len(seeds) != 2 or not all(isinstance(seed, int) for seed in seeds):
        raise SandboxError(f"{path}: eval_seeds {shown(seeds)}; give the first and the last seed.")


class Standing(NamedTuple):
    """How a tier stands: over the returns of trainings (each the mean of its worlds) and of the best rule."""

    trained: Summary
    best: str
    rule: Summary
    """Over worlds."""
    chance: float
    lost: float
    """Satellites in an episode that the trained policies lost, in the mean."""
    rule_lost: float
    minutes: float
    gain: Estimate
    """Mean over worlds of what the trained policies earn in the mean, less what the rule earns in the same
    world; no interquartile mean, which would leave out the rare world in which a satellite is lost."""
    abroad: Estimate
    """Over held-out scenarios: what the trained policies earn in the mean, by the mean of the rule that
    earns most there (above 1 where they earn more). NONE where they were not played."""
    best_abroad: str

    @property
    def ratio(self) -> float:
        """Above 1 where the trained policies earn more, also where both earn less than nothing."""
        return 1.0 + (self.trained.iqm - self.rule.mean) / max(abs(self.rule.mean), 1e-9)


def is_rule(row: dict[str, Any]) -> bool:
    """Whether it is a heuristic that a record is of: not trained, no yardstick, not chance, no mind."""
    return row.get("train_seed") is None and row["algorithm"] not in _NO_RULE


def standing(rows: Sequence[dict[str, Any]]) -> Standing:
    """Of one tier. Raises SandboxError where nobody was trained or there is no heuristic."""
    trained = [row for row in rows if row["algorithm"] == PPO]
    rules = [row for row in rows if is_rule(row)]
    if not trained or not rules:
        raise SandboxError("A table needs trained policies and heuristics of every tier.")
    best = max(rules, key=lambda row: float(np.mean(row["returns"])))
    chance = [float(np.mean(row["returns"])) for row in rows if row["algorithm"] == CHANCE]
    gained = np.mean([row["returns"] for row in trained], axis=0) - np.asarray(best["returns"])
    each = [row["lost"] / len(row["returns"]) for row in trained]
    return Standing(
        summarise([float(np.mean(row["returns"])) for row in trained]),
        best["algorithm"],
        summarise(best["returns"]),
        chance[0] if chance else float("nan"),
        float(np.mean(each)),
        best["lost"] / len(best["returns"]),
        float(np.mean([row["cpu_minutes"] for row in trained])),
        mean(gained),
        *_abroad(trained, rules),
    )


def _abroad(trained: Sequence[dict[str, Any]], rules: Sequence[dict[str, Any]]) -> tuple[Estimate, str]:
    """What the trained earn in held-out scenarios by what the best rule there earns, and the rule's name."""
    if not all(row.get(UNSEEN) for row in (*trained, *rules)):
        return NONE, ""
    shared = min(len(row[UNSEEN]) for row in (*trained, *rules))
    best = max(rules, key=lambda row: float(np.mean(row[UNSEEN][:shared])))
    earned = np.asarray(best[UNSEEN][:shared])
    level = float(earned.mean())
    if level == 0.0:
        return NONE, ""
    gained = np.mean([row[UNSEEN][:shared] for row in trained], axis=0) - earned
    return mean(1.0 + gained / abs(level)), best["algorithm"]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line for each tier of each problem."""
    lines = [
        "| problem, tier | random | best heuristic | trained: interquartile mean [95 % of trainings] | ratio "
        "| gain in the same episode | lost an episode: both | held-out scenarios | CPU minutes |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for case in dict.fromkeys(Case(row["problem"], row["tier"]) for row in rows):
        own = [row for row in rows if (row["problem"], row["tier"]) == case]
        found = standing(own)
        trained, rule = found.trained, found.rule
        lines.append(
            f"| {case.problem}, {case.tier} | {found.chance:,.1f} "
            f"| {found.best} {with_bounds(_plain, rule.mean, rule.low, rule.high)} "
            f"| {with_bounds(_plain, trained.iqm, trained.low, trained.high)} ({trained.runs}) "
            f"| {found.ratio:.3f} | {with_bounds(_signed, *found.gain)} "
            f"| {found.lost:.2f}, {found.rule_lost:.2f} | {_times(found)} | {found.minutes:.1f} |"
        )
    first = rows[0]["eval_seeds"]
    seeds = f"Held-out seeds {first[0]:,} to {first[1]:,}."
    how = "Intervals of 95 %: of a heuristic and of the gain over these episodes, of trained policies over"
    abroad = "In held-out scenarios: what they earn in the mean, by the heuristic that earns most there."
    lines += ["", f"{seeds} {how} trainings, each the mean of these episodes. {abroad}"]
    return "\n".join(lines) + "\n"


def _times(found: Standing) -> str:
    if not found.best_abroad:
        return ""
    return f"{with_bounds('{:.2f}'.format, *found.abroad)} {found.best_abroad}"


class Place(NamedTuple):
    """What an algorithm comes to in a tier."""

    case: Case
    algorithm: str
    earned: Estimate
    """Interquartile mean over trainings, each the mean of its episodes; of what was not trained, the mean."""
    trainings: int
    episodes: int
    gain: Estimate | None
    """Mean over the episodes shared with the best heuristic; None of itself, and where none is shared."""
    lost: float
    """Satellites an episode."""
    cpu_minutes: float
    command: str

    def record(self) -> dict[str, Any]:
        """As a line of JSON."""
        return {
            "problem": self.case.problem, "tier": self.case.tier, "algorithm": self.algorithm,
            **self.earned._asdict(), "trainings": self.trainings, "episodes": self.episodes,
            "gain": None if self.gain is None else self.gain._asdict(), "lost": self.lost,
            "cpu_minutes": self.cpu_minutes, "command": self.command,
        }  # fmt: skip

    def line(self) -> str:
        """As a line of Markdown."""
        of = f"{self.trainings} trainings" if self.trainings else f"{self.episodes} episodes"
        cells = (
            f"`{self.algorithm}`", f"{_interval(self.earned, '')} ({of})",
            "" if self.gain is None else _interval(self.gain, "+"), f"{self.lost:.2f}",
            f"{self.cpu_minutes:.1f}" if self.trainings else "", f"`{self.command}`",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def _interval(found: Estimate, sign: str) -> str:
    return with_bounds(_signed if sign else _plain, *found)


_plain, _signed = "{:,.1f}".format, "{:+,.1f}".format


def places(rows: Sequence[dict[str, Any]]) -> list[Place]:
    """Of every algorithm in every tier, those of a tier together and the best first."""
    return [place for case in dict.fromkeys(map(case_of, rows)) for place in _places_in(case, rows)]


def algorithms(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a section for each tier of each problem, in it a line for each algorithm, the best first."""
    parts: dict[Case, list[str]] = {}
    for place in places(rows):
        parts.setdefault(place.case, []).append(place.line())
    return "\n".join(
        "\n".join(
            [
                f"## {case.problem}, {case.tier}",
                "",
                "| algorithm | return [95 %] | gain over the best heuristic [95 %] | lost an episode "
                "| CPU minutes | command |",
                "| --- | --- | --- | --- | --- | --- |",
                *lines,
                "",
            ]
        )
        for case, lines in parts.items()
    )


def case_of(row: dict[str, Any]) -> Case:
    """The tier that a record is of."""
    return Case(row["problem"], row["tier"])


def _places_in(case: Case, rows: Sequence[dict[str, Any]]) -> list[Place]:
    own = [row for row in rows if case_of(row) == case]
    best = max(
        (row for row in own if is_rule(row)), key=lambda row: float(np.mean(row["returns"])), default=None
    )
    names = dict.fromkeys(row["algorithm"] for row in own)
    found = [_place(case, name, [row for row in own if row["algorithm"] == name], best) for name in names]
    return sorted(found, key=lambda place: -place.earned.value)


def _place(case: Case, name: str, rows: Sequence[dict[str, Any]], best: dict[str, Any] | None) -> Place:
    trained = rows[0].get("train_seed") is not None
    means = [float(np.mean(row["returns"])) for row in rows]
    return Place(
        case,
        name,
        Estimate(*summarise(means)[1:4]) if trained else mean(rows[0]["returns"]),
        len(rows) if trained else 0,
        max(len(row["returns"]) for row in rows),
        _gain(rows, best),
        float(np.mean([row["lost"] / len(row["returns"]) for row in rows])),
        float(np.mean([row["cpu_minutes"] for row in rows])),
        rows[0]["command"],
    )


def _gain(rows: Sequence[dict[str, Any]], best: dict[str, Any] | None) -> Estimate | None:
    if best is None or rows[0] is best or any(row["eval_seeds"][0] != best["eval_seeds"][0] for row in rows):
        return None
    shared = min(len(row["returns"]) for row in (*rows, best))
    gained = np.mean([row["returns"][:shared] for row in rows], axis=0) - np.asarray(best["returns"][:shared])
    return mean(gained)
