"""When a server is not worth waiting for: after so many failures in a row."""

import threading

from agents.qwen.http import TRANSIENT, Reply

MOST_FAILURES = 8
"""Failures in a row, each after all its tries, after which a server is asked once a round."""


class Breaker:
    """Open where a server has failed so often in a row that it is not worth waiting for."""

    def __init__(self, most: int = MOST_FAILURES) -> None:
        self._most, self._failures, self._lock = most, 0, threading.Lock()
        self.why = ""

    @property
    def open(self) -> bool:
        """Whether it failed too often."""
        return self._failures >= self._most

    def saw(self, reply: Reply) -> None:
        """A reply came, or none."""
        dead = bool(reply.failure) or reply.status in TRANSIENT
        with self._lock:
            self._failures = self._failures + 1 if dead else 0
            if dead:
                self.why = f"not asked, for the server failed {self._failures} times in a row: {reply.reason}"
