"""What is finished of a command that plays many episodes, kept so that a killed one goes on.

Each outcome is a file, whole or not there, named after its key: all that makes it what it is, the code that
plays among it. What lies under a key is used for that key alone; a file that is damaged, or says that it
belongs to another key, is no outcome.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2s
from pathlib import Path
from typing import Any

from experiments.running import code
from experiments.running.run_folder import SCHEMA, read_json
from sandbox.files import replacing

UNFINISHED = "unfinished"
"""The folder, among the results, of what is finished of a command that is not."""
KEPT = "what is finished is kept, and the same command goes on from there"
"""What is said of a command that is interrupted."""
MOST = 1 << 24  # bytes of an outcome
NAME = re.compile(r"[0-9a-f]{24}\.json")
DRAFT = re.compile(rf"\.{NAME.pattern}\.\d+(-[0-9a-f]+)?\.part")


def place(folder: Path, key: Mapping[str, Any]) -> Path:
    """The file of `key` in `folder`."""
    return folder / f"{blake2s(json.dumps(key).encode(), digest_size=12).hexdigest()}.json"


def read(path: Path, key: Mapping[str, Any]) -> Any:
    """The outcome in a file; None where there is none of this key."""
    content = read_json(path, MOST)
    return content["outcome"] if is_whole(content) and content["key"] == key else None


def write(path: Path, key: Mapping[str, Any], outcome: Any) -> None:
    """Keep an outcome."""
    content = {"key": key, "outcome": outcome, "check": _check(key, outcome)}
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def is_whole(content: Any) -> bool:
    """Whether this is the content of a file as it was written."""
    try:
        return content["check"] == _check(content["key"], content["outcome"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return False


def _check(key: Any, outcome: Any) -> str:
    text = json.dumps([key, outcome], sort_keys=True)
    return blake2s(text.encode(), digest_size=12).hexdigest()


def kept_in(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The outcomes in `DIR/unfinished`, each with what it shares with all of its command."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        content: Any = read_json(path, MOST) if NAME.fullmatch(path.name) else None
        if is_whole(content) and isinstance(content["key"], dict):
            yield path, {name: value for name, value in content["key"].items() if name != "part"}


class Journal:
    """The outcomes of one command in `DIR/unfinished`, which goes when the command is done.

    `arguments` are what all outcomes depend on; with other ones, or other code, nothing kept is used. As a
    text it is what an interruption leaves.
    """

    def __init__(self, out: Path | str, name: str, arguments: Mapping[str, Any]) -> None:
        self._folder = Path(out) / UNFINISHED
        told = {"schema": SCHEMA, "command": name, "code": code.whole_stamp()}
        self._shared = told | {"arguments": json.loads(json.dumps(arguments, default=str))}

    def get(self, part: Any) -> Any:
        """What became of `part`, a JSON value that tells it apart; None where that is not known."""
        key = self._key(part)
        return read(place(self._folder, key), key)

    def put(self, part: Any, outcome: Any) -> None:
        """Keep what became of it."""
        key = self._key(part)
        write(place(self._folder, key), key, outcome)

    def once(self, part: Any, play: Callable[[], Any]) -> Any:
        """What became of `part`: as it was kept, or as `play` gives it, which is kept.

        Either way it has been JSON, so that a command that went on gives what one in a stroke gives.
        """
        if (outcome := self.get(part)) is None:
            outcome = json.loads(json.dumps(play()))
            self.put(part, outcome)
        return outcome

    def __str__(self) -> str:
        if any(shared == self._shared for _, shared in kept_in(self._folder)):
            return KEPT
        return "nothing was finished yet, and nothing was written"

    def _key(self, part: Any) -> dict[str, Any]:
        return self._shared | {"part": json.loads(json.dumps(part))}

    def done(self) -> None:
        """Remove what was kept, and what no code can use any more; files of others stay, and outcomes of
        the same code with other arguments."""
        if self._folder.is_symlink() or not self._folder.is_dir():
            return
        waits = {
            path
            for path, shared in kept_in(self._folder)
            if shared != self._shared and shared.get("code") == self._shared["code"]
        }
        for path in self._folder.iterdir():
            if path not in waits and (NAME.fullmatch(path.name) or DRAFT.fullmatch(path.name)):
                path.unlink(missing_ok=True)
        for folder in (self._folder, self._folder.parent):
            with suppress(OSError):  # something is left in it
                folder.rmdir()
