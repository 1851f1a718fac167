"""Drag from a catalogue: the decay that its elements state comes out of our air."""

import warnings
from datetime import UTC, datetime

import numpy as np
import pytest

from sandbox.fleet import force_model, make_fleet
from sandbox.orbits import from_mean_elements, propagate
from sandbox.orbits.catalogue import CatalogueWarning
from sandbox.orbits.catalogue_drag import catalogue_ballistic, decay_rate
from sandbox.scenario import load_scenario

DAY = 86_400.0
EPOCH = datetime(2026, 6, 27, tzinfo=UTC)


def lags(forces, position, velocity, ballistic):
    """m along track that drag makes in a day."""
    drawn, _ = propagate(position, velocity, [DAY], forces, ballistic)
    free, _ = propagate(position, velocity, [DAY], forces._replace(drag=False))
    return np.linalg.norm(drawn[0] - free[0], axis=-1)


def elements(**changes):
    row = load_scenario("scs01").fleet[0].elements[0].model_dump() | changes
    return from_mean_elements([row])


def test_the_twelve_lag_as_their_catalogue_says():
    """Within 1 % each; with one area and mass for all it was 0.40 to 0.80, and 1.68 for G."""
    scenario = load_scenario("scs01")
    assert scenario.forces.drag == "catalogue"
    fleet = make_fleet(scenario)
    found = lags(force_model(scenario), fleet.position, fleet.velocity, fleet.craft["ballistic"])
    rows = scenario.fleet[0].elements
    axis = np.linalg.norm(fleet.position, axis=-1).mean()
    stated = np.array([2.0 * np.pi * axis * row.ndot_rev_day2 for row in rows])  # half the rate, one day
    np.testing.assert_allclose(found / stated, 1.0, atol=0.015)


def test_without_it_all_share_what_the_spacecraft_has():
    fleet = make_fleet(load_scenario("scs01", {"forces.drag": True}))
    assert (fleet.craft["ballistic"] == 2.2 * 1.5 / 200.0).all()


def test_a_fleet_without_a_catalogue_keeps_its_own():
    fleet = make_fleet(load_scenario("walker_24", {"forces.drag": "catalogue"}))
    assert (fleet.craft["ballistic"] == 2.2 * 1.5 / 200.0).all()


def test_bstar_and_rate_tell_the_same():
    """B* through SGP4's own air, where no rate is stated."""
    stated, by_bstar = elements(), elements(ndot_rev_day2=0.0)
    assert decay_rate(by_bstar.sets[0]) == pytest.approx(decay_rate(stated.sets[0]), rel=0.02)
    assert decay_rate(elements(ndot_rev_day2=-1e-5).sets[0]) == decay_rate(by_bstar.sets[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"ndot_rev_day2": 0.0, "bstar": 0.0},
        {"ndot_rev_day2": -1e-4, "bstar": -4e-4},
        {"ndot_rev_day2": 1e-4, "mean_motion_rev_day": 2.0},
    ],
)
def test_elements_that_tell_of_no_drag_are_said(changes):
    catalogue = elements(**changes)
    with pytest.warns(CatalogueWarning, match=r"SCS-01 A tell of no drag.*0\.0165"):
        found = catalogue_ballistic(catalogue, *catalogue.states(EPOCH), 0.0165)
    assert found.tolist() == [0.0165]


def test_good_elements_say_nothing():
    catalogue = elements()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = catalogue_ballistic(catalogue, *catalogue.states(EPOCH), 0.0165)
    assert 0.005 < found[0] < 0.05
