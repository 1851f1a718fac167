"""Readers of orders in words and the controller that does what they have read."""

import math

import numpy as np
import pytest

import envs
from agents import make_policy
from agents.operations import Seen, blank_rules, condition_met, holds, speaks
from agents.order_reader import read
from envs.episodes import make_env
from sandbox import load_scenario
from sandbox.order_grammar import Theatre, draw_orders, places
from sandbox.order_meaning import (
    DIRECTIVE,
    EMBARGO,
    ORDER_KINDS,
    PRIORITY,
    RESERVE,
    SERVICE,
    STATION,
    blank_meaning,
    condition_holds,
    in_force,
    speaks_of,
)
from sandbox.order_words import words_of
from sandbox.scenario import Orders

STATIONS = ["Miyun", "Kashi", "Elsewhere"]


def drawn(seed, **changes):
    up = np.eye(3)
    theatre = Theatre(0.0, 14_400.0, 0.0, STATIONS, up, lambda t: np.array([[math.cos(t), math.sin(t), 0.0]]))
    changes = {"initial": 6, "per_hour": 6, "lead_min": [10, 40], **changes}
    book, said = draw_orders(np.random.default_rng(seed), Orders(**changes), theatre)
    return book, [words_of(numbers) for numbers in said]


PLAIN = {"conditions": 0.0, "exceptions": 0.0, "reasoning": 0.0, "revisions": 0.0, "conflicts": 0.0}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_keyword_reads_plain_orders(language):
    for seed in range(20):
        for order, said in zip(*drawn(seed, languages=[language], **PLAIN), strict=True):
            found = read(said, STATIONS)
            if order["station"] == 2:  # it is told by its number
                continue
            assert found is not None, said
            if order["at_shadow"]:
                continue
            assert (found["kind"], found["number"]) == (order["kind"], order["number"])
            assert found["begins"] - found["issued"] == order["begins"] - order["issued"] // 300 * 300
            for name in ("place", "reach", "south", "north", "charge", "station"):
                np.testing.assert_allclose(found[name], order[name], err_msg=f"{name}: {said}")
            if order["kind"] == PRIORITY:
                assert found["factor"] == order["factor"]


def test_keyword_falls_on_what_is_not_plain():
    """It follows orders that were revised, conditions and time zones as if there were none."""
    wrong = {"conditional": 0, "zoned": 0, "revising": 0}
    for seed in range(20):
        for order, said in zip(*drawn(seed, conditions=0.5, reasoning=0.5, revisions=0.3), strict=True):
            found = read(said, STATIONS)
            if order["refers"]:
                assert found is None, said
                wrong["revising"] += 1
            elif found is not None and order["condition"]:
                assert found["condition"] == 0
                wrong["conditional"] += 1
            elif found is not None and order["steps"] and order["orbits_to"] == 0:
                wrong["zoned"] += found["begins"] - found["issued"] != order["begins"] - order["issued"]
    assert min(wrong.values()) > 5


@pytest.mark.parametrize("words", [(), (":",), ("order", ":", "Dhaka"), ("order", "3", ",", "12:00", ":"),
                                   ("order", "3", "12:00", ":", "times"), ("倍", "乘以")])  # fmt: skip
def test_what_is_no_order_is_none(words):
    assert read(words, STATIONS) is None


def test_the_controllers_meaning_is_the_worlds():
    """Both have what an order means written down, for arrays and for one: they agree."""
    rng, spoken = np.random.default_rng(0), 0
    for seed in range(4):
        book, _ = drawn(seed, conditions=0.5, exceptions=0.5, reasoning=0.5)
        for order in book:
            up = rng.normal(size=(20, 3))
            up[:5] = order["place"] + 0.05 * up[:5]
            up /= np.linalg.norm(up, axis=-1, keepdims=True)
            value, cloud, battery = rng.uniform(1, 40, 20), rng.uniform(0, 100, 20), rng.uniform(0, 100, 20)
            time, period = rng.uniform(0.0, 20_000.0, 20), rng.uniform(5_400.0, 6_300.0, 20)
            known = order.copy()
            known["issued"], known["ended"] = -math.inf, math.inf
            due, of = holds(known, period, time), speaks(order, up, value)
            ready = condition_met(order, cloud, battery)
            for i in range(20):
                assert due[i] == in_force(known, period[i], time[i])
                assert of[i] == speaks_of(order, up[i], value[i])
                assert ready[i] == condition_holds(order, cloud[i], battery[i])
            spoken += of.sum()
    assert spoken > 50


@pytest.fixture(scope="module")
def env():
    scenario = load_scenario("operations_24", {"horizon_h": 1.0})
    return make_env("operations_v0", scenario, 0.5)


def order_of(kind, **fields):
    order = np.zeros(1, DIRECTIVE)[0]
    blank_meaning(order)
    order["kind"], order["number"], order["ends"] = kind, 1, 3_600.0
    for name, value in fields.items():
        order[name] = value
    return order


def rules_of(policy, *orders, known=(True, True), **seen):
    from agents.operations import Reading

    up = np.array([[[1.0, 0, 0], [0, 1.0, 0]], [[0, 0, 1.0], [1.0, 0, 0]]])
    told = {"now": 600.0, "period": np.full(2, 5_700.0), "up": up, "value": np.full((2, 2), 8.0),
            "cloud": np.array([[10.0, 90.0], [50.0, 50.0]]), "battery": np.array([30.0, 80.0]),
            "to_shadow": np.array([10.0, 0.0]), "station": np.array([0, 1])}  # fmt: skip
    seen, rules = Seen(**told | seen), blank_rules(2, 2)
    for order in orders:
        policy._apply(Reading(order, np.array(known)), seen, rules)
    return rules


def test_what_orders_make_of_a_round(env):
    policy = make_policy("oracle", env)
    circle = {"place": (1.0, 0, 0), "reach": 0.9}
    found = rules_of(policy, order_of(PRIORITY, factor=4.0, **circle))
    assert found.factor.tolist() == [[4, 1], [1, 4]]
    found = rules_of(policy, order_of(PRIORITY, factor=4.0), order_of(EMBARGO, **circle))
    assert found.banned.tolist() == [[True, False], [False, True]]
    assert found.factor.tolist() == [[1, 4], [4, 1]]
    found = rules_of(policy, order_of(EMBARGO, condition=1, threshold=80.0))
    assert found.banned.tolist() == [[False, True], [False, False]]
    found = rules_of(policy, order_of(SERVICE, condition=3, threshold=50.0))
    assert (found.rest.tolist(), found.silent.any(), found.save.any()) == ([True, False], False, False)
    assert rules_of(policy, order_of(STATION, station=1)).silent.tolist() == [False, True]
    assert rules_of(policy, order_of(STATION, station=1), known=(True, False)).silent.tolist() == [False] * 2
    found = rules_of(policy, order_of(RESERVE, charge=0.75, begins=1_200.0, ends=0.0))
    assert found.save.tolist() == [True, False]
    found = rules_of(policy, order_of(RESERVE, charge=0.5, at_shadow=True))
    assert found.save.tolist() == [True, False]
    assert not rules_of(policy, order_of(EMBARGO), now=4_000.0).banned.any()


def earned(env, name, seeds):
    """Returns (seeds,) of a policy, and whether every decision was legal."""
    found = []
    for seed in seeds:
        policy = make_policy(name, env)
        observation, info = env.reset(seed)
        policy.reset(seed)
        total = 0.0
        for _ in range(env.max_cycles):
            actions = policy.act(observation, info)
            assert (np.take_along_axis(info["action_mask"], actions[..., None], -1) == 1).all()
            observation, reward, _, _, info = env.step(actions)
            total += float(reward.sum())
        found.append(total)
    return np.array(found)


def test_readers_differ_by_what_they_read_alone():
    """Under many plain embargoes: who reads them earns more; who reads those of another episode does not."""
    changes = {"orders.initial": 30, "orders.kinds": {k: float(k == "embargo") for k in ORDER_KINDS[:5]}}
    changes |= {"orders.lead_min": [0, 10], "orders.reasoning": 0.0, "orders.revisions": 0.0}
    env = make_env("operations_v0", load_scenario("operations_24", changes), 1.0)
    deaf, best = (earned(env, name, (0, 1)) for name in ("deaf", "deadline_greedy"))
    np.testing.assert_array_equal(deaf, best)
    keyword, oracle, shuffled = (
        earned(env, name, (0, 1)) for name in ("keyword", "oracle", "agents.operations:Shuffled")
    )
    assert oracle.sum() > deaf.sum()
    assert oracle.sum() >= keyword.sum() > deaf.sum()
    assert shuffled.sum() < oracle.sum()


def test_without_orders_nobody_reads():
    env = make_env("operations_v0", load_scenario("disaster_response"), 0.1)
    for name in ("keyword", "oracle"):
        np.testing.assert_array_equal(earned(env, name, (3,)), earned(env, "deaf", (3,)))


def test_gazetteer_is_in_both_languages():
    assert all(set(place.names) == {"en", "zh"} for place in places())
    assert envs.make("operations_v0", max_cycles=1).possible_agents
