"""Connections to a server: kept alive, with one deadline for the whole exchange, and cut when told to stop.

The time-out of a socket is for each packet: a server that sends a byte now and then would hold a satellite
for ever.
"""

import http.client
import io
import socket
import threading
import time
import urllib.request
from base64 import b64encode
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit


class Exchange(NamedTuple):
    """What came back: status, headers, as much of the content as was wanted, and whether it broke off."""

    status: int
    headers: Any
    content: bytes
    cut: bool


class Connections:
    """Exchanges with servers; each thread keeps its connection. With `proxies` of the environment."""

    def __init__(self, proxies: bool) -> None:
        self._proxies = proxies
        self._own, self._lock = threading.local(), threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()
        self.stopped = threading.Event()

    def exchange(
        self, method: str, url: str, data: bytes | None, headers: dict[str, str], deadline: float, most: int
    ) -> Exchange:
        """Send and receive until `deadline` (of the monotonic clock), at most `most` bytes and one more.

        Raises OSError, HTTPException or ValueError where that fails.
        """
        kept = self._kept().pop(_origin(url), None)
        if kept is not None:
            try:
                return self._once(kept, method, url, data, headers, deadline, most)
            except TimeoutError:
                raise
            except (OSError, http.client.HTTPException):
                if self.stopped.is_set():
                    raise
        return self._once(self._made(url), method, url, data, headers, deadline, most)

    def stop(self) -> None:
        """Cut what is under way; nothing is sent from now on."""
        self.stopped.set()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            sock = connection.sock
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _kept(self) -> dict[tuple[str, str], Any]:
        if not hasattr(self._own, "kept"):
            self._own.kept = {}
        return self._own.kept

    def _once(
        self,
        connection: "_Connection",
        method: str,
        url: str,
        data: bytes | None,
        headers: dict[str, str],
        deadline: float,
        most: int,
    ) -> Exchange:
        if self.stopped.is_set():
            raise ConnectionAbortedError("stopped")
        parts, keeps = urlsplit(url), False
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.deadline = deadline
        with self._lock:
            self._open.add(connection)
        try:
            connection.request(method, connection.prefix + (target or "/"), data, headers | connection.extra)
            response = connection.getresponse()
            try:
                content = response.read(most + 1)
            except (OSError, http.client.HTTPException):
                if response.status == 200:
                    raise
                return Exchange(response.status, response.headers, b"", True)
            cut = bool(response.length) and len(content) <= most
            keeps = response.isclosed() and not response.will_close
            return Exchange(response.status, response.headers, content, cut)
        finally:
            with self._lock:
                self._open.discard(connection)
            if keeps and not self.stopped.is_set():
                self._kept()[_origin(url)] = connection
            else:
                connection.close()

    def _made(self, url: str) -> "_Connection":
        parts = urlsplit(url)
        secure, host = parts.scheme == "https", parts.hostname or ""
        proxy = urlsplit(self._proxy(parts.scheme, parts.netloc))
        if not proxy.hostname:
            return (_SecureConnection if secure else _Connection)(host, parts.port)
        sign = {}
        if proxy.username is not None:
            pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            sign = {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        made = (_SecureConnection if secure else _Connection)(proxy.hostname, proxy.port or 80)
        if secure:
            made.set_tunnel(host, parts.port or 443, sign)
        else:
            made.prefix, made.extra = f"http://{parts.netloc}", sign
        return made

    def _proxy(self, scheme: str, netloc: str) -> str:
        """The proxy for an address; empty for none."""
        if not self._proxies or urllib.request.proxy_bypass(netloc):
            return ""
        proxy = urllib.request.getproxies().get(scheme, "")
        return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class _Timed(io.RawIOBase):
    """What arrives on `sock` until `deadline`, however slowly."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Socket:
    """As much of a socket as a response wants."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._timed = _Timed(sock, deadline)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._timed)


class _Connection(http.client.HTTPConnection):
    """A connection whose time-out is for the whole exchange."""

    deadline = 0.0
    prefix = ""
    """Before the path, where a proxy is asked."""
    extra: dict[str, str] = {}

    def connect(self) -> None:
        self.timeout = _left(self.deadline)
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(_left(self.deadline))
        super().send(data)

    def getresponse(self) -> http.client.HTTPResponse:
        deadline = self.deadline
        self.response_class = lambda sock, *args, **kwargs: http.client.HTTPResponse(  # type: ignore[assignment]
            _Socket(sock, deadline), *args, **kwargs  # type: ignore[arg-type]
        )  # fmt: skip
        return super().getresponse()


class _SecureConnection(http.client.HTTPSConnection, _Connection):
    """The same over TLS."""


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError where it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
