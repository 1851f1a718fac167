"""What a world will ask of the machine, estimated before it asks: memory for its arrays, time for a round."""

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from math import prod
from pathlib import Path

import numpy as np

from sandbox.bounds import MOST_LOOKS_A_ROUND, MOST_SUBSTEPS_A_ROUND
from sandbox.errors import SandboxError

GIGA = 1e9
UNKNOWN_MEMORY = 64 * 2**30
"""Bytes assumed of a machine that does not say."""
LONGEST_BOOK = 2**31 - 1
"""Requests or jobs of an episode: their numbers have 32 bits."""
_CONTROL_GROUPS = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"


class Demand:
    """The memory of the arrays of `worlds` worlds, added up as they are about to be made.

    `what` says in words what they are of, for instance "3 worlds of 24 satellites".
    """

    def __init__(self, worlds: int, what: str) -> None:
        self.worlds, self.what, self.bytes = worlds, what, 0
        self.passes: np.ndarray | None = None
        """What was found on the way and takes long: the passes of the encounters' population."""

    def add(self, what: str, make: Callable[[], Iterable[np.ndarray]], once: int = 0) -> None:
        """Count what `make` gives: arrays for no world, of shape (0, ...), which take no memory; others not.

        `once` are bytes taken for one world at a time. Raises SandboxError where the machine has less memory
        than all that was counted so far.
        """
        try:
            each = sum(array.itemsize * prod(array.shape[1:]) for array in make() if not len(array))
        except (ValueError, MemoryError, OverflowError):  # more than can be addressed
            each = sys.maxsize
        self.bytes += self.worlds * each + once
        if self.bytes > machine_memory():
            take, room = f"{self.bytes / GIGA:,.1f} GB", f"{machine_memory() / GIGA:,.1f} GB"
            raise SandboxError(
                f"{self.what} with {what} would take {take} of memory, more than the {room} of this machine; "
                "take fewer worlds, satellites or requests, or a shorter horizon."
            )


def check_book(what: str, count: int) -> None:
    """Raise SandboxError where an episode has more `what` (requests, jobs) than can be numbered."""
    if count > LONGEST_BOOK:
        raise SandboxError(
            f"An episode has room for {LONGEST_BOOK:,} {what}, not for {count:.3g}; lower their rates or the "
            "horizon."
        )


def check_round(team: int, substeps: int, places: int) -> None:
    """Raise SandboxError where one round would take minutes of computing.

    `team` is worlds x satellites; each of them is flown through `substeps` and looks for `places`, that is
    requests and stations.
    """
    if team * substeps > MOST_SUBSTEPS_A_ROUND:
        raise SandboxError(
            f"A round would be {team * substeps:.3g} substeps (worlds x satellites x round_s / substep_s), "
            f"{MOST_SUBSTEPS_A_ROUND:g} is the most; take a longer substep_s or fewer worlds."
        )
    if team * places > MOST_LOOKS_A_ROUND:
        raise SandboxError(
            f"A round would look for {team * places:.3g} requests and stations (worlds x satellites x both), "
            f"{MOST_LOOKS_A_ROUND:g} is the most; take fewer of them."
        )


@cache
def machine_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or less where a limit is set for it."""
    found = [UNKNOWN_MEMORY]
    with suppress(ImportError, ValueError, OSError, AttributeError):
        import os
        import resource

        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        found += [limit] if limit != resource.RLIM_INFINITY else []
    for path in _CONTROL_GROUPS:
        with suppress(OSError, ValueError):  # "max" is no number
            found.append(int(Path(path).read_text()))
    return min(size for size in found if size > 0)
