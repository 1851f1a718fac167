"""Text for a terminal: names are text, whatever is in them, and what it cannot show is no error."""

import sys
import unicodedata
from typing import Any

_KEPT = "\n\t"
_OBEYED = ("Cc", "Cs")  # control characters, and halves of a character, which no encoding has
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # of writing, by Unicode's UAX 9


def visible(text: object) -> str:
    """`text` with an escape such as \\x1b for what a terminal would not show but obey."""
    return "".join(_escaped(letter) if _is_obeyed(letter) else letter for letter in str(text))


def _is_obeyed(letter: str) -> bool:
    return letter not in _KEPT and (unicodedata.category(letter) in _OBEYED or letter in _DIRECTIONS)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def shows(text: str, stream: Any = None) -> bool:
    """Whether a stream, by default the standard output, has all the characters of `text`."""
    return printable(text, stream) == text


def printable(text: str, stream: Any = None) -> str:
    """`text` with a ? for every character that the stream, by default the standard output, does not have."""
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        return text.encode(encoding, "replace").decode(encoding, "replace")
    except LookupError:  # no such encoding
        return text.encode("ascii", "replace").decode("ascii")


def say(text: object, *, error: bool = False) -> None:
    """Print a line that may hold names and paths."""
    stream = sys.stderr if error else sys.stdout
    print(printable(visible(text), stream), file=stream, flush=True)


class Printable:
    """A stream that writes what it can and a ? for what it cannot."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text, self._stream))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
