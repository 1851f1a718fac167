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


class Transport(Protocol):
    """What sends a request: a client, a recorder or a player."""

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        """The reply to a request."""


class Recorder:
    """Sends through `client` and writes each exchange to a new file.

    Raises SandboxError where the file exists or cannot be written.
    """

    def __init__(self, client: Transport, file: str | Path) -> None:
        self._client, self._lock = client, threading.Lock()
        try:
            self._file = open(file, "x", encoding="utf-8")  # noqa: SIM115  closed by close()
        except FileExistsError:
            raise SandboxError(f"Cassette {str(file)!r} exists; replay it, or remove it to record.") from None
        except OSError as error:
            raise SandboxError(f"Cassette {str(file)!r} cannot be written ({error}).") from None

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        """The reply of the client, which is then on the cassette."""
        reply = self._client.send(method, path, body)
        line = {"method": method, "path": path, "body": body, "reply": reply._asdict()}
        with self._lock:
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
        """Remove the file: nothing came of the recording."""
        self.close()
        Path(self._file.name).unlink()


class Player:
    """Replies from the cassette at `file`; the i-th time a request is made it gets the i-th reply to it.

    Raises SandboxError where the file cannot be read, and for a request that is not on it.
    """

    def __init__(self, file: str | Path) -> None:
        self._file, self._lock = str(file), threading.Lock()
        self._replies: dict[str, deque[Reply]] = defaultdict(deque)
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
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

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        """The reply that was recorded."""
        with self._lock:
            replies = self._replies[_key(method, path, body)]
            if replies:
                return replies.popleft()
        raise SandboxError(
            f"{method} {path} is asked and not on cassette {self._file!r} (or oftener than it was recorded); "
            "record it again with these options and this seed."
        )

    def close(self) -> None:
        """Nothing to close."""


def _reply(status: int, json: Any, failure: str = "", why: str = "") -> Reply:
    """A reply from its fields. Raises TypeError where they are of another kind."""
    if not (isinstance(status, int) and isinstance(failure, str) and isinstance(why, str)):
        raise TypeError("no reply")
    return Reply(status, json, failure, why)


def _key(method: str, path: str, body: Any) -> str:
    return json.dumps([method, path, body], sort_keys=True, ensure_ascii=False)
