"""Thinking as a choice: when it is one, what it costs, and that a mind that asks for it decides as one that
always thinks."""

from dataclasses import replace

import numpy as np
import pytest
from checkpoints import NON_THINKING, THINKING_ONLY, make_checkpoint

from agents.qwen.choice import thinking_of
from agents.qwen.decisions import Request
from agents.qwen.local import LocalEngine
from agents.qwen.on_demand import has_label
from envs import autonomy_v0, tasking_v0
from envs.reports import Reporter
from sandbox.errors import SandboxError

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


def test_the_passes_of_a_thought_draw_the_same_numbers(checkpoint, requests_seen):
    """A thought that says the same as the first pass changes no decision, however decisions are drawn."""
    engine = engine_of(checkpoint, f"auto:{BUDGET}", sample=True, temperature=5.0)

    class Settled(Asking):
        def __call__(self, requests, ids, orders):
            rows = super().__call__(requests, ids, orders)
            return [np.append(np.sin(np.arange(len(r.legal))), row[len(r.legal) :]) for r, row in
                    zip(requests, rows, strict=True)]  # fmt: skip

    Settled(engine, lambda request: True)
    decided = [decision for _ in range(5) for decision in engine.decide(requests_seen)]
    asked = [decision for decision in decided if decision.thought_asked]
    assert len(decided) > len(asked) > 5
    assert len({decision.action for decision in asked}) > 1
    assert not any(decision.thought_changed for decision in asked)
    for decision in decided:
        assert 0.0 < decision.thought_chance < 1.0
        assert decision.probabilities.sum() == pytest.approx(1.0)


def test_calibration_takes_away_what_is_asked_for_anyway(checkpoint, requests_seen):
    """A mind that asks for a thought whatever it reads does not ask any more."""
    engine = engine_of(checkpoint, f"auto:{BUDGET}", debias="calibrate")
    request = requests_seen[0]

    def scores(requests, ids, orders):
        rows = [np.full(len(order), -3.0) for order in orders]
        for row, one in zip(rows, requests, strict=True):
            if one.think:
                row[-1] = -0.1
        for row, each in zip(rows, ids, strict=True):
            if "not available" not in engine.tokenizer.decode(each):
                row[1] += 1.0
        return rows

    engine._scores = scores
    [first], [second] = engine.decide([request]), engine.decide([request])
    assert (first.thought_asked, first.action) == (False, request.legal[1])
    assert first.prompt_tokens > second.prompt_tokens, "the empty report is paid for once"


def test_a_mind_that_is_unsure_does_not_think(checkpoint, requests_seen):
    engine = engine_of(checkpoint, f"auto:{BUDGET}", floor=0.999)
    engine._scores = lambda requests, ids, orders: [np.linspace(-9.0, -8.0, len(order)) for order in orders]
    for decision in engine.decide(requests_seen[:3]):
        assert (decision.finish, decision.thought_asked, decision.output_tokens) == ("unsure", False, 0)


@pytest.mark.parametrize(("budget", "context"), [(6, 420), (500, 900), (6, 10_000)])
def test_no_choice_where_the_context_has_no_room(tmp_path, corpus, requests_seen, budget, context):
    """The prompt is shortened to make room for a thought as for one of a fixed budget, and no further."""
    folder = make_checkpoint(tmp_path / "m", corpus=corpus, context=10_000)
    probe = engine_of(folder, "off")
    shortest = min(len(probe.chat.fit(request, False, 10**6).ids) for request in requests_seen)
    room = context if context == 10_000 else shortest // 2
    engine = engine_of(folder, f"auto:{budget}", context=max(room, budget + 60))
    for request in requests_seen:
        offered = engine._offered(request)
        if offered.think:
            prompt = engine.chat.fit(offered, True, engine._room())
            assert len(prompt.ids) + budget <= engine.context
        else:
            assert context < 10_000
    assert bool(engine._offered(requests_seen[0]).think) == (context == 10_000)


def test_no_choice_where_no_letter_is_left(requests_seen):
    request = requests_seen[0]
    full = replace(request, mask=np.ones_like(request.mask))
    assert has_label(full)

    class Many:
        label, choice_labels = "letters", request.reporter.choice_labels[:-1]

    assert not has_label(replace(full, reporter=Many()))


@pytest.fixture(scope="module")
def many_options():
    """An environment with so many decisions that a report lists them by families, and what is seen."""
    env = autonomy_v0.batch_env("disaster_response", max_cycles=2)
    return env, *env.reset(seed=1)


@pytest.mark.parametrize("label", ["letters", "words"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_long_lists_list_thinking(many_options, label, language):
    said = "up to 512 tokens, about 6.7 s and 1300 J, then decide"
    env, observation, info = many_options
    reporter = Reporter(env.problem, label=label, language=language)
    for n in range(3):
        mask = np.ones_like(info["action_mask"][0, n]) if n == 2 else info["action_mask"][0, n]
        request = Request(observation[0, n], mask, reporter, n, think=said)
        *before, last = request.report.splitlines()
        assert before == replace(request, think="").report.splitlines()
        assert "512" in last
        assert "6.7" in last
        assert (said in last) == (language == "en")
        order = np.roll(np.arange(len(request.options)), 2)
        label_of = dict(zip(order.tolist(), reporter.labels_of(request.options[order]), strict=True))
        [line] = (line for line in request.asked(order).splitlines() if "512" in line)
        assert line.startswith((f"{label_of[len(order) - 1]}: ", f"- {label_of[len(order) - 1]}"))


def test_words_as_labels(checkpoint, requests_seen):
    env = tasking_v0.batch_env("scs01", 1, candidates=2)
    reporter = Reporter(env.problem, label="words")
    requests = [replace(request, reporter=reporter) for request in requests_seen[:3]]
    engine = engine_of(checkpoint, f"auto:{BUDGET}")
    Asking(engine, lambda request: True)
    for request, decision in zip(requests, engine.decide(requests), strict=True):
        assert decision.thought_asked
        assert decision.text == reporter.actions[decision.action]
        assert request.mask[decision.action]
        assert decision.without_thought in request.legal


def test_a_checkpoint_that_never_thinks_has_none_to_ask_for(tmp_path, corpus):
    folder = make_checkpoint(tmp_path / "instruct", NON_THINKING, corpus)
    for thinking in ("auto:4", "agile:4"):
        with pytest.raises(SandboxError, match="has no thinking mode"):
            LocalEngine(folder, thinking=thinking)


def test_a_thinking_only_checkpoint(tmp_path, corpus, requests_seen):
    folder = make_checkpoint(tmp_path / "thinking", THINKING_ONLY, corpus)
    engine = engine_of(folder, f"auto:{BUDGET}")
    Asking(engine, lambda request: True)
    always = engine_of(folder, BUDGET).decide(requests_seen[:3])
    asked = engine.decide(requests_seen[:3])
    assert same(asked, always)
    assert all(one.prompt_tokens > other.prompt_tokens for one, other in zip(asked, always, strict=True))


@pytest.mark.parametrize("debias", ["each"])
@pytest.mark.parametrize("thinking", ["auto:4", "agile:4"])
def test_proposals_go_without_thoughts(checkpoint, debias, thinking):
    with pytest.raises(SandboxError, match="debias each goes without thoughts; take thinking off"):
        LocalEngine(checkpoint, thinking=thinking, debias=debias)


def test_a_refused_way_to_think_changes_nothing(checkpoint, requests_seen):
    engine = engine_of(checkpoint, "off")
    before = engine.decide(requests_seen[:2])
    with pytest.raises(SandboxError, match="does not fit the context"):
        engine.think_as("auto:100000")
    after = engine.decide(requests_seen[:2])
    assert same(before, after)
    assert (engine.mode, engine.budget) == ("choose", 0)


def test_another_way_to_think_for_the_same_engine(checkpoint, requests_seen):
    engine = engine_of(checkpoint, "off")
    engine.think_as(f"auto:{BUDGET}")
    Asking(engine, lambda request: True)
    assert same(engine.decide(requests_seen[:2]), engine_of(checkpoint, BUDGET).decide(requests_seen[:2]))
    assert (engine.mode, engine_of(checkpoint, "agile").mode, engine_of(checkpoint, 4).mode) == (
        "auto",
        "agile",
        "reason",
    )
