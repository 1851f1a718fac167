import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.orbits.bodies import AU, MU_EARTH, R_EARTH, R_SUN
from sandbox.orbits.eclipse import beta_angle, illumination, shadow_transition
from sandbox.orbits.elements import M_to_nu, coe2rv, mean_to_osculating
from sandbox.orbits.propagation import Forces, propagate

SUN = (AU, 0.0, 0.0)


def circular(altitude, inclination=0.0, raan=0.0, u=0.0):
    return np.ravel(coe2rv(MU_EARTH, R_EARTH + altitude, 0.0, inclination, raan, 0.0, u))


def period(altitude):
    return 2 * np.pi * np.sqrt((R_EARTH + altitude) ** 3 / MU_EARTH)


class TestIllumination:
    def test_light_penumbra_umbra_along_a_line(self):
        """Falls from 1 to 0, never rises, and passes one half where the Sun's centre sets."""
        behind = -7e6
        edge = R_EARTH * (1 + 7e6 / AU)
        ys = np.linspace(edge - 80e3, edge + 80e3, 2001)
        seen = np.array([illumination(behind, y, 0.0, *SUN) for y in ys])
        assert seen[0] == 0.0
        assert seen[-1] == 1.0
        assert (np.diff(seen) >= 0).all()
        assert np.interp(0.5, seen, ys) == pytest.approx(edge, abs=150.0)

    def test_sunlit_side_and_deep_shadow(self):
        assert illumination(7e6, 0.0, 0.0, *SUN) == 1.0
        assert illumination(0.0, 7e6, 0.0, *SUN) == 1.0
        assert illumination(-7e6, 0.0, 0.0, *SUN) == 0.0

    def test_against_pixels(self, rng):
        """The share of a Sun of 400,000 dots whose rays miss the Earth, in low and high penumbra: 0.3 %."""
        radius, turn = np.sqrt(rng.uniform(size=400_000)), rng.uniform(0, 2 * np.pi, 400_000)
        for behind, offset in ((-7e6, 5e3), (-7e6, -10e3), (-4.2e7, 50e3), (-4.2e7, -150e3)):
            place = np.array([behind, R_EARTH + offset, 0.0])
            to_sun = np.subtract(SUN, place)
            distance = np.linalg.norm(to_sun)
            z = to_sun / distance
            x = np.cross(z, [0, 0, 1.0])
            x /= np.linalg.norm(x)
            disc = radius * np.tan(np.arcsin(R_SUN / distance))
            rays = z + disc[:, None] * (np.cos(turn)[:, None] * x + np.sin(turn)[:, None] * np.cross(z, x))
            rays /= np.linalg.norm(rays, axis=1, keepdims=True)
            nearest = np.linalg.norm(place - (rays @ place)[:, None] * rays, axis=1)
            assert illumination(*place, *SUN) == pytest.approx((nearest > R_EARTH).mean(), abs=3e-3)

    def test_umbra_ends_where_textbooks_say(self):
        """1.384 million km behind the Earth (Vallado, section 5.3.3); beyond it a ring of the Sun is left."""
        assert illumination(-1.38e9, 0.0, 0.0, *SUN) == 0.0
        ring = illumination(-1.5e9, 0.0, 0.0, *SUN)
        to_sun = AU + 1.5e9
        assert ring == pytest.approx(1 - (np.arcsin(R_EARTH / 1.5e9) / np.arcsin(R_SUN / to_sun)) ** 2)

    def test_curtis_example_of_a_satellite_in_shadow(self):
        """Curtis, section 12.9: this spacecraft is in the Earth's shadow."""
        assert (
            illumination(2817.899e3, -14110.473e3, -7502.672e3, -11747041e3, 139486985e3, 60472278e3) == 0.0
        )

    def test_agrees_with_boinors_eclipse_function(self, rng):
        """Full umbra and full light, once boinor's function is kept to the side away from the Sun.

        On the sunward side it is positive too; its shadow angles differ from the exact cones' by 1e-6.
        """
        from boinor.core.events import eclipse_function

        checked = 0
        for _ in range(400):
            state = circular(rng.uniform(300e3, 2000e3), *rng.uniform(0, np.pi, 2), rng.uniform(0, 2 * np.pi))
            sun = rng.normal(size=3)
            sun *= AU / np.linalg.norm(sun)
            km = np.array(state) / 1e3
            behind = np.dot(state[:3], sun) < 0
            umbra, penumbra = (
                eclipse_function(MU_EARTH / 1e9, km, sun / 1e3, R_SUN / 1e3, R_EARTH / 1e3, umbra)
                for umbra in (True, False)
            )
            if min(abs(umbra), abs(penumbra)) < 10.0:  # km2, within metres of an edge
                continue
            seen = illumination(*state[:3], *sun)
            assert (seen == 0.0) == (behind and umbra > 0)
            assert (seen < 1.0) == (behind and penumbra > 0)
            checked += 1
        assert checked > 350

    @settings(deadline=None)  # the first example compiles
    @given(st.tuples(*[st.floats(-1e8, 1e8)] * 3))
    def test_is_a_fraction(self, place):
        if np.linalg.norm(place) > R_EARTH:
            assert 0.0 <= illumination(*place, *SUN) <= 1.0


class TestShadowTransition:
    @pytest.mark.parametrize(
        ("altitude", "minutes", "tolerance"),
        [
            (400e3, 36.0, 0.5),  # ISS: 35 to 36 min at most
            (505e3, 35.7, 0.3),  # formula of the cylinder, T / pi asin(R / (R + h))
            (35_786e3, 69.4, 0.5),  # geostationary: 69.4 min at most, without the penumbra's other half
        ],
    )
    def test_longest_eclipses_as_published(self, altitude, minutes, tolerance):
        """At beta 0: from anti-solar point to exit, twice."""
        in_shadow, half = shadow_transition(*circular(altitude, u=np.pi), *SUN)
        assert in_shadow
        assert 2 * half / 60 == pytest.approx(minutes, abs=tolerance)

    def test_closed_form_at_beta_zero(self):
        """Shadow and light add up to the period of a circle, and the shadow is the cylinder's to 0.1 %."""
        altitude = 550e3
        _, to_exit = shadow_transition(*circular(altitude, u=np.pi), *SUN)
        _, to_entry = shadow_transition(*circular(altitude, u=0.0), *SUN)
        assert to_entry + to_exit == pytest.approx(period(altitude) / 2, rel=1e-12)
        cylinder = period(altitude) / (2 * np.pi) * np.arcsin(R_EARTH / (R_EARTH + altitude))
        assert to_exit == pytest.approx(cylinder, rel=1e-3)

    def test_dawn_dusk_orbit_never_meets_the_shadow(self):
        state = circular(1500e3, np.pi / 2, np.pi / 2, 1.0)
        assert beta_angle(*state, *SUN) == pytest.approx(np.pi / 2)
        assert shadow_transition(*state, *SUN) == (False, np.inf)

    @pytest.mark.parametrize(
        ("forces", "eccentricity", "any_time", "soon"),
        [
            (Forces(j2=0.0), 0.0, 0.05, 0.05),  # two-body, circular: the half disc against the Sun's centre
            (Forces(), 0.0, 4.0, 0.1),  # a circular shell under J2
            (Forces(), 1e-3, 20.0, 0.4),
        ],
    )
    def test_agrees_with_the_half_lit_disc(self, rng, forces, eccentricity, any_time, soon):
        """Against the root of illumination = 1/2 on the propagated orbit, from anywhere and 20 s before.

        Below a beta of 50 degrees; where the orbit grazes the shadow the errors grow, to 20 s for a circle.
        """
        from scipy.optimize import brentq

        found = 0
        for _ in range(60):
            mean = (R_EARTH + 550e3) / (1 - eccentricity), eccentricity, *rng.uniform(0, np.pi, 4)
            a, e, *angles, M = mean_to_osculating(*mean) if forces.j2 else mean
            state = np.ravel(coe2rv(MU_EARTH, a * (1 - e * e), e, *angles, M_to_nu(M, e)))
            sun = rng.normal(size=3)
            sun *= AU / np.linalg.norm(sun)
            if abs(beta_angle(*state, *sun)) > np.radians(50):
                continue

            def dark(t, state=state, sun=sun):
                position, _ = propagate(state[:3], state[3:], [t], forces)
                return illumination(*position[0], *sun) - 0.5

            in_shadow, wait = shadow_transition(*state, *sun)
            assert in_shadow == (dark(0.0) < 0)
            times = np.arange(0.0, 6600.0, 20.0)
            positions, velocities = propagate(state[:3], state[3:], times, forces)
            seen = np.array([illumination(*p, *sun) for p in positions]) - 0.5
            crossings = np.flatnonzero(seen[1:] * seen[0] < 0)
            k = crossings[0]
            truth = brentq(dark, times[k], times[k + 1], xtol=1e-6)
            assert wait == pytest.approx(truth, abs=any_time)
            earlier, speed = propagate(positions[k], velocities[k], [truth - times[k] - 20.0], forces)
            assert shadow_transition(*earlier[0], *speed[0], *sun)[1] == pytest.approx(20.0, abs=soon)
            found += 1
        assert found > 20

    @settings(deadline=None)
    @given(st.floats(300e3, 2e6), *[st.floats(0, 2 * np.pi)] * 3)
    def test_lands_on_the_edge(self, altitude, inclination, raan, u):
        """Two-body motion for the seconds it names ends at the edge, whatever the orbit's plane."""
        state = circular(altitude, inclination / 2, raan, u)
        _, wait = shadow_transition(*state, *SUN)
        if np.isfinite(wait):
            position, _ = propagate(state[:3], state[3:], [wait], Forces(j2=0.0))
            across, behind = np.linalg.norm(position[0, 1:]), -position[0, 0]
            assert across == pytest.approx(R_EARTH * (1 + behind / AU), abs=1.0)


def test_beta_angle_has_the_sign_of_the_angular_momentum():
    prograde = circular(500e3, 0.3)
    retrograde = circular(500e3, np.pi - 0.3)
    sun = (0.0, 0.0, AU)
    assert beta_angle(*prograde, *sun) == pytest.approx(np.pi / 2 - 0.3)
    assert beta_angle(*retrograde, *sun) == pytest.approx(-(np.pi / 2 - 0.3))


def test_beta_angle_of_the_station_at_the_solstice():
    """At most inclination + obliquity, 75 degrees, for the ISS (NASA)."""
    obliquity = np.radians(23.44)
    sun = AU * np.array([0.0, np.cos(obliquity), np.sin(obliquity)])
    state = circular(420e3, np.radians(51.64), np.pi)
    assert np.degrees(beta_angle(*state, *sun)) == pytest.approx(75.08, abs=0.01)
