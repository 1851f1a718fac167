"""For the tests of whole worlds: orders, and how two states differ."""

from functools import partial

import numpy as np

from sandbox.compiled import kernel
from sandbox.faults import reload_all, strike
from sandbox.parts import PARTS
from sandbox.safety import SafeRules
from sandbox.state import CHARGE, DOWNLINK, NONE, OBSERVE, THINKING, arrays
from sandbox.world import World

plain_world = partial(World, parts=())
job_world = partial(World, parts=("jobs",))
encounter_world = partial(World, parts=("encounters",))
whole_world = partial(World, parts=PARTS)


@kernel
def strike_worlds(sim, which):
    """Strike once, outside of a round."""
    for b in which:
        strike(sim.state, sim.constants, sim.jobs, sim.lasers, sim.faults, b)


@kernel
def reload_worlds(sim, which, wanted):
    """Load weights anew where `wanted` (B, N), outside of a round."""
    for b in which:
        reload_all(sim.state, sim.constants, sim.jobs, sim.lasers, sim.faults, wanted[b], b)


def change_rules(world, **rules):
    """Set parameters of the faults of a world, and of its safe mode."""
    safety = {name: rules.pop(name) for name in tuple(rules) if name in SafeRules._fields}
    faults = world.faults._replace(params=world.faults.params._replace(**rules))
    constants = world.constants._replace(safety=world.constants.safety._replace(**safety))
    world.constants, world.sim = constants, world.sim._replace(faults=faults, constants=constants)


def play_round(world, mode, place, thinking=None):
    """A round under commands of pointing alone, and of thought."""
    more = {} if thinking is None else {"thinking": thinking}
    world.step(mode=mode, place=place, **more)


def orders(world, mode, place=0):
    team = (world.worlds, world.satellites)
    return np.full(team, mode, np.int32), np.full(team, place, np.int32)


def at_random(world, rng):
    team = (world.worlds, world.satellites)
    return rng.integers(0, 5, team, np.int32), rng.integers(0, world.shown, team, np.int32)


def sensible(world):
    """Send when possible, else image what is worth most, else charge."""
    state = world.state
    mode, place = orders(world, CHARGE)
    mode[state.opportunities["request"][:, :, 0] != NONE] = OBSERVE
    mode[(state.outlook["station"] != NONE) & (state.store.level["count"] > 0)] = DOWNLINK
    return mode, place


def thinking(world, command=0, choice=0, delay=0.0, busy=0.0, power=0.0):
    """The same thinking everywhere; `command` and `choice` are the standing order."""
    records = np.zeros((world.worlds, world.satellites), THINKING)
    for name, value in locals().items():
        if name in records.dtype.names:
            records[name] = value
    return records


def thoughts(world, rng):
    """Standing orders at random that rule for random parts of the round, with the board at work."""
    mode, place = at_random(world, rng)
    length = world.scenario.round_s
    delay, busy = rng.uniform(-0.3, 1.3, (2, world.worlds, world.satellites)).clip(0.0, 1.0) * length
    watts = rng.uniform(0.0, 200.0, delay.shape)
    return thinking(world, mode, place, delay, busy, watts)


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
