"""Errors a user can act on: one sentence that names the field, the value and what would be right."""

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 20
LONGEST = 500
"""Characters of an error: what a terminal shows in a few lines."""
VALUE, NAME = 60, 100
"""Characters of a value, and of a name or path, within an error."""


class SandboxError(ValueError):
    """Bad input to the sandbox. The message is one sentence with the remedy in it.

    One of more than `LONGEST` characters is cut in its middle: the place is at its beginning, the remedy at
    its end.
    """

    def __init__(self, message: object = "", *more: object) -> None:
        super().__init__(shortened(message, LONGEST) if isinstance(message, str) else message, *more)


def unknown_name(kind: str, name: object, known: Iterable[str], prefix: str = "") -> SandboxError:
    """The error for a `kind` called `name` that is not among `known`, with the near names suggested.

    `prefix` is what all of them begin with, such as `requests.`
    """
    names, asked, prefix = sorted(known), _as_text(name), printable(prefix, NAME)
    near = [prefix + printable(each, NAME) for each in get_close_matches(asked, names, n=3, cutoff=0.5)]
    few = _listed([prefix + printable(each, NAME) for each in names[:SHOWN]], prefix)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {few}{more}."
    return SandboxError(f"Unknown {kind} {shown(prefix + asked, NAME)}; {hint}")


def _as_text(name: object) -> str:
    return name if isinstance(name, str) and len(name) <= NAME else shown(name, NAME).strip("'\"")


def _listed(names: list[str], prefix: str = "") -> str:
    """`names` in a row; where they are long, without the `prefix` that all of them have, or each of them cut
    so far that an error has room for all."""
    room = 3 * NAME + NAME // 2
    if sum(len(name) + 2 for name in names) > room:
        names = [name.removeprefix(prefix) for name in names]
    if sum(len(name) + 2 for name in names) > room:
        names = [shortened(name, room // len(names) - 2) for name in names]
    return ", ".join(names)


def shown(value: object, length: int = VALUE) -> str:
    """`repr(value)` in at most `length` characters, on one line, in little time however large or deep the
    value is."""
    try:
        return shortened(" ".join(map(str.strip, _SHORT.repr(value).splitlines())), length)
    except Exception:  # whatever a stranger's __repr__ raises; and an int of thousands of digits has none
        return f"a {type(value).__name__}"


def printable(text: object, length: int = NAME) -> str:
    """`text` in at most `length` characters on one line, what cannot be printed escaped."""
    short = shortened(str(text), length)
    return short if short.isprintable() else shortened(repr(short)[1:-1], length)


def shortened(text: str, length: int) -> str:
    """`text`, with `...` in the place of its middle where it has more than `length` characters."""
    if len(text) <= length:
        return text
    tail = (length - 5) // 3
    return f"{text[: length - 5 - tail]} ... {text[len(text) - tail :]}"


class _Short(reprlib.Repr):
    """Shows the first few items of a few levels. (Python refuses to write whole numbers of many digits.)"""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 4, 4 * NAME, 4 * NAME
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 6

    def repr_datetime(self, value: object, level: int) -> str:
        return str(value)

    repr_date = repr_datetime

    def repr_int(self, value: int, level: int) -> str:
        return repr(value) if value.bit_length() < 200 else f"a whole number of {value.bit_length()} bits"


_SHORT = _Short()
