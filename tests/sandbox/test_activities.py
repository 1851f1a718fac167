"""Flights audited from outside: conservation and causality whatever is ordered, and geometry, power, heat and
links worked out again from the orbits alone."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilots import at_random, orders, plain_world, play_round, sensible, thoughts

from sandbox.campaigns import image_sizes
from sandbox.fleet import force_model
from sandbox.orbits.bodies import AU, R_EARTH, SOLAR_CONSTANT
from sandbox.orbits.ephemeris import sun_position
from sandbox.orbits.frames import gcrs_to_itrs, itrs_to_gcrs
from sandbox.orbits.propagation import propagate
from sandbox.scenario import load_scenario
from sandbox.state import (
    CAPTURED,
    CHARGE,
    DELIVERED,
    DOWNLINK,
    EXPIRED,
    IDLE,
    LOST,
    NONE,
    OBSERVE,
    OPEN,
    PENDING,
)

FORWARD = {
    PENDING: {PENDING, OPEN},
    OPEN: {OPEN, CAPTURED, EXPIRED},
    CAPTURED: {CAPTURED, DELIVERED},
    DELIVERED: {DELIVERED},
    EXPIRED: {EXPIRED},
}


def begin(data, replace=None, seed=0, **options):
    world = plain_world(load_scenario(data, replace), **options)
    world.reset(seed)
    return world


class Auditor:
    """Keeps the books of a world beside it and compares after every step."""

    def __init__(self, world):
        self.world, self.state = world, world.state
        self.craft = world.fleet.craft
        self.initial = self.state.power["energy"].copy()
        self.captured_bits, self.downlinked, self.consumed, self.harvested = np.zeros(
            (4, *self.initial.shape)
        )
        self.captured = self.delivered = 0

    def step(self, command, choice, thinking=None):
        self.was, self.legs = copy.deepcopy(self.state), 1 if thinking is None else 2
        play_round(self.world, command, choice, thinking)
        self.energy()
        self.store()
        self.requests()
        self.activity()
        self.numbers()

    def energy(self):
        power, did = self.state.power, self.state.activity
        self.consumed += did["consumed"]
        self.harvested += did["harvested"]
        assert self.consumed == pytest.approx(power["consumed"], rel=1e-9)
        assert self.harvested == pytest.approx(power["harvested"], rel=1e-9)
        balance = self.initial + power["harvested"] - power["consumed"] - power["lost"]
        balance += power["unmet"] - power["curtailed"] - power["energy"]
        turned_over = self.initial + power["harvested"] + power["consumed"]
        assert (np.abs(balance) <= 1e-9 * turned_over).all()
        assert ((power["energy"] >= 0.0) & (power["energy"] <= power["capacity"])).all()
        assert (power["capacity"] <= self.craft["battery"]).all()
        for name in ("harvested", "consumed", "lost", "curtailed", "unmet"):
            assert (power[name] >= self.was.power[name] - 1e-6).all(), name

    def store(self):
        level, did, bits = self.state.store.level, self.state.activity, self.craft["image_bits"]
        sizes, by = image_sizes(self.state.requests), self.state.requests.book["captured_by"]
        fresh = (by != NONE) & (self.was.requests.book["captured_by"] == NONE)
        for b, n in np.ndindex(level.shape):
            self.captured_bits[b, n] += sizes[b, fresh[b] & (by[b] == n)].sum() * bits[n]
        self.downlinked += did["downlinked"]
        assert ((level["used"] >= 0.0) & (level["used"] <= self.craft["store_bits"])).all()
        onboard, small = self.captured_bits - self.downlinked, 1e-9 * self.captured_bits.max() + 1e-3
        assert level["used"] == pytest.approx(onboard, rel=1e-9, abs=small)
        assert ((level["count"] == 0) == (level["used"] == 0.0)).all()
        places, book = self.state.store.remaining.shape[2], self.state.requests.book
        for b, n in np.ndindex(level.shape):
            held = (level["head"][b, n] + np.arange(level["count"][b, n])) % places
            remaining = self.state.store.remaining[b, n, held]
            images_of = self.state.store.request[b, n, held]
            whole = sizes[b, images_of] * bits[n]
            assert ((remaining >= 0.0) & (remaining <= whole)).all()
            assert (remaining[1:] == whole[1:]).all()
            assert remaining.sum() == pytest.approx(level["used"][b, n], rel=1e-12)
            assert (book["captured_by"][b, images_of] == n).all()
            assert (book["status"][b, images_of] == CAPTURED).all()

    def requests(self):
        book, before, did = self.state.requests.book, self.was.requests.book, self.state.activity
        for old, new in zip(before["status"].flat, book["status"].flat, strict=True):
            assert new in FORWARD[old]
        self.captured += did["captured"].sum()
        self.delivered += did["delivered"].sum()
        taken, there = np.isin(book["status"], (CAPTURED, DELIVERED)), book["status"] == DELIVERED
        assert taken.sum() == self.captured >= self.delivered == there.sum()
        assert (book["captured_by"][taken] >= 0).all()
        assert (book["captured_by"][~taken] == NONE).all()
        assert (np.isfinite(book["captured_at"]) == taken).all()
        assert (np.isfinite(book["delivered_at"]) == there).all()
        assert (book["captured_at"][taken] >= book["release"][taken]).all()
        assert (book["captured_at"][taken] <= book["deadline"][taken] + 1e-6).all()
        assert (book["delivered_at"][there] >= book["captured_at"][there]).all()
        now = np.broadcast_to(self.state.clock["time"][:, None], book.shape)
        pending = (book["status"] == PENDING) & ~self.opened_by_others()
        assert (book["delivered_at"][there] <= now[there] + 1e-6).all()
        assert (book["release"][pending] > now[pending]).all()
        fresh = there & (before["status"] != DELIVERED)
        age = book["delivered_at"][fresh] - book["captured_at"][fresh]
        worth = book["value"][fresh] * 0.5 ** (age / self.world.constants.half_life)
        assert did["value"].sum() == pytest.approx(worth.sum() + self.completions(), abs=1e-9)
        assert did["latency"].sum() == pytest.approx(age.sum(), abs=1e-6)

    def opened_by_others(self):
        """Which requests (B, M) open with the image of another one; checks that nothing else opened them."""
        requests = self.state.requests
        found = np.zeros(requests.book.shape, bool)
        for b, j in np.argwhere(requests.part["opens"] != NONE):
            other = requests.part["opens"][b, j]
            found[b, other] = True
            taken = requests.book["status"][b, j] in (CAPTURED, DELIVERED)
            assert requests.part["locked"][b, other] != taken
            if requests.book["status"][b, other] != PENDING:
                assert taken
                opened = requests.book["captured_at"][b, j] + requests.part["delay"][b, j]
                assert requests.part["opens_at"][b, other] == opened <= self.state.clock["time"][b]
        return found

    def completions(self):
        """What the campaigns paid that were completed in the last round; checks all of them."""
        requests, paid = self.state.requests, 0.0
        for b, d in np.argwhere(requests.campaign["parts"] > 0):
            one, mine = requests.campaign[b, d], np.flatnonzero(requests.part["campaign"][b] == d)
            book = requests.book[b, mine]
            assert len(mine) == one["parts"]
            assert np.isin(book["status"], (CAPTURED, DELIVERED)).sum() == one["captured"]
            assert not (book["status"] == EXPIRED).any() or one["failed"]
            arrived = book["delivered_at"] if (book["status"] == DELIVERED).all() else np.array([np.inf])
            if arrived.max() <= one["deadline"]:
                assert one["completed_at"] == arrived.max()
                if not np.isfinite(self.was.requests.campaign["completed_at"][b, d]):
                    paid += one["bonus"]
            else:
                assert np.isnan(one["completed_at"])
        return paid

    def activity(self):
        did, alive, was_alive = self.state.activity, self.state.body["alive"], self.was.body["alive"]
        assert not (alive & ~was_alive).any()
        assert (did["died"] == (was_alive & ~alive)).all()
        assert ((did["mode"] == LOST) == ~alive).all()
        judged = did["captured"] + did["cloudy"] + did["duplicate"]
        assert (judged <= self.legs).all()
        for quiet in (judged, did["delivered"], did["denied"], did["downlinked"], did["consumed"]):
            assert (quiet[~was_alive] == 0).all()
        assert (self.state.opportunities["request"][~alive] == NONE).all()
        assert (self.state.outlook["station"][~alive] == NONE).all()
        for station, row in enumerate(self.world.constants.stations):
            assert ((did["station"] == station).sum(axis=1) <= row["antennas"]).all()

    def numbers(self):
        state = self.state
        assert (state.clock["time"] == self.was.clock["time"] + self.world.scenario.round_s).all()
        assert (state.clock["round"] == self.was.clock["round"] + 1).all()
        for array in (*state.orbit, state.pointing, *state.contacts[1:]):
            assert np.isfinite(array).all()
        for records in (state.power, state.body, state.activity, state.opportunities, state.contacts.plan):
            for name in records.dtype.names:
                assert np.isfinite(records[name]).all(), name
        for name in state.outlook.dtype.names:
            assert np.isfinite(state.outlook[name]).all() or name == "shadow", name
        assert not np.isnan(state.outlook["shadow"]).any()
        assert np.linalg.norm(state.pointing, axis=-1) == pytest.approx(1.0, abs=1e-9)
        assert ((state.body["temperature"] > 100.0) & (state.body["temperature"] < 500.0)).all()


@st.composite
def scenarios(draw, template):
    data = copy.deepcopy(template)
    data["fleet"][0]["walker"] = {
        "total": draw(st.integers(1, 5)),
        "planes": 1,
        "altitude_km": draw(st.sampled_from([200, 350, 550, 1_200, 8_000])),
        "inclination_deg": draw(st.floats(0, 180)),
        "raan_deg": draw(st.floats(0, 360)),
    }
    data["round_s"] = draw(st.sampled_from([1, 10, 30, 47.5, 120, 300]))
    data["substep_s"] = data["round_s"] / draw(st.sampled_from([1, 2.5, 3, 7]))
    data["start_within_h"] = draw(st.sampled_from([0, 3]))
    data["forces"] = {name: draw(st.booleans()) for name in ("j2", "j3", "j4", "drag", "sun", "moon")}
    craft = data["spacecraft"]["craft"]
    craft["power"] |= {
        "battery_wh": draw(st.sampled_from([5, 40, 600])),
        "panel_mount": draw(st.sampled_from(["body", "tracking"])),
        "initial_charge": sorted([draw(st.floats(0.1, 1)), draw(st.floats(0.1, 1))]),
        "fade_per_cycle": draw(st.sampled_from([0.0, 1e-3, 0.5])),
    }
    warm = draw(st.sampled_from([-40, 10, 45]))
    craft["thermal"] |= {"throttle_above_c": warm, "shutdown_above_c": warm + draw(st.floats(1, 60))}
    craft["camera"]["image_gbit"] = draw(st.sampled_from([0.3, 4.0, 39.0]))
    craft["camera"]["max_off_nadir_deg"] = draw(st.floats(10, 60))
    data["stations"] = [
        {
            "name": f"station {g}",
            "latitude_deg": draw(st.floats(-90, 90)),
            "longitude_deg": draw(st.floats(-180, 180)),
            "min_elevation_deg": draw(st.floats(0, 20)),
        }
        for g in range(draw(st.integers(1, 4)))
    ]
    data["requests"] = {
        "initial": draw(st.sampled_from([0, 50, 600])),
        "per_hour": draw(st.sampled_from([0, 300])),
        "where": draw(st.sampled_from(["land", "globe", "cities"])),
        "lifetime_h": draw(st.sampled_from([[0.01, 0.1], [1, 9]])),
        "cloud_mean": draw(st.sampled_from([0.0, 0.5, 1.0])),
        "sky_h": draw(st.sampled_from([0.1, 3.0])),
    }
    if draw(st.booleans()):
        room = craft["store_gbit"] / craft["camera"]["image_gbit"]
        data["requests"]["kinds"] = {
            "area": {"share": 0.2, "spacing_km": draw(st.sampled_from([1, 50])), "arrival_h": 0.2},
            "stereo": {"share": 0.2, "convergence_deg": draw(st.sampled_from([1, 30]))},
            "periodic": {"share": 0.1, "every_h": [0.2, 0.3], "window_h": 0.2},
            "dwell": {"share": 0.2, "dwell_s": min(20, data["round_s"]), "images": min(2.5, room)},
            "cue": {"share": 0.2, "probability": 0.8, "processing_s": draw(st.sampled_from([0, 100]))},
        }
    return data


class TestBooksBalance:
    @settings(max_examples=settings.default.max_examples // 4)
    @given(st.data())
    def test_whatever_is_ordered(self, template, data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
        wise, seed = data.draw(st.booleans()), data.draw(st.integers(0, 1000))
        sizes = {"worlds": data.draw(st.integers(1, 2)), "shown": data.draw(st.integers(1, 5))}
        world = begin(data.draw(scenarios(template)), None, seed, **sizes)
        auditor = Auditor(world)
        thoughtful = data.draw(st.booleans())
        for _ in range(40):
            given = sensible(world) if wise else at_random(world, rng)
            auditor.step(*given, thoughts(world, rng) if thoughtful else None)

    def test_hours_of_the_real_twelve(self):
        auditor = Auditor(world := begin("scs01", seed=1, shown=3))
        for _ in range(600):
            auditor.step(*sensible(world))
        assert auditor.delivered > 20


class TestOrbits:
    @pytest.mark.parametrize("round_s", [30.0, 300.0])
    @pytest.mark.parametrize(
        "forces",
        [
            {"j2": True},
            {"j2": True, "j3": True, "j4": True, "drag": True},
            {"j2": True, "sun": True, "moon": True},
        ],
    )
    def test_are_those_of_propagate(self, small, forces, round_s):
        world = begin(small, {"forces": forces, "round_s": round_s, "horizon_h": 24})
        rounds = int(6 * 3600 / round_s)
        for _ in range(rounds):
            play_round(world, *orders(world, IDLE))
        expected, speed = propagate(
            world.fleet.position,
            world.fleet.velocity,
            [rounds * round_s, (rounds + 1) * round_s],
            force_model(world.scenario),
            world.fleet.craft["ballistic"],
            world.constants.ephemeris,
            max_step_s=30.0,
        )
        orbit = world.state.orbit
        assert np.abs(orbit.position[0] - expected[0]).max() < 1e-3
        assert np.abs(orbit.next_position[0] - expected[1]).max() < 1e-3
        assert np.abs(orbit.velocity[0] - speed[0]).max() < 1e-6

    def test_start_within(self, small):
        world, starts = begin(small, {"start_within_h": 12.0, "requests.per_hour": 60}), []
        for seed in range(30):
            world.reset(seed)
            start = world.state.clock["start"][0]
            assert start == world.state.clock["time"][0]
            assert start % 30.0 == 0.0
            starts.append(start)
            release = world.state.requests.book["release"][0]
            assert (release >= start).all()
            assert release[np.isfinite(release)].max() <= start + world.horizon_s
        assert 0.0 <= min(starts) < 3 * 3600
        assert 9 * 3600 < max(starts) <= 12 * 3600
        expected, _ = propagate(world.fleet.position, world.fleet.velocity, [start])
        assert np.abs(world.state.orbit.position[0] - expected[0]).max() < 1e-3

    def test_flown_by_sgp4(self):
        changes = {
            "fleet.0.propagator": "sgp4",
            "start_within_h": 5.0,
            "satellites": ["SCS-01 B", "SCS-01 K"],
        }
        world = begin("scs01", changes, 2, worlds=3, threads=2)
        auditor, ((_, catalogue),) = Auditor(world), world.fleet.sgp4
        epoch = np.datetime64(world.scenario.epoch.replace(tzinfo=None), "us")
        for k in range(150):
            auditor.step(*sensible(world))
            for b in range(3) if k % 30 == 0 else ():
                time = world.state.clock["time"][b]
                for ahead, seen in ((0.0, "position"), (30.0, "next_position")):
                    when = epoch + np.timedelta64(round((time + ahead) * 1e6), "us")
                    expected, _ = catalogue.states(f"{when}+00:00")
                    assert np.abs(getattr(world.state.orbit, seen)[b] - expected).max() < 0.02
        assert auditor.captured > 0

    def test_low_orbits_end_in_the_air(self, small):
        slow = {"round_s": 300, "substep_s": 30, "horizon_h": 48}
        world = begin(small, {"forces": {"drag": True}, "fleet.0.walker.altitude_km": 160} | slow)
        auditor = Auditor(world)
        for _ in range(576):
            auditor.step(*orders(world, CHARGE))
        assert not world.state.body["alive"].any()
        assert (np.linalg.norm(world.state.orbit.position, axis=-1) < R_EARTH + 120e3).all()

    def test_geostationary(self, small):
        ring = [
            {
                "name": f"{lon}",
                "semi_major_axis_km": 42_164.2,
                "inclination_deg": 0.05,
                "mean_anomaly_deg": lon,
            }
            for lon in (0, 120, 240)
        ]
        fleet = [{"name": "G", "spacecraft": "craft", "keplerian": ring}]
        changes = {"fleet": fleet, "spacecraft.craft.camera.max_off_nadir_deg": 9, "round_s": 60}
        auditor = Auditor(world := begin(small, changes))
        for _ in range(30):
            auditor.step(*sensible(world))
        assert auditor.captured > 10


def sight(world, n, at, target):
    """(off-nadir angle, line of sight in GCRS) of ITRS `target` from satellite n at time `at`."""
    (position,), _ = propagate(world.fleet.position[n], world.fleet.velocity[n], [at])
    line = itrs_to_gcrs(target, world.constants.ephemeris, at) - position
    line /= np.linalg.norm(line)
    return math.acos(-line @ position / np.linalg.norm(position)), line


class TestCaptures:
    def test_keep_to_geometry_light_sky_and_slew(self, small):
        small["requests"] |= {"initial": 3_000, "cloud_mean": 0.4}
        craft = small["spacecraft"]["craft"]
        craft["camera"]["min_sun_elevation_deg"], craft["store_gbit"] = 20, 4_000
        world = begin(small, {"horizon_h": 4})
        craft, book = world.fleet.craft[0], world.state.requests.book[0]
        rate, acceleration = craft["slew_rate"], craft["slew_acceleration"]
        checked = {"captured": 0, "cloudy": 0}
        for _ in range(480):
            start, pointing = world.state.clock["time"][0], world.state.pointing[0].copy()
            offered = world.state.opportunities[0, :, 0].copy()
            play_round(world, *orders(world, OBSERVE))
            for n in range(3):
                did = world.state.activity[0, n]
                if not (did["captured"] or did["cloudy"]):
                    continue
                j, shutter = did["request"], start + offered["capture"][n]
                request, target = book[j], book["position"][j]
                if did["captured"]:
                    assert request["captured_at"] == pytest.approx(shutter + 4.0, abs=1e-6)
                    assert request["captured_by"] == n
                (off, line), (later_off, last) = (sight(world, n, shutter + d, target) for d in (0.0, 4.0))
                assert max(off, later_off) <= craft["max_off_nadir"] + 1e-6
                sun = np.array(sun_position(world.constants.ephemeris, shutter))
                sun = gcrs_to_itrs(sun / np.linalg.norm(sun), world.constants.ephemeris, shutter)
                assert math.degrees(math.asin(sun @ request["up"])) >= 20.0 - 0.1
                turn = math.acos(min(1.0, line @ pointing[n]))
                needed = 2 * math.sqrt(turn / acceleration)
                if turn * acceleration > rate**2:
                    needed = turn / rate + rate / acceleration
                follows = math.acos(min(1.0, sight(world, n, start, target)[1] @ pointing[n])) < 1.1e-3
                assert follows or needed + 2.0 <= offered["capture"][n] + 1e-3
                interval = int((shutter - request["release"]) / world.constants.sky_s)
                closed = world.state.requests.sky[0, j, interval] < request["cloud"]
                assert closed == bool(did["cloudy"])
                checked["cloudy" if closed else "captured"] += 1
                # the camera rests where it took the image
                assert last @ world.state.pointing[0, n] == pytest.approx(1.0, abs=1e-6)
        assert min(checked.values()) > 20

    def test_clouds_are_remembered(self, small):
        small["requests"] |= {"initial": 3_000, "cloud_mean": 0.9}
        world, tried = begin(small), {}
        for _ in range(120):
            start = world.state.clock["time"][0]
            play_round(world, *orders(world, OBSERVE))
            for j in world.state.activity["request"][0][world.state.activity["cloudy"][0] == 1]:
                assert tried.get(j, -1.0) <= start
                tried[j] = world.state.requests.book["closed_until"][0, j]
        assert len(tried) > 20

    def test_a_request_far_ahead_is_turned_to_first(self, small):
        """In the next round it can be taken when the outlook had said, or at once."""
        small["requests"] |= {"initial": 2_000, "cloud_mean": 0.0}
        world, seen = begin(small, {"round_s": 10, "spacecraft.craft.store_gbit": 4_000}), 0
        for _ in range(300):
            offered = world.state.opportunities[0, :, 0].copy()
            play_round(world, *orders(world, OBSERVE))
            later = (offered["request"] != NONE) & (offered["capture"] + 4.0 > 10.0)
            assert (world.state.activity["captured"][0][later] == 0).all()
            for n in np.flatnonzero(later & (offered["slew"] < 9.0)):
                shown = world.state.opportunities[0, n]
                (again,) = shown[shown["request"] == offered["request"][n]]
                assert again["capture"] <= max(0.0, offered["capture"][n] - 10.0) + 0.5
                seen += 1
        assert seen > 20


class TestRivals:
    @pytest.fixture
    def twins(self, small):
        """Two satellites on one orbit, a second apart, over many certain targets."""
        shape = {"semi_major_axis_km": 6_928.0, "inclination_deg": 53.0}
        pair = [{"name": name, "mean_anomaly_deg": i * 0.063} | shape for i, name in enumerate("ab")]
        small["fleet"] = [{"name": "Twins", "spacecraft": "craft", "keplerian": pair}]
        small["requests"] |= {"initial": 2_000, "cloud_mean": 0.0}
        return small

    def test_one_image_of_a_request(self, twins):
        world, contested = begin(twins, {"spacecraft.craft.store_gbit": 4_000}), 0
        for _ in range(120):
            offered = world.state.opportunities[0, :, 0].copy()
            play_round(world, *orders(world, OBSERVE))
            did = world.state.activity[0]
            both = offered["request"][0] == offered["request"][1] != NONE
            if both and (offered["capture"] + 4.0 <= 30.0).all():
                contested += 1
                winner = offered["capture"].argmin()
                assert did["captured"][winner] == did["duplicate"][1 - winner] == 1
                assert did["captured"].sum() == did["duplicate"].sum() == 1
                assert offered["earlier"].tolist() == [int(winner == 1), int(winner == 0)]
                assert (offered["rivals"] == 1).all()
        assert contested > 10

    def test_one_antenna(self, twins):
        world, asked = begin(twins, {"horizon_h": 12}), 0
        for _ in range(1_000):
            view, (command, choice) = world.state.outlook[0].copy(), sensible(world)
            play_round(world, command, choice)
            did = world.state.activity[0]
            if (command == DOWNLINK).all() and view["station"][0] == view["station"][1]:
                asked += 1
                assert (view["station_rivals"] == 1).all()
                highest = view["elevation"].argmax()
                assert did["denied"].tolist() == [int(highest == 1), int(highest == 0)]
                assert did["downlinked"][1 - highest] == 0.0
            else:
                assert (did["denied"] == 0).all()
        assert asked > 10


class TestPower:
    def test_idle_costs_the_base_load_and_nothing_else(self, small):
        world = begin(small)
        for _ in range(50):
            play_round(world, *orders(world, IDLE))
            assert world.state.activity["consumed"] == pytest.approx(250.0 * 30.0)
            position = world.state.orbit.position
            nadir = -position / np.linalg.norm(position, axis=-1, keepdims=True)
            assert np.abs(world.state.pointing - nadir).max() < 1e-9

    def test_charging_turns_the_panel_to_the_sun(self, small):
        small["spacecraft"]["craft"]["power"] |= {"battery_wh": 200, "initial_charge": [1.0, 1.0]}
        world, full = begin(small), 0
        for k in range(190):
            lit = (world.state.outlook["sunlight"][0] == 1.0) & (world.state.outlook["shadow"][0] > 40.0)
            play_round(world, *orders(world, CHARGE))
            sun = np.array(sun_position(world.constants.ephemeris, world.state.clock["time"][0]))
            distance = np.linalg.norm(sun)
            if k > 5:
                assert world.state.pointing[0] @ (-sun / distance) == pytest.approx(1.0, abs=1e-6)
                watts = 1.2 * 0.295 * SOLAR_CONSTANT * (AU / distance) ** 2
                assert world.state.activity["harvested"][0][lit] == pytest.approx(watts * 30.0, rel=1e-6)
                assert world.state.activity["consumed"] == pytest.approx(250.0 * 30.0)
                full += lit.sum()
        assert full > 100
        assert (world.state.power["curtailed"] > 0.0).all()

    def test_body_panel_of_an_idle_satellite_sees_the_sun_at_noon(self, small):
        world = begin(small)
        for _ in range(190):
            before = world.state.orbit.position[0].copy()
            play_round(world, *orders(world, IDLE))
            sun = np.array(sun_position(world.constants.ephemeris, world.state.clock["time"][0]))
            up = before + world.state.orbit.position[0]
            cosine = up @ sun / np.linalg.norm(up, axis=1) / np.linalg.norm(sun)
            watts = world.state.activity["harvested"][0] / 30.0
            expected = np.maximum(0.0, cosine) * 1.2 * 0.295 * 1373.0
            assert watts == pytest.approx(expected, rel=0.02, abs=7.0)

    def test_eclipse_drains_at_the_efficiency_of_the_battery(self, small):
        world, dark = begin(small), 0
        for _ in range(190):
            inside = (world.state.outlook["sunlight"][0] == 0.0) & (world.state.outlook["shadow"][0] > 40.0)
            before = world.state.power["energy"][0].copy()
            play_round(world, *orders(world, IDLE))
            spent = before - world.state.power["energy"][0]
            assert spent[inside] == pytest.approx(250.0 * 30.0 / 0.95)
            dark += inside.sum()
        assert dark > 50

    def test_fade(self, small):
        world, drawn = begin(small, {"spacecraft.craft.power.fade_per_cycle": 0.01}), np.zeros(3)
        for _ in range(190):
            before = world.state.power["energy"][0].copy()
            play_round(world, *orders(world, IDLE))
            drawn += np.maximum(0.0, before - world.state.power["energy"][0])
        power = world.state.power[0]
        under_way = np.where(power["full"] > 0.0, power["full"] - power["energy"], 0.0)
        assert (drawn > 2.0 * under_way).any()
        assert 600 * 3600 - power["capacity"] == pytest.approx(0.01 * (drawn - under_way), rel=0.05)

    def test_without_power_a_satellite_is_lost_for_good(self, small):
        small["spacecraft"]["craft"]["power"] |= {"battery_wh": 30, "initial_charge": [0.5, 0.5]}
        auditor, died = Auditor(world := begin(small)), np.zeros(3, int)
        for _ in range(200):
            auditor.step(*at_random(world, np.random.default_rng(0)))
            died += world.state.activity["died"][0]
        assert died.tolist() == [1, 1, 1]
        assert (world.state.power["energy"] == 0.0).all()
        assert (world.state.power["unmet"] > 0.0).all()
        assert world.state.requests.open_count[0] > 0


class TestHeat:
    def test_hot_satellites_shut_down(self, small):
        small["spacecraft"]["craft"]["thermal"] |= {"throttle_above_c": -20, "shutdown_above_c": 0}
        world = begin(small)
        for _ in range(120):
            play_round(world, *orders(world, OBSERVE))
            assert (world.state.body["temperature"] >= 273.15).all()
            assert (world.state.activity["mode"] == IDLE).all()

    def test_heater_works_when_it_is_cold(self, small):
        cold = {"heater_below_c": 100, "throttle_above_c": 150, "shutdown_above_c": 160}
        small["spacecraft"]["craft"]["thermal"] |= cold
        world = begin(small)
        play_round(world, *orders(world, IDLE))
        assert world.state.activity["consumed"] == pytest.approx((250.0 + 40.0) * 30.0)

    def test_settles_at_the_balance_of_what_comes_in(self, small):
        """Dawn-dusk and charging with a full battery: loads, Sun and Earth against T^4; the albedo grazes."""
        dawn = {"total": 1, "altitude_km": 900, "local_time_h": [6]}
        small["fleet"] = [{"name": "D", "spacecraft": "craft", "sun_synchronous": dawn}]
        small["spacecraft"]["craft"]["power"]["initial_charge"] = [1.0, 1.0]
        world, temperatures = begin(small, {"horizon_h": 20}), []
        for _ in range(2_000):
            play_round(world, *orders(world, CHARGE))
            temperatures.append(world.state.body["temperature"][0, 0])
        view = (R_EARTH / (R_EARTH + 900e3)) ** 2
        heat = 250 + 0.25 * 0.9 * 1373 + 0.85 * 0.8 * 237 * view
        expected = (heat / (0.85 * 5.670374419e-8 * 1.6)) ** 0.25
        assert world.state.outlook["sunlight"][0, 0] == 1.0
        assert -0.2 < np.mean(temperatures[-400:]) - expected < 2.0

    def test_what_the_battery_loses_warms_the_board(self, small):
        """Charging at 0.5 efficiency leaves half of the surplus on board as heat; nothing else differs."""
        poor, good = (
            begin(small, {"spacecraft.craft.power.charge_efficiency": share}) for share in (0.5, 1.0)
        )
        for world in (poor, good):
            for _ in range(30):
                play_round(world, *orders(world, CHARGE))
        lost = poor.state.power["lost"] - good.state.power["lost"]
        warmer = poor.state.body["temperature"] - good.state.body["temperature"]
        assert (lost > 10e3).any()
        assert warmer[lost > 10e3] == pytest.approx(lost[lost > 10e3] / 60e3, rel=0.2)


def rate_at(world, n, station, at):
    """bit/s from satellite n to a station at a time, by the formulas of the budget; 0 below the mask."""
    (position,), _ = propagate(world.fleet.position[n], world.fleet.velocity[n], [at])
    line = gcrs_to_itrs(position, world.constants.ephemeris, at) - [station["x"], station["y"], station["z"]]
    distance = np.linalg.norm(line)
    if line @ [station["ux"], station["uy"], station["uz"]] / distance < station["sin_mask"]:
        return 0.0
    loss = 20 * math.log10(4 * math.pi * distance * 8.2e9 / 299_792_458.0)
    density = 16.0 + 30.0 - loss + 228.5991672 - 3.0
    return 100e6 * min(4.4, math.log2(1 + 10 ** (density / 10) / 100e6))


def integral(world, begins, ends, step=0.25):
    taus = np.arange(begins, ends, step) + 0.5 * step
    return sum(rate_at(world, 0, world.constants.stations[0], tau) for tau in taus) * step


class TestDownlink:
    @pytest.fixture
    def loaded(self, small):
        """Make a world whose satellites have full stores of 4,000 Gbit."""
        craft = small["spacecraft"]["craft"]
        craft["store_gbit"], craft["power"]["battery_wh"] = 4_000, 5_000
        craft["radio"]["rate_model"], small["weather"] = "shannon", {"gases": False}
        craft["thermal"] |= {"throttle_above_c": 90, "shutdown_above_c": 95}
        small["stations"] = small["stations"][1:]
        small["requests"] |= {"initial": 2_000, "per_hour": 0, "lifetime_h": [100, 100]}

        def load(changes=None):
            world = begin(small, changes)
            store, book = world.state.store, world.state.requests.book[0]
            count = 1_000
            store.request[0, :, :count] = np.arange(count)
            store.remaining[0, :, :count] = 4e9
            store.level["count"], store.level["used"] = count, 4e9 * count
            book["status"][:count], book["captured_by"][:count], book["captured_at"][:count] = (
                CAPTURED,
                0,
                0.0,
            )
            return world

        return load

    def send(self, world):
        """(bits sent in each round, start of each, plan) of the next pass of the first satellite."""
        while world.state.contacts.plan["station"][0, 0] == NONE:
            play_round(world, *orders(world, CHARGE))
        plan, sent, times = world.state.contacts.plan[0, 0].copy(), [], []
        while world.state.clock["time"][0] < plan["end"]:
            times.append(world.state.clock["time"][0])
            command, choice = orders(world, CHARGE)
            command[0, 0] = DOWNLINK
            play_round(world, command, choice)
            sent.append(world.state.activity["downlinked"][0, 0])
        return np.array(sent), np.array(times), plan

    def test_a_pass_holds_the_integral_of_the_rate(self, loaded):
        nimble = {"slew_rate_deg_s": 1e3, "slew_acceleration_deg_s2": 1e5}
        world = loaded({"spacecraft.craft.attitude": nimble, "substep_s": 5})
        sent, _, plan = self.send(world)
        assert plan["end"] - plan["start"] > 240.0
        assert sent.sum() == pytest.approx(integral(world, plan["start"], plan["end"]), rel=2e-3)
        book = world.state.requests.book[0]
        there = book["delivered_at"][book["status"] == DELIVERED]
        assert len(there) == int(sent.sum() // 4e9)
        assert (np.diff(np.sort(there)) > 0.0).all()
        assert plan["start"] < there.min() < there.max() < plan["end"]

    def test_a_satellite_that_follows_the_station_loses_no_time(self, loaded):
        sent, times, plan = self.send(world := loaded())
        inside = (times > plan["start"] + 60.0) & (times + 30.0 < plan["end"])
        assert inside.sum() > 5
        for bits, start in zip(sent[inside], times[inside], strict=True):
            assert bits == pytest.approx(integral(world, start, start + 30.0), rel=2e-3)

    def test_heat_throttles_the_rate(self, loaded):
        warm = {"throttle_above_c": -50, "shutdown_above_c": 100}
        hot = loaded({f"spacecraft.craft.thermal.{name}": value for name, value in warm.items()})
        (all_of_it, _, _), (less, _, _) = self.send(loaded()), self.send(hot)
        share = (373.15 - hot.state.body["temperature"][0, 0]) / 150.0
        assert 0.3 < share < 0.9
        middle = all_of_it.argmax()
        assert less[middle] / all_of_it[middle] == pytest.approx(share, abs=0.02)

    def test_oldest_first_and_rings_go_round(self, small):
        small["spacecraft"]["craft"]["store_gbit"] = 12
        small["requests"] |= {"initial": 3_000, "cloud_mean": 0.0}
        auditor, last = Auditor(world := begin(small, {"horizon_h": 8})), np.full(3, -1.0)
        for _ in range(900):
            auditor.step(*sensible(world))
            book = world.state.requests.book[0]
            fresh = (book["status"] == DELIVERED) & (auditor.was.requests.book[0]["status"] != DELIVERED)
            for j in np.flatnonzero(fresh)[np.argsort(book["delivered_at"][fresh])]:
                n = book["captured_by"][j]
                assert book["captured_at"][j] > last[n]
                last[n] = book["captured_at"][j]
        assert auditor.delivered > 3 * world.state.store.request.shape[2]
