"""Orders in words: what can be said, and that what is said and what it means belong together."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import load_scenario
from sandbox.errors import SandboxError
from sandbox.order_grammar import Theatre, beyond, draw_orders, grammar, places, vocabulary
from sandbox.order_meaning import CANCELLATION, EMBARGO, ORDER_KINDS, PRIORITY, RESERVE, STATION
from sandbox.order_words import WORDS, numbers_of, text_of, words, words_of
from sandbox.scenario import Orders

BUSY = {"initial": 6, "per_hour": 6, "conditions": 0.5, "exceptions": 0.5, "reasoning": 0.5, "revisions": 0.3}


def zenith(latitude_deg, longitude_deg):
    latitude, longitude = np.radians((latitude_deg, longitude_deg))
    flat = math.cos(latitude)
    return np.array((flat * math.cos(longitude), flat * math.sin(longitude), math.sin(latitude)))


STATIONS = {"Miyun": (40.45, 116.86), "Kashi": (39.5, 75.93), "Elsewhere": (0.0, 0.0)}


def drawn(seed, **changes):
    """The records and the words of the orders of an episode of four hours that begins at 06:40 UTC."""
    theatre = Theatre(
        start=2_400.0,
        horizon=14_400.0,
        midnight=21_600.0,
        stations=list(STATIONS),
        station_up=np.array([zenith(*place) for place in STATIONS.values()]),
        passes=lambda time: np.array([zenith(60.0 * math.sin(time / 900.0), time / 240.0 % 360.0)]),
    )
    book, said = draw_orders(np.random.default_rng(seed), Orders(**BUSY | changes), theatre)
    return book, [words_of(numbers) for numbers in said]


def test_vocabulary_is_closed_and_keeps_its_numbers():
    assert len(set(words())) == len(words())
    assert set(words()) == set(vocabulary())
    assert words()[:2] == ("00:00", "00:05"), "numbers of words are what networks were trained on"
    assert words_of(numbers_of(("Dhaka", "12:35"))) == ("Dhaka", "12:35")
    with pytest.raises(SandboxError, match="no word of the orders' vocabulary"):
        numbers_of(("gibberish",))
    with pytest.raises(SandboxError, match="number of no word"):
        words_of((len(words()) + 1,))


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_every_order_can_be_said_in_the_words_that_there_are(split):
    longest = 0
    for seed in range(15):
        book, said = drawn(seed, split=split)
        assert len(book) == len(said) == 30
        assert (np.diff(book["issued"]) >= 0.0).all()
        for order, told in zip(book, said, strict=True):
            longest = max(longest, len(told))
            assert order["bytes"] == len(text_of(told).encode())
            assert str(order["number"]) in told[:4]
    assert longest <= WORDS


def test_no_order_can_be_longer():
    """The longest wording of each part together, whether they occur together or not."""
    told = grammar()

    def longest(part, filled=lambda word: 1):
        if isinstance(part, str):
            return sum(filled(word) for word in part.split())
        return max(longest(each, filled) for each in (part.values() if isinstance(part, dict) else part))

    for split in ("train", "heldout"):
        for language in ("en", "zh"):

            def of(name, language=language, split=split):
                part = told[name]
                return {k: v[language][split] if isinstance(v[language], dict) else v[language]
                        for k, v in part.items()}  # fmt: skip

            where, when = longest(of("where")), longest(of("when"))
            filled = {"{where}": where, "{when}": when, "{station}": longest(of("station"))}
            filled["{at}"] = longest(of("at"), lambda word, when=when: when if word == "{when}" else 1)
            bodies = of("bodies")
            count = longest(told["header"][language])
            plain = longest({k: bodies[k] for k in ("priority", "embargo")}, lambda w, f=filled: f.get(w, 1))
            assert count + plain + longest(of("if")) + longest(of("except")) <= WORDS
            near = filled | {"{where}": longest(of("where")["near"])}
            against = longest({k: bodies[k] for k in ("priority", "embargo")}, lambda w, f=near: f.get(w, 1))
            assert count + against + longest(of("before")) <= WORDS
            others = longest({k: bodies[k] for k in ("reserve", "service", "station")},
                             lambda w, f=filled: f.get(w, 1))  # fmt: skip
            assert count + others + longest(of("if")) <= WORDS


def frames(split):
    """The wordings of a split, as their fixed words in order."""
    return {
        re.sub(r"{[^}]*}", "_", wording)
        for name in ("bodies", "where", "when", "at", "if", "except", "before", "station")
        for part in grammar()[name].values()
        for language in part.values()
        if isinstance(language, dict)
        for wording in ([language[split]] if isinstance(language[split], str) else language[split])
    }


def test_held_out_wordings_and_conditions_never_occur_in_training():
    assert not frames("train") & frames("heldout")
    met = {split: set() for split in ("train", "heldout")}
    bodies = {split: set() for split in met}
    for split in met:
        for seed in range(12):
            book, said = drawn(seed, split=split)
            met[split] |= set(book["condition"].tolist())
            bodies[split] |= {" ".join(w for w in told if not re.search(r"\d", w)) for told in said}
    assert met["train"] == {0, 1, 3}
    assert met["heldout"] == {0, 1, 2, 3, 4}
    assert not bodies["train"] & bodies["heldout"]


def test_same_seed_same_orders():
    (one, said), (other, again) = drawn(3), drawn(3)
    assert said == again
    assert one.tobytes() == other.tobytes()
    assert drawn(4)[1] != said


def minutes_of(word):
    return 60 * int(word[:2]) + int(word[3:])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_plain_words_say_what_is_meant(seed):
    """English orders without references, read by patterns of this test's own."""
    book, said = drawn(seed, languages=["en"], reasoning=0.0, revisions=0.0, conflicts=0.0)
    known = {place.names["en"]: place.up for place in places()}
    for order, told in zip(book, said, strict=True):
        text, kind = text_of(told), ORDER_KINDS[order["kind"]]
        assert order["steps"] == 0
        times = [minutes_of(word) for word in told if re.fullmatch(r"\d\d:\d\d", word)]
        clock = [(order[name] + 21_600.0) / 60.0 % 1_440.0 for name in ("begins", "ends")]
        if kind == "reserve" and not order["at_shadow"]:
            assert times[1:] == [round(clock[0])]
        else:
            assert times[1:] == [round(part) for part in clock]
        if kind == "reserve":
            assert f"{round(100 * order['charge'])}%" in text
        if kind == "priority":
            assert re.search(rf"\b{order['factor']:.0f} times", text)
        if kind in ("priority", "embargo") and (found := re.search(r"(?<!except )within (\d+) km of ", text)):
            place = next(name for name in known if text[found.end() :].startswith(name))
            assert order["reach"] == pytest.approx(math.cos(int(found[1]) / 6_371.0088))
            np.testing.assert_allclose(order["place"], known[place])
        elif kind in ("priority", "embargo"):
            assert order["reach"] == -2.0
            if "southern hemisphere" in text:
                assert (order["south"], order["north"]) == (-1.0, 0.0)
        worth = re.search(r"worth (\d+) or more", text)
        assert order["spared_value"] == (float(worth[1]) if worth else math.inf)
        above = re.search(r"(cloud over it is above|battery is below) (\d+)%", text)
        assert (order["threshold"] == float(above[2])) if above else (order["condition"] == 0)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_references_are_computed(seed):
    """Time zones, minutes and orbits from the issue, points off a place, the nearer of two stations."""
    book, said = drawn(seed, languages=["en"], reasoning=1.0, revisions=0.0, conflicts=0.0)
    zones = {place.names["en"]: place.zone_h for place in places()}
    for order, told in zip(book, said, strict=True):
        text = text_of(told)
        assert order["steps"] >= 1
        issue = order["issued"] - (order["issued"] + 21_600.0) % 300.0
        if found := re.search(r"from (\d\d:\d\d) to (\d\d:\d\d) (.+?) standard time", text):
            for word, name in ((found[1], "begins"), (found[2], "ends")):
                local = (order[name] + 21_600.0) / 60.0 + 60.0 * zones[found[3]]
                assert minutes_of(word) == round(local % 1_440.0)
        if found := re.search(r"for (\d+) minutes from this order on", text):
            assert order["begins"] == pytest.approx(issue)
            assert order["ends"] - order["begins"] == 60.0 * int(found[1])
        if found := re.search(r"in your first (\d) orbits", text):
            assert (order["orbits_from"], order["orbits_to"]) == (0.0, int(found[1]))
        if found := re.search(
            r"within \d+ km of the point (\d+) km north of (.+?) (from|for|in|,|:|is|count|pays)", text
        ):
            up = next(place.up for place in places() if place.names["en"] == found[2])
            latitude = math.asin(up[2]) + int(found[1]) / 6_371.0088
            if latitude < math.pi / 2:
                assert math.asin(order["place"][2]) == pytest.approx(latitude)
        if found := re.search(r"the nearer of (\w+) and (\w+) to (.+?)( is| from| for| in|$|,)", text):
            up = next(place.up for place in places() if place.names["en"] == found[3])
            nearer = max(found[1], found[2], key=lambda name: zenith(*STATIONS[name]) @ up)
            assert list(STATIONS)[order["station"]] == nearer


def test_the_point_off_a_place():
    """Against haversine, for all bearings."""
    up = zenith(23.8, 90.4)
    for bearing in range(0, 360, 45):
        there = beyond(up, 8e5, math.radians(bearing))
        assert math.acos(np.clip(there @ up, -1, 1)) * 6_371_008.8 == pytest.approx(8e5)
        latitude, longitude = math.asin(there[2]), math.atan2(there[1], there[0])
        d = longitude - math.radians(90.4)
        y = math.sin(d) * math.cos(latitude)
        x = math.cos(math.radians(23.8)) * math.sin(latitude)
        x -= math.sin(math.radians(23.8)) * math.cos(latitude) * math.cos(d)
        assert math.degrees(math.atan2(y, x)) % 360 == pytest.approx(bearing, abs=1e-6)


def test_revisions_speak_of_orders_that_stand():
    found = {"correction": 0, "cancellation": 0}
    for seed in range(10):
        book, _ = drawn(seed, revisions=0.5)
        for order in book:
            if not order["refers"]:
                continue
            target = book[order["refers"] - 1]
            assert target["issued"] <= order["issued"]
            assert (target["revoked_by"], target["ended"]) == (order["number"], order["issued"])
            if order["kind"] == CANCELLATION:
                found["cancellation"] += 1
                continue
            found["correction"] += 1
            same = [name for name in book.dtype.names if (target[name] == order[name]).all()]
            changed = set(book.dtype.names) - set(same)
            changed -= {"number", "refers", "revoked_by", "ended", "issued", "bytes", "steps"}
            parts = ({"factor"}, {"charge"}, {"ends"}, {"place", "reach", "south", "north"})
            assert any(changed <= part for part in parts), changed
            assert order["steps"] == target["steps"] + 1
    assert min(found.values()) > 10


def test_conflicts_say_which_goes_before():
    told = set()
    for seed in range(10):
        book, said = drawn(seed, conflicts=0.5, revisions=0.0, languages=["en"])
        for order, text in zip(book, map(text_of, said), strict=True):
            if found := re.search(r"\. this order ranks one (above|below) order (\d+)$", text):
                target = book[int(found[2]) - 1]
                assert {order["kind"], target["kind"]} == {PRIORITY, EMBARGO}
                assert order["precedence"] - target["precedence"] == (1 if found[1] == "above" else -1)
                told.add(found[1])
            elif not order["refers"]:
                assert order["precedence"] == 0
    assert told == {"above", "below"}


def test_kinds_are_drawn_by_their_weights():
    book, _ = drawn(0, kinds={"priority": 0, "embargo": 0, "service": 0, "station": 0}, revisions=0.0)
    assert set(book["kind"].tolist()) == {RESERVE}
    none = Theatre(0.0, 14_400.0, 0.0, [], np.zeros((0, 3)), lambda time: np.array([zenith(0, 0)]))
    book, _ = draw_orders(np.random.default_rng(0), Orders(**BUSY, conflicts=0.0), none)
    assert STATION not in book["kind"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"orders.split": "test"}, "split"),
        ({"orders.initial": -1}, "initial"),
        ({"orders.per_hour": 1e9}, "per_hour"),
        ({"orders.languages": ["fr"]}, "languages"),
        ({"orders.factors": [7]}, "factors"),
        ({"orders.keep_min": 60}, "keep_min is 60"),
        ({"orders.radius_km": [1010, 1020]}, "radius_km holds no multiple of 100"),
        ({"orders.kinds": dict.fromkeys(ORDER_KINDS[:CANCELLATION], 0)}, "a weight above 0"),
        ({"orders.embargo": 3}, "orders"),
    ],
)
def test_fields_out_of_range_are_refused(change, said):
    with pytest.raises(SandboxError, match=said):
        load_scenario("operations_24", change)
