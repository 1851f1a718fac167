"""A word before the first compilation, which else would be minutes of silence.

numba tells of each function that it compiles, and not of those whose machine code it finds: where nothing is
compiled nothing is said.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.terminal import say

ABOUT = (
    "Compiling kernels for this machine: about half a minute for tasking_v0, two for autonomy_v0, longer "
    "where the processor is shared. They are kept, so that it is for this once."
)
LONG = ("sandbox.round", "envs.driver")
"""Modules whose kernels hold all others of a round: these take long."""
OURS = ("sandbox", "envs", "agents", "experiments")
"""Whose kernels are kept; those of libraries are compiled in every process."""
AWHILE_S = 3.0
"""After which it is said of other kernels of ours, too."""


def at_a_terminal() -> bool:
    """Whether somebody reads what is said on standard error."""
    return bool(sys.stderr and sys.stderr.isatty())


def in_a_notebook() -> bool:
    """Whether this is a kernel of Jupyter's, whose cells would else be silent."""
    return "ipykernel" in sys.modules


def is_announced() -> bool:
    """Whether this process says when it compiles."""
    return bool(_listeners)


def announce_compiling(over: bool = False) -> None:
    """Let `ABOUT` be said on standard error once in a process: before the first long kernel is compiled, or
    when others have taken a while.

    It is said `over` the line that stands there, where that is a bar which another process draws.
    """
    if _listeners:
        return
    from numba.core import event

    class Listener(event.Listener):
        said, within, began, spent_s = False, 0, 0.0, 0.0

        def on_start(self, event: Any) -> None:
            module, now = event.data["dispatcher"].py_func.__module__, time.monotonic()
            if self.within or module.partition(".")[0] in OURS:
                self.began = self.began if self.within else now
                self.within += 1
            long = self.within and self.spent_s + now - self.began > AWHILE_S
            if not self.said and (long or module in LONG):
                self.said = True
                if over:
                    print("\r\x1b[K", end="", file=sys.stderr)
                say(ABOUT, error=True)

        def on_end(self, event: Any) -> None:
            if self.within == 1:
                self.spent_s += time.monotonic() - self.began
            self.within = max(0, self.within - 1)

    _listeners.append(Listener())
    event.register("numba:compile", _listeners[0])


@contextmanager
def compiling_told(told: Callable[[bool], None]) -> Iterator[None]:
    """Let `told` be called with whether a function is being compiled now, whenever that changes."""
    if "numba" not in sys.modules:
        yield
        return
    from numba.core import event

    class Listener(event.Listener):
        within = 0

        def on_start(self, event: Any) -> None:
            self.within += 1
            told(True)

        def on_end(self, event: Any) -> None:
            self.within -= 1
            told(self.within > 0)

    with event.install_listener("numba:compile", Listener()):
        yield


_listeners: list[Any] = []
