"""Companions: whoever is in the world beside the satellites and goes on with it, round by round.

What they are the world does not know; they are told when an episode begins and when a round was played, and
are part of its snapshots. Robots on the ground are such (`envs.robots.team`).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

if TYPE_CHECKING:
    from sandbox.recording.happenings import Event
    from sandbox.world import World

__all__ = ["Companion"]


class Companion(Protocol):
    """Goes on with a world that it was given to by `World.attach`."""

    def begin(self, world: "World", which: NDArray) -> None:
        """An episode has begun in each of the worlds listed in `which`."""
        ...

    def play(self, world: "World") -> None:
        """A round was played. What is asked now (`sandbox.job_asking`) stands in the coming one."""
        ...

    def events(self, b: int) -> "Iterable[Event]":
        """What happened to it in the last round of world `b`, as a recording tells it."""
        ...

    def kept(self) -> Any:
        """All that its future depends on, as JSON has it."""
        ...

    def restore(self, kept: Any) -> None:
        """Go back to what was `kept`: from there it goes exactly the same way."""
        ...
