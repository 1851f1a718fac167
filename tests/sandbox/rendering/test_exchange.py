"""CZML and GeoJSON: what another program reads is where the recording had it."""

import json
from collections import Counter
from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest
from flown import flown, linked

from sandbox.errors import SandboxError
from sandbox.recording import Events, Recording
from sandbox.rendering.czml import czml
from sandbox.rendering.geojson import cut, geojson

FLOOD = '{"name": "Flood", "latitude_deg": 24.0, "longitude_deg": 90.0, "radius_km": 180.0}'


def test_czml_interpolates_to_the_recorded_positions(circles):
    """Lagrange polynomials of degree 5 through samples 300 s apart, as CesiumJS draws them."""
    [packet] = [p for p in czml(circles, every=5) if p["id"] == "satellite/3"]
    position = packet["position"]
    assert position["referenceFrame"] == "INERTIAL"
    samples = np.array(position["cartesian"]).reshape(-1, 4)
    degree = position["interpolationDegree"]
    for k in range(11, 25):
        first = np.clip(np.searchsorted(samples[:, 0], 60.0 * k) - 3, 0, len(samples) - degree - 1)
        near = samples[first : first + degree + 1]
        weights = [
            np.prod([(60.0 * k - near[j, 0]) / (near[i, 0] - near[j, 0]) for j in range(len(near)) if j != i])
            for i in range(len(near))
        ]
        off = np.array(weights) @ near[:, 1:] - circles["position"][k, 3]
        assert np.linalg.norm(off) < 300.0


def test_czml_colours_follow_the_activity(circles):
    [packet] = [p for p in czml(circles) if p["id"] == "satellite/0"]
    intervals = packet["point"]["color"]
    spans = [[datetime.fromisoformat(end) for end in i["interval"].split("/")] for i in intervals]
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert len(spans) == 1 + np.count_nonzero(np.diff(circles["mode"][:, 0]))
    assert (spans[-1][1] - spans[0][0]).total_seconds() == 40 * 60


def test_czml_begins_with_its_document_and_is_json(circles):
    packets = czml(circles)
    assert packets[0]["id"] == "document"
    assert packets[0]["version"] == "1.0"
    assert packets[0]["clock"]["interval"].startswith("2026-03-20T12:00:00.000Z/")
    assert len({packet["id"] for packet in packets}) == len(packets) == 1 + 2 + 30 + 12 + _contacts(circles)
    assert json.loads(json.dumps(packets, allow_nan=False)) == packets


def _contacts(recording):
    served = (recording["mode"] == 3).any(axis=0)
    return int(served.sum())  # each sends to one station


def test_czml_shows_requests_links_and_disasters(circles):
    rows = [*circles.events.rows(), (600.0, -1, "disaster", 0, 0.0, FLOOD)]
    recording = linked(Recording(circles.meta, circles.arrays, Events.from_rows(rows)))
    packets = {packet["id"]: packet for packet in czml(recording)}
    assert json.loads(json.dumps([*packets.values()], allow_nan=False))
    states = circles["target_state"][:, 2]
    point = packets["target/2"]["point"]
    assert len(point["color"]) == 1 + np.count_nonzero(np.diff(states))
    assert [shown["boolean"] for shown in point["show"]][:2] == [True, False]  # open, captured, ..., not yet
    assert packets["satellite/3"]["label"]["text"] == "Circle 3"
    assert packets["satellite/3"]["path"]["trailTime"] > 5000
    assert packets["station/0"]["name"] == "North"
    line = packets["link/3-4"]["polyline"]
    assert line["positions"] == {"references": ["satellite/3#position", "satellite/4#position"]}
    assert [shown["boolean"] for shown in line["show"][:3]] == [True, False, True]
    assert len([name for name in packets if name.startswith("link/")]) == 12
    flood = packets["disaster/0"]
    assert flood["ellipse"]["semiMajorAxis"] == 180e3
    assert flood["availability"].startswith("2026-03-20T12:10:00.000Z/")
    served = packets["contact/0-0"]["polyline"]["show"]
    sends = circles["mode"][:, 0] == 3
    assert sum(span["boolean"] for span in served) == np.count_nonzero(np.diff(sends, prepend=False) & sends)


def test_activities_lie_on_their_tracks(circles):
    features = geojson(circles)["features"]
    names = {f["properties"]["activity"] for f in features if f["properties"]["kind"] == "activity"}
    assert names == {"observe", "downlink"}
    [part] = [
        f
        for f in features
        if f["properties"] | {"name": "Circle 0", "activity": "observe"} == f["properties"]
    ]
    points = np.concatenate([np.array(line) for line in part["geometry"]["coordinates"]])
    recorded = np.degrees([circles["longitude"][:, 0], circles["latitude"][:, 0]]).T
    for place in recorded[circles["mode"][:, 0] == 2]:
        assert np.abs(points - place).max(axis=1).min() < 2e-5


def test_czml_of_a_single_round():
    [packet] = [p for p in czml(flown(satellites=1, rounds=1)) if p["id"] == "satellite/0"]
    assert len(packet["position"]["cartesian"]) == 4


def test_czml_is_valid_for_another_library(circles):
    czml3 = pytest.importorskip("czml3")
    for packet in czml(circles)[1:]:
        czml3.Packet.model_validate(packet)


def test_tracks_are_cut_at_the_antimeridian_and_nowhere_else(circles):
    content = geojson(circles)
    tracks = [f for f in content["features"] if f["properties"]["kind"] == "ground track"]
    assert [f["properties"]["name"] for f in tracks] == circles.meta["satellite_names"]
    for n, track in enumerate(tracks):
        lines = [np.array(line) for line in track["geometry"]["coordinates"]]
        jumps = np.abs(np.diff(np.degrees(circles["longitude"][:, n]))) > 180
        assert len(lines) == 1 + jumps.sum()
        assert max(np.abs(np.diff(line[:, 0])).max() for line in lines) < 60
        points = np.concatenate(lines)
        inside = points[np.abs(points[:, 0]) < 180]
        recorded = np.degrees([circles["longitude"][:, n], circles["latitude"][:, n]]).T
        np.testing.assert_allclose(inside, recorded, atol=1e-5)


def test_a_cut_is_where_the_track_crosses():
    lines = cut(np.array([170.0, -170.0, -160.0]), np.array([0.0, 10.0, 15.0]))
    assert lines == [[[170.0, 0.0], [180.0, 5.0]], [[-180.0, 5.0], [-170.0, 10.0], [-160.0, 15.0]]]
    assert cut(np.array([-175.0, 175.0]), np.array([0.0, 1.0]))[1] == [[180.0, 0.5], [175.0, 1.0]]
    assert cut(np.array([3.0]), np.array([4.0])) == []


def test_requests_carry_their_last_state(circles):
    requests = [f for f in geojson(circles)["features"] if f["properties"]["kind"] == "request"]
    assert (
        requests[2]["properties"]["state"]
        == ("not yet", "open", "captured", "delivered", "expired")[circles["target_state"][-1, 2]]
    )
    np.testing.assert_allclose(
        requests[2]["geometry"]["coordinates"],
        np.degrees([circles["target_longitude"][2], circles["target_latitude"][2]]),
        atol=1e-5,
    )


def test_mistakes(circles):
    for write in (czml, geojson):
        with pytest.raises(SandboxError, match="every = 0"):
            write(circles, every=0)
    with pytest.raises(SandboxError, match="no epoch"):
        czml(Recording({}, circles.arrays, circles.events))


@pytest.mark.parametrize(
    "text", ['{"radius_km": "x", "latitude_deg": null}', "[1]", "no JSON", "", '{"name": "F"}']
)
def test_disasters_of_others_are_left_out(circles, text):
    odd = Recording(circles.meta, circles.arrays, Events.from_rows([(60.0, -1, "disaster", 0, 0.0, text)]))
    assert not [packet for packet in czml(odd) if packet["id"].startswith("disaster")]
    assert not [f for f in geojson(odd)["features"] if f["properties"]["kind"] == "disaster"]


@pytest.mark.parametrize("write", [geojson, czml])
def test_every_step_is_told(circles, write):
    heard = []
    write(circles, told=lambda what, of: heard.append((what, of)))
    count = circles["battery"].shape[1]
    assert set(Counter(heard).values()) == {count}
    assert {of for _, of in heard} == {count}
