"""Options that several commands have, declared once."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError


def common(
    parser: ArgumentParser,
    *,
    out: str | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    of: str = "episodes",
) -> None:
    """Add `--json` and `--quiet`, and where they are given a default `--out`, `--seeds` and `--seed`."""
    if out is not None:
        add(parser, "--out", out, "folder of the results", metavar="DIR")
    if seeds is not None:
        add(parser, "--seeds", seeds, f"{of}, seeded SEED, SEED+1, ...", type=int, metavar="N")
    if seed is not None:
        add(parser, "--seed", seed, "the first seed", type=int, metavar="K")
    parser.add_argument("--json", type=json_path, metavar="FILE", help="also write a list of records here")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def arguments_of(told: Namespace) -> dict[str, Any]:
    """What a command line says of the experiment itself."""
    other = ("command", "interrupted", "json", "out", "quiet")
    return {name: value for name, value in vars(told).items() if name not in other}


def resumable(parser: ArgumentParser) -> None:
    """Say, in the help and when it is interrupted, that the same command goes on."""
    parser.description = f"{parser.description}\n\nKilled or interrupted, the same command goes on."
    parser.set_defaults(interrupted="what is finished is kept, and the same command goes on from there")


def add(parser: Any, name: str, default: Any, text: str, **how: Any) -> None:
    """An option whose help tells its default."""
    if default is not None:
        told = " ".join(map(str, default)) if isinstance(default, (list, tuple)) else default
        text = f"{text} (default: {told})"
    parser.add_argument(name, default=default, help=text, **how)


def json_path(text: str) -> Path:
    """The path of a JSON file to write. Raises ArgumentTypeError for a file that is not ours."""
    from experiments.running.run_folder import check_json

    try:
        check_json(text)
    except SandboxError as error:
        raise ArgumentTypeError(str(error)) from None
    return Path(text)
