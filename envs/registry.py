"""Decision problems by name: ours, and those of others, with the same rights."""

import re
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import gymnasium

from sandbox.errors import SandboxError, printable, shown, unknown_name

if TYPE_CHECKING:
    from envs.problem import Problem

__all__ = ["find", "names", "register"]

_PROBLEMS: "dict[str, str | type[Problem]]" = {
    "tasking_v0": "envs.tasking_v0:Tasking",
    "offloading_v0": "envs.offloading_v0:Offloading",
    "avoidance_v0": "envs.avoidance_v0:Avoidance",
    "autonomy_v0": "envs.autonomy_v0:Autonomy",
    "operations_v0": "envs.operations_v0:Operations",
}
"""Where each problem is; imported when it is first asked for."""


def names() -> list[str]:
    """The names of the decision problems that are registered."""
    return list(_PROBLEMS)


def register(problem: "type[Problem] | str", name: str | None = None) -> None:
    """Give a problem a name, its own by default: then it can be made by that name wherever ours can.

    `problem` is a subclass of `envs.Problem`, or `module:Class`. Gymnasium and PettingZoo hear of it, too.
    Raises SandboxError for what is none, and for a name that another problem has.
    """
    kind = find(problem)
    chosen: Any = getattr(kind, "name", None) if name is None else name
    if not (isinstance(chosen, str) and re.fullmatch(r"[a-z][a-z0-9_]*_v\d+", chosen, re.ASCII)):
        raise SandboxError(f"The name of a problem is {shown(chosen)}; give one such as relay_v0.")
    if chosen in _PROBLEMS and _path(_PROBLEMS[chosen]) != _path(kind):
        raise SandboxError(
            f"{chosen} is registered already, as {_path(_PROBLEMS[chosen])}; choose another name."
        )
    _PROBLEMS[chosen] = kind
    _announce(chosen)


def find(problem: "type[Problem] | str") -> "type[Problem]":
    """The class of a problem, given by name, as `module:Class` or as itself; else raises SandboxError."""
    kind: Any = _PROBLEMS.get(problem, problem) if isinstance(problem, str) else problem
    if isinstance(kind, str):
        module, colon, attribute = kind.partition(":")
        if not colon:
            raise unknown_name("decision problem", kind, names())
        try:
            kind = attrgetter(attribute)(import_module(module))
        except (ImportError, AttributeError, TypeError, ValueError) as error:  # the last of `:A`, `.a:A`
            raise SandboxError(
                f"The problem {shown(problem)} cannot be loaded ({printable(error)}); "
                "give module:Class of a Problem."
            ) from None
    from envs.problem import Problem

    if not (isinstance(kind, type) and issubclass(kind, Problem)):
        raise SandboxError(
            f"{shown(problem)} is not a subclass of envs.Problem; give one, its name or module:Class."
        )
    return kind


def _path(kind: Any) -> str:
    return kind if isinstance(kind, str) else f"{kind.__module__}:{kind.__qualname__}"


def register_all() -> None:
    """Tell Gymnasium and PettingZoo of every problem, with entry points that are imported when first used."""
    for name in _PROBLEMS:
        _announce(name)


def _announce(name: str) -> None:
    import pettingzoo

    short, version = name.rsplit("_", 1)
    single, team = f"sandbox/{short.capitalize()}-{version}", f"sandbox/{short}-{version}"
    entry = "envs.making:make"
    if single not in gymnasium.registry:
        gymnasium.register(
            single,
            entry_point=f"{entry}_single",
            vector_entry_point=f"{entry}_vector",
            kwargs={"problem": name},
        )
    if not hasattr(pettingzoo, "register"):  # it came with 1.27
        return
    for face in ("parallel", "aec"):
        if team not in getattr(pettingzoo, f"{face}_registry"):
            pettingzoo.register(face, team, entry, kwargs={"problem": name, "face": face})
