"""operations_v0: what orders in words pay by a plain calculation, how they arrive, and that none leaks."""

import copy
import math
import pickle
import re

import numpy as np
import pytest

import envs
from agents import make_policy
from envs.reports import Reporter
from sandbox import load_scenario
from sandbox.directives import CLASSES, revolutions
from sandbox.order_delivery import HEADER_BITS
from sandbox.order_meaning import EMBARGO, PRIORITY, RESERVE, SERVICE, STATION
from sandbox.order_words import WORDS, text_of, words_of
from sandbox.state import DELIVERED, NONE

RADIUS_KM = 6_371.0088


def scenario(**orders):
    """Six of the satellites of operations_24 under many orders, two hours long."""
    changes = {"horizon_h": 2.0, "satellites": satellites(), "requests.initial": 2_000}
    return load_scenario(
        "operations_24", changes | {f"orders.{name}": value for name, value in orders.items()}
    )


def satellites():
    from sandbox.fleet import make_fleet

    return list(make_fleet(load_scenario("operations_24")).names[:6])


def batch(worlds=1, hours=None, **orders):
    busy = {"initial": 24, "per_hour": 6, "conditions": 0.4, "exceptions": 0.3, "conflicts": 0.3}
    cycles = None if hours is None else round(hours * 120)
    made = scenario(**busy | orders)
    return envs.make("operations_v0", made, face="batch", worlds=worlds, max_cycles=cycles, autoreset=False)


def degrees(up):
    return math.degrees(math.asin(up[2])), math.degrees(math.atan2(up[1], up[0]))


def apart_km(one, other):
    """Haversine."""
    (a, b), (c, d) = (map(math.radians, degrees(up)) for up in (one, other))
    h = math.sin(0.5 * (c - a)) ** 2 + math.cos(a) * math.cos(c) * math.sin(0.5 * (d - b)) ** 2
    return 2.0 * RADIUS_KM * math.asin(math.sqrt(h))


def window(order, period):
    """When an order holds, from the plain meaning of its fields."""
    begins = order["begins"] + order["orbits_from"] * period
    ends = order["ends"] + order["orbits_to"] * period
    return max(order["issued"], begins), min(ends, order["until"], order["ended"])


def spoken_of(order, up, value):
    if order["reach"] > -1.5 and apart_km(order["place"], up) > RADIUS_KM * math.acos(order["reach"]):
        return False
    latitude = degrees(up)[0]
    if not math.degrees(math.asin(order["south"])) <= latitude <= math.degrees(math.asin(order["north"])):
        return False
    spared = order["spared_reach"] <= 1.0
    if spared and apart_km(order["spared"], up) <= RADIUS_KM * math.acos(order["spared_reach"]):
        return False
    return value < order["spared_value"]


def met(order, cloud, battery):
    limit = order["threshold"]
    return [True, cloud > limit, cloud < limit, battery < limit, battery > limit][order["condition"]]


class Ledger:
    """What orders are worth, added up in plain Python from what a world shows before and after a round."""

    def __init__(self, env):
        self.world, own = env.world, env.world.scenario.orders
        self.own, self.factors = own, {}
        self.book = self.world.directives.state.book[0].copy()
        self.dark = np.zeros(env.satellites, bool)
        self.outlook = self.world.state.outlook[0].copy()
        position, velocity = (getattr(self.world.fleet, name) for name in ("position", "velocity"))
        self.period = [self._period(r, v) for r, v in zip(position, velocity, strict=True)]

    @staticmethod
    def _period(position, velocity):
        axis = 1.0 / (2.0 / np.linalg.norm(position) - velocity @ velocity / 3.986004418e14)
        return 2.0 * math.pi * math.sqrt(axis**3 / 3.986004418e14)

    def round(self, start):
        """(bonus, fine) of each satellite in the round that began at `start` and is over."""
        state, own = self.world.state, self.own
        end, half = float(state.clock["time"][0]), self.world.constants.half_life
        bonus, fine = np.zeros(len(self.period)), np.zeros(len(self.period))
        requests = state.requests.book[0]
        for j, factor in list(self.factors.items()):
            if requests["status"][j] == DELIVERED:
                age = requests["delivered_at"][j] - requests["captured_at"][j]
                worth = (factor - 1.0) * requests["value"][j] * 0.5 ** (age / half)
                bonus[requests["captured_by"][j]] += worth
                del self.factors[j]
        for j in np.flatnonzero(requests["captured_at"] > start + 1e-6):
            n = int(requests["captured_by"][j])
            order = self.ruling(n, j, min(end, requests["captured_at"][j]))
            if order is not None and order["kind"] == PRIORITY:
                self.factors[int(j)] = float(order["factor"])
            elif order is not None:
                fine[n] += own.embargo_cost * requests["value"][j]
        for n in range(len(self.period)):
            dark = self.outlook["sunlight"][n] < 0.5
            for order in self.book:
                if order["issued"] <= start:
                    fine[n] += self.conduct(order, n, start, end, dark and not self.dark[n])
            self.dark[n] = dark
        self.outlook = state.outlook[0].copy()
        return bonus, fine

    def battery(self, n):
        power = self.world.state.power[0, n]
        return 100.0 * float(power["energy"] / power["capacity"])

    def ruling(self, n, j, time):
        request, found = self.world.state.requests.book[0, j], []
        for order in self.book:
            first, last = window(order, self.period[n])
            holds = order["kind"] in (PRIORITY, EMBARGO) and first <= time < last
            spoken = holds and spoken_of(order, request["up"], request["value"])
            if spoken and met(order, 100.0 * request["cloud"], self.battery(n)):
                found.append(order)
        return max(found, key=lambda order: (order["precedence"], order["number"]), default=None)

    def conduct(self, order, n, start, end, sets):
        """The fine of an order of another kind."""
        first, last = window(order, self.period[n])
        state, kind = self.world.state, order["kind"]
        if kind == RESERVE:
            hour = order["begins"] + order["orbits_from"] * self.period[n]
            looked = start < hour <= end and end < min(order["ended"], order["until"])
            if order["at_shadow"]:
                looked = first <= start < last and sets
            return self.own.reserve_cost * (looked and self.battery(n) < 100.0 * order["charge"])
        if not first <= start < last:
            return 0.0
        did = state.activity[0, n]
        if kind == STATION and did["station"] == order["station"] and did["downlinked"] > 0.0:
            return self.own.station_cost * float(did["value"])
        runs = self.world.orders[0, n]["queue"] in (1, 2) and not state.safety[0, n]["safe"]
        if kind == SERVICE and runs and met(order, 0.0, self.battery(n)):
            return self.own.service_cost * (end - start) / 60.0
        return 0.0


@pytest.mark.parametrize(("seed", "split"), [(0, "train"), (1, "heldout")])
def test_pay_is_what_a_plain_calculation_gives(seed, split):
    env = batch(split=split, charge_percent=[60, 95], reserve_cost=7.0, service_cost=3.0)
    policy = make_policy("greedy", env)
    observation, info = env.reset(seed)
    policy.reset(seed)
    ledger, totals = Ledger(env), np.zeros(2)
    place = {name: env.terms.index(f"reward_{name}") for name in ("priority", "breaches")}
    for _ in range(env.max_cycles):
        start = float(env.world.state.clock["time"][0])
        observation, _, _, _, info = env.step(policy.act(observation, info))
        bonus, fine = ledger.round(start)
        np.testing.assert_allclose(info["terms"][0, :, place["priority"]], bonus, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(info["terms"][0, :, place["breaches"]], -fine, rtol=1e-5, atol=1e-5)
        totals += bonus.sum(), fine.sum()
    assert (totals > 0.0).all(), "something was paid and something fined"


def test_every_kind_is_kept_and_broken_by_someone():
    env = batch(charge_percent=[60, 95])
    found = np.zeros((2, len(CLASSES)))
    for name in ("greedy", "oracle"):
        policy = make_policy(name, env)
        for seed in (1, 2):
            observation, info = env.reset(seed)
            policy.reset(seed)
            for _ in range(env.max_cycles):
                observation, _, _, _, info = env.step(policy.act(observation, info))
                state = env.world.directives.state
                found += state.kept[0].sum(0), state.broken[0].sum(0)
                known = state.kept[0, :, :5].sum(), state.kept[0, :, 7:].sum()
                assert known[0] == known[1], "each order is of a kind and takes some steps"
    assert (found[0] > 0).all()
    assert (found[1, :5] > 0).all()


def test_orders_come_up_over_stations_and_go_on_over_lasers():
    env = batch(initial=6, per_hour=6.0)
    env.reset(2)
    world, state = env.world, env.world.directives.state
    before = state.heard[0].copy()
    bits = HEADER_BITS + 8.0 * state.book["bytes"][0]
    passed_on = 0
    for _ in range(120):
        links = world.lasers.state.links["peer"][0]
        start = float(world.state.clock["time"][0])
        before = state.heard[0].copy()
        _, _, _, _, info = env.step(np.zeros((1, 6), int))
        terms = dict(zip(env.terms, info["terms"][0].T, strict=True))
        after, sent = world.state.outlook["station"][0] != NONE, np.zeros(6)
        for n, d in zip(*np.nonzero(np.isfinite(state.heard[0]) & ~np.isfinite(before)), strict=True):
            assert state.heard[0, n, d] >= state.book["issued"][0, d]
            givers = [m for m in links[n] if m != NONE and before[m, d] <= start]
            assert after[n] or givers, "a station or a neighbour who has it"
            passed_on += not after[n]
            sent[n] += bits[d]
        assert terms["orders_heard"].sum() == (np.isfinite(state.heard[0]) & ~np.isfinite(before)).sum()
        assert (terms["order_bits"] >= sent - 1.0).all()
    assert passed_on > 0
    assert (state.heard[0] >= before.min()).all()


def test_bits_of_orders_take_energy_of_the_sender():
    """One alone knows of the orders, or everybody does: who passes them on pays by the bit."""
    used = []
    for others in (np.inf, 0.0):
        env = batch(initial=6, per_hour=0.0)
        env.reset(0)
        heard = env.world.directives.state.heard
        heard[...] = 0.0
        for _ in range(20):
            env.step(np.zeros((1, 6), int))
        links = env.world.lasers.state.links["peer"][0]
        giver = int(np.flatnonzero((links != NONE).any(-1))[0])
        heard[...] = others
        heard[0, giver] = 0.0
        before = env.world.state.power["consumed"].sum()
        free = env.world.lasers.state.free[0, giver].copy()
        _, _, _, _, info = env.step(np.zeros((1, 6), int))
        used.append(env.world.state.power["consumed"].sum() - before)
        bits = info["terms"][0, giver, env.terms.index("order_bits")]
        busy = env.world.lasers.state.free[0, giver] > free
        assert (bits > 0.0) == bool(busy.any()) == (others == np.inf)
    assert used[0] > used[1]


def views(env):
    """What is seen in words."""
    observation, info = env.present()
    reporter = Reporter(env.problem)
    masks = info["action_mask"][0]
    return [reporter.report(o, m) for o, m in zip(observation[0], masks, strict=True)]


def test_meaning_does_not_leak():
    """The same words with other meanings: the same views, as long as the same is done; another reward."""
    one, other = batch(), batch()
    one.reset(5)
    other.reset(5)
    book = other.world.directives.state.book[0]
    rng = np.random.default_rng(0)
    kept = {name: book[name].copy() for name in ("issued", "bytes")}
    book[...] = book[rng.permutation(len(book))]
    for name, values in kept.items():
        book[name] = values
    book["kind"] = rng.integers(0, 5, len(book))
    book["begins"], book["ends"] = 0.0, 1e9
    policy, paid = make_policy("deaf", one), np.zeros(2)
    for k in range(100):
        seen, seen_there = one.present()[0], other.present()[0]
        np.testing.assert_array_equal(seen, seen_there)
        if k % 10 == 0:
            assert views(one) == views(other)
        np.testing.assert_array_equal(one.state(), other.state())
        actions = policy.act(seen, {"action_mask": one.legal()})
        paid += one.step(actions)[1].sum(), other.step(actions)[1].sum()
    assert paid[0] != paid[1]


def test_numbers_and_words_are_the_same_orders():
    env = batch()
    env.reset(1)
    for _ in range(20):
        observation, _, _, _, info = env.step(np.zeros((1, 6), int))
    seen, state = env.layout.physical(observation)[0], env.world.directives.state
    reporter, now = Reporter(env.problem), float(env.world.state.clock["time"][0])
    for n in range(6):
        known = [d for d in range(state.book.shape[1]) if state.heard[0, n, d] <= now]
        told = known[::-1][:12]
        for k, d in enumerate(told, 1):
            numbers = [seen[n, env.layout.index(f"directive_{k}_word_{i}")] for i in range(1, WORDS + 1)]
            assert np.rint(numbers).astype(int).tolist() == state.words[0, d].tolist()
            text = text_of(words_of(state.words[0, d].tolist()))
            assert text in reporter.report(observation[0, n], info["action_mask"][0, n]).splitlines()
        assert len(told) == 12 or seen[n, env.layout.index(f"directive_{len(told) + 1}_present")] == 0.0
        place = {p: seen[n, env.layout.index(f"request_1_{p}")] for p in ("latitude", "longitude", "present")}
        if place["present"] > 0.5:
            j = env.world.state.opportunities[0, n, 0]["request"]
            up = env.world.state.requests.book[0, j]["up"]
            assert (place["latitude"], place["longitude"]) == pytest.approx(degrees(up), abs=1e-3)
    utc = float(seen[0, env.layout.index("utc")])
    assert utc == pytest.approx(now % 86_400.0 / 3600.0, abs=1e-4)


def test_orders_stand_as_they_were_written_in_a_chinese_report():
    env = batch(languages=["en"])
    observation, info = env.reset(0)
    state, reporter = env.world.directives.state, Reporter(env.problem, language="zh")
    n = int(np.argmin(state.heard[0].min(-1)))
    observation, _, _, _, info = env.step(np.zeros((1, 6), int))
    report = reporter.report(observation[0, n], info["action_mask"][0, n])
    told = [line for line in report.splitlines() if line.startswith("order ")]
    assert told
    assert not any(re.search("[\u4e00-\u9fff]", line) for line in told)
    assert len(report) <= reporter.longest


def test_snapshot_copy_and_pickle_go_on_alike():
    env = batch(worlds=2)
    rng = np.random.default_rng(0)
    env.reset(3)
    for _ in range(30):
        env.step(chosen(rng, env))
    kept, twin = env.world.snapshot(), pickle.loads(pickle.dumps(env))
    plans = []
    first = []
    for _ in range(30):
        plans.append(chosen(rng, env))
        first.append(env.step(plans[-1])[:2])
    env.world.restore(kept)
    for actions, (seen, paid) in zip(plans, first, strict=True):
        for one in (env, twin):
            again, reward = one.step(actions)[:2]
            np.testing.assert_array_equal(again, seen)
            np.testing.assert_array_equal(reward, paid)


def chosen(rng, env):
    return np.where(
        rng.random(env.legal().shape) * env.legal() > 0, rng.random(env.legal().shape), -1
    ).argmax(-1)


def test_world_of_a_batch_is_the_world_alone():
    several, alone = batch(worlds=3), batch()
    several.reset(7)
    alone.reset(9)
    a, b = several.world.directives.state, alone.world.directives.state
    for whole, one in zip(a, b, strict=True):
        np.testing.assert_array_equal(whole[2], one[0])


def test_without_orders_all_is_as_in_autonomy_v0():
    """The orders are drawn last: requests, jobs and encounters of an episode are those without them."""
    made = scenario(initial=0, per_hour=0.0)
    env = envs.make("operations_v0", made, face="batch", autoreset=False)
    other = envs.make("autonomy_v0", made, face="batch", autoreset=False)
    busy = batch()
    seen, _ = env.reset(4)
    there, _ = other.reset(4)
    with_orders, _ = busy.reset(4)
    shared = other.layout.names
    mine = [env.layout.index(name) for name in shared]
    np.testing.assert_array_equal(seen[..., mine], there)
    np.testing.assert_array_equal(with_orders[..., [busy.layout.index(name) for name in shared]], there)
    for _ in range(20):
        actions = np.zeros((1, 6), int)
        a, b = env.step(actions), other.step(actions)
        np.testing.assert_array_equal(a[0][..., mine], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    assert (a[4]["terms"][..., env.terms.index("reward_breaches")] == 0.0).all()


def test_revolutions():
    fleet = copy.copy(batch().world.fleet)
    found, speed = revolutions(fleet.position, fleet.velocity), (fleet.velocity**2).sum(-1)
    axis = 1.0 / (2.0 / np.linalg.norm(fleet.position, axis=-1) - speed / 3.986004418e14)
    np.testing.assert_allclose(found, 2.0 * math.pi * np.sqrt(axis**3 / 3.986004418e14))
    assert (abs(found - 5_739.0) < 20.0).all(), "of 550 km"


def test_too_many_orders_for_an_episode_are_refused():
    from sandbox.errors import SandboxError

    with pytest.raises(SandboxError, match="orders: 524 in an episode"):
        batch(per_hour=250.0)


def test_recordings_tell_of_orders_and_who_heard_them():
    from sandbox.recording.happenings import events_of, marks_of

    env = batch(initial=5, per_hour=4.0)
    env.reset(0)
    world, state, found = env.world, env.world.directives.state, []
    heard_before = np.isfinite(state.heard[0]) & (state.heard[0] <= float(world.state.clock["time"][0]))
    for _ in range(60):
        marks = marks_of(world)
        env.step(np.zeros((1, 6), int))
        found += [event for event in events_of(world, marks) if event[2] == "order"]
    now = float(world.state.clock["time"][0])
    issued = [event for event in found if event[1] == NONE]
    assert [event[3] for event in issued] == list(range(1, 1 + int((state.book["issued"][0] <= now).sum())))
    for at, _, _, number, _, text in issued:
        assert at == state.book["issued"][0, number - 1]
        assert text_of(words_of(state.words[0, number - 1].tolist())) in text
    heard = {(event[1], event[3] - 1): event[0] for event in found if event[1] != NONE}
    known = np.argwhere((state.heard[0] <= now) & ~heard_before)
    assert heard == {(n, d): state.heard[0, n, d] for n, d in known}
