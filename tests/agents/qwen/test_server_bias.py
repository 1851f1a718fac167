"""A server whose model prefers places on purpose, is hardly sure, or lists few of its tokens."""

import json
import math
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest
from fake_server import FakeServer, Manners, SystemOneServer, chat

from agents.qwen.choice import softmax
from agents.qwen.decisions import Decision
from agents.qwen.server import ServerEngine
from envs import tasking_v0
from envs.replies import SAFE_ACTION
from experiments.running.callbacks import said_of

FAST = {"dialect": "logprobs", "backoff_s": 0.01, "retries": 0, "concurrency": 2}


def worth(name):
    """What the model thinks of a decision, by its name alone."""
    return math.sin(sum(map(ord, name)))


class Opinionated(Manners):
    """Log-probabilities by `worth`, less `strength` for every place; `mass` of it on the labels. It tells
    proposals apart if it `judges`, and lists the likeliest `listed` of its tokens."""

    def __init__(self, strength=0.0, *, judges=False, mass=1.0, listed=20):
        self.strength, self.judges, self.mass, self.listed = strength, judges, mass, listed

    def chat(self, body):
        asked = body["messages"][-1]["content"]
        reply = chat("A")
        if body.get("logprobs"):
            found = self.tokens(asked)
            found = sorted(found.items(), key=lambda each: -each[1])[: self.listed]
            alternatives = [{"token": token, "logprob": math.log(share)} for token, share in found]
            reply["choices"][0]["logprobs"] = {"content": [{"token": "A", "top_logprobs": alternatives}]}
        return 200, reply

    def tokens(self, asked):
        """Tokens and their probabilities."""
        if "Proposed: " in asked:
            if not self.judges:
                return {"Maybe": 0.9}
            sure = 1.0 / (1.0 + math.exp(-worth(asked.partition("Proposed: ")[2].partition(".")[0])))
            return {"Yes": self.mass * sure, "No": self.mass * (1.0 - sure)}
        lines = [line for line in asked.partition("Decisions:\n")[2].splitlines() if line[1:3] == ": "]
        names = [line[3:].partition(",")[0] for line in lines]
        scores = np.array([worth(name) - self.strength * place for place, name in enumerate(names)])
        shares = self.mass * softmax(scores)
        return {line[0]: float(share) for line, share in zip(lines, shares, strict=True)}


def decided(server, requests, **options):
    with FakeServer(server) as running:
        engine = ServerEngine(running.url, **FAST | options)
        decisions = engine.decide(requests)
        told = engine.told()
        engine.close()
    return decisions, told


def believed(request):
    """Probabilities (A,) of a model without bias."""
    expected = np.zeros(len(request.mask))
    names = [request.reporter.actions[i].replace("_", " ") for i in request.legal]
    expected[request.legal] = softmax(np.array([worth(name) for name in names]))
    return expected


@pytest.mark.parametrize("strength", [0.3, 3.0])
@pytest.mark.parametrize(("debias", "judges"), [("shifts", False), ("auto", False), ("each", True)])
def test_a_model_that_prefers_places_decides_as_one_that_does_not(requests_seen, strength, debias, judges):
    decisions, told = decided(Opinionated(strength, judges=judges), requests_seen, debias=debias)
    assert told["debias"] == ("each" if judges else "shifts")
    for request, decision in zip(requests_seen, decisions, strict=True):
        np.testing.assert_allclose(decision.probabilities, believed(request), atol=1e-6)
        assert decision.action == believed(request).argmax()
    left, _ = decided(Opinionated(strength), requests_seen, debias="none")
    apart = [abs(one.probabilities - believed(r)).max() for one, r in zip(left, requests_seen, strict=True)]
    assert max(apart) > 0.05, "without a correction the place decides"


@pytest.mark.parametrize("seed", range(4))
def test_the_orders_that_are_drawn_change_nothing(requests_seen, seed):
    decisions, _ = decided(Opinionated(2.0), requests_seen, debias="shifts", seed=seed)
    for request, decision in zip(requests_seen, decisions, strict=True):
        np.testing.assert_allclose(decision.probabilities, believed(request), atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_model_without_bias_is_left_alone(requests_seen, seed):
    decisions, told = decided(Opinionated(), requests_seen, seed=seed)
    assert (told["debias"], told["bias"]) == ("none", 0.0)
    assert all(decision.passes == 1 for decision in decisions)


@pytest.mark.parametrize("debias", ["none", "shifts", "each"])
def test_a_model_that_is_hardly_sure_falls_back(requests_seen, debias):
    sure, unsure = 0.3, 1e-6
    for mass, fell in ((sure, False), (unsure, True)):
        server = Opinionated(judges=True, mass=mass)
        for decision in decided(server, requests_seen[:3], debias=debias)[0]:
            assert decision.mass == pytest.approx(mass)
            assert (decision.fell_back, decision.why) == (fell, "unsure" if fell else "")
            assert decision.action == SAFE_ACTION or not fell


@pytest.mark.parametrize("mass", [0.0, 1.234567e-9, 0.25, 1.0])
def test_a_recording_tells_the_mass_however_small(requests_seen, mass):
    request = requests_seen[0]
    decision = Decision(0, 300, 1, "unsure", mass=mass, why="unsure", fell_back=True)
    env = tasking_v0.batch_env("scs01", 1, candidates=2)
    told = said_of(env, request, decision)
    assert told["mass"] == pytest.approx(mass, rel=1e-3)
    assert (told["why"], told["decision"]) == ("unsure", "idle")


class Doubting(SystemOneServer):
    """Says how much of the probability lay on labels, in one of two places."""

    def __init__(self, mass, place):
        self.mass, self.place = mass, place

    def systemone(self, body):
        status, reply = super().systemone(body)
        [answer] = reply["answers"].values()
        (answer if self.place == "answer" else reply)["diagnostics"] = {"label_mass": self.mass}
        return status, reply


@pytest.mark.parametrize("place", ["answer", "reply"])
@pytest.mark.parametrize(("mass", "fell"), [(0.4, False), (1.4e-5, True)])
def test_the_label_mass_that_a_server_tells_is_read(requests_seen, place, mass, fell):
    options = {"debias": "none", "dialect": "systemone"}
    for decision in decided(Doubting(mass, place), requests_seen[:2], **options)[0]:
        assert decision.mass == pytest.approx(mass)
        assert decision.fell_back == fell


def test_labels_beyond_the_likeliest_tokens_are_asked_of_again(requests_seen):
    several = [request for request in requests_seen if len(request.legal) >= 4]
    assert several
    for listed in (2, 3):
        decisions, _ = decided(Opinionated(mass=0.999, listed=listed), several, debias="none")
        for request, decision in zip(several, decisions, strict=True):
            ours, theirs = decision.probabilities[request.legal], believed(request)[request.legal]
            assert (ours > 0.0).all()
            assert (np.argsort(ours) == np.argsort(theirs)).all()
            assert ours.sum() == pytest.approx(1.0)


class Counting(BaseHTTPRequestHandler):
    """Keeps connections open, and counts them."""

    protocol_version = "HTTP/1.1"
    opened = 0

    def setup(self):
        type(self).opened += 1
        super().setup()

    def do_GET(self):
        FakeServer.reply(self.server.outer, self, "GET", None)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        FakeServer.reply(self.server.outer, self, "POST", body)

    def log_message(self, *args):
        pass


@pytest.mark.parametrize("concurrency", [1, 3])
def test_connections_are_kept(requests_seen, concurrency):
    Counting.opened = 0
    server = FakeServer(Opinionated())
    server.server.RequestHandlerClass, server.server.outer = Counting, server
    with server:
        engine = ServerEngine(server.url, **FAST | {"debias": "none", "concurrency": concurrency})
        for _ in range(3):
            engine.decide(requests_seen)
        asked = len(server.seen)
        engine.close()
    assert asked > 3 * len(requests_seen)
    assert Counting.opened <= concurrency + 1, "one a thread, and the one that looked who is there"
