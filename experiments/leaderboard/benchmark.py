"""A benchmark run from its plan to its folder."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents import policy_class
from experiments.leaderboard.figures import draw
from experiments.leaderboard.plan import YARDSTICK, Asked, Plan, make_plan
from experiments.leaderboard.play import Episode
from experiments.leaderboard.pool import outcomes
from experiments.leaderboard.rows import Row, rows_of
from experiments.leaderboard.store import Store, opened
from experiments.leaderboard.suite import FIRST_SEED
from experiments.leaderboard.table import print_table, write_table
from experiments.running.asked import line, together
from experiments.running.progress import finished
from experiments.running.run_folder import NotDrawn
from sandbox.errors import SandboxError
from sandbox.terminal import say


class Rows(list[Row]):
    """The rows of the table; `minds` says of each mind how it decided, over all its episodes."""

    def __init__(self, rows: Sequence[Row], minds: Sequence[dict[str, Any]]) -> None:
        super().__init__(rows)
        self.minds = list(minds)


def benchmark(
    asked: Asked,
    out: Path | str | None = None,
    fresh: bool = False,
    processes: int | None = None,
    address: str | None = None,
    progress: bool = True,
) -> Rows:
    """Play what is asked for and not yet there; leave the table and the figures; return the rows.

    Args:
        out: the folder, by default `results/benchmark-<what is asked>`. What a run that was cut short has
            finished there is kept, and is not played again.
        fresh: play everything anew.
        processes: episodes played at once, by default one for each processor.
        address: of a Ray cluster to play them on.
        progress: show a bar in a terminal while it runs, and the table at the end.

    Raises SandboxError for bad input, and where `out` holds something else; `NotDrawn` if a figure could not
    be drawn, when all else is there; it holds the rows.
    """
    if processes is not None and processes < 1:
        raise SandboxError(f"processes = {processes}; give at least 1.")
    import matplotlib  # noqa: F401  if they are missing, better to know now than when all is played
    import pyarrow  # noqa: F401

    plan = make_plan(asked)
    folder = Path(out) if out else default_folder(asked)
    for sentence in plan.lacking() if progress else ():
        say(sentence, error=True)
    with opened(folder, plan, fresh) as store:
        known = _played(plan, store, processes or _processors(), address, progress)
        rows = Rows(rows_of(plan, known), _minds(known))
        write_table(rows, plan, folder)
        missing = draw(rows, plan, folder)
    if progress:
        print_table(rows, folder)
        for told in rows.minds:
            if told["fell_back"]:
                say(line(told))
    if missing:
        raise NotDrawn(missing, folder, rows)
    return rows


def _minds(known: Mapping[Episode, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How each policy with a mind decided, over all its episodes."""
    told: dict[str, list[Mapping[str, Any]]] = {}
    for episode, outcome in known.items():
        if "minds" in outcome:
            told.setdefault(episode.policy, []).append(outcome["minds"])
    return [together(each) for each in told.values()]


def default_folder(asked: Asked) -> Path:
    """`results/benchmark-<suite>` with what is picked from it; who is added to a suite shares its folder."""
    parts = [asked.suite, *asked.problems, *asked.scenarios, *([asked.split] if asked.split else [])]
    parts += [] if asked.hours is None else [f"{asked.hours:g}h"]
    parts += [] if asked.seeds is None else [f"{asked.seeds}-seeds"]
    parts += [] if asked.seed == FIRST_SEED else [f"from-{asked.seed}"]
    parts += [] if asked.yardstick == YARDSTICK else [f"of-{asked.yardstick}"]
    parts += list(asked.policies) if asked.only else []
    return Path("results") / re.sub(r"[^\w.-]+", "_", "-".join(("benchmark", *parts)))


def _played(
    plan: Plan, store: Store, processes: int, address: str | None, progress: bool
) -> dict[Episode, dict[str, Any]]:
    """Every episode of the plan with its outcome, each kept as soon as there is one."""
    episodes = list(plan.episodes())
    known = {episode: found for episode in episodes if (found := store.get(episode)) is not None}
    missing = sorted((e for e in episodes if e not in known), key=lambda e: not _slow(e, plan))
    if progress and (known or store.damaged):
        _tell(len(known), len(store.damaged))
    played = outcomes(missing, processes, address)
    for episode, outcome in finished(played, "episodes", len(missing), progress):
        store.put(episode, outcome)
        known[episode] = outcome
    return known


def _slow(episode: Episode, plan: Plan) -> bool:
    """Whether it had better begin early, that nobody waits for it in the end."""
    problem = episode.task.case.problem
    return episode.policy == plan.asked.yardstick or policy_class(episode.policy, problem).thinks


def _tell(known: int, damaged: int) -> None:
    """What was found in the folder."""
    again = f"; {damaged} files are damaged, and their episodes played again" if damaged else ""
    say(f"Episodes played before: {known}{again}.", error=True)


def _processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
