"""A Qwen3 behind a server: every dialect found and read, every failure the safe action, nothing trusted."""

import json
import threading
from dataclasses import replace

import numpy as np
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

from agents.qwen.dialects import DIALECTS
from agents.qwen.server import ServerEngine
from envs.replies import SAFE_ACTION
from sandbox.errors import SandboxError

SERVERS = {
    "systemone": SystemOneServer,
    "decisions": DecisionsServer,
    "logprobs": LogProbsServer,
    "choice": ChoiceServer,
    "json": JsonServer,
    "text": Manners,
}
FAST = {"debias": "none", "backoff_s": 0.01, "retries": 1}


def asking(server, **options):
    return ServerEngine(server.url, **FAST | options)


@pytest.fixture
def one(requests_seen):
    return requests_seen[0]


def last_legal(request):
    return int(request.legal[-1])


@pytest.mark.parametrize("dialect", SERVERS)
def test_auto_finds_what_the_server_can(dialect, requests_seen):
    with FakeServer(SERVERS[dialect]()) as server:
        engine = asking(server)
        decisions = engine.decide(requests_seen)
        engine.close()
    assert engine.dialect.name == dialect
    assert engine.name == "Qwen3-8B"
    for request, decision in zip(requests_seen, decisions, strict=True):
        expected = SAFE_ACTION if dialect == "logprobs" else last_legal(request)
        assert decision.action == expected
        assert not decision.fell_back
        assert not decision.estimated
        assert decision.prompt_tokens in (300, 321)
        if decision.probabilities is None:
            assert decision.finish == "stop"
            assert np.isnan(decision.log_probability)
        else:
            assert decision.finish == "choice"
            assert decision.probabilities.sum() == pytest.approx(1.0)
            assert (decision.probabilities[request.mask == 0] == 0).all()


def test_probabilities_are_the_servers(one):
    count = len(one.legal)
    for kind in (SystemOneServer, DecisionsServer):
        with FakeServer(kind()) as server:
            decision = asking(server).decide([one])[0]
        expected = np.arange(1, count + 1) / (count * (count + 1) / 2)
        np.testing.assert_allclose(decision.probabilities[one.legal], expected)
    with FakeServer(LogProbsServer()) as server:
        decision = asking(server).decide([one])[0]
    weights = np.exp(-0.5 * np.arange(count))
    weights[0] += np.exp(-0.5 * 9)  # A with a space before it
    np.testing.assert_allclose(decision.probabilities[one.legal], weights / weights.sum())


def test_temperature_and_draws_act_on_the_probabilities(one):
    with FakeServer(SystemOneServer()) as server:
        plain, cold = (asking(server, temperature=t).decide([one])[0] for t in (1.0, 0.5))
        drawing = asking(server, sample=True, seed=3)
        drawn = [drawing.decide([one])[0].action for _ in range(30)]
        drawing.reset(3)
        assert [drawing.decide([one])[0].action for _ in range(30)] == drawn
        frozen = asking(server, temperature=1e-4).decide([one])[0]
    np.testing.assert_array_equal(frozen.probabilities, np.eye(len(one.mask))[last_legal(one)])
    squared = plain.probabilities**2
    np.testing.assert_allclose(cold.probabilities, squared / squared.sum())
    assert len(set(drawn)) > 1
    assert set(drawn) <= set(one.legal.tolist())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_that_the_server_lacks_is_one_sentence(dialect):
    wrong = Manners() if dialect != "text" else lambda method, path, body: (404, {})
    with FakeServer(wrong) as server, pytest.raises(SandboxError, match=rf"does not decide .*\({dialect}: "):
        asking(server, model="m", dialect=dialect)


def test_every_prompt_begins_with_the_same_bytes(requests_seen):
    with FakeServer(Manners()) as server:
        asking(server).decide(requests_seen)
        asked = [json.dumps(body["messages"]) for body in server.bodies()[-len(requests_seen) :]]
    assert len({text.partition('"role": "user"')[0] for text in asked}) == 1
    assert sorted({json.loads(text)[1]["content"] for text in asked}) == sorted(
        {request.report for request in requests_seen}
    )


def test_satellites_are_asked_at_once(requests_seen):
    """A server that answers only when all of them have asked."""
    barrier = threading.Barrier(len(requests_seen))

    class Patient(Manners):
        def chat(self, body):
            if "Power and heat" in body["messages"][-1]["content"]:
                barrier.wait(timeout=20)
            return super().chat(body)

    with FakeServer(Patient()) as server:
        engine = asking(server, dialect="text", concurrency=len(requests_seen))
        assert not any(decision.fell_back for decision in engine.decide(requests_seen))


def failing(answer):
    """A server that is fine when probed and then answers a satellite's question with `answer`."""

    class Failing(Manners):
        def chat(self, body):
            return answer if "Power and heat" in body["messages"][-1]["content"] else super().chat(body)

    return Failing()


@pytest.mark.parametrize(
    ("answer", "finish", "said"),
    [
        ((500, {"error": "out of memory"}), "error", "status 500"),
        ((503, b"<html>busy</html>"), "error", "busy"),
        ((400, {"error": "too long"}), "error", "status 400"),
        ((200, b"\xff\xfe garbage"), "error", "not JSON"),
        ((200, []), "unreadable", "choices"),
        ((200, {"choices": []}), "unreadable", "reply"),
        ((200, {"choices": [{"message": {"content": 5}}]}), "unreadable", "not text"),
        ((200, chat(None)), "unreadable", ""),
        ((200, chat("I would rather not say.")), "unreadable", "rather not"),
        ((200, chat("Decision: E")), "illegal", "Decision: E"),
        ((200, chat("A"), 3.0), "timeout", "no answer in 0.6 s"),
    ],
)
def test_a_failed_answer_is_the_safe_action(one, answer, finish, said):
    assert one.mask.sum() == 4, "this test needs E to stand for nothing"
    with FakeServer(failing(answer)) as server:
        decision = asking(server, dialect="text", timeout_s=0.6, retries=0).decide([one])[0]
    assert (decision.finish, decision.fell_back, decision.action) == (finish, True, SAFE_ACTION)
    assert said in decision.text
    assert decision.probabilities is None
    if finish in ("error", "timeout"):
        assert (decision.prompt_tokens, decision.output_tokens) == (0, 0)
        assert decision.why == {"timeout": "time-out"}.get(
            finish, "unreadable" if "JSON" in said else "refused"
        )


@pytest.mark.parametrize(
    "shares",
    [
        {},
        None,
        {"idle": 1.0},
        {"idle": "much"},
        lambda names: dict.fromkeys(names, 0.9),
        lambda names: dict.fromkeys(names, float("nan")),
        lambda names: {**dict.fromkeys(names, 0.0), "downlink": 1.0},
    ],
)
def test_probabilities_that_are_none(one, shares):
    class Odd(SystemOneServer):
        def systemone(self, body):
            status, reply = super().systemone(body)
            answer = reply["answers"]["decision"]
            names = list(answer["probabilities"])
            if "idle" in names:
                answer["probabilities"] = shares(names) if callable(shares) else shares
            return status, reply

    with FakeServer(Odd()) as server:
        decision = asking(server, dialect="systemone").decide([one])[0]
    assert (decision.finish, decision.fell_back, decision.action) == ("unreadable", True, SAFE_ACTION)


def test_what_fails_once_is_tried_again(one):
    failures = iter([(500, {}), (429, {}, 0.0, {"Retry-After": "0"})])
    with FakeServer(Manners()) as server:
        engine = asking(server, dialect="text", retries=2)
        kind = server.answer
        server.answer = lambda *asked: next(failures, None) or kind(*asked)
        decision = engine.decide([one])[0]
    assert not decision.fell_back
    assert decision.action == last_legal(one)


def test_missing_usage_is_estimated_and_flagged(one):
    class Silent(Manners):
        def chat(self, body):
            return 200, chat(self.say(body), usage=None)

    with FakeServer(Silent()) as server:
        decision = asking(server).decide([one])[0]
    assert decision.estimated
    assert decision.prompt_tokens == pytest.approx(len(one.system + one.report) / 3, abs=1)
    assert decision.output_tokens == 1


def test_more_options_than_the_endpoint_takes_are_asked_in_text(one):
    with FakeServer(SystemOneServer()) as server:
        server.answer.limit = 2
        auto = asking(server).decide([one])[0]
        strict = asking(server, dialect="systemone").decide([one])[0]
    assert (auto.action, auto.finish) == (last_legal(one), "stop")
    assert (strict.finish, strict.fell_back) == ("error", True)


def test_a_single_legal_decision_is_not_asked(one):
    mask = np.zeros_like(one.mask)
    mask[0] = 1
    with FakeServer(SystemOneServer()) as server:
        engine = asking(server)
        before = len(server.seen)
        decision = engine.decide([replace(one, mask=mask)])[0]
        assert len(server.seen) == before
    assert (decision.action, decision.probabilities[0], decision.prompt_tokens) == (0, 1.0, 0)


class Thinker(SystemOneServer):
    """Thinks for as long as it may, or to the end."""

    def __init__(self, ends, field="reasoning_content"):
        self.ends, self.field = ends, field

    def chat(self, body):
        if not body.get("chat_template_kwargs", {}).get("enable_thinking"):
            return super().chat(body)
        spent = body.get("max_tokens", 500)
        usage = {"prompt_tokens": 321, "completion_tokens": spent}
        thought = "The battery is full, so let us image."
        answer = "Decision: B" if self.ends else ""
        finish = "stop" if self.ends else "length"
        if self.field == "content":
            tagged = f"<think>\n{thought}" + ("\n</think>\n\n" if self.ends else "")
            return 200, chat(tagged + answer, finish, usage)
        return 200, chat(answer, finish, usage, **{self.field: thought})


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "content"])
def test_thinking_that_ends_in_time(one, field):
    with FakeServer(Thinker(ends=True, field=field)) as server:
        decision = asking(server, thinking=40).decide([one])[0]
        thinking = server.bodies()[-1]
    assert thinking["max_tokens"] == 40
    assert thinking["temperature"] == 0.6
    assert (decision.action, decision.finish) == (1, "stop")
    assert decision.reasoning == "The battery is full, so let us image."
    assert (decision.prompt_tokens, decision.output_tokens) == (321, 40)


@pytest.mark.parametrize("field", ["reasoning_content", "content"])
def test_thinking_that_does_not_is_cut_and_asked_to_decide(one, field):
    with FakeServer(Thinker(ends=False, field=field)) as server:
        decision = asking(server, thinking=40).decide([one])[0]
        second = server.bodies("/systemone")[-1]
    assert "You have thought so far:\nThe battery is full" in second["state"]
    assert "Time is up" in second["state"]
    assert (decision.action, decision.finish) == (last_legal(one), "length")
    assert decision.probabilities.sum() == pytest.approx(1.0)
    assert decision.reasoning == "The battery is full, so let us image."
    assert (decision.prompt_tokens, decision.output_tokens) == (321, 40)


def test_free_thinking_is_bounded_by_the_context_alone(one):
    with FakeServer(Thinker(ends=True)) as server:
        asking(server, thinking="free").decide([one])
        assert "max_tokens" not in server.bodies()[-1]
        asking(server, thinking="free", context=2000).decide([one])
        assert 0 < server.bodies()[-1]["max_tokens"] < 2000 - 128


def test_seeds_of_thoughts_follow_the_seed(requests_seen):
    with FakeServer(Thinker(ends=True)) as server:
        engine, seeds = asking(server, thinking=5, seed=9), []
        for seed in (9, 10):
            engine.reset(seed)
            count = len(server.seen)
            engine.decide(requests_seen)
            seeds.append(sorted(body["seed"] for _, body, _ in server.seen[count:]))
        engine.reset(9)
        count = len(server.seen)
        engine.decide(requests_seen)
        assert sorted(body["seed"] for _, body, _ in server.seen[count:]) == seeds[0]
    assert seeds[0] != seeds[1]


def test_a_context_stated_by_the_server_shortens_the_report(one):
    class Small(Manners):
        models = 200, {"data": [{"id": "Qwen/Qwen3-8B", "max_model_len": 578}]}

    with FakeServer(Small()) as server:
        engine = asking(server)
        decision = engine.decide([one])[0]
        asked = server.bodies()[-1]["messages"][1]["content"]
    assert engine.context == 578
    assert decision.left_out > 0
    assert "Left out for want of room: " in asked
    assert len(engine.dialect.model + asked) < len(one.report)


def test_api_key_goes_out_as_bearer_and_is_asked_for(one, monkeypatch):
    class Guarded(Manners):
        models = 401, {"error": "no key"}

    with FakeServer(Guarded()) as server:
        with pytest.raises(SandboxError, match=r"wants an API key \(status 401\)"):
            asking(server)
        with pytest.raises(SandboxError, match="'MY_KEY' for the API key is not set"):
            asking(server, api_key_env="MY_KEY")
    monkeypatch.setenv("MY_KEY", "secret")
    with FakeServer(Manners()) as server:
        asking(server, api_key_env="MY_KEY").decide([one])
        assert {headers["Authorization"] for _, _, headers in server.seen} == {"Bearer secret"}


def test_no_server_is_one_sentence():
    with FakeServer(Manners()) as server:
        url = server.url
    with pytest.raises(SandboxError, match=r"cannot be reached \(.*refused.*\); start it, or correct"):
        ServerEngine(url, **FAST)


def test_a_server_that_never_answers_is_one_sentence():
    with (
        FakeServer(lambda *asked: (200, {}, 3.0)) as server,
        pytest.raises(SandboxError, match="no answer in"),
    ):
        asking(server, timeout_s=0.3, retries=0)


def test_models_endpoint_may_fail(one):
    """As that of `transformers serve` without a cache folder."""

    class Sulking(SystemOneServer):
        models = 500, b"Internal Server Error"

    with FakeServer(Sulking()) as server:
        assert asking(server, model="Qwen/Qwen3-4B").decide([one])[0].action == last_legal(one)
        with pytest.raises(SandboxError, match=r"needs the name of a model: give --model \(it lists none\)"):
            asking(server)


def test_unknown_model_names_those_that_there_are():
    class Strict(Manners):
        def chat(self, body):
            return (
                super().chat(body) if body["model"] == "Qwen/Qwen3-8B" else (404, {"error": "no such model"})
            )

    with FakeServer(Strict()) as server, pytest.raises(SandboxError, match=r"it lists Qwen/Qwen3-8B"):
        asking(server, model="Qwen3-9B")


def test_a_model_that_cannot_stop_thinking_needs_a_budget(one):
    class Brooding(Manners):
        def chat(self, body):
            if body.get("max_tokens", 0) <= 64:
                return 200, chat("", "length", reasoning_content="Hm.")
            return super().chat(body)

    with FakeServer(Brooding()) as server:
        with pytest.raises(SandboxError, match="thinks and cannot be told not to: give it a thinking budget"):
            asking(server)
        decision = asking(server, thinking=200).decide([one])[0]
    assert (decision.action, decision.finish) == (last_legal(one), "stop")


def test_two_models_are_not_guessed_between():
    class Two(Manners):
        models = 200, {"data": [{"id": "b"}, {"id": "a"}]}

    with FakeServer(Two()) as server, pytest.raises(SandboxError, match=r"\(it lists a, b\)"):
        asking(server)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"url": "localhost:8000"}, "is not a URL; give one such as http://localhost:8000/v1"),
        ({"url": "http://"}, "is not a URL"),
        ({"url": "http://host:port"}, "is not a URL"),
        ({"dialect": "sistemone"}, "Unknown dialect 'sistemone'; did you mean systemone"),
        ({"timeout_s": 0}, "timeout_s is 0; give seconds above 0"),
        ({"retries": -1}, "retries is -1; give a number from 0 up"),
        ({"concurrency": 0}, "concurrency is 0; give a number from 1 up"),
        ({"context": 0}, "context is 0; give a number from 1 up"),
        ({"thinking": "some"}, "thinking is 'some'"),
        ({"record": True}, "Recording needs a file"),
    ],
)
def test_wrong_options_are_one_sentence(options, sentence):
    with pytest.raises(SandboxError, match=sentence):
        ServerEngine(**{"url": "http://localhost:1", **options})


def test_closed_engine_says_so(one):
    with FakeServer(Manners()) as server:
        engine = asking(server)
        engine.close()
        engine.close()
        with pytest.raises(SandboxError, match="was closed"):
            engine.decide([one])
