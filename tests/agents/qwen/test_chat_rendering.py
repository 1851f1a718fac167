"""The chat rendering: template switches, labels, the common prefix, and how a prompt is shortened."""

import pytest
from checkpoints import HYBRID, NON_THINKING, THINKING_ONLY, make_tokenizer

from agents.qwen.chat import ChatRenderer
from envs.reports import LABELS
from sandbox.errors import SandboxError

EMPTY = "<|im_start|>assistant\n<think>\n\n</think>\n\n"


@pytest.fixture(scope="module")
def chat(corpus):
    return ChatRenderer(make_tokenizer(HYBRID, corpus), "small")


@pytest.mark.parametrize(
    ("template", "style", "thinking", "silent"),
    [
        (HYBRID, "hybrid", "<|im_start|>assistant\n", EMPTY),
        (THINKING_ONLY, "thinking only", "<|im_start|>assistant\n<think>\n", EMPTY),
        (NON_THINKING, "non-thinking", "<|im_start|>assistant\n", "<|im_start|>assistant\n"),
    ],
)
def test_the_three_kinds_of_qwen3(template, style, thinking, silent):
    chat = ChatRenderer(make_tokenizer(template), "small")
    assert chat.style == style
    turns = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nR<|im_end|>\n"
    assert chat.text("S", "R", think=True) == turns + thinking
    assert chat.text("S", "R", think=False) == turns + silent


def test_prompt_holds_system_and_report(chat, requests_seen):
    request = requests_seen[0]
    prompt = chat.fit(request, think=False, room=4096)
    text = chat.tokenizer.decode(prompt.ids)
    assert prompt.left_out == 0
    assert request.system in text
    assert request.report in text


def test_labels_are_single_tokens(chat):
    ids = chat.label_tokens(LABELS)
    assert chat.tokenizer.convert_ids_to_tokens([each for (each,) in ids]) == list(LABELS)


def test_labels_of_several_tokens_are_closed_where_one_begins_another(chat):
    end = chat.tokenizer.eos_token_id
    assert [label[-1] == end for label in chat.label_tokens(("A", "AQZ"))] == [True, True]
    assert [label[-1] == end for label in chat.label_tokens(("B", "AQZ"))] == [False, False]


def test_labels_with_one_token_between_them_are_refused(chat):
    with pytest.raises(SandboxError, match="two labels the same token"):
        chat.label_tokens(("A", "A"))


def test_no_template_is_refused():
    tokenizer = make_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(SandboxError, match="has no chat template; use an instruction-tuned Qwen3"):
        ChatRenderer(tokenizer, "base")


@pytest.mark.parametrize("think", [True, False])
def test_every_prompt_begins_with_the_prefix(chat, requests_seen, think):
    prefix = chat.prefix(requests_seen[0].system, think)
    assert len(prefix) > len(chat.encode(requests_seen[0].system))
    for request in requests_seen:
        assert chat.ids(request.system, request.report, think)[: len(prefix)] == prefix


def test_the_last_topics_go_first_and_are_named(chat, requests_seen):
    request = requests_seen[0]
    whole = chat.fit(request, False, 4096)
    shortened = chat.fit(request, False, len(whole.ids) - 1)
    text = chat.tokenizer.decode(shortened.ids)
    topics = [line.partition(":")[0] for line in request.report.split("Decisions:")[0].splitlines()]
    topics = [topic for topic in topics if topic != "Warning"]
    assert len(shortened.ids) < len(whole.ids)
    assert shortened.left_out == 1
    assert f"Left out for want of room: {topics[-1]}." in text
    assert f"{topics[-1]}: " not in text
    assert f"{topics[-2]}: " in text


def test_no_more_is_left_out_than_must_be(chat, requests_seen):
    """At every room the prompt fits, and one topic fewer left out would not."""
    request = requests_seen[0]
    whole = chat.fit(request, False, 4096)
    least = len(
        chat.ids(request.system, request.reporter.report(request.observation, request.mask, 99), False)
    )
    for room in range(least, len(whole.ids), 7):
        prompt = chat.fit(request, False, room)
        assert len(prompt.ids) <= room
        longer = request.reporter.report(request.observation, request.mask, prompt.left_out - 1)
        assert len(chat.ids(request.system, longer, False)) > room


def test_decisions_and_warnings_always_stay(chat, requests_seen):
    request = requests_seen[0]
    low = request.observation.copy()
    low[request.reporter.layout.index("battery")] = -0.9
    report = request.reporter.report(low, request.mask, leave_out=99)
    assert "Warning: battery at 5%." in report
    assert "Power and heat: " not in report
    assert report.endswith(request.reporter.listed(request.mask, observation=low))


def test_what_does_not_fit_is_one_sentence(chat, requests_seen):
    with pytest.raises(SandboxError, match=r"with every topic left out, does not fit the 60 tokens"):
        chat.fit(requests_seen[0], False, 60)
