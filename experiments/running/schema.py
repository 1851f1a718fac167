"""Write the JSON Schema of scenario files, by which an editor completes and checks them.

Without a file it is printed. With VS Code's or any other YAML language server, a scenario begins with

    # yaml-language-server: $schema=scenario.schema.json
"""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sandbox.files import MARK, marked, replacing
from sandbox.terminal import say


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="where it is written")
    parser.add_argument("--quiet", action="store_true", help="with a file, print nothing but errors")


def run(told: Namespace) -> None:
    """Print the schema, or write it. Raises SandboxError for a file of others at its path."""
    from sandbox.scenario.json_schema import scenario_schema

    text = json.dumps({"$comment": MARK, **scenario_schema()}, indent=1)
    if told.file is None:
        say(text)
        return
    with replacing(told.file, marked) as draft:
        draft.write_text(text + "\n", encoding="utf-8")
    say(f"Schema in {told.file}")
