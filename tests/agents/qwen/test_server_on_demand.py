"""Thinking as a choice of a model behind a server, in every dialect: what is asked, read and charged."""

import json
from dataclasses import replace

import pytest
from fake_server import (
    ChoiceServer,
    DecisionsServer,
    FakeServer,
    JsonServer,
    LogProbsServer,
    Manners,
    SystemOneServer,
    chat,
)

from agents.qwen.asking import read_before
from agents.qwen.dialects import Question
from agents.qwen.server import ServerEngine
from envs.reports import THINK
from experiments.running.cli import main

FAST = {"debias": "none", "backoff_s": 0.01, "retries": 0}
THOUGHT, WRITTEN = "The battery is full, so let us image.", 17


def asking(server, **options):
    return ServerEngine(server.url, **FAST | options)


def thinks_of(body):
    """Whether a chat asks for a thought: such have the sampling of thoughts."""
    return body.get("top_k") == 20


def thinking(kind):
    """A server that thinks where it is asked to, and decides on B then."""

    class Thinking(kind):
        def chat(self, body):
            if not thinks_of(body):
                return super().chat(body)
            usage = {"prompt_tokens": 300, "completion_tokens": WRITTEN}
            return 200, chat("Decision: B", "stop", usage, reasoning_content=THOUGHT)

    return Thinking()


class Eager(LogProbsServer):
    """Prefers the letter of the last option listed."""

    def chat(self, body):
        status, reply = super().chat(body)
        if body.get("logprobs"):
            alternatives = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            for each in alternatives:
                each["logprob"] = -0.1 if each["token"] == self.say(body) else -4.0
        return status, reply


SERVERS = {
    "systemone": SystemOneServer,
    "decisions": DecisionsServer,
    "logprobs": Eager,
    "choice": ChoiceServer,
    "json": Manners,
    "text": Manners,
}


@pytest.mark.parametrize("dialect", ["systemone", "decisions", "logprobs", "choice", "text"])
def test_a_thought_is_asked_for_and_decides(dialect, requests_seen):
    with FakeServer(thinking(SERVERS[dialect])) as server:
        engine = asking(server, thinking="auto:40")
        assert engine.dialect.name == dialect
        before = len(server.seen)
        [decision] = engine.decide(requests_seen[:1])
        seen = server.seen[before:]
    request = requests_seen[0]
    assert decision.thought_asked
    assert (decision.action, decision.finish, decision.reasoning) == (request.legal[1], "stop", THOUGHT)
    assert decision.output_tokens >= WRITTEN
    assert decision.passes == 2
    first, second = (json.dumps(body) for _, body, _ in seen[-2:])
    assert "up to 40 tokens, then decide" in first
    assert "think first" not in second
    if dialect in ("systemone", "decisions", "logprobs"):
        assert decision.thought_chance > 0.3
        expected = request.legal[0] if dialect == "logprobs" else request.legal[-1]
        assert decision.without_thought == expected
        assert decision.thought_changed == (expected != decision.action)
    else:
        assert decision.without_thought is None, "an answer in words says nothing of what else it would be"
        assert not decision.thought_changed


def test_what_both_passes_share_is_charged_once(requests_seen):
    with FakeServer(thinking(SystemOneServer)) as server:
        for request in requests_seen:
            [decision] = asking(server, thinking="auto:40").decide([request])
            offered = replace(request, think="up to 40 tokens, then decide")
            first, second = Question.of(offered), Question.of(request)
            known = read_before(first.system + first.report, second, 300)
            assert known == 300, "all of the second prompt stood in the first"
            assert decision.prompt_tokens == 300 + 300 - known
            assert decision.output_tokens == WRITTEN


def test_who_asks_decides_as_one_that_always_thinks(requests_seen):
    with FakeServer(thinking(SystemOneServer)) as server:
        always = asking(server, thinking=40, seed=5).decide(requests_seen)
        count = len(server.seen)
        asked = asking(server, thinking="auto:40", seed=5).decide(requests_seen)
        seeds = [body["seed"] for _, body, _ in server.seen[count:] if body and thinks_of(body)]
        earlier = [body["seed"] for _, body, _ in server.seen[:count] if body and thinks_of(body)]
    assert [d.action for d in asked] == [d.action for d in always]
    assert sorted(seeds)[-len(requests_seen) :] == sorted(earlier)[-len(requests_seen) :]


def test_a_mind_that_does_not_ask_is_asked_once(requests_seen):
    with FakeServer(thinking(LogProbsServer)) as server:
        engine = asking(server, thinking="auto:40")
        before = len(server.seen)
        decisions = engine.decide(requests_seen)
        assert not any(thinks_of(body) for _, body, _ in server.seen[before:])
    assert [d.thought_asked for d in decisions] == [False] * len(decisions)


def test_a_thought_that_fails_is_a_fallback_and_the_first_pass_is_paid(requests_seen):
    class Broken(SystemOneServer):
        def chat(self, body):
            return (500, {"error": "out of memory"}) if thinks_of(body) else super().chat(body)

    with FakeServer(Broken()) as server:
        [decision] = asking(server, thinking="auto:40").decide(requests_seen[:1])
    assert (decision.thought_asked, decision.fell_back, decision.why) == (True, True, "refused")
    assert (decision.prompt_tokens, decision.output_tokens) == (300, 0)
    assert not decision.thought_changed


def test_what_was_read_before_is_a_proportion():
    question = Question("abcd", "efghij", "", "", (), (), ())
    assert read_before("", question, 100) == 0
    assert read_before("abcdeX", question, 100) == 50
    assert read_before("abcdefghijkl", question, 100) == 100


def test_no_choice_where_the_context_has_no_room(requests_seen):
    with FakeServer(thinking(SystemOneServer)) as server:
        [decision] = asking(server, thinking="auto:40", context=300).decide(requests_seen[:1])
        bodies = server.bodies("/systemone")
    assert decision.thought_asked is False
    assert decision.thought_chance is None
    assert THINK not in json.dumps(bodies[-1])


def test_shifts_list_thinking_at_every_place(requests_seen):
    request = requests_seen[0]
    with FakeServer(thinking(SystemOneServer)) as server:
        engine = asking(server, thinking="auto:40", debias="shifts")
        before = len(server.seen)
        [decision] = engine.decide([request])
        asked = [body for path, body, _ in server.seen[before:] if path == "/systemone"]
    places = [list(body["questions"]["decision"]["criteria"]).index(THINK) for body in asked]
    assert len(set(places)) == len(places) == min(4, len(request.legal) + 1)
    assert decision.probabilities is None or decision.probabilities.sum() == pytest.approx(1.0)


def test_the_bias_test_lists_thinking_too(requests_seen):
    with FakeServer(thinking(SystemOneServer)) as server:
        engine = asking(server, thinking="auto:40", debias="auto")
        before = len(server.seen)
        engine.decide(requests_seen[:1])
        probed = [body for path, body, _ in server.seen[before:] if path == "/systemone"]
    assert engine.told()["debias"] == "shifts", "it prefers what stands last"
    assert all(THINK in body["questions"]["decision"]["criteria"] for body in probed[:12])


@pytest.mark.parametrize("how", ["auto:40", "agile:40"])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_recorded_run_goes_on_and_replays(how, share, tmp_path):
    cassette = tmp_path / "run.jsonl"
    words = [
        "run",
        "--policy",
        "qwen",
        "--scenario",
        "pair",
        "--hours",
        "0.1",
        "--no-record",
        "--debias",
        "none",
    ]
    words += ["--thinking", how, "--cassette", str(cassette), "--out", str(tmp_path / "r")]

    def told():
        content = json.loads((tmp_path / "r" / "metrics.json").read_text())
        return {name: value for name, value in content.items() if name not in ("timing", "arguments")}

    with FakeServer(thinking(SystemOneServer)) as server:
        assert main([*words, "--server", server.url, "--record"]) == 0
        expected, whole = told(), cassette.read_bytes()
        cassette.write_bytes(whole[: int(share * len(whole))])
        assert main([*words, "--server", server.url, "--record"]) == 0
        assert told() == expected
        url = server.url
    assert main([*words, "--server", url]) == 0, "without a server"
    assert told() == expected
    assert expected["output_tokens"] > 0


def test_json_dialect(requests_seen):
    with FakeServer(JsonServer()) as server:
        engine = asking(server, thinking="auto:40")
        assert engine.dialect.name == "json"
        decisions = engine.decide(requests_seen[:2])
    assert all(d.thought_asked for d in decisions)
