import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH, R_EARTH
from sandbox.orbits.constellations import (
    least_separation,
    states,
    sun_synchronous,
    sun_synchronous_inclination,
    walker_delta,
    walker_star,
)
from sandbox.orbits.ephemeris import make_ephemeris, sun_position


class TestWalker:
    def test_galileo(self):
        """56 degrees: 24/3/1: nodes 120 degrees apart, 45 in the plane, 15 between planes."""
        rows = np.degrees(walker_delta(24, 3, 1, 23_222e3, np.radians(56), raan0=0.1))
        assert np.allclose(rows[::8, 3] - rows[0, 3], [0, 120, 240])
        assert np.allclose(np.diff(rows[:8, 5]), 45)
        assert np.allclose(rows[8, 5] - rows[0, 5], 15)
        assert np.allclose(rows[:, 2], 56)

    def test_star_spreads_over_half_the_equator(self):
        """Iridium: 66 in 6 planes."""
        rows = walker_star(66, 6, 2, 780e3, np.radians(86.4))
        assert np.allclose(np.degrees(rows[::11, 3]), np.arange(6) * 30)
        assert np.allclose(rows[:, 0], R_EARTH + 780e3)

    @settings(deadline=None)  # the first example compiles
    @given(st.integers(1, 12), st.integers(1, 12), st.data())
    def test_pattern_maps_onto_itself(self, planes, per_plane, data):
        """Turning a delta by one plane and one phasing step gives the same set of satellites."""
        total, phasing = planes * per_plane, data.draw(st.integers(0, planes - 1))
        rows = walker_delta(total, planes, phasing, 600e3, 1.0)
        moved = np.mod(rows[:, [3, 5]] + [2 * np.pi / planes, 2 * np.pi * phasing / total], 2 * np.pi)
        places = np.exp(1j * rows[:, [3, 5]])
        gaps = np.abs(np.exp(1j * moved)[:, None] - places[None]).max(axis=2)
        assert len(np.unique(gaps.argmin(axis=1))) == total
        assert gaps.min(axis=1).max() < 1e-6

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"total": 25}, "divide"),
            ({"total": 0}, "total is 0"),
            ({"planes": 2.5}, "planes is 2.5"),
            ({"phasing": 3}, "from 0 to 2"),
            ({"altitude_m": 550.0}, "perigee must be above"),
            ({"altitude_m": float("nan")}, "altitude_m is nan"),
            ({"altitude_m": 1e9}, "below"),
            ({"inclination": 56.0}, "rad, not degrees"),
            ({"eccentricity": 1.0}, "eccentricity is 1.0"),
            ({"eccentricity": 0.2}, "perigee -"),
        ],
    )
    def test_errors_are_one_clear_sentence(self, change, words):
        good = {"total": 24, "planes": 3, "phasing": 1, "altitude_m": 600e3, "inclination": 1.0}
        with pytest.raises(SandboxError, match=words) as error:
            walker_delta(**good | change)
        assert "\n" not in str(error.value)


class TestSunSynchronous:
    @pytest.mark.parametrize(
        ("altitude_km", "degrees"),
        [(693, 98.18), (705, 98.2), (786, 98.62), (505, 97.42)],  # Sentinel-1, Landsat 8, Sentinel-2, SCS-01
    )
    def test_inclinations_as_flown(self, altitude_km, degrees):
        assert np.degrees(sun_synchronous_inclination(altitude_km * 1e3)) == pytest.approx(degrees, abs=0.1)

    def test_none_above_5970_km(self):
        assert sun_synchronous_inclination(5_960e3) > np.radians(170)
        with pytest.raises(SandboxError, match="5,970"):
            sun_synchronous_inclination(5_980e3)

    def test_local_time_against_the_true_sun(self):
        """On 13 June mean and true Sun agree: the node lies 15 degrees an hour of LTAN - 12 h east of it."""
        epoch = "2026-06-13T18:00:00"
        raan = sun_synchronous(1, 1, 600e3, 10.5, epoch)[0, 3]
        sun = sun_position(make_ephemeris(epoch, 0.0), 0.0)
        hours = 12 + (raan - np.arctan2(sun[1], sun[0])) * 12 / np.pi
        assert hours % 24 == pytest.approx(10.5, abs=0.01)

    def test_equation_of_time_over_a_year(self):
        """Between -14.2 and +16.4 minutes, zero on average."""
        minutes = []
        for month in range(1, 13):
            for day in (2, 12, 22):
                epoch = f"2026-{month:02d}-{day:02d}T05:00:00"
                sun = sun_position(make_ephemeris(epoch, 0.0), 0.0)
                noon = sun_synchronous(1, 1, 600e3, 12.0, epoch)[0, 3]
                early = np.exp(1j * (noon - np.arctan2(sun[1], sun[0])))
                minutes.append(np.angle(early) * 720 / np.pi)
        assert min(minutes) == pytest.approx(-14.2, abs=0.3)
        assert max(minutes) == pytest.approx(16.4, abs=0.3)
        assert np.mean(minutes) == pytest.approx(0.0, abs=0.2)

    def test_planes_from_one_hour_or_one_each(self):
        one = sun_synchronous(12, 3, 600e3, 6.0, "2026-06-26")
        each = sun_synchronous(12, 3, 600e3, [6.0, 10.0, 14.0], "2026-06-26")
        assert np.allclose(one, each)

    @pytest.mark.parametrize(
        ("hours", "words"),
        [([6.0, 7.0], "2 hours for 3 planes"), ([6, 7, 25], "24 hours"), (30.0, "24 hours")],
    )
    def test_bad_local_times(self, hours, words):
        with pytest.raises(SandboxError, match=words):
            sun_synchronous(12, 3, 600e3, hours, "2026-06-26")


class TestStates:
    def test_radius_and_speed_of_a_circular_shell(self):
        """J2's short-period terms move a circle by 10 km at most."""
        position, velocity = states(walker_delta(40, 5, 1, 550e3, np.radians(53)))
        assert position.shape == velocity.shape == (40, 3)
        assert np.abs(np.linalg.norm(position, axis=1) - R_EARTH - 550e3).max() < 10e3
        speed = np.sqrt(MU_EARTH / (R_EARTH + 550e3))
        assert np.allclose(np.linalg.norm(velocity, axis=1), speed, atol=12)

    def test_spacing_survives_a_day_under_j2(self):
        """Two planes of six: the distance between neighbours in a plane changes by 4 km of 7,000.

        That is J2's periodic part; with the elements taken as osculating it is 1,770 km.
        """
        from sandbox.orbits.propagation import propagate

        rows = walker_delta(12, 2, 1, 600e3, np.radians(97.8))
        position, _ = propagate(*states(rows), np.linspace(0, 86_400, 49), max_step_s=120.0)
        gap = np.linalg.norm(position[:, 0] - position[:, 1], axis=-1)
        assert np.ptp(gap) < 5e3

    def test_shape_is_checked(self):
        with pytest.raises(SandboxError, match=r"\(N, 6\)"):
            states([1.0, 2.0, 3.0])


class TestLeastSeparation:
    def test_two_planes_at_a_right_angle(self):
        """Polar orbits a quarter of the equator apart, one an eighth of a revolution ahead.

        cos = sin u sin (u + 45 deg) is greatest, (1 + cos 45 deg) / 2, where both are as far from the pole.
        """
        rows = walker_delta(2, 2, 0, 600e3, np.radians(90))
        rows[1, 3], rows[1, 5] = np.pi / 2, np.pi / 4
        cosine = (1.0 + np.cos(np.pi / 4)) / 2.0
        assert least_separation(rows) == pytest.approx((R_EARTH + 600e3) * np.sqrt(2.0 * (1.0 - cosine)))

    @settings(max_examples=20, deadline=None)
    @given(st.integers(2, 6), st.integers(1, 3), st.data(), st.floats(20.0, 100.0))
    def test_as_flown(self, planes, each, data, inclination):
        """No nearer than it says, and that near at least once, within what the steps leave out."""
        from sandbox.orbits.propagation import propagate

        phasing = data.draw(st.integers(0, planes - 1))
        rows = walker_delta(planes * each, planes, phasing, 700e3, np.radians(inclination))
        times = np.linspace(0.0, 5_940.0, 595)  # a revolution
        position, _ = propagate(*states(rows), times, max_step_s=120.0)
        gaps = position[:, :, None] - position[:, None]
        distance = np.linalg.norm(gaps, axis=-1)
        distance[:, np.arange(len(rows)), np.arange(len(rows))] = np.inf
        assert distance.min() == pytest.approx(least_separation(rows), abs=90e3)  # 10 s at 7.5 km/s, and J2

    def test_one_alone_and_what_is_no_shell(self):
        rows = walker_delta(6, 3, 1, 600e3, 1.0)
        assert least_separation(rows[:1]) == least_separation(rows[:0]) == np.inf
        other = rows.copy()
        other[0, 0] += 20e3
        for wrong in (other, rows[:, :5]):
            with pytest.raises(SandboxError):
                least_separation(wrong)
