"""For the tests of whole worlds: orders, and how two states differ."""

import numpy as np

from sandbox.state import CHARGE, DOWNLINK, NONE, OBSERVE, THINKING, arrays


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


def thinking(world, command=0, choice=0, delay=0.0, busy=0.0, power=0.0):
    """The same thinking everywhere; `command` and `choice` are the standing order."""
    records = np.zeros((world.worlds, world.satellites), THINKING)
    for name, value in locals().items():
        if name in records.dtype.names:
            records[name] = value
    return records


def thoughts(world, rng):
    """Standing orders at random that rule for random parts of the round, with the board at work."""
    command, choice = at_random(world, rng)
    length = world.scenario.round_s
    delay, busy = rng.uniform(-0.3, 1.3, (2, *command.shape)).clip(0.0, 1.0) * length
    return thinking(world, command, choice, delay, busy, rng.uniform(0.0, 200.0, command.shape))


def differing(one, other):
    """Names of the fields, or numbers of the arrays, in which two states differ by a bit."""
    found = []
    for i, (a, b) in enumerate(zip(arrays(one), arrays(other), strict=True)):
        for name in a.dtype.names or [None]:
            x, y = (a[name], b[name]) if name else (a, b)
            if not np.array_equal(x, y, equal_nan=x.dtype.kind == "f"):
                found.append(name or i)
    return found


def one_of(state, b):
    """World b of a state as a state of one."""
    parts = (type(p)(*(a[b : b + 1] for a in p)) if isinstance(p, tuple) else p[b : b + 1] for p in state)
    return type(state)(*parts)
