"""Disasters: when, where and what they ask for, and that nothing changes where there are none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pilots import encounter_world, job_world, plain_world, play_round

from sandbox.errors import SandboxError
from sandbox.events import draw_times, happening
from sandbox.geography import EARTH_MEAN_RADIUS, sample_around
from sandbox.job_arrivals import draw_jobs
from sandbox.orbits.frames import itrs_to_geodetic
from sandbox.recording.frames import scene_of
from sandbox.recording.happenings import book_of
from sandbox.requests import draw_book, write_book
from sandbox.scenario import Event, load_scenario
from sandbox.state import NONE, arrays, make_state

HOUR = 3600.0
ASKED = {"count": 40, "value": [50, 60], "lifetime_h": [0.5, 1.5], "cloud_mean": 0.0}
QUESTIONS = {
    "per_hour": 300, "duration_h": 1.0, "raw_mbit": 20, "answer_kbit": 40, "prompt_tokens": 5_000,
    "output_tokens": 120, "value": [80, 90], "deadline_s": 600, "half_life_s": 240, "quality": [0.5, 0.8, 1],
}  # fmt: skip
QUAKE = {
    "name": "Quake", "kind": "earthquake", "latitude_deg": 37.2, "longitude_deg": 37.0, "radius_km": 150,
    "at_h": [0.2, 1.0], "requests": ASKED, "questions": QUESTIONS, "stations_lost": ["Kiruna"],
}  # fmt: skip
FLOOD = {
    "name": "Flood", "kind": "flood", "latitude_deg": 24, "longitude_deg": 179.5, "radius_km": 400,
    "at_h": [0.5, 0.5], "requests": ASKED | {"value": [70, 75]},
}  # fmt: skip


def arc(latitude, longitude, event):
    """Distance in m along the ground from places (rad) to where an event strikes."""
    there = np.radians((event["latitude_deg"], event["longitude_deg"]))
    cosine = np.sin(latitude) * math.sin(there[0])
    cosine += np.cos(latitude) * math.cos(there[0]) * np.cos(longitude - there[1])
    return np.arccos(np.clip(cosine, -1.0, 1.0)) * EARTH_MEAN_RADIUS


@pytest.fixture
def struck(small):
    return load_scenario(small | {"events": [QUAKE, FLOOD]})


@pytest.fixture(scope="module")
def relay():
    """A mesh of few satellites with an event's questions and its own."""
    fleet = [{"name": "One", "spacecraft": "computing_satellite",
              "sun_synchronous": {"total": 6, "altitude_km": 600, "local_time_h": [6.0]}}]  # fmt: skip
    event = QUAKE | {"stations_lost": ["Troll"]}
    return load_scenario("relay_40", {"fleet": fleet, "events": [event], "requests.per_hour": 30})


@given(st.floats(-1.57, 1.57), st.floats(-3.14, 3.14), st.floats(1e3, 2e7), st.integers(0, 2**31))
def test_places_lie_within_the_radius(latitude, longitude, radius, seed):
    places = np.array(sample_around(np.random.default_rng(seed), 50, latitude, longitude, radius))
    centre = {"latitude_deg": math.degrees(latitude), "longitude_deg": math.degrees(longitude)}
    assert (arc(*places, centre) <= radius * (1.0 + 1e-6) + 1.0).all()


@pytest.mark.parametrize("radius", [50e3, 3_000e3, 15_000e3])
def test_places_are_even_by_area(radius):
    """The share within a smaller radius is that of the caps' areas; bearings are even."""
    places = sample_around(np.random.default_rng(1), 40_000, 0.4, -3.0, radius)
    away = arc(*places, {"latitude_deg": math.degrees(0.4), "longitude_deg": math.degrees(-3.0)})
    for part in (0.3, 0.5, 0.8):
        caps = [1.0 - math.cos(r / EARTH_MEAN_RADIUS) for r in (part * radius, radius)]
        assert (away < part * radius).mean() == pytest.approx(caps[0] / caps[1], abs=0.01)
    if radius < 100e3:
        assert (places[0] > 0.4).mean() == pytest.approx(0.5, abs=0.01)


def test_times_are_uniform_in_their_range():
    events = [Event(**QUAKE), Event(**FLOOD)]
    times = np.array([draw_times(np.random.default_rng(seed), events) for seed in range(2_000)])
    assert (times[:, 1] == 0.5 * HOUR).all()
    shares = (times[:, 0] / HOUR - 0.2) / 0.8
    assert ((shares >= 0.0) & (shares <= 1.0)).all()
    assert np.quantile(shares, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.05)


def test_requests_come_with_the_event_from_where_it_strikes(struck):
    world = plain_world(struck, worlds=3)
    world.reset(seed=7)
    for b in range(3):
        book = book_of(world, b)
        for e, (low, high, event) in enumerate(((50, 60, QUAKE), (70, 75, FLOOD))):
            mine = book[(book["value"] >= low) & (book["value"] <= high)]
            assert len(mine) == 40
            assert (mine["release"] == world.state.events[b, e]).all()
            life = (mine["deadline"] - mine["release"]) / HOUR
            assert ((life >= 0.5 - 1e-9) & (life <= 1.5 + 1e-9)).all()
            latitude, longitude, _ = itrs_to_geodetic(mine["position"])
            away = arc(latitude, longitude, event)
            assert away.max() <= 1e3 * event["radius_km"] * (1 + 1e-6)
            assert away.max() > 0.5e3 * event["radius_km"]
        assert (np.diff(book["release"]) >= 0.0).all()
    assert len(set(world.state.events[:, 0])) == 3


def test_nothing_of_an_event_is_open_before_it(struck):
    world = plain_world(struck)
    world.reset(seed=3)
    urgent = world.state.requests.book["value"][0] >= 50
    while world.state.clock["time"][0] < world.state.events[0].min():
        assert (world.state.requests.book["status"][0, urgent] == 0).all()
        world.step()
    for _ in range(120):
        world.step()
    assert (world.state.requests.book["status"][0, urgent] != 0).all()


def test_questions_come_from_the_teams_with_their_own_deadline(relay):
    world = job_world(relay, worlds=2, horizon_s=2 * HOUR)
    world.reset(seed=1)
    number = len(relay.jobs.kinds)
    assert world.jobs.params.kinds[number]["prompt"] == 5_000
    assert world.jobs.params.kinds[number]["half_life"] == 240
    for b in range(2):
        at = world.state.events[b, 0]
        book = world.jobs.state.book[b][np.isfinite(world.jobs.state.book[b]["release"])]
        mine = book[book["kind"] == number]
        assert len(mine) == pytest.approx(300, abs=5 * math.sqrt(300))
        assert ((mine["release"] >= at - 1e-6) & (mine["release"] <= at + HOUR + 1e-6)).all()
        np.testing.assert_allclose(mine["deadline"] - mine["release"], 600.0)
        assert ((mine["value"] >= 80) & (mine["value"] <= 90)).all()
        assert (mine["source"] == NONE).all()
        up = mine["up"]
        away = arc(np.arcsin(up[:, 2]), np.arctan2(up[:, 1], up[:, 0]), QUAKE)
        assert away.max() <= 150e3 * (1 + 1e-6)
        assert (book[book["kind"] < number]["value"] < 80).all()


def test_an_event_beyond_the_horizon_does_not_happen(struck, relay):
    world = plain_world(struck, horizon_s=600.0)
    world.reset(seed=0)
    assert (world.state.events[0] >= 600.0).all()
    assert book_of(world)["value"].max() <= 10
    jobs = draw_jobs(np.random.default_rng(0), relay.jobs, 6, 600.0, 9_999, relay.events, [600.0])
    assert (jobs["kind"] < len(relay.jobs.kinds)).all()
    assert [event.name for event, _ in happening(struck.events, [5.0, 7.0], 6.0)] == ["Quake"]


def test_questions_end_with_the_horizon(relay):
    jobs = draw_jobs(np.random.default_rng(0), relay.jobs, 6, HOUR, 9_999, relay.events, [1_800.0])
    mine = jobs[jobs["kind"] == len(relay.jobs.kinds)]
    assert len(mine) == pytest.approx(150, abs=5 * math.sqrt(150))
    assert mine["release"].max() <= HOUR


def same(ours, theirs):
    names = ours.dtype.names or (None,)
    return all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in ((ours, theirs) if name is None else (ours[name], theirs[name]) for name in names)
    )


@pytest.mark.parametrize("kind", [job_world, encounter_world])
def test_a_world_of_a_batch_is_that_world_alone_and_seeds_repeat(relay, kind):
    both, alone = (kind(relay, worlds, horizon_s=HOUR) for worlds in (3, 1))
    both.reset(seed=4)
    first = both.state.events.copy()
    alone.reset(seed=5)
    assert (both.state.events[1] == alone.state.events[0]).all()
    assert all(same(a[1], b[0]) for a, b in zip(arrays(both.state), arrays(alone.state), strict=True))
    if kind is job_world:
        assert all(same(a[1], b[0]) for a, b in zip(both.jobs.state, alone.jobs.state, strict=True))
    both.reset(seed=4)
    assert (both.state.events == first).all()
    both.reset()
    assert (both.state.events != first).all()


def test_all_worlds_agree_on_when(relay):
    """What else a world draws does not move its events: one seed, one disaster in every problem."""
    times = []
    for kind in (plain_world, job_world, encounter_world):
        world = kind(relay, horizon_s=HOUR)
        world.reset(seed=11)
        times.append((float(world.state.events[0, 0]), book_of(world)["value"].sum()))
    assert times[0] == times[1] == times[2]


def test_snapshots_keep_the_times(struck):
    world = plain_world(struck)
    world.reset(seed=1)
    snapshot, times = world.snapshot(), world.state.events.copy()
    world.reset(seed=2)
    assert (world.state.events != times)[0, 0]
    world.restore(snapshot)
    assert (world.state.events == times).all()


def test_events_of_a_late_start_are_late(struck):
    late = load_scenario(struck, {"start_within_h": 48.0})
    world = plain_world(late)
    world.reset(seed=5)
    start = world.state.clock["start"][0]
    assert start > 0.0
    assert world.state.events[0, 1] == start + 0.5 * HOUR
    assert (book_of(world)["release"] >= start).all()


def test_without_events_nothing_more_is_drawn(small):
    """A world's generator has taken just what start, charge and book take, in that order, as ever."""
    scenario = load_scenario(small | {"start_within_h": 5.0})
    world = plain_world(scenario)
    world.reset(seed=9)
    rng = np.random.default_rng(9)
    start = 30.0 * rng.integers(601)
    craft = world.fleet.craft
    charge = rng.uniform(craft["charge_low"], craft["charge_high"])
    book = draw_book(rng, scenario.requests, world.horizon_s)
    assert world._generators[0].bit_generator.state == rng.bit_generator.state
    np.testing.assert_array_equal(world.state.power["energy"][0], charge * craft["battery"])
    rows = world.state.requests.book
    by_hand = make_state(1, 3, 1, rows.shape[1], book.sky.shape[1], 1, 2).requests
    write_book(by_hand, 0, book, start)
    for name in ("position", "release", "deadline", "value", "cloud"):
        np.testing.assert_array_equal(rows[name], by_hand.book[name])
    assert world.state.events.shape == (1, 0)


def test_the_rest_of_the_book_is_that_of_a_world_without(small):
    """Events come last in the book's draws: with their time given, the others are as without them."""
    bare, events = load_scenario(small), (Event(**FLOOD),)
    drawn = [
        draw_book(np.random.default_rng(2), bare.requests, 2 * HOUR, *more)
        for more in ((), (events, [0.5 * HOUR]))
    ]
    others = drawn[1].value < 50
    assert others.sum() == len(drawn[0].value)
    for ours, theirs in zip(drawn[1], drawn[0], strict=True):
        np.testing.assert_array_equal(ours[others], theirs)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"stations_lost": ["Kirun"]}, "Unknown station 'Kirun'; did you mean Kiruna?"),
        ({"at_h": [3, 1]}, "events.0.at_h = [3, 1]: give two numbers with 0 <= first <= second"),
        ({"kind": "storm"}, "events.0.kind = 'storm': input should be 'earthquake' or 'flood'"),
        ({"radius": 3}, "'events.0.radius'; did you mean events.0.radius_km"),
        ({"requests": ASKED | {"value": [5, 1]}}, "events.0.requests.value = [5, 1]: give two numbers"),
        ({"questions": QUESTIONS | {"value": [5, 1]}}, "events.0.questions.value = [5, 1]"),
        ({"questions": QUESTIONS | {"source": "cities"}}, "'events.0.questions.source'"),
    ],
)
def test_mistakes_are_one_sentence(small, change, says):
    with pytest.raises(SandboxError) as caught:
        load_scenario(small | {"events": [QUAKE | change]})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_occur_once(small):
    with pytest.raises(SandboxError, match="every name in events must occur once"):
        load_scenario(small | {"events": [QUAKE, QUAKE]})


def test_disaster_response_is_one_mesh():
    """Its inference satellites all reach one another where terminals look everywhere, at any time of a
    revolution."""
    craft = load_scenario("disaster_response").spacecraft["computing_satellite"]
    everywhere = {"spacecraft.computing_satellite.lasers": craft.lasers.model_dump() | {"regard_deg": 90.0}}
    world = job_world(load_scenario("disaster_response", everywhere), horizon_s=2 * HOUR)
    world.reset(seed=0)
    inference = [n for n, name in enumerate(world.fleet.names) if name.startswith("Inference")]
    assert (len(inference), world.satellites) == (22, 24)
    for _ in range(8):
        for _ in range(25):
            world.step(queue=np.zeros((1, world.satellites), int))
        peer = scene_of(world)["link_peer"]
        reached, ahead = set(), {0}
        while ahead:
            n = ahead.pop()
            reached.add(n)
            ahead |= {int(m) for m in peer[n] if m != NONE} - reached
        assert reached.issuperset(inference)


def test_disaster_response_can_be_seen_when_it_strikes():
    """Some satellite flies within sight of each event's place while its first requests are open."""
    world = plain_world("disaster_response")
    world.reset(seed=0)
    events = [event.model_dump() for event in world.scenario.events]
    nearest = np.full(len(events), np.inf)
    while world.state.clock["time"][0] < 9 * HOUR:
        now, outlook = world.state.clock["time"][0], world.state.outlook[0]
        for e, event in enumerate(events):
            if 0.0 < now - world.state.events[0, e] < event["requests"]["lifetime_h"][1] * HOUR:
                away = arc(outlook["latitude"], outlook["longitude"], event)
                nearest[e] = min(nearest[e], away.min())
        play_round(
            world, np.full((1, world.satellites), 1, np.int32), np.zeros((1, world.satellites), np.int32)
        )
    assert (nearest < 400e3).all()
