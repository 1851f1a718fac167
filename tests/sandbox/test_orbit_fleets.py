"""Fleets from boinor's `Orbit` and from classical elements; `World.orbit` gives them back."""

import numpy as np
import pytest
from astropy import units as u
from astropy.time import Time
from boinor.bodies import Earth, Mars
from boinor.frames import Planes
from boinor.twobody import Orbit

from sandbox.errors import SandboxError
from sandbox.fleet import force_model, make_fleet
from sandbox.orbits.ephemeris import make_ephemeris
from sandbox.orbits.poliastro import from_orbits
from sandbox.orbits.propagation import propagate
from sandbox.scenario import load_scenario
from sandbox.world import World

EPOCH = Time("2026-06-27T00:00:00")


def circular(arglat=0.0, epoch=EPOCH, altitude=500, **more):
    return Orbit.circular(Earth, altitude * u.km, 97.5 * u.deg, arglat=arglat * u.deg, epoch=epoch, **more)


def off(a, b):
    return np.linalg.norm((a.r - b.r).to_value("m")), np.linalg.norm((a.v - b.v).to_value("m/s"))


@pytest.fixture(scope="module")
def flown():
    world = World(load_scenario("pair").with_orbits([circular(30.0 * k) for k in range(3)]), 2)
    world.reset(0)
    return world


def test_there_and_back(flown):
    for k in range(3):
        orbit = flown.orbit(k, world=1)
        assert np.max(off(orbit, circular(30.0 * k))) < 1e-6
        assert orbit.epoch == EPOCH
        assert (orbit.attractor, orbit.plane) == (Earth, Planes.EARTH_EQUATOR)


def test_at_the_present_time(flown):
    nothing = np.zeros((2, 3), np.int32)
    for _ in range(10):
        flown.step(mode=nothing)
    orbit = flown.orbit("Orbit 2")
    assert orbit.epoch.utc.isot == "2026-06-27T00:05:00.000"
    again = World(load_scenario("pair", {"epoch": orbit.epoch}).with_orbits([orbit], names=["again"]))
    again.reset(0)
    assert np.max(off(again.orbit("again"), orbit)) < 1e-6


def test_which_orbit(flown):
    for n, b in ((3, 0), (-1, 0), (1.0, 0), ("nobody", 0), (0, 2), (True, 0)):
        with pytest.raises(SandboxError, match=r"satellite|world"):
            flown.orbit(n, b)
    with pytest.raises(SandboxError, match="reset"):
        World("pair").orbit(0)


def test_an_orbit_of_another_epoch_is_flown_there():
    """Under all forces, from a day later, and back again within a millimetre."""
    base = load_scenario("pair", {"forces": {"drag": True, "sun": True, "moon": True}})
    late = circular(epoch=EPOCH + 1 * u.day)
    scenario = base.with_orbits([late])
    fleet = make_fleet(scenario)
    tables = make_ephemeris(scenario.epoch, 90_000.0)
    state = fleet.position, fleet.velocity
    p, _ = propagate(*state, [86_400.0], force_model(scenario), fleet.craft["ballistic"], tables)
    assert np.linalg.norm(p[0, 0] - late.r.to_value("m")) < 1e-3


def test_the_ecliptic_is_turned():
    """The pole of an orbit in the ecliptic is the obliquity, 23.44 degrees, from the equator's."""
    flat = Orbit.circular(Earth, 500 * u.km, epoch=EPOCH, plane=Planes.EARTH_ECLIPTIC)
    position, velocity = from_orbits([flat])
    pole = np.cross(position[0], velocity[0])
    assert np.degrees(np.arccos(pole[2] / np.linalg.norm(pole))) == pytest.approx(23.44, abs=0.01)


@pytest.mark.parametrize(
    ("orbits", "words"),
    [
        ([], "no orbit"),
        ([object()], "no Orbit"),
        (circular(), "give a list"),
        (5, "give a list"),
        ([circular(epoch=Time("2000-01-01T12:00:00"))], "days"),
        ([circular(altitude=50)], "geocentre"),
        ([Orbit.circular(Mars, 400 * u.km, epoch=EPOCH)], "Mars"),
        ([Orbit.circular(Earth, 500 * u.km, epoch=EPOCH, plane=Planes.BODY_FIXED)], "EARTH_EQUATOR"),
    ],
)
def test_what_cannot_fly(orbits, words):
    with pytest.raises(SandboxError, match=words):
        load_scenario("pair").with_orbits(orbits)


def test_names_and_spacecraft():
    scenario = load_scenario("disaster_response")
    kinds = list(scenario.spacecraft)
    fleet = make_fleet(scenario.with_orbits([circular()], names=["one"], spacecraft=kinds[-1]))
    assert (fleet.names, fleet.kinds) == (("one",), (kinds[-1],))
    for names in (["a", "b"], "a"):
        with pytest.raises(SandboxError, match="names"):
            scenario.with_orbits([circular()], names=names)
    with pytest.raises(SandboxError, match="Unknown spacecraft"):
        scenario.with_orbits([circular()], spacecraft="sputnik")


CLASSICAL = {
    "a_km": 6_900.0,
    "ecc": 0.01,
    "inc_deg": 97.5,
    "raan_deg": 40.0,
    "argp_deg": 50.0,
    "nu_deg": 60.0,
}


def test_classical_elements_are_those_of_from_classical(small):
    group = {"name": "G", "spacecraft": "craft", "classical": [{"name": "c"} | CLASSICAL]}
    fleet = make_fleet(load_scenario(small | {"fleet": [group]}))
    theirs = Orbit.from_classical(
        Earth, 6_900 * u.km, 0.01 * u.one, 97.5 * u.deg, 40 * u.deg, 50 * u.deg, 60 * u.deg
    )
    assert np.allclose(fleet.position[0], theirs.r.to_value("m"), atol=1e-6)
    assert np.allclose(fleet.velocity[0], theirs.v.to_value("m/s"), atol=1e-9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ecc": 0.2}, "perigee"),
        ({"ecc": 1.0}, "ecc"),
        ({"nu_rad": 1.0}, "nu_deg"),
        ({"a_km": 3 * u.s}, "a_km"),
    ],
)
def test_classical_elements_out_of_range(small, change, words):
    row = {"name": "c"} | CLASSICAL | change
    group = {"name": "G", "spacecraft": "craft", "classical": [row]}
    with pytest.raises(SandboxError, match=words):
        load_scenario(small | {"fleet": [group]})
