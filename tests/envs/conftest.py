"""A world small enough to play whole episodes in a blink: two satellites, two stations, 120 requests."""

import warnings
from pathlib import Path

import pytest

EXPLAINED = (
    "Observation space for each agent probably should be gymnasium.spaces.box or gymnasium.spaces.discrete",
    "Observation is not a NumPy array",
    "Action space for each agent probably should be",
)
"""What PettingZoo warns of when observations are a Dict or actions a Tuple, which some forms ask for."""
SMALL = {"requests.initial": 120, "requests.per_hour": 20.0}


@pytest.fixture(scope="session")
def small():
    from sandbox.scenario import load_scenario

    return load_scenario("pair", SMALL)


@pytest.fixture(scope="session")
def dying():
    """The same with batteries that run empty within the first half hour, not all at once."""
    from sandbox.scenario import load_scenario

    craft = "spacecraft.computing_satellite.power"
    return load_scenario("pair", SMALL | {f"{craft}.battery_wh": 30.0, f"{craft}.initial_charge": [0.2, 1.0]})


@pytest.fixture
def no_unexplained_warning():
    """PettingZoo and Gymnasium find nothing in our environments to warn of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    told = [str(w.message) for w in caught if {"pettingzoo", "gymnasium"} & set(Path(w.filename).parts)]
    assert [text for text in told if not text.startswith(EXPLAINED)] == []


@pytest.fixture(scope="session")
def problems(small, disaster, trouble):
    """(module, scenario) of every problem, in a world of a few satellites in which much happens."""
    from envs import autonomy_v0, avoidance_v0, offloading_v0, operations_v0, tasking_v0
    from sandbox.scenario import load_scenario

    everything = disaster(changes=trouble)
    return {
        "tasking_v0": (tasking_v0, small),
        "offloading_v0": (offloading_v0, everything),
        "avoidance_v0": (avoidance_v0, everything),
        "autonomy_v0": (autonomy_v0, everything),
        "operations_v0": (operations_v0, load_scenario(everything, {"orders.initial": 8})),
    }


@pytest.fixture(scope="session")
def holdings():
    """A function: a digest of all that the future of a world depends on."""
    from hashlib import sha256

    from sandbox.state import arrays

    def held(world):
        moment = world.snapshot()
        digest = sha256(repr((moment.generators, moment.ready.tolist())).encode())
        for array in (*arrays(moment.state), *(one for part in moment.more.values() for one in part)):
            for name in array.dtype.names or ():  # between the fields there may be anything
                digest.update(array[name].tobytes())
            digest.update(b"" if array.dtype.names else array.tobytes())
        return digest.hexdigest()

    return held
