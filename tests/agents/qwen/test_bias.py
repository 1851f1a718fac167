"""A model that prefers places or letters decides as one that does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.qwen.local import LocalEngine
from agents.qwen.orders import Orders, agreed, check_debias
from sandbox.errors import SandboxError


def log_softmax(scores):
    return scores - np.log(np.exp(scores - scores.max()).sum()) - scores.max()


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 30), st.integers(0, 10**6), st.floats(0, 8))
def test_what_options_are_worth_is_told_from_what_places_are(count, seed, strength):
    rng = np.random.default_rng(seed)
    worth, places = rng.normal(size=count), strength * rng.normal(size=count)
    orders = Orders(seed).of(count)
    found = agreed([log_softmax(worth[order] + places) for order in orders], orders)
    np.testing.assert_allclose(found, worth - worth.mean(), atol=1e-6)


@given(st.integers(1, 40), st.integers(0, 100))
def test_orders_are_permutations_and_the_first_is_the_plain_one(count, seed):
    orders = Orders(seed).of(count)
    assert all(sorted(order) == list(range(count)) for order in orders)
    assert list(orders[0]) == list(range(count))
    assert len(orders) == min(count, 4)
    assert all((one == other).all() for one, other in zip(orders, Orders(seed).of(count), strict=True))


class Judge:
    """A model whose score of an option is `worth` by its name plus `places` by where it stands."""

    def __init__(self, engine, places):
        self.engine, self.places = engine, np.asarray(places, float)

    def scores(self, requests, ids, orders):
        rows = []
        for request, order in zip(requests, orders, strict=True):
            worth = np.sin(1.0 + request.legal[order].astype(float))
            rows.append(log_softmax(worth + self.places[: len(order)]) - 0.1)
        return rows


def judged(checkpoint, requests, places, **options):
    engine = LocalEngine(checkpoint, floor=0.0, **options)
    engine._scores = Judge(engine, places).scores
    engine._judge = lambda requests: [None] * len(requests)  # it understands no proposals
    return engine, engine.decide(requests)


@pytest.mark.parametrize("debias", ["shifts", "auto"])
def test_a_biased_model_decides_as_an_unbiased_one(checkpoint, requests_seen, debias):
    biased = np.linspace(6.0, -6.0, 40)
    _, fair = judged(checkpoint, requests_seen, np.zeros(40), debias="none")
    engine, decided = judged(checkpoint, requests_seen, biased, debias=debias)
    for one, other, request in zip(decided, fair, requests_seen, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
        assert one.passes == min(4, len(request.legal))
    assert engine.told()["debias"] == "shifts"
    _, left = judged(checkpoint, requests_seen, biased, debias="none")
    assert any(one.action != other.action for one, other in zip(left, fair, strict=True))


@pytest.mark.parametrize("places", [np.zeros(40), np.linspace(4.0, -4.0, 40), np.cos(np.arange(40.0))])
def test_any_orders_give_the_same_distribution(checkpoint, requests_seen, places):
    _, fair = judged(checkpoint, requests_seen, np.zeros(40), debias="none")
    for seed in range(5):
        _, decided = judged(checkpoint, requests_seen, places, debias="shifts", seed=seed)
        for one, other in zip(decided, fair, strict=True):
            np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)


def test_a_model_without_bias_is_asked_once(checkpoint, requests_seen):
    engine, decided = judged(checkpoint, requests_seen, np.zeros(40))
    assert engine.told() == {"model": engine.name, "labels": "one token", "debias": "none", "bias": 0.0}
    assert all(decision.passes == 1 for decision in decided)


def test_calibration_takes_away_what_is_answered_to_nothing(checkpoint, requests_seen):
    """Here that is all there is: what is left is even."""
    _, decided = judged(checkpoint, requests_seen[:3], np.arange(40.0), debias="calibrate")
    for decision, request in zip(decided, requests_seen[:3], strict=True):
        np.testing.assert_allclose(decision.probabilities[request.legal], 1 / len(request.legal), atol=1e-9)


def test_every_pass_is_charged(checkpoint, requests_seen):
    engine = LocalEngine(checkpoint, debias="shifts", floor=0.0)
    once = LocalEngine(checkpoint, debias="none", floor=0.0).decide(requests_seen)
    for one, other, request in zip(engine.decide(requests_seen), once, requests_seen, strict=True):
        orders = Orders(0).of(len(request.legal))
        ids = [engine.chat.ids(request.system, request.asked(order), False) for order in orders]
        assert one.prompt_tokens == sum(map(len, ids)) >= other.prompt_tokens


def test_too_little_mass_on_legal_labels_is_a_fallback(checkpoint, requests_seen):
    decision = LocalEngine(checkpoint, floor=1.0).decide(requests_seen[:1])[0]
    assert (decision.fell_back, decision.why, decision.action) == (True, "unsure", 0)
    assert 0.0 < decision.mass < 1.0


def test_unknown_ways():
    with pytest.raises(SandboxError, match="debias"):
        check_debias("all")
