"""A slow thought beside fast decisions: one board for both, all of it charged; the same text in any slice."""

import json
from itertools import pairwise

import numpy as np
import pytest
from fake_server import FakeServer, SystemOneServer, chat
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.qwen.aside import SHOWN_TOKENS, largest
from agents.qwen.choice import thinking_of
from agents.qwen.decisions import Decision, Engine, Stream
from agents.qwen.local import LocalEngine
from agents.qwen.policy import QwenPolicy
from agents.qwen.server import ServerEngine
from envs import tasking_v0
from envs.deliberation import Aside, Thought, deliberating
from experiments.running.cli import main
from experiments.running.flight import Flight
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

FLEET = {"horizon_h": 1.0, "satellites": [f"SCS-01 {x}" for x in "ABD"]}


class Slow(Engine):
    """Decides on the no-op in one pass of 400 tokens, and writes "word " for every token of thought."""

    name = "Qwen3-8B"

    def __init__(self, budget=3000, prompt=500, ends=10**9):
        self.thinking = thinking_of(f"agile:{budget}")
        self.prompt, self.ends, self.reports, self.begun = prompt, ends, [], 0

    def decide(self, requests):
        self.reports.append({request.satellite: request.report for request in requests})
        return [Decision(0, 400, 0) for _ in requests]

    def begin(self, request):
        assert not request.thoughts, "a thought begins from the report alone"
        self.begun += 1
        return Stream(request, self.prompt)

    def go_on(self, streams, tokens):
        for stream, count in zip(streams, tokens, strict=True):
            count = min(count, self.ends - stream.written)
            stream.text += "word " * count
            stream.written += count
            stream.closed = stream.written >= self.ends


def make(**changes):
    return deliberating(tasking_v0.batch_env(load_scenario("scs01", FLEET | changes), autoreset=False))


def play(env, policy, rounds):
    observation, info = env.reset(0)
    policy.reset(0)
    told = []
    for _ in range(rounds):
        actions = policy.act(observation, info)
        observation, *_, info = env.step(actions, policy.thought)
        told.append((policy.thought, info["terms"][0].copy(), info["thinking"][0].copy()))
    return told


def test_both_streams_are_charged_and_fill_the_round_at_most():
    env = make()
    policy = QwenPolicy(env, Slow(budget=100_000 // 5))
    seconds = env.terms.index("thought_s")
    share = np.ones((1, 3))
    cached = np.zeros((1, 3), np.int64)
    for thought, terms, thinking in play(env, policy, 6):
        own = env.onboard.cost(thought.prompt_tokens, thought.output_tokens, share)
        aside = thought.aside
        np.testing.assert_array_equal(aside.cached, cached)
        beside = env.onboard.cost(aside.cached + aside.read, aside.written, share, None, aside.cached)
        np.testing.assert_allclose(terms[:, seconds], (own.seconds + beside.seconds)[0], rtol=1e-5)
        joules = terms[:, env.terms.index("thought_j")]
        np.testing.assert_allclose(joules, (own.joules + beside.joules)[0], rtol=1e-5)
        read = terms[:, env.terms.index("prompt_tokens")]
        np.testing.assert_array_equal(read, (thought.prompt_tokens + aside.read)[0])
        written = terms[:, env.terms.index("output_tokens")]
        np.testing.assert_array_equal(written, (thought.output_tokens + aside.written)[0])
        assert (terms[:, seconds] <= 30.0).all()
        assert (terms[:, seconds] > 29.0).all(), "the thought takes what is left of the round"
        assert not thinking.any(), "decisions are in time"
        cached = cached + aside.read + aside.written


def test_the_body_pays_for_the_slow_thought():
    heats = []
    for budget in (1, 20_000):
        env = make()
        play(env, QwenPolicy(env, Slow(budget=budget)), 4)
        heats.append((env.world.state.power["energy"].sum(), env.world.state.body["board"].sum()))
    (much, cool), (little, warm) = heats
    assert little < much
    assert warm > cool


def test_decisions_read_the_unfinished_thought():
    env = make()
    policy = QwenPolicy(env, Slow(budget=20_000))
    play(env, policy, 3)
    first, second, third = (reports[0] for reports in policy.engine.reports)
    assert "Thoughts so far" not in first
    assert "Thoughts so far, from a report 30 s ago:\n> " in second
    assert "Thoughts so far, from a report 60 s ago:\n> " in third
    quoted = third.partition("> ")[2].partition("\n")[0]
    assert len(quoted) <= 3 * SHOWN_TOKENS
    assert third.index("> ") < third.index("Decisions:")
    assert all(decision.reasoning.startswith("word word") for _, decision in policy.decisions.values())


@pytest.mark.parametrize(("budget", "ends"), [(60, 10**9), (20_000, 60)])
def test_a_thought_that_ends_begins_anew_from_a_fresh_report(budget, ends):
    env = make()
    policy = QwenPolicy(env, Slow(budget=budget, ends=ends))
    for thought, *_ in play(env, policy, 4):
        assert (thought.aside.written == 60).all()
        assert (thought.aside.read == 500).all()
        assert (thought.aside.cached == 0).all()
    assert policy.engine.begun == 4 * 3
    assert "from a report 30 s ago" in policy.engine.reports[-1][0]


def test_a_prompt_longer_than_a_round_is_read_over_several():
    env = make(round_s=5.0, substep_s=5.0)
    policy = QwenPolicy(env, Slow(prompt=30_000))
    told = play(env, policy, 15)
    read = np.array([thought.aside.read[0, 0] for thought, *_ in told])
    written = np.array([thought.aside.written[0, 0] for thought, *_ in told])
    assert (read > 0).sum() > 1
    assert read.sum() == 30_000
    assert not written[: np.flatnonzero(read)[-1]].any(), "nothing is written before all is read"
    assert written.sum() > 0


def test_who_still_thinks_about_a_decision_does_not_think_aside():
    class Late(Slow):
        def decide(self, requests):
            return [Decision(0, 400, 2500) for _ in requests]

    env = make()
    told = play(env, QwenPolicy(env, Late()), 6)
    for (_, _, thinking), (thought, *_) in pairwise(told):
        assert (thought.aside.written[0][thinking] == 0).all()
        assert (thought.aside.read[0][thinking] == 0).all()
    assert any(thinking.any() for *_, thinking in told)


def test_in_between_the_turns_the_thought_goes_on():
    env = make()
    policy = QwenPolicy(env, Slow(budget=20_000), period=3)
    told = play(env, policy, 6)
    assert all(thought.aside.written[0, 0] > 0 for thought, *_ in told)
    assert [len(reports) for reports in policy.engine.reports] == [1] * 6


def test_where_thought_is_free_a_slice_has_a_fixed_size():
    plain = tasking_v0.batch_env(load_scenario("scs01", FLEET), autoreset=False)
    policy = QwenPolicy(plain, Slow())
    policy.act(*plain.reset(0))
    assert (policy.thought.aside.written == 64).all()


def test_an_environment_refuses_more_than_the_round_holds():
    env = make()
    env.reset(0)
    zeros = np.zeros((1, 3), np.int64)
    much = Aside(zeros, zeros + 100_000 // 4, zeros)
    before = env.world.state.power["energy"].copy()
    with pytest.raises(SandboxError, match=r"thought: aside takes satellite 0 .* s left in the round"):
        env.step(zeros, Thought(zeros, zeros, aside=much))
    np.testing.assert_array_equal(env.world.state.power["energy"], before)
    with pytest.raises(SandboxError, match="aside: written must be whole numbers"):
        env.step(zeros, Thought(zeros, zeros, aside=Aside(zeros, zeros - 1, zeros)))


def test_without_a_thought_aside_all_is_as_before():
    zeros = np.zeros((1, 3), np.int64)
    ends = []
    for aside in (None, Aside(zeros, zeros, zeros)):
        env = make()
        env.reset(0)
        for _ in range(3):
            *_, info = env.step(zeros, Thought(zeros + 400, zeros + 50, aside=aside))
        ends.append((info["terms"].copy(), env.world.state.power["energy"].copy()))
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(-3, 6000)), min_size=1, max_size=5))
def test_the_largest_that_fits(pairs):
    most, limit = np.array(pairs).T
    found = largest(lambda count: count <= limit, most)
    np.testing.assert_array_equal(found, np.clip(np.minimum(most, limit), 0, None))


@pytest.mark.parametrize("sizes", [[12], [1] * 12, [5, 7], [3, 4, 5]])
def test_a_checkpoint_thinks_the_same_in_any_slices(checkpoint, requests_seen, sizes):
    engine = LocalEngine(checkpoint, thinking="agile:12", floor=0.0, debias="none")
    engine.reset(4)
    streams = [engine.begin(request) for request in requests_seen[:2]]
    for size in sizes:
        going = [stream for stream in streams if not stream.closed]
        engine.go_on(going, [size] * len(going))
    engine.reset(4)
    whole = [engine.begin(request) for request in requests_seen[:2]]
    engine.go_on(whole, [12, 12])
    assert [(s.text, s.written, s.closed) for s in streams] == [(s.text, s.written, s.closed) for s in whole]


def test_a_run_with_a_checkpoint(checkpoint, tmp_path):
    run = ["run", "--policy", "qwen", "--model", str(checkpoint), "--scenario", "pair", "--hours", "0.05"]
    found = []
    for name in ("one", "other"):
        out = tmp_path / name
        assert main([*run, "--thinking", "agile:24", "--floor", "0", "--no-record", "--out", str(out)]) == 0
        found.append(json.loads((out / "metrics.json").read_text()))
    one, other = ({k: v for k, v in content.items() if k != "timing"} for content in found)
    assert one == other
    assert one["output_tokens"] > 0
    assert one["late"] == 0


class Musing(SystemOneServer):
    """Thinks in slices; notes what it was shown."""

    def __init__(self, ends=False, works=True):
        self.ends, self.works, self.slices = ends, works, []

    def chat(self, body):
        if body.get("top_k") != 20:
            return super().chat(body)
        self.slices.append(body)
        if not self.works:
            return 500, {"error": "out of memory"}
        count = body["max_tokens"]
        usage = {"prompt_tokens": 300, "completion_tokens": count}
        finish = "stop" if self.ends else "length"
        return 200, chat("", finish, usage, reasoning_content=f"piece {len(self.slices)}.")


def test_a_server_thinks_in_slices(requests_seen):
    kind = Musing()
    with FakeServer(kind) as server:
        engine = ServerEngine(server.url, thinking="agile:100", debias="none", retries=0)
        stream = engine.begin(requests_seen[0])
        engine.go_on([stream], [7])
        engine.go_on([stream], [9])
    first, second = kind.slices
    assert (first["max_tokens"], second["max_tokens"]) == (7, 9)
    assert "You have thought so far:\npiece 1.\n\nGo on" in second["messages"][-1]["content"]
    assert (stream.text, stream.written, stream.closed) == ("piece 1. piece 2.", 16, False)


def test_a_run_with_a_server(tmp_path):
    kind = Musing(ends=True)
    with FakeServer(kind) as server:
        run = ["run", "--policy", "qwen", "--server", server.url, "--scenario", "pair", "--hours", "0.05"]
        how = ["--thinking", "agile:50", "--debias", "none", "--no-record", "--out", str(tmp_path / "r")]
        assert main([*run, *how]) == 0
        states = [body["state"] for body in server.bodies("/systemone")]
    content = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert content["output_tokens"] == 50
    assert content["fallbacks"] == 0
    assert any("Thoughts so far, from a report 30 s ago:\n> piece" in state for state in states)


def test_a_slow_thought_that_fails_leaves_the_decisions_alone(tmp_path):
    kind = Musing(works=False)
    with FakeServer(kind) as server:
        engine = ServerEngine(server.url, thinking="agile:50", debias="none", retries=0, backoff_s=0.0)
        env = make()
        policy = QwenPolicy(env, engine)
        told = play(env, policy, 4)
        assert not any(decision.fell_back for _, decision in policy.decisions.values())
    assert all((thought.aside.written == 0).all() for thought, *_ in told)
    assert sum(thought.aside.read.sum() for thought, *_ in told) > 0


def test_a_second_future_has_thoughts_of_its_own():
    flight = Flight(make(), QwenPolicy(make(), Slow(budget=20_000)))
    for _ in range(2):
        flight.step()
    asked = flight.ask(0)
    assert "Thoughts so far" in asked["report"]
    twin = flight.branch()
    for one in (flight, twin):
        one.step()
        one.step()
    told = [one.recording["output_tokens"].tolist() for one in (flight, twin)]
    assert told[0] == told[1]
    assert flight.recording["output_tokens"][-1].sum() > 0


def test_an_engine_that_only_chooses_says_so():
    class Plain(Engine):
        name = "plain"

        def decide(self, requests):
            return [Decision(0, 1, 0) for _ in requests]

    with pytest.raises(SandboxError, match="plain only chooses"):
        QwenPolicy(make(), Plain(), think="agile")
