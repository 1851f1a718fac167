"""From scenarios to arrays: units, places, names, and orbits against published ones."""

import math

import numpy as np
import pytest
from sgp4.api import WGS72, Satrec

from sandbox.errors import SandboxError
from sandbox.fleet import CRAFT, force_model, make_fleet, sgp4_states, station_records
from sandbox.orbits.bodies import J2, J4, MU_EARTH, R_EARTH
from sandbox.orbits.frames import teme_to_gcrs
from sandbox.power import BODY_PANEL, TRACKING_PANEL
from sandbox.scenario import load_scenario


def with_group(small, **source):
    return small | {"fleet": [{"name": "G", "spacecraft": "craft"} | source]}


def keplerian(*names, **elements):
    shape = {"semi_major_axis_km": 6_928.0, "inclination_deg": 53.0} | elements
    return [{"name": name, "mean_anomaly_deg": 10.0 * i} | shape for i, name in enumerate(names)]


class TestRecords:
    def test_si(self, small):
        changes = {
            "spacecraft.craft.power.fade_per_cycle": 2e-4,
            "spacecraft.craft.power.panel_packing": 0.8,
            "spacecraft.craft.power.panel_harness": 0.9,
            "spacecraft.craft.power.panel_fade_per_year": 0.1,
            "spacecraft.craft.power.panel_age_years": 2.0,
            "spacecraft.craft.power.battery_health": 0.9,
            "spacecraft.craft.power.cycle_life": 1_000,
            "spacecraft.craft.power.cycle_depth": 0.25,
            "spacecraft.craft.power.cycle_exponent": 2.0,
            "spacecraft.craft.compute": {"board": "agx_orin", "boards": 4},
            "spacecraft.craft.thermal.board_rise_k": 30.0,
            "spacecraft.craft.thermal.board_minutes": 10.0,
            "spacecraft.craft.power.initial_charge": [0.4, 0.5],
            "spacecraft.craft.camera.min_sun_elevation_deg": 30,
        }
        row = make_fleet(load_scenario(small, changes)).craft[0]
        expected = {
            "ballistic": 2.2 * 1.5 / 200, "panel_area": 1.2, "panel_efficiency": 0.295 * 0.8 * 0.9 * 0.81,
            "cell_loss": 0.0, "cell_cold": 198.15, "cell_hot": 338.15, "health": 0.9,
            "cycle_fade": 0.2 / 1_000 * 16, "cycle_exponent": 2.0, "compute_load": 140, "idle_load": 36,
            "board_power": 180, "board_rise": 30, "board_conductance": 6, "board_capacity": 3_600,
            "board_throttle": 372.15, "board_shutdown": 378.15,
            "panel_mount": BODY_PANEL,
            "battery": 600 * 3600, "charge_low": 0.4, "charge_high": 0.5, "charge_efficiency": 0.95,
            "discharge_efficiency": 0.95, "fade_per_cycle": 2e-4, "base_load": 250, "slew_load": 40,
            "camera_load": 180, "transmitter_load": 90, "heater_load": 40, "heat_capacity": 60e3,
            "radiator_area": 1.6, "emissivity": 0.85, "absorptivity": 0.25, "sun_area": 0.9,
            "earth_area": 0.8,
            "initial_temperature": 288.15, "heater_below": 263.15, "throttle_above": 318.15,
            "shutdown_above": 333.15, "slew_rate": math.radians(1.8), "slew_acceleration": math.radians(0.4),
            "settle": 2.0, "max_off_nadir": math.radians(40), "dwell": 4.0, "image_bits": 4e9,
            "min_sun_sine": 0.5, "radio": 0, "store_bits": 40e9,
        }  # fmt: skip
        assert set(expected) == set(CRAFT.names)
        assert {name: row[name] for name in CRAFT.names} == pytest.approx(expected)

    def test_kinds(self):
        fleet = make_fleet(load_scenario("star_compute_2800"))
        training = np.array(fleet.kinds) == "training_satellite"
        assert (fleet.craft["panel_mount"][training] == TRACKING_PANEL).all()
        assert (fleet.craft["panel_mount"][~training] == BODY_PANEL).all()
        assert len(fleet) == 2800 == len(fleet.position) == len(fleet.groups)
        assert fleet.flown_kinds == ("computing_satellite", "training_satellite")
        assert np.array_equal(fleet.craft["radio"] == 1, training)

    def test_forces(self, small):
        assert force_model(load_scenario(small)) == (J2, 0.0, 0.0, False, False, False, 1.0, None)
        switches = {"j2": False, "j4": True, "drag": True, "density_factor": 3, "moon": True}
        assert force_model(load_scenario(small | {"forces": switches})) == (
            0,
            0,
            J4,
            True,
            False,
            True,
            3,
            None,
        )


def test_stations_stand_where_they_should():
    """Kiruna (67.88 N, 21.06 E) in ITRS, against the ellipsoid by hand."""
    row = station_records(load_scenario("scs01").stations)[4]
    sine, cosine = math.sin(math.radians(67.88)), math.cos(math.radians(67.88))
    normal = 6_378_137.0 / math.sqrt(1 - 0.00669437999014 * sine**2)
    x = (normal + 400) * cosine * math.cos(math.radians(21.06))
    z = (normal * (1 - 0.00669437999014) + 400) * sine
    assert (row["x"], row["z"]) == pytest.approx((x, z), abs=1e-3)
    assert math.degrees(math.atan2(row["y"], row["x"])) == pytest.approx(21.06)
    assert math.degrees(math.asin(row["uz"])) == pytest.approx(67.88)
    assert row["sin_mask"] == pytest.approx(math.sin(math.radians(5)))
    assert row["antennas"] == 1


class TestScs01:
    def test_altitudes_and_periods(self):
        scenario = load_scenario("scs01")
        fleet = make_fleet(scenario)
        r, v = np.linalg.norm(fleet.position, axis=1), np.linalg.norm(fleet.velocity, axis=1)
        assert ((r - R_EARTH > 440e3) & (r - R_EARTH < 560e3)).all()
        period = 2 * math.pi * np.sqrt((1 / (2 / r - v**2 / MU_EARTH)) ** 3 / MU_EARTH)
        published = [86_400 / row.mean_motion_rev_day for row in scenario.fleet[0].elements]
        assert period == pytest.approx(published, rel=3e-3)  # J2 makes the osculating one swing by some 10 s
        h = np.cross(fleet.position, fleet.velocity)
        inclination = np.degrees(np.arccos(h[:, 2] / np.linalg.norm(h, axis=1)))
        assert inclination == pytest.approx(97.37, abs=0.2)

    def test_names(self):
        fleet = make_fleet(load_scenario("scs01"))
        assert fleet.names == tuple(f"SCS-01 {letter}" for letter in "ABCDEFGHJKLM")
        assert set(fleet.groups) == {"SCS-01"}

    def test_sgp4_group_is_the_sgp4_package(self):
        scenario = load_scenario("scs01", {"fleet.0.propagator": "sgp4"})
        fleet = make_fleet(scenario)
        ((numbers, catalogue),) = fleet.sgp4
        assert numbers.tolist() == list(range(12))
        position, velocity = np.zeros((12, 3)), np.zeros((12, 3))
        sgp4_states(fleet, scenario.epoch, 5400.0, position, velocity)
        for row, satellite, p, v in zip(
            scenario.fleet[0].elements, catalogue.satellites, position, velocity, strict=True
        ):
            own = Satrec()
            days = float(row.epoch) - 26_000
            own.sgp4init(
                WGS72, "i", row.norad_id, 27_759.0 + days, row.bstar, 0.0, 0.0, row.eccentricity,
                *np.radians([row.argp_deg, row.inclination_deg, row.mean_anomaly_deg]),
                row.mean_motion_rev_day * 2 * math.pi / 1440, math.radians(row.raan_deg),
            )  # fmt: skip
            _, at, speed = own.sgp4(2_461_218.5, 5400.0 / 86_400)
            assert satellite.satnum == row.norad_id
            expected = teme_to_gcrs(np.array(at) * 1e3, np.array(speed) * 1e3, "2026-06-27T01:30:00")
            assert p == pytest.approx(expected[0], abs=0.01)
            assert v == pytest.approx(expected[1], abs=1e-5)


class TestSources:
    def test_walker(self):
        fleet = make_fleet(load_scenario("walker_24"))
        assert fleet.names[0] == "Walker 1"
        assert fleet.names[-1] == "Walker 24"
        assert np.linalg.norm(fleet.position, axis=1) == pytest.approx(R_EARTH + 550e3, abs=12e3)

    def test_keplerian(self, small):
        group = keplerian("a", "b", raan_deg=40.0)
        fleet = make_fleet(load_scenario(with_group(small, keplerian=group)))
        assert fleet.names == ("a", "b")
        between = fleet.position[0] @ fleet.position[1] / np.prod(np.linalg.norm(fleet.position, axis=1))
        assert math.degrees(math.acos(between)) == pytest.approx(10.0, abs=0.1)

    def test_states(self, small):
        state = {"name": "s", "position_km": [7000, 0, 0], "velocity_km_s": [0, 7.5, 0.1]}
        fleet = make_fleet(load_scenario(with_group(small, states=[state])))
        assert fleet.position.tolist() == [[7e6, 0, 0]]
        assert fleet.velocity[0] == pytest.approx([0, 7_500, 100])

    def test_trouble_names_the_group(self, small):
        walker = {"total": 5, "planes": 2, "altitude_km": 500, "inclination_deg": 50}
        with pytest.raises(SandboxError, match=r"fleet group 'G': total is 5, which 2 planes do not divide"):
            make_fleet(load_scenario(with_group(small, walker=walker)))
        with pytest.raises(SandboxError, match=r"fleet group 'G': .*none.tle"):
            make_fleet(load_scenario(with_group(small, catalogue={"file": "none.tle"})))

    def test_names_occur_once(self, small):
        groups = [{"name": g, "spacecraft": "craft", "keplerian": keplerian("a")} for g in "GH"]
        with pytest.raises(SandboxError, match="Two satellites of small are called 'a'"):
            make_fleet(load_scenario(small | {"fleet": groups}))

    def test_objects_that_share_a_name_are_told_apart(self, small, tmp_path):
        lines = """COSMOS DEB
1 22675U 93036A   08264.51782528 -.00002182  00000-0 -11606-4 0  2920
2 22675  74.0355 247.4627 0025811 130.5360 325.0288 14.32125391563532
COSMOS DEB
1 22676U 93036B   08264.51782528 -.00002182  00000-0 -11606-4 0  2922
2 22676  74.0355 247.4627 0025811 130.5360 125.0288 14.32125391563531
"""
        text = "\n".join(checked(line) for line in lines.splitlines())
        (tmp_path / "debris.tle").write_text(text)
        source = with_group(small, catalogue={"file": str(tmp_path / "debris.tle")})
        fleet = make_fleet(load_scenario(source | {"epoch": "2008-09-20T12:25:40"}))
        assert fleet.names == ("COSMOS DEB 22675", "COSMOS DEB 22676")


def checked(line):
    """A line of a TLE with the checksum that it should have."""
    if not line.startswith(("1 ", "2 ")):
        return line
    return line[:68] + str(sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10)


class TestChosenSatellites:
    def test_only_these_fly(self):
        all_of_them = make_fleet(load_scenario("scs01"))
        names = ("SCS-01 C", "SCS-01 A")
        fleet = make_fleet(load_scenario("scs01", {"satellites": names}))
        assert fleet.names == ("SCS-01 A", "SCS-01 C")
        assert (fleet.position == all_of_them.position[[0, 2]]).all()
        assert len(fleet.craft) == len(fleet.kinds) == len(fleet.groups) == 2

    def test_flown_by_sgp4(self, small):
        ring = small["fleet"][0]
        real = {"name": "R", "spacecraft": "craft", "propagator": "sgp4"}
        real["elements"] = [row.model_dump() for row in load_scenario("scs01").fleet[0].elements]
        data = small | {"fleet": [ring, real, ring | {"name": "Other"}], "epoch": "2026-06-27"}
        data["satellites"] = ["Other 3", "SCS-01 M", "Ring 2", "SCS-01 B"]
        scenario = load_scenario(data)
        fleet = make_fleet(scenario)
        assert fleet.names == ("Ring 2", "SCS-01 B", "SCS-01 M", "Other 3")
        ((numbers, catalogue),) = fleet.sgp4
        assert numbers.tolist() == [1, 2]
        assert catalogue.names == ["SCS-01 B", "SCS-01 M"]
        position, velocity = np.zeros((4, 3)), np.zeros((4, 3))
        sgp4_states(fleet, scenario.epoch, 0.0, position, velocity)
        assert (position[1:3] == fleet.position[1:3]).all()
        assert (position[[0, 3]] == 0.0).all()

    def test_nobody_flown_by_sgp4_is_left(self):
        changes = {"fleet.0.propagator": "sgp4", "satellites": ["SCS-01 A"]}
        assert len(make_fleet(load_scenario("scs01", changes)).sgp4) == 1
        ring = {"name": "W", "spacecraft": "computing_satellite"}
        ring["walker"] = {"total": 1, "planes": 1, "altitude_km": 500, "inclination_deg": 5}
        data = {"extends": "scs01", "satellites": ["W 1"]}
        data["fleet"] = [
            load_scenario("scs01").model_dump(mode="json")["fleet"][0] | {"propagator": "sgp4"},
            ring,
        ]
        assert make_fleet(load_scenario(data)).sgp4 == ()

    def test_unknown_name(self):
        with pytest.raises(SandboxError, match="Unknown satellite 'SCS-01 I'; did you mean SCS-01"):
            make_fleet(load_scenario("scs01", {"satellites": ["SCS-01 I"]}))
        with pytest.raises(SandboxError, match="and 2780 more"):
            make_fleet(load_scenario("star_compute_2800", {"satellites": ["?"]}))
