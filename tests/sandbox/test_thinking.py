"""Rounds of two legs: what stood before rules until the thinking is done, and the board pays for it."""

import numpy as np
import pytest
from pilots import at_random, differing, one_of, orders, plain_world, play_round, sensible, thinking, thoughts

from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE, THINKING


def begin(data, replace=None, seed=0, **options):
    world = plain_world(load_scenario(data, replace), **options)
    world.reset(seed)
    return world


@pytest.fixture
def clear(small):
    """Many certain targets and room for all their images."""
    small["requests"] |= {"initial": 3_000, "cloud_mean": 0.0}
    small["spacecraft"]["craft"]["store_gbit"] = 4_000
    return small


class TestNothingChanges:
    def test_without_delay(self, small):
        plain, thoughtful = begin(small), begin(small)
        rng = np.random.default_rng(0)
        for _ in range(60):
            given = at_random(plain, rng)
            play_round(plain, *given)
            play_round(thoughtful, *given, thinking(thoughtful, CHARGE))
        assert differing(plain.state, thoughtful.state) == []

    def test_where_the_order_is_the_one_that_stood(self, clear):
        plain, thoughtful = begin(clear), begin(clear)
        for _ in range(60):
            command, choice = sensible(plain)
            play_round(plain, command, choice)
            play_round(thoughtful, command, choice, thinking(thoughtful, command, choice, delay=12.0))
        assert differing(plain.state, thoughtful.state) == []

    def test_with_the_whole_round_for_the_standing_order(self, clear):
        plain, thoughtful = begin(clear), begin(clear)
        for _ in range(60):
            command, choice = sensible(plain)
            play_round(plain, command, choice)
            idle, _ = orders(thoughtful, IDLE)
            play_round(thoughtful, idle, choice, thinking(thoughtful, command, choice, delay=30.0))
        for name in ("energy", "consumed", "harvested"):
            np.testing.assert_array_equal(plain.state.power[name], thoughtful.state.power[name])
        np.testing.assert_array_equal(plain.state.pointing, thoughtful.state.pointing)
        np.testing.assert_array_equal(
            plain.state.requests.book["status"], thoughtful.state.requests.book["status"]
        )


def test_the_board_draws_its_power_for_as_long_as_it_thinks(small):
    plain, thoughtful = begin(small), begin(small)
    for busy in (0.0, 3.2, 10.0, 29.9, 30.0):
        play_round(plain, *orders(plain, IDLE))
        play_round(thoughtful, *orders(thoughtful, IDLE), thinking(thoughtful, busy=busy, power=120.0))
        more = thoughtful.state.activity["consumed"] - plain.state.activity["consumed"]
        assert more == pytest.approx(120.0 * busy, rel=1e-9, abs=1e-6)
    assert (thoughtful.state.body["temperature"] > plain.state.body["temperature"]).all()
    drained = plain.state.power["energy"] - thoughtful.state.power["energy"]
    assert (drained > 0.9 * 120.0 * 73.1 * 0.95).all()


@pytest.mark.parametrize(
    ("first", "last"), [(CHARGE, IDLE), (IDLE, CHARGE), (DOWNLINK, IDLE), (IDLE, DOWNLINK)]
)
def test_two_legs_are_two_short_rounds(clear, first, last):
    """A round of 30 s whose order comes after 15 s, against two rounds of 15 s from the same beginning."""
    clear["spacecraft"]["craft"]["attitude"] |= {"slew_rate_deg_s": 20.0, "slew_acceleration_deg_s2": 10.0}
    long = begin(clear, {"round_s": 30.0, "substep_s": 7.5})
    short = begin(clear, {"round_s": 15.0, "substep_s": 7.5})
    sent = 0.0
    for _ in range(200):
        play_round(long, *orders(long, OBSERVE))
        for _ in range(2):
            play_round(short, *orders(short, OBSERVE))
        short.restore(_like(short, long))
        outlook, began = long.state.outlook[0], long.state.power[0].copy()
        # a pass that begins or ends within the round is another one for the short rounds
        whole = (outlook["station"] == NONE) | (outlook["visible_to"] - outlook["visible_from"] == 30.0)
        play_round(long, *orders(long, last), thinking(long, first, delay=15.0))
        downlinked = np.zeros(3)
        for command in (first, last):
            play_round(short, *orders(short, command))
            downlinked += short.state.activity["downlinked"][0]
        for name in ("harvested", "consumed"):
            one, two = (world.state.power[name][0] - began[name] for world in (long, short))
            assert one[whole] == pytest.approx(two[whole], rel=2e-3, abs=30.0), name
        warm, cool = (world.state.body["temperature"][0] for world in (long, short))
        assert warm[whole] == pytest.approx(cool[whole], abs=0.01)
        cosine = (long.state.pointing[0] * short.state.pointing[0]).sum(-1)
        assert (cosine[whole] > np.cos(2e-3)).all()
        both = long.state.activity["downlinked"][0]
        assert both[whole] == pytest.approx(downlinked[whole], rel=0.02)
        sent += both[whole].sum()
    assert sent > 0.0 or DOWNLINK not in (first, last)


def _like(short, long):
    """A snapshot for `short` with batteries, heat, pointing and images of `long`."""
    mine = short.snapshot()
    for name in ("energy", "harvested", "consumed", "lost", "curtailed"):
        mine.state.power[name] = long.state.power[name]
    mine.state.body["temperature"] = long.state.body["temperature"]
    mine.state.pointing[...] = long.state.pointing
    for theirs, ours in zip(long.state.store, mine.state.store, strict=True):
        ours[...] = theirs
    return mine


class TestImages:
    def test_a_later_capture_keeps_to_the_slew(self, clear):
        """It cannot come before the thinking is done and the camera has turned and settled."""
        world, seen = begin(clear), 0
        settle = world.fleet.craft["settle"][0]
        for _ in range(120):
            offered = world.state.opportunities[0, :, 0].copy()
            start, delay = world.state.clock["time"][0], 8.0
            play_round(world, *orders(world, OBSERVE), thinking(world, IDLE, delay=delay))
            book = world.state.requests.book[0]
            for n in np.flatnonzero(world.state.activity["captured"][0]):
                j = offered["request"][n]
                shutter = book["captured_at"][j] - 4.0 - start
                assert book["captured_by"][j] == n
                assert shutter >= delay
                assert shutter >= offered["capture"][n] - 1e-6
                if offered["slew"][n] > settle:
                    assert shutter >= delay + settle
                seen += 1
        assert seen > 20

    def test_late_where_the_window_has_closed(self, clear):
        world, late, shut = begin(clear), 0, 0
        for _ in range(240):
            offered = world.state.opportunities[0, :, 0].copy()
            play_round(world, *orders(world, OBSERVE), thinking(world, CHARGE, delay=24.0))
            did = world.state.activity[0]
            closed = (offered["request"] != NONE) & (offered["window"] < 24.0)
            assert (did["late"][closed] == 1).all()
            assert (did["captured"][closed] == 0).all()
            assert (did["late"][offered["request"] == NONE] == 0).all()
            late, shut = late + did["late"].sum(), shut + closed.sum()
        assert late > 20
        assert late >= shut > 0

    def test_one_in_each_leg(self, clear):
        world, both = begin(clear, {"round_s": 120, "substep_s": 10}), 0
        for _ in range(40):
            offered = world.state.opportunities[0].copy()
            play_round(world, *orders(world, OBSERVE, 1), thinking(world, OBSERVE, 0, delay=60.0))
            did, book = world.state.activity[0], world.state.requests.book[0]
            for n in np.flatnonzero(did["captured"] == 2):
                assert (book["captured_by"][offered["request"][n]] == n)[:2].all()
                first, second = book["captured_at"][offered["request"][n][:2]]
                assert first <= second - 4.0
                both += 1
            assert world.state.store.level["count"][0].sum() == (book["captured_by"] != NONE).sum()
        assert both > 5

    def test_no_second_one_without_room(self, clear):
        clear["spacecraft"]["craft"]["store_gbit"] = 4.0
        world = begin(clear, {"round_s": 120, "substep_s": 10})
        for _ in range(40):
            play_round(world, *orders(world, OBSERVE, 1), thinking(world, OBSERVE, 0, delay=60.0))
        assert (world.state.store.level["count"] == 1).all()
        assert (world.state.store.level["used"] <= world.fleet.craft["store_bits"]).all()


def test_a_pass_that_is_over_is_late(small):
    small["requests"] |= {"cloud_mean": 0.0, "initial": 2_000}
    world, late = begin(small), 0
    for _ in range(240):
        if (world.state.store.level["count"] == 0).any():
            play_round(world, *orders(world, OBSERVE))
            continue
        outlook = world.state.outlook[0].copy()
        play_round(world, *orders(world, DOWNLINK), thinking(world, CHARGE, delay=25.0))
        over = (outlook["station"] != NONE) & (outlook["visible_to"] <= 25.0)
        np.testing.assert_array_equal(world.state.activity["late"][0], over)
        assert (world.state.activity["downlinked"][0][over] == 0.0).all()
        late += over.sum()
    assert late > 0


def test_worlds_alone_and_threads_agree(small):
    together, rng = begin(small, seed=5, worlds=4, threads=2), np.random.default_rng(2)
    alone = [begin(small, seed=5 + b) for b in range(4)]
    for _ in range(40):
        command, choice = at_random(together, rng)
        thought = thoughts(together, rng)
        play_round(together, command, choice, thought)
        for b, world in enumerate(alone):
            play_round(world, command[b : b + 1], choice[b : b + 1], thought[b : b + 1])
    for b, world in enumerate(alone):
        assert differing(one_of(together.state, b), world.state) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"delay": -1.0}, "delay must be finite, at least 0 and at most 30"),
        ({"busy": 31.0}, "busy must be finite"),
        ({"power": np.nan}, "power must be finite"),
    ],
)
def test_bad_thinking_is_one_sentence(small, change, words):
    world = begin(small)
    with pytest.raises(SandboxError, match=words):
        play_round(world, *orders(world, IDLE), thinking(world, **change))


@pytest.mark.parametrize("wrong", [np.zeros((1, 3)), np.zeros((1, 2), THINKING)])
def test_thinking_of_another_shape(small, wrong):
    world = begin(small)
    with pytest.raises(SandboxError, match=r"records of dtype state.THINKING and shape \(1, 3\)"):
        play_round(world, *orders(world, IDLE), wrong)
