import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import (
    AU,
    J2,
    J3,
    J4,
    MU_EARTH,
    R_EARTH,
)
from sandbox.orbits.elements import coe2rv, rv2coe
from sandbox.orbits.ephemeris import NO_EPHEMERIS, make_ephemeris, moon_position, sun_position
from sandbox.orbits.propagation import (
    J2_ONLY,
    Forces,
    acceleration,
    advance,
    dop8_step,
    hermite_at,
    hermite_coefficients,
    propagate,
)

DAY = 86_400.0
POINT_MASS = Forces(j2=0.0)
SUN, MOON = (AU, 0.0, 0.0), (0.0, 3.84e8, 0.0)


def accelerations(position, velocity):
    states = zip(position, velocity, strict=True)
    return np.array([acceleration(*p, *v, J2_ONLY, 0.0, SUN, MOON) for p, v in states])


@pytest.fixture
def energy(zonal_potential):
    return lambda position, velocity, forces: 0.5 * (velocity**2).sum(-1) - zonal_potential(position, forces)


class TestAccuracy:
    def test_one_day_under_j2_against_scipys_dop853(self, leo_states):
        """Against DOP853 at rtol 1e-13, from 350 km up: 0.1 mm with steps of 60 s, 2 mm with 180 s."""
        from scipy.integrate import solve_ivp

        def slope(t, y):
            return [*y[3:], *acceleration(*y, J2_ONLY, 0.0, SUN, MOON)]

        truth = [
            solve_ivp(slope, (0, DAY), [*p, *v], "DOP853", rtol=1e-13, atol=1e-6).y[:3, -1]
            for p, v in zip(*leo_states, strict=True)
        ]
        for step, tolerance in ((60.0, 1e-4), (180.0, 2e-3)):
            position, _ = propagate(*leo_states, [DAY], max_step_s=step)
            assert np.linalg.norm(position[0] - truth, axis=-1).max() < tolerance

    def test_one_day_against_boinors_cowell(self, leo_states, offline_astropy):
        """The poliastro family's own propagator with its own J2: within 5 mm after a day."""
        from boinor.core.perturbations import J2_perturbation
        from boinor.core.propagation import cowell, func_twobody

        k, r = MU_EARTH / 1e9, R_EARTH / 1e3

        def force(t, u, k):
            slope = func_twobody(t, u, k)
            slope[3:] += J2_perturbation(t, u, k, J2, r)
            return slope

        ours, _ = propagate(*leo_states, [DAY])
        for p, v, mine in list(zip(*leo_states, ours[0], strict=True))[:3]:
            position, _ = cowell(k, p / 1e3, v / 1e3, np.array([DAY]), rtol=1e-11, f=force)
            assert np.linalg.norm(np.asarray(position[0]) * 1e3 - mine) < 5e-3

    def test_high_level_boinor_orbit_agrees_over_two_body_motion(self, leo_states, offline_astropy):
        from astropy import units as u

        from sandbox.orbits.poliastro import to_orbit

        ours, _ = propagate(*leo_states, [DAY / 4], POINT_MASS)
        for p, v, mine in zip(*leo_states, ours[0], strict=True):
            theirs = to_orbit(p, v, "2026-06-26").propagate(DAY / 4 * u.s).r.to_value("m")
            assert np.linalg.norm(theirs - mine) < 1e-3

    def test_order_eight(self, leo_states):
        """Halving a step of 300 s divides the error of one orbit by 2^8, give or take."""
        reference, _ = propagate(*leo_states, [5400.0], max_step_s=20.0)
        errors = [
            np.linalg.norm(propagate(*leo_states, [5400.0], max_step_s=h)[0] - reference, axis=-1).max()
            for h in (600.0, 300.0)
        ]
        assert 7 < np.log2(errors[0] / errors[1]) < 10

    def test_j2_energy_is_conserved(self, leo_states, energy):
        """The energy integral with J2 to J4 drifts by less than 1e-12 in a day: 0.1 mm along the track."""
        forces = Forces(j3=J3, j4=J4)
        position, velocity = propagate(*leo_states, np.linspace(0, DAY, 25), forces)
        levels = energy(position, velocity, forces)
        assert np.abs(levels / levels[0] - 1).max() < 1e-12

    def test_axial_angular_momentum_is_conserved(self, leo_states):
        position, velocity = propagate(*leo_states, np.linspace(0, DAY, 9), Forces(j3=J3, j4=J4))
        momentum = np.cross(position, velocity)[..., 2]
        assert (
            np.abs(momentum - momentum[0]).max()
            < 1e-12 * np.linalg.norm(np.cross(*leo_states), axis=-1).max()
        )

    def test_sun_and_moon_over_a_day_against_scipy(self, leo_states, ephemeris):
        """Holding them still over a step of 60 s costs 2 mm a day at most; leaving them out, 10 m."""
        from scipy.integrate import solve_ivp

        forces = Forces(sun=True, moon=True)

        def slope(t, y):
            sun, moon = sun_position(ephemeris, t), moon_position(ephemeris, t)
            return [*y[3:], *acceleration(*y, forces, 0.0, sun, moon)]

        ours, _ = propagate(*leo_states, [DAY], forces, ephemeris=ephemeris)
        without, _ = propagate(*leo_states, [DAY])
        p, v = leo_states[0][2], leo_states[1][2]
        truth = solve_ivp(slope, (0, DAY), [*p, *v], "DOP853", rtol=1e-13, atol=1e-6).y[:3, -1]
        assert np.linalg.norm(ours[0, 2] - truth) < 2e-3
        assert np.linalg.norm(without[0, 2] - truth) > 10

    def test_drag_brings_the_space_station_down_as_published(self, energy):
        """The ISS at 420 km, 0.01 m2/kg, loses 50 to 100 m a day under a mean Sun (NASA's reboosts)."""
        a = R_EARTH + 420e3
        state = np.ravel(coe2rv(MU_EARTH, a, 0.0, np.radians(51.6), 0.0, 0.0, 0.0))
        forces = POINT_MASS._replace(drag=True)
        position, velocity = propagate(state[:3], state[3:], [DAY], forces, ballistic_m2_kg=0.01)
        lost = a + 0.5 * MU_EARTH / energy(position, velocity, POINT_MASS)[0]
        assert 50 < lost < 100


class TestPublishedMotion:
    def test_sun_synchronous_node_turns_once_a_year(self):
        from sandbox.orbits.constellations import states, sun_synchronous

        position, velocity = states(sun_synchronous(1, 1, 600e3, 10.5, "2026-06-26"))
        days = 10
        p, v = propagate(position[0], velocity[0], [days * DAY], max_step_s=120.0)
        h0, h1 = np.cross(position[0], velocity[0]), np.cross(p[0], v[0])
        turned = np.arctan2(h1[0], -h1[1]) - np.arctan2(h0[0], -h0[1])
        assert np.degrees(turned) / days * 365.2422 == pytest.approx(360, rel=0.01)

    def test_curtis_example_12_2(self):
        """Curtis, section 12.5: 300 x 3,062 km at 28 degrees; averages over 48 h under J2."""
        a, e = 8059e3, 0.17136
        state = np.ravel(coe2rv(MU_EARTH, a * (1 - e**2), e, *np.radians([28, 45, 30, 40])))
        times = np.linspace(0, 48 * 3600, 400)
        position, velocity = propagate(state[:3], state[3:], times)
        track = np.array([rv2coe(MU_EARTH, p, v) for p, v in zip(position, velocity, strict=True)])
        raan, argp = (np.degrees(np.polyfit(times / 3600, np.unwrap(track[:, i]), 1)[0]) for i in (3, 4))
        assert raan == pytest.approx(-0.172, abs=0.002)
        assert argp == pytest.approx(0.282, abs=0.003)


class TestTimeReversal:
    @settings(max_examples=25, deadline=None)
    @given(
        altitude=st.floats(300e3, 2000e3),
        e=st.floats(0, 0.01),
        inclination=st.floats(0, np.pi),
        angles=st.tuples(*[st.floats(0, 2 * np.pi)] * 3),
        span=st.floats(1.0, 20_000.0),
    )
    def test_there_and_back(self, altitude, e, inclination, angles, span):
        a = (R_EARTH + altitude) / (1 - e)
        state = np.ravel(coe2rv(MU_EARTH, a * (1 - e * e), e, inclination, *angles))
        forces = Forces(j3=J3, j4=J4)
        position, velocity = propagate(state[:3], state[3:], [span], forces)
        back, _ = propagate(position[0], velocity[0], [-span], forces)
        assert np.linalg.norm(back[0] - state[:3]) < 1e-4


class TestPropagate:
    def test_shapes_and_any_order_of_times(self, leo_states):
        position, velocity = (x.reshape(2, 3, 3) for x in leo_states)
        p, v = propagate(position, velocity, [600.0, -300.0, 0.0, 300.0])
        assert p.shape == v.shape == (4, 2, 3, 3)
        assert np.array_equal(p[2], position)
        for i, t in enumerate((600.0, -300.0, 0.0, 300.0)):
            alone, _ = propagate(position, velocity, [t])
            assert np.abs(p[i] - alone[0]).max() < 1e-5

    def test_batched_satellites_equal_lone_ones_bit_for_bit(self, leo_states):
        together, _ = propagate(*leo_states, [DAY / 10])
        for i in range(6):
            alone, _ = propagate(leo_states[0][i], leo_states[1][i], [DAY / 10])
            assert np.array_equal(alone[0], together[0, i])

    def test_ballistic_broadcasts(self, leo_states):
        drag = Forces(drag=True)
        one, _ = propagate(*leo_states, [3600.0], drag, 0.02)
        many, _ = propagate(*leo_states, [3600.0], drag, np.full(6, 0.02))
        assert np.array_equal(one, many)

    def test_loose_types_in_forces_are_taken(self, leo_states):
        exact, _ = propagate(*leo_states, [600.0], Forces(j2=0.0, density_factor=2.0))
        loose, _ = propagate(*leo_states, [600.0], Forces(j2=0, drag=0, density_factor=2))
        assert np.array_equal(exact, loose)

    def test_inputs_are_left_alone(self, leo_states):
        position, velocity = (x.copy() for x in leo_states)
        propagate(position, velocity, [60.0])
        assert np.array_equal(position, leo_states[0])
        assert np.array_equal(velocity, leo_states[1])

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"position": [7e6, 0.0]}, "shape"),
            ({"position": [7e6, 0, np.nan]}, "not finite"),
            ({"position": [7000.0, 0, 0]}, "metres"),
            ({"times_s": [np.inf]}, "times_s"),
            ({"forces": Forces(sun=True)}, "make_ephemeris"),
            ({"ballistic_m2_kg": [0.1, 0.2]}, "ballistic_m2_kg"),
            ({"max_step_s": 0.0}, "max_step_s"),
        ],
    )
    def test_errors_say_what_to_do(self, change, words):
        arguments = {"position": [7e6, 0, 0], "velocity": [0, 7500.0, 0], "times_s": [60.0]} | change
        with pytest.raises(SandboxError, match=words):
            propagate(**arguments)

    def test_an_ephemeris_too_short_is_an_error(self):
        short = make_ephemeris("2026-06-26", 60.0)
        with pytest.raises(SandboxError, match="does not cover"):
            propagate([7e6, 0, 0], [0, 7500.0, 0], [DAY], Forces(moon=True), ephemeris=short)


class TestAdvance:
    def test_worlds_keep_their_own_time(self, leo_states, ephemeris):
        """Two worlds at different times equal each of them alone, Moon and all."""
        forces = Forces(sun=True, moon=True)
        start = np.array([0.0, 7200.0])
        position, velocity = (np.stack([x, x]) for x in leo_states)
        advance(position, velocity, start, 300.0, 60.0, forces, np.zeros(6), ephemeris)
        for b in range(2):
            p, v = leo_states[0][None].copy(), leo_states[1][None].copy()
            advance(p, v, start[b : b + 1], 300.0, 60.0, forces, np.zeros(6), ephemeris)
            assert np.array_equal(p[0], position[b])
            assert np.array_equal(v[0], velocity[b])
        assert not np.array_equal(position[0], position[1])

    def test_steps_are_equal_and_no_longer_than_asked(self, leo_states):
        p, v = leo_states[0][None].copy(), leo_states[1][None].copy()
        advance(p, v, np.zeros(1), 100.0, 60.0, J2_ONLY, np.zeros(6), NO_EPHEMERIS)
        state = (*leo_states[0][0], *leo_states[1][0])
        for _ in range(2):
            state = dop8_step(*state, 50.0, J2_ONLY, 0.0, SUN, MOON)
        assert np.array_equal([*p[0, 0], *v[0, 0]], state)


class TestHermite:
    def test_matches_both_ends(self, rng):
        r0, v0, a0, r1, v1, a1 = rng.normal(size=(6, 3))
        for tau, expected in ((0.0, r0), (2.5, r1)):
            curve = hermite_coefficients(r0, v0, a0, r1, v1, a1, 2.5)
            assert np.allclose(hermite_at(curve, tau), expected, atol=1e-13)

    def test_reproduces_a_quintic(self, rng):
        curves = [np.polynomial.Polynomial(rng.normal(size=6)) for _ in range(3)]
        h = 1.7
        ends = [[c.deriv(k)(t) for c in curves] for t in (0.0, h) for k in range(3)]
        coefficients = hermite_coefficients(*np.array(ends), h)
        assert np.allclose(coefficients, [c.coef for c in curves], atol=1e-11)
        assert np.allclose(hermite_at(coefficients, 0.9), [c(0.9) for c in curves], atol=1e-12)

    @pytest.mark.parametrize(("h", "tolerance"), [(10.0, 1e-8), (30.0, 1e-6), (60.0, 5e-5)])
    def test_in_orbit(self, leo_states, h, tolerance):
        position, velocity = propagate(*leo_states, np.linspace(0, h, 21))
        ends = [
            np.concatenate([position[k], velocity[k], accelerations(position[k], velocity[k])], axis=1)
            for k in (0, -1)
        ]
        for i in range(6):
            curve = hermite_coefficients(*np.reshape([end[i] for end in ends], (6, 3)), h)
            for tau, truth in zip(np.linspace(0, h, 21), position[:, i], strict=True):
                assert np.abs(hermite_at(curve, tau) - truth).max() < tolerance
