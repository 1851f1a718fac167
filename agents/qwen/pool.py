"""Threads that ask a server side by side, and that nobody waits for when all is over."""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

WAKE_S = 0.2
"""A signal that comes just before a thread begins to wait, or to another thread, does not wake it."""


class Pool:
    """So many daemon threads: an interrupted run ends at once, whatever a server holds back."""

    def __init__(self, threads: int, name: str) -> None:
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._name, self._most, self._threads = name, threads, 0

    def map(self, function: Callable[..., Any], given: Sequence[tuple[Any, ...]]) -> list[Any]:
        """`function` of each, in order. Raises the first error, once all are done."""
        while self._threads < min(self._most, len(given)):
            self._threads += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
        results: list[Any] = [None] * len(given)
        errors: list[BaseException | None] = [None] * len(given)
        done: queue.SimpleQueue[int] = queue.SimpleQueue()
        for i, arguments in enumerate(given):
            self._jobs.put((function, arguments, i, results, errors, done))
        for _ in given:
            _wait(done)
        for error in errors:
            if error is not None:
                raise error
        return results

    def close(self) -> None:
        """Let the threads go when they have done what they are at."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, arguments, i, results, errors, done = job
            try:
                results[i] = function(*arguments)
            except BaseException as error:  # told to who asked
                errors[i] = error
            done.put(i)


def _wait(done: "queue.SimpleQueue[int]") -> None:
    """Until something is done, ready for a signal all the while."""
    while True:
        with suppress(queue.Empty):
            done.get(timeout=WAKE_S)
            return
