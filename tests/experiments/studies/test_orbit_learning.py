"""Training in orbit, part by part: what satellites learn, what that costs, and what becomes of the bits."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import envs
from agents.network import network_class
from experiments.studies.orbit_learning.charging import ChargedBatch, Work, charged
from experiments.studies.orbit_learning.compression import KINDS, Sender, whole_bits
from experiments.studies.orbit_learning.crew import Crew, Plan
from experiments.studies.orbit_learning.differences import (
    between,
    dissimilarity,
    divergence,
    flown,
    shares_of,
)
from experiments.studies.orbit_learning.experience import Rows, Store, joined, record_bits
from experiments.studies.orbit_learning.flight import Change, fleet_of, plan_of
from experiments.studies.orbit_learning.local import Recipe, train
from experiments.studies.orbit_learning.mesh import Carrier, Mesh, Parcel
from experiments.studies.orbit_learning.networks import Scale, Shape, draw, scale_of
from experiments.studies.orbit_learning.passes import Queue
from experiments.studies.orbit_learning.planes import planes_of
from experiments.studies.orbit_learning.price import Board, Boards
from experiments.studies.orbit_learning.rules import Model, Update, average
from sandbox.compute import board
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario
from sandbox.state import arrays

SHAPE = Shape(features=6, hidden=5, actions=4)
CALM = Change()
EVEN = Scale(np.zeros(6, np.float32), np.ones(6, np.float32))


def some_rows(satellites, rounds, seed=0, uneven=True):
    """Made-up rounds; of some of them, not the same number for each satellite, nothing is to be learned."""
    rng, team = np.random.default_rng(seed), (satellites, rounds)
    mask = rng.random((*team, 4)) < 0.7
    mask[..., 0] = True
    action = np.array([[rng.choice(np.flatnonzero(legal)) for legal in own] for own in mask])
    counts = rng.random(team) < (rng.random((satellites, 1)) if uneven else 2.0)
    chance = rng.uniform(-2.0, -0.1, team).astype("f4")
    seen = rng.uniform(-1, 1, (satellites, rounds + 1, 6)).astype("f2")
    lost = np.zeros(team, bool)
    return Rows(seen, mask, action.astype("i8"), chance, rng.normal(size=team).astype("f4"), counts, lost)


def numbers(array):
    """The bytes of an array of records, without what pads them."""
    fields = array.dtype.names
    return [array[name].tobytes() for name in fields] if fields else array.tobytes()


def fleet(rule="none", satellites=27, hours=6.0, seed=0, recipe=None, **plan):
    scenario = fleet_of(satellites, hours / 24.0, CALM)
    batch = envs.make("tasking_v0", scenario, face="batch", autoreset=False)
    told, own = plan_of(rule, Plan(**plan), None)
    return Crew(batch, told, recipe or own, seed)


# ------------------------------------------------------------------------------------------------- learning
@given(st.integers(1, 6), st.integers(3, 12), st.integers(0, 10_000))
@settings(max_examples=8)
def test_one_full_step_of_fedavg_is_one_step_on_all_data_pooled(satellites, rounds, seed):
    """To the tolerance of floating point, however unequal the satellites' shares are."""
    recipe = Recipe(epochs=1, minibatch=10_000, gradient=0.0, double=True)
    rows, start = some_rows(satellites, rounds, seed), SHAPE.first(seed).astype(float)
    square = np.full(satellites, 1.7)
    each = train(SHAPE, EVEN, recipe, np.repeat(start[None], satellites, 0), rows, square,
                 [(seed, n) for n in range(satellites)])  # fmt: skip
    whole = train(SHAPE, EVEN, recipe, start[None], rows, square[:1], [(seed,)], pool=True)
    delta = each.weights - start
    updates = [Update(n, 0, delta[n], each.rounds[n], each.square[n]) for n in range(satellites)]
    found = average(Model(start, 1.7), updates)
    if rows.counts.any():
        np.testing.assert_allclose(found.weights, whole.weights[0], rtol=1e-11, atol=1e-13)
        assert found.square == pytest.approx(whole.square[0], rel=1e-12)
        assert sum(each.rounds) == whole.rounds[0]


def test_satellites_train_side_by_side_as_they_would_alone():
    rows, recipe = some_rows(3, 20), Recipe(minibatch=8)
    start = np.stack([SHAPE.first(seed) for seed in range(3)])
    square, seeds = np.array([1.0, 2.0, 0.5]), [(1, n) for n in range(3)]
    steps = np.array([1, 6, 3])
    together = train(SHAPE, EVEN, recipe, start, rows, square, seeds, steps)
    for n in range(3):
        own, me = Rows(*(each[n : n + 1] for each in rows)), slice(n, n + 1)
        one = train(SHAPE, EVEN, recipe, start[me], own, square[me], seeds[me], steps[me])
        np.testing.assert_allclose(together.weights[n], one.weights[0], rtol=1e-5, atol=1e-6)
        assert not np.allclose(together.weights[n], start[n])


def test_a_price_on_straying_keeps_a_satellite_nearer_to_where_it_began():
    rows, start = some_rows(1, 30), SHAPE.first(0)[None]
    far = []
    for price in (0.0, 1.0):
        recipe = Recipe(epochs=20, proximal=price)
        far.append(np.abs(train(SHAPE, EVEN, recipe, start, rows, np.ones(1), [(0,)]).weights - start).max())
    assert far[1] < 0.8 * far[0]


def test_drawn_actions_are_legal_and_their_chances_right():
    rng = np.random.default_rng(0)
    mask = np.array([[1, 0, 1, 0]] * 20_000)
    logits = np.tile(np.array([0.0, 5.0, 1.0, 2.0], "f4"), (20_000, 1))
    action, chance = draw(logits, mask, rng)
    assert set(action) == {0, 2}
    share = np.mean(action == 2)
    assert share == pytest.approx(math.e / (1.0 + math.e), abs=0.01)
    assert np.exp(chance[action == 2][0]) == pytest.approx(math.e / (1.0 + math.e), rel=1e-5)


def test_the_first_network_knows_nothing():
    shape = Shape(69, 32, 7)
    logits = shape.logits(shape.first(3), np.random.default_rng(0).normal(size=(50, 69)).astype("f4"))
    assert np.abs(logits).max() < 0.2
    assert shape.parameters == sum(o * (i + 1) for o, i in shape.layers)


# ------------------------------------------------------------------------------------------------ experience
@given(st.integers(8, 30), st.integers(1, 60))
@settings(max_examples=25)
def test_a_store_keeps_the_last_rounds_in_their_order(room, rounds):
    store = Store(2, 3, 2, room * record_bits(3, 2))
    for i in range(rounds):
        store.look(np.full((2, 3), i / 64))
        flags = np.ones(2, bool), np.zeros(2, bool)
        store.keep(np.ones((2, 2)), np.zeros(2), np.zeros(2), np.array([i, -i]), *flags)
        store.look(np.full((2, 3), (i + 1) / 64))
    kept = store.rows(np.array([1]))
    first = max(0, rounds - room)
    assert kept.reward[0].tolist() == [-i for i in range(first, rounds)]
    assert (kept.seen[0, :, 0] * 64).tolist() == list(range(first, rounds + 1))
    assert store.rows(np.array([0, 1]), 3).reward.shape == (2, min(3, rounds, room))


def test_a_store_that_holds_nothing_is_refused():
    with pytest.raises(SandboxError, match="holds 0 rounds; give 9 kbit or more"):
        Store(2, 69, 7, 100.0)


# ------------------------------------------------------------------------------------------------ compression
@given(st.sampled_from(KINDS), st.integers(1, 700), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=40)
def test_what_is_not_sent_of_an_update_is_sent_later(kind, count, messages, seed):
    rng, sender, sent, wanted = np.random.default_rng(seed), Sender(kind, count), 0.0, 0.0
    for _ in range(messages):
        update = rng.normal(size=count)
        message = sender.message(update)
        sent, wanted = sent + message.update, wanted + update
        assert 0.0 < message.bits <= whole_bits(count) + 32 * math.ceil(count / 256) + 10
    np.testing.assert_allclose(sent + sender.left, wanted, atol=1e-9)


def test_compressed_updates_are_small():
    update = np.random.default_rng(0).normal(size=10_000)
    bits = {kind: Sender(kind, 10_000).message(update).bits for kind in KINDS}
    assert bits["whole"] == 256 + 32 * 10_002
    assert bits["int8"] == 256 + 64 + 8 * 10_000 + 32 * 40
    assert bits["top10"] == 256 + 64 + 1_000 * (32 + 14)
    with pytest.raises(SandboxError, match="whole"):
        Sender("zip", 3)


# ------------------------------------------------------------------------------------------------ rules
def test_old_updates_count_less():
    model, delta = Model(np.zeros(2, np.float32), 1.0), np.ones(2)
    updates = [Update(0, 0, delta, 10.0, 4.0), Update(1, 0, -delta, 10.0, 2.0)]
    assert average(model, updates).weights.tolist() == [0.0, 0.0]
    found = average(model, updates, [1.0, 0.5])
    assert found.weights.tolist() == [0.25, 0.25]
    assert found.square == 3.0
    assert average(model, [Update(0, 0, delta, 0.0, 0.0)]) == model


@pytest.mark.parametrize("rule", ["central", "ground", "fedavg", "fedprox", "fedbuff", "planes"])
def test_the_same_seed_is_the_same_run(rule):
    values = []
    for _ in range(2):
        crew = fleet(rule, satellites=15, hours=1.0, seed=3)
        rewards = [crew.fly().copy() for _ in range(70)]
        values.append((np.array(rewards), crew.held.copy(), crew.carrier.carried, crew.bench.joules.copy()))
    for one, other in zip(*values, strict=True):
        np.testing.assert_array_equal(one, other)
    if rule not in ("central", "ground"):
        assert crew.updates > 10


def test_a_fleet_that_learns_gets_more():
    gained = {}
    for rule in ("none", "central"):
        crew = fleet(rule)
        gained[rule] = sum(float(crew.fly().sum()) for _ in range(480))
    assert gained["central"] > 1.5 * gained["none"]


def test_what_a_satellite_decides_by_is_a_policy():
    crew = fleet("central", satellites=9, hours=1.0)
    for _ in range(60):
        crew.fly()
    policy = network_class(crew.policy(0))(crew.batch)
    policy.decide(crew.observation, crew.info["action_mask"])
    mask = crew.info["action_mask"][0] == 1
    logits = crew.shape.logits(crew.model(crew.held[0]).weights, crew.scale.normal(crew.observation[0]))
    odds = np.exp(np.where(mask, logits, -np.inf))
    np.testing.assert_allclose(policy.odds[0], odds / odds.sum(-1, keepdims=True), atol=1e-5)
    assert crew.policy(0).mode == "sample"


def test_another_goes_on_where_the_server_is_lost():
    for rule in ("fedavg", "fedbuff", "planes"):
        crew = fleet(rule, satellites=12, hours=2.0)
        for _ in range(70):
            crew.fly()
        server = crew.rule.root.rule.server if rule == "planes" else crew.rule.server
        held = crew.held.copy()
        crew.batch.world.state.body["alive"][0, server] = False
        for _ in range(70):
            crew.fly()
        now = crew.rule.root.rule.server if rule == "planes" else crew.rule.server
        assert now != server
        assert crew.alive[now]
        assert (crew.held != held)[crew.alive].any()
        assert all(p.origin != server and p.goal != server for p in crew.carrier.parcels)


def test_who_is_not_done_sends_what_it_has_under_fedprox_alone():
    """Networks so large that a session takes longer than a period."""
    sizes = {"size_factor": 2.2e9, "period": 20, "least_battery": 0.0, "store_kbit": 40.0}
    done = {}
    for rule in ("fedavg", "fedprox"):
        crew = fleet(rule, hours=1.0, **sizes)
        for _ in range(41):
            crew.fly()
        done[rule] = crew.updates
    assert done["fedavg"] == 0 < done["fedprox"]


# ----------------------------------------------------------------------------------------- what it costs
def test_a_session_takes_six_operations_a_weight_and_sample():
    """A language model of 1.3 billion weights, on which LLM Foundry's H100s reach their 42 %."""
    h100 = Board(board("h100_pcie"))
    tokens, weights = 2048 * 64, 1.3e9
    cost = h100.session(6.0 * tokens * weights, 1, weights)
    assert cost.seconds == pytest.approx(6.0 * tokens * weights / (756e12 * 0.42), rel=0.01)
    assert cost.joules == pytest.approx(cost.seconds * 310)
    shape = Shape(69, 32, 7)
    steps, rounds = Recipe().steps(120), 120
    operations = Recipe().operations(shape, rounds, steps)
    critic = shape.parameters - shape.acting
    assert operations == 2 * critic * 121 + 6 * shape.parameters * steps * 32
    tiny = Board(board("scs01"), 140.0).session(operations, steps, shape.parameters)
    assert tiny.seconds == pytest.approx(steps * 3 * 0.002, rel=0.05)  # launches, hardly any arithmetic
    assert Board(board("scs01"), 140.0).extra_w == 60.0


def test_who_has_no_board_cannot_train():
    scenario = load_scenario("walker_24")
    batch = envs.make("tasking_v0", scenario, face="batch")
    boards = Boards(scenario, batch.world.fleet)
    assert boards.has_board.all()
    with pytest.raises(SandboxError, match=r"size_factor = 0"):
        Boards(scenario, batch.world.fleet, 0.0)
    bare = load_scenario(scenario, {"spacecraft.computing_satellite.compute": None})
    batch = envs.make("tasking_v0", bare, face="batch")
    with pytest.raises(SandboxError, match="has a board to train on"):
        Crew(batch, Plan(), Recipe(), 0)


def test_learning_off_is_the_same_bit_for_bit():
    """The world of a fleet in which nobody learns is that of the batch face under the same actions."""
    crew = fleet("none", hours=2.0)
    plain = envs.make("tasking_v0", fleet_of(27, 2 / 24, CALM), face="batch", autoreset=False)
    plain.reset(0)
    drawn = []
    decide = crew.decide
    crew.decide = lambda *told: drawn.append(decide(*told)) or drawn[-1]
    for _ in range(200):
        reward = crew.fly()
        seen, plain_reward, *_ = plain.step(drawn[-1][0][None])
        np.testing.assert_array_equal(reward, plain_reward[0])
        np.testing.assert_array_equal(crew.observation, seen)
    ours, theirs = crew.batch.world.snapshot(), plain.world.snapshot()
    for one, other in zip(arrays(ours.state), arrays(theirs.state), strict=True):
        assert numbers(one) == numbers(other)


def test_no_work_is_a_round_as_any_other():
    one, other = (envs.make("tasking_v0", "pair", face="batch", max_cycles=40) for _ in range(2))
    worked = charged(one)
    worked.reset(1)
    other.reset(1)
    none = Work(np.zeros((1, 2)), np.zeros((1, 2)))
    for i in range(30):
        action = np.full((1, 2), i % 2)
        seen = worked.step(action, none)[0]
        np.testing.assert_array_equal(seen, other.step(action)[0])


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 100)), min_size=2, max_size=2))
@settings(max_examples=10)
def test_what_is_charged_is_drawn(work):
    """Neither more nor less: the energy of a round is that of the same round without work, and the work's."""
    batch = envs.make("tasking_v0", "pair", face="batch", max_cycles=40)
    drawn = []
    for charge in (False, True):
        worked: ChargedBatch = charged(batch)
        worked.reset(1)
        told = Work(*(np.array([[pair[i] for pair in work]]) for i in range(2)))
        worked.step(np.ones((1, 2), int), told if charge else None)
        drawn.append(worked.world.state.activity["consumed"][0].copy())
    np.testing.assert_allclose(drawn[1] - drawn[0], [s * w for s, w in work], rtol=1e-9, atol=1e-6)


def test_work_of_a_wrong_kind_is_refused():
    worked = charged(envs.make("tasking_v0", "pair", face="batch"))
    worked.reset(0)
    for bad in (np.zeros((1, 3)), np.full((1, 2), np.nan)):
        with pytest.raises(SandboxError, match="finite numbers"):
            worked.step(np.zeros((1, 2), int), Work(bad, bad))
    with pytest.raises(SandboxError, match="from 0 to 30"):
        worked.step(np.zeros((1, 2), int), Work(np.full((1, 2), 31.0), np.ones((1, 2))))


def test_joules_of_learning_are_those_that_the_fleet_drew_more():
    crew = fleet("fedavg", hours=2.0, size_factor=3e4)
    plain = envs.make("tasking_v0", fleet_of(27, 2 / 24, CALM), face="batch", autoreset=False)
    plain.reset(0)
    drawn, decide = [], crew.decide
    crew.decide = lambda *told: drawn.append(decide(*told)) or drawn[-1]
    more = 0.0
    for _ in range(120):
        crew.fly()
        plain.step(drawn[-1][0][None])
        states = crew.batch.world.state, plain.world.state
        more += float(states[0].activity["consumed"].sum() - states[1].activity["consumed"].sum())
    spent = crew.bench.extra_j.sum() + crew.bench.radio_j.sum()
    assert crew.bench.extra_j.sum() > 0.0
    assert crew.bench.radio_j.sum() > 0.0
    assert more == pytest.approx(spent, rel=1e-6)
    under_way = crew._radio.sum()
    assert crew.bench.radio_j.sum() + under_way == pytest.approx(crew.carrier.joules.sum(), rel=1e-9)


def test_boards_wait_for_charge_and_for_safe_mode_to_end():
    crew = fleet("fedavg", hours=1.0, least_battery=0.5)
    state, none = crew.batch.world.state, np.zeros(27)
    crew.bench.begin(3, 45.0)
    for charge, seconds in ((0.6, 30.0), (0.4, 0.0), (0.6, 15.0)):
        state.power["energy"] = charge * state.power["capacity"]
        assert crew.bench.work(none).seconds[0, 3] == pytest.approx(seconds)
        crew.bench.advance()
    assert crew.bench.remaining[3] == 0.0
    assert crew.bench.seconds[3] == pytest.approx(45.0)
    assert crew.bench.joules[3] == pytest.approx(45.0 * 200)
    assert crew.bench.extra_j[3] == pytest.approx(45.0 * 60)
    crew.bench.begin(3, 5.0)
    state.safety["safe"][...] = True
    assert not crew.bench.work(none).seconds.any()


# ------------------------------------------------------------------------------------------------ bits
@pytest.mark.slow
def test_links_beside_a_world_are_those_of_a_world_that_has_them():
    batch = envs.make("offloading_v0", "relay_40", face="batch", max_cycles=60)
    batch.reset(0)
    mesh = Mesh(batch.world)
    mesh.follow()
    for i in range(40):
        if i:
            batch.step(np.zeros((1, batch.satellites), int))
            mesh.follow()
        assert numbers(mesh.links) == numbers(batch.world.lasers.state.links[0])


@given(st.integers(0, 10_000))
@settings(max_examples=12)
def test_bits_are_made_delivered_dropped_or_under_way(seed):
    rng, crew = np.random.default_rng(seed), MESH()
    carrier = Carrier(crew.mesh, 27)
    made = hops = 0.0
    for _ in range(30):
        for _ in range(rng.integers(4)):
            a, b = rng.integers(27, size=2)
            bits = float(rng.choice([1e3, 1e9, 1e13]))
            carrier.send(Parcel("update", int(a), int(b), bool(rng.integers(2)), bits), bool(rng.integers(2)))
            made += bits
        alive = rng.random(27) < 0.98
        before = carrier.carried
        arrived, joules = carrier.move(alive)
        watts = crew.mesh.lasers["transmit_w"]
        sent = carrier.carried - before
        hops += sent
        assert joules.sum() == pytest.approx(watts[0] * sent / crew.mesh.rate(0, 1), rel=1e-9)
        assert carrier._used.max() <= crew.mesh.rate(0, 1) * 30.0 * (1 + 1e-12)
        assert all(parcel.left == 0.0 for parcel in arrived)
    assert carrier.made == pytest.approx(made)
    assert carrier.made == pytest.approx(carrier.delivered + carrier.dropped + carrier.under_way)
    assert hops == pytest.approx(carrier.carried)


_KEPT = []


def MESH():
    """A fleet whose links have been up for a while."""
    if not _KEPT:
        crew = fleet("none", hours=1.0)
        for _ in range(40):
            crew.fly()
            crew.mesh.follow()
        _KEPT.append(crew)
    return _KEPT[0]


def test_a_large_parcel_takes_rounds_and_none_goes_where_no_way_is():
    crew = MESH()
    carrier, alive = Carrier(crew.mesh, 27), np.ones(27, bool)
    carrier.send(Parcel("update", 0, 1, True, 2.5 * crew.mesh.rate(0, 1) * 30.0))
    assert [len(carrier.move(alive)[0]) for _ in range(3)] == [0, 0, 1]
    away, links = 20, crew.mesh.links.copy()
    crew.mesh.links["since"][away] = crew.mesh.links["since"][links["peer"] == away] = np.inf
    carrier.send(Parcel("update", 0, away, False, 100.0))
    assert carrier.move(alive)[0] == []
    assert carrier.under_way == 100.0
    crew.mesh.links[...] = links
    assert len(carrier.move(alive)[0]) == 1
    free = Carrier(crew.mesh, 27, free=True)
    free.send(Parcel("update", 0, away, False, 100.0))
    assert len(free.move(alive)[0]) == 1
    assert free.carried == 0.0


@given(st.lists(st.tuples(st.booleans(), st.floats(1, 500)), max_size=40))
@settings(max_examples=40)
def test_a_queue_for_the_ground_loses_no_bit(steps):
    queue, made, down = Queue(1_000.0), 0.0, 0.0
    for adds, bits in steps:
        if adds:
            queue.add(bits, bits)
            made += bits
        else:
            before = queue.bits
            sent, whole = queue.send(bits)
            assert sent <= bits + 1e-9
            down += sum(whole)
            assert before - queue.bits == pytest.approx(sum(whole))
    assert made == pytest.approx(down + queue.dropped + queue.bits)
    assert queue.bits <= 1_000.0


def test_bits_to_and_from_the_ground():
    crew = fleet("ground", hours=2.0)
    for _ in range(230):
        crew.fly()
    ground = crew.ground
    assert ground.made == pytest.approx(ground.down + ground.dropped + ground.waiting)
    assert ground.down > 0.0
    assert ground.sent_up > 0.0
    assert crew.ground_model > 0
    assert (crew.held > 0).any()
    assert crew.carrier.made == 0.0
    assert crew.bench.joules.sum() == 0.0


def test_a_fleet_without_prices_pays_nothing():
    crew = fleet("fedavg", hours=1.0, free=True)
    for _ in range(100):
        crew.fly()
    assert crew.updates > 27
    assert crew.late == 0
    assert crew.carrier.carried == crew.bench.joules.sum() == crew.bench.radio_j.sum() == 0.0
    carrier = crew.carrier
    assert carrier.made == pytest.approx(carrier.delivered + carrier.dropped + carrier.under_way)


# ------------------------------------------------------------------------------------------------ who learns
def test_training_satellites_learn_for_all():
    scenario = load_scenario("disaster_response", {"events": [], "horizon_h": 1.0})
    batch = envs.make("tasking_v0", scenario, face="batch", autoreset=False)
    crew = Crew(batch, replace(Plan(rule="fedavg"), period=16, store_kbit=60.0), Recipe(), 0)
    kinds = np.array(batch.world.fleet.kinds)
    assert kinds[crew.learners].tolist() == ["training_satellite"] * 2
    everybody = Crew(batch, Plan(rule="fedavg", everybody=True), Recipe(), 0)
    assert everybody.learners.all()
    assert [len(plane) for plane in planes_of(scenario, batch.world.fleet)] == [11, 11, 2]
    for _ in range(60):
        crew.fly()
    assert crew.held[crew.rule.server] > 0


@pytest.mark.parametrize(
    ("told", "sentence"),
    [({"period": 1}, "period = 1; give 4 or more"), ({"least_battery": 2.0}, "a share from 0 to 1"),
     ({"merge": 0}, "merge = 0"), ({"hidden": 0}, "hidden = 0")],
)  # fmt: skip
def test_plans_out_of_range_are_refused(told, sentence):
    with pytest.raises(SandboxError, match=sentence):
        Plan(**told)


# ------------------------------------------------------------------------------------------------ differences
def test_groups_that_are_alike_do_not_differ():
    rng = np.random.default_rng(0)
    one = rng.uniform(-1, 1, (2, 100, 3)).astype("f4")
    seen = np.concatenate((one, one))
    groups = [np.array([0, 1]), np.array([2, 3])]
    assert divergence(shares_of(seen), groups) == pytest.approx(0.0, abs=1e-12)
    apart = np.concatenate((-np.abs(one), np.abs(one)))
    assert divergence(shares_of(apart), groups) == pytest.approx(1.0, abs=1e-9)
    slopes = rng.normal(size=(2, 7))
    assert dissimilarity(np.concatenate((slopes, slopes)), np.ones(4), groups) == pytest.approx(1.0)
    unlike = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert dissimilarity(unlike, np.ones(4), groups) == pytest.approx(math.sqrt(2.0))


def test_planes_differ_more_than_chance():
    rows, planes, shape = flown(fleet_of(27, 0.25, CALM), 0, 480)
    found = between(rows, planes, shape, 0)
    assert found["divergence"] > 2.0 * found["divergence_chance"]
    assert found["dissimilarity"] > found["dissimilarity_chance"]


def test_rows_of_several_satellites_are_joined():
    parts = [some_rows(2, 5, seed) for seed in range(2)]
    whole = joined(parts)
    assert whole.seen.shape == (4, 6, 6)
    np.testing.assert_array_equal(whole.reward[2:], parts[1].reward)
    scale = scale_of(np.array([[0.0, 1.0], [2.0, 1.0]]))
    assert scale.normal(np.array([[100.0, 1.0]])).tolist() == [[5.0, 0.0]]
