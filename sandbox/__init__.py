"""The world: satellites with orbits, batteries, boards and links, stepped in compiled kernels.

    from sandbox import World, load_scenario

    world = World(load_scenario("scs01", {"horizon_h": 6}), worlds=64)
    world.reset(seed=0)
    world.step()

These names are imported when they are first asked for. Libraries of their own are `sandbox.orbits`,
`sandbox.conjunctions`, `sandbox.recording` and `sandbox.rendering`; what a scenario may hold is told by
`sandbox.scenario`, what a world may have by `sandbox.parts`. For sizing a satellite, and called by no world:
`model_config.model_from_config` (a language model by its own configuration) and `load_seconds`,
`sensing.ground_sample_distance`, `thermal.steady_temperature`, `routing.path_delay`.
"""

from importlib import import_module
from typing import Any

from sandbox.rooms import PROJECT, warn_of_strangers

_HOME = {
    "World": "sandbox.world",
    "Scenario": "sandbox.scenario",
    "load_scenario": "sandbox.scenario",
    "scenario_names": "sandbox.scenario",
    "Recording": "sandbox.recording",
    "SandboxError": "sandbox.errors",
}
__all__ = [*_HOME, "__version__"]

warn_of_strangers()


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'sandbox' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def _version() -> str:
    """Of the installation; "0+unknown", with a warning, where there is none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(PROJECT)
    except PackageNotFoundError:
        import warnings

        warnings.warn(
            f"{PROJECT} is not installed, so its version is unknown; install it with pip.", stacklevel=3
        )
        return "0+unknown"
