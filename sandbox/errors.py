"""Errors a user can act on: one sentence that names the field, the value and what would be right."""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 20


class SandboxError(ValueError):
    """Bad input to the sandbox. The message is one sentence with the remedy in it."""


def unknown_name(kind: str, name: object, known: Iterable[str], prefix: str = "") -> SandboxError:
    """The error for a `kind` called `name` that is not among `known`, with the near names suggested.

    `prefix` is what all of them begin with, such as `requests.`
    """
    names = sorted(known)
    near = [prefix + each for each in get_close_matches(str(name), names, n=3, cutoff=0.5)]
    listed = ", ".join(prefix + each for each in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {listed}{more}."
    return SandboxError(f"Unknown {kind} {prefix + str(name)!r}; {hint}")
