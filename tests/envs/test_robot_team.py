"""Robots in the loop of any problem: books balance, the seed is the run, a snapshot is the whole of it."""

import json
import pickle

import numpy as np
import pytest

from sandbox.errors import SandboxError

pytest.importorskip("mujoco", reason="no mujoco; pip install -e '.[robots]'")

import envs
from agents import make_policy
from agents.robots import Loudest
from envs import offloading_v0, operations_v0
from envs.autonomy_v0 import Autonomy
from envs.operations_v0 import Operations
from envs.robots.asking import TERMINAL_W
from envs.robots.robot import STANDING_W, WALKING_W
from envs.robots.team import Robots, mind_of
from experiments.training.checkpoint import pack_world, unpack_world
from sandbox.jobs import DELIVERED, DROPPED, EXPIRED, LOST, UNBORN
from sandbox.recording.happenings import events_of, marks_of
from sandbox.scenario import load_scenario

ROUND_S = 4.0
SCENARIO = load_scenario("relay_40", {"round_s": ROUND_S, "substep_s": ROUND_S})
ROUNDS = 90
NAMES = ("robots_reached", "robots_failed", "robot_s", "robot_wh", "robot_collisions", "robot_answers")
ENDS = {"delivered": DELIVERED, "dropped": DROPPED, "expired": EXPIRED, "lost": LOST}


def made(worlds=1, robots=3, scenario=SCENARIO, **options):
    return offloading_v0.batch_env(
        scenario, worlds, robots=robots, max_cycles=ROUNDS, autoreset=False, **options
    )


def sums(env, info):
    return {name: info["terms"][..., env.terms.index(name)].sum(axis=1) for name in env.terms}


def played(env, seeds, rounds, first=None):
    """Sums over the satellites, and a hash of all that was seen, by round; on from `first`, if given."""
    policy = make_policy("greedy", env)
    observation, info = env.reset(seeds) if first is None else first
    policy.reset(0)
    told = []
    for _ in range(rounds):
        marks = [marks_of(env.world, b) for b in range(env.worlds)]
        observation, reward, _, _, info = env.step(policy.act(observation, info))
        events = [events_of(env.world, marks[b], b) for b in range(env.worlds)]
        seen = [(observation[b].tobytes(), reward[b].tobytes()) for b in range(env.worlds)]
        told.append((sums(env, info), events, seen))
    return told


@pytest.fixture(scope="module")
def flight():
    """Two worlds played to their end, with what stood in the books after every round."""
    env = made(2)
    policy = make_policy("greedy", env)
    observation, info = env.reset([5, 6])
    policy.reset(0)
    before = env.world.state.power["energy"].copy()
    books, told = [], []
    for _ in range(ROUNDS):
        marks = [marks_of(env.world, b) for b in range(2)]
        observation, reward, _, _, info = env.step(policy.act(observation, info))
        work = env.world.jobs.state
        books.append((work.book.copy(), work.ledger.copy()))
        events = [events_of(env.world, marks[b], b) for b in range(2)]
        seen = [(observation[b].tobytes(), reward[b].tobytes()) for b in range(2)]
        told.append((sums(env, info), events, seen))
    return env, before, books, told


def test_jobs_and_bits_balance_in_every_round(flight):
    _, _, books, _ = flight
    for each, ledgers in books:
        for book, ledger in zip(each, ledgers, strict=True):
            known = np.isfinite(book["release"]) & (book["status"] != UNBORN)
            counts = {name: int((book["status"] == status).sum()) for name, status in ENDS.items()}
            held = known & ~np.isin(book["status"], list(ENDS.values()))
            assert all(ledger[f"jobs_{name}"] == count for name, count in counts.items())
            assert ledger["jobs_created"] == sum(counts.values()) + held.sum()
            gone = sum(ledger[f"bits_{name}"] for name in ENDS) + ledger["bits_understood"]
            assert ledger["bits_created"] == pytest.approx(gone + book["bits"][held].sum(), rel=1e-9, abs=1.0)


def test_joules_of_satellites_balance(flight):
    env, before, _, _ = flight
    power = env.world.state.power
    balance = before + power["harvested"] - power["consumed"] - power["lost"] + power["unmet"]
    balance -= power["curtailed"] + power["energy"]
    assert (np.abs(balance) <= 1e-9 * (before + power["harvested"])).all()


def test_joules_of_robots_balance(flight):
    """What is gone from a battery is what walking, standing and the terminal have drawn."""
    env, *_ = flight
    [robots] = env.world.companions
    under_way = [placed.mission.robot for b in range(2) for placed in robots.missions(b)]
    assert under_way
    for robot in under_way:
        gone = robot.full_j - robot.energy_j
        walked = (gone - (STANDING_W + TERMINAL_W) * robot.clock) / (WALKING_W - STANDING_W)
        assert -1e-6 <= walked <= robot.clock + 1e-6  # s, of which it has walked
        assert robot.walked_m <= 1.6 * walked + 2.0


def test_missions_are_told_once_and_whole(flight):
    """Shares add up to missions, terms say what the events say."""
    _, _, _, told = flight
    for b in range(2):
        ends = [event for _, events, _ in told for event in events[b] if event[2] == "robot"]
        texts = [json.loads(event[5]) for event in ends]
        total = {name: sum(float(terms[name][b]) for terms, _, _ in told) for name in NAMES}
        assert len(ends) > 0
        assert total["robots_reached"] == pytest.approx(sum(t["reached"] for t in texts), abs=1e-4)
        assert total["robots_failed"] == pytest.approx(sum(not t["reached"] for t in texts), abs=1e-4)
        reached_s = sum(t["time_s"] for t in texts if t["reached"])
        assert total["robot_s"] == pytest.approx(reached_s, abs=0.1)
        assert total["robot_wh"] == pytest.approx(sum(t["energy_wh"] for t in texts), abs=0.05)
        assert total["robot_collisions"] == pytest.approx(sum(t["collisions"] for t in texts), abs=1e-3)
        assert total["robot_answers"] >= sum(t["answers"] for t in texts) - 1e-4
        times = [event[0] for event in ends]
        assert times == sorted(times)
    assert sum(float(terms["robots_reached"].sum()) for terms, _, _ in told) >= 1.0


def test_what_a_robot_waits_is_the_sum_of_what_the_world_records(flight):
    env, *_ = flight
    [robots] = env.world.companions
    pairs = [
        (latency, sum(parts.values()))
        for b in range(2)
        for placed in robots.missions(b)
        for latency, parts in zip(placed.mission.latencies, placed.mission.parts, strict=True)
    ]
    for latency, parts in pairs:
        assert latency == pytest.approx(parts, abs=1e-3)


def test_the_same_seed_is_the_same_run_whatever_b_is(flight):
    _, _, _, told = flight
    alone = played(made(1), [6], 40)
    for (terms, events, seen), (own_terms, own_events, own_seen) in zip(told, alone, strict=False):
        assert seen[1] == own_seen[0]
        assert events[1] == own_events[0]
        assert all(terms[name][1] == own_terms[name][0] for name in NAMES)


def test_a_snapshot_leads_to_the_same_future():
    """Also through JSON, as a checkpoint of a training keeps it, and through pickling."""
    env = made()
    played(env, [5], 25)
    kept, packed, twin = env.world.snapshot(), pack_world(env.world), pickle.loads(pickle.dumps(env))
    assert json.loads(json.dumps(kept.companions)) == list(kept.companions)
    future = played(env, None, 20, env.present())
    env.world.restore(kept)
    assert played(env, None, 20, env.present()) == future
    assert played(twin, None, 20, twin.present()) == future
    other = made()
    other.reset([9])
    unpack_world(other.world, packed)
    assert played(other, None, 20, other.present()) == future


def test_a_snapshot_of_others_is_refused():
    with_robots = made()
    without = made(robots=0, questions=3 * ROUNDS, scenario=with_robots.world.scenario)
    with_robots.reset(1)
    without.reset(1)
    with pytest.raises(SandboxError, match="companions"):
        without.world.restore(with_robots.world.snapshot())
    with pytest.raises(SandboxError, match="attach after reset"):
        without.world.attach(with_robots.world.companions[0])


def test_without_robots_nothing_is_other():
    off, old = made(robots=0), offloading_v0.batch_env(SCENARIO, max_cycles=ROUNDS, autoreset=False)
    assert off.terms == old.terms
    assert not any("robot" in name for name in off.terms)
    assert [seen for *_, seen in played(off, [3], 5)] == [seen for *_, seen in played(old, [3], 5)]


def test_robots_change_nothing_of_what_a_world_draws():
    """Until the first question: a mission begins somewhere in the first two minutes."""
    one, other = made(), made(robots=0)
    one.reset(3)
    other.reset(3)
    books = [env.world.jobs.state.book[0]["release"] for env in (one, other)]
    assert np.array_equal(*(np.sort(book[np.isfinite(book)]) for book in books))
    assert one.world.generator(0).random() == other.world.generator(0).random()


def test_what_a_robot_reaches_pays_what_was_asked():
    env = made(robot_reward=10.0)
    [robots] = env.world.companions
    env.reset(5)
    robots.play = lambda world: robots.tally["reached"].fill(0.25)
    _, reward, _, _, info = env.step(np.zeros((1, 40), int))
    paid = info["terms"][..., env.terms.index("reward_robots")]
    assert (paid == 2.5).all()
    assert (reward >= 2.5 - 1e-6).all()


@pytest.mark.parametrize("problem", [Autonomy, Operations])
def test_other_problems_declare_robots(problem):
    on, off = problem.declare(robots=2, robot_reward=3.0), problem.declare()
    assert on.robots.count == 2
    assert off.robots is None
    assert {term for block in on.blocks for term in block.terms} > {t for b in off.blocks for t in b.terms}


@pytest.mark.slow
def test_robots_fly_with_orders_in_words():
    scenario = load_scenario("operations_24", {"round_s": 10.0})
    env = operations_v0.batch_env(scenario, robots=2, max_cycles=16, autoreset=False)
    env.reset(0)
    for _ in range(16):
        env.step(np.zeros((1, 24), int))
    [robots] = env.world.companions
    assert robots.missions()
    assert any(slot.placed.mission.log for slot in robots._slots[0] if slot.placed)


def test_every_face_has_them():
    env = envs.make("offloading_v0", scenario=SCENARIO, robots=1, max_cycles=30)
    env.reset(seed=2)
    for _ in range(30):
        *_, infos = env.step(dict.fromkeys(env.agents, 0))
    assert env.agents == []
    assert all("robot_answers" in info for info in infos.values())


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"robots": -1}, "robots = -1; give a whole number"),
        ({"robots": 1.5}, "robots = 1.5"),
        ({"robots": True}, "robots = True"),
        ({"robots": 5000}, "1,000 is the most"),
        ({"robots": 1, "robot_reward": -1}, "robot_reward = -1"),
        ({"robots": 1, "robot_mind": "loudst"}, "did you mean loudest"),
        ({"robots": 1, "robot_mind": "nowhere:Mind"}, "robot_mind = 'nowhere:Mind' cannot be loaded"),
        ({"robots": 1, "robot_mind": "math:pi"}, "decides nothing"),
        ({"robots": 1, "robot_mind": 3}, "robot_mind = 3 decides nothing"),
        ({"robot_reward": 10.0}, "robot_reward = 10.0 does nothing without robots; add robots=1 or more"),
        ({"robot_mind": "nearest"}, "robot_mind = 'nearest' does nothing without robots"),
        ({"robots": 1, "difference_reward": True}, "difference_reward cannot follow robots"),
    ],
)
def test_what_cannot_be_is_said(options, part):
    with pytest.raises(SandboxError, match=part):
        offloading_v0.batch_env(SCENARIO, max_cycles=2, **options)


def test_minds_by_name_and_from_outside():
    assert isinstance(mind_of("agents.robots:Loudest"), Loudest)
    mine = Loudest()
    assert mind_of(mine) is mine
    assert isinstance(made(robot_mind=mine).world.companions[0], Robots)


def test_questions_of_robots_are_worth_nothing_on_the_ground():
    """From there no answer comes back: who sends them down must not be paid for it."""
    scenario = made().world.scenario
    assert {kind.name for kind in scenario.jobs.kinds} >= {"robot", "search_robot"}
    [own] = [kind for kind in scenario.jobs.kinds if kind.name == "search_robot"]
    assert own.quality[2] == 0.0
