"""Faults: as often as they should be, the same whatever is done, visible no further than on board, and with
books that balance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilots import change_rules, reload_worlds, strike_worlds
from test_jobs import DECIDE, ask, audit, busy_kinds, lone, scenario

from sandbox.counted_random import noise, uniform
from sandbox.errors import SandboxError
from sandbox.faults import in_anomaly
from sandbox.jobs import ANSWERED, ANSWERS, COMPUTING, DECISIONS, DELIVERED, RUN
from sandbox.lasers import carries
from sandbox.scenario import load_scenario
from sandbox.state import DOWNLINK, NONE, arrays
from sandbox.world import World

EVERYTHING = {
    "faults.upsets_per_orbit": 3.0,
    "faults.saa_factor": 5.0,
    "faults.weight_flips_per_board_hour": 0.5,
    "faults.scrub_h": 0.2,
    "faults.laser_outages_per_day": 100.0,
    "faults.station_outages_per_day": 20.0,
    "faults.station_outage_min": 20.0,
    "faults.cell_losses_per_day": 30.0,
    "faults.safe_below": 0.1,
    "faults.safe_above": 0.3,
    "faults.safe_when_hot": True,
    "faults.safe_share": 0.2,
    "faults.safe_s": 600.0,
}


def faulty(inference=8, training=2, worlds=1, seed=0, hours=2.0, **changes):
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    made = scenario(inference, training, **changes)
    world = World(made, worlds, parts=("jobs", "faults"), horizon_s=hours * 3600.0)
    change_rules(world)
    world.reset(seed)
    return world


def go(world, decision="defer", rounds=1):
    for _ in range(rounds):
        world.step(queue=np.full((world.worlds, world.satellites), DECIDE[decision]))


def everything(world):
    return [*arrays(world.state), *world.jobs.state, *world.lasers.state, *world.faults.state]


def identical(one, other):
    """Whether two lists of arrays agree to the bit, NaN with NaN; what pads records does not count."""
    return all(
        np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f")
        for a, b in zip(one, other, strict=True)
        for name in a.dtype.names or [...]
    )


def test_draws_are_uniform_normal_and_independent():
    key = np.uint64(12345)
    cells = list(np.ndindex(4, 50, 10, 5))
    u = np.array([uniform(key, *cell) for cell in cells])
    assert 0.0 <= u.min() <= u.max() < 1.0
    assert len(np.unique(u)) == len(u)
    counts, _ = np.histogram(u, 20, (0.0, 1.0))
    assert ((counts - 500.0) ** 2 / 500.0).sum() < 50.0  # chi-square of 19 degrees: 36 at 1 in 100
    grid = u.reshape(4, 50, 10, 5)
    for axis in range(4):
        one, other = np.delete(grid, 0, axis).ravel(), np.delete(grid, -1, axis).ravel()
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    z = np.array([noise(key, 8, r, n) for r in range(400) for n in range(25)])
    assert abs(z.mean()) < 0.04
    assert abs(z.std() - 1.0) < 0.03
    assert uniform(key, 1, 2, 3, 4) != uniform(np.uint64(12346), 1, 2, 3, 4)


def test_the_anomaly_is_where_it_is_said_to_be():
    inside = [(-30, -45), (-30, -74), (-30, -16), (-6, -45), (-54, -45), (-30, 315)]
    outside = [(-30, -76), (-30, -14), (-4, -45), (-56, -45), (-10, -70), (30, 135), (0, 0)]
    assert all(in_anomaly(*np.radians(spot)) for spot in inside)
    assert not any(in_anomaly(*np.radians(spot)) for spot in outside)


@settings(max_examples=6)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.5, 4.0]))
def test_books_balance_whatever_breaks(seed, on_board, rate):
    changes = EVERYTHING | {"jobs.kinds": busy_kinds(rate), "jobs.large_on_board": on_board}
    world = faulty(worlds=2, seed=seed, hours=1.0, **changes)
    power, initial = world.state.power, world.state.power["energy"].copy()
    rng = np.random.default_rng(seed)
    for _ in range(60):
        before = world.state.body["alive"].copy()
        world.step(queue=rng.integers(0, len(DECISIONS), (2, world.satellites)))
        if rng.random() < 0.2:
            wanted = rng.random(before.shape) < 0.3
            world.share(reload_worlds, wanted)
        audit(world)
        due = initial + power["harvested"] - power["consumed"] - power["lost"]
        due += power["unmet"] - power["curtailed"]
        assert power["energy"] == pytest.approx(due, rel=1e-9, abs=1e-3)
        assert np.all(power["energy"] <= power["capacity"] * (1.0 + 1e-12))
    assert world.faults.state.body["resets"].any()
    assert world.faults.state.body["lost_strings"].any()


def test_no_faults_change_no_bit():
    changes = {"jobs.kinds": busy_kinds(2.0)}
    plain, world = (
        World(scenario(**changes), 2, parts=parts, horizon_s=7200.0)
        for parts in (("jobs",), ("jobs", "faults"))
    )
    rng = np.random.default_rng(5)
    plain.reset(3)
    world.reset(3)
    for _ in range(120):
        decision = rng.integers(0, len(DECISIONS), (2, world.satellites))
        plain.step(queue=decision)
        world.step(queue=decision)
        ours, theirs = [*arrays(world.state), *world.jobs.state], [*arrays(plain.state), *plain.jobs.state]
        assert identical(ours, theirs)
    assert not world.state.safety["interrupted"].any()


def struck(world):
    fault = world.faults.state
    return [
        array.copy()
        for array in (fault.key, fault.lasers, fault.ground, fault.body["resets"], fault.body["lost_strings"])
    ]


def test_the_same_seed_breaks_the_same_whatever_is_done():
    quiet = {name: value for name, value in EVERYTHING.items() if not name.startswith("faults.safe")}
    worlds = [faulty(seed=7, **quiet, **{"jobs.kinds": busy_kinds(2.0)}) for _ in range(2)]
    rng = np.random.default_rng(0)
    for _ in range(100):
        worlds[0].step(queue=rng.integers(0, len(DECISIONS), (1, worlds[0].satellites)))
        go(worlds[1], "drop")
        assert identical(struck(worlds[0]), struck(worlds[1]))
    other = faulty(seed=8, **quiet)
    go(other, "drop", 100)
    assert not identical(struck(worlds[0]), struck(other))


def test_a_world_of_a_batch_equals_the_same_world_alone():
    changes = EVERYTHING | {"jobs.kinds": busy_kinds(2.0)}
    together = faulty(worlds=2, seed=[4, 9], **changes)
    alone = [faulty(seed=seed, **changes) for seed in (4, 9)]
    rng = np.random.default_rng(1)
    for _ in range(80):
        decision = rng.integers(0, len(DECISIONS), (2, together.satellites))
        together.step(queue=decision)
        for b, world in enumerate(alone):
            world.step(queue=decision[b : b + 1])
    for b, world in enumerate(alone):
        ours = [array[b : b + 1] for array in everything(together)]
        assert identical([np.ascontiguousarray(array) for array in ours], everything(world))
    assert not identical(everything(alone[0]), everything(alone[1]))


def test_rates_are_those_of_poisson_streams():
    """Within four deviations, over 40 satellites and a day of rounds that nobody flies."""
    changes = {
        "faults.upsets_per_orbit": 0.1, "faults.saa_factor": 1.0, "faults.cell_losses_per_day": 1.0,
        "faults.strings": 1_000, "faults.weight_flips_per_board_hour": 0.02,
        "faults.laser_outages_per_day": 5.0,
        "faults.laser_outage_min": 0.001, "faults.station_outages_per_day": 20.0,
        "faults.station_outage_min": 0.001,
    }  # fmt: skip
    world = faulty(40, 0, hours=24.0, **changes)
    flips = lasers = stations = 0
    rounds = 2_880
    for round_ in range(rounds):
        world.state.clock["round"] = round_
        world.faults.state.body["corrupt"] = False
        world.share(strike_worlds)
        flips += world.faults.state.body["corrupt"].sum()
        lasers += world.lasers.state.links["out"].sum()
        stations += (world.state.ground["antennas"] == 0).sum()
        world.faults.state.lasers[:] = world.faults.state.ground[:] = 0.0
    orbits = 86_400.0 / (2.0 * np.pi * np.sqrt(6_978_137.0**3 / 3.986004418e14))
    craft = world.scenario.spacecraft["computing_satellite"]
    terminals = max(craft.lasers.terminals, int(world.lasers.state.links["fixed"][0, 0].sum()))
    for found, mean in (
        (world.faults.state.body["resets"].sum(), 40 * 0.1 * orbits),
        (world.faults.state.body["lost_strings"].sum(), 40.0),
        (flips, 40 * craft.compute.boards * 0.02 * 24.0),
        (lasers, 40 * terminals * 5.0),
        (stations, world.state.ground.shape[1] * 20.0),
    ):
        assert abs(found - mean) < 4.0 * np.sqrt(mean)


def test_the_share_of_upsets_in_the_anomaly_is_that_of_time_and_factor():
    world = faulty(24, 0, hours=24.0, **{"faults.upsets_per_orbit": 0.2, "faults.saa_factor": 40.0})
    inside = upsets = upsets_inside = 0
    outlook, body = world.state.outlook, world.faults.state.body
    visits = 0
    for _ in range(1_440):
        before = body["resets"].copy()
        there = np.array(
            [in_anomaly(*p) for p in zip(outlook["latitude"][0], outlook["longitude"][0], strict=True)]
        )
        go(world)
        new = (body["resets"] - before)[0]
        inside, visits = inside + there.sum(), visits + len(there)
        upsets, upsets_inside = upsets + new.sum(), upsets_inside + new[there].sum()
    time = inside / visits
    assert 0.02 < time < 0.06  # of the sphere it takes 3.3 %
    chance, rare = (
        1.0 - np.exp(-rate * 30.0)
        for rate in (40.0 * world.faults.params.upsets[0], world.faults.params.upsets[0])
    )
    share = chance * time / (chance * time + rare * (1.0 - time))
    assert abs(upsets_inside / upsets - share) < 4.0 * np.sqrt(share * (1.0 - share) / upsets)


def test_a_reset_computes_again_what_was_under_way():
    world = lone_faulty(**{"faults.reboot_s": 50.0})
    j = ask(world, release=1.0)
    go(world)
    go(world, "run_large")
    job, now = world.jobs.state.book[0, j], world.state.clock["time"][0]
    assert job["status"] == ANSWERED
    assert job["done"] > now
    understood = world.jobs.state.ledger["bits_understood"][0]
    assert understood > 0.0
    hit(world)
    assert job["status"] == COMPUTING
    assert world.jobs.state.ledger["bits_understood"][0] == 0.0
    assert world.jobs.state.queues["count"][0, 0, [RUN, ANSWERS]].tolist() == [1, 0]
    fault = world.faults.state.body[0, 0]
    safety = world.state.safety[0, 0]
    assert safety["interrupted"]
    assert fault["reset_until"] == world.jobs.state.servers["down"][0, 0] == now + 50.0
    audit(world)
    quiet(world)
    go(world)
    assert job["status"] == COMPUTING
    assert world.jobs.state.servers["busy"][0, 0] == 0.0
    assert not safety["interrupted"]
    go(world)
    assert job["done"] > now + 50.0
    assert world.jobs.state.ledger["bits_understood"][0] == understood


def lone_faulty(**changes):
    kinds = list(lone().scenario.model_dump()["jobs"]["kinds"])
    kinds[0] |= {"output_tokens": 4_500}  # some time of the large model
    return faulty(1, 0, **({"jobs.kinds": kinds, "faults.upsets_per_orbit": 0.0} | changes))


def hit(world, **rules):
    """Strike once with these rules in the place of the world's; certain resets if there are none."""
    sure = rules or {"upsets": np.full(world.satellites, 1e9)}
    usual = world.sim
    change_rules(world, **sure)
    world.share(strike_worlds)
    world.sim = usual


def quiet(world):
    change_rules(world, upsets=np.zeros(world.satellites))


def test_corrupted_weights_spoil_answers_until_they_are_loaded_anew():
    values = []
    for spoilt, mended in ((False, False), (True, False), (True, True)):
        world = lone_faulty(**{"faults.corrupt_quality": 0.25, "faults.scrub_h": 0.01})
        j = ask(world, release=1.0)
        if spoilt:
            hit(world, flips=np.full(1, 1e9))
            assert world.faults.state.body["corrupt"].all()
            assert not world.faults.state.body["weights_fault"].any()
        go(world, rounds=2)
        assert not world.faults.state.body["weights_fault"].any()
        go(world)
        assert world.faults.state.body["weights_fault"][0, 0] == spoilt  # the scrub of 36 s has come
        if mended:
            world.share(reload_worlds, np.ones((1, 1), bool))
            assert not world.faults.state.body["corrupt"].any()
            assert not world.faults.state.body["weights_fault"].any()
            wait = world.jobs.state.servers["down"][0, 0] - world.state.clock["time"][0]
            assert 1.0 < wait < 60.0
            assert wait == world.faults.params.reload[0]
        go(world, "run_small")
        value = world.jobs.state.servers["value"][0, 0]
        for _ in range(4):
            if value == 0.0:
                go(world)
                value = world.jobs.state.servers["value"][0, 0]
        job = world.jobs.state.book[0, j]
        assert job["status"] == DELIVERED
        values.append(value * 2.0 ** ((job["delivered_at"] - job["release"]) / 600.0))
    whole, bad, good = values
    assert bad == pytest.approx(0.25 * whole, rel=1e-12)
    assert good == pytest.approx(whole, rel=1e-12)


def test_a_terminal_that_is_out_carries_nothing():
    world = faulty(16, **{"faults.laser_outage_min": 60.0})
    go(world, rounds=3)
    links = world.lasers.state.links[0]
    up = np.argwhere(np.isfinite(links["since"]))
    assert len(up)
    hit(world, laser_rate=1e9)
    assert np.isinf(links["since"]).all()
    now = world.state.clock["time"][0]
    for n, k in np.ndindex(links.shape):
        assert not carries(links, world.lasers.params.terminals, n, k, now + 1e6)
    rng = np.random.default_rng(0)
    for _ in range(10):  # whatever is decided; a stale route would lead nowhere
        world.step(queue=rng.integers(0, len(DECISIONS), (1, world.satellites)))
        out = links["out"]
        assert np.isinf(links["since"][out]).all()
        assert (world.lasers.state.free[0][out] <= now + 1e-9).all()
    world.faults.state.lasers[:] = 0.0
    go(world, rounds=12)
    assert not links["out"].any()
    assert len(np.argwhere(np.isfinite(links["since"]))) == len(up)


def test_the_far_end_sees_no_link_and_keeps_its_terminal():
    world = faulty(16)
    go(world, rounds=3)
    links = world.lasers.state.links[0]
    n, k = next(cell for cell in np.argwhere(np.isfinite(links["since"])) if links["fixed"][tuple(cell)])
    peer, back = links[n, k]["peer"], links[n, k]["back"]
    world.faults.state.lasers[0, n, k] = np.inf
    go(world)
    assert links["out"][n, k]
    assert not links["out"][peer, back]
    assert np.isinf(links["since"][peer, back])
    assert np.isfinite(links["since"]).sum() == 2 * len(np.unique(np.sort(pairs(links), axis=1), axis=0))
    world.faults.state.lasers[0, n, k] = 0.0
    go(world, rounds=2)
    assert np.isfinite(links["since"][peer, back])


def pairs(links):
    up = np.argwhere(np.isfinite(links["since"]))
    return np.array([(n, links[n, k]["peer"]) for n, k in up])


@pytest.mark.parametrize("planned", [True, False])
def test_a_station_that_is_out_serves_nobody(planned):
    base = load_scenario("relay_40").model_dump()
    outages = [{"station": s["name"], "from_h": 0.5, "to_h": 2.0} for s in base["stations"]]
    changes = {"requests.initial": 400, "requests.per_hour": 100.0, "requests.cloud_mean": 0.0,
               "jobs.kinds": busy_kinds(2.0)}  # fmt: skip
    world = faulty(12, 2, hours=2.5, **(changes | ({"faults.outages": outages} if planned else {})))
    denied = served = before = 0
    for round_ in range(300):
        if not planned:
            world.faults.state.ground[:] = 7200.0 if round_ >= 60 else 0.0
        state = world.state
        command = np.where(state.opportunities["request"][:, :, 0] != NONE, 2, 1)
        command[state.store.level["count"] > 0] = DOWNLINK
        world.step(queue=np.full((1, 14), DECIDE["run_small"]), mode=command)
        out = 60 <= round_ < 240
        assert (state.ground["antennas"] == 0).all() == out
        did = state.activity
        if out:
            denied += did["denied"].sum()
            assert (did["station"] == NONE).all()
            assert did["downlinked"].sum() == 0.0
            assert not world.jobs.state.servers["served"].any()
        else:
            served += (did["station"] != NONE).sum()
            before += did["downlinked"].sum()
    assert denied > 0
    assert served > 0
    assert before > 0.0


def test_a_lost_string_takes_its_energy_and_leaves_the_gauge():
    world = faulty(1, 0, **{"faults.strings": 4})
    power = world.state.power[0]
    energy, capacity, lost = (power[name][0] for name in ("energy", "capacity", "lost"))
    for left in (3, 2, 1, 1):
        hit(world, cell_rate=1e9)
        assert power["capacity"][0] == pytest.approx(capacity * left / 4, rel=1e-12)
        assert power["energy"][0] / power["capacity"][0] == pytest.approx(energy / capacity, rel=1e-12)
        assert power["energy"][0] + power["lost"][0] == pytest.approx(energy + lost, rel=1e-12)
    assert world.faults.state.body["lost_strings"][0, 0] == 3


def test_safe_mode_charges_with_its_boards_off():
    """Entered below a share of the battery, left above another when its time is up."""
    changes = {"faults.safe_below": 0.4, "faults.safe_above": 0.6, "faults.safe_s": 300.0}
    world = lone_faulty(**changes)
    go(world)
    fault, power, server = world.state.safety[0], world.state.power[0], world.jobs.state.servers[0]
    assert not fault["safe"][0]
    j = ask(world, release=1.0)
    go(world)
    go(world, "run_large")
    drawn = world.state.activity["consumed"][0, 0]
    power["energy"] = 0.39 * power["capacity"]
    go(world)
    assert fault["safe"][0]
    assert fault["interrupted"][0]
    assert world.jobs.state.book["status"][0, j] == COMPUTING
    idle = world.jobs.params.hosts["idle_w"][0]
    assert idle > 0.0
    assert world.state.load["joules"][0, 0] == 0.0
    craft = world.fleet.craft[0]
    consumed = world.state.activity["consumed"][0, 0]
    assert consumed < drawn
    bus = world.scenario.spacecraft["computing_satellite"].power.bus_w
    heater = craft["heater_load"]
    assert min(abs(consumed - 30.0 * (bus + extra)) for extra in (0.0, heater)) < 1e-6
    power["energy"] = 0.99 * power["capacity"]
    rounds = 0
    while fault["safe"][0]:
        assert server["down"][0] > world.state.clock["time"][0]
        go(world)
        rounds += 1
    assert rounds == 10  # 300 s
    assert not server["off"][0]
    power["energy"] = 0.3 * power["capacity"]
    go(world)
    power["energy"] = 0.55 * power["capacity"]
    for _ in range(15):
        go(world)
        power["energy"] = 0.55 * power["capacity"]
    assert fault["safe"][0]  # time is up, but the battery is not high enough


def test_heat_and_resets_lead_to_safe_mode_where_they_are_told_to():
    for hot in (False, True):
        world = lone_faulty(**{"faults.safe_when_hot": hot})
        world.state.body["temperature"] = world.fleet.craft["shutdown_above"] + 1.0
        hit(world, when_hot=hot)
        assert world.state.safety["safe"][0, 0] == hot
    world = faulty(40, 0)
    hit(world, upsets=np.full(40, 1e9), safe_share=0.5)
    assert (world.faults.state.body["resets"] == 1).all()
    assert 8 <= world.state.safety["safe"].sum() <= 32


def test_snapshots_of_the_arrays_lead_to_the_same_future():
    world = faulty(seed=2, **EVERYTHING, **{"jobs.kinds": busy_kinds(2.0)})
    go(world, "run_large", 30)
    moment, kept = world.snapshot(), [array.copy() for array in world.faults.state]
    go(world, "run_large", 30)
    after = [array.copy() for array in everything(world)]
    world.restore(moment)
    for ours, theirs in zip(world.faults.state, kept, strict=True):
        ours[...] = theirs
    go(world, "run_large", 30)
    assert identical(after, everything(world))


def closed(from_h, to_h):
    return {"station": "Nowhere", "from_h": from_h, "to_h": to_h}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"faults.upsets_per_orbit": -1}, "faults.upsets_per_orbit = -1"),
        ({"faults.safe_below": 0.7}, "safe_above must not be less than safe_below"),
        ({"faults.strings": 1}, "faults.strings = 1"),
        ({"faults.outages": [closed(0, 1)]}, "Unknown station 'Nowhere'"),
        ({"faults.outages": [closed(2, 1)]}, "to_h must be later than from_h"),
        ({"faults.laser_outage": 1}, "did you mean faults.laser_outage_min"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(changes, words):
    with pytest.raises(SandboxError, match=words):
        load_scenario("relay_40", changes)
