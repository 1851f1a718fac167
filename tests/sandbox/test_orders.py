"""Standing orders: when they lapse, and what is flown under them."""

import numpy as np
import pytest
from pilots import whole_world

from sandbox.jobs import DECISIONS, DEFER
from sandbox.orders import ORDER, begin, flown, place_of
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE, OPPORTUNITY


@pytest.fixture
def opportunities():
    rows = np.zeros(3, OPPORTUNITY)
    rows["request"] = [7, 4, NONE]
    return rows


def order(command, request=NONE):
    record = np.zeros(1, ORDER)
    record[0] = (command, request, DEFER)
    return record[0]


def test_an_episode_begins_with_panels_to_the_sun_and_jobs_that_wait():
    orders = np.zeros((2, 3), ORDER)
    orders["queue"] = 3
    begin(orders, 1)
    assert orders[1].tolist() == [(CHARGE, NONE, DEFER)] * 3
    assert orders[0].tolist() == [(IDLE, 0, 3)] * 3
    assert DECISIONS[DEFER] == "defer"


def test_requests_are_found_where_they_now_stand(opportunities):
    assert [place_of(opportunities, request) for request in (7, 4, 5)] == [0, 1, NONE]


@pytest.mark.parametrize("burns", [False, True])
@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize(
    ("command", "asked", "mode", "place"),
    [
        (IDLE, NONE, IDLE, 0),
        (CHARGE, NONE, CHARGE, 0),
        (DOWNLINK, NONE, DOWNLINK, 0),
        (OBSERVE, 4, OBSERVE, 1),
        (OBSERVE, 5, CHARGE, 0),
    ],
)
def test_what_is_flown(opportunities, command, asked, mode, place, burns, safe):
    """Safe mode goes before burns, a burn before everything else."""
    expected = (CHARGE, 0) if safe else (IDLE, 0) if burns else (mode, place)
    assert flown(opportunities, order(command, asked), burns, safe) == expected


def rounds(world, count):
    for _ in range(count):
        world.step()


def test_to_send_lapses_without_a_station_or_anything_to_send(disaster):
    world = whole_world(disaster(calm=True))
    world.reset(0)
    world.orders["command"] = DOWNLINK
    world.step()
    assert (world.orders["command"] == CHARGE).all()
    rounds(world, 60)
    for _ in range(120):
        world.state.store.level["count"][0, 0] = 1  # as good as an image
        world.state.store.level["used"][0, 0] = world.state.store.remaining[0, 0, 0] = 4e9
        world.orders["command"][0, 0] = DOWNLINK
        world.step()
        seen = world.state.outlook["station"][0, 0] != NONE
        left = world.state.store.level["count"][0, 0] > 0
        assert (world.orders["command"][0, 0] == DOWNLINK) == (seen and left)


def test_to_observe_stands_until_the_image_is_taken(disaster):
    """A request far ahead is turned to first; once imaged it is shown no more, and the panel turns back."""
    changes = {"requests.initial": 600, "requests.cloud_mean": 0.0, "requests.where": "globe"}
    world, stood, done = whole_world(disaster(calm=True, changes=changes)), 0, 0
    world.reset(1)
    for _ in range(120):
        told = world.orders[0].copy()
        free = told["command"] != OBSERVE
        asked = world.state.opportunities["request"][0, :, 0]
        world.orders["command"][0] = np.where(free & (asked != NONE), OBSERVE, told["command"])
        world.orders["request"][0] = np.where(free, asked, told["request"])
        before = world.orders[0].copy()
        world.step()
        observing, did = before["command"] == OBSERVE, world.state.activity[0]
        taken = observing & (did["captured"] + did["duplicate"] > 0)
        stands = observing & (world.orders["command"][0] == OBSERVE)
        shown = (world.state.opportunities["request"][0] == before["request"][:, None]).any(-1)
        assert not (taken & stands).any()
        assert (world.orders["request"][0][stands] == before["request"][stands]).all()
        np.testing.assert_array_equal(stands, observing & shown)
        assert (world.orders["command"][0][observing & ~stands] == CHARGE).all()
        stood, done = stood + int((stands & shown).sum()), done + int(taken.sum())
    assert stood > 3
    assert done > 10
