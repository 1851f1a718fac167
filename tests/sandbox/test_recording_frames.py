"""What a recording says is what the world held."""

import json

import numpy as np
import pytest
from pilots import encounter_world, job_world, plain_world, play_round, sensible

from sandbox.conjunctions.plane_integrals import foster
from sandbox.jobs import DECISIONS
from sandbox.lasers import CARGO, carries
from sandbox.orbits.frames import gcrs_to_itrs, itrs_to_geodetic
from sandbox.radio import SKIES
from sandbox.recording import TARGET_STATES, VARIABLES, Recorder
from sandbox.recording.frames import (
    activity_of,
    frame_of,
    meta_of,
    scene_of,
    sizes_of,
    static_of,
)
from sandbox.recording.happenings import book_of, events_of, marks_of
from sandbox.scenario import load_scenario
from sandbox.state import (
    CHARGE,
    DOWNLINK,
    LOST,
    MODE_NAMES,
    NONE,
    OBSERVE,
    PENDING,
    REQUEST_STATUS_NAMES,
    TIP,
)
from sandbox.world import World

ROUNDS, ACTIONS = 240, 7


def orders(world):
    """Charge, unless there is something to send or to image."""
    seen = world.state.outlook["station"] != NONE
    command = np.where(world.state.opportunities["request"][..., 0] != NONE, OBSERVE, CHARGE)
    return np.where(seen & (world.state.store.level["count"] > 0), DOWNLINK, command)


def record(world, b=0, rounds=ROUNDS):
    """Play and record world `b`; the recording and what was seen directly in each round."""
    recorder = Recorder(meta_of(world), rounds, *sizes_of(world, b), ACTIONS, static=static_of(world, b))
    did = []
    for _ in range(rounds):
        scene, marks = scene_of(world, b), marks_of(world, b)
        play_round(world, orders(world), np.zeros((world.worlds, world.satellites), np.int32))
        zeros = np.zeros(world.satellites, np.int32)
        recorder.append(**scene, **activity_of(world, b), action=zeros, reward=zeros)
        for event in events_of(world, marks, b):
            recorder.event(*event)
        did.append(world.state.activity[b].copy())
    return recorder.close(), np.array(did)


@pytest.fixture(scope="module")
def played():
    """Two hours of the pair: the world at the end, a snapshot of its start, the recording, the activities."""
    world = plain_world("pair", horizon_s=ROUNDS * 30.0)
    world.reset(3)
    start = world.snapshot()
    recording, did = record(world)
    return world, start, recording, did


def test_every_variable_of_the_physics_is_there(played):
    world, _, recording, _ = played
    thoughts = {"thought_s", "thought_j", "prompt_tokens", "output_tokens"}
    decisions = {"mask", "probability"} | thoughts  # the runner's
    assert set(recording) == VARIABLES.keys() - decisions - {
        "link_peer",
        *(f"link_{kind}" for kind in CARGO),
        "fuel",
        "encounter_position",
        "station_sky",
    }  # of other worlds
    assert frame_of(world).keys() == scene_of(world).keys() | activity_of(world).keys()


def test_a_world_with_weather_shows_the_sky_of_every_station():
    world = World("pair", 2, parts=("weather",), horizon_s=600.0)
    world.reset(3)
    world.state.ground["sky"][...] = np.arange(world.state.ground["sky"].size).reshape(2, -1) % len(SKIES)
    for b in range(2):
        np.testing.assert_array_equal(frame_of(world, b)["station_sky"], world.state.ground["sky"][b])


def test_a_round_stands_at_its_beginning(played):
    world, start, recording, _ = played
    np.testing.assert_allclose(recording["time"], np.arange(ROUNDS) * 30.0)
    power = start.state.power[0]
    np.testing.assert_allclose(recording["battery"][0], power["energy"] / power["capacity"], rtol=1e-6)
    np.testing.assert_allclose(recording["position"][0], start.state.orbit.position[0], rtol=1e-6)
    world_now = scene_of(world)
    assert world_now["time"] == ROUNDS * 30.0
    assert not (recording["target_state"][0] == TARGET_STATES.index("captured")).any()


def test_angles_agree_with_positions(played):
    world, _, recording, _ = played
    for k in (0, 100, ROUNDS - 1):
        time, position = recording["time"][k], recording["position"][k].astype(float)
        place = itrs_to_geodetic(gcrs_to_itrs(position, world.constants.ephemeris, np.full(2, time)))
        np.testing.assert_allclose(recording["latitude"][k], place[0], atol=1e-5)
        np.testing.assert_allclose(recording["longitude"][k], place[1], atol=1e-5)
        turned = np.arctan2(position[:, 1], position[:, 0]) - recording["earth_angle"][k]
        off = (turned - recording["longitude"][k] + np.pi) % (2 * np.pi) - np.pi
        assert np.abs(off).max() < 0.02  # precession and the pole
    np.testing.assert_allclose(np.linalg.norm(recording["sun"], axis=1), 1.0)
    assert np.diff(recording["earth_angle"]) == pytest.approx(7.2921e-5 * 30.0, rel=1e-3)


def test_only_real_requests_are_recorded(played):
    world, _, recording, _ = played
    room = world.state.requests.book.shape[1]
    assert 0 < len(book_of(world)) < room
    assert len(recording["target_value"]) == len(book_of(world))
    assert (recording["target_value"] > 0).all()
    place = itrs_to_geodetic(book_of(world)["position"])
    np.testing.assert_allclose(recording["target_latitude"], place[0], atol=1e-9)
    np.testing.assert_allclose(recording["target_longitude"], place[1], atol=1e-9)
    stations = world.scenario.stations
    np.testing.assert_allclose(np.degrees(recording["station_latitude"]), [s.latitude_deg for s in stations])


def test_names_fit_the_codes(played):
    world, _, recording, _ = played
    assert tuple(recording.meta["mode_names"]) == MODE_NAMES
    assert len(TARGET_STATES) == len(REQUEST_STATUS_NAMES)
    assert TARGET_STATES[1:] == REQUEST_STATUS_NAMES[1:]
    assert recording.meta["epoch"] == "2026-06-27T00:00:00Z"
    assert recording.meta["satellite_names"] == list(world.fleet.names)
    observing = recording["mode"] == OBSERVE
    assert (recording["target"][observing] >= 0).all()
    assert (recording["target"][~observing] == NONE).all()


def test_events_add_up_to_the_deeds(played):
    world, _, recording, did = played
    events = recording.events
    for kind, field in (("capture", "captured"), ("cloudy", "cloudy"), ("delivery", "delivered")):
        assert (events.kind == kind).sum() == did[field].sum() > 0
    delivered = events[events.kind == "delivery"]
    assert delivered.value.sum() == pytest.approx(did["value"].sum())
    by = np.bincount(delivered.satellite, delivered.value, minlength=2)
    np.testing.assert_allclose(by, recording["delivered_value"].sum(axis=0), rtol=1e-5)
    expired = events[events.kind == "expired"]
    assert sorted(expired.target) == list(np.flatnonzero(recording_status(world) == "expired"))
    assert (np.diff(events.time_s[events.kind != "lost"]) >= -30.0).all()


def test_completions_and_tips_are_events():
    kinds = {
        "area": {"share": 0.3, "across": [1, 1], "along": [2, 2]},
        "cue": {"share": 0.5, "probability": 0.9, "processing_s": 45},
    }
    sure = {"requests.cloud_mean": 0.0, "requests.initial": 900, "requests.kinds": kinds}
    world = plain_world(load_scenario("pair", sure), horizon_s=7_200.0)
    world.reset(1)
    found, value = [], 0.0
    for k in range(240):
        mode, place = sensible(world)
        began = world.state.requests.campaign["captured"][0] > 0
        shown = np.maximum(world.state.opportunities["request"][0], 0)
        of = world.state.requests.part["campaign"][0][shown]
        place[0] = (began[of] & (of != NONE)).argmax(axis=1)
        marks = marks_of(world)
        play_round(world, mode, place)
        value += world.state.activity["value"].sum()
        for event in events_of(world, marks):
            assert 30.0 * k <= event[0] <= 30.0 * (k + 1)
            found.append(event)
    paid = [event for event in found if event[2] in ("delivery", "completion")]
    assert sum(event[4] for event in paid) == pytest.approx(value)
    campaign, part = world.state.requests.campaign[0], world.state.requests.part[0]
    done = sorted(campaign["first"][np.isfinite(campaign["completed_at"])].tolist())
    assert sorted(event[3] for event in found if event[2] == "completion") == done
    assert done
    tips = sorted(event[3] for event in found if event[2] == "tip")
    status = world.state.requests.book["status"][0]
    assert tips == np.flatnonzero((part["kind"] == TIP) & (status != PENDING)).tolist()
    assert tips


def recording_status(world):
    return np.array(REQUEST_STATUS_NAMES)[book_of(world)["status"]]


def test_events_fall_into_their_round(played):
    world, start, _, _ = played
    world.restore(start)
    for k in range(ROUNDS):
        marks = marks_of(world)
        play_round(world, orders(world), np.zeros((1, 2), np.int32))
        for time, satellite, kind, target, _, _ in events_of(world, marks):
            assert 30.0 * k <= time <= 30.0 * (k + 1), kind
            assert (satellite == NONE) == (kind == "expired")
            assert (target == NONE) == (kind == "lost")


def test_requests_that_live_less_than_a_round_expire_once():
    brief = {"round_s": 300, "requests.lifetime_h": [0.01, 0.05], "requests.per_hour": 200}
    world = plain_world(load_scenario("pair", brief), horizon_s=3600.0)
    world.reset(0)
    gone = []
    for _ in range(14):
        marks = marks_of(world)
        play_round(world, np.zeros((1, 2), int), np.zeros((1, 2), int))
        gone += [target for _, _, kind, target, _, _ in events_of(world, marks) if kind == "expired"]
    assert sorted(gone) == list(np.flatnonzero(recording_status(world) == "expired"))
    assert len(gone) > 400


def test_the_lost_are_still_somewhere():
    world = plain_world(load_scenario("pair", {"spacecraft.computing_satellite.power.battery_wh": 20}))
    world.reset(0)
    recording, did = record(world)
    lost = recording.events[recording.events.kind == "lost"]
    assert len(lost) == did["died"].sum() == 2
    for time, satellite in zip(lost.time_s, lost.satellite, strict=True):
        k = np.searchsorted(recording["time"], time)
        assert recording["alive"][k - 1, satellite]
        assert not recording["alive"][k:, satellite].any()
        assert (recording["mode"][k - 1 :, satellite] == LOST).all()
        moved = np.abs(np.diff(recording["latitude"][k:, satellite].astype(float)))
        assert np.median(moved) == pytest.approx(2 * np.pi / 5_700 * 30, rel=0.05)
        assert set(np.unique(recording["sunlight"][k:, satellite]) > 0) == {True, False}


def test_a_world_of_a_batch_is_the_world_alone():
    both, alone = plain_world("pair", 2, horizon_s=3600.0), plain_world("pair", horizon_s=3600.0)
    both.reset(5)
    alone.reset(6)
    (of_two, _), (single, _) = record(both, b=1, rounds=60), record(alone, rounds=60)
    for name in single:
        np.testing.assert_array_equal(of_two[name], single[name], err_msg=name)
    assert of_two.events.rows() == single.events.rows()


def test_laser_links_that_carry_are_shown():
    world = job_world("relay_40", horizon_s=3600.0)
    world.reset(0)
    counts = []
    for _ in range(6):
        peer = scene_of(world)["link_peer"]
        links, lasers, now = (
            world.lasers.state.links[0],
            world.lasers.params.terminals,
            world.state.clock["time"][0],
        )
        for n, k in np.ndindex(peer.shape):
            up = carries(links, lasers, n, k, now)
            assert peer[n, k] == (links["peer"][n, k] if up else -1)
            assert not up or n in peer[peer[n, k]]
        counts.append((peer >= 0).sum())
        world.step(queue=np.zeros((1, world.satellites), np.int32))
    assert counts[0] == 0  # acquisition takes a while
    assert counts[-1] > world.satellites


def test_what_passes_within_half_an_hour_is_shown_where_it_is():
    world = encounter_world("crossing_12", horizon_s=12 * 3600.0)
    world.reset(1)
    seen = 0
    for _ in range(120):
        now, shown = world.state.clock["time"][0], scene_of(world)["encounter_position"]
        for n in range(world.satellites):
            rows = world.encounters.state.encounter[0, n]
            coming = rows[(rows["passing"] >= now) & (rows["tca"] <= now + 1800.0)]
            assert shown[n].any() == (len(coming) > 0)
            if len(coming) and coming[0]["tca"] - now < 300.0:  # hardly further than it flies till then
                away = np.linalg.norm(shown[n] - world.state.orbit.position[0, n])
                assert away < 2.2 * 7.7e3 * (coming[0]["tca"] - now) + 2e4
                seen += 1
        world.step(burn=np.zeros((1, world.satellites), np.int32))
    assert seen > 3


def test_what_goes_over_a_link_is_told_by_kind():
    """Each question that is handed over is so many bits over the link of its giver."""
    world = job_world("relay_40", horizon_s=3600.0)
    world.reset(0)
    neighbour = np.full((1, world.satellites), DECISIONS.index("neighbour_1"), np.int32)
    rates, total, handed = world.lasers.params.terminals["rate"], 0.0, 0
    assert meta_of(world)["laser_bit_s"] == rates.tolist()
    for _ in range(12):
        marks, peer = marks_of(world), scene_of(world)["link_peer"]
        world.step(queue=neighbour)
        sent = {kind: activity_of(world)[f"link_{kind}"] for kind in CARGO}
        assert not sent["messages"].any()
        asked = sent["images"] + sent["questions"]
        assert not asked[peer < 0].any()
        events = [event for event in events_of(world, marks) if event[2] == "handover"]
        givers = {event[1] for event in events}
        assert set(np.flatnonzero(asked.sum(axis=1))) == givers
        raw, book = world.jobs.params.kinds["raw"], world.jobs.state.book[0]
        for n in givers:
            bits = sum(raw[book["kind"][event[3]]] for event in events if event[1] == n)
            assert asked[n].sum() == pytest.approx(bits, rel=1e-5)
        total, handed = total + asked.sum(), handed + len(events)
    assert total > 0.0
    assert handed > 3


def test_a_warning_tells_the_whole_encounter_plane():
    """Its ellipse has the warning's sigma along the miss, and gives its probability."""
    world = encounter_world("crossing_12", horizon_s=12 * 3600.0)
    world.reset(1)
    told = []
    while len(told) < 3:
        marks = marks_of(world)
        world.step(burn=np.zeros((1, world.satellites), np.int32))
        told += [event for event in events_of(world, marks) if event[2] == "warning"]
    for _, _, _, _, probability, text in told:
        said = json.loads(text)
        (major, minor), tilt = said["ellipse_m"], np.radians(said["tilt_deg"])
        assert major >= minor
        assert np.hypot(major * np.cos(tilt), minor * np.sin(tilt)) == pytest.approx(said["sigma_m"], abs=1.0)
        x, y = said["miss_m"] * np.cos(tilt), -said["miss_m"] * np.sin(tilt)
        chance = foster(x, y, max(major, 1e-3), max(minor, 1e-3), said["radius_m"])
        assert chance == pytest.approx(probability, rel=0.2, abs=1e-9)


@pytest.mark.parametrize(
    ("size", "small", "told"),
    [(4e-18, 0.02, False), (9e-5, 0.02, False), (1.1e-4, 0.02, True), (0.1, 0.02, True), (2e-5, 2e-5, True)],
)
def test_a_burn_that_no_thruster_makes_is_not_told(size, small, told):
    """It is the scenario's own smallest burn that makes a smaller one worth telling."""
    world = encounter_world(load_scenario("crossing_12", {"encounters.small_m_s": small}))
    world.reset(0)
    marks = marks_of(world)
    world.step()
    world.encounters.state.passing["burned"][0, 2] = size
    names = meta_of(world)["doing_names"]
    assert (names[activity_of(world)["doing"][2]] == "burn") == told
    burns = [event for event in events_of(world, marks) if event[2] == "burn"]
    assert [(event[1], event[4]) for event in burns] == ([(2, size)] if told else [])
