"""What a run leaves behind: one object, written as the run goes, that every view and every metric reads.

`Recorder` is filled by whoever steps the world; `Recording` is what is read, `Frame` one round of it, and
`VARIABLES` says what is in it. On disk a recording is a folder with one `.npy` file per variable,
`events.jsonl` and `meta.json`, or all of that in one `.npz`; no pickle in either. A folder opens while it is
still being written, or after its writer was killed, up to the last flush.
"""

from sandbox.recording.recorder import Recorder
from sandbox.recording.recording import Events, Frame, Recording
from sandbox.recording.variables import EVENT_KINDS, TARGET_STATES, VARIABLES, EventKind, Variable

__all__ = [
    "EVENT_KINDS",
    "TARGET_STATES",
    "VARIABLES",
    "EventKind",
    "Events",
    "Frame",
    "Recorder",
    "Recording",
    "Variable",
]
