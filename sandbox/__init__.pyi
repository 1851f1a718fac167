from sandbox.errors import SandboxError
from sandbox.recording import Recording
from sandbox.scenario import Scenario, load_scenario, scenario_names
from sandbox.world import World

__version__: str
__all__ = [
    "Recording",
    "SandboxError",
    "Scenario",
    "World",
    "__version__",
    "load_scenario",
    "scenario_names",
]
