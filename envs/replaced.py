"""What was carried out in place of what was decided, and why: a decision is not yet a deed."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CORRUPTED_WEIGHTS", "NOT_LEGAL", "Replaced", "illegal_in", "replacements"]

STANDING = "its standing order"
UNKNOWN = -2
"""In the place of an action: what was decided in a world since restored, or by hand, is not known by name."""
CORRUPTED_WEIGHTS = "weights corrupted"
"""Why: a board whose weights are corrupted gives out a legal action at random."""
NOT_LEGAL = "not legal"
"""Why: the decision was forbidden by the mask."""
TOO_HOT, DOWN, BUSY = "board too hot to think", "boards down", "still thinking"
RESET, GONE = "boards reset", "no longer possible"


class Replaced(NamedTuple):
    """That something else was done than was decided, in world `world` by `satellite`, from `time_s` on.

    `decided` and `done` are actions; -1 is the standing order. A decision that came too late, or whose
    thought was lost, is `late`.
    """

    world: int
    satellite: int
    time_s: float
    decided: int
    done: int
    why: str
    late: bool = False

    @property
    def kind(self) -> str:
        """Of the event that tells it: see `sandbox.recording.EVENT_KINDS`."""
        return "late" if self.late else "replaced"

    def told(self, actions: tuple[str, ...]) -> dict[str, str]:
        """By the names of an event's text; "text" says it in words."""
        done = STANDING if self.done < 0 else actions[self.done]
        decided = "an earlier decision" if self.decided < 0 else actions[self.decided]
        content = {"decision": done, "instead_of": decided, "why": self.why}
        return content | {"text": f"carried out {done} instead of {decided}"}


def replacements(
    which: NDArray[np.bool_], times: NDArray, decided: NDArray, done: NDArray, why: str, *, late: bool = False
) -> Iterator[Replaced]:
    """One for each of those that `which` (B, N) says; all arrays are (B, N)."""
    for b, n in np.argwhere(which).tolist():
        yield Replaced(b, n, float(times[b, n]), int(decided[b, n]), int(done[b, n]), why, late)


def illegal_in(actions: NDArray, mask: NDArray, alive: NDArray, times: NDArray) -> list[Replaced]:
    """Actions (B, N) of the living that masks (B, N, A) forbid: the no-op is played in their place."""
    taken = np.take_along_axis(mask, np.maximum(actions, 0)[..., None], -1)[..., 0]
    wrong = alive & (actions >= 0) & (taken == 0)
    nothing = np.zeros(actions.shape, np.int64)
    return [*replacements(wrong, times, actions, nothing, NOT_LEGAL)] if wrong.any() else []
