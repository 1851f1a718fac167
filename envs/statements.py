"""Decisions stated in prose, in English or Chinese: where a label or a name stands as what is decided.

A letter in a sentence is a decision where the words around it say so ("I choose B", "answer: B", "B is the
best", "应该选择B"), where it opens a line or is set off ("B: charge", "**B**"), and nowhere else: the words
"I" and "A" are no labels, and what is negated, compared with, or named as second best is not decided.
"""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from typing import NamedTuple

from envs import cues

FINAL, LABELLED, SAID, OPENING, MARKED, OPTION, WILL, NAMED = 9, 8, 7, 6, 5, 4, 3, 2
"""How a decision is stated, the clearest first: as the final one; after a heading ("decision: B"); in a
sentence ("I choose B"); at the opening of a sentence or line; set off by quotes, bold type or brackets; as
"option B"; as what a satellite will or should do; by its name alone."""
MOST_MENTIONS = 300
"""Mentions of decisions in a reply that are looked at, the last ones."""
_AROUND, _CLOSE = 120, 40
"""Characters on either side of a mention that are looked at, and between two that may belong together."""


class Statement(NamedTuple):
    """That `action` is decided, at `start` to `end` of the text; `soft` where it is hedged ("I would")."""

    action: int
    start: int
    end: int
    rank: int
    soft: bool = False


class Prose:
    """Finds statements of decisions among `names` (A,), lettered `labels` (A,), in text."""

    def __init__(self, names: Sequence[str], labels: Sequence[str]) -> None:
        self._actions = {label.lower(): i for i, label in enumerate(labels) if label.isupper()}
        self._actions |= {label: i for i, label in enumerate(labels)}
        self._names = {plain_name(name): i for i, name in enumerate(names)}
        letters = "|".join(map(re.escape, sorted(self._actions, key=len, reverse=True)))
        named = "|".join(map(_spaced, sorted(names, key=len, reverse=True)))
        self._mention = re.compile(
            rf"(?<![A-Za-z0-9_À-ɏ])(?<![A-Za-z0-9]['’])(?<![A-Za-z]-)(?:(?P<label>{letters})|(?P<name>{named}))"
            r"(?![A-Za-z0-9_À-ɏ]|['’](?!s\b)[A-Za-z]|\.[A-Za-z]|-[A-Za-z])"
        )

    def labelled(self, actions: Mapping[str, int]) -> "Prose":
        """The same, with labels that stand for these actions."""
        other = copy(self)
        other._actions = {label.lower(): i for label, i in actions.items() if label.isupper()} | dict(actions)
        return other

    def statements(self, text: str) -> list[Statement]:
        """What `text` states as decided, in order."""
        text = cues.HEADLINE.sub(_on_one_line, text.replace("’", "'"))
        mentions = list(self._mention.finditer(text))[-MOST_MENTIONS:]
        ends = [0, *(found.end() for found in cues.SENTENCE_END.finditer(text))]
        found: list[Statement] = []
        last: _Mention | None = None
        at = 0
        for match in mentions:
            while at + 1 < len(ends) and ends[at + 1] <= match.start():
                at += 1
            stop = ends[at + 1] if at + 1 < len(ends) else len(text)
            mention = self._read(text, match, ends[at], stop, last)
            if mention is None:
                continue
            last = mention
            if mention.rank and not mention.denied:
                found.append(
                    Statement(mention.action, match.start(), match.end(), mention.rank, mention.soft)
                )
        return found

    @staticmethod
    def taken_back(text: str, start: int, end: int) -> bool:
        """Whether what was decided before `start` is withdrawn by `end`."""
        return bool(cues.TAKEN_BACK.search(text[start:end]))

    def _read(
        self, text: str, match: re.Match[str], begin: int, stop: int, last: "_Mention | None"
    ) -> "_Mention | None":
        """How a mention in the sentence from `begin` to `stop` stands there; None where it is a mere word."""
        start, end = match.span()
        label = match["label"] is not None
        action = self._actions[match["label"]] if label else self._names[plain_name(match["name"])]
        right = text[end : min(stop, end + _AROUND)]
        if label and (cues.RANGE.match(right) or _is_word(match[0], right, text[begin:start])):
            return None
        since = max(begin, start - _AROUND, last.end if last else 0)
        left = _undressed(text[since:start])
        rank = _rank(text, start, end, left, right, label)
        if last and last.denied and rank < SAID and cues.BUT.search(left):
            rank = SAID  # not C, but B
        mention = _Mention(action, end, rank, label)
        if last:
            joined = _joined(last, mention, text[last.end : start], right)
            if joined is not None:
                return joined
        if label and match[0].islower() and not _small(match[0], rank, right):
            return None
        if rank < SAID:
            return mention._replace(denied=_denied(left, right, rank))
        if _asks(text[begin:stop]):
            return None
        soft = bool(cues.HEDGED.search(_undressed(text[since:stop])))
        soft |= bool(last and last.soft and cues.OTHERWISE.search(left))
        rank = FINAL if cues.FINALLY.search(left) else rank
        return mention._replace(rank=rank, soft=soft, denied=_denied(left, right, rank))


class _Mention(NamedTuple):
    """A mention that was understood, of a label or a name; `rank` 0 where it is no statement."""

    action: int
    end: int
    rank: int
    label: bool
    denied: bool = False
    soft: bool = False


def _joined(last: _Mention, mention: _Mention, between: str, right: str) -> _Mention | None:
    """A mention as part of what the last one began: its name ("B: charge"), or one of several ("B or C")."""
    if not between.strip() or len(between) > _CLOSE:
        return None
    as_last = mention._replace(
        rank=max(mention.rank, last.rank) if last.rank else 0, denied=last.denied, soft=last.soft
    )
    if last.rank and mention.action == last.action and cues.APPOSED.fullmatch(between):
        return as_last._replace(label=last.label)
    link = cues.LINK.fullmatch(between)
    if (
        link is None
        or not (link["comma"] or link["or"])
        or (link["comma"] and cues.CLAUSE_RIGHT.match(right))
    ):
        return None
    if mention.label != last.label and not (mention.rank and last.rank):
        return None
    return as_last if last.rank or mention.rank < SAID else None


def _denied(left: str, right: str, rank: int) -> bool:
    """Whether what is mentioned is what is not decided."""
    clause = cues.CLAUSE.split(left)[-1]
    return bool(
        cues.DENIED_LEFT.search(clause)
        or cues.DENIED_RIGHT.match(_undressed(right))
        or cues.SECOND_BEST.search(clause)
        or (rank == NAMED and clause.rstrip().endswith(" of"))
    )


def plain_name(name: str) -> str:
    """A name in lower case, with single spaces between its words."""
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


def _rank(text: str, start: int, end: int, left: str, right: str, label: bool) -> int:
    """How the mention at `start` to `end` is stated, by what stands to the left and right of it."""
    if label and right.startswith("?"):
        return 0
    if cues.HEADING.search(left):
        return LABELLED
    if cues.SENTENCE.search(left) or (label and cues.PRAISED.match(_undressed(right))):
        return SAID
    before, after = text[:start], text[end:]
    if _opens(before, after) or (label and cues.SHARE.match(after[:_AROUND])):
        return OPENING
    if before and before[-1] in cues.BEFORE and (after[:1] in tuple(cues.AFTER) or before.endswith("**")):
        return MARKED
    if re.search(r"[,:]\s*$", left) and not re.search(r"\w", after):
        return OPTION
    ends = cues.OPTION_RIGHT.match(right) or cues.OPTION_RIGHT.match(_undressed(right))
    if cues.OPTION_LEFT.search(left) and ends:
        return OPTION
    if label:
        return 0
    return WILL if cues.WILL_DO.search(left) else NAMED


def _opens(before: str, after: str) -> bool:
    """Whether a label begins a sentence or line, and ends there or is set off from what follows."""
    if (before[-1:] in ("(", "[") and after[:1] in (")", "]")) or cues.JUDGED.match(after):
        return False  # as options are listed
    head = re.split(r"[.!?]\s|[。!?]|\n", before[-_AROUND:])[-1]
    head = cues.AGREEING.sub("", re.sub(r"^\s*\d+[.)]\s", "", head))
    return not re.search(r"\w", head) and bool(cues.SET_OFF.match(after[:_AROUND]))


def _is_word(letter: str, right: str, head: str) -> bool:
    """Whether the letter I or A is the English word."""
    if letter.upper() not in ("I", "A"):
        return False
    found = cues.WORD.match(right)
    if found:
        return found[1].lower() not in (cues.AFTER_I if letter.upper() == "I" else cues.AFTER_A)
    return letter == "I" and right.startswith(",") and not re.search(r"\w", head)


def _small(letter: str, rank: int, right: str) -> bool:
    """Whether a letter in lower case is a label: only where it is plainly pointed at."""
    if rank == OPENING:
        return bool(re.match(r"\s*(?:[):]|[^\w\n]*(?:$|\n))", right))
    if rank == OPTION:
        return bool(re.match(r"[^\w\n]*(?:$|\n)", right))
    return rank >= SAID


def _asks(sentence: str) -> bool:
    return sentence.rstrip("\"'*) \n").endswith("?") and bool(cues.ASKED.match(sentence))


def _undressed(text: str) -> str:
    """`text` without marks of type, quotes and brackets, on one line."""
    return re.sub(r"\s+", " ", cues.DRESS.sub(" ", cues.ARROW.sub(" so ", text)))


def _on_one_line(heading: re.Match[str]) -> str:
    """A heading and a colon in as many characters."""
    line, word = heading[0], heading[1]
    before = heading.start(1) - heading.start()
    return f"{' ' * before}{word}:".ljust(len(line))


def _spaced(name: str) -> str:
    """A pattern for `name` with any separator between its words, in either case."""
    words = map(re.escape, plain_name(name).split())
    return f"(?i:{'[ _-]?'.join(words)})"
