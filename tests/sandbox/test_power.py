"""Battery and panels: where every joule goes, and what a panel sees of the Sun."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.power import (
    BODY_PANEL,
    TRACKING_PANEL,
    battery_step,
    faded_capacity,
    panel_incidence,
    solar_power,
)

watts = st.floats(0.0, 5_000.0)
efficiencies = st.floats(0.05, 1.0)


@st.composite
def batteries(draw):
    capacity = draw(st.floats(1e3, 1e8))
    return draw(st.floats(0.0, 1.0)) * capacity, capacity


@given(batteries(), watts, watts, st.floats(0.01, 300.0), efficiencies, efficiencies)
def test_no_joule_is_lost_or_found(battery, harvest, load, seconds, charging, discharging):
    before, capacity = battery
    after, lost, curtailed, unmet = battery_step(
        before, capacity, harvest, load, seconds, charging, discharging
    )
    assert 0.0 <= after <= capacity
    assert min(lost, curtailed, unmet) >= -1e-12 * capacity
    scale = max(before, harvest * seconds, load * seconds, lost, 1.0)
    balance = (harvest - load) * seconds - lost - curtailed + unmet - (after - before)
    assert abs(balance) <= 1e-12 * scale
    assert curtailed <= 0.0 or after == capacity
    assert unmet <= 0.0 or after == 0.0


@given(batteries(), watts, watts, st.floats(0.01, 300.0), efficiencies, efficiencies)
def test_efficiencies_are_what_is_lost(battery, harvest, load, seconds, charging, discharging):
    before, capacity = battery
    after, lost, curtailed, unmet = battery_step(
        before, capacity, harvest, load, seconds, charging, discharging
    )
    flow = (harvest - load) * seconds
    if harvest >= load:
        into_battery = flow - curtailed
        assert after - before == pytest.approx(charging * into_battery, rel=1e-9, abs=1e-6 * capacity)
        assert lost == pytest.approx((1 - charging) * into_battery, rel=1e-9, abs=1e-6 * capacity)
    else:
        served = -flow - unmet
        assert before - after == pytest.approx(served / discharging, rel=1e-9, abs=1e-6 * capacity)
        assert lost == pytest.approx(served / discharging - served, rel=1e-9, abs=1e-6 * capacity)


def test_limits():
    assert battery_step(1000.0, 1000.0, 50.0, 10.0, 10.0, 0.9, 0.9) == (1000.0, 0.0, 400.0, 0.0)
    assert battery_step(0.0, 1000.0, 10.0, 50.0, 10.0, 0.9, 0.9) == (0.0, 0.0, 0.0, 400.0)
    assert battery_step(500.0, 1000.0, 10.0, 10.0, 10.0, 0.9, 0.9) == (500.0, 0.0, 0.0, 0.0)
    # 45 J of room take 50 J at 0.9; 350 J are shunted
    assert battery_step(955.0, 1000.0, 50.0, 10.0, 10.0, 0.9, 0.9) == pytest.approx((1000.0, 5.0, 350.0, 0.0))
    # 100 J on board serve 90 J of the 400 asked for
    assert battery_step(100.0, 1000.0, 10.0, 50.0, 10.0, 0.9, 0.9) == pytest.approx((0.0, 10.0, 0.0, 310.0))


def test_round_trip_efficiency_of_lithium_ion():
    """0.95 both ways is about 0.9 for the round trip (Wertz 2011)."""
    charged, *_ = battery_step(0.0, 1e6, 100.0, 0.0, 1000.0, 0.95, 0.95)
    seconds = charged * 0.95 / 100.0
    empty, _, _, unmet = battery_step(charged, 1e6, 0.0, 100.0, seconds, 0.95, 0.95)
    assert seconds / 1000.0 == pytest.approx(0.9025)
    assert (empty, unmet) == (pytest.approx(0.0, abs=1e-6), pytest.approx(0.0, abs=1e-6))


def test_fade_is_linear_in_full_cycles():
    assert faded_capacity(1000.0, 500.0, 0.0) == 1000.0
    assert faded_capacity(1000.0, 1000.0, 2e-4) == pytest.approx(999.8)
    capacity = 1000.0
    for _ in range(2000):
        capacity = faded_capacity(capacity, 500.0, 2e-4)
    assert capacity == pytest.approx(1000.0 * (1 - 1000 * 2e-4))


def test_body_panel_looks_away_from_the_camera():
    assert panel_incidence(BODY_PANEL, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0) == 1.0
    assert panel_incidence(BODY_PANEL, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0) == 0.0
    assert panel_incidence(BODY_PANEL, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0) == 0.0
    slant = math.radians(60.0)
    tilted = panel_incidence(BODY_PANEL, -math.cos(slant), math.sin(slant), 0.0, 1.0, 0.0, 0.0)
    assert tilted == pytest.approx(0.5)


def test_tracking_panel_sees_the_sun_from_anywhere():
    for pointing in np.eye(3):
        assert panel_incidence(TRACKING_PANEL, *pointing, 1.0, 0.0, 0.0) == 1.0


def test_nadir_pointing_body_panel_harvests_one_over_pi_of_an_orbit_in_the_suns_plane():
    """A panel to zenith, once round with the Sun in the plane of the orbit: the mean of max(0, cos)."""
    angles = np.linspace(0.0, 2 * np.pi, 100_000, endpoint=False)
    seen = [panel_incidence(BODY_PANEL, -math.cos(a), -math.sin(a), 0.0, 1.0, 0.0, 0.0) for a in angles]
    assert np.mean(seen) == pytest.approx(1 / math.pi, rel=1e-6)


def test_cubesat_panel_of_cote():
    """0.01811 m2 at 28.508 % give 7.05 W in full Sun (cote's sample files, at 1,366 W/m2)."""
    assert solar_power(0.01811, 0.28508, 1366.0, 1.0, 1.0) == pytest.approx(7.05, abs=0.01)
    assert solar_power(0.01811, 0.28508, 1366.0, 0.25, 0.5) == pytest.approx(7.05 / 8, abs=0.01)
