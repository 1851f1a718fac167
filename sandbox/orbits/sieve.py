"""What a reader of catalogues does with what it cannot use: leave it out and say why, or refuse the file."""

from collections.abc import Iterable
from typing import NamedTuple

from sandbox.errors import SandboxError
from sandbox.orbits.catalogue_text import MOST_SETS

TOLD = 3
"""Objects left out that a warning or an error gives the reasons for."""
MOST_NAMED = 1_000
"""Objects left out of one file that are remembered one by one."""


class LeftOut(NamedTuple):
    """An object of a catalogue that is not used, and the sentence that says why."""

    name: str
    why: str


class Sieve:
    """Collects what is left out of the file `source`; a `strict` one raises it instead, as SandboxError."""

    def __init__(self, source: str, strict: bool) -> None:
        self.source, self.strict = source, strict
        self.left_out: list[LeftOut] = []
        self.count, self.passed_over = 0, ""

    def leave_out(self, error: SandboxError, name: str = "") -> None:
        """An element set that cannot be used. One error too many (`MOST_SETS`) refuses the file."""
        if self.strict:
            raise error
        self.count += 1
        if len(self.left_out) < MOST_NAMED:
            self.left_out.append(LeftOut(name, str(error)))
        if self.count > MOST_SETS:
            raise too_many(self.source)

    def pass_over(self, error: SandboxError) -> None:
        """Text that is no element set; the first is remembered, in case there is nothing else."""
        if self.strict:
            raise error
        self.passed_over = self.passed_over or str(error)

    def nothing(self) -> SandboxError:
        """The error for a file of which nothing remains."""
        if not self.left_out:
            return SandboxError(
                self.passed_over
                or f"{self.source}: holds no element set; give TLE, 3LE, or OMM as JSON, XML, CSV or KVN."
            )
        more = f" ({self.count - 1:,} more that cannot be used, none that can)" if self.count > 1 else ""
        return SandboxError(f"{self.left_out[0].why.removesuffix('.')}{more}.")


def too_many(source: str) -> SandboxError:
    return SandboxError(f"{source}: holds more than {MOST_SETS:,} element sets; give a smaller file.")


def described(left_out: Iterable[LeftOut], count: int, source: str) -> str:
    """The first of those left out, of `count`, each with its reason, and how many more there are."""
    parts = []
    for each in list(left_out)[:TOLD]:
        why = each.why.removeprefix(source).lstrip(":, ").removesuffix(".")
        parts.append(why if not each.name or each.name in why else f"{each.name}: {why}")
    more = [f"{count - len(parts):,} more"] if count > len(parts) else []
    return "; ".join(parts + more)
