"""Options that several commands have, declared once."""

from argparse import Action, ArgumentError, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError, printable, shown

GOES_ON = "what was finished, if anything was, is kept, and the same command goes on from there"
"""What is said of a command that is interrupted, until it knows better."""


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
        parser.set_defaults(usual_out=out)
    if seeds is not None:
        add(parser, "--seeds", seeds, f"{of}, seeded SEED, SEED+1, ...", type=int, metavar="N")
    if seed is not None:
        add(parser, "--seed", seed, "the first seed", type=int, metavar="K")
    parser.add_argument("--json", type=json_path, metavar="FILE", help="also write a list of records here")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def arguments_of(told: Namespace) -> dict[str, Any]:
    """What a command line says of the experiment itself."""
    other = ("command", "interrupted", "json", "out", "quiet", "usual_out")
    return {name: value for name, value in vars(told).items() if name not in other}


def flag(name: str) -> str:
    """The option that sets what has this name."""
    return f"--{name.replace('_', '-')}"


def differences(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    usual: Mapping[str, Any] | None = None,
    alike: bool = False,
) -> list[str]:
    """What was said otherwise, by option, with both values; `usual` is what was meant where nothing was said.

    With `alike` only options count that both know.
    """
    found, before = [], usual or {}
    for name in sorted(old.keys() & new.keys() if alike else old.keys() | new.keys()):
        was, now = (content.get(name, before.get(name)) for content in (old, new))
        if was != now:
            found.append(f"{flag(name)} was {_said(was)}, not {_said(now)}")
    return found


def in_short(found: Sequence[str]) -> str:
    """The first few differences, for a sentence."""
    return "; ".join(found[:3]) + (" ..." if len(found) > 3 else "")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "given" if value else "left out"
    return "left out" if value is None or value == [] else shown(value)


def resumable(parser: ArgumentParser) -> None:
    """Say, in the help and when it is interrupted, that the same command goes on.

    A command with a `journal` says what that keeps, once it has one: `told.interrupted = journal`.
    """
    parser.description = f"{parser.description}\n\nKilled or interrupted, the same command goes on."
    parser.set_defaults(interrupted=GOES_ON)


class Each(Action):
    """Takes several values, and none of them twice."""

    def __call__(self, parser: Any, namespace: Namespace, values: Any, option: str | None = None) -> None:
        twice = [value for i, value in enumerate(values) if value in values[:i]]
        if twice:
            raise ArgumentError(self, f"{printable(twice[0])} is named twice; name each once")
        setattr(namespace, self.dest, values)


ALSO_CALLED = {"--env": ("--problem",), "--problem": ("--env",)}
"""Two words for one thing: commands that fly episodes say `--env`, as PettingZoo does, others `--problem`."""


def add(parser: Any, name: str, default: Any, text: str, **how: Any) -> None:
    """An option whose help tells its default; of several values each is to be named once."""
    if how.get("nargs") == "+":
        how.setdefault("action", Each)
    names = (name, *ALSO_CALLED.get(name, ()))
    if default is not None:
        told = " ".join(map(str, default)) if isinstance(default, (list, tuple)) else default
        text = f"{text} (default: {told})"
    parser.add_argument(*names, default=default, help=text, **how)


def json_path(text: str) -> Path:
    """The path of a JSON file to write. Raises ArgumentTypeError for a file that is not ours."""
    from experiments.running.run_folder import check_json

    try:
        check_json(text)
    except SandboxError as error:
        raise ArgumentTypeError(str(error)) from None
    return Path(text)
