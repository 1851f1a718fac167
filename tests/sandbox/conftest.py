"""Shared by the tests of `sandbox`: a small scenario to vary, spacecraft and stations as kernels see them."""

import copy

import pytest

from sandbox.fleet import make_fleet, station_records
from sandbox.orbits.ephemeris import make_ephemeris
from sandbox.scenario import load_scenario

EPOCH = "2026-03-20T14:45:00"  # the Sun stands over the equator

SMALL = {
    "name": "small",
    "epoch": EPOCH,
    "horizon_h": 2.0,
    "spacecraft": {
        "craft": {
            "body": {"mass_kg": 200, "drag_area_m2": 1.5},
            "power": {
                "panel_area_m2": 1.2, "panel_efficiency": 0.295, "battery_wh": 600,
                "bus_w": 110, "compute_w": 140, "slew_w": 40, "camera_w": 180, "transmitter_w": 90,
                "heater_w": 40,
                # a panel without losses and a battery that does not age, so that tests can count
                "panel_packing": 1.0, "panel_harness": 1.0, "cell_loss_per_k": 0.0, "cycle_life": 0,
            },
            "thermal": {
                "heat_capacity_j_k": 60_000, "radiator_area_m2": 1.6, "emissivity": 0.85,
                "absorptivity": 0.25, "sun_area_m2": 0.9, "earth_area_m2": 0.8,
            },
            "attitude": {"slew_rate_deg_s": 1.8, "slew_acceleration_deg_s2": 0.4, "settle_s": 2.0},
            "camera": {"max_off_nadir_deg": 40, "dwell_s": 4, "image_gbit": 4},
            "radio": {"eirp_dbw": 16, "frequency_ghz": 8.2, "bandwidth_mhz": 100},
            "store_gbit": 40,
        }
    },
    "fleet": [
        {
            "name": "Ring",
            "spacecraft": "craft",
            "walker": {"total": 3, "planes": 1, "altitude_km": 550, "inclination_deg": 53},
        }
    ],
    "stations": [
        {"name": "Kiruna", "latitude_deg": 67.88, "longitude_deg": 21.06},
        {"name": "Hawaii", "latitude_deg": 19.01, "longitude_deg": -155.66},
    ],
    "requests": {"initial": 200, "per_hour": 30, "where": "globe"},
    "safe_mode": {"below": 0.0},  # satellites run dry
}  # fmt: skip


@pytest.fixture(scope="session")
def template():
    """A scenario as a dictionary, to copy."""
    return SMALL


@pytest.fixture
def small():
    """A scenario as a dictionary of its own, to change at will."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def craft():
    """The record of the spacecraft of `small`, to change at will."""
    return make_fleet(load_scenario(SMALL)).craft[0].copy()


@pytest.fixture
def stations():
    """The records of the stations of `small`."""
    return station_records(load_scenario(SMALL).stations)


@pytest.fixture(scope="session")
def day():
    """An ephemeris for a day and more from `EPOCH`."""
    return make_ephemeris(EPOCH, 30 * 3600.0)
