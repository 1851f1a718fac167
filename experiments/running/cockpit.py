"""One flight or two futures of it, played at a pace by a thread, and the commands that a page sends.

There are two locks. Whoever has a policy decide holds the first, for minutes where it plans: to play, to ask,
to branch. The second is held for moments, by whoever reads or changes what was flown; a page is answered, and
a flight paused or overridden, while a policy decides. Who needs both takes the first one first.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from experiments.running.flight import Flight
from experiments.running.run_folder import PAGE, in_one_line
from sandbox.errors import SandboxError, shown, unknown_name
from sandbox.files import check_replaceable, marked
from sandbox.recording import Recording
from sandbox.recording.disk import is_npz
from sandbox.rendering.packing import pack
from sandbox.rendering.page import to_html
from sandbox.rendering.widget import part

SLOWEST, FASTEST = 0.1, 100.0
"""Rounds a second."""
MOST_STEPS = 100
"""Rounds of one command."""
RECORDING, OTHER = "recording.npz", "branch.npz"


class Cockpit:
    """Flies: by itself at `pace` rounds a second between "play" and "pause", else as it is told.

    Args:
        flight: the first; run 0. The number of a run is never given again.
        policy: the name of who decides, for the titles.
        out: the folder that "save" writes to.

    `close` ends the flight; what was flown stays, and can still be saved.
    """

    def __init__(self, flight: Flight, policy: str, out: Path | str) -> None:
        self.runs: dict[int, Flight] = {0: flight}
        self._policy, self.out, self._next = policy, Path(out), 1
        self.playing, self.pace, self._error = False, 2.0, ""
        self._version, self._closed = 0, False
        self._changed = threading.Condition(threading.RLock())
        self._deciding = threading.Lock()
        self._since = 0.0  # when the policies began to decide; 0 while they do not
        self._waiting = 0  # commands for which the thread stands back
        self._halted = False  # a "pause" ends a "step" of many rounds, too
        self._player = threading.Thread(target=self._fly, name="cockpit", daemon=True)
        self._player.start()

    def close(self) -> None:
        """End the thread, after the decision that it is at, and obey no more. Safe to call twice."""
        with self._changed:
            self.playing, self._closed = False, True
            self._tell()
        self._player.join()

    def state(self, since: int = -1, wait_s: float = 0.0) -> dict[str, Any]:
        """How things stand: at once if that is newer than version `since`, else when it is, or time is up."""
        until = time.monotonic() + wait_s
        with self._changed:
            while self._version == since and not self._closed:
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    break
            runs = [
                {
                    "run": r,
                    "title": self.title(r),
                    "rounds": flight.rounds,
                    "over": flight.over,
                    "overrides": {n: flight.env.actions[a] for n, a in flight.overrides.items()},
                }
                for r, flight in self.runs.items()
            ]
            told = {"version": self._version, "playing": self.playing, "pace": self.pace}
            told["deciding_s"] = self.deciding_s
            return told | {"error": self._error, "closed": self._closed, "runs": runs}

    @property
    def deciding_s(self) -> float:
        """Seconds for which the policy has been deciding by now; 0 while it does not."""
        since = self._since
        return round(time.monotonic() - since, 1) if since else 0.0

    def rounds(self, run: Any, first: int) -> bytes:
        """The packed rounds of a run from `first` on; before any was flown the world as it stands.

        Raises `SandboxError` for a run that there is not, and where there are no such rounds.
        """
        with self._changed:
            flight = self._run(run)
            recording = flight.shown.named(self.title(run))
            if not 0 <= first < len(recording):
                raise SandboxError(f"from = {shown(first)}; run {run} has {flight.rounds} rounds.")
            return pack(part(recording, first), every=1, rest=first == 0)

    def recording(self, run: int | None = None) -> Recording:
        """What was flown in a run, by default the first. Raises `SandboxError` for one that there is not."""
        with self._changed:
            run = min(self.runs) if run is None else run
            return self._run(run).recording.named(self.title(run))

    def title(self, run: int) -> str:
        """What a run is called."""
        return self._policy if run == min(self.runs) else f"{self._policy}, branch"

    def command(self, told: Any) -> dict[str, Any]:
        """Do what a page says: an object with "do", one of `COMMANDS`, and what that takes.

        Raises `SandboxError` for anything else, and once it is closed for all but "save"; then nothing has
        changed.
        """
        if not isinstance(told, Mapping):
            raise SandboxError('A command is an object such as {"do": "step"}.')
        name = told.get("do")
        if not isinstance(name, str) or name not in COMMANDS:
            raise unknown_name("command", name, COMMANDS)
        act, takes = COMMANDS[name]
        given = {key: value for key, value in told.items() if key != "do"}
        for key in given:
            if key not in takes:
                raise unknown_name(f"argument of {name}", key, takes)
        with self._policies() if name in DECIDE else self._changed:
            if self._closed and name != "save":
                raise SandboxError("The flight has ended.")
            answer = act(self, **given)
        if name not in QUESTIONS:
            with self._changed:
                self._error = ""
                self._tell()
        return answer or {}

    def save(self) -> list[Path]:
        """Leave recordings and page in `out`; their paths. Raises `SandboxError` before the first round."""
        with self._changed:
            found = [self.recording(run) for run in self.runs]
            if not len(found[0]):
                raise SandboxError("Nothing was flown yet, so there is nothing to save.")
            self.check_room()
            paths = [self.out / RECORDING, self.out / OTHER]
            try:
                self.out.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SandboxError(f"{self.out} cannot be made a folder ({error.strerror}).") from None
            kept = [recording.save(path) for recording, path in zip(found, paths, strict=False)]
            if len(found) == 1:
                paths[1].unlink(missing_ok=True)  # of an earlier save: it is no future of this run
            return [*kept, _page(found, self.out / PAGE)]

    def check_room(self) -> None:
        """Raise `SandboxError` where something else is in the place of what "save" writes."""
        if self.out.exists() and not self.out.is_dir():
            raise SandboxError(f"{self.out} is no folder; name another with --out.")
        there = next(folder for folder in (self.out, *self.out.absolute().parents) if folder.exists())
        if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
            raise SandboxError(f"{self.out} cannot be made a folder; name another with --out.")
        for name, ours in ((RECORDING, is_npz), (OTHER, is_npz), (PAGE, marked)):
            check_replaceable(self.out / name, ours)

    # ---- commands

    def _play(self) -> None:
        if all(flight.over for flight in self.runs.values()):
            raise SandboxError(f"The episode is over after {self._run(min(self.runs)).rounds} rounds.")
        self.playing = True

    def _pause(self) -> None:
        self.playing, self._halted = False, True

    def _step(self, count: Any = 1) -> None:
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_STEPS:
            raise SandboxError(f"count = {shown(count)}; give a whole number from 1 to {MOST_STEPS}.")
        self.playing = self._halted = False
        for k in range(count):
            if k and (self._halted or self._closed or all(flight.over for flight in self.runs.values())):
                break
            self._advance()
            self._tell()

    def _pace(self, value: Any = None) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and SLOWEST <= value <= FASTEST):
            raise SandboxError(f"pace = {shown(value)}; give {SLOWEST:g} to {FASTEST:g} rounds a second.")
        self.pace = float(value)

    def _override(self, run: Any = None, satellite: Any = None, decision: Any = None) -> None:
        self._run(run).override(satellite, decision)

    def _release(self, run: Any = None, satellite: Any = None) -> None:
        self._run(run).release(satellite)

    def _ask(self, run: Any = None, satellite: Any = None) -> dict[str, Any]:
        return self._run(run).ask(satellite)

    def _legal(self, run: Any = None, satellite: Any = None) -> dict[str, Any]:
        return {"legal": self._run(run).legal(satellite)}

    def _branch(self, at: Any = None) -> dict[str, Any]:
        if len(self.runs) > 1:
            raise SandboxError("There are two futures already; keep one of them first.")
        made, flight = self._next, self._run(min(self.runs))
        present = at is None or at == flight.rounds
        with self._changed if present else nullcontext():  # of the past nothing changes, and it is long
            branch = flight.branch(at)
        with self._changed:
            self.runs = {**self.runs, made: branch}
            self._next += 1
        return {"run": made}

    def _keep(self, run: Any = None) -> None:
        self.runs = {run: self._run(run)}

    def _save(self) -> dict[str, Any]:
        return {"saved": [str(path) for path in self.save()]}

    # ---- flying

    def _run(self, run: Any) -> Flight:
        if isinstance(run, bool) or not isinstance(run, int) or run not in self.runs:
            raise SandboxError(f"run = {shown(run)}; give {' or '.join(map(str, self.runs))}.")
        return self.runs[run]

    def _advance(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Play a round of each run, or of the one that is behind: it began earlier, or failed.

        Unless it is no longer `wanted` once the policies have decided; they do not decide twice then.
        """
        there = [flight for flight in self.runs.values() if not flight.over] or [*self.runs.values()]
        least = min(flight.rounds for flight in there)
        behind = [flight for flight in there if flight.rounds == least]
        for flight in behind:
            flight.look()
        with self._changed:
            if wanted():
                for flight in behind:
                    flight.step()

    @contextmanager
    def _policies(self, stand_back: bool = True) -> Iterator[None]:
        """Let policies decide, one after another; the thread does not go before a command that waits."""
        with self._changed:
            self._waiting += stand_back
        try:
            with self._deciding:
                self._since = time.monotonic()
                try:
                    yield
                finally:
                    self._since = 0.0
        finally:
            with self._changed:
                self._waiting -= stand_back
                self._changed.notify_all()

    def _tell(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def _fly(self) -> None:
        """What the thread does: a round whenever it is time for one."""
        due = 0.0
        while self._wait_until(due):
            due = time.monotonic() + 1.0 / self.pace
            try:
                with self._policies(stand_back=False):
                    self._advance(lambda: self.playing and not self._closed)
                with self._changed:
                    self.playing = self.playing and not all(flight.over for flight in self.runs.values())
            except Exception as error:  # the page says it, and the flight can go on
                if not isinstance(error, SandboxError):
                    traceback.print_exc(file=sys.stderr)
                self.playing, self._error = False, in_one_line(error)
            self._tell()

    def _wait_until(self, due: float) -> bool:
        """Wait for the time of the next round, where the flight goes on; whether there is to be one."""
        with self._changed:
            while not self._closed:
                left = due - time.monotonic() if self.playing and not self._waiting else None
                if left is not None and left <= 0:
                    return True
                self._changed.wait(left)
            return False


COMMANDS: Mapping[str, tuple[Callable[..., dict[str, Any] | None], tuple[str, ...]]] = {
    "play": (Cockpit._play, ()),
    "pause": (Cockpit._pause, ()),
    "step": (Cockpit._step, ("count",)),
    "pace": (Cockpit._pace, ("value",)),
    "override": (Cockpit._override, ("run", "satellite", "decision")),
    "release": (Cockpit._release, ("run", "satellite")),
    "ask": (Cockpit._ask, ("run", "satellite")),
    "legal": (Cockpit._legal, ("run", "satellite")),
    "branch": (Cockpit._branch, ("at",)),
    "keep": (Cockpit._keep, ("run",)),
    "save": (Cockpit._save, ()),
}
"""What a page can ask for, by name: what does it, and what it takes."""
QUESTIONS = ("ask", "legal", "save")
"""Those that change nothing that is seen."""
DECIDE = ("step", "ask", "branch")
"""Those that have a policy decide, and wait until it is free."""


def _page(recordings: list[Recording], path: Path) -> Path:
    return to_html(recordings[0], path, beside=recordings[1] if len(recordings) > 1 else None)
