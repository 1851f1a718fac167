"""Reading what a language model wrote: tolerant of the form, strict about what is accepted.

A reply may hold a thinking block, code fences, JSON, a tool call, a box or prose around the answer, in
English or Chinese, and end with tokens that should not be there. What is accepted is one decision that is
legal now, named by its letter or its name; anything else is not executed. Two different decisions are none,
unless the first is taken back or the last is said to be final.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.statements import FINAL, LABELLED, SAID, Prose, Statement, plain_name

_NOT_LISTED = -1
OK, UNREADABLE, ILLEGAL = "ok", "unreadable", "illegal"
SAFE_ACTION = 0
_KEYS = frozenset(
    "decision action choice answer label letter option name arguments parameters selection selected"  # noqa: SIM905
    " chosen pick 答案 决定 决策 选择 选项 动作 行动".split()
)
"""The last word of the keys that hold a decision in JSON."""
_OTHER = frozenset(
    "second alternative backup fallback previous last worst rejected other next not illegal".split()  # noqa: SIM905
)
"""Words in a key that make it hold another one."""
_LONGEST = 20_000
"""Characters of a reply that are read, from its end: the answer stands last."""
_MOST, _MOST_BRACES = 30, 500
"""Boxes or tags, the last ones, and opening braces that are looked at."""
_DECORATION = " \t\r\n\"'`*().:[]{}<>|$#~_-,;!?=。!、“”‘’「」『』【】《》\\"
_END = re.compile(
    r"<[|｜][^<>\n]{1,40}[|｜]>|</?s>|<(?:eos|bos|pad|unk|EOT|end_of_turn|start_of_turn)>|</(?:answer|response|output|final|decision)>|\[/?INST\]|\[(?:EOS|EOT)\]"
)
"""Tokens of chat templates, which servers strip and sometimes do not."""
_CUT_END = re.compile(r"<(?:\|[\w.]{0,40}\|?|/s?)$")
_ROLES = ("assistant", "model")
_FINAL_CHANNEL = "<|channel|>final<|message|>"
_ANSWER = re.compile(
    r"<(answer|final_answer|final|decision|response|output|choice|action)>(.*?)(?:</\1>|$)",
    re.DOTALL | re.IGNORECASE,
)
_BOX = re.compile(r"(?:\\(?:boxed|fbox)|\x08?oxed)\s*(?=\{|[A-Za-z](?![A-Za-z]))")
_LATEX = re.compile(
    r"\\(?:textbf|textit|text|mathrm|mathbf|mathit|mathsf|operatorname)\s*|\\[,;!: ]|\\quad|[{}$]"
)
_FENCE = re.compile(r"```[^\n`]*\n?(.*?)```", re.DOTALL)


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


def without_end_tokens(text: str) -> str:
    """`text` up to the first token of a chat template that stands after it, such as <|im_end|>."""
    text = text.rpartition(_FINAL_CHANNEL)[2]
    text = re.sub(r"<\|(begin|end)_of_box\|>", r"**", text)
    parts = [part.strip() for part in _END.split(_CUT_END.sub("", text))]
    for part in parts:
        first, _, rest = part.partition("\n")
        said = rest.strip() if len(parts) > 1 and first.strip() in _ROLES else part
        if said:
            return said
    return ""


class ReplyReader:
    """Reads replies that decide among `names` (A,); the legal ones are labelled with `labels` (A,) in order.

    Labels that are names themselves stand for their own actions.
    """

    def __init__(self, names: Sequence[str], labels: Sequence[str]) -> None:
        self._letters = {label: i for i, label in enumerate(labels)}
        self._names = {plain_name(name): i for i, name in enumerate(names)}
        self._prose = Prose(names, labels)
        self._by_place = tuple(labels) != tuple(names)

    def read(self, text: str, mask: NDArray[np.int8], order: NDArray[np.int64] | None = None) -> Reading:
        """The decision in `text`, if there is exactly one and the mask (A,) allows it.

        The legal actions are labelled in their own order, or listed in `order` (L,).
        """
        reader = self._labelled(mask, order) if self._by_place else self
        decided = reader._decided(_normal(without_end_tokens(split_thinking(text)[1])[-_LONGEST:]))
        if len(decided) != 1:
            return Reading(SAFE_ACTION, UNREADABLE)
        action = decided.pop()
        return Reading(action, OK) if action >= 0 and mask[action] else Reading(SAFE_ACTION, ILLEGAL)

    def _labelled(self, mask: NDArray[np.int8], order: NDArray[np.int64] | None) -> "ReplyReader":
        """The same reader, whose labels stand for what is listed; those beyond the list for nothing legal."""
        legal = np.flatnonzero(mask)
        listed = (legal if order is None else legal[order]).tolist()
        reader = copy(self)
        reader._letters = {
            label: listed[i] if i < len(listed) else _NOT_LISTED - i for label, i in self._letters.items()
        }
        reader._prose = self._prose.labelled(reader._letters)
        return reader

    def resolve(self, value: Any) -> int | None:
        """The action that `value` names: a letter, a name, or text that is nothing but these."""
        if not isinstance(value, str):
            return None
        bare = value.strip(_DECORATION)
        if bare in self._letters:
            return self._letters[bare]
        if len(bare) == 1 and bare.isascii() and bare.upper() in self._letters:
            return self._letters[bare.upper()]
        return self._names.get(plain_name(bare))

    def _decided(self, answer: str) -> set[int]:
        """The actions that an answer decides on: one, or none or several where it is unclear."""
        whole = self.resolve(answer)
        if whole is not None:
            return {whole}
        marked, rest = [], answer
        for found in (self._in_json, self._in_boxes, self._in_tags, self._in_fences):
            statements = list(found(rest))
            marked += statements
            for statement in statements:
                rest = _blanked(rest, statement.start, statement.end)
        return _settled(sorted([*marked, *self._prose.statements(rest)], key=lambda s: s.start), rest)

    def _within(self, text: Any) -> set[int]:
        """What a part of an answer, that holds a decision and little else, decides on."""
        action = self.resolve(text)
        if action is not None:
            return {action}
        return self._best(text) if isinstance(text, str) else set()

    def _best(self, text: str) -> set[int]:
        return _settled(self._prose.statements(text), text)

    def _in_json(self, text: str) -> Iterator[Statement]:
        for value, start, end in _json_values(text):
            for leaf in _leaves(value):
                for action in self._within(leaf):
                    yield Statement(action, start, end, FINAL)

    def _in_boxes(self, text: str) -> Iterator[Statement]:
        for found in list(_BOX.finditer(text))[-_MOST:]:
            end = _closing(text, found.end())
            for action in self._within(_LATEX.sub(" ", text[found.end() : end])):
                yield Statement(action, found.start(), end, FINAL)

    def _in_tags(self, text: str) -> Iterator[Statement]:
        for found in list(_ANSWER.finditer(text))[-_MOST:]:
            for action in self._within(found[2]):
                yield Statement(action, found.start(), found.end(), FINAL)

    def _in_fences(self, text: str) -> Iterator[Statement]:
        for found in _FENCE.finditer(text):
            action = self.resolve(found[1])
            if action is not None:
                yield Statement(action, found.start(), found.end(), LABELLED)


def _settled(statements: Sequence[Statement], text: str) -> set[int]:
    """What statements in order come to: the actions that stand against each other, or the one that stands."""
    said = [statement for statement in statements if statement.rank >= SAID]
    firm = [statement for statement in said if not statement.soft] or said
    if not firm:
        top = max((statement.rank for statement in statements), default=0)
        return {statement.action for statement in statements if statement.rank == top}
    last = firm[-1]
    others = [statement for statement in firm if statement.action != last.action]
    if not others or Prose.taken_back(text, others[-1].end, last.end):
        return {last.action}
    top = max(statement.rank for statement in firm)
    best = {statement.action for statement in firm if statement.rank == top}
    if len(best) == 1 and (top == FINAL or last.rank == top):
        return best
    return {last.action, *(statement.action for statement in others)}


def _normal(text: str) -> str:
    """`text` with the wide, bold and circled forms of letters and marks as the plain ones."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return re.sub(r"(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])", " ", text)


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]


def _closing(text: str, at: int) -> int:
    """The end of what the brace at `at` opens."""
    if text[at] != "{":
        return at + 1
    depth = 0
    for i in range(at, min(len(text), at + 1000)):
        depth += (text[i] == "{") - (text[i] == "}")
        if depth == 0:
            return i + 1
    return min(len(text), at + 1000)


def _json_values(text: str) -> Iterator[tuple[Any, int, int]]:
    """The JSON objects in `text`, each from its opening brace, and where they stand."""
    decoder, at, tries = json.JSONDecoder(), text.find("{"), 0
    while at >= 0 and tries < _MOST_BRACES:
        tries += 1
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value, at, end
        at = text.find("{", end)


def _decides(key: str) -> bool:
    words = plain_name(key).split()
    return bool(words) and words[-1] in _KEYS and not _OTHER.intersection(words)


def _leaves(value: Any) -> Iterator[Any]:
    """What stands under the keys that name a decision, also within the arguments of a tool call."""
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, dict):
        found = {key: list(_leaves(item)) for key, item in value.items() if _decides(str(key))}
        if found.get("arguments") or found.get("parameters"):
            found.pop("name", None)  # of the tool, not of the decision
        for leaves in found.values():
            yield from leaves
    elif value is not None:
        yield value
