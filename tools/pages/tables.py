"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; cells as they are (see `cell`)."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(part) for part in line) + " |" for line in lines)


def cell(text: str) -> str:
    """`text` in one line, with what would end a cell escaped."""
    return " ".join(text.split()).replace("|", "\\|")
