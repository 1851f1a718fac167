"""Electric propulsion: spirals in closed form and in boinor, the rocket equation, joules, what lies ahead.

The thruster is the default one on 20 kg, six times the acceleration of the first computing satellites.
"""

import copy
from math import cos, exp, log, pi, sin, sqrt

import numpy as np
import pytest
from boinor.core.thrust.change_a_inc import change_a_inc
from pilots import differing
from scipy.integrate import solve_ivp

from sandbox.errors import SandboxError
from sandbox.maneuvers import SEEK_M_S, carried
from sandbox.orbits.bodies import MU_EARTH
from sandbox.orbits.forces import acceleration
from sandbox.propulsion import OFF, PROGRADE, RETROGRADE, STANDARD_GRAVITY, delta_v_left
from sandbox.scenario import load_scenario
from sandbox.state import CHARGE, IDLE, arrays
from sandbox.world import World

RADIUS_M, MASS_KG, PROPELLANT_KG = 6_928e3, 20.0, 2.0
FORCE_N = 2.0 * 0.43 * 200.0 / (1_375.0 * STANDARD_GRAVITY)
EXHAUST_M_S = 1_375.0 * STANDARD_GRAVITY


@pytest.fixture
def ship(small):
    """A function: the scenario of one satellite in a circle, with power without end, and changes of it."""
    craft = small["spacecraft"]["craft"]
    craft["body"]["mass_kg"] = MASS_KG
    craft["propulsion"] = {"propellant_kg": PROPELLANT_KG}
    craft["power"] |= {"battery_wh": 1e6, "panel_mount": "tracking"}
    craft["thermal"]["heat_capacity_j_k"] = 1e9
    speed = sqrt(MU_EARTH / RADIUS_M) / 1e3
    state = {"name": "A", "position_km": [RADIUS_M / 1e3, 0, 0],
             "velocity_km_s": [0, speed * cos(0.9), speed * sin(0.9)]}  # fmt: skip
    small["fleet"] = [{"name": "One", "spacecraft": "craft", "states": [state]}]
    small |= {
        "requests": {"initial": 0, "per_hour": 0},
        "forces": {"j2": False},
        "round_s": 300,
        "horizon_h": 48,
    }

    def make(**changes):
        return load_scenario(small, {name.replace("__", "."): value for name, value in changes.items()})

    return make


def flown(scenario, rounds, thrust=PROGRADE, parts=("propulsion",)):
    world = World(scenario, parts=parts)
    world.reset(seed=0)
    for _ in range(rounds):
        world.step(thrust=told(world, thrust))
    return world


def told(world, thrust):
    return np.full((world.worlds, world.satellites), thrust, np.int32)


def tank_of(world):
    return world.propulsion.state.tank[0, 0]


def axis_of(world):
    p, v = world.state.orbit.position[0, 0], world.state.orbit.velocity[0, 0]
    return 1.0 / (2.0 / np.linalg.norm(p) - v @ v / MU_EARTH)


class TestSpiral:
    @pytest.mark.parametrize("thrust", [PROGRADE, RETROGRADE])
    def test_takes_the_difference_of_the_circular_speeds(self, ship, thrust):
        """A day and a half, 140 km: to 1e-5 of it, the eccentricity that thrust stirs up (3e-4) squared."""
        world = flown(ship(), 400, thrust)
        tank, first, last = tank_of(world), sqrt(MU_EARTH / RADIUS_M), sqrt(MU_EARTH / axis_of(world))
        assert abs(first - last) == pytest.approx(tank["spent"], rel=1e-5)
        assert (axis_of(world) > RADIUS_M) == (thrust == PROGRADE)
        assert abs(axis_of(world) - RADIUS_M) > 130e3

    def test_takes_the_time_and_the_propellant_of_the_rocket_equation(self, ship):
        world = flown(ship(), 400)
        seconds, gain = 400 * 300.0, tank_of(world)["spent"]
        used = PROPELLANT_KG - tank_of(world)["propellant"]
        assert used == pytest.approx(MASS_KG * (1.0 - exp(-gain / EXHAUST_M_S)), rel=1e-11)
        assert used == pytest.approx(FORCE_N / EXHAUST_M_S * seconds, rel=1e-11)
        left = EXHAUST_M_S * log(MASS_KG / (MASS_KG - PROPELLANT_KG)) - gain
        assert delta_v_left(world.propulsion, 0, 0) == pytest.approx(left, rel=1e-10)

    @pytest.mark.parametrize("forces", [{"j2": False}, {"j2": True, "j3": True}])
    @pytest.mark.parametrize("round_s", [30.0, 300.0])
    def test_is_that_of_a_thrust_without_breaks(self, ship, forces, round_s):
        """SciPy's DOP853 at 1e-13: within a millimetre of it after half a day of impulses."""
        world = flown(ship(forces=forces, round_s=round_s), 0)
        orbit, which = world.state.orbit, world.constants.forces
        start = [*orbit.position[0, 0], *orbit.velocity[0, 0], MASS_KG]

        def slope(_, y):
            pull = acceleration(*y[:6], which, 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
            push = FORCE_N / y[6] * y[3:6] / np.linalg.norm(y[3:6])
            return [*y[3:6], *(pull + push), -FORCE_N / EXHAUST_M_S]

        end = solve_ivp(slope, (0.0, 43_200.0), start, method="DOP853", rtol=1e-13, atol=1e-9).y[:, -1]
        for _ in range(int(43_200.0 / round_s)):
            world.step(thrust=told(world, PROGRADE))
        assert orbit.position[0, 0] == pytest.approx(end[:3], abs=1e-3)
        assert orbit.velocity[0, 0] == pytest.approx(end[3:6], abs=1e-6)
        assert tank_of(world)["propellant"] == pytest.approx(end[6] - (MASS_KG - PROPELLANT_KG), abs=1e-11)


STEADY = {"spacecraft__craft__propulsion": {"propellant_kg": 0.5, "isp_s": 30_000.0, "thruster_w": 4_000.0}}
"""So little propellant that the acceleration stays the same, as the theory takes it: 5e-5 of it in a day."""


class TestBesideBoinor:
    @pytest.mark.parametrize("thrust", [PROGRADE, RETROGRADE])
    def test_edelbaum(self, ship, thrust):
        """Its velocity and time of flight to the axis that was reached; mass falls by 2e-4 on the way."""
        world = flown(ship(**STEADY), 300, thrust)
        push = world.propulsion.params[0]["force"] / MASS_KG
        a = RADIUS_M / 1e3, axis_of(world) / 1e3
        _, gain, seconds = change_a_inc(MU_EARTH / 1e9, *a, 0.9, 0.9, push / 1e3)
        assert 1e3 * gain == pytest.approx(tank_of(world)["spent"], rel=2e-5)
        assert seconds == pytest.approx(300 * 300.0, rel=3e-4)

    @pytest.mark.slow
    def test_its_guidance_flown_by_its_propagator(self, ship):
        """Positions after six hours: no further off than the mass that is lost on the way makes."""
        from boinor.core.propagation import cowell, func_twobody

        world = flown(ship(**STEADY), 0)
        push = world.propulsion.params[0]["force"] / MASS_KG
        law, _, _ = change_a_inc(MU_EARTH / 1e9, RADIUS_M / 1e3, 2.0 * RADIUS_M / 1e3, 0.0, 0.0, push / 1e3)
        start = np.concatenate((world.state.orbit.position[0, 0], world.state.orbit.velocity[0, 0])) / 1e3

        def slope(t, u, k):
            return func_twobody(t, u, k) + np.array([0.0, 0.0, 0.0, *law(t, u, k)])

        found, _ = cowell(MU_EARTH / 1e9, start[:3], start[3:], np.array([21_600.0]), 1e-12, f=slope)
        for _ in range(72):
            world.step(thrust=told(world, PROGRADE))
        away = np.linalg.norm(world.state.orbit.position[0, 0] - 1e3 * found[0])
        falls = world.propulsion.params[0]["flow"] * 21_600.0 / MASS_KG
        assert away <= 1.5 * push * 21_600.0**2 * falls
        assert away < 100.0


class TestBooks:
    def test_joules_are_power_times_time(self, ship):
        """They count in the load beside the rest, and empty the battery as any load does."""
        worlds = [flown(ship(), 20, thrust) for thrust in (PROGRADE, OFF)]
        used, idle = (world.state.power["consumed"][0, 0] for world in worlds)
        still = flown(ship(), 20, OFF)
        assert tank_of(worlds[0])["joules"] == pytest.approx(200.0 * 6_000.0, rel=1e-12)
        slewing = 40.0 * 10.0  # to the Sun, which who thrusts does not
        assert used - idle == pytest.approx(200.0 * 6_000.0, abs=2.0 * slewing)
        assert still.state.power["consumed"][0, 0] == idle
        power = worlds[0].state.power[0, 0]
        gone = power["harvested"] - power["consumed"] - power["lost"] - power["curtailed"] + power["unmet"]
        full = flown(ship(), 0).state.power["energy"][0, 0]
        assert power["energy"] - full == pytest.approx(gone, rel=1e-9)

    def test_what_is_drawn_warms(self, ship):
        warm, cool = (flown(ship(spacecraft__craft__thermal__heat_capacity_j_k=6e4), 20, thrust)
                      for thrust in (PROGRADE, OFF))  # fmt: skip
        assert warm.state.body["temperature"][0, 0] > cool.state.body["temperature"][0, 0] + 5.0

    def test_the_last_propellant_lasts_as_long_as_it_flows(self, ship):
        seconds = 700.0
        few = FORCE_N / EXHAUST_M_S * seconds
        world = flown(ship(spacecraft__craft__propulsion={"propellant_kg": few}), 5)
        tank = tank_of(world)
        assert tank["propellant"] == 0.0
        assert (tank["thrust"], tank["seconds"], tank["gained"]) == (OFF, 0.0, 0.0)
        assert tank["joules"] == pytest.approx(200.0 * seconds, rel=1e-9)
        assert tank["spent"] == pytest.approx(EXHAUST_M_S * log(MASS_KG / (MASS_KG - few)), rel=1e-9)
        assert delta_v_left(world.propulsion, 0, 0) == 0.0


def test_a_satellite_that_thrusts_flies_idle(ship):
    for parts in (("propulsion",), ("propulsion", "orders")):
        assert flown(ship(), 3, PROGRADE, parts).state.activity["mode"][0, 0] == IDLE
        assert flown(ship(), 3, OFF, parts).state.activity["mode"][0, 0] == CHARGE


class TestNoThrust:
    @pytest.fixture
    def coasted(self, ship):
        return flown(ship(), 3, OFF)

    def same(self, world, coasted):
        assert (world.state.orbit.position == coasted.state.orbit.position).all()
        assert tank_of(world)["spent"] == 0.0

    def test_with_a_low_battery(self, ship, coasted):
        low = {"spacecraft__craft__power__initial_charge": [0.3, 0.3],
               "spacecraft__craft__power__panel_area_m2": 1e-3}  # fmt: skip
        self.same(flown(ship(**low), 3), coasted)
        low["spacecraft__craft__propulsion__least_charge"] = 0.2
        assert tank_of(flown(ship(**low), 3))["spent"] > 0.0

    def test_when_lost(self, ship, coasted):
        world = flown(ship(), 0)
        world.state.body["alive"] = False
        for _ in range(3):
            world.step(thrust=told(world, PROGRADE))
        self.same(world, coasted)

    def test_in_safe_mode(self, ship, coasted):
        world = flown(ship(safe_mode={"least_min": 1e5}), 0)
        world.state.safety["safe"] = True
        world.state.safety["since"] = world.state.clock["time"][:, None]
        for _ in range(3):
            world.step(thrust=told(world, PROGRADE))
        self.same(world, coasted)

    def test_without_a_thruster(self, ship, coasted):
        self.same(flown(ship(spacecraft__craft__propulsion=None), 3), coasted)

    def test_and_nothing_else_changes(self, ship):
        """With the part and without it: all arrays alike, bit for bit; `load.until` bounds no load here."""
        bare = World(ship(), parts=())
        bare.reset(seed=0)
        for _ in range(3):
            bare.step(thrust=told(bare, PROGRADE))
        assert set(differing(bare.state, flown(ship(), 3, OFF).state)) <= {"until"}


STAGED = {"encounters": {"staged_per_day": 40.0, "miss_m": 500.0}, "horizon_h": 12.0, "forces": {"j2": True}}


class TestWhatLiesAhead:
    def test_encounters_are_predicted_anew(self, ship):
        """Each of those ahead: its distance from where the satellite then is, coasting from now on."""
        world = flown(ship(**STAGED), 20, parts=("propulsion", "encounters"))
        orbit, now, seen = world.state.orbit, float(world.state.clock["time"][0]), 0
        own = (*orbit.position[0, 0], *orbit.velocity[0, 0])
        for encounter in world.encounters.state.encounter[0, 0]:
            if not now < encounter["tca"] < np.inf:
                continue
            there = carried(own, now, encounter["passing"] - now, 60.0, world.constants, 0)
            gap = carried(
                tuple(encounter["state"]),
                0.0,
                encounter["passing"] - encounter["tca"],
                60.0,
                world.constants,
                0,
            )
            offset = np.subtract(gap, there)
            assert encounter["relative"][:3] == pytest.approx(offset[:3], abs=1.0)
            assert np.linalg.norm(offset[:3]) > 1e3, "what was aimed at the slot misses by far"
            seen += 1
        assert seen > 5

    def test_the_slot_stays_behind(self, ship):
        """Its offset is that from an orbit that has never thrust: 1.5 a t^2 backwards, to 2 %."""
        world = flown(ship(**STAGED), 36, parts=("propulsion", "encounters"))
        passing, seconds = world.encounters.state.passing[0, 0], 36 * 300.0
        assert world.encounters.state.burned[0, 0]
        assert passing["offset"] == pytest.approx(-1.5 * FORCE_N / MASS_KG * seconds**2, rel=0.02)
        assert passing["drift"] == pytest.approx(-3.0 * tank_of(world)["spent"], rel=0.02)
        assert passing["burned"] == 0.0
        assert world.encounters.state.fuel[0, 0] == world.scenario.encounters.fuel_m_s

    def test_contacts_are_sought_anew(self, ship):
        """The contact that was found is the one that a world has which begins where this one is."""
        world = flown(ship(stations=[{"name": "Kiruna", "latitude_deg": 40, "longitude_deg": 21}]), 0)
        least = np.inf
        for _ in range(100):
            world.step(thrust=told(world, PROGRADE))
            assert tank_of(world)["unsought"] <= SEEK_M_S
            least = min(least, tank_of(world)["unsought"])
        assert least == 0.0
        assert tank_of(world)["spent"] > 5.0 * SEEK_M_S


def test_an_episode_begins_with_full_tanks(ship):
    world = flown(ship(), 4)
    world.reset(seed=0)
    assert tank_of(world)["propellant"] == PROPELLANT_KG
    assert tank_of(world)["spent"] == 0.0
    assert tank_of(world)["joules"] == 0.0


def test_batches_and_threads_do_not_matter(ship):
    scenario, rng = ship(), np.random.default_rng(0)
    together = [World(scenario, 3, parts=("propulsion",), threads=threads) for threads in (1, 3)]
    for world in together:
        world.reset(seed=0)
    for _ in range(10):
        thrust = rng.integers(0, 3, (3, 1), np.int32)
        for world in together:
            world.step(thrust=thrust)
    one, other = together
    assert differing(one.state, other.state) == []
    assert all(
        (a == b).all()
        for a, b in zip(arrays(one.propulsion.state), arrays(other.propulsion.state), strict=True)
    )
    other.close()


class TestScenario:
    def test_the_part_is_there_by_default_where_there_is_a_thruster(self, ship):
        assert "propulsion" in World(ship()).parts
        assert "propulsion" not in World(ship(spacecraft__craft__propulsion=None)).parts

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"propellant_kg": 20.0}, r"propellant_kg = 20 is part of body\.mass_kg = 20; give less"),
            ({}, "propellant_kg"),
            ({"propellant_kg": 1.0, "efficiency": 1.2}, "efficiency"),
            ({"propellant_kg": 1.0, "isp_s": 0.0}, "isp_s"),
            ({"propellant_kg": 1.0, "thruster_w": -1.0}, "thruster_w"),
            ({"propellant_kg": 1.0, "least_charge": 2.0}, "least_charge"),
            ({"propellant_kg": 1.0, "thrust_n": 2.0}, "thrust_n"),
        ],
    )
    def test_mistakes_are_one_sentence(self, ship, given, says):
        with pytest.raises(SandboxError, match=says):
            ship(spacecraft__craft__propulsion=given)

    def test_sgp4_knows_no_thrust(self):
        """Of scs01, whose satellites have public elements."""
        changes = {"fleet.0.propagator": "sgp4"}
        thrusts = {"spacecraft.computing_satellite.propulsion": {"propellant_kg": 1.0}}
        load_scenario("scs01", changes)
        with pytest.raises(SandboxError, match="knows no thrust; set propagator: cowell"):
            load_scenario("scs01", changes | thrusts)

    @pytest.mark.parametrize("thrust", [3, -1, 0.5, "prograde"])
    def test_wrong_commands_are_one_sentence(self, ship, thrust):
        world = flown(ship(), 1)
        before = copy.deepcopy(world.state)
        with pytest.raises(SandboxError, match="thrust"):
            world.step(thrust=[[thrust]])
        assert differing(world.state, before) == []


def test_the_default_thruster_is_the_one_published(ship):
    """13 mN of the BHT-200, to the millinewton that is published."""
    thruster = flown(ship(), 0).propulsion.params[0]
    assert thruster["force"] == pytest.approx(13e-3, abs=0.5e-3)
    assert thruster["flow"] * thruster["exhaust"] ** 2 / 2.0 == pytest.approx(0.43 * 200.0)
    assert 2.0 * pi * sqrt(RADIUS_M**3 / MU_EARTH) * thruster["power"] > 1e6, "an orbit takes 1.1 MJ"
