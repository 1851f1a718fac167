"""The world of autonomy_v0: the books of all subsystems together, and how they pull against each other."""

import copy
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilots import change_rules, whole_world
from test_activities import Auditor
from test_faults import identical
from test_jobs import DECIDE, ask, audit

from sandbox.errors import SandboxError
from sandbox.jobs import ANSWERED, ANSWERS, DECISIONS, DELIVERED, INBOX
from sandbox.maneuvers import BACKWARD_LARGE, FORWARD_LARGE, RETURN, WAIT
from sandbox.state import (
    CAPTURED,
    CHARGE,
    DOWNLINK,
    IDLE,
    LOST,
    NONE,
    OBSERVE,
    THINKING,
    arrays,
)

LONGEST = 16


def at_random(world, rng):
    """Orders, burns, reloads, thoughts and messages at random; the arguments of `live`."""
    team = (world.worlds, world.satellites)
    before = world.orders.copy()
    changed = rng.random(team) < 0.5
    orders = world.orders
    orders["command"][changed] = rng.choice([IDLE, CHARGE, OBSERVE, DOWNLINK], team)[changed]
    places = rng.integers(0, world.shown, team)
    asked = np.take_along_axis(world.state.opportunities["request"], places[..., None], -1)[..., 0]
    orders["request"] = np.where(
        orders["command"] != OBSERVE, NONE, np.where(changed, asked, orders["request"])
    )
    orders["queue"] = np.where(rng.random(team) < 0.3, rng.integers(0, len(DECISIONS), team), orders["queue"])
    burn, late = (np.where(rng.random(team) < 0.1, rng.integers(0, RETURN + 1, team), WAIT) for _ in range(2))
    thinking = np.zeros(team, THINKING)
    thinks = rng.random(team) < 0.4
    thinking["delay"] = thinking["busy"] = np.where(thinks, rng.uniform(0.0, 30.0, team), 0.0)
    thinking["power"] = np.where(thinks, 60.0, 0.0)
    length = rng.integers(0, LONGEST + 1, team).astype(np.int32)
    said = rng.integers(0, 256, (*team, LONGEST)).astype(np.uint8), length
    reload = (rng.random(team) < 0.1).astype(np.int32)
    return {
        "burn": burn,
        "late_burn": late,
        "reload": reload,
        "thinking": thinking,
        "before": before,
        "content": said[0],
        "length": said[1],
    }


class Books(Auditor):
    """Energy, images, requests, jobs, bits and fuel of a world beside it."""

    def __init__(self, world):
        super().__init__(world)
        self.legs, self.spent = 2, np.zeros(self.initial.shape)
        self.records = world.encounters.state

    def live(self, **how):
        self.was, fuel = copy.deepcopy(self.state), self.records.fuel.copy()
        self.world.step(**how)
        self.energy()
        self.store()
        self.requests()
        self.activity()
        self.numbers()
        audit(self.world)
        self.fuel(fuel)

    def drain(self, where, share):
        """Take most of the energy of satellites `where` (B, N), on and off the books."""
        power = self.state.power
        taken = np.where(where & self.state.body["alive"], share * power["energy"], 0.0)
        power["energy"] -= taken
        self.initial -= taken

    def fuel(self, before):
        passing = self.records.passing
        self.spent += passing["burned"]
        assert self.records.fuel == pytest.approx(before - passing["burned"], abs=1e-12)
        assert (self.records.fuel >= 0.0).all()
        assert (passing["burned"][~self.was.body["alive"]] == 0.0).all()
        assert np.isfinite(passing["offset"]).all()
        assert np.isfinite(passing["drift"]).all()
        hit = passing["hit"] & self.was.body["alive"]
        assert not self.state.body["alive"][hit].any()

    def activity(self):
        """As for any world; what has just been hit is still in the outlook, until the next round."""
        hit = self.records.passing["hit"] & self.was.body["alive"]
        kept = [self.state.opportunities["request"][hit].copy(), self.state.outlook["station"][hit].copy()]
        self.state.opportunities["request"][hit] = self.state.outlook["station"][hit] = NONE
        super().activity()
        self.state.opportunities["request"][hit], self.state.outlook["station"][hit] = kept
        antennas = self.world.constants.stations["antennas"]
        assert ((self.state.ground["antennas"] == antennas) | (self.state.ground["antennas"] == 0)).all()

    def numbers(self):
        super().numbers()
        world, work = self.world, self.world.jobs.state
        beacons, faults = world.messages.state, world.faults.state
        assert np.isfinite(world.state.load["joules"]).all()
        assert not np.isnan(work.free).any()
        assert (world.state.load["joules"] >= 0.0).all()
        assert (beacons.broadcast["battery"] <= 1.0 + 1e-12).all()
        assert ((faults.body["lost_strings"] >= 0) & (faults.body["lost_strings"] < 8)).all()
        assert not (work.servers["off"] & ~world.state.safety["safe"]).any()
        for b in range(self.world.worlds):
            peer, back = world.lasers.state.links["peer"][b], world.lasers.state.links["back"][b]
            for n, k in np.argwhere(peer != NONE):
                assert (peer[peer[n, k], back[n, k]], back[peer[n, k], back[n, k]]) == (n, k)


KINDS = "computing_satellite", "training_satellite"
SWITCHES = {
    "faults.upsets_per_orbit": 20.0,
    "faults.weight_flips_per_board_hour": 20.0,
    "faults.laser_outages_per_day": 300.0,
    "faults.station_outages_per_day": 40.0,
    "faults.cell_losses_per_day": 60.0,
    "faults.safe_below": 0.1,
    "faults.safe_share": 0.3,
    "encounters.staged_per_day": 100.0,
    "encounters.hit_share": 0.5,
}


@settings(max_examples=8)
@given(st.data())
def test_everything_is_conserved_whatever_is_done_breaks_or_dies(disaster, data):
    """Energy, images, requests, jobs, bits, fuel, round by round; under any switches, orders and deaths."""
    changes = {name: value for name, value in SWITCHES.items() if data.draw(st.booleans(), label=name)}
    changes |= {
        "faults.safe_s": 120.0,
        "faults.saa_factor": 1.0,
        "faults.reboot_s": 60.0,
        "faults.scrub_h": 0.1,
        "events.0.at_h": [0.0, 0.2],
        "requests.cloud_mean": data.draw(st.sampled_from([0.0, 0.6])),
        "jobs.large_on_board": data.draw(st.booleans()),
        "jobs.kinds": busy(data.draw(st.sampled_from([1.0, 10.0]))),
    }
    seed, deadly = data.draw(st.integers(0, 1_000)), data.draw(st.booleans(), label="deadly")
    if deadly:  # nobody comes back from an empty battery
        changes |= {f"spacecraft.{kind}.power.panel_area_m2": 0.05 for kind in KINDS}
    scenario = disaster(changes=changes)
    world = whole_world(scenario, 2, message_bytes=LONGEST, shown=data.draw(st.integers(1, 4)))
    world.reset(seed)
    books, rng = Books(world), np.random.default_rng(seed)
    for _ in range(60):
        if deadly:
            books.drain(rng.random(books.initial.shape) < 0.05, 1.0)
        books.live(**at_random(world, rng))
    assert not deadly or not world.state.body["alive"].all()


def busy(rate):
    from sandbox.scenario import load_scenario

    kinds = load_scenario("disaster_response").model_dump()["jobs"]["kinds"]
    return [kind | {"per_hour": kind["per_hour"] * rate} for kind in kinds]


def everything(world):
    parts = [array for part in world.snapshot().more.values() for array in part]
    told = world.encounters.warnings.copy()
    told[np.isinf(told["tca"])] = np.zeros((), told.dtype)  # what is not told is without meaning
    return [*arrays(world.state), *parts, told]


def test_a_world_of_a_batch_is_the_world_alone_on_any_threads(disaster, trouble):
    scenario = disaster(changes=trouble)
    batches = [whole_world(scenario, 3, message_bytes=LONGEST, threads=threads) for threads in (1, 2)]
    alone = [whole_world(scenario, message_bytes=LONGEST) for _ in range(3)]
    for batch in batches:
        batch.reset(40)
    for b, world in enumerate(alone):
        world.reset(40 + b)
    rng = np.random.default_rng(0)
    for _ in range(60):
        how = at_random(batches[0], rng)
        orders = batches[0].orders.copy()
        for batch in batches:
            batch.orders[...] = orders
            batch.step(**how)
        for b, world in enumerate(alone):
            own = {name: part[b : b + 1] for name, part in how.items()}
            world.orders[...] = orders[b : b + 1]
            world.step(**own)
    assert identical(everything(batches[0]), everything(batches[1]))
    for b, world in enumerate(alone):
        assert identical([part[b : b + 1] for part in everything(batches[0])], everything(world))
    batches[1].close()


def test_a_snapshot_leads_to_the_same_future(disaster, trouble):
    """With faults, orders, jobs, and messages under way."""
    world = whole_world(disaster(changes=trouble), 2, message_bytes=LONGEST)
    world.reset(4)
    rng = np.random.default_rng(1)

    def play(rounds, seed):
        rng = np.random.default_rng(seed)
        for _ in range(rounds):
            world.step(**at_random(world, rng))
        return [array.copy() for array in everything(world)]

    play(40, 0)
    world.lasers.params.terminals["rate"] = 5.0  # so that some messages are under way for long
    world.step(**at_random(world, rng))
    assert np.isfinite(world.messages.state.letter["arrives"]).any()
    moment = world.snapshot()
    future = play(40, 2)
    world.restore(moment)
    assert identical(play(40, 2), future)
    world.reset(9)
    world.restore(moment)
    assert identical(play(40, 2), future)


def calm(disaster, **changes):
    """A world without faults, whose burns are flown exactly."""
    changes = {"encounters__burn_sigma_percent": 0.0, "encounters__burn_pointing_sigma_deg": 0.0} | changes
    world = whole_world(disaster(calm=True, changes={k.replace("__", "."): v for k, v in changes.items()}))
    world.reset(0)
    return world


def burns(world, *numbers):
    action = np.full((1, world.satellites), WAIT)
    action[0, : len(numbers)] = numbers
    return action


class TestBurns:
    def test_are_flown_with_the_camera_at_nadir_and_paid_for(self, disaster):
        world = calm(disaster)
        world.step()
        assert (world.state.activity["mode"] == CHARGE).all()
        fuel, speed = (
            world.encounters.state.fuel.copy(),
            np.linalg.norm(world.state.orbit.velocity[0], axis=-1),
        )
        still = copy.deepcopy(world)
        world.step(burn=burns(world, FORWARD_LARGE, BACKWARD_LARGE))
        still.step()
        assert world.state.activity["mode"][0].tolist() == [IDLE, IDLE, CHARGE, CHARGE]
        assert fuel - world.encounters.state.fuel == pytest.approx(np.array([[0.1, 0.1, 0.0, 0.0]]))
        assert world.encounters.state.passing["burned"][0].tolist() == pytest.approx([0.1, 0.1, 0.0, 0.0])
        gain = np.linalg.norm(world.state.orbit.velocity[0], axis=-1)
        gain -= np.linalg.norm(still.state.orbit.velocity[0], axis=-1)
        assert gain == pytest.approx([0.1, -0.1, 0.0, 0.0], abs=2e-3)
        assert (np.abs(gain) < 1e-3 * speed).all()
        world.step()
        assert (world.state.activity["mode"] == CHARGE).all()
        assert (world.encounters.state.passing["burned"] == 0.0).all()

    def test_spoil_the_image(self, disaster):
        """Of two twins that are about to shoot, the one that burns does not, and its order stands."""
        changes = {"requests__initial": 600, "requests__cloud_mean": 0.0, "requests__where": "globe"}
        world, spoilt = calm(disaster, **changes), 0
        for _ in range(60):
            told = world.state.opportunities[0, 0, 0]
            if world.orders["command"][0, 0] != OBSERVE and told["request"] != NONE:
                world.orders["command"][0, 0], world.orders["request"][0, 0] = OBSERVE, told["request"]
            twin = copy.deepcopy(world)
            world.step()
            if world.state.activity["captured"][0, 0]:
                twin.step(burn=burns(twin, FORWARD_LARGE))
                assert twin.state.activity["captured"][0, 0] == 0
                assert twin.state.activity["mode"][0, 0] == IDLE
                request = world.state.activity["request"][0, 0]
                assert twin.state.requests.book["status"][0, request] != CAPTURED
                spoilt += 1
        assert spoilt > 2

    def test_late_ones_come_at_the_end_of_the_round(self, disaster):
        """Flown as ordered until the thinking is done, then aligned; the orbit changes only afterwards."""
        world, still = calm(disaster), calm(disaster)
        thinking = np.zeros((1, world.satellites), THINKING)
        thinking["delay"][0, 0] = thinking["busy"][0, 0] = 12.0
        world.step(late_burn=burns(world, FORWARD_LARGE), thinking=thinking)
        still.step()
        np.testing.assert_array_equal(world.state.orbit.position, still.state.orbit.position)
        dv = np.linalg.norm(world.state.orbit.velocity - still.state.orbit.velocity, axis=-1)
        assert dv[0] == pytest.approx([0.1, 0.0, 0.0, 0.0], abs=1e-9)
        assert world.encounters.state.fuel[0, 0] == pytest.approx(1.9)
        assert world.state.activity["mode"][0].tolist() == [IDLE, CHARGE, CHARGE, CHARGE]
        assert (world.orders["command"] == CHARGE).all()

    def test_none_in_safe_mode(self, disaster):
        world = calm(disaster)
        world.state.safety["safe"][0, 0], world.state.safety["since"][0, 0] = True, 1e9
        world.orders["command"][0, :2] = IDLE
        world.step(burn=burns(world, FORWARD_LARGE, FORWARD_LARGE))
        assert world.encounters.state.fuel[0].tolist() == pytest.approx([2.0, 1.9, 2.0, 2.0])
        assert world.state.activity["mode"][0, 0] == CHARGE
        assert world.orders["command"][0, 0] == CHARGE


class TestJobs:
    def test_heat_and_drain(self, disaster):
        """Against an equal world without jobs."""
        working, idle = calm(disaster), calm(disaster)
        j = ask(working)
        for world in (working, idle):
            world.step()
        n = int(working.jobs.state.book["place"][0, j])
        for world in (working, idle):
            world.orders["queue"] = DECIDE["run_large"]
            world.step()
        joules = working.state.load["joules"][0, n]
        assert joules > 100.0
        more = working.state.activity["consumed"] - idle.state.activity["consumed"]
        assert more[0, n] == pytest.approx(joules, rel=1e-6)
        assert working.state.power["energy"][0, n] < idle.state.power["energy"][0, n]
        assert working.state.body["board"][0, n] > idle.state.body["board"][0, n]
        others = np.arange(4) != n
        assert (more[0, others] == 0.0).all()

    def test_the_rule_is_for_every_job_of_the_inbox_round_after_round(self, disaster):
        world = calm(disaster)
        first = [ask(world) for _ in range(3)]
        world.step()
        assert world.jobs.state.queues["count"][0, :, INBOX].sum() == 3
        world.step()
        assert world.jobs.state.queues["count"][0, :, INBOX].sum() == 3, "they wait at first"
        world.orders["queue"] = DECIDE["drop"]
        world.step()
        assert world.jobs.state.ledger["jobs_dropped"][0] == 3
        later = ask(world, release=float(world.state.clock["time"][0]))
        world.step()
        world.step()
        assert world.jobs.state.ledger["jobs_dropped"][0] == 4
        assert (world.orders["queue"] == DECIDE["drop"]).all()
        assert len({*first, later}) == 4


def in_view(world, n=0, rounds=400):
    """Go on until a station sees satellite n for a whole round, and will in the next."""
    for _ in range(rounds):
        world.step()
        outlook = world.state.outlook[0, n]
        if outlook["station"] != NONE and outlook["visible_to"] - outlook["visible_from"] == 30.0:
            return outlook
    raise AssertionError("no contact")


def give_images(world, n, bits):
    """An image of `bits` in the store of satellite n, as if it had just taken it."""
    store, book = world.state.store, world.state.requests.book[0]
    j = int(np.flatnonzero(book["captured_by"] <= 0)[0])
    store.level[0, n] = (bits, 0, 1)
    store.request[0, n, 0], store.remaining[0, n, 0] = j, bits
    book["status"][j], book["captured_by"][j] = CAPTURED, n
    book["captured_at"][j] = book["release"][j] = world.state.clock["time"][0]
    book["value"][j] = 1.0
    return j


def two_over_one_station(world):
    """Live on until two of the first three satellites see the same station; the lower and the higher."""
    for _ in range(400):
        world.step()
        station = world.state.outlook["station"][0, :3]
        seen = np.flatnonzero(station != NONE)
        if len(seen) >= 2 and station[seen[0]] == station[seen[1]]:
            break
    pair = seen[:2]
    return pair[np.argsort(world.state.outlook["elevation"][0, pair])]


def give_answer(world, n, bits):
    """An answer for the ground of `bits` on board of satellite n, ready."""
    from sandbox.job_queues import put

    j = ask(world, release=0.0, kind=1, n=n)
    job, now = world.jobs.state.book[0, j], float(world.state.clock["time"][0])
    world.jobs.state.released[0] = max(world.jobs.state.released[0], j + 1)
    job["status"], job["place"], job["credit"], job["bits"] = ANSWERED, n, n, bits
    job["ready"], job["release"], job["deadline"], job["done"] = now, now, 1e9, now
    put(world.jobs.state.queues[0, n, ANSWERS], world.jobs.state.book[0], j)
    return j


REQUESTS = {"requests__initial": 5, "requests__value": [1, 1], "requests__where": "globe"}


class TestAntennas:
    def test_jobs_go_before_images_and_images_get_the_rest(self, disaster):
        """Through the one antenna of a station: what the answer takes, the image has not."""
        both, alone = calm(disaster, **REQUESTS), calm(disaster, **REQUESTS)
        for world in (both, alone):
            in_view(world)
            world.orders["command"][0, 0] = DOWNLINK
            give_images(world, 0, 1e12)
            world.step()  # it is turned to the station now
        rate = float(both.state.outlook["rate"][0, 0])
        j = give_answer(both, 0, 5.0 * rate)
        for world in (both, alone):
            world.orders["command"][0, 0] = DOWNLINK
            world.step()
        assert both.jobs.state.book["status"][0, j] == DELIVERED
        sent = [world.state.activity["downlinked"][0, 0] for world in (both, alone)]
        assert sent[1] - sent[0] == pytest.approx(5.0 * rate, rel=0.02)
        assert sent[0] > 10.0 * rate

    def test_who_is_ordered_to_send_has_the_first_claim(self, disaster):
        """The lower of two satellites gets the one antenna if it alone turns to the station."""
        world = calm(disaster, **REQUESTS)
        low, high = two_over_one_station(world)
        for n in (low, high):
            give_answer(world, n, 1e3)
        twin = copy.deepcopy(world)
        world.orders["command"][0, low] = DOWNLINK
        world.step()
        assert world.jobs.state.servers["served"][0, [low, high]].tolist() == [True, False]
        twin.step()
        assert twin.jobs.state.servers["served"][0, [low, high]].tolist() == [False, True]

    def test_one_antenna_serves_one_satellite(self, disaster):
        """The higher sends answers, so the images of the lower have to wait: not both through one antenna."""
        world = calm(disaster, **REQUESTS)
        low, high = two_over_one_station(world)
        give_answer(world, high, 1e3)
        give_images(world, low, 4e9)
        world.orders["command"][0, [low, high]] = DOWNLINK
        world.step()
        assert world.jobs.state.servers["served"][0, [low, high]].tolist() == [False, True]
        assert world.state.activity["denied"][0, low] == 1
        assert world.state.activity["downlinked"][0, low] == 0.0
        assert (world.state.ground["antennas"] == 1).all(), "given back for the next round"

    def test_are_silenced_by_an_event_from_its_time_on_and_back_after(self, disaster):
        from sandbox.scenario import load_scenario

        event = load_scenario("disaster_response").model_dump()["events"][0]
        lost = event | {"at_h": [0.5, 0.5], "stations_lost": ["Kunming", "Gazipur"], "stations_lost_h": 0.25}
        world = whole_world(disaster(calm=True, changes={"events": [lost]}))
        world.reset(0)
        names = [station.name for station in world.scenario.stations]
        silent = [names.index(name) for name in lost["stations_lost"]]
        open_ = np.setdiff1d(np.arange(len(names)), silent)
        for k in range(100):
            world.step()
            begins = 30.0 * k  # the round flown
            out = begins + 30.0 > 1800.0 and begins < 2700.0
            assert (world.state.ground["antennas"][0, silent] == (0 if out else 1)).all(), k
            assert (world.state.ground["antennas"][0, open_] == 1).all()

    def test_nothing_comes_down_through_a_silent_station(self, disaster):
        world = calm(disaster, **REQUESTS)
        in_view(world)
        change_rules(world, planned=np.array([[g, 0.0, 1e9] for g in range(7)]))
        give_images(world, 0, 1e12)
        j = give_answer(world, 0, 1e3)
        world.orders["command"][0, 0] = DOWNLINK
        world.step()
        assert world.state.activity["downlinked"][0, 0] == 0.0
        assert world.state.activity["denied"][0, 0] == 1
        assert world.jobs.state.book["status"][0, j] == ANSWERED
        assert world.orders["command"][0, 0] == DOWNLINK, "the contact plan does not know"


def aside(world, n, k):
    """Sine of the angle between a link and the plane across the boresight, at either end the worse."""
    link, position = world.lasers.state.links[0, n, k], world.state.orbit.position[0]
    d = position[link["peer"]] - position[n]
    d /= np.linalg.norm(d)
    return max(abs(world.state.pointing[0, m] @ d) for m in (n, link["peer"]))


@pytest.mark.parametrize("regard", [5.0, 30.0, 90.0])
def test_turned_satellites_lose_their_links(disaster, regard):
    """To the Sun they turn in the first round; a terminal that cannot look along its link carries nothing."""
    world = calm(disaster, spacecraft__computing_satellite__lasers__regard_deg=regard,
                 spacecraft__training_satellite__lasers__regard_deg=regard)  # fmt: skip
    nadir = calm(disaster, spacecraft__computing_satellite__lasers__regard_deg=regard,
                 spacecraft__training_satellite__lasers__regard_deg=regard)  # fmt: skip
    kept = lost = 0
    for _ in range(60):
        nadir.orders["command"] = IDLE
        world.step()
        nadir.step()
        assert np.isfinite(nadir.lasers.state.links["since"][0, 0, 2]), "along the horizon all see"
        for n, k in ((0, 2), (1, 2)):
            sees = aside(world, n, k) <= np.sin(np.radians(regard))
            assert np.isfinite(world.lasers.state.links["since"][0, n, k]) == sees
            kept, lost = kept + sees, lost + (not sees)
    assert kept > 0 or regard < 90.0
    assert (lost == 0) == (regard == 90.0)


class TestFaults:
    def test_a_thought_is_lost_with_the_boards_and_orders_go_on(self, disaster):
        """The reset comes as the round begins: what was being thought about is neither done nor paid."""
        world = calm(disaster)
        change_rules(world, upsets=np.array([1e9, 0.0, 0.0, 0.0]))
        still = calm(disaster)
        thinking = np.zeros((1, 4), THINKING)
        thinking["delay"], thinking["busy"], thinking["power"] = 5.0, 5.0, 100.0
        for each in (world, still):
            before = each.orders.copy()
            each.orders["command"], each.orders["queue"] = IDLE, DECIDE["run_small"]
            each.step(late_burn=burns(each, *[FORWARD_LARGE] * 4), thinking=thinking, before=before)
        assert world.state.safety["interrupted"][0].tolist() == [True, False, False, False]
        assert world.orders["command"][0].tolist() == [CHARGE, IDLE, IDLE, IDLE]
        assert world.orders["queue"][0].tolist() == [DECIDE["defer"]] + [DECIDE["run_small"]] * 3
        assert world.encounters.state.fuel[0].tolist() == pytest.approx([2.0, 1.9, 1.9, 1.9])
        assert still.orders["command"][0, 0] == IDLE
        assert world.state.load["joules"][0, 0] == 0.0
        plain = calm(disaster)
        plain.step()
        consumed = [each.state.activity["consumed"][0, 0] for each in (world, plain, still)]
        assert consumed[0] == consumed[1] != consumed[2]

    def test_reload_mends_the_weights_and_takes_the_boards(self, disaster):
        world = calm(disaster)
        world.faults.state.body["corrupt"][0, 1] = world.faults.state.body["weights_fault"][0, 1] = True
        world.jobs.state.servers["spoil"][0, 1] = 1.0
        world.step(reload=np.array([[0, 1, 0, 0]]))
        assert not world.faults.state.body["corrupt"].any()
        assert world.jobs.state.servers["spoil"][0, 1] == 0.0
        assert world.jobs.state.servers["down"][0, 1] == pytest.approx(world.faults.params.reload[1])


@pytest.mark.parametrize("name", ["burn", "late_burn", "reload"])
def test_wrong_actions_are_one_sentence(disaster, name):
    world = calm(disaster)
    with pytest.raises(SandboxError, match=f"{name} has shape"):
        world.step(**{name: np.zeros((1, 2), int)})


def test_live_before_reset_is_one_sentence(disaster):
    with pytest.raises(SandboxError, match="before reset"):
        whole_world(disaster(calm=True)).step()


def test_collisions_end_satellites_and_their_jobs(disaster):
    changes = {"encounters__staged_per_day": 100.0, "encounters__hit_share": 1.0, "jobs__kinds": busy(5.0)}
    world, hits = calm(disaster, **changes), 0
    for _ in range(110):
        alive = world.state.body["alive"].copy()
        world.step()
        hit = world.encounters.state.passing["hit"] & alive
        hits += int(hit.sum())
        assert (world.state.activity["died"] >= hit).all()
        assert (world.state.activity["mode"][hit] == LOST).all()
        assert (world.jobs.state.queues["count"][0, ~world.state.body["alive"][0]] == 0).all()
    assert hits >= 2
    assert (world.encounters.state.passing["closest"] <= inf).all()
