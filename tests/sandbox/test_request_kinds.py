"""Kinds of requests as they are drawn: shares, shapes, times, what they pay, and room for them."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.orbits.frames import geodetic_to_itrs
from sandbox.request_kinds import longest_life_h
from sandbox.requests import book_size, campaign_room, draw_book_with_extras, sky_intervals
from sandbox.scenario import Requests, load_scenario
from sandbox.state import AREA, CUE, DWELL, NONE, PERIODIC, REQUEST_KINDS, SINGLE, STEREO, TIP

DAY, HOUR = 86_400.0, 3_600.0
ALL = {
    "area": {"share": 0.2, "across": [1, 3], "along": [2, 5], "spacing_km": 15},
    "stereo": {"share": 0.15, "convergence_deg": 33},
    "periodic": {"share": 0.1, "looks": [2, 5], "every_h": [2, 4], "window_h": 1.5},
    "dwell": {"share": 0.1, "dwell_s": 17, "images": 3, "value_factor": 2},
    "cue": {"share": 0.2, "probability": 0.4, "tip_value": [3, 5], "distance_km": 80},
}


def draw(seed=0, horizon=DAY, kinds=ALL, **settings):
    settings = Requests(**{"initial": 2_000, "per_hour": 20.0, "kinds": kinds} | settings)
    drawn = draw_book_with_extras(np.random.default_rng(seed), settings, horizon)
    return SimpleNamespace(**drawn[0]._asdict(), **drawn[1]._asdict()), settings


def of(book, kind):
    return np.flatnonzero(book.part["kind"] == kind)


def members(book, d):
    """The requests of a campaign, as they are linked."""
    found, j = [], book.campaign["first"][d]
    while j != NONE:
        found.append(j)
        j = book.part["sibling"][j]
    return np.array(found)


def test_kinds_have_their_shares():
    book, settings = draw(initial=20_000, per_hour=0.0)
    cut = np.bincount(book.campaign["kind"], minlength=len(REQUEST_KINDS))
    rows = np.bincount(book.part["kind"], minlength=len(REQUEST_KINDS))
    for kind in (AREA, STEREO, PERIODIC):
        assert cut[kind] / 20_000 == pytest.approx(ALL[REQUEST_KINDS[kind]]["share"], abs=0.01)
    assert rows[SINGLE] / 20_000 == pytest.approx(0.25, abs=0.01)
    assert rows[DWELL] / 20_000 == pytest.approx(0.1, abs=0.01)
    assert rows[CUE] / 20_000 == pytest.approx(0.2, abs=0.01)
    assert rows[TIP] / rows[CUE] == pytest.approx(0.4, abs=0.02)
    assert rows[AREA] / cut[AREA] == pytest.approx(2.0 * 3.5, rel=0.02)
    assert len(book.release) <= book_size(settings, DAY)


def test_links_hold_after_the_book_was_sorted():
    book, _ = draw()
    assert (np.diff(book.release) >= 0.0).all()
    seen = [members(book, d) for d in range(len(book.campaign))]
    assert [len(each) for each in seen] == book.campaign["parts"].tolist()
    for d, mine in enumerate(seen):
        assert (book.part["campaign"][mine] == d).all()
        assert (book.part["kind"][mine] == book.campaign["kind"][d]).all()
    linked = np.sort(np.concatenate(seen))
    assert linked.tolist() == np.flatnonzero(book.part["campaign"] != NONE).tolist()


def test_scenes_of_an_area_lie_side_by_side():
    book, _ = draw(kinds={"area": ALL["area"] | {"share": 1.0}}, initial=300, per_hour=0.0, where="globe")
    places = geodetic_to_itrs(book.latitude, book.longitude, np.zeros_like(book.latitude))
    for d in range(len(book.campaign)):
        mine = members(book, d)
        apart = np.linalg.norm(places[mine, None] - places[None, mine], axis=-1)
        np.fill_diagonal(apart, np.inf)
        assert apart.min(axis=0) == pytest.approx(15e3, rel=0.01)
        # a grid: as far as its diagonal, and never nearer than a spacing
        sides = [(a, b) for a in range(1, 4) for b in range(2, 6) if a * b == len(mine)]
        far = [15e3 * math.hypot(a - 1, b - 1) for a, b in sides]
        np.fill_diagonal(apart, 0.0)
        assert min(abs(apart.max() - each) / each for each in far) < 0.01
    assert (book.release[book.campaign["first"]] == 0.0).all()


def test_the_azimuth_of_a_strip():
    north = {"area": {"share": 1.0, "across": [1, 1], "along": [4, 4], "azimuth_deg": [0, 0]}}
    book, _ = draw(kinds=north, initial=100, per_hour=0.0)
    mine = np.array([members(book, d) for d in range(len(book.campaign))])
    assert np.ptp(book.longitude[mine], axis=1) == pytest.approx(0.0, abs=1e-9)
    assert np.diff(book.latitude[mine], axis=1) == pytest.approx(10.4e3 / 6_371_008.8, rel=1e-6)


def test_stereo_pairs_and_tips_are_locked_by_their_first():
    book, _ = draw()
    for kind, opener in ((STEREO, STEREO), (TIP, CUE)):
        locked = np.flatnonzero((book.part["kind"] == kind) & book.part["locked"])
        opens = np.flatnonzero((book.part["kind"] == opener) & (book.part["opens"] != NONE))
        assert sorted(book.part["opens"][opens]) == locked.tolist()
        assert (book.release[book.part["opens"][opens]] == book.release[opens]).all()
        assert not book.part["locked"][opens].any()
    first = np.flatnonzero((book.part["kind"] == STEREO) & ~book.part["locked"])
    second = book.part["opens"][first]
    for column in (book.latitude, book.longitude, book.deadline, book.value, book.cloud):
        assert (column[first] == column[second]).all()
    assert (book.sky[first] == book.sky[second]).all()  # one place, one sky
    assert book.part["convergence"][of(book, STEREO)] == pytest.approx(math.radians(33))
    assert not book.part["look"].any()
    rest = np.isin(book.part["kind"], (SINGLE, AREA, PERIODIC, DWELL))
    assert not book.part["locked"][rest].any()
    assert (book.part["opens"][rest] == NONE).all()


def test_tips_lie_near_their_cues_and_are_worth_more():
    book, _ = draw()
    cue = np.flatnonzero((book.part["kind"] == CUE) & (book.part["opens"] != NONE))
    tip = book.part["opens"][cue]
    a, b = (geodetic_to_itrs(book.latitude[j], book.longitude[j], np.zeros(len(j))) for j in (cue, tip))
    apart = np.linalg.norm(a - b, axis=1)
    assert apart.max() <= 80.5e3
    assert np.median(apart) == pytest.approx(80e3 / math.sqrt(2), rel=0.1)  # uniform by area
    factor = book.value[tip] / book.value[cue]
    assert ((factor >= 3.0 - 1e-9) & (factor <= 5.0 + 1e-9)).all()
    life = (book.deadline - book.release)[tip] / HOUR
    assert ((life >= 3.0 - 1e-9) & (life <= 12.0 + 1e-9)).all()


def test_series_follow_one_another():
    book, _ = draw(initial=500, per_hour=40.0)
    for d in np.flatnonzero(book.campaign["kind"] == PERIODIC):
        mine = members(book, d)
        every = np.diff(book.release[mine])
        assert np.ptp(every) < 1e-6
        assert 2 * HOUR - 1e-6 <= every[0] <= 4 * HOUR + 1e-6
        assert (book.deadline - book.release)[mine] == pytest.approx(1.5 * HOUR)
        assert book.campaign["deadline"][d] == book.deadline[mine].max() + 1.6 * HOUR


def test_videos_stay_and_are_large():
    book, _ = draw(value=(4.0, 4.0))
    videos = of(book, DWELL)
    assert (book.part["hold"][videos] == 17.0).all()
    assert (book.part["images"][videos] == 3.0).all()
    assert (book.value[videos] == 8.0).all()
    others = book.part["kind"] != DWELL
    assert (book.part["images"][others] == 1.0).all()
    assert not book.part["hold"][others].any()


def test_a_campaign_pays_the_value_of_its_images_in_all():
    kinds = {"area": ALL["area"], "stereo": ALL["stereo"] | {"part_share": 0.1}}
    book, _ = draw(value=(4.0, 4.0), kinds=kinds)
    for d, one in enumerate(book.campaign):
        share = {AREA: 0.5, STEREO: 0.1}[int(one["kind"])]
        assert book.value[members(book, d)] == pytest.approx(4.0 * share)
        assert one["bonus"] == pytest.approx(4.0 * (1.0 - share) * one["parts"])


def test_off_by_default():
    """Nothing is drawn for kinds, nothing is kept of them, and the book is the one without them."""
    plain = Requests(initial=300, per_hour=30.0)
    one, two = (
        draw_book_with_extras(np.random.default_rng(4), Requests(initial=300, per_hour=30.0, **more), DAY)
        for more in ({}, {"kinds": {}})
    )
    for a, b in zip(one[0], two[0], strict=True):
        assert np.array_equal(a, b)
    assert [column.size for column in (*one[1], *two[1])] == [0] * 8
    assert campaign_room(plain, DAY) is None
    assert campaign_room(Requests(kinds={"dwell": ALL["dwell"]}), DAY) == 0
    singles = Requests(initial=300, per_hour=30.0, kinds={"area": ALL["area"] | {"share": 0.0}})
    assert not singles.has_kinds
    assert book_size(singles, DAY) == book_size(plain, DAY)


def test_same_generator_same_book():
    one, two, other = draw(3)[0], draw(3)[0], draw(4)[0]
    for a, b in zip(vars(one).values(), vars(two).values(), strict=True):
        for name in a.dtype.names or [...]:
            assert np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f")
    assert one.part["kind"].tolist() != other.part["kind"].tolist()


@given(
    seed=st.integers(0, 10_000),
    initial=st.integers(0, 60),
    per_hour=st.sampled_from([0.0, 0.3, 30.0]),
    shares=st.lists(st.floats(0.0, 0.25), min_size=4, max_size=4),
    looks=st.integers(2, 9),
    sites=st.booleans(),
)
def test_book_has_room(seed, initial, per_hour, shares, looks, sites):
    names = ("area", "stereo", "dwell", "cue")
    kinds = {name: ALL[name] | {"share": share} for name, share in zip(names, shares, strict=True)}
    kinds["periodic"] = ALL["periodic"] | {"looks": [2, looks], "share": 0.0}
    site = {"latitude_deg": 5, "longitude_deg": 6, "value": 9, "deadline_h": 3}
    book, settings = draw(
        seed, 3 * HOUR, kinds, initial=initial, per_hour=per_hour, sites=[site] * sites, where="globe"
    )
    assert len(book.release) <= book_size(settings, 3 * HOUR)
    assert len(book.campaign) <= (campaign_room(settings, 3 * HOUR) or 0)
    assert len(book.part) == (len(book.release) if settings.has_kinds else 0)
    life = (book.deadline - book.release).max(initial=0.0)
    assert life <= max(longest_life_h(settings), 3.0) * HOUR + 1e-6
    assert life <= sky_intervals(settings) * settings.sky_h * HOUR


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"area": {"share": 0.7}, "cue": {"share": 0.5}}, "the shares of kinds add up to 1.2"),
        ({"area": {"share": 0.1, "across": [3, 1]}}, "kinds.area.across"),
        ({"stereo": {"share": 0.1, "convergence_deg": 0}}, "convergence_deg"),
        (
            {"periodic": {"share": 0.1, "every_h": [1, 2], "window_h": 3}},
            "window_h is 3; it must not exceed the least of every_h, 1",
        ),
        ({"dwell": {"share": 0.1, "dwell_s": 31}}, "dwell_s is 31; it must not exceed round_s, 30"),
        ({"dwell": {"share": 0.1, "images": 0.5}}, "images"),
        ({"dwell": {"share": 0.1, "images": 1000}}, "images is 1000; the largest store"),
        ({"cue": {"share": 0.1, "probability": 2}}, "probability"),
        ({"video": {"share": 0.1}}, "video"),
        ({"cue": {}}, "share"),
    ],
)
def test_bad_fields_are_one_sentence(changes, sentence):
    with pytest.raises(SandboxError, match=sentence) as error:
        load_scenario("pair", {"requests.kinds": changes})
    assert "\n" not in str(error.value)
