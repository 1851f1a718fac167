"""Orders for the tests of whole worlds."""

import numpy as np

from sandbox.state import CHARGE, DOWNLINK, NONE, OBSERVE


def orders(world, command, choice=0):
    team = (world.worlds, world.satellites)
    return np.full(team, command, np.int32), np.full(team, choice, np.int32)


def at_random(world, rng):
    team = (world.worlds, world.satellites)
    return rng.integers(0, 5, team, np.int32), rng.integers(0, world.shown, team, np.int32)


def sensible(world):
    """Send when possible, else image what is worth most, else charge."""
    state = world.state
    command, choice = orders(world, CHARGE)
    command[state.opportunities["request"][:, :, 0] != NONE] = OBSERVE
    command[(state.outlook["station"] != NONE) & (state.store.level["count"] > 0)] = DOWNLINK
    return command, choice
