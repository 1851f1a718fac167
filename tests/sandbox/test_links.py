"""Contacts with the ground: pass times against closed forms, Orekit and brute force."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilots import plain_world

from sandbox.fleet import STATION, make_fleet, station_records, zenith
from sandbox.geometry import round_path
from sandbox.ground import assign_antennas
from sandbox.links import (
    SEARCH_HORIZON_S,
    clearance,
    crossing,
    horizon_cosine,
    restart_search,
    seek_contact,
    sin_elevation,
    slant_range,
    visible_part,
)
from sandbox.orbits.bodies import EARTH_ROTATION_RATE, MU_EARTH, R_EARTH
from sandbox.orbits.elements import coe2rv
from sandbox.orbits.ephemeris import earth_rotation
from sandbox.orbits.frames import earth_rotations, geodetic_to_itrs
from sandbox.orbits.propagation import J2_ONLY, Forces, propagate
from sandbox.scenario import Station, load_scenario
from sandbox.state import ACTIVITY, NONE, OUTLOOK, make_state

KEPLER = Forces(0.0, 0.0, 0.0, False, False, False, 1.0)


def record(dtype, **values):
    row = np.zeros((), dtype)
    for name, value in values.items():
        row[name] = value
    return row[()]


def on_sphere(latitude_deg=0.0, longitude_deg=0.0, radius=R_EARTH, mask_deg=5.0):
    """A station on a spherical Earth."""
    up = zenith(*np.radians([latitude_deg, longitude_deg]))
    x, y, z = radius * up
    ux, uy, uz = up
    return record(STATION, x=x, y=y, z=z, ux=ux, uy=uy, uz=uz, sin_mask=math.sin(math.radians(mask_deg)))


class TestGeometry:
    @given(st.floats(0.5, 89.5), st.floats(200e3, 40_000e3))
    def test_slant_range_at_an_elevation(self, elevation_deg, altitude):
        """Law of cosines: d = sqrt(r^2 - R^2 cos^2 e) - R sin e."""
        e, r = math.radians(elevation_deg), R_EARTH + altitude
        central = math.acos(R_EARTH * math.cos(e) / r) - e
        station = on_sphere()
        point = (r * math.cos(central), r * math.sin(central), 0.0)
        assert sin_elevation(*point, station) == pytest.approx(math.sin(e), abs=1e-9)
        expected = math.sqrt(r * r - (R_EARTH * math.cos(e)) ** 2) - R_EARTH * math.sin(e)
        assert slant_range(*point, station) == pytest.approx(expected, rel=1e-9)

    def test_wertz(self):
        """From 1,000 km at 5 degrees of elevation: 25.6 degrees of central angle, 3,194 km (Wertz)."""
        r = R_EARTH + 1_000e3
        central = math.radians(25.56)
        point = (r * math.cos(central), r * math.sin(central), 0.0)
        assert math.degrees(math.asin(sin_elevation(*point, on_sphere()))) == pytest.approx(5.0, abs=0.02)
        assert slant_range(*point, on_sphere()) == pytest.approx(3_194e3, rel=1e-3)

    def test_elevation_is_above_the_geodetic_horizon(self):
        place, up = geodetic_to_itrs(math.radians(45), 0.0), zenith(np.radians(45), np.array(0.0))
        station = station_records(
            (Station(name="a", latitude_deg=45, longitude_deg=0, min_elevation_deg=0),)
        )[0]
        assert sin_elevation(*(place + 500e3 * up), station) == pytest.approx(1.0)
        assert sin_elevation(*(place + 500e3 * np.array([0.0, 1.0, 0.0])), station) == pytest.approx(0.0)

    def test_no_station_in_view_is_screened_off(self):
        """The screen of the outlook lets every satellite pass that stands on a horizon, at the poles too."""
        from sandbox.access import LOWEST_GROUND_M, SCREEN_MARGIN

        for latitude in (0, 30, 45, 60, 90):
            station = station_records((Station(name="a", latitude_deg=latitude, longitude_deg=0,
                                               min_elevation_deg=0, altitude_m=-400),))[0]  # fmt: skip
            place = np.array([station["x"], station["y"], station["z"]])
            up = np.array([station["ux"], station["uy"], station["uz"]])
            north = np.array([-up[2], 0.0, up[0]])
            for side in (north, -north):
                for r in (R_EARTH + 160e3, R_EARTH + 600e3, R_EARTH + 35_786e3):
                    b = place @ side
                    point = place + side * (math.sqrt(b * b + r * r - place @ place) - b)
                    assert np.linalg.norm(point) == pytest.approx(r)
                    cosine = point @ up / r
                    assert cosine > horizon_cosine(r, LOWEST_GROUND_M, SCREEN_MARGIN)


def circular(altitude, inclination, raan=0.0, anomaly=0.0):
    a = R_EARTH + altitude
    return np.array(coe2rv(MU_EARTH, a, 0.0, inclination, raan, 0.0, anomaly))


def contacts_of(position, velocity, stations, ephemeris, hours, forces=J2_ONLY, every=30.0):
    """All contacts (station, start, end) that `seek_contact` gives a satellite as its hours go by."""
    contacts = make_state(1, 1, 1, 1, 1, 1, 1).contacts
    restart_search(contacts, 0, 0, 0.0, position, velocity)
    times = np.arange(0.0, hours * 3600.0, every)
    p, v = propagate(position, velocity, times, forces)
    found = []
    for k, now in enumerate(times):
        seek_contact(contacts, 0, 0, now, p[k], v[k], stations, forces, 0.0, ephemeris)
        plan = contacts.plan[0, 0]
        if plan["station"] != NONE and (not found or plan["end"] > found[-1][2]):
            assert plan["end"] > now
            found.append((int(plan["station"]), float(plan["start"]), float(plan["end"])))
    return found


class TestPasses:
    def test_orekit(self):
        """Orekit's tutorial VisibilityCheck: 2004-01-01 23:31:52.098 to 23:42:48.850 UTC, two bodies."""
        satellite = {
            "name": "o",
            "position_km": [-6142.438668, 3492.467560, -25.76725680],
            "velocity_km_s": [0.5058479685, 0.9427809215, 7.435922231],
        }
        world = plain_world(
            {
                "extends": "pair",
                "epoch": "2004-01-01T23:30:00",
                "forces": {"j2": False},
                "fleet": [{"name": "o", "spacecraft": "computing_satellite", "states": [satellite]}],
                "stations": [
                    {"name": "one", "latitude_deg": 25, "longitude_deg": 45, "min_elevation_deg": 5}
                ],
            }
        )
        world.reset(0)
        plan = world.state.contacts.plan[0, 0].copy()
        assert (plan["start"], plan["end"]) == pytest.approx((112.098, 768.850), abs=2e-3)
        seen = []
        for _ in range(30):
            if world.state.outlook["station"][0, 0] == 0:
                now, look = world.state.clock["time"][0], world.state.outlook[0, 0]
                seen.append((now + look["visible_from"], now + look["visible_to"]))
            world.step(mode=[[0]])
        assert (seen[0][0], seen[-1][1]) == pytest.approx((112.098, 768.850), abs=2e-3)
        assert all(end == start for (_, end), (start, _) in pairwise(seen))

    @pytest.mark.parametrize("altitude", [300e3, 550e3, 1_000e3])
    def test_over_the_pole(self, day, altitude):
        """A polar orbit passes over the pole in 2 lambda / n, lambda = acos(R cos e / r) - e, however the
        Earth turns. The pole is some arc minutes from GCRS z."""
        station = station_records(
            (Station(name="Pole", latitude_deg=90, longitude_deg=0, min_elevation_deg=5),)
        )
        r, e = R_EARTH + altitude, math.radians(5.0)
        rate = math.sqrt(MU_EARTH / r**3)
        expected = 2 * (math.acos(station["z"][0] * math.cos(e) / r) - e) / rate
        if altitude == 1_000e3:  # Wertz (2011): some 14.9 min for 1,000 km and 5 degrees, on a sphere
            assert expected == pytest.approx(14.9 * 60, rel=0.02)
        found = contacts_of(*circular(altitude, math.pi / 2), station, day, 6.0, KEPLER)
        assert len(found) >= 3
        assert [end - start for _, start, end in found] == pytest.approx([expected] * len(found), abs=0.2)
        period = 2 * math.pi / rate
        assert np.diff([start for _, start, _ in found]) == pytest.approx(period, abs=1.0)

    def test_along_the_equator(self, day):
        """Eastward the Earth's turning lengthens the pass: 2 lambda / (n - omega)."""
        station = station_records(
            (Station(name="a", latitude_deg=0, longitude_deg=30, min_elevation_deg=10),)
        )
        r, e = R_EARTH + 550e3, math.radians(10.0)
        rate = math.sqrt(MU_EARTH / r**3)
        expected = 2 * (math.acos(R_EARTH * math.cos(e) / r) - e) / (rate - EARTH_ROTATION_RATE)
        found = contacts_of(*circular(550e3, 0.0), station, day, 6.0, KEPLER)
        assert [end - start for _, start, end in found] == pytest.approx([expected] * len(found), abs=0.5)

    def test_geostationary_satellite_is_seen_without_end(self, day):
        stations = station_records((Station(name="a", latitude_deg=0, longitude_deg=0),))
        rotation = np.array(earth_rotation(day, 0.0)).reshape(3, 3)
        r = (MU_EARTH / EARTH_ROTATION_RATE**2) ** (1 / 3)
        position = rotation.T @ [r, 0.0, 0.0]
        velocity = rotation.T @ [0.0, r * EARTH_ROTATION_RATE, 0.0]
        (_, start, end), *_ = contacts_of(position, velocity, stations, day, 0.1, KEPLER)
        assert start == 0.0
        assert end >= SEARCH_HORIZON_S


def clearances(position, velocity, stations, ephemeris, times):
    """Sine of elevation less that of the mask (T, G), in NumPy alone."""
    p, _ = propagate(position, velocity, times, J2_ONLY)
    ground = np.einsum("tij,tj->ti", earth_rotations(ephemeris, times), p)
    out = []
    for s in stations:
        line = ground - [s["x"], s["y"], s["z"]]
        up = line @ [s["ux"], s["uy"], s["uz"]] / np.linalg.norm(line, axis=1)
        out.append(up - s["sin_mask"])
    return np.stack(out, axis=1)


@pytest.mark.parametrize("scenario", ["scs01", "walker_24"])
def test_search_finds_every_contact_of_a_day(scenario, day):
    """Against a search every 5 s: contacts are in view from edge to edge, and none over 2 min is missed."""
    scenario = load_scenario(scenario)
    fleet, stations = make_fleet(scenario), station_records(scenario.stations)
    times = np.arange(0.0, 86_400.0, 5.0)
    for n in range(3):
        position, velocity = fleet.position[4 * n], fleet.velocity[4 * n]
        above = clearances(position, velocity, stations, day, times)
        found = contacts_of(position, velocity, stations, day, 24.0)
        last = 0.0
        for g, start, end in found:
            inside = (times > start + 0.01) & (times < min(end, times[-1]) - 0.01)
            assert (above[inside, g] >= 0.0).all()
            # a contact that begins as another ends may have been in view for long
            assert start <= last + 30.0 or above[times.searchsorted(start) - 1, g] < 1e-9
            assert end > times[-1] or above[times.searchsorted(end), g] < 1e-9
            last = end
        covered = np.zeros(len(times), bool)
        for _, start, end in found:
            covered |= (times >= start - 5.0) & (times <= end + 5.0)
        lost = (above >= 0.0).any(axis=1) & ~covered
        runs = np.diff(np.flatnonzero(np.diff(np.r_[False, lost, False].astype(int))))[::2] * 5.0
        assert runs.max(initial=0.0) < 120.0
        assert lost.mean() < 0.002


@st.composite
def rounds(draw):
    """A round's path near a station, the rotation at its middle, and its length."""
    seconds = draw(st.sampled_from([10.0, 30.0, 120.0, 300.0]))
    position, velocity = circular(
        draw(st.floats(200e3, 2_000e3)), draw(st.floats(0.1, 3.0)), 0.0, draw(st.floats(-0.5, 0.5))
    )
    (end,), (speed,) = propagate(position, velocity, [seconds], KEPLER)
    station = on_sphere(draw(st.floats(-40, 40)), draw(st.floats(-40, 40)), mask_deg=draw(st.floats(0, 30)))
    return round_path(position, velocity, end, speed, KEPLER, 0.0, seconds), seconds, station


AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@given(rounds())
def test_visible_part_against_brute_force(case):
    path, seconds, station = case
    samples = max(3, int(seconds / 30.0))
    start, end = visible_part(path, AXES, 0.5 * seconds, station, seconds, samples)
    times = np.linspace(0.0, seconds, 600)
    above = np.array([clearance(path, AXES, 0.5 * seconds, tau, station) for tau in times])
    if end > start:
        inside = (times > start + 2e-3) & (times < end - 2e-3)
        assert (above[inside] >= 0.0).all()
        assert start == 0.0 or clearance(path, AXES, 0.5 * seconds, start - 2e-3, station) < 0.0
        assert end == seconds or clearance(path, AXES, 0.5 * seconds, end + 2e-3, station) < 0.0
    else:
        assert (start, end) == (0.0, 0.0)
        assert (above >= 0.0).sum() * seconds / 600 <= seconds / samples + 0.1


@given(rounds())
def test_crossing_is_found_to_a_millisecond(case):
    path, seconds, station = case
    ends = [clearance(path, AXES, 0.5 * seconds, tau, station) >= 0.0 for tau in (0.0, seconds)]
    if ends[0] != ends[1]:
        edge = crossing(path, AXES, 0.5 * seconds, station, 0.0, seconds)
        below, above = (
            clearance(path, AXES, 0.5 * seconds, edge + d, station) >= 0.0 for d in (-1.1e-3, 1.1e-3)
        )
        assert below != above
        assert clearance(path, AXES, 0.5 * seconds, edge, station) >= 0.0


class TestAntennas:
    def serve(self, asked, elevations, antennas, reserved=None):
        did, outlook = np.zeros(len(asked), ACTIVITY), np.zeros(len(asked), OUTLOOK)
        did["station"] = asked
        outlook["station"] = np.where(np.array(asked) == NONE, 0, asked)
        outlook["elevation"] = elevations
        stations = np.zeros(len(antennas), STATION)
        stations["antennas"] = antennas
        taken = np.array(reserved or [0] * len(antennas), np.int32)
        assign_antennas(did, outlook, stations, taken, np.zeros(len(asked), np.int32))
        return did

    def test_the_highest_are_served(self):
        did = self.serve([0, 0, 0, NONE], [0.3, 0.5, 0.4, 1.5], [2])
        assert did["station"].tolist() == [NONE, 0, 0, NONE]
        assert did["denied"].tolist() == [1, 0, 0, 0]

    def test_those_that_serve_jobs_alone_are_taken(self):
        did = self.serve([0, 0, 1, 1], [0.3, 0.5, 0.4, 0.2], [2, 1], reserved=[1, 1])
        assert did["station"].tolist() == [NONE, 0, NONE, NONE]

    @given(st.lists(st.tuples(st.integers(-1, 3), st.floats(0.0, 1.5)), min_size=1, max_size=40), st.data())
    def test_no_more_than_antennas_and_none_idle(self, asks, data):
        antennas = data.draw(st.lists(st.integers(1, 5), min_size=4, max_size=4))
        asked, elevations = map(list, zip(*asks, strict=True))
        did = self.serve(asked, elevations, antennas)
        for g, room in enumerate(antennas):
            wanted, served = np.array(asked) == g, did["station"] == g
            assert served.sum() == min(room, wanted.sum())
            assert not (served & ~wanted).any()
            denied = wanted & ~served
            assert (did["denied"][wanted] == denied[wanted]).all()
            if denied.any():
                heights = np.array(elevations)
                assert heights[served].min() >= heights[denied].max()
