"""Jobs in a world: books that balance, times to the microsecond, boards that batch, heat, death and missing
weights."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilots import job_world

from sandbox.compute import board, inference, model
from sandbox.errors import SandboxError
from sandbox.geography import cities
from sandbox.job_arrivals import draw_jobs, jobs_room
from sandbox.jobs import (
    ANSWERED,
    ANSWERS,
    COMPUTING,
    DECISIONS,
    DELIVERED,
    DROPPED,
    EXPIRED,
    INBOX,
    LOST,
    QUEUED,
    RAW,
    RUN,
    SENDING,
    UNBORN,
    WAITING,
    user_link_share,
)
from sandbox.orbits.bodies import SPEED_OF_LIGHT
from sandbox.orbits.frames import gcrs_to_itrs
from sandbox.scenario import load_scenario
from sandbox.state import NONE, THINKING, arrays

DECIDE = {name: number for number, name in enumerate(DECISIONS)}
STATUS_IN = {INBOX: QUEUED, RUN: COMPUTING, ANSWERS: ANSWERED, RAW: SENDING}
QUESTION = {
    "name": "question", "source": "cities", "per_hour": 0, "raw_mbit": 1.0, "answer_kbit": 20,
    "prompt_tokens": 400, "output_tokens": 100, "value": [8, 8], "deadline_s": 900,
    "half_life_s": 600, "quality": [0.5, 0.9, 1.0],
}  # fmt: skip
NO_REQUESTS = {"requests.initial": 0, "requests.per_hour": 0.0}


def scenario(inference_satellites=8, training=2, **changes):
    """A string of satellites in one plane, and training satellites in another."""
    base = load_scenario("relay_40").model_dump()
    fleet = [
        {"name": "Inference", "spacecraft": "computing_satellite", "mesh": "honeycomb",
         "sun_synchronous": {"total": inference_satellites, "altitude_km": 600, "local_time_h": [6.0]}},
        {"name": "Training", "spacecraft": "training_satellite", "mesh": "nearest",
         "sun_synchronous": {"total": max(training, 1), "altitude_km": 1000, "local_time_h": [6.0]}},
    ]  # fmt: skip
    base["fleet"] = fleet if training else fleet[:1]
    return load_scenario(base, {"jobs.places": 6} | NO_REQUESTS | changes)


def busy_kinds(rate):
    kinds = load_scenario("relay_40").model_dump()["jobs"]["kinds"]
    return [kind | {"per_hour": kind["per_hour"] * rate} for kind in kinds]


def audit(world):
    """Every job is in exactly one place, and jobs and bits balance."""
    work = world.jobs.state
    for b in range(world.worlds):
        book, ledger, held = work.book[b], work.ledger[b], []
        queues = [(work.waiting[b], NONE, WAITING)]
        for n in range(world.satellites):
            queues += [(work.queues[b, n, q], n, status) for q, status in STATUS_IN.items()]
        for queue, n, status in queues:
            walked, j = [], queue["head"]
            while j != NONE:
                walked.append(int(j))
                assert book[j]["status"] == status
                assert book[j]["place"] == n
                j = book[j]["next"]
            assert len(walked) == queue["count"]
            assert queue["tail"] == (walked[-1] if walked else NONE)
            held += walked
        assert len(set(held)) == len(held)
        assert set(held) == set(np.flatnonzero(np.isin(book["status"], [WAITING, *STATUS_IN.values()])))
        ends = {"delivered": DELIVERED, "dropped": DROPPED, "expired": EXPIRED, "lost": LOST}
        counts = {name: int((book["status"] == status).sum()) for name, status in ends.items()}
        for name, count in counts.items():
            assert ledger[f"jobs_{name}"] == count
        assert ledger["jobs_created"] == sum(counts.values()) + len(held)
        ended = sum(ledger[f"bits_{name}"] for name in counts) + ledger["bits_understood"]
        assert ledger["bits_created"] == pytest.approx(ended + book["bits"][held].sum(), rel=1e-9, abs=1.0)
        assert np.all(book["bits"][held] > 0.0)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.booleans(), st.booleans(), st.sampled_from([0.5, 4.0]), st.booleans())
def test_jobs_and_bits_are_conserved(seed, dying, on_board, rate, thinks):
    """Through any decisions, link losses, thoughts and deaths."""
    changes = {"jobs.kinds": busy_kinds(rate), "jobs.large_on_board": on_board}
    if dying:
        for craft in ("computing_satellite", "training_satellite"):
            changes |= {
                f"spacecraft.{craft}.power.battery_wh": 30.0,
                f"spacecraft.{craft}.power.panel_area_m2": 0.05,
                f"spacecraft.{craft}.power.initial_charge": [0.2, 1.0],
            }
    world = job_world(scenario(**changes), 2, horizon_s=3600.0)
    world.reset(seed)
    audit(world)
    rng = np.random.default_rng(seed)
    thinking = np.zeros((2, world.satellites), THINKING)
    for _ in range(60):
        if rng.random() < 0.2:  # links break and come back
            world.lasers.params.terminals["range"] = rng.uniform(1e5, 6e6, world.satellites)
        if thinks:
            thinking["delay"] = thinking["busy"] = rng.uniform(0.0, 30.0, thinking.shape)
            thinking["power"] = 100.0
        world.step(queue=rng.integers(0, len(DECISIONS), (2, world.satellites)), thinking=thinking)
        audit(world)
    if dying:
        assert not world.state.body["alive"].all()
    assert (world.jobs.state.ledger["jobs_created"] > 0).all()


def lone(**changes):
    """One satellite and no jobs but those put in by hand."""
    kinds = [QUESTION, QUESTION | {"name": "image", "source": "camera", "raw_mbit": 100}]
    world = job_world(scenario(1, 0, **({"jobs.kinds": kinds} | changes)), horizon_s=7200.0)
    world.reset(0)
    return world


def ask(world, release=0.0, kind=0, n=0, aside_m=0.0):
    """Write a job into the book: from a user under satellite n, `aside_m` to one side, or from its camera."""
    book = world.jobs.state.book[0]
    j = int(np.isfinite(book["release"]).sum())
    up = world.jobs.scratch.itrs[0, n] / np.linalg.norm(world.jobs.scratch.itrs[0, n])
    east = np.cross([0.0, 0.0, 1.0], up)
    place = 6_371e3 * up + aside_m * east / np.linalg.norm(east)
    job = world.jobs.params.kinds[kind]
    book[j] = np.zeros((), book.dtype)
    for name in ("place", "credit", "model", "next"):
        book[j][name] = NONE
    book[j]["position"], book[j]["up"] = place, place / np.linalg.norm(place)
    book[j]["release"], book[j]["deadline"], book[j]["value"] = release, release + 900.0, 8.0
    book[j]["bits"], book[j]["kind"], book[j]["delivered_at"] = job["raw"], kind, np.nan
    book[j]["source"] = n if job["camera"] else NONE
    return j


def go(world, *decisions):
    for decision in decisions:
        world.step(queue=np.full((1, world.satellites), DECIDE[decision]))


def test_an_answer_takes_what_its_parts_take():
    """Uplink, light, decision, prefill, decode, downlink and light again, to the microsecond."""
    world = lone()
    j = ask(world, release=10.0)
    go(world, "defer")
    job = world.jobs.state.book[0, j]
    itrs = world.jobs.scratch.itrs[0, 0].copy()
    distance = np.linalg.norm(itrs - job["position"])
    up, share = distance / SPEED_OF_LIGHT, user_link_share(world.jobs.params, distance)
    assert share in world.jobs.params.user_share[-5:]
    arrived = 30.0 + 1e6 / (10e6 * share) + up  # taken up when the round begins
    assert job["ready"] == pytest.approx(arrived, abs=1e-9)
    assert world.jobs.state.queues["count"][0, 0].tolist() == [1, 0, 0, 0]
    go(world, "run_large")
    compute = inference(board("scs01"), model("Qwen3-8B"), "int4", 400, 100)
    sent = arrived + compute.seconds + 20e3 / (20e6 * share)
    assert job["status"] == DELIVERED
    assert job["delivered_at"] == pytest.approx(sent + up, abs=1e-9)
    server = world.jobs.state.servers[0, 0]
    age = sent + up - 10.0
    assert server["latency"] == pytest.approx(age)
    assert server["value"] == pytest.approx(8.0 * 0.9 * 2.0 ** (-age / 600.0))
    assert server["busy"] == pytest.approx(compute.seconds)
    watts = board("scs01").active_w - board("scs01").idle_w
    assert world.state.load["joules"][0, 0] == pytest.approx(watts * compute.seconds)


def test_the_work_is_in_the_energy_of_the_round():
    idle, working = lone(), lone()
    ask(working)
    for world in (idle, working):
        go(world, "defer", "run_large")
    more = working.state.activity["consumed"][0, 0] - idle.state.activity["consumed"][0, 0]
    assert more == pytest.approx(working.state.load[0, 0]["joules"], rel=1e-6)
    assert more > 0.0
    assert working.state.power["energy"][0, 0] < idle.state.power["energy"][0, 0]
    assert working.state.body["board"][0, 0] > idle.state.body["board"][0, 0]


def test_a_thought_delays_the_decision_and_takes_the_board():
    world = lone()
    j = ask(world)
    go(world, "defer")
    thinking = np.zeros((1, 1), THINKING)
    thinking["delay"], thinking["busy"], thinking["power"], thinking["command"] = 5.0, 12.0, 60.0, 1
    world.step(queue=[[DECIDE["run_small"]]], thinking=thinking)
    compute = inference(board("scs01"), model("Qwen3-1.7B"), "int4", 400, 100)
    begun = 30.0 + 12.0  # decided after 5 s, but the board thinks for 12
    assert world.jobs.state.book[0, j]["delivered_at"] == pytest.approx(
        begun + compute.seconds + 1e-3, abs=0.01
    )
    assert world.jobs.state.servers[0, 0]["busy"] == pytest.approx(compute.seconds)


def test_like_jobs_share_a_board():
    world = lone()
    jobs = [ask(world) for _ in range(3)]
    go(world, "defer")
    for _ in range(3):  # decide on all three before the board may begin
        world.jobs.state.free[0, 0, 0] = 1e9
        go(world, "run_small")
    world.jobs.state.free[0, 0, 0] = 0.0
    go(world, "defer")
    compute = inference(board("scs01"), model("Qwen3-1.7B"), "int4", 400, 100, batch=3)
    assert world.jobs.state.servers[0, 0]["busy"] == pytest.approx(compute.seconds)
    assert world.jobs.state.servers[0, 0]["answered"] == 3
    assert np.all(world.jobs.state.book[0]["status"][jobs] == DELIVERED)


def test_two_boards_run_two_jobs_at_once():
    """On a training satellite, which has four."""
    world = job_world(scenario(1, 1, **{"jobs.kinds": [QUESTION]}), horizon_s=3600.0)
    world.reset(0)
    jobs = [ask(world, n=1) for _ in range(2)]
    world.jobs.state.servers["channel"][0, 0] = 1e9  # the other satellite is busy
    go(world, "defer")
    assert world.jobs.state.queues["count"][0, 1, INBOX] == 2
    world.jobs.state.free[0, 1] = 1e9
    for _ in range(2):
        world.step(queue=[[DECIDE["defer"], DECIDE["run_large" if _ == 0 else "run_small"]]])
    world.jobs.state.free[0, 1] = 0.0
    go(world, "defer")
    free = np.sort(world.jobs.state.free[0, 1])
    assert (free > 90.0).sum() == 2
    assert np.all(world.jobs.state.book[0]["status"][jobs] == DELIVERED)


@pytest.mark.parametrize(("celsius", "factor"), [(44.0, 1.0), (52.5, 2.0), (61.0, math.inf)])
def test_a_hot_board_is_slower_and_then_stops(celsius, factor):
    world = lone()
    ask(world)
    go(world, "defer")
    world.state.body["temperature"] = celsius + 273.15
    go(world, "run_small")
    compute = inference(board("scs01"), model("Qwen3-1.7B"), "int4", 400, 100)
    server, watts = world.jobs.state.servers[0, 0], board("scs01").active_w - board("scs01").idle_w
    if math.isinf(factor):
        assert server["busy"] == 0.0
        assert world.jobs.state.queues["count"][0, 0].tolist() == [0, 1, 0, 0]
    else:
        assert server["busy"] == pytest.approx(compute.seconds * factor, rel=1e-6)
        assert world.state.load["joules"][0, 0] == pytest.approx(watts * compute.seconds, rel=1e-6)


def test_a_batch_takes_its_joules_however_hot_it_gets():
    """It goes on slower, stops, and goes on: its answer comes later, by as much as was lost."""
    kinds = list(lone().scenario.model_dump()["jobs"]["kinds"])
    world = lone(**{"jobs.kinds": [kinds[0] | {"output_tokens": 6_000, "deadline_s": 10_000.0}, *kinds[1:]]})
    j = ask(world)
    go(world, "defer")
    compute = inference(board("scs01"), model("Qwen3-8B"), "int4", 400, 6_000)
    watts, joules, busy, lost = board("scs01").active_w - board("scs01").idle_w, 0.0, 0.0, 0.0
    job = world.jobs.state.book[0, j]
    for number in range(12):
        share, celsius = ((1.0, 40.0), (0.5, 52.5), (0.0, 70.0), (0.25, 56.25))[number % 4]
        world.state.body["temperature"], world.state.body["board"] = celsius + 273.15, 300.0
        world.state.body["hot"] = False
        began = world.state.clock["time"][0]
        go(world, "run_large" if number == 0 else "defer")
        joules += world.state.load["joules"][0, 0]
        busy += world.jobs.state.servers["busy"][0, 0] * share
        if number == 0:
            start = job["done"] - compute.seconds
        if job["done"] > began + 30.0:
            lost += 30.0 * (1.0 - share)
        else:
            break
    assert number > 4
    assert busy == pytest.approx(compute.seconds, rel=1e-9)
    assert joules == pytest.approx(watts * compute.seconds, rel=1e-9)
    last = 30.0 - (began + 30.0 - job["done"])  # of the last round, until it was done
    assert job["done"] == pytest.approx(start + compute.seconds + lost + last * (1.0 - share), rel=1e-9)


def test_a_lost_satellite_takes_its_jobs_along():
    world = lone(**{"spacecraft.computing_satellite.power.battery_wh": 0.5,
                    "spacecraft.computing_satellite.power.panel_area_m2": 1e-3})  # fmt: skip
    ask(world)
    audit(world)
    go(world, "defer", "defer", "defer")
    assert not world.state.body["alive"].any()
    ledger = world.jobs.state.ledger[0]
    assert ledger["jobs_created"] == ledger["jobs_lost"] + world.jobs.state.waiting[0]["count"]
    audit(world)


def test_what_nobody_takes_up_expires():
    world = lone()
    j = ask(world, aside_m=9e6)  # beyond the horizon
    world.jobs.state.book[0, j]["deadline"] = 100.0
    go(world, "defer", "defer", "defer")
    assert world.jobs.state.book[0, j]["status"] == WAITING
    go(world, "defer")
    assert world.jobs.state.book[0, j]["status"] == EXPIRED
    audit(world)


def test_an_answer_too_late_pays_nothing():
    world = lone()
    j = ask(world)
    world.jobs.state.book[0, j]["deadline"] = 31.0
    go(world, "defer", "run_large")
    assert world.jobs.state.book[0, j]["status"] == EXPIRED
    assert world.jobs.state.servers[0, 0]["value"] == 0.0
    audit(world)


def test_a_full_inbox_leaves_users_waiting_and_drops_images():
    world = lone(**{"jobs.places": 2})
    asked = [ask(world) for _ in range(3)]
    go(world, "defer")
    assert world.jobs.state.queues["count"][0, 0, INBOX] == 2
    assert world.jobs.state.waiting[0]["count"] == 1
    go(world, "run_small")
    assert world.jobs.state.waiting[0]["count"] == 0
    assert world.jobs.state.ledger[0]["jobs_dropped"] == 0
    assert len(asked) == 3


def test_cameras_sleep_at_night_and_charge_their_images():
    world = lone(**{"spacecraft.computing_satellite.camera.min_sun_elevation_deg": 89.0})
    j = ask(world, kind=1)
    go(world, "defer")
    assert world.jobs.state.book[0, j]["status"] == UNBORN
    assert world.jobs.state.ledger[0]["jobs_created"] == 0
    day = lone(**{"spacecraft.computing_satellite.camera.min_sun_elevation_deg": -90.0})
    j = ask(day, kind=1)
    go(day, "defer")
    assert day.jobs.state.book[0, j]["status"] == QUEUED
    go(day, "defer")
    assert day.state.load[0, 0]["joules"] == pytest.approx(180.0 * 4.0)


def over_a_station(world):
    """Step until a station sees satellite 0 for a whole round."""
    for _ in range(240):
        outlook = world.state.outlook[0, 0]
        if outlook["station"] != NONE and outlook["visible_to"] - outlook["visible_from"] == 30.0:
            return outlook
        go(world, "defer")
    raise AssertionError("no contact")


def test_a_raw_question_goes_down_at_the_rate_of_the_link():
    world = lone()
    over_a_station(world)
    now = float(world.state.clock["time"][0])
    j = ask(world, release=now + 1.0)
    go(world, "defer")
    outlook = world.state.outlook[0, 0].copy()
    assert outlook["station"] != NONE
    began = float(world.state.clock["time"][0])
    go(world, "ground")
    job = world.jobs.state.book[0, j]
    ready = max(began, float(job["ready"]))
    took = job["delivered_at"] - ready
    assert took == pytest.approx(1e6 / outlook["rate"] + 2.0, abs=0.02)  # and light, 3 to 9 ms
    assert took > 1e6 / outlook["rate"] + 2.0 + 600e3 / SPEED_OF_LIGHT
    assert world.jobs.state.servers[0, 0]["value"] > 0.0


def test_a_large_image_needs_several_contacts_and_none_of_it_is_lost():
    world = lone(**{"spacecraft.computing_satellite.radio.fixed_rate_mbit_s": 1.0,
                    "spacecraft.computing_satellite.camera.min_sun_elevation_deg": -90.0})  # fmt: skip
    over_a_station(world)
    j = ask(world, release=float(world.state.clock["time"][0]), kind=1)
    world.jobs.state.book[0, j]["deadline"] = 1e6
    go(world, "defer", "ground", "defer")
    job = world.jobs.state.book[0, j]
    assert job["status"] == SENDING
    assert 0.0 < job["bits"] < 100e6
    assert world.jobs.state.ledger[0]["bits_delivered"] == pytest.approx(100e6 - job["bits"])
    audit(world)


def test_neighbours_and_training_satellites_take_over():
    world = job_world(scenario(16, 2, **{"jobs.kinds": [QUESTION]}), horizon_s=3600.0)
    world.reset(0)
    go(world, "defer", "defer")
    links = world.lasers.state.links[0]
    peer = int(links["peer"][0, 0])
    j = ask(world, release=60.0)
    go(world, "defer")
    at = int(world.jobs.state.book[0, j]["place"])
    k = int(np.flatnonzero(np.isfinite(world.lasers.state.links["since"][0, at]))[0])
    peer, distance = int(links["peer"][at, k]), float(world.lasers.state.links["distance"][0, at, k])
    ready, now = float(world.jobs.state.book[0, j]["ready"]), float(world.state.clock["time"][0])
    go(world, f"neighbour_{k + 1}")
    job = world.jobs.state.book[0, j]
    assert (job["place"], job["hops"]) == (peer, 1)
    assert job["ready"] == pytest.approx(max(now, ready) + 1e6 / 100e9 + distance / SPEED_OF_LIGHT, abs=1e-12)
    goal = int(world.jobs.scratch.training.goal[0, peer])
    assert goal >= 16
    go(world, "training")
    assert (job["credit"], job["hops"]) == (peer, 2)
    assert job["status"] in (COMPUTING, ANSWERED, DELIVERED)
    assert world.jobs.state.servers["busy"][0, goal] > 0.0
    assert world.jobs.state.servers["busy"][0, :16].sum() == 0.0
    audit(world)


def test_who_hands_over_shares_in_the_pay():
    """With a relay share the same answers pay the same in all: half to who decided, half to who handed on."""
    worlds = [
        job_world(scenario(16, 2, **{"jobs.kinds": [QUESTION], "jobs.relay_share": share}), horizon_s=3600.0)
        for share in (0.0, 0.5)
    ]
    for world in worlds:
        world.reset(0)
        go(world, "defer", "defer")
    ask(worlds[0], release=60.0)
    j = ask(worlds[1], release=60.0)
    paid = np.zeros((2, worlds[0].satellites))
    for which, world in enumerate(worlds):
        go(world, "defer")
        first = int(world.jobs.state.book[0, j]["place"])
        k = int(np.flatnonzero(np.isfinite(world.lasers.state.links["since"][0, first]))[0])
        second = int(world.lasers.state.links["peer"][0, first, k])
        go(world, f"neighbour_{k + 1}")
        for _ in range(10):
            go(world, "run_small")
            paid[which] += world.jobs.state.servers["value"][0]
    assert paid[0, second] == pytest.approx(paid[0].sum())
    assert paid[1].sum() == pytest.approx(paid[0].sum())
    assert paid[1, first] == pytest.approx(0.5 * paid[0].sum())
    assert paid[1, second] == pytest.approx(0.5 * paid[0].sum())
    assert paid[0].sum() > 0.0


def test_weights_must_be_on_board_and_come_up_over_contacts():
    world = lone(**{"jobs.large_on_board": False, "jobs.uplink_mbit_s": 100.0})
    bits = 8.0 * model("Qwen3-8B").weight_bytes("int4")
    assert world.jobs.state.servers["missing"][0, 0] == bits
    j = ask(world)
    go(world, "defer", "run_large")
    assert world.jobs.state.servers[0, 0]["refused"] == 1
    assert world.jobs.state.book[0, j]["status"] == QUEUED
    seen, rates = bits - float(world.jobs.state.servers["missing"][0, 0]), set()
    for _ in range(220):
        before = float(world.jobs.state.servers["missing"][0, 0])
        outlook = world.state.outlook[0, 0].copy()
        go(world, "defer")
        length = float(outlook["visible_to"] - outlook["visible_from"]) if outlook["station"] != NONE else 0.0
        came = before - float(world.jobs.state.servers["missing"][0, 0])
        assert came == pytest.approx(min(before, float(outlook["uplink"]) * length), abs=1.0)
        seen += came
        rates.add(float(outlook["uplink"]))
    assert world.jobs.state.servers["missing"][0, 0] == pytest.approx(bits - seen, abs=1e3)
    assert len(rates) > 3
    assert max(rates) < 100e6


def test_a_weak_uplink_brings_less_of_the_weights_to_the_same_satellite():
    left = []
    for gain in (-44.0, -30.0):
        name = "spacecraft.computing_satellite.radio.uplink_gain_to_noise_db_k"
        world = lone(**{"jobs.large_on_board": False, name: gain})
        go(world, *["defer"] * 200)
        left.append(float(world.jobs.state.servers["missing"][0, 0]))
    assert left[0] > left[1]


def test_links_of_users_are_slower_far_away_and_up_than_down():
    world = lone()
    params = world.jobs.params
    assert params.user_up < params.user_down
    shares = [user_link_share(params, km * 1e3) for km in (300, 550, 800, 1_200, 1_800, 2_500, 4_000, 9_000)]
    assert shares[0] == shares[1] == 1.0
    assert np.all(np.diff(shares[1:]) < 0.0)
    assert shares[-1] > 0.0
    near, far = (ask(world, aside_m=aside) for aside in (0.0, 1.2e6))
    go(world, "defer")
    book = world.jobs.state.book[0]
    assert book["ready"][near] - 30.0 < 0.5 * (book["ready"][far] - book["ready"][near])


def test_weights_spread_over_the_mesh():
    world = job_world(scenario(16, 0, **{"jobs.kinds": [], "jobs.large_on_board": False}), horizon_s=3600.0)
    world.reset(0)
    world.jobs.state.servers["missing"][0, 5] = 0.0
    go(world, *["defer"] * 12)
    assert np.all(world.jobs.state.servers["missing"][0] == 0.0)


def same(a, b):
    """Whether arrays hold the same numbers; NaN is like NaN, and padding is nothing."""
    parts = [(a[name], b[name]) for name in a.dtype.names] if a.dtype.names else [(a, b)]
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in parts)


def test_worlds_and_threads_are_independent_and_snapshots_return():
    kinds = {"jobs.kinds": busy_kinds(1.0)}
    both = job_world(scenario(**kinds), 2, horizon_s=1800.0, threads=2)
    alone = job_world(scenario(**kinds), horizon_s=1800.0)
    both.reset(5)
    alone.reset(6)
    rng = np.random.default_rng(0)
    decisions = rng.integers(0, len(DECISIONS), (40, 2, both.satellites))
    for decision in decisions[:20]:
        both.step(queue=decision)
        alone.step(queue=decision[1:])
    snapshot = both.snapshot()
    for decision in decisions[20:]:
        both.step(queue=decision)
        alone.step(queue=decision[1:])
    pairs = zip(
        (*both.jobs.state, *arrays(both.state)), (*alone.jobs.state, *arrays(alone.state)), strict=True
    )
    assert all(same(ours[1], theirs[0]) for ours, theirs in pairs)
    first = [array.copy() for array in both.jobs.state]
    both.restore(snapshot)
    for decision in decisions[20:]:
        both.step(queue=decision)
    assert all(same(now, then) for now, then in zip(both.jobs.state, first, strict=True))
    both.close()


def test_jobs_come_from_cities_at_the_rate_asked_for():
    jobs = load_scenario("relay_40").jobs
    drawn = draw_jobs(np.random.default_rng(0), jobs, 40, 36_000.0, jobs_room(jobs, 40, 36_000.0))
    for number, kind in enumerate(jobs.kinds):
        mine = drawn[drawn["kind"] == number]
        expected = kind.per_hour * 10.0 * (40 if kind.source == "camera" else 1)
        assert abs(len(mine) - expected) < 5.0 * math.sqrt(expected)
        np.testing.assert_allclose(mine["deadline"] - mine["release"], kind.deadline_s)
        assert kind.value[0] <= mine["value"].min() <= mine["value"].max() <= kind.value[1]
    assert np.all(np.diff(drawn["release"]) >= 0.0)
    users = drawn[drawn["source"] == NONE]
    latitude, longitude = cities().latitude, cities().longitude
    flat = np.cos(latitude)
    towns = np.stack((flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)))
    nearest = np.arccos(np.clip(users["up"] @ towns, -1.0, 1.0)).min(axis=1) * 6371e3
    assert np.quantile(nearest, 0.99) < 250e3


def test_positions_are_those_of_the_world():
    world = lone()
    go(world, "defer", "defer")
    itrs = gcrs_to_itrs(world.state.orbit.position[0, 0], world.constants.ephemeris, 60.0)
    np.testing.assert_allclose(world.jobs.scratch.itrs[0, 0], itrs, atol=1e-3)


def test_mistakes_are_one_sentence():
    world = job_world(scenario(), horizon_s=600.0)
    with pytest.raises(SandboxError, match="before reset"):
        world.step(queue=np.zeros((1, world.satellites), int))
    world.reset(0)
    with pytest.raises(SandboxError, match="queue has shape"):
        world.step(queue=np.zeros((1, 3), int))
    with pytest.raises(SandboxError, match="holds nothing beside the state, the world lasers, jobs"):
        world.restore(replace(world.snapshot(), more={}))
    with pytest.raises(SandboxError, match="Qwen3-32B in bf16 needs"):
        job_world(scenario(**{"jobs.large_model": "Qwen3-32B", "jobs.precision": "bf16"}))
    with pytest.raises(SandboxError, match="more laser terminals than a satellite of it has"):
        job_world(scenario(**{"spacecraft.computing_satellite.lasers.terminals": 1}))
