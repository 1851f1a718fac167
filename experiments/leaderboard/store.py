"""The folder of a benchmark: a file for every finished episode, whole or not there, named after its key.

The key is all that makes an episode what it is: problem, scenario by content, hours, seed, policy and the
code that plays. What lies under a key is used for that key alone; a file that is damaged, or says that it
belongs to another key, is no result, and its episode is played again.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from experiments.leaderboard.plan import Plan
from experiments.leaderboard.play import Episode
from experiments.running import code, journal, run_folder
from experiments.running.run_folder import SCHEMA, format_of, read_json, scenario_hash, versions, write_json
from sandbox.errors import SandboxError

MANIFEST, EPISODES, _LOCK = run_folder.BENCHMARK, "episodes", ".lock"
FORMAT = format_of("benchmark")
TABLES = ("table.md", "table.parquet", "performance.png", "improvement.png")
_DRAFT = re.compile(
    rf"\.({journal.NAME.pattern}|{'|'.join(map(re.escape, (MANIFEST, *TABLES)))})\.\d+(-[0-9a-f]+)?\.part"
)
_EARLIER = {"schema", "code", "versions", "yardstick", "tasks", "policies", "seeds"}
"""What a manifest said before it named its format."""
_FRESH = "name another folder with --out, or play everything anew with --fresh"


class Store:
    """The finished episodes of one benchmark in `folder`; get one from `opened`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: list[Path] = []
        """Files that were found not to be results."""

    def get(self, episode: Episode) -> dict[str, Any] | None:
        """What became of the episode, or None where that is not known."""
        key, path = self._place(episode)
        if not path.exists():
            return None
        outcome = journal.read(path, key)
        if outcome is not None:
            return outcome
        self.damaged.append(path)
        return None

    def put(self, episode: Episode, outcome: Mapping[str, Any]) -> None:
        """Keep what became of the episode."""
        key, path = self._place(episode)
        journal.write(path, key, outcome)

    def _place(self, episode: Episode) -> tuple[dict[str, Any], Path]:
        key = _key(episode)
        problem = re.sub(r"[^\w.-]+", "_", episode.task.case.problem)
        return key, journal.place(self.folder / EPISODES / problem, key)


@contextmanager
def opened(folder: Path, plan: Plan, fresh: bool = False) -> Iterator[Store]:
    """The store of `plan` in `folder`, made or gone on with; nobody else may write to it meanwhile.

    What is there must be this benchmark, by this code, or a part of it. Raises SandboxError otherwise. With
    `fresh` the episodes that are there go; whatever else is in the folder stays.
    """
    _check_ours(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError(
                f"{folder} is being written to by another benchmark; wait for it, or name another --out."
            ) from None
        if fresh:
            _forget(folder)
        elif (folder / MANIFEST).exists():
            _check_part(folder, plan)
        _sweep(folder)
        write_json(folder / MANIFEST, _manifest(plan) | {"files": _earlier_tables(folder)})
        yield Store(folder)


def _check_ours(folder: Path) -> None:
    """Raise SandboxError unless the folder is free, says that it is a benchmark, or holds its episodes."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise SandboxError(f"{folder} holds something other than a benchmark; name another with --out.")
    if not folder.exists() or all(path.name == _LOCK for path in folder.iterdir()):
        return
    content = read_json(folder / MANIFEST)
    ours = isinstance(content, dict) and (
        content.get("format") == FORMAT if "format" in content else content.keys() >= _EARLIER
    )
    if not ours and not any(
        journal.is_whole(read_json(path, journal.MOST)) for path in _episode_files(folder)
    ):
        raise SandboxError(f"{folder} holds something other than a benchmark; name another with --out.")


def _episode_files(folder: Path) -> Iterator[Path]:
    """The files under the names of episodes; no link is followed."""
    for place in _real_folders(folder / EPISODES):
        for path in _real_folders(place, files=True):
            if journal.NAME.fullmatch(path.name):
                yield path


def _real_folders(folder: Path, files: bool = False) -> list[Path]:
    """The folders in one, or its ordinary files; none behind a link."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    wanted = [e for e in os.scandir(folder) if (e.is_file if files else e.is_dir)(follow_symlinks=False)]
    return sorted(Path(entry.path) for entry in wanted)


def _forget(folder: Path) -> None:
    """Remove the episodes."""
    if (folder / EPISODES).is_symlink():
        raise SandboxError(
            f"{folder / EPISODES} is a link, behind which nothing is removed; remove it first."
        )
    for path in list(_episode_files(folder)):
        path.unlink(missing_ok=True)
    for place in (*_real_folders(folder / EPISODES), folder / EPISODES):
        with suppress(OSError):  # something else is in it
            place.rmdir()


def _earlier_tables(folder: Path) -> list[str]:
    """The tables and figures that are ours though they do not say so: of the time before they did."""
    content = read_json(folder / MANIFEST)
    if not isinstance(content, dict):
        return []
    listed = content.get("files", []) if "format" in content else TABLES
    return [name for name in TABLES if name in listed and (folder / name).is_file()]


def _check_part(folder: Path, plan: Plan) -> None:
    """Raise SandboxError unless what was asked of the folder before is a part of `plan`."""
    try:
        before, now = read_json(folder / MANIFEST), _manifest(plan)
        differs = [name for name in ("schema", "code", "yardstick") if before[name] != now[name]]
        lacking = [
            f"{name} {', '.join(sorted(gone))}"
            for name in ("tasks", "policies", "seeds")
            if (gone := {str(each) for each in before[name]} - {str(each) for each in now[name]})
        ]
    except (ValueError, KeyError, TypeError):
        raise SandboxError(f"{folder / MANIFEST} is damaged; {_FRESH}.") from None
    if "code" in differs:
        raise SandboxError(f"{folder} was played by other code or other versions of packages; {_FRESH}.")
    if differs or lacking:
        told = "; ".join((*differs, *lacking))
        raise SandboxError(f"{folder} holds a benchmark of other arguments ({told}); {_FRESH}.")


def _manifest(plan: Plan) -> dict[str, Any]:
    tasks = [
        f"{task.case.problem} {task.case.scenario} {task.case.hours:.10g} h {scenario_hash(task.scenario)}"
        for task in plan.tasks
    ]
    policies = [f"{problem} {name}" for problem, names in plan.policies.items() for name in names]
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "code": code.stamp(),
        "versions": versions(),
        "yardstick": plan.asked.yardstick,
        "tasks": tasks,
        "policies": policies,
        "seeds": list(plan.seeds),
    }


def _sweep(folder: Path) -> None:
    """Remove the drafts of files that a killed run was writing; nobody else writes while this one may."""
    drafts = [path for path in _real_folders(folder, files=True) if _DRAFT.fullmatch(path.name)]
    for place in _real_folders(folder / EPISODES):
        drafts += [path for path in _real_folders(place, files=True) if _DRAFT.fullmatch(path.name)]
    for draft in drafts:
        draft.unlink(missing_ok=True)


def _key(episode: Episode) -> dict[str, Any]:
    case, scenario = episode.task.case, episode.task.scenario
    return {
        "schema": SCHEMA,
        "problem": case.problem,
        "scenario": case.scenario,
        "scenario_hash": scenario_hash(scenario),
        "hours": case.hours,
        "seed": episode.seed,
        "policy": episode.policy,
        "policy_code": code.policy_stamp(episode.policy, case.problem),
        "problem_code": code.problem_stamp(case.problem),
        "code": code.stamp(),
    }
