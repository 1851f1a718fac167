"""The gravity field: against direct Legendre sums, and against another code after a day."""

import math

import numpy as np
import pytest
from scipy.special import assoc_legendre_p_all

from sandbox.errors import SandboxError
from sandbox.orbits import Forces, gravity_field, make_ephemeris, propagate
from sandbox.orbits.dop853 import C
from sandbox.orbits.frames import earth_rotations
from sandbox.orbits.gravity import MU, NO_TURN, RADIUS, coefficients, pull, turn_at, turned

DAY = 86_400.0
EPOCH = "2026-06-27T00:00:00"
# SCS-01 A, B and G at the epoch, GCRS
POSITION = np.array(
    [
        (-2178280.7037912197, -6436593.47749349, -1004226.6512694033),
        (-821230.2750931485, -5148302.04122377, -4414021.154078615),
        (1222067.1356652789, 1063916.1768678522, -6669592.9301338205),
    ]
)
VELOCITY = np.array(
    [
        (-1272.9873295028754, -736.6981994519439, 7485.3182413387985),
        (-2008.6158600175615, -4609.847369214887, 5745.673914878093),
        (-2053.773378450673, -7172.8755304284, -1519.1447092017231),
    ]
)
# positions (m) a day later from brahe 1.8.0 (EGM2008, RKN1210 at its high precision, full Earth rotation):
#   set_global_eop_provider_from_static_provider(StaticEOPProvider.from_values(
#       0.2035105 * AS, 0.392181 * AS, 0.0124166, 0, 0, 0))  # that release takes x, y, UT1-UTC in this order
#   force = ForceModelConfig(gravity=GravityConfiguration.spherical_harmonic(degree=N, order=M))
#   orbit = NumericalOrbitPropagator(Epoch.from_datetime(2026, 6, 27, 0, 0, 0.0, 0.0, TimeSystem.UTC), state,
#       NumericalPropagationConfig.high_precision(), force, None)
#   orbit.propagate_to(epoch + 86400.0)
BRAHE = {
    (4, 4): [
        (-1762414.89, -2804410.607, 6027450.666),
        (-619271.053, 1023145.264, 6718215.86),
        (-1794923.272, -6543931.812, -1055445.268),
    ],
    (8, 8): [
        (-1762027.183, -2803131.781, 6028161.91),
        (-619556.899, 1022042.131, 6718307.819),
        (-1794585.391, -6543819.177, -1057259.93),
    ],
    (20, 20): [
        (-1762205.694, -2803762.5, 6027811.09),
        (-619070.722, 1023780.119, 6718124.963),
        (-1794483.739, -6543708.278, -1058252.401),
    ],
    (20, 0): [
        (-1761169.675, -2799642.597, 6030067.849),
        (-618985.025, 1024553.593, 6718054.956),
        (-1796000.75, -6544713.356, -1049277.869),
    ],
}


@pytest.fixture(scope="module")
def day():
    return make_ephemeris(EPOCH, DAY)


def potential(position, degree, order):
    """GM / r sum of (R / r)^n P_nm (C cos + S sin), from scipy's Legendre functions; ITRS position (3,)."""
    c, s = coefficients()
    r = np.linalg.norm(position)
    legendre = assoc_legendre_p_all(degree, order, position[2] / r)[0]
    longitude, total = math.atan2(position[1], position[0]), 1.0
    for n in range(2, degree + 1):
        for m in range(min(n, order) + 1):
            size = (2 - (m == 0)) * (2 * n + 1) * math.factorial(n - m) / math.factorial(n + m)
            value = (-1) ** m * math.sqrt(size) * legendre[n, m] * (RADIUS / r) ** n
            total += value * (c[n, m] * math.cos(m * longitude) + s[n, m] * math.sin(m * longitude))
    return MU / r * total


@pytest.mark.parametrize(("degree", "order"), [(2, 0), (4, 4), (5, 2), (20, 0), (20, 20)])
def test_pull_is_the_gradient_of_the_potential(degree, order, rng):
    field = gravity_field(degree, order)
    for place in rng.normal(size=(4, 3)):
        place *= rng.uniform(6.5e6, 7.5e6) / np.linalg.norm(place)
        steps = 20.0 * np.eye(3)
        slope = [
            (potential(place + step, degree, order) - potential(place - step, degree, order)) / 40.0
            for step in steps
        ]
        np.testing.assert_allclose(pull(field, *place), slope, atol=2e-9)


def test_poles_and_equator_are_places_too():
    field = gravity_field(20, 20)
    for place in ((0.0, 0.0, 7e6), (0.0, 0.0, -7e6), (7e6, 0.0, 0.0)):
        assert np.isfinite(pull(field, *place)).all()
    north = pull(field, 0.0, 0.0, 7e6)
    np.testing.assert_allclose(north, pull(field, 1e-3, 0.0, 7e6), atol=1e-8)


@pytest.mark.parametrize("field", BRAHE)
def test_a_day_as_another_code_flies_it(field, day):
    found, _ = propagate(POSITION, VELOCITY, [DAY], Forces(field=gravity_field(*field)), ephemeris=day)
    off = np.linalg.norm(found[0] - np.array(BRAHE[field]), axis=-1)
    assert off.max() < 0.1  # 1 cm; 50 m would do


def test_what_is_left_out_without_a_field_is_kilometres(day):
    found, _ = propagate(POSITION, VELOCITY, [DAY], Forces())
    off = np.linalg.norm(found[0] - np.array(BRAHE[20, 20]), axis=-1)
    assert off.min() > 1.5e3
    assert off.max() < 8e3


def test_the_energy_in_turning_axes_is_kept(day):
    """Jacobi's integral, where nothing but the angle changes: v^2 / 2 - V - w . (r x v)."""
    still = np.zeros_like(day.q) + day.q[0], np.zeros_like(day.polar) + np.eye(3)
    day = day._replace(q=still[0], polar=still[1])
    forces = Forces(field=gravity_field(12, 12))
    times = np.linspace(0.0, 6 * 3600.0, 13)
    position, velocity = propagate(POSITION[0], VELOCITY[0], times, forces, ephemeris=day)
    turns = earth_rotations(day, times)
    rate = (day.era[1] - day.era[0]) / day.step_s
    height = [potential(turn @ p, 12, 12) for turn, p in zip(turns, position, strict=True)]
    swept = (rate * day.q[0, 2] * np.cross(position, velocity)).sum(-1)
    kept = 0.5 * (velocity**2).sum(-1) - height - swept
    assert np.ptp(kept) < 0.02  # J/kg, of 28 million


def test_there_and_back_and_any_way_of_cutting(day):
    forces = Forces(field=gravity_field(6, 6))
    there, speed = propagate(POSITION, VELOCITY, [7000.0], forces, ephemeris=day)
    later = day._replace(start_s=day.start_s - 7000.0)
    back, _ = propagate(there[0], speed[0], [-7000.0], forces, ephemeris=later)
    np.testing.assert_allclose(back[0], POSITION, atol=1e-3)
    half, _ = propagate(POSITION, VELOCITY, [3333.0, 7000.0], forces, ephemeris=day)
    np.testing.assert_allclose(half[1], there[0], atol=1e-4)


def test_a_turn_is_the_rotation_of_a_minute_later(day):
    field = gravity_field(4, 4)
    ahead = turned(field, turn_at(field, day, 1000.0), 60.0)
    np.testing.assert_allclose(ahead, turn_at(field, day, 1060.0), atol=2e-8)
    assert turned(None, NO_TURN, 60.0) == turn_at(None, day, 0.0) == NO_TURN
    assert C[11] == pytest.approx(1.0)


@pytest.mark.parametrize(("degree", "order"), [(21, 4), (1, 0), (4, 5), (4, -1)])
def test_other_degrees_are_refused(degree, order):
    with pytest.raises(SandboxError, match=f"degree {degree}"):
        gravity_field(degree, order)


def test_a_field_needs_to_know_how_the_earth_turns():
    with pytest.raises(SandboxError, match="make_ephemeris"):
        propagate(POSITION, VELOCITY, [60.0], Forces(field=gravity_field(4, 4)))
