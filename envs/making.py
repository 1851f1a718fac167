"""Environments by the name of their problem, in any face."""

from collections.abc import Callable
from typing import Any

from envs.faces import faces_of
from envs.problem import Problem
from envs.registry import find
from sandbox.errors import unknown_name

__all__ = ["FACES", "make"]

FACES = ("parallel", "aec", "raw", "batch", "single", "vector", "language")
"""The forms in which `make` gives an environment."""


def make(
    problem: str | type[Problem], scenario: Any = None, *, face: str = "parallel", **arguments: Any
) -> Any:
    """An environment of a decision problem.

    Args:
        problem: a name of `envs.names()`, `module:Class`, or a subclass of `envs.Problem`.
        scenario: a name, a YAML file, a dictionary or a Scenario; by default the problem's own.
        face: "parallel" or "aec" (PettingZoo; "raw" without its checks), "batch" (arrays of B worlds),
            "single" or "vector" (Gymnasium, one satellite), "language" (reports and replies).
        arguments: those on the problem's page.

    Raises SandboxError for unknown names and bad arguments.
    """
    kind = find(problem)
    if face not in FACES:
        raise unknown_name("face", face, FACES)
    if scenario is not None:
        arguments["scenario"] = scenario
    return _maker(kind, face)(**arguments)


def make_single(problem: str, **arguments: Any) -> Any:
    """Gymnasium's environment of a problem, as its registry asks for it."""
    return make(problem, face="single", **arguments)


def make_vector(problem: str, **arguments: Any) -> Any:
    """Gymnasium's vector environment of a problem, as its registry asks for it."""
    return make(problem, face="vector", **arguments)


def _maker(kind: type[Problem], face: str) -> Callable[..., Any]:
    faces = faces_of(kind)
    if face != "language":
        names = {"parallel": "parallel_env", "aec": "env", "raw": "raw_env", "batch": "batch_env",
                 "single": "satellite_env", "vector": "vector_env"}  # fmt: skip
        return getattr(faces, names[face])
    from envs.language import LanguageEnv

    return lambda **arguments: LanguageEnv(faces.parallel_env(**arguments))
