"""Quantities at public entrances: converted, or refused in one sentence."""

from datetime import timedelta

import numpy as np
import pytest
from astropy import units as u
from astropy.time import Time, TimeDelta

from sandbox.errors import SandboxError
from sandbox.orbits.constellations import sun_synchronous, walker_delta
from sandbox.orbits.ephemeris import make_ephemeris
from sandbox.orbits.frames import geodetic_to_itrs
from sandbox.orbits.propagation import propagate
from sandbox.orbits.timescales import as_utc
from sandbox.scenario import load_scenario
from sandbox.units import in_unit, unit_of
from sandbox.world import World


@pytest.mark.parametrize(
    ("value", "unit", "number"),
    [
        (7 * u.km, "m", 7000.0),
        (TimeDelta(3 * u.h), "s", 10_800.0),
        (timedelta(hours=2), "h", 2.0),
        (300 * u.K, "deg_C", 26.85),
        (40 * u.W, "dB(W)", 16.0206),
        (10 * u.percent, "", 0.1),
        (5.0, "m", 5.0),
    ],
)
def test_converted(value, unit, number):
    assert in_unit("x", value, unit) == pytest.approx(number)


def test_arrays_and_lists():
    assert in_unit("x", [7, 8] * u.km, "m").tolist() == [7000.0, 8000.0]
    assert in_unit("x", [7 * u.km, 0, 1 * u.m], "m") == [7000.0, 0, 1.0]


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (3 * u.s, "m"),
        (TimeDelta(3 * u.h), "m"),
        (timedelta(1), "m"),
        (Time("2026-01-01"), "s"),
        (3 * u.km, ""),
    ],
)
def test_another_physical_type_is_one_sentence(value, unit):
    with pytest.raises(SandboxError, match=r"^altitude is given .*; give .*\.$"):
        in_unit("altitude", value, unit)


@pytest.mark.parametrize(
    ("field", "unit"),
    [
        ("altitude_km", "km"),
        ("large_m_s", "m/s"),
        ("max_bit_s_hz", "bit / (s Hz)"),
        ("stations", ""),
        ("ecc", ""),
    ],
)
def test_units_of_fields(field, unit):
    assert unit_of(field) == unit


def test_functions_take_quantities():
    bare = walker_delta(24, 4, 1, 550e3, np.radians(53))
    assert np.allclose(walker_delta(24, 4, 1, altitude_m=550 * u.km, inclination=53 * u.deg), bare)
    epoch = Time("2026-06-27T00:00:37", scale="tai")
    ours = sun_synchronous(2, 1, 520 * u.km, 22.5 * u.h, epoch)
    assert np.allclose(ours, sun_synchronous(2, 1, 520e3, 22.5, "2026-06-27"))
    assert np.allclose(geodetic_to_itrs(48 * u.deg, 11 * u.deg), geodetic_to_itrs(*np.radians([48, 11])))
    state = np.array([7e6, 0, 0]), np.array([0, 7.5e3, 0])
    there = propagate(state[0] * u.m, state[1] / 1e3 * u.km / u.s, [1, 2] * u.min)
    assert np.allclose(there, propagate(*state, [60.0, 120.0]))
    assert len(make_ephemeris(epoch, 1 * u.day).era) == len(make_ephemeris("2026-06-27", 86_400.0).era)


def test_functions_refuse_other_types():
    with pytest.raises(SandboxError, match=r"inclination is given in km \(length\)"):
        walker_delta(24, 4, 1, 550e3, 53 * u.km)
    with pytest.raises(SandboxError, match="total is given"):
        walker_delta(24 * u.m, 4, 1, 550e3, 0.9)
    with pytest.raises(SandboxError, match="times_s is given as a date"):
        propagate([7e6, 0, 0], [0, 7.5e3, 0], Time("2026-01-01"))
    with pytest.raises(SandboxError, match="position is 'here'"):
        propagate("here", [0, 7.5e3, 0], [1.0])


def test_a_scenario_takes_quantities_and_times():
    changes = {
        "horizon_h": 90 * u.min,
        "epoch": Time("2026-06-27T12:00:37", scale="tai"),
        "fleet.0.sun_synchronous.altitude_km": 510_000 * u.m,
        "spacecraft.computing_satellite.thermal.initial_c": 300 * u.K,
        "spacecraft.computing_satellite.body.mass_kg": 0.3 * u.tonne,
        "forces.density_factor": 2 * u.one,
    }
    scenario = load_scenario("pair", changes)
    assert scenario.horizon_h == pytest.approx(1.5)
    assert scenario.epoch == as_utc("2026-06-27T12:00:00")
    assert scenario.fleet[0].sun_synchronous.altitude_km == pytest.approx(510)
    craft = scenario.spacecraft["computing_satellite"]
    assert (craft.thermal.initial_c, craft.body.mass_kg) == pytest.approx((26.85, 300))
    with pytest.raises(SandboxError, match=r"horizon_h is given in kg \(mass\)"):
        load_scenario("pair", {"horizon_h": 3 * u.kg})
    with pytest.raises(SandboxError, match="array of 2 times"):
        load_scenario("pair", {"epoch": Time(["2026-01-01", "2026-01-02"])})
    with pytest.raises(SandboxError, match="no date of UTC"):
        load_scenario("pair", {"epoch": Time("2016-12-31T23:59:60")})
    with pytest.raises(SandboxError, match="horizon_s is given in m"):
        World("pair", horizon_s=3 * u.m)
