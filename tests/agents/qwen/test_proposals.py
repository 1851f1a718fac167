"""Options proposed one by one: there is no place, what is expected to pay is told, examples stand before."""

import math

import numpy as np
import pytest

from agents.qwen.asking import LEAST_SHARE
from agents.qwen.bias import BiasTest, agreement, probes
from agents.qwen.choice import softmax
from agents.qwen.decisions import Request
from agents.qwen.dialects import LogProbs, Question, read_usage
from agents.qwen.orders import EACH, SHIFTS
from agents.qwen.outcome import Outcome, paid, weighed_verdicts
from envs import tasking_v0
from envs.prospects import Prices, Seen, answer, burning, charging, image, returning, sending, serving
from envs.reports import Reporter

PRICES = Prices(
    image=5.0, image_half_life=180.0, answer=2.0, loss=50.0, fuel=2.0, slot=10.0, slot_km=10.0,
    job={"job_present": 1.0, "job_value": 2.0, "job_left": 900.0, "job_half_life": 300.0,
         "job_small_quality": 0.5, "job_large_quality": 0.9},
    usual=5.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def problem():
    return tasking_v0.batch_env("pair").problem


@pytest.fixture(scope="module")
def request_seen(problem):
    layout = problem.layout
    physical = layout.low.copy()
    seen = {"battery": 80.0, "sunlight": 100.0, "request_1_present": 1.0, "request_1_value": 8.0}
    for name, value in (seen | {"request_1_cloud": 25.0}).items():
        physical[layout.index(name)] = value
    mask = np.array([name in ("idle", "charge", "observe_1") for name in problem.actions], np.int8)
    return Request(layout.scaled(physical), mask, Reporter(problem))


def test_what_an_image_pays():
    seen = Seen(request_1_present=1.0, request_1_value=8.0, request_1_cloud=25.0)
    assert image(seen, 1) == pytest.approx(6.0)
    assert image(Seen(seen, request_1_earlier=1.0), 1) == pytest.approx(3.0)
    assert image(seen, 2) == 0.0


def test_what_is_sent_pays_as_far_as_it_can_be_sent():
    seen = Seen(images=2.0, stored=8.0, station_rate=100.0, station_seconds=20.0)
    assert sending(seen, PRICES) == pytest.approx(2 * 5.0 * 0.25)
    assert sending(Seen(seen, oldest_image=180.0), PRICES) == pytest.approx(5.0 * 0.25)
    assert sending(Seen(images=2.0, stored=8.0), PRICES) == 0.0


def test_charging_pays_more_the_emptier_the_battery():
    full, low, empty = (charging(Seen(battery=b, sunlight=100.0), PRICES) for b in (100.0, 20.0, 0.0))
    assert full == 0.0
    assert low > 50.0 / 3.0
    assert empty > low


def test_an_answer_pays_less_the_longer_it_takes_and_nothing_too_late():
    seen = Seen(job_present=1.0, job_value=4.0, job_half_life=60.0, job_left=100.0, job_large_s=60.0)
    seen["job_large_quality"] = 0.9
    assert answer(seen, "run_large") == pytest.approx(1.8)
    assert answer(Seen(seen, backlog=60.0), "run_large") == 0.0
    assert answer(seen, "drop") == answer(seen, "training") == 0.0


def test_an_order_pays_what_it_brings_beyond_the_one_that_stands():
    seen = Seen(order_run_large=1.0)
    assert serving(seen, PRICES, "run_large") == 0.0
    assert serving(seen, PRICES, "drop") == pytest.approx(-1.8)
    assert serving(Seen(order_defer=1.0), PRICES, "run_large") == pytest.approx(1.8)


def test_burning_pays_by_the_collision_that_it_avoids():
    warned = Seen(warning_1_present=1.0, warning_1_time=8.0, warning_1_sigma=50.0, warning_1_risk=-1.0)
    assert burning(warned, PRICES, 0.02) == pytest.approx(5.0 - 0.08, abs=0.01)
    assert burning(Seen(), PRICES, 0.02) == pytest.approx(-0.08)
    assert returning(Seen(offset=12.0), PRICES) == 10.0
    assert returning(Seen(offset=12.0, warnings=1.0), PRICES) == 0.0


def test_a_proposal_says_what_it_pays(request_seen):
    reporter = request_seen.reporter
    told = reporter.proposal(reporter.actions.index("observe_1"), request_seen.observation)
    assert (
        told == "Proposed: observe 1. It is an excellent choice, it pays 6. Is it a good decision? Yes or No."
    )
    assert reporter.grade(-1.0) == "very bad"
    assert reporter.grade(0.0) == "neutral"
    assert "C: observe 1, excellent, pays 6" in request_seen.report


def test_every_decision_of_the_examples_is_good_once_and_once_not(request_seen):
    shown = request_seen.reporter.verdicts_shown
    named = [(text.partition("Proposed: ")[2].partition(".")[0], verdict) for text, verdict in shown]
    assert len(named) == len(set(named)) == 2 * len({name for name, _ in named})
    assert all(("costs" in text or "nothing" in text) == (verdict == "No") for text, verdict in shown)


def reply(**tokens):
    alternatives = [{"token": token, "logprob": math.log(share)} for token, share in tokens.items()]
    return {"choices": [{"logprobs": {"content": [{"top_logprobs": alternatives}]}}]}


def test_verdicts_are_read_in_either_case(request_seen):
    question = Question.proposing(request_seen, 0)
    found = LogProbs("m").read(reply(Yes=0.3, yes=0.1, No=0.2, Maybe=0.4), question)
    np.testing.assert_allclose(found.probabilities, [2 / 3, 1 / 3])
    assert found.mass == pytest.approx(0.6)
    chat = LogProbs("m").body(question, {})["messages"]
    assert [each["role"] for each in chat] == ["system", *["user", "assistant"] * 6, "user"]


def verdict(yes, tokens=100, cached=0, mass=0.9):
    return Outcome("choice", np.array([yes, 1 - yes]), 0, tokens, 1, mass=mass, cached=cached)


def test_options_are_weighed_by_how_much_rather_yes_than_no(request_seen):
    verdicts = [verdict(0.2), verdict(0.4, cached=80), verdict(0.9, cached=80)]
    _, whole = weighed_verdicts(request_seen, verdicts)
    np.testing.assert_allclose(whole.shares, softmax(np.log([0.2 / 0.8, 0.4 / 0.6, 0.9 / 0.1])))
    assert whole.action == request_seen.legal[2]
    assert (whole.prompt_tokens, whole.output_tokens) == (paid(verdicts), 3) == (140, 3)


def test_where_a_verdict_failed_nothing_is_decided(request_seen):
    bad = Outcome("timeout", None, 0, why="time-out")
    assert weighed_verdicts(request_seen, [verdict(0.9), bad, verdict(0.1)])[1].shares is None


def test_what_a_server_had_read_before_is_known():
    told = {"prompt_tokens": 90, "completion_tokens": 1}
    assert read_usage({"usage": told}).cached == 0
    for cached, expected in ((40, 40), (400, 90), (-1, 0), ("x", 0)):
        usage = read_usage({"usage": told | {"prompt_tokens_details": {"cached_tokens": cached}}})
        assert usage.cached == expected


def by_pay(requests):
    """A mind that does what pays most."""
    return [softmax(np.array(r.reporter.worths(r.observation, r.legal))) for r in requests]


def by_place(asked):
    """A mind that takes the first of a list, whatever it is."""
    return [softmax(-9.0 * np.arange(len(order), dtype=float)) for _, order in asked]


def test_the_way_that_agrees_with_the_pay_is_taken(problem):
    reporter = Reporter(problem)
    test = BiasTest("auto")
    assert test.way(reporter, by_place, by_pay) == EACH
    assert test.told()["agreement"][EACH] == 1.0
    assert BiasTest("auto").way(reporter, by_place, None) == SHIFTS
    assert BiasTest("auto").way(reporter, by_place, lambda requests: [None] * len(requests)) == SHIFTS
    against = [-np.log(np.maximum(each, LEAST_SHARE)) for each in by_pay(probes(reporter))]
    assert agreement(probes(reporter), against) == 0.0


def hardly(asked):
    """A mind that hardly tells options apart, and what difference there is lies in the place."""
    return [softmax(-1e-3 * np.arange(len(order), dtype=float)) for _, order in asked]


def test_a_model_whose_likeliest_option_changes_with_the_place_is_biased(problem):
    assert BiasTest("auto").way(Reporter(problem), hardly, by_pay) == EACH


def test_bias_is_tested_among_few_and_among_all(problem):
    counts = [len(request.legal) for request in probes(Reporter(problem))]
    assert counts == [5, 5, 7, 5, 5, 7]
    assert len(problem.actions) == 7


def lost_among_many(asked):
    """A mind that does what pays most of a few, and the first of many."""
    told = []
    for request, order in asked:
        worths = np.array(request.reporter.worths(request.observation, request.legal))[order]
        told.append(softmax(9.0 * worths if len(order) <= 5 else -9.0 * np.arange(len(order), dtype=float)))
    return told


def test_a_model_that_is_lost_among_many_is_asked_of_each(problem):
    test = BiasTest("auto")
    assert test.way(Reporter(problem), lost_among_many, by_pay) == EACH
    assert test.told()["agreement"][SHIFTS] < 1.0
