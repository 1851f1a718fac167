"""Talking to a model server: JSON over HTTP with the standard library, kept connections and retries.

The key goes to the address that the user gave and nowhere else: a redirect is followed on the same server
(scheme, host and port) alone. It is in no message, no representation and no reply that is handed on.
"""

import json
import threading
import time
from collections.abc import Iterable
from http.client import HTTPException
from typing import Any, NamedTuple

import numpy as np

from agents.qwen.address import Address, base_url, origin_of, parse, redirected
from agents.qwen.connection import Connections, Exchange
from agents.qwen.reasons import plain, reason_in
from sandbox.errors import SandboxError

__all__ = ["ApiKey", "Client", "Reply", "base_url"]

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
"""Statuses that another try may mend."""
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5
BACKOFF_S, LONGEST_WAIT_S = 0.5, 30.0
LARGEST_BODY = 2**23
"""Bytes of a reply that are read; what is longer is no answer to a decision."""
SHORTEST_SECRET = 6
"""A shorter key is a placeholder ("EMPTY"), and might be part of an answer."""
MASK = "***"
NOT_JSON = "the reply is not JSON"


class Reply(NamedTuple):
    """What came back: an HTTP status with its JSON, or `failure` ("timeout" or "error") and why."""

    status: int
    json: Any
    failure: str = ""
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return not self.failure and self.status == 200

    @property
    def refused(self) -> bool:
        """Whether the server says that it does not take such a request."""
        if self.failure or self.status in TRANSIENT:
            return False
        return 400 <= self.status < 500 or self.status == 501

    @property
    def said(self) -> str:
        """The server's own reason; empty where it gave none."""
        return self.why or reason_in(self.json)

    @property
    def reason(self) -> str:
        """Why there is no answer: the status and what the server said."""
        if self.failure:
            return self.why
        said = self.said
        return f"status {self.status}: {said}" if said else f"status {self.status}"


class ApiKey:
    """A key that shows itself to nobody but the server.

    Raises SandboxError, which does not show it either, where no header can hold it; `place` says where it
    was.
    """

    def __init__(self, key: str, place: str = "The API key") -> None:
        if any(not c.isprintable() or ord(c) > 0xFF for c in key):
            kind = "a line end" if "\n" in key or "\r" in key else "a character that no HTTP header can hold"
            raise SandboxError(f"{place} has {kind} in it; set it again to the key alone.")
        self._key = key

    def __repr__(self) -> str:
        return f"ApiKey({MASK})"

    @property
    def header(self) -> str:
        """What goes out."""
        return f"Bearer {self._key}"

    @property
    def secret(self) -> str:
        """What must not be shown."""
        return self._key


class _Secrets:
    """What is masked wherever it is met."""

    def __init__(self, secrets: Iterable[str]) -> None:
        long = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        self._secrets = sorted(long, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Secrets({MASK})"

    def masked(self, text: str) -> str:
        """`text` without them."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


class _Attempt(NamedTuple):
    """One try: its reply, whether another may help, and the seconds that the server asked to wait."""

    reply: Reply
    again: bool = False
    wait_s: float | None = None


class Client:
    """Requests to the server at `url`, each tried `1 + retries` times.

    `timeout_s` is for each try as a whole. The wait between two tries doubles, with jitter, up to half a
    minute, or is what the server asked for. `key` goes out as a bearer token. Safe to use from many threads.

    Raises SandboxError for a URL or a key that is none.
    """

    def __init__(
        self,
        url: str,
        key: str | ApiKey | None = None,
        timeout_s: float = 60.0,
        retries: int = 3,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        given = parse(url)
        self._candidates = given.candidates()
        self._base = self._candidates[0]
        if isinstance(key, str):
            key = ApiKey(key) if key.strip() else None
        self._key = key
        self._secrets = _Secrets([*given.secrets, *([key.secret] if key else [])])
        self.timeout_s, self.retries, self.backoff_s = timeout_s, retries, backoff_s
        self._jitter, self._lock = np.random.default_rng(), threading.Lock()
        self._connections = Connections(proxies=not given.is_loopback)

    @property
    def url(self) -> str:
        """The base of the endpoints, as it may be shown."""
        return self._base.shown

    def settle(self) -> None:
        """Find out whether the endpoints lie under the address as given or below its /v1.

        Asks for the models, then where none are listed for a chat, which wants no model to be refused.
        """
        if len(self._candidates) == 1:
            return
        for method, path, body in (("GET", "/models", None), ("POST", "/chat/completions", {})):
            for base in self._candidates:
                reply = self._try(base, method, path, body).reply
                if reply.failure and not reply.status:
                    return
                if _lists(reply) if method == "GET" else _answers(reply):
                    self._base = base
                    return

    def send(self, method: str, path: str, body: Any = None, retries: int | None = None) -> Reply:
        """The reply to `method` (GET or POST) at `path`, below the base. Never raises."""
        retries, stopped = self.retries if retries is None else retries, self._connections.stopped
        for attempt in range(retries + 1):
            reply, again, wait_s = self._try(self._base, method, path, body)
            if not again or attempt == retries or stopped.is_set():
                return reply
            time.sleep(self._wait(attempt) if wait_s is None else min(wait_s, LONGEST_WAIT_S))
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Cut what is under way, and try no more."""
        self._connections.stop()

    def _try(self, base: Address, method: str, path: str, body: Any) -> _Attempt:
        """One try, and where the server sends on to another path of its own, what comes of that."""
        data = None if body is None else json.dumps(body).encode()
        url, deadline = base.at(path), time.monotonic() + self.timeout_s
        for _ in range(MOST_REDIRECTS + 1):
            attempt, location = self._once(method, url, data, deadline)
            if location is None:
                return attempt
            status = attempt.reply.status
            onward = redirected(url, location)
            if onward is None:
                there = origin_of(url, self._clean(location))
                why = f"it redirects to {there}, another server, which is not followed"
                return _Attempt(Reply(status, None, why=f"{why}; give the right address"))
            if method != "GET" and status == 303:
                return _Attempt(Reply(status, None, why="it redirects to a page in place of an answer"))
            url = onward
        return _Attempt(Reply(status, None, why="it redirects without end"))

    def _once(
        self, method: str, url: str, data: bytes | None, deadline: float
    ) -> tuple[_Attempt, str | None]:
        """The attempt, and where the server sends on to if it does."""
        try:
            came = self._connections.exchange(method, url, data, self._headers(), deadline, LARGEST_BODY)
        except TimeoutError:
            return self._late(), None
        except (OSError, HTTPException, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return self._failed(f"{type(error).__name__}: {told}"), None
        location = came.headers.get("Location") if came.status in REDIRECTS else None
        if location is not None:
            return _Attempt(Reply(came.status, None)), location
        attempt = self._read(came)
        return attempt._replace(wait_s=_seconds(came.headers.get("Retry-After"))), None

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = self._key.header
        return headers

    def _late(self) -> _Attempt:
        return _Attempt(Reply(0, None, "timeout", f"no answer in {self.timeout_s:g} s"), again=True)

    def _failed(self, why: str) -> _Attempt:
        return _Attempt(Reply(0, None, "error", plain(self._clean(why))), again=True)

    def _read(self, came: Exchange) -> _Attempt:
        """The reply in what came; of one that is refused its words are worth less."""
        status, content = came.status, came.content
        transient = status in TRANSIENT
        if status == 200 and came.cut:
            return self._failed("the connection was cut")
        if len(content) > LARGEST_BODY:
            why = f"the reply is longer than {LARGEST_BODY // 2**20} MiB"
            return _Attempt(Reply(status, None, "error", why))
        try:
            return _Attempt(Reply(status, self._clean(json.loads(content))), transient)
        except (ValueError, RecursionError):
            if status == 200:
                return _Attempt(Reply(status, None, "error", NOT_JSON), again=True)
            why = plain(self._clean(content.decode(errors="replace")))
            return _Attempt(Reply(status, None, why=why), transient)

    def _clean(self, value: Any) -> Any:
        """`value` without a key that a server echoes, and in characters that a file can hold."""
        if isinstance(value, str):
            value = self._secrets.masked(value)
            return value if value.isascii() else value.encode(errors="replace").decode()
        if isinstance(value, list):
            return [self._clean(each) for each in value]
        if isinstance(value, dict):
            return {self._clean(name): self._clean(each) for name, each in value.items()}
        return value

    def _wait(self, attempt: int) -> float:
        """Seconds before the next try: doubling, and spread so that many threads do not come back at once."""
        with self._lock:
            spread = 0.5 + self._jitter.random()
        return min(self.backoff_s * 2**attempt * spread, LONGEST_WAIT_S)


def _lists(reply: Reply) -> bool:
    """Whether a reply is a list of models; some servers answer to any path that they do not know it."""
    listed = reply.json.get("data") if isinstance(reply.json, dict) else reply.json
    return reply.ok and isinstance(listed, list)


def _answers(reply: Reply) -> bool:
    """Whether there is an endpoint, if only to refuse what it was sent."""
    if reply.status in (404, 405, 501, *REDIRECTS):
        return False
    return isinstance(reply.json, dict) and (reply.status != 200 or "choices" in reply.json)


def _seconds(header: str | None) -> float | None:
    """Of a Retry-After header that counts seconds."""
    text = (header or "").strip()
    return float(text) if text.isascii() and text.isdigit() else None
