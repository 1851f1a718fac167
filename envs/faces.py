"""The faces of a decision problem that are the same for all: made from its batch and its parallel face."""

from collections.abc import Callable
from inspect import signature
from typing import Any, NamedTuple

from envs.parallel import sequential
from envs.single import SatelliteEnv, Teammates, alone, one_satellite
from envs.vector import SatelliteVectorEnv
from sandbox.scenario import load_scenario


class Faces(NamedTuple):
    """Functions that make an environment; all take the arguments on the problem's page."""

    raw_env: Callable[..., Any]
    env: Callable[..., Any]
    satellite_env: Callable[..., SatelliteEnv]
    vector_env: Callable[..., SatelliteVectorEnv]


def make_faces(batch_env: Callable[..., Any], parallel_env: Callable[..., Any]) -> Faces:
    """The faces of the problem whose module has these two; they belong to that module."""
    default = signature(batch_env).parameters["scenario"].default

    def raw_env(**arguments: Any) -> Any:
        """PettingZoo's agent-environment-cycle environment, bare."""
        return sequential(parallel_env(**arguments), wrapped=False)

    def env(**arguments: Any) -> Any:
        """PettingZoo's agent-environment-cycle environment, with the check of order."""
        return sequential(parallel_env(**arguments), wrapped=True)

    def satellite_env(
        scenario: Any = default,
        *,
        satellite: str | None = None,
        teammates: Teammates | None = None,
        render_mode: str | None = None,
        **arguments: Any,
    ) -> SatelliteEnv:
        """Gymnasium's environment for one satellite, by name or the first of the fleet.

        Without `teammates` it flies alone; with them the whole fleet flies and they decide for the others.
        """
        return one_satellite(batch_env, scenario, satellite, teammates, render_mode, **arguments)

    def vector_env(
        num_envs: int = 1,
        scenario: Any = default,
        *,
        satellite: str | None = None,
        autoreset_mode: Any = "NextStep",
        render_mode: str | None = None,
        **arguments: Any,
    ) -> SatelliteVectorEnv:
        """Gymnasium's vector environment: `num_envs` worlds in which one satellite flies alone."""
        batch = batch_env(alone(load_scenario(scenario), satellite), num_envs, autoreset=False, **arguments)
        return SatelliteVectorEnv(batch, autoreset_mode, render_mode)

    faces = Faces(raw_env, env, satellite_env, vector_env)
    for face in faces:  # so that they can be pickled
        face.__module__, face.__qualname__ = batch_env.__module__, face.__name__
    return faces
