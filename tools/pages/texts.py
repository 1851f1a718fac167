"""Pages that stand elsewhere in the repository: the glossary, the changes, the commands."""

import re
from pathlib import Path

from experiments import commands
from tools.pages.tables import cell, table

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = "<!-- commands -->"
"""Where a page has the table of commands."""


def pages() -> dict[str, str]:
    """The glossary of CONTRIBUTING.md and CHANGELOG.md."""
    return {"glossary.md": glossary(), "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")}


def glossary() -> str:
    """The words of CONTRIBUTING.md, each with its meaning."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (words,) = re.findall(r"^## Words\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    return f"# Glossary\n{words}"


def commands_table() -> str:
    """Everything that `python -m experiments` does, a line each."""
    rows = [(f"`{name}`", cell(line)) for name, line in commands.RUNNING.items()]
    for group in commands.SCRIPTS.values():
        rows += [(f"`{name}`", cell(line)) for name, (_, line) in group.items()]
    return table(("name", "does"), rows)
