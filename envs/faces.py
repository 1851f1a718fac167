"""The faces of a decision problem, the same for all: functions that make an environment of it."""

from collections.abc import Callable, Iterable
from inspect import Parameter, signature
from typing import Any, NamedTuple

from envs.batch import BatchEnv, horizon_of, rounds_in
from envs.difference import DifferenceBatch
from envs.joint import JointBatch, JointFace
from envs.messaging import MessagingFace
from envs.options import unknown_option
from envs.parallel import ParallelFace, sequential
from envs.problem import Problem
from envs.single import SatelliteEnv, alone, one_satellite
from envs.vector import SatelliteVectorEnv
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario
from sandbox.world import World


class Faces(NamedTuple):
    """Functions that make an environment; all take the arguments on the problem's page."""

    batch_env: Callable[..., BatchEnv]
    parallel_env: Callable[..., ParallelFace]
    raw_env: Callable[..., Any]
    env: Callable[..., Any]
    satellite_env: Callable[..., SatelliteEnv]
    vector_env: Callable[..., SatelliteVectorEnv]


def make_batch(
    problem: type[Problem],
    scenario: Any = None,
    worlds: int = 1,
    *,
    max_cycles: int | None = None,
    team_reward: bool = False,
    difference_reward: bool = False,
    multi_discrete: bool = False,
    questions: int = 0,
    autoreset: bool = True,
    threads: int = 1,
    **options: Any,
) -> BatchEnv:
    """B worlds of a problem at once. Raises SandboxError for bad arguments and for unknown options."""
    _know(problem, options, make_batch)
    scenario = load_scenario(problem.scenario if scenario is None else scenario, problem.overrides)
    declaration = problem.declare(**options)
    parts = sorted({part for block in declaration.blocks for part in block.parts})
    sizes: dict[str, Any] = {"shown": 1, "warned": 1, "whole_inbox": False, "questions": questions}
    sizes |= declaration.world or {}
    horizon, team = horizon_of(scenario, max_cycles), declaration.robots
    if team is not None:
        scenario = team.prepared(scenario)
        sizes["questions"] += team.room(rounds_in(scenario, horizon))
    world = World(scenario, worlds, parts=parts, horizon_s=horizon, threads=threads, **sizes)
    if team is not None:
        world.attach(team.over(world))
    made = problem(world, declaration, team_reward=team_reward)
    if difference_reward:
        if team is not None:
            raise SandboxError("difference_reward cannot follow robots; leave out one of the two.")
        if multi_discrete:
            raise SandboxError("difference_reward needs one action a satellite; leave out multi_discrete.")
        return DifferenceBatch(made, autoreset=autoreset)
    if not multi_discrete:
        return BatchEnv(made, autoreset=autoreset)
    return JointBatch(made, autoreset=autoreset)


def make_parallel(
    problem: type[Problem],
    scenario: Any = None,
    *,
    mask_in_obs: bool = False,
    death: str = "noop",
    render_mode: str | None = None,
    **arguments: Any,
) -> ParallelFace:
    """PettingZoo's parallel environment of a problem. Raises SandboxError for arguments that it has not."""
    for name in ("worlds", "threads", "autoreset"):
        if name in arguments:
            raise SandboxError(f"{name} is an argument of the batch face alone; leave it out here.")
    _know(problem, arguments, make_batch, make_parallel)
    batch = make_batch(problem, scenario, autoreset=False, **arguments)
    kind: Any = MessagingFace if batch.problem.message_size else ParallelFace
    if isinstance(batch, JointBatch):
        kind = JointFace
    return kind(batch, mask_in_obs=mask_in_obs, death=death, render_mode=render_mode)


def _keywords(maker: Callable) -> list[Parameter]:
    return [p for p in signature(maker).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]


def _know(problem: type[Problem], given: Iterable[str], *makers: Callable) -> None:
    """Raises SandboxError for an argument that neither the problem nor one of the makers has."""
    shared = [parameter.name for maker in makers for parameter in _keywords(maker)]
    for name in given:
        if name not in problem.options() and name not in shared:
            raise unknown_option(problem.name, name, (*problem.options(), *shared))


def _check(problem: type[Problem]) -> None:
    """Raises SandboxError where a class lacks what every problem says, or its options cannot be given."""
    for name in ("name", "scenario"):
        if not isinstance(getattr(problem, name, None), str):
            raise SandboxError(f"{problem.__qualname__}.{name} is missing; give a string.")
    shared = {"scenario", "worlds", "satellite", "teammates", "num_envs", "autoreset_mode", "problem", "face"}
    shared.update(p.name for maker in (make_batch, make_parallel) for p in _keywords(maker))
    for name, parameter in signature(problem.declare).parameters.items():
        if name in shared:
            raise SandboxError(f"{problem.name}: every problem has an argument {name}; rename the option.")
        if parameter.default is Parameter.empty:
            raise SandboxError(f"{problem.name}: the option {name} has no default; give one in declare().")


_KNOWN: dict[Any, "Faces"] = {}


def faces_of(problem: type[Problem]) -> Faces:
    """The faces of `problem`, as functions of the module that it is in; the same at every call.

    Raises SandboxError for a problem without a name or scenario, and for options that cannot be given.
    """
    if problem not in _KNOWN:
        _check(problem)
        _KNOWN[problem] = _faces(problem)
    return _KNOWN[problem]


def _faces(problem: type[Problem]) -> Faces:
    def batch_env(scenario: Any = problem.scenario, worlds: int = 1, **arguments: Any) -> BatchEnv:
        """B worlds at once, arrays in and arrays out; see `BatchEnv` and the module's page."""
        return make_batch(problem, scenario, worlds, **arguments)

    def parallel_env(scenario: Any = problem.scenario, **arguments: Any) -> ParallelFace:
        """PettingZoo's parallel environment; arguments on the module's page."""
        return make_parallel(problem, scenario, **arguments)

    def raw_env(scenario: Any = problem.scenario, **arguments: Any) -> Any:
        """PettingZoo's agent-environment-cycle environment, bare."""
        return sequential(parallel_env(scenario, **arguments), wrapped=False)

    def env(scenario: Any = problem.scenario, **arguments: Any) -> Any:
        """PettingZoo's agent-environment-cycle environment, with the check of order."""
        return sequential(parallel_env(scenario, **arguments), wrapped=True)

    def satellite_env(
        scenario: Any = problem.scenario,
        *,
        satellite: str | None = None,
        teammates: Any = None,
        render_mode: str | None = None,
        **arguments: Any,
    ) -> SatelliteEnv:
        """Gymnasium's environment for one satellite, by name or the first of the fleet.

        Without `teammates` it flies alone; with them (a policy or a function) the whole fleet flies and they
        decide for the others.
        """
        return one_satellite(batch_env, scenario, satellite, teammates, render_mode, **arguments)

    def vector_env(
        num_envs: int = 1,
        scenario: Any = problem.scenario,
        *,
        satellite: str | None = None,
        autoreset_mode: Any = "NextStep",
        render_mode: str | None = None,
        **arguments: Any,
    ) -> SatelliteVectorEnv:
        """Gymnasium's vector environment: `num_envs` worlds in which one satellite flies alone."""
        batch = batch_env(alone(load_scenario(scenario), satellite), num_envs, autoreset=False, **arguments)
        return SatelliteVectorEnv(batch, autoreset_mode, render_mode)

    faces = Faces(batch_env, parallel_env, raw_env, env, satellite_env, vector_env)
    for face in faces:  # so that they can be pickled
        face.__module__, face.__qualname__ = problem.__module__, face.__name__
    _name_arguments(batch_env, make_batch, problem)
    _name_arguments(parallel_env, make_parallel, problem)
    return faces


def _name_arguments(face: Any, maker: Callable, problem: type[Problem]) -> None:
    """Let help() and tab completion show all arguments of a face."""
    shared = _keywords(maker)
    if maker is make_parallel:
        shared += [p for p in _keywords(make_batch) if p.name not in ("autoreset", "threads")]
    own = [p for p in signature(face).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    options = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in signature(problem.declare).parameters.values()]
    face.__signature__ = signature(face).replace(parameters=[*own, *options, *shared])


__all__ = ["Faces", "faces_of", "make_batch", "make_parallel"]
