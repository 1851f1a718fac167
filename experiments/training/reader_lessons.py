"""Orders to learn reading from: words out of the grammar, and the gist of each.

Nothing of the split `heldout` is learned from. So that other wordings than those of `train` can be read,
the words of wordings (not those that fill them: places, hours, numbers) are disturbed: some are left out,
some exchanged, some stand as UNKNOWN, as at the reading every word does that no training wording has; and a
wording may begin in its middle. Units and marks are mostly kept: whoever writes, writes those.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.reading.gist import CLAUSES, TOKEN, UNKNOWN, Gist
from sandbox.order_grammar import Theatre, Writer, grammar, places
from sandbox.order_words import numbers_of, words
from sandbox.scenario.orders import Orders

ORDERS, HOURS = 60, 8.0
"""Of an episode that is drawn."""
LANGUAGES, SPLITS = ("en", "zh"), ("train", "heldout")
STATIONS = 8
"""Of a theatre that is drawn; some bear names that the vocabulary has."""
_PLAIN = 0.3
"""Share of the lessons that are not disturbed; of others a share of words, drawn anew for each, is."""
TURNED = 0.4
"""Share of the wordings of lessons that begin in their middle."""
_UNITS = ("%", "km", "公里", "UTC", "世界时", "minutes", "分钟", "orbits", "圈", "degrees", "度", "times",
          "倍", ":", "：", ",", "，", ".", "。")  # fmt: skip
_UNIT_LOST = 0.15
"""As often as another word a unit or a mark is disturbed."""
_ALIKE = (("from", "to"), ("radius", "distance"), ("south", "north"), ("name", "other"))
"""What fills a wording in an order that matters."""


class Told(NamedTuple):
    """An order, and what it says."""

    words: tuple[int, ...]
    gist: Gist
    order: Any
    """What it means, a record of dtype DIRECTIVE, as it was when it was issued."""


class Annotating(Writer):
    """Writes orders, and notes which clauses each is made of; a share `turned` of wordings begin in their
    middle."""

    turned = 0.0

    def write(self, i: int, issued: float) -> None:
        self._noted: dict[str, tuple[str, ...]] = {}
        super().write(i, issued)

    def told(self, i: int) -> Told:
        """Order i, the last that was written."""
        number, issued = self._noted["header"]
        clauses = {name: self._noted[name] for name in CLAUSES if name in self._noted}
        return Told(self.words[i], Gist(number, issued, clauses), self.book[i].copy())

    def _fill(self, wording: str) -> list[str]:
        name = _clause_of()[wording]
        slots = ("number", "issued") if name == "header" else CLAUSES[name]
        self._noted[name] = tuple(str(self.slots[slot]) for slot in slots)
        if name != "header" and self.turned and self.rng.random() < self.turned:
            wording = self._turned(wording)
        return super()._fill(wording)

    def _turned(self, wording: str) -> str:
        """The wording from another beginning, what must stay in order in order."""
        pieces = wording.split()
        cut = int(self.rng.integers(len(pieces)))
        for pair in _ALIKE:
            sides = {pieces.index(f"{{{slot}}}") < cut for slot in pair if f"{{{slot}}}" in pieces}
            if len(sides) > 1:
                return wording
        return " ".join((*pieces[cut:], *pieces[:cut]))


@cache
def _clause_of() -> Mapping[str, str]:
    """The clause of every wording."""
    found: dict[str, str] = {}
    for room in ("bodies", "news", "where", "when", "at", "if", "except", "before", "station"):
        for name, told in grammar()[room].items():
            clause = name if room == "bodies" else f"{room}_{name}"
            found |= dict.fromkeys(_wordings(told), clause)
    return found | dict.fromkeys(_wordings(grammar()["header"]), "header")


def _wordings(told: Any, split: str | None = None) -> Iterator[str]:
    """Those below a part of the grammar; of one split, if it is given, and those of both."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, list):
        yield from told
    else:
        for name, part in told.items():
            if split is None or name not in SPLITS or name == split:
                yield from _wordings(part, split)


@cache
def filling() -> frozenset[int]:
    """The words that fill wordings: hours, numbers, places, bearings, stations."""
    told = [word for word in words() if word.isdecimal() or re.fullmatch(r"\d\d:\d\d", word)]
    told += [name for place in places() for name in place.names.values()]
    told += [each[language] for each in grammar()["bearings"] for language in LANGUAGES]
    return frozenset(numbers_of([*told, *grammar()["names"]]))


@cache
def taught() -> frozenset[int]:
    """The words that training wordings have."""
    rooms = ("header", "bodies", "news", "where", "when", "at", "if", "except", "before", "station")
    told = (w for room in rooms for w in _wordings(grammar()[room], "train"))
    return frozenset(numbers_of(word for wording in told for word in wording.split() if word[0] != "{"))


def strange() -> NDArray[np.int64]:
    """The words that neither a training wording has nor what fills one."""
    known = taught() | filling()
    return np.array([i for i in range(1, len(words()) + 1) if i not in known])


def drawn(
    rng: np.random.Generator,
    split: str,
    settings: Mapping[str, Any] | None = None,
    about: Theatre | None = None,
    turned: float = 0.0,
) -> list[Told]:
    """The orders of an episode, by default with a theatre of its own; `settings` are fields of `Orders`, and
    a share `turned` of wordings begin in their middle."""
    mix = {
        "kinds": dict.fromkeys(("priority", "embargo"), 3.0)
        | dict.fromkeys(("reserve", "service", "station"), 1.5),
        "conditions": 0.4, "exceptions": 0.35, "reasoning": 0.45, "revisions": 0.2, "conflicts": 0.15,
        "factors": (2, 3, 4, 5, 6, 8), "radius_km": (200.0, 4_000.0), "charge_percent": (5.0, 95.0),
        "lead_min": (0.0, 60.0), "lasting_min": (10.0, 140.0), "initial": ORDERS // 2,
        "per_hour": ORDERS / 2 / HOURS,
    }  # fmt: skip
    orders = Orders(**{**mix, **(settings or {}), "split": split})
    count = orders.count(HOURS)
    issued = np.sort(rng.uniform(0.0, 3_600.0 * HOURS, count))
    writer, told = Annotating(rng, orders, theatre(rng) if about is None else about, count), []
    writer.turned = turned
    for i, at in enumerate(issued.tolist()):
        writer.write(i, at)
        told.append(writer.told(i))
    return told


def theatre(rng: np.random.Generator) -> Theatre:
    """A start, stations and passes drawn at random."""
    names = [f"Station {i}" for i in range(STATIONS)]
    known = rng.choice(grammar()["names"], int(rng.integers(2, 6)), replace=False).tolist()
    for place, name in zip(rng.choice(STATIONS, len(known), replace=False).tolist(), known, strict=True):
        names[place] = name
    up = _zeniths(rng, STATIONS)
    midnight = 300.0 * float(rng.integers(288))
    return Theatre(0.0, 3_600.0 * HOURS, midnight, names, up, lambda time: _zeniths(rng, 8))


def _zeniths(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    found = rng.normal(size=(count, 3))
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def disturbed(told: Told, rng: np.random.Generator) -> list[int]:
    """The words of an order, those of its wordings left out, exchanged or unknown here and there."""
    if rng.random() < _PLAIN:
        return list(told.words)
    fills = filling()
    if "where_away" not in told.gist.clauses:  # a bearing is a word of a wording then
        fills = fills - _bearings()
    share = float(rng.random())
    others, unknown, units = sorted(taught()), TOKEN[UNKNOWN], _units()
    found: list[int] = []
    for word in told.words:
        chance = float(rng.random()) / max(share * (_UNIT_LOST if word in units else 1.0), 1e-9)
        if word in fills or chance >= 1.0:
            found.append(word)
        elif chance < 0.6:
            found.append(unknown)
        elif chance < 0.7:
            found.append(others[int(rng.integers(len(others)))])
        if rng.random() < 0.1 * share:
            found.append(unknown)
    return found


@cache
def _units() -> frozenset[int]:
    return frozenset(numbers_of(_UNITS))


@cache
def _bearings() -> frozenset[int]:
    return frozenset(numbers_of(each[name] for each in grammar()["bearings"] for name in LANGUAGES))
