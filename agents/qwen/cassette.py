"""Exchanges with a server on file: recorded once, replayed without a server.

One JSON object a line: what was asked (method, path, body) and what came back. Neither the server's address
nor any header is kept, so a key never is.
"""

import json
import threading
from collections import defaultdict, deque
from pathlib import Path
from typing import Any, Protocol

from agents.qwen.http import Client, Reply
from sandbox.errors import SandboxError

_OPENING = b'{"method": '
"""Of every line."""


class Transport(Protocol):
    """What sends a request: a client, a recorder or a player."""

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        """The reply to a request."""


class Recorder:
    """Sends through `client` and writes each exchange to `file`.

    A file that is there already, of a run that was killed, is gone on with: what is on it is not asked again.
    Raises SandboxError where it is no cassette or cannot be written.
    """

    def __init__(self, client: Transport, file: str | Path) -> None:
        self._client, self._lock = client, threading.Lock()
        self._new = not Path(file).exists()
        self._before = None if self._new else _begun(file)
        try:
            self._file = open(file, "a", encoding="utf-8")  # noqa: SIM115  closed by close()
            if self._before is not None:
                self._file.truncate(self._before.whole)
        except OSError as error:
            raise SandboxError(f"Cassette {str(file)!r} cannot be written ({error}).") from None

    def send(self, method: str, path: str, body: Any = None, retries: int | None = None) -> Reply:
        """The reply of the client, which is then on the cassette."""
        reply = self._before.popped(method, path, body) if self._before is not None else None
        if reply is not None:
            return reply
        more = {} if retries is None else {"retries": retries}
        reply = self._client.send(method, path, body, **more)
        line = {"method": method, "path": path, "body": body, "reply": reply._asdict()}
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
                self._file.flush()
        return reply

    def stop(self) -> None:
        """As that of a client."""
        if isinstance(self._client, Client):
            self._client.stop()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file, if it is new: nothing came of the recording."""
        self.close()
        if self._new:
            Path(self._file.name).unlink()


class Player:
    """Replies from the cassette at `file`; the i-th time a request is made it gets the i-th reply to it.

    With `cut` a last line that was not finished is left out; `whole` bytes of the file are without it.
    Raises SandboxError where the file cannot be read, and for a request that is not on it.
    """

    def __init__(self, file: str | Path, cut: bool = False) -> None:
        self._file, self._lock = str(file), threading.Lock()
        self._replies: dict[str, deque[Reply]] = defaultdict(deque)
        try:
            content = Path(file).read_bytes()
            if cut:  # a line without an end was cut off when the run was killed
                content = content[: content.rfind(b"\n") + 1]
            self.whole = len(content)
            lines = content.decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SandboxError(f"Cassette {self._file!r} cannot be read ({error}).") from None
        for number, line in enumerate(lines, start=1):
            try:
                said = json.loads(line)
                reply = _reply(**said["reply"])
                self._replies[_key(said["method"], said["path"], said["body"])].append(reply)
            except (ValueError, KeyError, TypeError, RecursionError):
                raise SandboxError(
                    f"Line {number} of cassette {self._file!r} is not a recorded exchange; record it again."
                ) from None

    def popped(self, method: str, path: str, body: Any = None) -> Reply | None:
        """The next reply to a request; None where there is none left."""
        with self._lock:
            replies = self._replies[_key(method, path, body)]
            return replies.popleft() if replies else None

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        """The reply that was recorded."""
        reply = self.popped(method, path, body)
        if reply is not None:
            return reply
        raise SandboxError(
            f"{method} {path} is asked and not on cassette {self._file!r} (or oftener than it was recorded); "
            "record it again with these options and this seed."
        )

    def close(self) -> None:
        """Nothing to close."""


def _begun(file: str | Path) -> Player:
    """What a killed run has recorded. Raises SandboxError for another file: nothing of it is overwritten."""
    before = Player(file, cut=True)
    content = Path(file).read_bytes()
    if content and not before.whole and not content.startswith(_OPENING):
        raise SandboxError(f"File {str(file)!r} exists; replay it, or remove it to record.")
    return before


def _reply(status: int, json: Any, failure: str = "", why: str = "") -> Reply:
    """A reply from its fields. Raises TypeError where they are of another kind."""
    if not (isinstance(status, int) and isinstance(failure, str) and isinstance(why, str)):
        raise TypeError("no reply")
    return Reply(status, json, failure, why)


def _key(method: str, path: str, body: Any) -> str:
    return json.dumps([method, path, body], sort_keys=True, ensure_ascii=False)
