"""The view in conversation with Python: an anywidget (an extra), for live runs and two-way state."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from sandbox.errors import SandboxError
from sandbox.recording.recording import Recording
from sandbox.recording.variables import STATIC
from sandbox.rendering.packing import pack
from sandbox.rendering.page import HEIGHT, Others, check_options, module, others


def widget(
    recording: Recording | Callable[[], Recording],
    *,
    beside: Others = None,
    height: int = HEIGHT,
    **options: Any,
) -> Any:
    """A widget of `recording`, alone or `beside` others.

    Its traits `round`, `selected` (-1 for none) and `playing` follow the view and lead it. A run that still
    goes on is given as a function that returns what was recorded so far; `update()` shows its new rounds.

    Raises `SandboxError` where anywidget is not installed, and for what a view cannot show.
    """
    check_options(options)
    live = callable(recording)
    made = _class()(height=int(height), options=options | ({"live": True} if live else {}))
    made.show(recording if live else lambda: recording, beside, live)
    return made


def check_installed() -> None:
    """Raises `SandboxError` where anywidget is not installed."""
    _class()


@cache
def _class() -> type:
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise SandboxError("anywidget is not installed; run: pip install anywidget") from None

    class RecordingWidget(anywidget.AnyWidget):
        """See `widget`."""

        _esm = module()
        packs = traitlets.List(traitlets.Bytes()).tag(sync=True)
        options = traitlets.Dict().tag(sync=True)
        height = traitlets.Int(HEIGHT).tag(sync=True)
        round = traitlets.Int(0).tag(sync=True)
        selected = traitlets.Int(-1).tag(sync=True)
        playing = traitlets.Bool(False).tag(sync=True)

        def show(self, source: Callable[[], Recording], beside: Others, live: bool) -> None:
            self._source = source
            first = source()
            every = 1 if live else None  # rounds that are still to come are numbered
            self.packs = [pack(r, every=every) for r in (first, *others(beside))]
            self._stands_in = live and "action" not in first  # for a round that is still to be played
            self._sent = 0 if self._stands_in else len(first)
            if live:
                self.on_msg(self._answer)

        def update(self) -> None:
            """Send what was recorded since the last time."""
            self._send_from(self._sent)

        def _answer(self, _: Any, message: dict, __: list) -> None:
            """A view that was opened late, or missed something, says how many rounds it has."""
            if message.get("kind") == "have":
                self._send_from(int(message["rounds"]))

        def _send_from(self, first: int) -> None:
            recording = self._source()
            if self._stands_in:
                if "action" not in recording:
                    return
                first, self._stands_in = 0, False  # what was played takes its place
            if len(recording) > first:
                new = pack(part(recording, first), every=1, rest=first == 0)
                self.send({"kind": "append", "from": first}, [new])
            self._sent = len(recording)

    return RecordingWidget


def part(recording: Recording, first: int, last: int | None = None) -> Recording:
    """Rounds `first` up to but without `last` (the end), with their events."""
    arrays = {name: a if name in STATIC else a[first:last] for name, a in recording.arrays.items()}
    time, events = recording["time"], recording.events
    begin = time[first] if first else -np.inf
    end = np.inf if last is None or last >= len(time) else time[last]
    return Recording(recording.meta, arrays, events[(events.time_s >= begin) & (events.time_s < end)])
