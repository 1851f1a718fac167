"""A world small enough to play whole episodes in a blink: two satellites, two stations, 120 requests."""

import pytest

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
