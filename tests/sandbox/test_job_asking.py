"""Questions asked from outside: like others in every respect, traced to the nanosecond, and nothing where
there are none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pilots import differing, job_world
from test_jobs import DECIDE, NO_REQUESTS, QUESTION, audit, busy_kinds, go, scenario

from sandbox.compute import board, inference, model
from sandbox.errors import SandboxError
from sandbox.job_asking import Question, ask, outcome
from sandbox.jobs import DECISIONS, TIMES, user_link_share, whole
from sandbox.orbits.bodies import SPEED_OF_LIGHT
from sandbox.orbits.frames import itrs_to_geodetic
from sandbox.scenario import load_scenario
from sandbox.state import arrays


def below(world, n=0, b=0):
    """Where satellite n stands overhead."""
    latitude, longitude, _ = itrs_to_geodetic(world.jobs.scratch.itrs[b, n][None])
    return float(latitude[0]), float(longitude[0])


def lone(questions=4, **changes):
    world = job_world(
        scenario(1, 0, **({"jobs.kinds": [QUESTION], "round_s": 10.0} | changes)),
        horizon_s=3600.0,
        questions=questions,
    )
    world.reset(0)
    return world


def same(arrays, others):
    """To the bit."""
    return all(a.tobytes() == b.tobytes() for a, b in zip(arrays, others, strict=True))


def test_the_parts_of_a_latency_are_what_they_are_and_add_up():
    """Wait, way up, prefill, decode and way down, each against its closed form."""
    world = lone()
    go(world, "defer", "defer")
    place = below(world)
    [number] = ask(world, [Question("question", *place, at=17.0)])
    job = world.jobs.state.book[0, number]
    distance = np.linalg.norm(world.jobs.scratch.itrs[0, 0] - job["position"])
    share, light = user_link_share(world.jobs.params, distance), distance / SPEED_OF_LIGHT
    assert outcome(world, number).status == "queued"
    go(world, "run_large")
    answer = outcome(world, number)
    compute = inference(board("scs01"), model("Qwen3-8B"), "int4", 400, 100)
    assert answer.over
    assert answer.status == "delivered"
    assert answer.times["wait"] == pytest.approx(3.0, abs=1e-9)
    assert answer.times["up"] == pytest.approx(1e6 / (10e6 * share) + light, abs=1e-9)
    assert answer.times["lasers"] == 0.0
    assert answer.times["queue"] == pytest.approx(0.0, abs=1e-9)
    assert answer.times["prefill"] == pytest.approx(compute.prefill_s, abs=1e-9)
    assert answer.times["decode"] == pytest.approx(compute.decode_s, abs=1e-9)
    assert answer.times["down"] == pytest.approx(20e3 / (20e6 * share) + light, abs=1e-9)
    assert sum(answer.times.values()) == pytest.approx(answer.delivered_at - 17.0, abs=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.3, 3.0]))
def test_times_of_all_jobs_add_up_and_books_balance(seed, rate):
    """Under any decisions, with questions asked at any moment; heat and broken links among it."""
    world = job_world(scenario(**{"jobs.kinds": busy_kinds(rate)}), 2, horizon_s=1800.0, questions=200)
    world.reset(seed)
    rng, asked = np.random.default_rng(seed), []
    for _ in range(40):
        if rng.random() < 0.2:
            world.lasers.params.terminals["range"] = rng.uniform(1e5, 6e6, world.satellites)
        if rng.random() < 0.3:
            world.state.body["temperature"] = rng.uniform(300.0, 340.0, (2, world.satellites))
        for b in range(2):
            now = float(world.state.clock["time"][b])
            n, early = int(rng.integers(world.satellites)), float(rng.uniform(0.0, 30.0))
            asked += [(b, j) for j in ask(world, [Question("robot", *below(world, n, b), now - early, b)])]
        audit(world)
        world.step(queue=rng.integers(0, len(DECISIONS), (2, world.satellites)))
        audit(world)
    assert len(set(asked)) == len(asked) == 80
    work = world.jobs.state
    delivered = work.book["status"] == 6
    latency = work.book["delivered_at"] - work.book["release"]
    told = work.traces["times"].sum(axis=-1)
    assert delivered.sum() > 20
    assert np.abs(told - latency)[delivered].max() < 1e-6
    assert work.traces["times"].min() >= -1e-9
    assert any(outcome(world, j, b).status == "delivered" for b, j in asked)


def test_room_for_questions_that_nobody_asks_changes_nothing():
    """Nor do they change what others meet who are not in their way: the same to the bit."""
    plain = job_world(scenario(**{"jobs.kinds": busy_kinds(1.0)}), horizon_s=1800.0)
    roomy = job_world(scenario(**{"jobs.kinds": busy_kinds(1.0)}), horizon_s=1800.0, questions=50)
    rng = np.random.default_rng(3)
    for world in (plain, roomy):
        world.reset(5)
    for _ in range(40):
        decisions = rng.integers(0, len(DECISIONS), (1, plain.satellites))
        for world in (plain, roomy):
            world.step(queue=decisions)
    assert differing(plain.state, roomy.state) == []
    length = plain.jobs.state.book.shape[1]
    assert plain.jobs.state.traces.shape == (1, 0)
    assert (whole(plain.jobs.state.book[0]) == whole(roomy.jobs.state.book[0])[:length]).all()
    assert same(plain.jobs.state[1:-1], roomy.jobs.state[1:-1])


def test_the_same_questions_give_the_same_run_also_from_a_snapshot():
    worlds = [
        job_world(scenario(**{"jobs.kinds": busy_kinds(1.0)}), horizon_s=900.0, questions=9) for _ in "ab"
    ]
    kept = []
    for world in worlds:
        world.reset(1)
        for k in range(20):
            if k % 5 == 0:
                ask(world, [Question("robot", *below(world), float(world.state.clock["time"][0]))])
            if k == 10:
                kept.append(world.snapshot())
            world.step(queue=np.full((1, world.satellites), DECIDE["run_small"]))
    one, other = worlds
    assert same(one.jobs.state, other.jobs.state)
    other.restore(kept[0])
    for k in range(10, 20):
        if k % 5 == 0 and k > 10:
            ask(other, [Question("robot", *below(other), float(other.state.clock["time"][0]))])
        other.step(queue=np.full((1, other.satellites), DECIDE["run_small"]))
    assert same(one.jobs.state, other.jobs.state)
    assert same(arrays(one.state), arrays(other.state))


def test_a_question_that_nobody_sees_waits_and_expires():
    world = lone()
    latitude, longitude = below(world)
    [number] = ask(world, [Question("question", -latitude, longitude + math.pi, 0.0, deadline_s=25.0)])
    assert outcome(world, number).status == "waiting"
    go(world, "defer", "defer", "defer")
    answer = outcome(world, number)
    assert (answer.status, answer.over) == ("expired", True)
    assert math.isnan(answer.delivered_at)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"kind": "questoin"}, "did you mean question"),
        ({"latitude": 2.0}, "latitude = 2.0"),
        ({"longitude": math.nan}, "longitude = nan"),
        ({"at": 99.0}, "at = 99.0"),
        ({"at": -11.0}, "at = -11"),
        ({"world": 1}, "world = 1"),
        ({"deadline_s": -5.0}, "deadline_s = -5"),
        ({"value": math.inf}, "value = inf"),
    ],
)
def test_what_cannot_be_asked_is_said_and_nothing_is(changes, part):
    world = lone()
    place = below(world)
    good = Question("question", *place, 0.0)
    with pytest.raises(SandboxError, match=part):
        ask(world, [good, good._replace(**changes)])
    assert world.jobs.state.ledger["jobs_created"].sum() == 0


def test_a_world_says_when_it_has_no_room_no_jobs_or_no_episode():
    world = lone(questions=2)
    good = Question("question", *below(world), 0.0)
    with pytest.raises(SandboxError, match="no room for"):
        ask(world, [good] * 40)
    with pytest.raises(SandboxError, match="questions=N"):
        ask(lone(questions=0), [good])
    fresh = job_world(scenario(1, 0, **{"jobs.kinds": [QUESTION]}), questions=1)
    with pytest.raises(SandboxError, match="before reset"):
        ask(fresh, [good])
    from sandbox import World

    with pytest.raises(SandboxError, match="no jobs"):
        ask(World(load_scenario("pair", NO_REQUESTS), parts=()), [good])
    with pytest.raises(SandboxError, match="questions = -1"):
        job_world(scenario(1, 0), questions=-1)
    with pytest.raises(SandboxError, match="number = 7"):
        outcome(world, 7)
    assert set(outcome(world, *ask(world, [good])).times) == set(TIMES)
