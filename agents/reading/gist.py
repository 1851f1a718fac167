"""The gist of an order: what it says, in a small language of labels and of words of its own.

    order 4 , 00:30 UTC : do not image anything within 2200 km of Moscow from 01:00 to 02:50 UTC
    4 00:30 <embargo> <where_near> 2200 Moscow <when_utc> 01:00 02:50 <end>

After the order's number and hour of issue clauses follow in the order of `CLAUSES`: a label, and the words
that the order fills it with. A gist is made of tokens: a word has its number in the vocabulary of orders, a
label a number beyond (`TOKEN`). So what a model has to write is named by the words that it has read.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from sandbox.order_words import words

BODIES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "priority": ("factor",),
    "embargo": (),
    "reserve": ("charge",),
    "service": (),
    "station": (),
    "cancellation": ("refers",),
    "correction": ("refers",),
})  # fmt: skip
"""What an order is, and the words that tell more of it, by their names in the grammar."""
CLAUSES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    **BODIES,
    "news_factor": ("factor",),
    "news_charge": ("charge",),
    "news_end": ("to",),
    "news_where": (),
    "station_named": ("name",),
    "station_numbered": ("index",),
    "station_nearer": ("name", "other", "place"),
    "where_near": ("radius", "place"),
    "where_away": ("radius", "distance", "bearing", "place"),
    "where_north": ("south",),
    "where_south": (),
    "where_between": ("south", "north"),
    "at_utc": ("from",),
    "at_zone": ("from", "zone"),
    "at_orbits": ("orbits",),
    "at_shadow": (),
    "when_utc": ("from", "to"),
    "when_zone": ("from", "to", "zone"),
    "when_minutes": ("minutes",),
    "when_orbits": ("orbits",),
    "if_cloud_above": ("threshold",),
    "if_cloud_below": ("threshold",),
    "if_battery_below": ("threshold",),
    "if_battery_above": ("threshold",),
    "except_near": ("radius", "place"),
    "except_value": ("value",),
    "before_this": ("refers",),
    "before_other": ("refers",),
})  # fmt: skip
"""All clauses in the order in which a gist has them, and the words that fill each."""
PADDING = 0
WORD_ROWS = 1_408
"""Tokens that are words, with room for those to come; labels are numbered from here on."""
READ, END, UNKNOWN = "read", "end", "unknown"
TOKEN: Mapping[str, int] = MappingProxyType({
    name: WORD_ROWS + i for i, name in enumerate((READ, END, UNKNOWN, *CLAUSES))
})  # fmt: skip
"""Token of each label: READ ends what is read, END what is written; UNKNOWN stands for a word that training
never had."""
TOKENS = WORD_ROWS + 64
"""Size of the model's vocabulary, with room for labels to come."""
LONGEST = 32
"""Tokens of a gist at most."""
_NAMES = {token: name for name, token in TOKEN.items()}


class Gist(NamedTuple):
    """What an order says."""

    number: str
    issued: str
    clauses: Mapping[str, tuple[str, ...]]
    """By label, the words that fill it."""

    @property
    def body(self) -> str:
        """What the order is: a label of `BODIES`."""
        return next(name for name in BODIES if name in self.clauses)


def tokens_of(gist: Gist) -> list[int]:
    """A gist as it is written, END at its end."""
    numbers = {word: i for i, word in enumerate(words(), 1)}
    written = [numbers[gist.number], numbers[gist.issued]]
    for name in CLAUSES:
        if name in gist.clauses:
            written += [TOKEN[name], *(numbers[word] for word in gist.clauses[name])]
    return [*written, TOKEN[END]]


def gist_of(tokens: Iterable[int]) -> Gist | None:
    """What was written, up to END; None where it is no gist: without an end, one body, or the right words."""
    parts: list[list[str]] = [[]]
    labels: list[str] = []
    for token in tokens:
        if token == TOKEN[END]:
            return _checked(parts, labels)
        if token in _NAMES:
            labels.append(_NAMES[token])
            parts.append([])
        elif 0 < token <= len(words()):
            parts[-1].append(words()[token - 1])
        else:
            return None
    return None


def _checked(parts: Sequence[list[str]], labels: Sequence[str]) -> Gist | None:
    head, *filled = parts
    if len(head) != 2 or len(set(labels)) != len(labels) or not set(labels) <= CLAUSES.keys():
        return None
    clauses = {name: tuple(told) for name, told in zip(labels, filled, strict=True)}
    if any(len(told) != len(CLAUSES[name]) for name, told in clauses.items()):
        return None
    if sum(name in BODIES for name in clauses) != 1:
        return None
    return Gist(head[0], head[1], clauses)
