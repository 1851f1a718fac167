"""Any parts make a world together: finite, with energy that balances, and one future after a snapshot."""

from itertools import combinations

import numpy as np
import pytest
from pilots import differing
from test_faults import identical

from sandbox.errors import SandboxError
from sandbox.jobs import DECISIONS
from sandbox.maneuvers import RETURN
from sandbox.parts import PARTS, REQUIRES
from sandbox.propulsion import THRUSTS
from sandbox.scenario import load_scenario
from sandbox.state import THINKING, arrays
from sandbox.world import World


def is_closed(names):
    return all(need in names for name in names for need in REQUIRES.get(name, ()))


CLOSED = [names for size in range(len(PARTS) + 1) for names in combinations(PARTS, size) if is_closed(names)]
THRUSTERS = {"spacecraft.computing_satellite.propulsion": {"propellant_kg": 0.001, "least_charge": 0.0}}
SOME = [
    ("faults",),
    ("encounters", "propulsion", "orders"),
    ("lasers", "messages", "weather", "orders"),
    ("lasers", "jobs", "faults"),
]


def anything(world, rng):
    """Commands at random, of every kind that the world takes."""
    team, commands = (world.worlds, world.satellites), world.commands()
    commands.mode[...] = rng.integers(0, 5, team)
    commands.place[...] = rng.integers(0, world.shown, team)
    commands.queue[...] = rng.integers(0, len(DECISIONS), team)
    commands.burn[...] = rng.integers(0, RETURN + 1, team)
    commands.late_burn[...] = rng.integers(0, RETURN + 1, team)
    commands.reload[...] = rng.random(team) < 0.1
    commands.thrust[...] = rng.integers(0, len(THRUSTS), team)
    thinking = np.zeros(team, THINKING)
    thinking["delay"] = thinking["busy"] = rng.uniform(0.0, 30.0, team) * (rng.random(team) < 0.4)
    thinking["power"] = 60.0
    commands.length[...] = rng.integers(0, world.message_bytes + 1, team)
    if world.orders is not None:
        world.orders["command"] = rng.integers(0, 4, team)
        world.orders["queue"] = rng.integers(0, len(DECISIONS), team)
        world.orders["request"] = world.state.opportunities["request"][..., 0]
    return commands._replace(thinking=thinking)


def held(world):
    """Every array of a world that its future depends on."""
    moment = world.snapshot()
    return [*arrays(moment.state), *(array for part in moment.more.values() for array in part)]


@pytest.mark.parametrize(
    "names", [pytest.param(names, marks=() if names in SOME else pytest.mark.slow) for names in CLOSED]
)
def test_any_parts_go_together(disaster, trouble, names):
    scenario = disaster(changes=trouble | THRUSTERS)
    world = World(scenario, 2, parts=names, message_bytes=8 * ("messages" in names))
    assert world.parts == names
    assert [getattr(world, name) is None for name in PARTS] == [name not in names for name in PARTS]
    world.reset(5)
    power, initial = world.state.power, world.state.power["energy"].copy()

    def play(rounds, seed):
        rng = np.random.default_rng(seed)
        for _ in range(rounds):
            world.step(anything(world, rng))
        return held(world)

    for array in play(60, 0):
        for name in array.dtype.names or [...]:
            if array.dtype[name].kind == "f" if name is not ... else array.dtype.kind == "f":
                unset = name in ("captured_at", "delivered_at")
                assert unset or not np.isnan(array[name]).any(), name
    made = initial + power["harvested"] + power["unmet"]
    gone = power["consumed"] + power["lost"] + power["curtailed"]
    np.testing.assert_allclose(power["energy"], made - gone, rtol=1e-9, atol=1e-3)
    moment = world.snapshot()
    future = play(20, 1)
    world.restore(moment)
    assert identical(play(20, 1), future)


class TestChoice:
    def test_what_is_required_is_added(self):
        for name, more in (("jobs", {}), ("messages", {}), ("encounters", {})):
            world = World("relay_40", parts=(name,), horizon_s=60.0, **more)
            assert set(world.parts) == {name, *REQUIRES.get(name, ())}
        assert World("pair", parts=(), message_bytes=4, horizon_s=60.0).parts == ("lasers", "messages")

    @pytest.mark.parametrize(
        ("parts", "says"),
        [
            (("job",), "Unknown part of a world 'job'"),
            ("jobs", "parts = 'jobs'; give a tuple"),
            ((7,), "'7'"),
        ],
    )
    def test_wrong_ones_are_one_sentence(self, parts, says):
        with pytest.raises(SandboxError, match=says):
            World("pair", parts=parts)

    def test_by_default_those_that_the_scenario_has_something_for(self, disaster):
        assert World(disaster(calm=True)).parts == ("lasers", "jobs", "weather")
        assert World(disaster()).parts == ("lasers", "jobs", "encounters", "faults", "weather")
        silent = {"jobs.kinds": [], "spacecraft.computing_satellite.lasers.terminals": 0}
        silent |= {"encounters.staged_per_day": 0, "weather.rain": False}
        assert World(load_scenario("pair", silent)).parts == ()

    def test_standing_orders_take_no_commands_of_their_kind(self, disaster):
        world = World(disaster(calm=True), parts=("orders",))
        world.reset(0)
        with pytest.raises(SandboxError, match=r"mode: .* change world\.orders"):
            world.step(mode=np.zeros((1, world.satellites), int))


def test_boards_that_are_off_save_their_load(disaster):
    """In safe mode, with jobs or without: the standing load of the boards is not drawn."""
    craft = disaster(calm=True).spacecraft["computing_satellite"]
    for parts in (("faults",), ("jobs", "faults")):
        worlds = [World(disaster(calm=True), parts=parts) for _ in range(2)]
        for world in worlds:
            world.reset(0)
        worlds[1].state.safety["safe"][0, 0] = True
        for world in worlds:
            world.step()
        drawn = [world.state.activity["consumed"][0] for world in worlds]
        saved = worlds[0].fleet.craft["compute_load"][0] * worlds[0].scenario.round_s
        assert saved > 0.0
        assert drawn[0][0] - drawn[1][0] == pytest.approx(saved)
        assert (drawn[0][1:] == drawn[1][1:]).all()
    assert craft.compute is not None


def test_a_new_world_alike_has_the_same_future(disaster):
    world = World(disaster(), parts=PARTS, shown=2, warned=1, message_bytes=4)
    twin = world.alike(1)
    for each in (world, twin):
        each.reset(3)
        for _ in range(5):
            each.step()
    assert differing(world.state, twin.state) == []
    assert world.encounters.warnings.shape == twin.encounters.warnings.shape
