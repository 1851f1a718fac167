"""The folder of a benchmark: a file for every finished episode, whole or not there, named after its key.

The key is all that makes an episode what it is: problem, scenario by content, hours, seed, policy and the
code that plays. What lies under a key is used for that key alone; a file that is damaged, or says that it
belongs to another key, is no result, and its episode is played again.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2s
from pathlib import Path
from typing import Any

from experiments.benchmark import code
from experiments.benchmark.plan import Plan
from experiments.benchmark.play import Episode
from experiments.results import SCHEMA, scenario_hash, versions, write_json
from sandbox.errors import SandboxError
from sandbox.files import replacing

MANIFEST, EPISODES, _LOCK = "benchmark.json", "episodes", ".lock"
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
        try:
            content = json.loads(path.read_bytes())
            if content["key"] == key and content["check"] == _check(key, content["outcome"]):
                return content["outcome"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):  # no JSON, or not of this shape
            pass
        self.damaged.append(path)
        return None

    def put(self, episode: Episode, outcome: Mapping[str, Any]) -> None:
        """Keep what became of the episode."""
        key, path = self._place(episode)
        content = {"key": key, "outcome": outcome, "check": _check(key, outcome)}
        with replacing(path) as draft:
            draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def _place(self, episode: Episode) -> tuple[dict[str, Any], Path]:
        key = _key(episode)
        name = blake2s(json.dumps(key).encode(), digest_size=12).hexdigest()
        return key, self.folder / EPISODES / episode.task.case.problem / f"{name}.json"


@contextmanager
def opened(folder: Path, plan: Plan, fresh: bool = False) -> Iterator[Store]:
    """The store of `plan` in `folder`, made or gone on with; nobody else may write to it meanwhile.

    What is there must be this benchmark, by this code, or a part of it. Raises SandboxError otherwise.
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
            shutil.rmtree(folder / EPISODES, ignore_errors=True)
        elif (folder / MANIFEST).exists():
            _check_part(folder, plan)
        _sweep(folder)
        write_json(folder / MANIFEST, _manifest(plan))
        yield Store(folder)


def _check_ours(folder: Path) -> None:
    if not folder.exists() or (folder / MANIFEST).exists():
        return
    if not folder.is_dir() or any(path.name != _LOCK for path in folder.iterdir()):
        raise SandboxError(f"{folder} holds something other than a benchmark; name another with --out.")


def _check_part(folder: Path, plan: Plan) -> None:
    """Raise SandboxError unless what was asked of the folder before is a part of `plan`."""
    try:
        before, now = json.loads((folder / MANIFEST).read_bytes()), _manifest(plan)
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
        "schema": SCHEMA,
        "code": code.stamp(),
        "versions": versions(),
        "yardstick": plan.asked.yardstick,
        "tasks": tasks,
        "policies": policies,
        "seeds": list(plan.seeds),
    }


def _sweep(folder: Path) -> None:
    """Remove the drafts of files that a killed run was writing."""
    for draft in folder.rglob(".*.part"):
        with suppress(FileNotFoundError):
            draft.unlink()


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
        "code": code.stamp(),
    }


def _check(key: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    text = json.dumps([key, outcome], sort_keys=True)
    return blake2s(text.encode(), digest_size=12).hexdigest()
