import numpy as np
import pytest
from boinor.core.angles import E_to_M, nu_to_E
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.orbits.bodies import J2, MU_EARTH, R_EARTH
from sandbox.orbits.elements import M_to_nu, coe2rv, j2_rates, mean_motion, mean_to_osculating, rv2coe
from sandbox.orbits.propagation import propagate

DAY = 86_400.0
angle = st.floats(0, 2 * np.pi)
eccentricity = st.floats(0, 0.95)


def states(rows):
    """Positions and velocities of rows of (a, e, i, raan, argp, M)."""
    both = np.array(
        [np.ravel(coe2rv(MU_EARTH, a * (1 - e * e), e, i, o, w, M_to_nu(m, e))) for a, e, i, o, w, m in rows]
    )
    return both[:, :3], both[:, 3:]


class TestStates:
    """Of boinor's conversions, as we call them: published values, and what set-up relies on."""

    @settings(deadline=None)  # the first example compiles
    @given(eccentricity, st.floats(0, np.pi), angle, angle, st.floats(-np.pi, np.pi))
    def test_there_and_back(self, ecc, inc, raan, argp, nu):
        """Within what boinor rounds to a circle or to the equator: 1e-8 of the radius."""
        state = coe2rv(MU_EARTH, 7e6 * (1 + ecc), ecc, inc, raan, argp, nu)
        again = coe2rv(MU_EARTH, *rv2coe(MU_EARTH, *state))
        assert np.allclose(again[0], state[0], rtol=0, atol=2.0)
        assert np.allclose(again[1], state[1], rtol=0, atol=2e-3)

    def test_is_boinors(self):
        from boinor.core import elements as theirs

        coe = (8e6, 0.1, 0.5, 1.0, 2.0, 0.7)
        ours = coe2rv(MU_EARTH, *coe)
        assert np.array_equal(ours, theirs.coe2rv(MU_EARTH, *coe))
        assert np.array_equal(rv2coe(MU_EARTH, *ours), theirs.rv2coe(MU_EARTH, *ours))

    def test_curtis_example_4_3(self):
        position, velocity = np.array([-6045e3, -3490e3, 2500e3]), np.array([-3457.0, 6618.0, 2533.0])
        p, ecc, *angles = rv2coe(MU_EARTH, position, velocity)
        assert p == pytest.approx(8530.47e3, rel=1e-5)
        assert ecc == pytest.approx(0.171212, abs=1e-6)
        assert np.degrees(angles) == pytest.approx([153.249, 255.279, 20.068, 28.446], abs=1e-3)


class TestAnomalies:
    @settings(deadline=None)  # the first example compiles
    @given(st.floats(-20, 20), eccentricity)
    def test_keplers_equation_holds_in_every_revolution(self, M, ecc):
        nu = M_to_nu(M, ecc)
        E = 2 * np.arctan2(np.sqrt(1 - ecc) * np.sin(nu / 2), np.sqrt(1 + ecc) * np.cos(nu / 2))
        off = E - ecc * np.sin(E) - M
        assert abs(nu) <= np.pi
        assert abs(off - 2 * np.pi * np.round(off / (2 * np.pi))) < 1e-11

    def test_vallado_example_2_1(self):
        """M = 235.4 degrees, e = 0.4: E = 220.512074 degrees."""
        nu = M_to_nu(np.radians(235.4), 0.4)
        E = 2 * np.arctan2(np.sqrt(0.6) * np.sin(nu / 2), np.sqrt(1.4) * np.cos(nu / 2))
        assert np.degrees(E) % 360 == pytest.approx(220.512074, abs=1e-6)


class TestRates:
    def test_the_space_stations_node(self):
        """About -5 degrees a day at 51.6 degrees and 410 km (NASA)."""
        raan, _, _ = j2_rates(R_EARTH + 410e3, 1e-3, np.radians(51.64))
        assert np.degrees(raan) * DAY == pytest.approx(-5.0, abs=0.05)

    def test_molniya_keeps_its_perigee(self):
        _, argp, _ = j2_rates(26_600e3, 0.74, np.arccos(np.sqrt(0.2)))
        assert abs(np.degrees(argp) * DAY) < 1e-12

    def test_curtis_example_4_9(self):
        """Curtis, section 4.7: the state 96 h later under secular J2, to the digits of the book."""
        position, velocity = np.array([-3670e3, -3870e3, 4400e3]), np.array([4700.0, -7400.0, 1000.0])
        p, ecc, inc, raan, argp, nu = rv2coe(MU_EARTH, position, velocity)
        a, t = p / (1 - ecc**2), 96 * 3600.0
        raan_rate, argp_rate, _ = j2_rates(a, ecc, inc)
        nu = M_to_nu(E_to_M(nu_to_E(nu, ecc), ecc) + mean_motion(MU_EARTH, a) * t, ecc)
        later, _ = coe2rv(MU_EARTH, p, ecc, inc, raan + raan_rate * t, argp + argp_rate * t, nu)
        assert np.linalg.norm(later / 1e3 - [9672, 4320, -8691]) < 20


class TestMeanToOsculating:
    @pytest.mark.parametrize("e", [0.0, 1e-3, 0.02, 0.2])
    @pytest.mark.parametrize("inclination", [0.0, 28.5, 63.4349, 97.8, 140.0])
    def test_osculating_elements_average_to_the_mean(self, e, inclination):
        """Propagated under J2 alone over one orbit: a within 60 m, e within 1e-5 and i within 1e-5 rad.

        First-order theory leaves J2 squared: 1e-6, or 10 m, times numbers of order one.
        """
        mean = (R_EARTH + 700e3) / (1 - e), e, np.radians(inclination), 1.0, 2.0, 0.5
        _, _, rate = j2_rates(*mean[:3])
        times = np.arange(240) / 240 * 2 * np.pi / rate
        position, velocity = states([mean_to_osculating(*mean)])
        p, v = propagate(position[0], velocity[0], times)
        p_, ecc, inc, *_ = np.array([rv2coe(MU_EARTH, r, s) for r, s in zip(p, v, strict=True)]).T
        assert np.mean(p_ / (1 - ecc**2)) == pytest.approx(mean[0], abs=60)
        assert np.mean(inc) == pytest.approx(mean[2], abs=1e-5)
        if e > 0.01:
            assert np.mean(ecc) == pytest.approx(e, abs=2e-5)

    @pytest.mark.parametrize(
        ("e", "inclination", "off_km", "apart_km"),
        [(0.0, 53.0, 0.5, 0.2), (0.0, 97.8, 0.5, 0.1), (0.01, 63.4349, 0.1, 0.1), (0.2, 28.5, 2.0, 1.0)],
    )
    def test_a_ring_keeps_its_spacing_for_a_day(self, e, inclination, off_km, apart_km):
        """Under J2, against the mean elements moved at their secular rates.

        `off` is the error of the whole ring (the rates' second order), `apart` what its members differ by.
        The same ring with its mean elements taken as osculating comes apart by hundreds of km.
        """
        a = (R_EARTH + 600e3) / (1 - e)
        ring = [(a, e, np.radians(inclination), 0.3, 1.0, m) for m in np.arange(12) * np.pi / 6]
        raan, argp, rate = np.multiply(j2_rates(*ring[0][:3]), DAY)
        later = [(a, e, i, o + raan, w + argp, m + rate) for a, e, i, o, w, m in ring]
        expected, _ = states([mean_to_osculating(*row) for row in later])

        def error_km(rows):
            position, _ = propagate(*states(rows), [DAY], max_step_s=120.0)
            return np.linalg.norm(position[0] - expected, axis=1) / 1e3

        mapped, naive = error_km([mean_to_osculating(*row) for row in ring]), error_km(ring)
        assert mapped.max() < off_km
        assert np.ptp(mapped) < apart_km
        assert np.ptp(naive) > 300

    @settings(deadline=None)  # the first example compiles
    @given(st.floats(0, 0.7), st.floats(0, np.pi), angle, angle, angle)
    def test_is_small_and_without_singularities(self, e, i, raan, argp, M):
        """A state moves by a few J2 of its radius, also at e = 0, i = 0 and the critical inclination."""
        a = 7e6 / (1 - e)
        osculating = mean_to_osculating(a, e, i, raan, argp, M)
        before, after = (states([row])[0][0] for row in ((a, e, i, raan, argp, M), osculating))
        assert np.linalg.norm(after - before) < 20 * J2 * a
        assert 0 <= osculating[1] < 1

    def test_neighbouring_orbits_stay_neighbours_at_zero_eccentricity(self):
        nearly = mean_to_osculating(7e6, 1e-9, 1e-9, 0.1, 0.2, 0.3)
        exactly = mean_to_osculating(7e6, 0.0, 0.0, 0.1, 0.2, 0.3)
        assert np.linalg.norm(states([nearly])[0] - states([exactly])[0]) < 0.1
