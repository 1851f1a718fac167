"""A globe for every environment: a short run of a heuristic, as the page that `run` leaves.

Kernels run as plain Python here, so that a build on a fresh machine compiles nothing.
"""

import os
import subprocess
import sys
from functools import cache
from hashlib import blake2s
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 2_000_000
"""Bytes of a page."""


class Flight(NamedTuple):
    """What is flown for a globe."""

    scenario: str
    policy: str
    hours: float

    def words(self, problem: str) -> list[str]:
        """The command that flies it, without its folder."""
        return ["python", "-m", "experiments", "run", "--env", problem, "--scenario", self.scenario,
                "--policy", self.policy, "--hours", f"{self.hours:g}", "--seed", "0"]  # fmt: skip


FLIGHTS = {
    "tasking_v0": Flight("scs01", "deadline_greedy", 4.0),
    "offloading_v0": Flight("relay_40", "greedy", 0.5),
    "avoidance_v0": Flight("crossing_12", "thrifty", 24.0),
    "autonomy_v0": Flight("disaster_response", "deadline_greedy", 1.0),
    "operations_v0": Flight("operations_24", "keyword", 1.0),
}


def path_of(problem: str) -> str:
    """Where the globe of a problem is in the site."""
    return f"globes/{problem}.html"


def frame(problem: str, page: str) -> str:
    """The HTML that shows the globe of `problem` in the page at `page`, and says how it was made."""
    up = "../" * page.count("/")
    told = " ".join(FLIGHTS[problem].words(problem))
    return (
        f'<iframe class="globe" src="{up}{path_of(problem)}" loading="lazy" '
        f'title="A globe that plays a run of {problem}: turn it, scrub it, click a satellite"></iframe>\n\n'
        f"`{told}`"
    )


def fly_all(folder: Path) -> dict[str, Path]:
    """The page of every flight, by its path in the site; flown unless `folder` holds it of these sources.

    Raises RuntimeError, with what was said, where a run fails or its page is larger than `LARGEST`.
    """
    return {path_of(problem): fly(problem, folder) for problem in FLIGHTS}


def fly(problem: str, folder: Path) -> Path:
    """The page of the flight of one problem."""
    out = folder / f"{problem}-{_stamp(problem)}"
    page = out / "page.html"
    if not page.is_file():
        words = [sys.executable, *FLIGHTS[problem].words(problem)[1:], "--out", str(out)]
        plain = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, cwd=ROOT, env=plain, capture_output=True, text=True)
        if done.returncode or not page.is_file():
            raise RuntimeError(f"The globe of {problem} could not be flown: {done.stderr.strip()}")
    if page.stat().st_size > LARGEST:
        raise RuntimeError(f"{page} has {page.stat().st_size:,} bytes; {LARGEST:,} is the most.")
    return page


@cache
def _sources() -> bytes:
    """A hash of all that a run and its page may depend on."""
    found = blake2s(digest_size=8)
    for folder in ("sandbox", "envs", "agents", "experiments"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".js", ".yaml", ".csv", ".npz"):
                found.update(path.read_bytes())
    return found.digest()


def _stamp(problem: str) -> str:
    return blake2s(_sources() + repr(FLIGHTS[problem]).encode(), digest_size=8).hexdigest()
