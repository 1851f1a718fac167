"""A checkpoint in this process: the numbers of transformers, however batched; legal and reproducible."""

from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from checkpoints import NON_THINKING, THINKING_ONLY, make_adapter, make_checkpoint

from agents.qwen import local
from agents.qwen.chat import TIME_IS_UP
from envs.reports import LABELS
from sandbox.errors import SandboxError

CLOSE = 2e-6  # float32 sums in another order

LocalEngine = partial(local.LocalEngine, debias="none", floor=0.0)


@pytest.fixture(scope="module")
def engine(checkpoint):
    return LocalEngine(checkpoint)


@pytest.fixture(scope="module")
def adapters(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    return {name: make_adapter(checkpoint, folder / name, seed) for seed, name in enumerate("ab", start=1)}


def table(decisions):
    return np.array([decision.probabilities for decision in decisions])


def first_tokens(engine, request):
    return np.array([label[0] for label in engine.chat.label_tokens(request.reporter.labels)])


def same(one, other):
    return [(d.action, d.finish, d.output_tokens, d.reasoning) for d in one] == [
        (d.action, d.finish, d.output_tokens, d.reasoning) for d in other
    ]


def test_choose_equals_the_decision_pipeline(engine, checkpoint, requests_seen):
    """The same prompt and labels through transformers' own pipeline give the same probabilities."""
    from transformers import pipeline
    from transformers.decision import DecisionConfig

    decisions = engine.decide(requests_seen[:3])
    for request, decision in zip(requests_seen[:3], decisions, strict=True):
        labels = list(request.reporter.labels_of(request.legal))
        config = DecisionConfig(
            labels={"choice": labels}, chat_template="{{ state }}", sanitize_control_tokens=False
        )
        pipe = pipeline("decision", model=str(checkpoint), decision_config=config)
        prompt = engine.chat.text(request.system, request.report, think=False)
        question = {"type": "choice", "criteria": dict.fromkeys(labels)}
        answer = pipe({"state": prompt, "questions": {"decision": question}})["decision"]
        np.testing.assert_allclose(
            decision.probabilities[request.legal], list(answer["probabilities"].values()), atol=CLOSE
        )
        assert answer["choice"] == decision.text


def test_scores_equal_the_pipeline_on_its_own_prompt(engine, checkpoint, requests_seen):
    from transformers import pipeline

    from agents.qwen.scoring import Row

    pipe = pipeline("decision", model=str(checkpoint))
    criteria = dict.fromkeys(requests_seen[0].reporter.actions)
    question = {
        "state": requests_seen[0].report,
        "questions": {"q": {"type": "choice", "criteria": criteria}},
    }
    ids = pipe.preprocess(question)["prompts"][0][0]["input_ids"][0].tolist()
    tokens = np.array([label[0] for label in engine.chat.label_tokens(LABELS[: len(criteria)])])
    scores = engine._forward.scores([Row(ids)], tokens)[0]
    shares = np.exp(scores - scores.max())
    expected = list(pipe(question)["q"]["probabilities"].values())
    np.testing.assert_allclose(shares / shares.sum(), expected, atol=CLOSE)


def test_prefix_once_equals_whole_prompts(engine, checkpoint, requests_seen):
    whole = LocalEngine(checkpoint, reuse_prefix=False)
    np.testing.assert_allclose(
        table(engine.decide(requests_seen)), table(whole.decide(requests_seen)), atol=CLOSE
    )
    assert engine._forward._prefixes
    assert not whole._forward._prefixes


@pytest.mark.parametrize("micro_batch", [1, 5])
def test_batch_equals_single(engine, checkpoint, requests_seen, micro_batch):
    batched = LocalEngine(checkpoint, micro_batch=micro_batch).decide(requests_seen)
    single = [engine.decide([request])[0] for request in requests_seen]
    np.testing.assert_allclose(table(batched), table(single), atol=CLOSE)
    assert same(batched, single)


def test_illegal_is_never_chosen(checkpoint, requests_seen):
    engine = LocalEngine(checkpoint, sample=True, temperature=5.0)
    for _ in range(2):
        for request, decision in zip(requests_seen, engine.decide(requests_seen), strict=True):
            assert request.mask[decision.action]
            assert (decision.probabilities[request.mask == 0] == 0).all()
            assert decision.probabilities.sum() == pytest.approx(1.0)
            assert np.isfinite(decision.log_probability)


def test_greedy_takes_the_most_likely_and_counts_tokens(engine, requests_seen):
    for request, decision in zip(requests_seen, engine.decide(requests_seen), strict=True):
        assert decision.action == decision.probabilities.argmax()
        assert decision.text == request.label(decision.action)
        assert decision.prompt_tokens == len(engine.chat.ids(request.system, request.report, think=False))
        assert (decision.output_tokens, decision.finish, decision.fell_back) == (0, "choice", False)


def test_temperature_flattens(checkpoint, engine, requests_seen):
    hot = LocalEngine(checkpoint, temperature=10.0)
    assert (
        table(hot.decide(requests_seen)).max(axis=1) < table(engine.decide(requests_seen)).max(axis=1)
    ).all()


@pytest.mark.parametrize("thinking", ["off", 6])
def test_same_seed_same_decisions(checkpoint, requests_seen, thinking):
    requests_seen = requests_seen[:4]
    engine = LocalEngine(checkpoint, sample=True, thinking=thinking, seed=4)
    first = [engine.decide(requests_seen) for _ in range(2)]
    engine.reset(4)
    again = [engine.decide(requests_seen) for _ in range(2)]
    other = LocalEngine(checkpoint, sample=True, thinking=thinking, seed=5)
    assert all(same(one, two) for one, two in zip(first, again, strict=True))
    assert not same(first[0], other.decide(requests_seen))


def test_thoughts_do_not_depend_on_the_batch(checkpoint, requests_seen):
    requests = requests_seen[:4]
    requests = [replace(request, satellite=i) for i, request in enumerate(requests)]
    batched = LocalEngine(checkpoint, thinking=8, seed=1).decide(requests)
    single = LocalEngine(checkpoint, thinking=8, seed=1, micro_batch=1, reuse_prefix=False)
    alone = [single.decide([request])[0] for request in requests]
    assert same(batched, alone)
    np.testing.assert_allclose(table(batched), table(alone), atol=1e-5)


def test_budget_is_enforced(checkpoint, requests_seen, monkeypatch):
    """Satellites of even number close their block with the fifth token, the others never."""
    engine = LocalEngine(checkpoint, thinking=12)
    requests = [replace(request, satellite=i) for i, request in enumerate(requests_seen[:6])]
    word, end = (engine.tokenizer.convert_tokens_to_ids(token) for token in ("A", "</think>"))
    drawn = Counter()

    def scripted(logits, draws):
        drawn.update(map(id, draws))
        closing = [id(engine._draws.of(i)) for i in range(0, 6, 2)]
        return [end if id(rng) in closing and drawn[id(rng)] == 5 else word for rng in draws]

    monkeypatch.setattr("agents.qwen.thinking._sample", scripted)
    decisions = engine.decide(requests)
    for i, (request, decision) in enumerate(zip(requests, decisions, strict=True)):
        closed = i % 2 == 0
        ending = engine.chat.encode("</think>\n\n" if closed else TIME_IS_UP)
        assert decision.finish == ("stop" if closed else "length")
        assert decision.reasoning == "A" * (4 if closed else 12)
        assert decision.output_tokens == (5 if closed else 12), "never more than the budget"
        prompt = engine.chat.ids(request.system, request.report, think=True)
        assert decision.prompt_tokens == len(prompt) + len(ending) - closed
        assert request.mask[decision.action]
        assert decision.probabilities.sum() == pytest.approx(1.0)
    assert drawn[id(engine._draws.of(0))] == 5, "what is done costs no more"


def test_answer_follows_the_thoughts(checkpoint, requests_seen):
    """The answer is scored after exactly what was thought, closed by the model or by us."""
    from agents.qwen.scoring import Row
    from agents.qwen.thinking import Thought

    engine = LocalEngine(checkpoint, thinking=8)
    request = requests_seen[0]
    ids = engine.chat.encode("we charge")
    for closed, ending in ((True, "</think>\n\n"), (False, TIME_IS_UP)):
        engine._thinker.think = lambda rows, budgets, draws, closed=closed: [Thought(ids, closed)]
        decision = engine.decide([request])[0]
        prompt = engine.chat.ids(request.system, request.report, think=True)
        row = Row(prompt + ids + engine.chat.encode(ending))
        scores = engine._forward.scores([row], first_tokens(engine, request))[0]
        assert decision.action == request.legal[scores[: len(request.legal)].argmax()]
        assert decision.reasoning == "we charge"
        assert decision.finish == ("stop" if closed else "length")


def test_free_thinking_ends_with_the_context(checkpoint, requests_seen):
    engine = LocalEngine(checkpoint, thinking="free", context=560)
    for decision in engine.decide(requests_seen[:2]):
        assert decision.prompt_tokens <= 560 - 560 // 4
        assert decision.prompt_tokens + decision.output_tokens <= 560
        if decision.finish == "length":
            assert decision.prompt_tokens + decision.output_tokens == 560


def test_thinking_only_checkpoint_chooses_and_reasons(tmp_path, corpus, requests_seen):
    folder = make_checkpoint(tmp_path / "thinking", THINKING_ONLY, corpus)
    assert LocalEngine(folder).decide(requests_seen[:3])[0].finish == "choice"
    assert LocalEngine(folder, thinking=4).decide(requests_seen[:3])[0].output_tokens > 0


def test_mixture_of_experts(tmp_path, corpus, requests_seen):
    engine = LocalEngine(make_checkpoint(tmp_path / "mixture", corpus=corpus, experts=4))
    batched = engine.decide(requests_seen[:4])
    np.testing.assert_allclose(
        table(batched), table([engine.decide([r])[0] for r in requests_seen[:4]]), atol=1e-5
    )


def test_non_thinking_checkpoint_chooses_only(tmp_path, corpus, requests_seen):
    folder = make_checkpoint(tmp_path / "instruct", NON_THINKING, corpus)
    assert LocalEngine(folder).decide(requests_seen[:3])[0].finish == "choice"
    with pytest.raises(SandboxError, match="has no thinking mode"):
        LocalEngine(folder, thinking=4)


@pytest.mark.parametrize("thinking", ["off", 2])
def test_adapters_per_row_equal_single_adapters(checkpoint, adapters, requests_seen, thinking):
    """One batch in which satellites have different minds, against an engine for each mind."""
    options = {"thinking": thinking, "seed": 2}
    requests = [
        replace(request, satellite=i, adapter=(None, "a", "b")[i % 3])
        for i, request in enumerate(requests_seen[:3])
    ]
    mixed = LocalEngine(checkpoint, adapters=adapters, **options).decide(requests)
    for k, name in enumerate((None, "a", "b")):
        own = {} if name is None else {"adapters": {name: adapters[name]}, "default_adapter": name}
        alone = LocalEngine(checkpoint, **own, **options)
        single = alone.decide([replace(request, adapter=None) for request in requests[k::3]])
        np.testing.assert_allclose(table(mixed[k::3]), table(single), atol=1e-5)
        assert same(mixed[k::3], single)
    plain = LocalEngine(checkpoint, **options).decide([replace(r, adapter=None) for r in requests])
    assert np.abs(table(mixed)[1::3] - table(plain)[1::3]).max() > 0.01


def test_shortened_prompts_are_counted(checkpoint, requests_seen, engine):
    lengths = [decision.prompt_tokens for decision in engine.decide(requests_seen)]
    room = int(np.median(lengths)) - 1
    decisions = LocalEngine(checkpoint, context=room).decide(requests_seen)
    for length, decision in zip(lengths, decisions, strict=True):
        assert decision.prompt_tokens <= room
        assert (decision.left_out > 0) == (length > room)


def test_loading_is_quiet(checkpoint, adapters, requests_seen, capfd, recwarn):
    LocalEngine(checkpoint, adapters=adapters).decide(requests_seen[:2])
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_no_requests_no_decisions(engine):
    assert engine.decide([]) == []


def test_closed_engine_says_so(checkpoint, requests_seen):
    engine = LocalEngine(checkpoint)
    engine.close()
    engine.close()
    with pytest.raises(SandboxError, match="was closed"):
        engine.decide(requests_seen[:1])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"default_adapter": "c"}, "Adapter 'c' is asked of an engine without any"),
        ({"thinking": 5000}, "budget of 5000 tokens does not fit the context of 4096"),
        ({"context": 5000}, "context is 5000; .* takes from 1 to 4096"),
        ({"threads": 0}, "threads is 0; give a number from 1 up"),
        ({"thinking": "lots"}, "thinking is 'lots'; give off, free or a number"),
        ({"temperature": 0}, "temperature is 0"),
    ],
)
def test_wrong_options_are_one_sentence(checkpoint, options, sentence):
    with pytest.raises(SandboxError, match=sentence):
        LocalEngine(checkpoint, **options)


def test_unknown_adapter_of_a_request(engine, requests_seen):
    with pytest.raises(SandboxError, match="Adapter 'x' is asked of an engine without any"):
        engine.decide([replace(requests_seen[0], adapter="x")])


def test_one_of_the_adapters_that_there_are(checkpoint, adapters):
    with pytest.raises(SandboxError, match="Unknown adapter 'aa'; did you mean a"):
        LocalEngine(checkpoint, adapters=adapters, default_adapter="aa")
