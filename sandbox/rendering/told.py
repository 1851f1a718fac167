"""Who is told how far a long writing is."""

from collections.abc import Callable

Told = Callable[[str, int], None]
"""Called after every step with what is being done, and out of how many steps."""


def to_nobody(what: str, of: int) -> None:
    """Where nobody looks on."""
