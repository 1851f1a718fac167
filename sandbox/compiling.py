"""A word before the first compilation, which else would be minutes of silence.

numba tells of each function that it compiles, and not of those whose machine code it finds: where nothing is
compiled nothing is said.
"""

import sys
from typing import Any

from sandbox.terminal import say

ABOUT = (
    "Compiling kernels for this machine: about half a minute for tasking_v0, two for autonomy_v0, longer "
    "where the processor is shared. They are kept, so that it is for this once."
)
LONG = ("sandbox.round", "envs.driver")
"""Modules whose kernels hold all others of a round: these take long, and come first."""


def at_a_terminal() -> bool:
    """Whether somebody reads what is said on standard error."""
    return bool(sys.stderr and sys.stderr.isatty())


def in_a_notebook() -> bool:
    """Whether this is a kernel of Jupyter's, whose cells would else be silent."""
    return "ipykernel" in sys.modules


def announce_compiling() -> None:
    """Let `ABOUT` be said on standard error before the first long kernel is compiled, once in a process."""
    if _listeners:
        return
    from numba.core import event

    class Listener(event.Listener):
        said = False

        def on_start(self, event: Any) -> None:
            kernel = event.data["dispatcher"].py_func
            if not self.said and kernel.__module__ in LONG:
                self.said = True
                say(ABOUT, error=True)

        def on_end(self, event: Any) -> None:
            """Of an end nothing is said."""

    _listeners.append(Listener())
    event.register("numba:compile", _listeners[0])


_listeners: list[Any] = []
