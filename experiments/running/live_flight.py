"""A flight in a notebook, with a hand on the wheel while the kernel is free and while it computes.

    from experiments.running.live_flight import LiveFlight

    flight = LiveFlight("pair", policy="greedy", hours=2)
    flight                                        # the last line of a cell shows it

What is shown is the page of `experiments fly`, in a frame. It talks with a server in a thread of the kernel,
not over the kernel's own messages, which wait until a cell has ended. The browser has to be on the machine of
the kernel, or that port of it be forwarded.
"""

import html
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from experiments.running.cockpit import Cockpit
from experiments.running.cockpit_server import Server, begin
from experiments.running.llm_config import Mind
from sandbox.errors import SandboxError
from sandbox.recording import Recording
from sandbox.rendering.page import HEIGHT

_NOTEBOOKS = "http://127.0.0.1:* http://localhost:*"
"""Whose pages may hold the frame: those of this machine, which need the token all the same."""


class LiveFlight:
    """A flight that a person steers in a notebook, and Python beside them.

    Args:
        scenario, env, policy, hours, seed, changes, candidates, mind, minds_recorded: as of
            `experiments.running.cockpit_server.fly`.
        out: the folder that "save" writes to.
        port: to listen on; 0 for any that is free.
        height: of the frame, in CSS pixels.

    `command({"do": "step", "count": 10})` does what a button does (`experiments.running.cockpit.COMMANDS`),
    and `recording` is what was flown. `close` ends it; so does the end of the kernel, or of a `with` block.
    Raises SandboxError for bad input, and for a port that cannot be had.
    """

    def __init__(
        self,
        scenario: Any = None,
        env: str = "tasking_v0",
        policy: str | None = None,
        hours: float | None = None,
        seed: int = 0,
        *,
        changes: Mapping[str, Any] | None = None,
        candidates: int = 4,
        mind: Mind | None = None,
        minds_recorded: int | None = None,
        out: Path | str | None = None,
        port: int = 0,
        height: int = HEIGHT,
    ) -> None:
        if height < 200:
            raise SandboxError(f"height = {height}; give 200 pixels or more.")
        self._height = int(height)
        with ExitStack() as held:
            self.cockpit: Cockpit = held.enter_context(
                begin(
                    scenario, env, policy, hours, seed, changes=changes, candidates=candidates, mind=mind,
                    minds_recorded=minds_recorded, out=out,
                )
            )  # fmt: skip
            self._server = Server(self.cockpit, port, framed_by=_NOTEBOOKS)
            held.callback(self._server.close)
            thread = threading.Thread(target=self._server.serve_forever, name="live flight", daemon=True)
            thread.start()
            held.callback(self._server.shutdown)
            self._held = held.pop_all()

    @property
    def address(self) -> str:
        """Of the page, with its token: it can be opened in a window of its own, too."""
        return self._server.address

    @property
    def recording(self) -> Recording:
        """What was flown so far; of two futures the first."""
        return self.cockpit.recording()

    @property
    def state(self) -> dict[str, Any]:
        """Who flies how far: see `Cockpit.state`."""
        return self.cockpit.state()

    def command(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a button of the page does. Raises SandboxError for what cannot be done: once it is closed,
        anything but "save"."""
        return self.cockpit.command(told)

    def close(self) -> None:
        """End the flight; what was flown stays in `recording`. Safe to call twice."""
        self._held.close()

    def __enter__(self) -> "LiveFlight":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        run = self.state["runs"][0]
        return f"<flight by {run['title']}, {run['rounds']} rounds flown; {self.address}>"

    def _repr_html_(self) -> str:
        address = html.escape(self.address, quote=True)
        return (
            f'<iframe src="{address}" title="a flight, live" '
            f'style="width:100%;height:{self._height}px;border:0;border-radius:8px"></iframe>'
        )
