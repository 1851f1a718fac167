"""Where a view begins: by day, with the fleet in sight, at a moment by which something has arrived."""

import json

import numpy as np
import pytest
from flown import flown

from sandbox.recording import Events, Recording
from sandbox.rendering.opening import LEAST_BURN_M_S, opening
from sandbox.rendering.projection import direction, turned


def with_events(recording, rows):
    return Recording(recording.meta, recording.arrays, Events.from_rows(rows))


def deliveries(count, satellites=12, every_s=61.0):
    return [(70.0 + every_s * i, i % satellites, "delivery", i, 2.0, "") for i in range(count)]


def cosine(recording, first, what):
    """Of the angle between the middle of the globe and the sun, or a satellite."""
    k, middle = first.round_of(recording), direction(first.latitude, first.longitude)
    there = recording["sun"][k] if what == "sun" else recording["position"][k, what].astype(float)
    there = turned(there, recording["earth_angle"][k])
    return float(there @ middle / np.linalg.norm(there))


def test_it_is_day_and_whose_event_it_is_can_be_seen(circles):
    first = opening(circles)
    assert first.time_s in circles.events.time_s
    assert cosine(circles, first, "sun") > 0.4
    assert cosine(circles, first, first.satellite) > 0.5


def test_a_part_of_the_value_has_arrived_and_more_is_to_come(circles):
    first = opening(with_events(circles, deliveries(30)))
    assert 0.15 * 30 <= sum(time <= first.time_s for time, *_ in deliveries(30)) <= 20


def test_what_the_round_brought_is_complete(circles):
    rows = [
        row for time, *rest in deliveries(20, every_s=60.0) for row in [(time, *rest), (time + 20.0, *rest)]
    ]
    first = opening(with_events(circles, rows))
    assert first.time_s % 60.0 == pytest.approx(30.0)  # the second of its two


def test_of_one_delivery_that_is_the_moment(circles):
    first = opening(
        with_events(circles, [(1234.0, 5, "delivery", 1, 3.0, ""), (2000.0, 1, "lost", -1, 0.0, "")])
    )
    assert (first.time_s, first.satellite) == (1234.0, 5)


def test_where_nothing_arrives_the_weightiest_is_shown(circles):
    rows = [
        (100.0, 1, "capture", 1, 1.0, ""),
        (700.0, 2, "collision", 0, 1.0, ""),
        (900.0, 3, "thought", -1, 1.0, "{}"),
    ]
    assert opening(with_events(circles, rows)).time_s == 700.0


def test_what_is_known_before_the_first_round_is_not_the_moment(circles):
    rows = [(0.0, n, "warning", 0, 1e-5, "") for n in range(12)] + [(1000.0, 4, "warning", 0, 1e-5, "")]
    assert opening(with_events(circles, rows)).time_s == 1000.0


def test_an_event_of_nobody_is_turned_to_where_it_happened(circles):
    text = json.dumps({"name": "Flood", "latitude_deg": 10.0, "longitude_deg": 20.0})
    first = opening(with_events(circles, [(300.0, -1, "disaster", 0, 1.0, text)]))
    there = direction(np.radians(10.0), np.radians(20.0))
    assert there @ direction(first.latitude, first.longitude) > 0.5


def test_a_burn_too_small_to_speak_of_is_no_event(circles):
    first = opening(with_events(circles, [(300.0, 1, "burn", -1, 0.1 * LEAST_BURN_M_S, "")]))
    assert first.satellite == -1


@pytest.mark.parametrize("rounds", [1, 2, 40])
def test_without_events_there_is_an_opening_too(rounds):
    quiet = with_events(flown(rounds=rounds), [])
    first = opening(quiet)
    assert first.satellite == -1
    assert first.time_s in quiet["time"]
