"""Reading what a language model wrote: tolerant of the form, strict about what is accepted.

A reply may hold a thinking block, code fences, JSON, a tool call or prose around the answer. What is accepted
is one decision that is legal now, named by its letter or its name; anything else is not executed.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

OK, UNREADABLE, ILLEGAL = "ok", "unreadable", "illegal"
SAFE_ACTION = 0
_KEYS = ("decision", "action", "choice", "answer", "label", "letter", "option", "name", "arguments")
_CUE = r"(?:decision|action|choice|answer|choose|select|option|pick|go)"
_LONGEST = 20_000
"""Characters of a reply that are read, from its end: the answer stands last."""


class Reading(NamedTuple):
    """The action, the safe one unless `status` is "ok"; else "unreadable" or "illegal"."""

    action: int
    status: str


def split_thinking(text: str) -> tuple[str, str]:
    """(reasoning, answer) of a reply: with both tags, the closing one alone, none, or never closed."""
    before, closed, after = text.rpartition("</think>")
    if closed:
        return before.replace("<think>", "").strip(), after.strip()
    before, opened, after = text.partition("<think>")
    return (after.strip(), before.strip()) if opened else ("", text.strip())


class ReplyReader:
    """Reads replies that decide among `names` (A,), lettered `labels` (A,)."""

    def __init__(self, names: Sequence[str], labels: Sequence[str]) -> None:
        self._letters = {label: i for i, label in enumerate(labels)}
        self._names = {_plain(name): i for i, name in enumerate(names)}
        named = "|".join(map(_spaced, sorted(names, key=len, reverse=True)))
        either = "|".join([*map(re.escape, labels), named])
        self._cued = re.compile(
            rf"(?i:{_CUE}\W{{0,4}}(?:is|to|the|option|decision|letter|with|\W){{0,6}}\W{{0,4}})({either})(?!\w)"
        )
        self._opening = re.compile(
            rf"^\W{{0,4}}({either})(?:\W{{0,3}}$|\s*[.:,)\]*-]+(?:\s|$))", re.MULTILINE
        )
        self._marked = re.compile(rf"(?:\*\*|[`\"'(\[])({either})(?:\*\*|[`\"')\]])")
        self._named = re.compile(rf"(?<!\w)({named})(?!\w)")

    def read(self, text: str, mask: NDArray[np.int8]) -> Reading:
        """The decision in `text`, if there is exactly one and the mask (A,) allows it."""
        answer = split_thinking(text)[1][-_LONGEST:]
        for candidates in (self._whole(answer), self._in_json(answer), self._in_prose(answer)):
            found = set(candidates)
            if len(found) == 1:
                action = found.pop()
                return Reading(action, OK) if mask[action] else Reading(SAFE_ACTION, ILLEGAL)
            if found:
                break
        return Reading(SAFE_ACTION, UNREADABLE)

    def resolve(self, value: Any) -> int | None:
        """The action that `value` names: a letter, a name, or text that is nothing but these."""
        if not isinstance(value, str):
            return None
        bare = value.strip(" \t\r\n\"'`*().:[]{}<>|")
        if bare in self._letters:
            return self._letters[bare]
        if len(bare) == 1 and bare.upper() in self._letters:
            return self._letters[bare.upper()]
        return self._names.get(_plain(bare))

    def _whole(self, answer: str) -> Iterator[int]:
        yield from _some([self.resolve(answer), self.resolve(_unfenced(answer))])

    def _in_json(self, answer: str) -> Iterator[int]:
        for value in _json_values(answer):
            yield from _some(self.resolve(leaf) for leaf in _leaves(value))

    def _in_prose(self, answer: str) -> list[int]:
        """What the last cue ("decision: B") points at; else what opens a line, is marked, or is named."""
        cued = self._cued.findall(answer)
        if cued:
            return list(_some([self.resolve(cued[-1])]))
        for pattern in (self._opening, self._marked, self._named):
            found = list(_some(map(self.resolve, pattern.findall(answer))))
            if found:
                return found
        return []


def _some(actions: Iterable[int | None]) -> Iterator[int]:
    return (action for action in actions if action is not None)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


def _spaced(name: str) -> str:
    """A pattern for `name` with any separator between its words, in either case."""
    words = map(re.escape, _plain(name).split())
    return f"(?i:{'[ _-]?'.join(words)})"


def _unfenced(text: str) -> str:
    found = re.findall(r"```[^\n`]*\n?(.*?)```", text, re.DOTALL)
    return found[-1] if found else text


def _json_values(text: str) -> Iterator[Any]:
    """The JSON objects in `text`, each from its opening brace."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value
        at = text.find("{", end)


def _leaves(value: Any) -> Iterator[Any]:
    """What stands under the keys that name a decision, also within the arguments of a tool call."""
    if not isinstance(value, dict):
        return
    keys = {str(key).lower(): item for key, item in value.items()}
    for key in _KEYS:
        item = keys.get(key)
        if isinstance(item, dict):
            yield from _leaves(item)
        elif item is not None:
            yield item
