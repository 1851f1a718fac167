"""Errors a user can act on: one sentence that names the field, the value and what would be right."""

from collections.abc import Iterable
from difflib import get_close_matches


class SandboxError(ValueError):
    """Bad input to the sandbox. The message is one sentence with the remedy in it."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> SandboxError:
    """The error for a `kind` called `name` that is not among `known`, with the near names suggested."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}."
    return SandboxError(f"Unknown {kind} {str(name)!r}; {hint}")
