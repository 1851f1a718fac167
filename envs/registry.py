"""Decision problems by name: ours, and those of others, with the same rights."""

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium

from sandbox.errors import SandboxError, unknown_name

if TYPE_CHECKING:
    from envs.problem import Problem

__all__ = ["find", "names", "register"]

_PROBLEMS: "dict[str, str | type[Problem]]" = {
    "tasking_v0": "envs.tasking_v0:Tasking",
    "offloading_v0": "envs.offloading_v0:Offloading",
    "avoidance_v0": "envs.avoidance_v0:Avoidance",
    "autonomy_v0": "envs.autonomy_v0:Autonomy",
}
"""Where each problem is; imported when it is first asked for."""


def names() -> list[str]:
    """The names of the decision problems that are registered."""
    return list(_PROBLEMS)


def register(problem: "type[Problem] | str", name: str | None = None) -> None:
    """Give a problem a name, its own by default: then it can be made by that name wherever ours can.

    `problem` is a subclass of `envs.Problem`, or `module:Class`. Raises SandboxError for what is none, and
    for a name that another problem has.
    """
    kind = find(problem) if isinstance(problem, str) and name is None else problem
    chosen = name or kind.name  # type: ignore[union-attr]
    if not re.fullmatch(r"[a-z]\w*_v\d+", chosen):
        raise SandboxError(f"The name of a problem is {chosen!r:.60}; give one such as relay_v0.")
    if chosen in _PROBLEMS and _path(_PROBLEMS[chosen]) != _path(kind):
        raise SandboxError(
            f"{chosen} is registered already, as {_path(_PROBLEMS[chosen])}; choose another name."
        )
    _PROBLEMS[chosen] = kind


def find(problem: "type[Problem] | str") -> "type[Problem]":
    """The class of a problem, given by name, as `module:Class` or as itself; else raises SandboxError."""
    kind: Any = _PROBLEMS.get(problem, problem) if isinstance(problem, str) else problem
    if isinstance(kind, str):
        module, colon, attribute = kind.partition(":")
        if not colon:
            raise unknown_name("decision problem", kind, names(), "or give module:Class")
        try:
            kind = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise SandboxError(
                f"The problem {problem!r:.80} cannot be loaded ({error}); give module:Class of a Problem."
            ) from None
    from envs.problem import Problem

    if not (isinstance(kind, type) and issubclass(kind, Problem)):
        raise SandboxError(f"{problem!r:.80} is not a subclass of envs.Problem.")
    return kind


def _path(kind: Any) -> str:
    return kind if isinstance(kind, str) else f"{kind.__module__}:{kind.__qualname__}"


def register_all() -> None:
    """Tell Gymnasium and PettingZoo of every problem, with entry points that are imported when first used."""
    import pettingzoo

    register_pettingzoo = getattr(pettingzoo, "register", None)  # since 1.27
    for path in _PROBLEMS.values():
        module = _path(path).partition(":")[0]
        short, version = module.rpartition(".")[2].rsplit("_", 1)
        single = f"sandbox/{short.capitalize()}-{version}"
        if single not in gymnasium.registry:
            gymnasium.register(
                single, entry_point=f"{module}:satellite_env", vector_entry_point=f"{module}:vector_env"
            )
        team = f"sandbox/{short}-{version}"
        if register_pettingzoo is None:
            continue
        if team not in pettingzoo.parallel_registry:
            register_pettingzoo("parallel", team, f"{module}:parallel_env")
        if team not in pettingzoo.aec_registry:
            register_pettingzoo("aec", team, f"{module}:env")
