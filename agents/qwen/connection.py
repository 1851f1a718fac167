"""Connections whose time-out is for the whole exchange.

That of a socket is for each packet: a server that sends a byte now and then would hold a satellite for ever.
"""

import http.client
import io
import socket
import time
import urllib.request
from typing import Any


def opener(proxies: bool) -> urllib.request.OpenerDirector:
    """Opens http and https alone, and follows no redirect by itself; with `proxies` of the environment."""
    director = urllib.request.OpenerDirector()
    if proxies:
        director.add_handler(urllib.request.ProxyHandler())
    director.add_handler(_HTTPHandler())
    director.add_handler(_HTTPSHandler())
    director.add_handler(urllib.request.HTTPErrorProcessor())
    director.add_handler(urllib.request.HTTPDefaultErrorHandler())
    return director


class _Timed(io.RawIOBase):
    """What arrives on `sock` until `deadline`, however slowly: a time-out of a socket is for each packet."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
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

    def getresponse(self) -> http.client.HTTPResponse:
        deadline = self._begun + float(self.timeout or 0.0)
        self.response_class = lambda sock, *args, **kwargs: http.client.HTTPResponse(  # type: ignore[assignment]
            _Socket(sock, deadline), *args, **kwargs  # type: ignore[arg-type]
        )  # fmt: skip
        return super().getresponse()

    def connect(self) -> None:
        self._begun = time.monotonic()
        super().connect()


class _SecureConnection(http.client.HTTPSConnection, _Connection):
    """The same over TLS."""


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_Connection, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_SecureConnection, req, context=None)
