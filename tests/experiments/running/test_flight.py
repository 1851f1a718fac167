"""A flight by hand: overrides are played and recorded, asking changes nothing, two futures are one."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from agents.qwen.nano import NanoEngine
from agents.qwen.policy import QwenPolicy
from envs.deliberation import HOLD, NOTHING
from envs.episodes import make_env, scenario_of
from experiments.running.flight import NOT_LEGAL, STANDING, Flight
from experiments.running.llm_config import Mind
from experiments.running.rollout import Watcher, play
from sandbox.errors import SandboxError


def fly(policy="greedy", hours=0.25, seed=2, mind=None, problem="tasking_v0"):
    mind = mind or Mind()
    env = make_env(problem, scenario_of(problem, "pair"), hours, thinking=mind.thinks(policy, problem))
    return Flight(env, mind.policy(policy, env), seed, {"policy": policy})


def steps(flight, count):
    for _ in range(count):
        flight.step()
    return flight


def assert_same(a, b):
    assert len(a) == len(b)
    assert set(a) == set(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    assert a.events.rows() == b.events.rows()


def told(flight, n=0):
    events = flight.recording.events
    rows = events[(events.kind == "override") & (events.satellite == n)].rows()
    return [(time, json.loads(text)) for time, *_, text in rows]


MINDS = {
    "greedy": {},
    "random": {},
    "qwen": {},
    "qwen drawing": {"mind": Mind({"sample": True})},
    "qwen now and then": {"mind": Mind(period=3, fallback="random")},
    "random charged": {"mind": Mind(charge=(500, 100))},
}


@pytest.fixture(params=MINDS)
def made(request):
    return lambda **more: fly(request.param.split()[0], **MINDS[request.param], **more)


def test_without_a_hand_it_is_the_episode_that_is_played(made):
    class Played(Watcher):
        actions = []

        def after(self, env, played):
            self.actions.append(played.actions[0].copy())

    flight, other, played = steps(made(), 20), made(), Played()
    play(other.env, other.policy, 2, [played])
    np.testing.assert_array_equal(flight.recording["action"], played.actions[:20])


def test_two_futures_are_the_same_while_nobody_intervenes(made):
    flight = steps(made(), 5)
    other = flight.branch()
    steps(flight, 12)
    assert len(other.recording) == 5
    steps(other, 12)
    assert_same(flight.recording, other.recording)


def test_two_futures_part_where_one_is_overridden(made):
    flight = steps(made(), 5)
    other = flight.branch()
    other.override("Pair 2", "charge")
    steps(flight, 10), steps(other, 10)
    np.testing.assert_array_equal(flight.recording["action"][:5], other.recording["action"][:5])
    assert (other.recording["action"][5:, 1] == other.env.actions.index("charge")).all()
    assert not told(flight, 1)
    assert flight.overrides == {}


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_second_future_begins_at_an_earlier_round(made, at):
    flight = steps(made(), 4)
    flight.override(1, "charge")
    steps(flight, 4)
    flight.release(1)
    steps(flight, 4)
    other = flight.branch(at)
    assert other.rounds == at
    assert other.overrides == ({1: 1} if at == 7 else {})
    steps(other, 4 - at if at < 4 else 1)
    if at < 4:
        other.override(1, "charge")
        steps(other, 4)
    other.release(1)
    steps(other, 4)
    assert_same(flight.recording, other.recording)


def test_a_policy_that_does_not_repeat_itself_has_no_earlier_future():
    flight = steps(fly("random"), 8)
    flight.policy.reset = lambda seed: None
    with pytest.raises(SandboxError, match="does not repeat itself"):
        flight.branch(5)
    assert flight.branch().rounds == flight.branch(8).rounds == 8


def test_asking_changes_nothing(made):
    flight, quiet = made(), made()
    for k in range(12):
        answer = flight.ask(k % 2)
        assert answer["decision"] in (*flight.env.actions, STANDING)
        flight.step()
        quiet.step()
    assert_same(flight.recording, quiet.recording)


@pytest.mark.parametrize("policy", ["greedy", "qwen"])
def test_what_is_answered_is_what_is_done(policy):
    flight = fly(policy)
    for _ in range(8):
        answers = [flight.ask(n) for n in range(2)]
        flight.step()
        for n, answer in enumerate(answers):
            if not answer.get("thinking"):
                assert answer["decision"] == flight.env.actions[flight.recording["action"][-1, n]]


def test_a_mind_says_what_it_read_and_what_it_would_cost():
    answer = fly("qwen").ask("Pair 1")
    assert "battery" in answer["report"]
    assert sum(answer["odds"].values()) == pytest.approx(1.0, abs=0.05)
    assert answer["seconds"] > 0
    assert answer["joules"] > 0
    assert fly("greedy").ask(0)["because"]


class Noting(NanoEngine):
    """Charges more where a satellite asks for the first time."""

    def __init__(self):
        super().__init__()
        self.paid = set()

    def reset(self, seed=None):
        super().reset(seed)
        self.paid.clear()

    def decide(self, requests):
        dearer = [r.satellite not in self.paid for r in requests]
        self.paid |= {r.satellite for r in requests}
        more = dict(zip(map(id, requests), dearer, strict=True))
        decided = super().decide(requests)
        return [
            replace(decision, prompt_tokens=decision.prompt_tokens + 500 * more[id(request)])
            for request, decision in zip(requests, decided, strict=True)
        ]


def test_what_a_mind_notes_of_its_fleet_is_of_one_future():
    def noting():
        env = make_env("tasking_v0", scenario_of("tasking_v0", "pair"), 0.25, thinking=True)
        return Flight(env, QwenPolicy(env, Noting(), period=4), 2)

    flight, quiet = noting(), noting()
    for _ in range(3):
        flight.ask(0), flight.ask(1)
        flight.branch(), flight.branch(0)
        flight.step(), quiet.step()
    assert flight.branch(1).policy.engine.model is flight.policy.engine.model
    steps(flight, 8), steps(quiet, 8)
    assert_same(flight.recording, quiet.recording)


def test_a_mind_is_asked_out_of_its_turn():
    flight = fly("qwen", mind=Mind(period=5))
    assert all("odds" in flight.ask(n) for n in range(2))


def test_an_override_holds_until_it_is_released_and_is_recorded():
    flight = fly("idle")
    flight.override(0, "charge")
    steps(flight, 4)
    flight.release(0)
    steps(flight, 2)
    actions = [flight.env.actions[a] for a in flight.recording["action"][:, 0]]
    assert actions == ["charge"] * 4 + ["idle"] * 2
    assert told(flight) == [
        (0.0, {"decision": "charge", "instead_of": "idle"}),
        (120.0, {"decision": "idle", "why": "released"}),
    ]
    assert not told(flight, 1)


def test_where_it_is_not_legal_the_policy_decides_and_that_is_recorded():
    flight = fly(hours=2)
    while "downlink" not in flight.legal(0):
        flight.step()
    begun = flight.rounds
    flight.override(0, "downlink")
    while "downlink" in flight.legal(0):
        flight.step()
    steps(flight, 2)
    actions = [flight.env.actions[a] for a in flight.recording["action"][begun:, 0]]
    assert set(actions[:-2]) == {"downlink"}
    assert "downlink" not in actions[-2:]
    assert told(flight)[-1][1] == {"decision": actions[-1], "instead_of": "downlink", "why": NOT_LEGAL}
    assert flight.overrides == {0: flight.env.actions.index("downlink")}


def test_a_decision_by_hand_is_free_and_ends_the_thought_under_way():
    flight = fly("idle", mind=Mind(charge=(2_000, 20_000)))
    flight.step()
    minds = flight.env.world.state.minds
    assert minds["pending"][0, 0] != NOTHING
    assert flight.ask(0)["thinking"]
    flight.override(0, "charge")
    while minds["pending"][0, 0] != NOTHING:
        flight.step()
    flight.step()
    recording = flight.recording
    assert (recording["action"][1:, 0] == flight.env.actions.index("charge")).all()
    assert recording["output_tokens"][0, 0] == 20_000
    assert not recording["output_tokens"][1:, 0].any()
    assert not (recording.events.kind == "late").any()


def test_it_ends_with_the_episode():
    flight = fly(hours=0.05)
    assert len(flight.shown) == 1
    assert "action" not in flight.shown
    steps(flight, 6)
    assert flight.over
    assert flight.legal(0) == []
    for act in (flight.step, lambda: flight.ask(0)):
        with pytest.raises(SandboxError, match="over after 6 rounds"):
            act()
    assert len(flight.branch().recording) == 6


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda f: f.override("Pair 3", "charge"), "Unknown satellite 'Pair 3'"),
        (lambda f: f.override(2, "charge"), "satellite = 2; give a name or a number from 0 to 1"),
        (lambda f: f.override(True, "charge"), "satellite = True"),
        (lambda f: f.override(0, "fly"), "Unknown decision 'fly'"),
        (lambda f: f.override(0, -1), "decision = -1"),
        (lambda f: f.override(0, "downlink"), "downlink is not legal for Pair 1 now; give one of idle"),
        (lambda f: f.release(0), "Pair 1 is not overridden"),
        (lambda f: f.ask(None), "satellite = None"),
        (lambda f: f.branch(1), "at = 1 is no round that was flown; leave it out, or give 0"),
        (lambda f: f.branch(True), "at = True"),
    ],
)
def test_mistakes(act, sentence):
    flight = fly()
    with pytest.raises(SandboxError, match=sentence):
        act(flight)
    assert flight.overrides == {}


class Uncopied:
    """Refuses as a tensor does that another was computed from."""

    def __deepcopy__(self, memo):
        raise RuntimeError("Only Tensors created by the user support the deepcopy protocol.\nMore.")


@pytest.mark.parametrize("hindrance", [threading.Lock, Uncopied])
def test_a_policy_that_cannot_be_copied_is_flown_all_the_same(hindrance):
    flight = fly()
    flight.policy.hindrance = hindrance()
    flight.step()
    with pytest.raises(SandboxError, match="cannot be copied"):
        flight.branch()
    decision = flight.ask(0)["decision"]
    flight.step()
    names = flight.recording.meta["action_names"]
    assert names[flight.recording["action"][-1, 0]] == decision


def test_a_policy_is_asked_once_for_a_round(monkeypatch):
    flight, asked = fly(), []
    decide = flight.policy.decide
    monkeypatch.setattr(flight.policy, "decide", lambda *seen: asked.append(1) or decide(*seen))
    flight.ask(0)
    flight.ask(1)
    flight.step()
    assert len(asked) == 1


def babbling(flight, monkeypatch):
    """Corrupt the weights of the first satellite, so that its board gives out `charge`."""
    charge = flight.env.actions.index("charge")
    monkeypatch.setattr(flight.env.problem, "corrupted_actions", lambda _: np.array([[charge, -1]]))
    return flight


@pytest.mark.parametrize("policy", ["qwen", "random"])
def test_what_a_mind_on_corrupted_weights_did_is_told_beside_what_it_decided(policy, monkeypatch):
    """Its decision and its words stay as they were; an event of the same moment says what was carried out."""
    mind = {"qwen": Mind(), "random": Mind(charge=(500, 100))}[policy]
    recording = steps(babbling(fly(policy, mind=mind), monkeypatch), 25).recording
    names, action = recording.meta["action_names"], recording["action"]
    events = recording.events
    told = {time: json.loads(text) for time, n, kind, *_, text in events.rows() if kind == "replaced"}
    assert set(events[events.kind == "replaced"].satellite.tolist()) == {0}
    others = [k for k in range(25) if action[k, 0] != HOLD and names[action[k, 0]] != "charge"]
    assert others
    assert sorted(told) == [recording["time"][k] for k in others]
    for k in others:
        said = told[recording["time"][k]]
        decided = names[action[k, 0]]
        assert (said["decision"], said["instead_of"]) == ("charge", decided)
        assert said["why"] == "weights corrupted"
    words = [
        (t, json.loads(s)["decision"]) for t, n, kind, *_, s in events.rows() if kind == "thought" and n == 0
    ]
    assert all(told[time]["instead_of"] == decided for time, decided in words if time in told)
    assert bool(words) == (policy == "qwen")


def test_an_illegal_decision_is_told_as_the_no_op_that_it_was():
    flight = fly("idle")
    wrong = int(np.flatnonzero(flight.look().info["action_mask"][0, 1] == 0)[0])
    flight.look().actions[0, 1] = wrong
    flight.step()
    (row,) = (row for row in flight.recording.events.rows() if row[2] == "replaced")
    said = json.loads(row[5])
    assert row[:2] == (flight.recording["time"][0], 1)
    assert (said["decision"], said["instead_of"]) == ("idle", flight.env.actions[wrong])
    assert said["why"] == "not legal"
