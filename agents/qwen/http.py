"""Talking to a model server: JSON over HTTP with the standard library, time-outs and retries."""

import json
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from sandbox.errors import SandboxError

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
"""Statuses that another try may mend."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
BACKOFF_S, LONGEST_WAIT_S = 0.5, 30.0


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
        return not self.failure and 400 <= self.status < 500 and self.status not in TRANSIENT


class Client:
    """Requests to the server at `url` (with or without a closing /v1), each tried `1 + retries` times.

    `timeout_s` is for each try. The wait between two tries doubles, with jitter, up to half a minute, or is
    what the server asked for. `key` goes out as a bearer token. Safe to use from many threads.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 3,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self.url = base_url(url)
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self.timeout_s, self.retries, self.backoff_s = timeout_s, retries, backoff_s
        self._jitter, self._lock = np.random.default_rng(), threading.Lock()
        local = urlsplit(self.url).hostname in LOOPBACK
        proxies = [urllib.request.ProxyHandler({})] if local else []
        self._opener = urllib.request.build_opener(*proxies)

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        """The reply to `method` (GET or POST) at `path`, below /v1. Never raises."""
        for attempt in range(self.retries + 1):
            reply, wait_s = self._try(method, path, body)
            transient = reply.failure or reply.status in TRANSIENT
            if not transient or attempt == self.retries:
                return reply
            time.sleep(self._wait(attempt) if wait_s is None else min(wait_s, LONGEST_WAIT_S))
        raise AssertionError("unreachable")

    def _try(self, method: str, path: str, body: Any) -> tuple[Reply, float | None]:
        """One try: its reply, and the seconds that the server asked to wait."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self._headers, method=method)
        try:
            with self._opener.open(request, timeout=self.timeout_s) as response:
                return _read(response.status, response.read()), None
        except urllib.error.HTTPError as error:
            with error:
                return _read(error.code, _rest(error)), _seconds(error.headers.get("Retry-After"))
        except TimeoutError:
            return Reply(0, None, "timeout", f"no answer in {self.timeout_s:g} s"), None
        except urllib.error.URLError as error:
            late = isinstance(error.reason, TimeoutError)
            return Reply(0, None, "timeout" if late else "error", str(error.reason)), None
        except (OSError, HTTPException) as error:
            return Reply(0, None, "error", f"{type(error).__name__}: {error}"), None

    def _wait(self, attempt: int) -> float:
        """Seconds before the next try: doubling, and spread so that many threads do not come back at once."""
        with self._lock:
            spread = 0.5 + self._jitter.random()
        return min(self.backoff_s * 2**attempt * spread, LONGEST_WAIT_S)


def base_url(url: str) -> str:
    """`url` up to and with /v1. Raises SandboxError where it is no URL of a server."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise SandboxError(f"Server {url!r} is not a URL; give one such as http://localhost:8000/v1.")
    url = url.rstrip("/")
    return url if url.endswith("/v1") else url + "/v1"


def _read(status: int, content: bytes) -> Reply:
    try:
        return Reply(status, json.loads(content))
    except ValueError:
        if status == 200:
            return Reply(status, None, "error", "the reply is not JSON")
        return Reply(status, None, why=content[:200].decode(errors="replace"))


def _rest(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read()
    except (OSError, HTTPException):
        return b""


def _seconds(header: str | None) -> float | None:
    """Of a Retry-After header that counts seconds."""
    return float(header) if header and header.strip().isdigit() else None
