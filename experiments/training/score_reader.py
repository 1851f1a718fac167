"""What readers of orders in words understand, in wordings that training never had.

    python -m experiments score_reader

Draws orders as a scenario has them, in training wordings and in held-out ones, and counts those whose meaning
a reader has whole: kind, place, time, condition, exception, rank, amount, and of a correction what it leaves.
For that it is told the earlier orders that an order builds on, and reads them itself. `keyword` is the parser
of `agents.order_reader`, `nano` the shipped reader. By kind, by steps of reasoning, and by what is hard.
Leaves `scores.json` beside the weights.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.order_reader import KEEP_S, read
from agents.reading.nano import FOLDER, NanoReader
from agents.reading.sense import Chart, senses
from experiments.running import run_folder
from experiments.running.options import add, common
from experiments.running.progress import tracked
from experiments.running.statistics import share
from experiments.training.reader_lessons import SPLITS, Told, drawn, theatre
from sandbox.errors import SandboxError
from sandbox.order_grammar import Theatre
from sandbox.order_meaning import CONDITIONS, ORDER_KINDS, PRIORITY, RESERVE
from sandbox.order_words import words_of
from sandbox.scenario import load_scenario
from sandbox.terminal import say

READERS = KEYWORD, NANO = "keyword", "nano"
FIELDS = ("kind", "precedence", "condition", "threshold", "station", "at_shadow", "orbits_from", "orbits_to",
          "place", "reach", "south", "north", "spared", "spared_reach", "spared_value", "charge")  # fmt: skip
"""Of what an order means, beside its times and, for a priority, its factor."""
TICK_S = 300.0
HARD = ("condition", "unseen condition", "exception", "time zone", "orbits", "point off a place",
        "nearer station", "correction", "rank")  # fmt: skip
"""What orders are told apart by besides."""
_UNSEEN = ("cloud_below", "battery_above")
_BY_CLAUSE = {"exception": ("except_near", "except_value"), "time zone": ("when_zone", "at_zone"),
              "orbits": ("when_orbits", "at_orbits"), "point off a place": ("where_away",),
              "nearer station": ("station_nearer",), "correction": ("correction",),
              "rank": ("before_this", "before_other")}  # fmt: skip
Count = dict[str, list[int]]


def scored(
    reader: NanoReader, split: str, episodes: int, seed: int, settings: Mapping[str, Any]
) -> dict[str, Count]:
    """By reader and by class of orders: how many it understood, and how many there were."""
    rng = np.random.default_rng(seed)
    counts: dict[str, Count] = {name: {} for name in READERS}
    for _ in tracked(range(episodes), f"reading, {split}"):
        about = theatre(rng)
        told = drawn(rng, split, settings, about)
        for order, right in zip(told, _keyword(told, about), strict=True):
            _count(counts[KEYWORD], order, right)
        for order, right in zip(told, _nano(told, about, reader), strict=True):
            _count(counts[NANO], order, right)
    return counts


def classes(told: Told) -> Iterator[str]:
    """The classes that an order belongs to."""
    yield "all"
    order, clauses = told.order, told.gist.clauses
    kind = ORDER_KINDS[int(order["kind"])]
    yield f"kind: {kind}"
    yield f"steps: {min(2, int(order['steps']))}"
    condition = CONDITIONS[int(order["condition"])]
    if condition and "correction" not in clauses:
        yield HARD[1] if condition in _UNSEEN else HARD[0]
    for name, labels in _BY_CLAUSE.items():
        if any(label in clauses for label in labels):
            yield name


def _count(count: Count, told: Told, right: bool) -> None:
    for name in classes(told):
        found = count.setdefault(name, [0, 0])
        found[0] += right
        found[1] += 1


def _keyword(told: Sequence[Told], about: Theatre) -> Iterator[bool]:
    for order in told:
        found = read(words_of(order.words), about.stations)
        yield order.gist.body != "cancellation" and found is not None and same(found, order.order, about)


def _nano(told: Sequence[Told], about: Theatre, reader: NanoReader) -> Iterator[bool]:
    gists = [found.gist for found in reader.read([order.words for order in told])]
    chart = Chart(about.stations, about.station_up, KEEP_S)
    for i, order in enumerate(told):
        if order.gist.body == "cancellation":
            yield gists[i] == order.gist
            continue
        known = [gists[k] for k in (*_built_on(told, i), i)]
        made = senses([gist for gist in known if gist is not None], chart)
        found = next((each for each in made if each["number"] == order.order["number"]), None)
        yield found is not None and same(found, order.order, about)


def _built_on(told: Sequence[Told], i: int) -> list[int]:
    """The earlier orders that order i corrects or ranks itself by, and those that these do."""
    found: list[int] = []
    names = ("correction", "before_this", "before_other")
    for name in names:
        if name in told[i].gist.clauses:
            other = int(told[i].gist.clauses[name][0]) - 1
            found += [other, *_built_on(told, other)]
    return sorted(set(found))


def same(found: Any, order: Any, about: Theatre) -> bool:
    """Whether an order was understood: all that it means, its times by when it was issued."""
    said = np.floor((about.midnight + order["issued"]) / TICK_S) * TICK_S - about.midnight
    times = ["begins"] if order["kind"] == RESERVE and not order["at_shadow"] else ["begins", "ends"]
    if any(abs(found[name] - found["issued"] - (order[name] - said)) > 1.0 for name in times):
        return False
    names = (*FIELDS, "factor") if order["kind"] == PRIORITY else FIELDS
    return all(np.allclose(found[name], order[name]) for name in names)


def table(counts: Mapping[str, Mapping[str, Count]]) -> str:
    """Percent understood with 95 % intervals, a row for each class of orders."""
    heads = [f"{split}, `{reader}`" for split in counts for reader in READERS]
    lines = [f"| orders | {' | '.join(heads)} |", "|" + " --- |" * (len(heads) + 1)]
    names = dict.fromkeys(name for split in counts.values() for name in split[NANO])
    rank = {name: i for i, name in enumerate(HARD)}
    for name in sorted(names, key=lambda each: (rank.get(each, -1), each)):
        cells = [_said(counts[split][reader].get(name)) for split in counts for reader in READERS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _said(found: list[int] | None) -> str:
    if found is None:
        return ""
    value, low, high = (100.0 * each for each in share(*found))
    return f"{value:.0f} [{low:.0f}, {high:.0f}]"


def run(told: Namespace) -> None:
    """Draw, read, print, write."""
    if told.episodes < 1:
        raise SandboxError(f"--episodes {told.episodes}: give at least 1.")
    scores = Path(told.model) / "scores.json"
    run_folder.check_json(scores)
    if told.seed < 0:
        raise SandboxError(f"--seed {told.seed}: give a whole number of at least 0.")
    scenario = load_scenario(told.scenario)
    if not (scenario.orders.initial or scenario.orders.per_hour):
        raise SandboxError(
            f"The scenario {scenario.name} has no orders in words; give one that has, for example "
            "operations_24_tight, or set orders.per_hour in yours."
        )
    orders = scenario.orders.model_dump(exclude={"split"})
    settings = orders | {"initial": 20, "per_hour": 3.0}
    reader = NanoReader(told.model)
    counts = {
        split: scored(reader, split, told.episodes, told.seed, settings)
        for split in tracked(SPLITS, "splits")
    }
    content = {"format": run_folder.format_of("reader's scores"), "understood": counts}
    content |= {"scenario": told.scenario, "seed": told.seed, "episodes": told.episodes}
    run_folder.write_json(scores, content)
    say(table(counts))
    if told.json:
        rows = [
            {"split": split, "reader": reader_, "orders": name, "understood": found[0], "of": found[1]}
            for split, by_reader in counts.items()
            for reader_, count in by_reader.items()
            for name, found in count.items()
        ]
        run_folder.keep_records(told.json, "reader's scores", rows)


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--model", str(FOLDER), "folder of the reader", metavar="FOLDER")
    add(parser, "--scenario", "operations_24_tight", "whose orders they are", metavar="NAME")
    add(parser, "--episodes", 60, "that are drawn of each split", type=int, metavar="N")
    common(parser, seed=0)
