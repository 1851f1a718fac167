"""The events of a recording add up to what the world's own books say."""

import json
from collections import Counter

import numpy as np
import pytest

from envs import autonomy_v0, avoidance_v0
from sandbox.recording import EVENT_KINDS
from sandbox.recording.frames import activity_of, meta_of
from sandbox.recording.happenings import events_of, marks_of
from sandbox.scenario import load_scenario

FAULTS = {"faults.upsets_per_orbit": 2.0, "faults.safe_share": 0.5}


def fly(env, choose, rounds):
    """Events of all rounds, and of each round the activities, with random draws of seed 0."""
    rng, found, did = np.random.default_rng(0), [], []
    _, info = env.reset(seed=3)
    for _ in range(rounds):
        marks, start = marks_of(env.world), float(env.world.state.clock["time"][0])
        actions = choose(rng, info["action_mask"])
        _, _, _, _, info = env.step(actions)
        end, told = float(env.world.state.clock["time"][0]), events_of(env.world, marks)
        assert [event[0] for event in told] == sorted(event[0] for event in told)
        assert all(start - 1e-6 <= event[0] <= end + 1e-6 for event in told)
        found += told
        did.append(snapshot(env.world))
    return found, did


def snapshot(world):
    """What a round's own records say of it."""
    taken = {
        "doing": activity_of(world)["doing"],
        "burned": world.encounters.state.passing["burned"][0].copy(),
    }
    if world.jobs is not None:
        servers = world.jobs.state.servers[0]
        taken |= {name: servers[name].copy() for name in ("value", "answered", "handed")}
    return taken


def at_random(rng, mask):
    return np.argmax(rng.random(mask.shape) * mask, axis=-1)


@pytest.fixture(scope="module")
def flown():
    """Ninety minutes of a disaster, decided at random."""
    scenario = load_scenario("disaster_response", {"events.0.at_h": [0.5, 0.6], **FAULTS})
    env = autonomy_v0.batch_env(scenario, worlds=1, max_cycles=180, autoreset=False)
    found, did = fly(env, at_random, 180)
    return env.world, found, did


def values(found, kind):
    return [event[4] for event in found if event[2] == kind]


def test_every_kind_is_declared(flown):
    _, found, _ = flown
    assert {event[2] for event in found} <= EVENT_KINDS.keys()
    about = {kind.about for kind in EVENT_KINDS.values()}
    assert about == {"", "request", "job", "encounter", "station", "disaster", "order"}
    for _, _, kind, target, _, text in found:
        assert (target >= 0) == bool(EVENT_KINDS[kind].about), kind
        assert not text or isinstance(json.loads(text), dict)


def test_questions_add_up_to_the_ledger(flown):
    world, found, did = flown
    counts, ledger = Counter(event[2] for event in found), world.jobs.state.ledger[0]
    assert counts["answer"] == ledger["jobs_delivered"] == sum(round["answered"].sum() for round in did) > 20
    assert sum(values(found, "answer")) == pytest.approx(sum(round["value"].sum() for round in did))
    assert counts["unanswered"] == ledger["jobs_expired"] > 0
    assert counts["dropped"] == ledger["jobs_dropped"] + ledger["jobs_lost"] > 0
    book = world.jobs.state.book[0, : world.jobs.state.released[0]]
    assert counts["handover"] == book["hops"].sum() > 0


def test_a_question_is_told_in_order(flown):
    _, found, _ = flown
    stories = {}
    for time, _, kind, target, _, _ in found:
        if EVENT_KINDS[kind].about == "job":
            stories.setdefault(target, []).append((time, kind))
    ends = {"answer", "dropped", "unanswered"}
    for j, story in stories.items():
        kinds = [kind for _, kind in story]
        assert sum(kind in ends for kind in kinds) <= 1, (j, story)
        assert kinds.count("question") <= 1
        if "answer" in kinds:
            assert "question" in kinds
            times = {kind: time for time, kind in story}
            assert times["question"] <= times["answer"]


def test_health_adds_up(flown):
    world, found, did = flown
    counts = Counter(event[2] for event in found)
    assert counts["reset"] == world.faults.state.body["resets"][0].sum() > 0
    safety = world.state.safety[0]
    assert counts["safe_mode"] == safety["times"].sum() > 0
    assert counts["safe_mode"] - counts["recovered"] == safety["safe"].sum()
    names = meta_of(world)["doing_names"]
    assert any((round["doing"] == names.index("safe mode")).any() for round in did)
    assert counts["disaster"] == 1
    (disaster,) = (event for event in found if event[2] == "disaster")
    assert disaster[0] == pytest.approx(world.state.events[0, 0])
    assert json.loads(disaster[5])["name"] == world.scenario.events[0].name
    silent = {event[3] for event in found if event[2] == "outage"}
    lost = {
        [s.name for s in world.scenario.stations].index(n) for n in world.scenario.events[0].stations_lost
    }
    assert lost <= silent


def test_burns_and_warnings_add_up():
    scenario = load_scenario("crossing_12", {"encounters.staged_per_day": 4})
    env = avoidance_v0.batch_env(scenario, worlds=1, max_cycles=144, autoreset=False)

    def seldom(rng, mask):
        return np.where(rng.random(mask.shape[:2]) < 0.9, 0, at_random(rng, mask))

    found, did = fly(env, seldom, 144)
    burned = sum(round["burned"].sum() for round in did)
    assert sum(values(found, "burn")) == pytest.approx(burned)
    assert burned > 0.0
    encounters = env.world.encounters.state.encounter[0]
    start, end = (float(env.world.state.clock[name][0]) for name in ("start", "time"))
    near = np.linalg.norm(encounters["relative"][..., :3], axis=-1) <= env.world.encounters.params.watch
    passed = near & (encounters["passing"] > start) & (encounters["passing"] <= end)
    alive = env.world.state.body["alive"][0]
    assert passed[alive].sum() <= Counter(e[2] for e in found)["closest_approach"] <= passed.sum() > 0
    for time, n, kind, k, value, text in found:
        if kind == "warning":
            said = json.loads(text)
            assert time <= said["tca_s"]
            assert 0.0 <= value <= 1.0
            assert abs(encounters["tca"][n, k] - said["tca_s"]) < 120.0
    warned = {(e[1], e[3]) for e in found if e[2] == "warning"}
    assert len(warned) > 5


def test_warnings_that_stand_at_the_beginning_are_events_of_it():
    scenario = load_scenario("crossing_12", {"encounters.staged_per_day": 40})
    env = avoidance_v0.batch_env(scenario, worlds=1, max_cycles=3, autoreset=False)

    def nothing(rng, mask):
        return np.zeros(mask.shape[:2], int)

    found, _ = fly(env, nothing, 1)
    warnings, start = env.world.encounters.warnings[0], float(env.world.state.clock["start"][0])
    stood = warnings["probability"][np.isfinite(warnings["tca"]) & (warnings["issued"] <= start)]
    first = [event[4] for event in found if event[2] == "warning" and event[0] == start]
    assert len(stood) > 3
    assert sorted(first) == sorted(stood.tolist())
    marks = marks_of(env.world)
    env.step(np.zeros((1, env.satellites), int))
    later = [event for event in events_of(env.world, marks) if event[2] == "warning"]
    assert all(event[0] > start for event in later)
