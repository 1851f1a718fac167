"""Whose words go into a page, where not all of them fit."""

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from sandbox.recording.recording import Recording

WORDS_BYTES = 1_000_000
"""Compressed bytes of the words of minds in one page."""
SAID_BY_MINDS = ("thought", "reason")
_AT_ONCE = 64
SURE = 0.9
"""A decision that was held less likely is one that could have gone otherwise."""


def kept_words(rows: Sequence[tuple], budget: int = WORDS_BYTES) -> set[int]:
    """Which events of the kinds `SAID_BY_MINDS` keep their words, so that `budget` compressed bytes suffice.

    What is decisive comes first: thoughts with reasoning, and those that failed; then those that were close,
    or decided otherwise than the satellite's last; then the rest; each by time.
    """
    thoughts = [i for i, row in enumerate(rows) if row[2] in SAID_BY_MINDS and row[5]]
    if len(zlib.compress("".join(rows[i][5] for i in thoughts).encode())) <= budget:
        return set(thoughts)
    kept: set[int] = set()
    press, spent = zlib.compressobj(), 0
    ranked = _by_weight(rows, thoughts)
    for first in range(0, len(ranked), _AT_ONCE):
        some = ranked[first : first + _AT_ONCE]
        spent += len(press.compress("".join(rows[i][5] for i in some).encode()))
        spent += len(press.flush(zlib.Z_SYNC_FLUSH))
        if spent > budget:
            break
        kept |= set(some)
    return kept


def told_words(recording: Recording) -> str:
    """What a page leaves out of the words of minds, in a sentence; nothing where it holds all."""
    rows = recording.events.rows()
    thoughts = sum(1 for row in rows if row[2] in SAID_BY_MINDS and row[5])
    kept = len(kept_words(rows))
    if kept == thoughts:
        return ""
    return (
        f"The words of {kept:,} of {thoughts:,} thoughts are in the page, the decisive ones first "
        f"({WORDS_BYTES / 1e6:g} MB compressed); the recording holds all."
    )


def _by_weight(rows: Sequence[tuple], thoughts: Iterable[int]) -> list[int]:
    """The events `thoughts`, the weightiest first, those of one weight by time."""
    weights, last = {}, dict[int, Any]()
    for i in thoughts:
        satellite, said = rows[i][1], said_in(rows[i][5])
        decision, odds = said.get("decision"), said.get("odds")
        close = isinstance(odds, dict) and max(odds.values(), default=1.0) < SURE
        if said.get("reasoning") or said.get("why"):
            weights[i] = 0
        elif close or decision != last.get(satellite):
            weights[i] = 1
        else:
            weights[i] = 2
        last[satellite] = decision
    return sorted(weights, key=lambda i: (weights[i], rows[i][0], i))


def said_in(text: str) -> dict[str, Any]:
    """What the text of an event says, as far as it is JSON by name."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
