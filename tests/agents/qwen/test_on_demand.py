"""Thinking as a choice: when it is one, what it costs, and that a mind that asks for it decides as one that
always thinks."""

from dataclasses import replace

import numpy as np
import pytest

from agents.qwen.choice import thinking_of
from agents.qwen.local import LocalEngine

BUDGET = 6


def engine_of(checkpoint, thinking, **options):
    options = {"debias": "none", "floor": 0.0, "seed": 3} | options
    return LocalEngine(checkpoint, thinking=thinking, **options)


class Asking:
    """Has an engine ask for a thought, or not, as `wants` says of each request."""

    def __init__(self, engine, wants):
        self.engine, self.wants, self.scores = engine, wants, engine._scores
        engine._scores = self

    def __call__(self, requests, ids, orders):
        rows = []
        for request, order, row in zip(requests, orders, self.scores(requests, ids, orders), strict=True):
            if request.think:
                at = int(np.flatnonzero(order == len(order) - 1)[0])
                row = row.copy()
                row[at] = 0.0 if self.wants(request) else -50.0
            rows.append(row)
        return rows


def same(one, other):
    return [(d.action, d.finish, d.reasoning, d.text) for d in one] == [
        (d.action, d.finish, d.reasoning, d.text) for d in other
    ]


@pytest.mark.parametrize("debias", ["none", "shifts"])
def test_who_asks_decides_as_one_that_always_thinks(checkpoint, requests_seen, debias):
    always = engine_of(checkpoint, BUDGET, debias=debias).decide(requests_seen)
    engine = engine_of(checkpoint, f"auto:{BUDGET}", debias=debias)
    Asking(engine, lambda request: True)
    asked = engine.decide(requests_seen)
    assert same(asked, always)
    assert all(d.thought_asked for d in asked)
    for one, other in zip(asked, always, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        assert one.output_tokens == other.output_tokens
        assert one.passes > other.passes


@pytest.mark.parametrize("debias", ["none", "shifts"])
def test_who_does_not_ask_pays_one_pass(checkpoint, requests_seen, debias):
    engine = engine_of(checkpoint, f"auto:{BUDGET}", debias=debias)
    Asking(engine, lambda request: False)
    decided = engine.decide(requests_seen)
    never = engine_of(checkpoint, "off", debias=debias).decide(requests_seen)
    for one, other in zip(decided, never, strict=True):
        assert (one.thought_asked, one.output_tokens, one.reasoning) == (False, 0, "")
        assert other.thought_asked is None
        assert one.thought_chance < 1e-12
        assert one.probabilities.sum() == pytest.approx(1.0)
        if debias == "none":
            assert (one.passes, other.passes) == (1, 1)
            assert one.prompt_tokens > other.prompt_tokens, "the line that offers a thought is read"


def test_both_passes_are_charged_and_what_they_share_once(checkpoint, requests_seen):
    engine = engine_of(checkpoint, f"auto:{BUDGET}")
    Asking(engine, lambda request: True)
    always = engine_of(checkpoint, BUDGET)
    for request in requests_seen:
        [one], [other] = engine.decide([request]), always.decide([request])
        offered = replace(request, think=engine._offer)
        first = engine.chat.ids(request.system, offered.asked(), False)
        second = engine.chat.ids(request.system, request.asked(), True)
        shared = next(i for i in range(len(first)) if first[i] != second[i])
        assert one.prompt_tokens == len(first) + other.prompt_tokens - shared
        assert shared > 0.7 * len(first)


def test_the_budget_and_the_price_stand_in_the_report(requests_seen):
    offered = replace(requests_seen[0], think="up to 512 tokens, about 12 s and 340 J, then decide")
    *_, last = offered.report.splitlines()
    assert last.endswith(": think first, up to 512 tokens, about 12 s and 340 J, then decide")
    assert offered.report.splitlines()[:-1] == requests_seen[0].report.splitlines()


def test_thinking_of():
    assert thinking_of("auto") == ("auto", 256)
    assert thinking_of("agile:7") == ("agile", 7)
