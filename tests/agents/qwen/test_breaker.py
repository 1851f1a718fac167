"""A server that fails again and again is asked once a round, until it answers."""

import pytest
from fake_server import FakeServer, LogProbsServer, Manners, chat

from agents.qwen.breaker import MOST_FAILURES, Breaker
from agents.qwen.http import Reply
from agents.qwen.server import ServerEngine
from envs.replies import SAFE_ACTION

FAST = {"debias": "none", "backoff_s": 0.0, "retries": 0, "timeout_s": 30.0}
GARBAGE = (200, b"<html>")


class Dying(Manners):
    """Fine when probed; answers reports with `failure` while there is one."""

    failure = None

    def chat(self, body):
        if self.failure is not None and "Power and heat" in str(body):
            return self.failure
        return super().chat(body)


def asked(server, engine, requests):
    """What is decided, and how many requests that took."""
    before = len(server.seen)
    decisions = engine.decide(requests)
    return decisions, len(server.seen) - before


@pytest.mark.parametrize("failure", [(500, {}), (503, b"busy"), (429, {}), GARBAGE])
@pytest.mark.parametrize("options", [{}, {"retries": 2}, {"thinking": 20}, {"debias": "shifts"}])
def test_it_is_asked_once_a_round(requests_seen, failure, options):
    kind = Dying()
    with FakeServer(kind) as server:
        engine = ServerEngine(server.url, dialect="text", **FAST | options)
        kind.failure = failure
        engine.decide(requests_seen)
        for _ in range(2):
            decisions, count = asked(server, engine, requests_seen)
            assert count == 1, "not even tried again"
            assert all(d.fell_back and d.action == SAFE_ACTION for d in decisions)
            assert {d.finish for d in decisions} == {"error"}
            assert "not asked, for the server failed" in decisions[-1].text
            assert sum(d.prompt_tokens for d in decisions) == 0
        engine.close()


def test_it_is_asked_by_all_once_it_answers_again(requests_seen):
    kind = Dying()
    with FakeServer(kind) as server:
        engine = ServerEngine(server.url, dialect="text", **FAST)
        kind.failure = (500, {})
        engine.decide(requests_seen)
        kind.failure = None
        decisions, count = asked(server, engine, requests_seen)
        assert count == len(requests_seen)
        assert not any(d.fell_back for d in decisions)
        engine.close()


def test_what_is_subtracted_is_not_asked_of_it_either(requests_seen):
    """Nor is a failure kept as the answer to a report that says nothing."""

    class Dead(LogProbsServer):
        dead = False

        def chat(self, body):
            return (500, {}) if self.dead else super().chat(body)

    kind = Dead()
    with FakeServer(kind) as server:
        fresh = ServerEngine(server.url, dialect="logprobs", **FAST | {"debias": "calibrate"})
        expected = [d.probabilities.tolist() for d in fresh.decide(requests_seen)]
        engine = ServerEngine(server.url, dialect="logprobs", **FAST | {"debias": "calibrate"})
        kind.dead = True
        engine.decide(requests_seen)
        _, count = asked(server, engine, requests_seen)
        assert count == 1
        kind.dead = False
        found = [d.probabilities.tolist() for d in engine.decide(requests_seen)]
        assert found == expected


def test_a_recording_goes_on_all_the_same(requests_seen, tmp_path):
    kind = Dying()
    file = tmp_path / "run.jsonl"
    with FakeServer(kind) as server:
        engine = ServerEngine(server.url, dialect="text", cassette=file, record=True, **FAST)
        kind.failure = (500, {})
        recorded = [engine.decide(requests_seen), engine.decide(requests_seen)]
        kind.failure = None
        recorded.append(engine.decide(requests_seen))
        engine.close()
    player = ServerEngine("http://127.0.0.1:9/v1", dialect="text", cassette=file, **FAST)
    replayed = [player.decide(requests_seen) for _ in range(3)]
    assert [[d.action for d in row] for row in replayed] == [[d.action for d in row] for row in recorded]
    assert [[d.finish for d in row] for row in replayed] == [[d.finish for d in row] for row in recorded]


DEAD = [Reply(0, None, "timeout", "late"), Reply(0, None, "error", "cut"), Reply(503, {}), Reply(429, {})]
ALIVE = [Reply(200, chat("A")), Reply(400, {"error": "too long"}), Reply(404, None), Reply(200, {})]


@pytest.mark.parametrize("dead", DEAD)
@pytest.mark.parametrize("alive", ALIVE)
def test_failures_count_in_a_row(dead, alive):
    """A refusal is an answer: the server is there."""
    breaker = Breaker()
    for _ in range(MOST_FAILURES - 1):
        breaker.saw(dead)
    assert not breaker.open
    breaker.saw(alive)
    for _ in range(MOST_FAILURES - 1):
        breaker.saw(dead)
    assert not breaker.open
    breaker.saw(dead)
    assert breaker.open
    assert f"failed {MOST_FAILURES} times in a row: {dead.reason}" in breaker.why
    breaker.saw(alive)
    assert not breaker.open
