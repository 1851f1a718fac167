"""Reading replies: tolerant of the form, strict about what is accepted, never an exception."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envs.replies import ILLEGAL, OK, SAFE_ACTION, UNREADABLE, ReplyReader, split_thinking

NAMES = ("idle", "charge", "downlink", "observe_1", "observe_2")
LETTERS = ("A", "B", "C", "D", "E")
READER = ReplyReader(NAMES, LETTERS)
ALL = np.ones(5, np.int8)
NO_DOWNLINK = np.array([1, 1, 0, 1, 1], np.int8)


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "b",
        " B.\n",
        "(B)",
        "**B**",
        "charge",
        "Charge",
        "B: charge, turn the panel to the Sun",
        "B - the battery is low",
        "The best decision is B.",
        "Decision: B",
        "My answer: charge!",
        "I choose option B because the battery is low.",
        "I will go with **B**.",
        "The satellite should charge now.",
        "A: idle would waste the Sun.\nAnswer: B",
        "<think>A or D? The battery is low.</think>\n\nB",
        "<think>\n\n</think>\n\nB",
        "the block was opened by the template</think>B",
        "```\nB\n```",
        "```json\n{\"decision\": \"charge\"}\n```",
        "{\"answer\": \"B\"}",
        "{\"Action\": \"B\", \"reason\": \"D was tempting\"}",
        "Here it is: {\"choice\": \"charge\", \"confidence\": 0.9} as asked.",
        "<tool_call>\n{\"name\": \"decide\", \"arguments\": {\"decision\": \"B\"}}\n</tool_call>",
        "{\"name\": \"charge\", \"arguments\": {}}",
        "{not json} decision: B",
    ],
)  # fmt: skip
def test_reads(text):
    assert READER.read(text, ALL) == (1, OK)


@pytest.mark.parametrize(
    "text", ["observe_2", "Observe 2", "observe-2", "OBSERVE_2", "E", "e)", "decision = observe 2"]
)
def test_reads_names_of_several_words(text):
    assert READER.read(text, ALL) == (4, OK)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "A satellite has many options.",
        "A or B",
        "{\"decision\": \"A\", \"action\": \"B\"}",
        "charge or downlink",
        "Z",
        "observe_9",
        "observe_12",
        "discharge",
        "<think>B is best, I am sure, B",
        "{\"decision\": 1}",
        "{\"decision\": null}",
        "\ud800\udfff",
        "1",
    ],
)  # fmt: skip
def test_does_not_guess(text):
    assert READER.read(text, ALL) == (SAFE_ACTION, UNREADABLE)


@pytest.mark.parametrize(
    "text",
    ["E", "downlink", '{"decision": "E"}', '{"decision": "downlink"}', "Answer: E", "downlink!"],
)
def test_what_is_not_legal_is_not_executed(text):
    assert READER.read(text, NO_DOWNLINK) == (SAFE_ACTION, ILLEGAL)


@pytest.mark.parametrize("text", ["C", '{"decision": "C"}', "Answer: C"])
def test_letters_stand_for_what_is_listed(text):
    assert READER.read(text, NO_DOWNLINK) == (3, OK), "the third that is legal"
    assert READER.read(text, NO_DOWNLINK, np.array([3, 2, 1, 0])) == (1, OK), "and the third as listed"


@given(st.text(max_size=400), st.lists(st.booleans(), min_size=4, max_size=4))
@example("{" * 5000, [True] * 4)
@example('{"a":' * 3000, [True] * 4)
@example('{"decision": ' + "9" * 5000 + "}", [True] * 4)
@example("<think>" * 50, [True] * 4)
@example("```" * 50, [False] * 4)
def test_any_text_is_a_legal_decision(text, allowed):
    mask = np.array([True, *allowed], np.int8)
    action, status = READER.read(text, mask)
    assert mask[action]
    assert status in (OK, UNREADABLE, ILLEGAL)
    assert status == OK or action == SAFE_ACTION


@given(st.sampled_from(LETTERS), st.text(max_size=100))
def test_thinking_decides_nothing(letter, thought):
    text = f"<think>{thought.replace('</think>', '')}</think>\n{letter}"
    assert READER.read(text, ALL) == (LETTERS.index(letter), OK)


@given(
    st.sampled_from(NAMES),
    st.dictionaries(st.text(max_size=5).map("x_{}".format), st.integers() | st.text(max_size=5)),
)
def test_json_with_anything_beside(name, others):
    text = f"Sure.\n{json.dumps(others | {'decision': name})}\nDone."
    assert READER.read(text, ALL) == (NAMES.index(name), OK)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>a</think>b", ("a", "b")),
        ("a</think>b", ("a", "b")),
        ("b", ("", "b")),
        ("<think>a", ("a", "")),
        ("<think>a</think>x<think>c</think>b", ("a</think>xc", "b")),
    ],
)
def test_split_thinking(text, parts):
    assert split_thinking(text) == parts
