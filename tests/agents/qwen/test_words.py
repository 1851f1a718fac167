"""Decisions named by words in place of letters, in process and on servers."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from fake_server import ChoiceServer, FakeServer, JsonServer, Manners

from agents.qwen import local
from agents.qwen.server import ServerEngine
from envs import tasking_v0
from envs.reports import WORDS, Reporter

LocalEngine = partial(local.LocalEngine, debias="none", floor=0.0)
CLOSE = 1e-5


@pytest.fixture(scope="module")
def named(requests_seen):
    """The requests, their decisions listed by name."""
    problem = tasking_v0.batch_env("scs01", 1, candidates=2).problem
    reporter = Reporter(problem, label=WORDS)
    return [replace(request, reporter=reporter) for request in requests_seen[:4]]


def test_a_report_lists_names(named):
    request = named[0]
    lines = request.report.partition("Decisions:\n")[2].splitlines()
    assert [line[2:].partition(",")[0] for line in lines] == [
        request.reporter.actions[i] for i in request.legal
    ]
    assert request.system.endswith("Answer only with the name of the decision expected to pay most.")


def test_whole_names_are_scored(checkpoint, named):
    """By a forward pass over the prompt with each name after it."""
    engine = LocalEngine(checkpoint)
    model = engine._forward.model
    for request, decision in zip(named, engine.decide(named), strict=True):
        prompt = engine.chat.ids(request.system, request.report, False)
        names = [request.reporter.actions[i] for i in request.legal]
        tokens = engine.chat.label_tokens(names)
        assert any(len(name) > 1 for name in tokens)
        logs = []
        for name in tokens:
            with torch.inference_mode():
                told = torch.log_softmax(model(torch.tensor([prompt + name])).logits[0].double(), -1)
            logs.append(sum(float(told[len(prompt) - 1 + k, token]) for k, token in enumerate(name)))
        shares = np.exp(np.array(logs) - max(logs))
        np.testing.assert_allclose(decision.probabilities[request.legal], shares / shares.sum(), atol=CLOSE)
        assert decision.mass == pytest.approx(np.exp(logs).sum(), rel=1e-3)


def test_a_name_stands_where_its_order_puts_it(checkpoint, named):
    engine, plain = LocalEngine(checkpoint, debias="shifts"), LocalEngine(checkpoint)
    for one, other in zip(engine.decide(named), plain.decide(named), strict=True):
        assert one.passes > 1
        assert one.probabilities.shape == other.probabilities.shape
        assert (one.probabilities > 0).sum() == (other.probabilities > 0).sum()


class Written(Manners):
    """Names the last decision of the list in a sentence."""

    def say(self, body):
        asked = body["messages"][-1]["content"]
        if "Decisions:\n- " not in asked:
            return super().say(body)
        name = asked.rpartition("\n- ")[2].partition(",")[0]
        return f"I choose {name}."


class Listed(JsonServer):
    """Obeys the schema, without a word of thinking."""

    def chat(self, body):
        return super().chat(body | {"reasoning_effort": "none"})


@pytest.mark.parametrize(("dialect", "kind"), [("choice", ChoiceServer), ("json", Listed), ("text", Written)])
def test_servers_answer_with_names(named, dialect, kind):
    with FakeServer(kind()) as server:
        engine = ServerEngine(server.url, dialect=dialect, retries=0, debias="none")
        decisions = engine.decide(named)
        engine.close()
    for request, decision in zip(named, decisions, strict=True):
        assert (decision.action, decision.why) == (request.legal[-1], "")
