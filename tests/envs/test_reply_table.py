"""Replies as models write them, each with what it decides: a table, `replies.tsv`."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.replies import ILLEGAL, OK, SAFE_ACTION, UNREADABLE, ReplyReader
from envs.reports import LABELS

ACTIONS = {
    "tasking": ("idle", "charge", "downlink", *(f"observe_{k}" for k in range(1, 5))),
    "autonomy": tuple(f"act_{k}" for k in range(24)),
    "avoidance": ("wait", "forward_small", "forward_large", "backward_small", "backward_large", "return"),
}
READERS = {problem: ReplyReader(names, LABELS[: len(names)]) for problem, names in ACTIONS.items()}


def rows():
    problem = ""
    for line in (Path(__file__).parent / "replies.tsv").read_text(encoding="utf-8").split("\n"):
        if line.startswith("["):
            problem = line.strip("[]")
        elif line and not line.startswith("#"):
            decided, _, reply = line.partition("\t")
            yield pytest.param(problem, reply.replace("\\n", "\n"), decided, id=f"{problem}: {reply}")


def read(problem, reply):
    reading = READERS[problem].read(reply, np.ones(len(ACTIONS[problem]), np.int8))
    return LABELS[reading.action] if reading.status == OK else "-"


@pytest.mark.parametrize(("problem", "reply", "decided"), [*rows()])
def test_reads_what_is_decided(problem, reply, decided):
    assert read(problem, reply) == decided


PIECES = st.sampled_from(
    [
        *("A", "B", "C", "I", "a", "b", "G", "charge", "observe_1", "idle", "Z"),
        *(
            "decision",
            "Answer:",
            "I choose",
            "option",
            "the best is",
            "not",
            "or",
            ",",
            ".",
            "?",
            "\n",
            ": ",
            "{",
            "}",
        ),
        *(
            '"decision": "B"',
            "\\boxed{",
            "```",
            "**",
            "<think>",
            "</think>",
            "<|im_end|>",
            "</s>",
            "<answer>",
            "{'",
        ),
        *(
            "wait, no",
            "final answer",
            "if",
            "答案：",
            "选择",
            "不",
            "或",
            "Ｂ",
            "(",
            ")",
            "->",
            " is ",
            "\ud800",
            "\u200b",
        ),
    ]
)


@pytest.mark.parametrize("problem", ACTIONS)
@given(
    pieces=st.lists(PIECES | st.text(max_size=4), max_size=30),
    glue=st.sampled_from(["", " ", "\n"]),
    bits=st.data(),
)
def test_any_mixture_is_a_legal_decision(problem, pieces, glue, bits):
    count = len(ACTIONS[problem])
    mask = np.array(
        [1, *bits.draw(st.lists(st.integers(0, 1), min_size=count - 1, max_size=count - 1))], np.int8
    )
    action, status = READERS[problem].read(glue.join(pieces), mask)
    assert mask[action]
    assert status in (OK, UNREADABLE, ILLEGAL)
    assert status == OK or action == SAFE_ACTION


DRESSES = [
    "{}",
    "**{}**",
    "({})",
    '"{}"',
    "`{}`",
    "$\\boxed{{{}}}$",
    "[{}]",
    "“{}”",
    "{}.",
    "{}<|im_end|>",
    "{}</s>",
    "{}\n",
]
CUES = [
    "{}",
    "Decision: {}",
    "I choose {}",
    "Final answer: {}",
    "The best option is {}",
    "答案：{}",
    "我选择{}",
    "Answer:\n{}",
]
AFTER = [
    "",
    "\n\nReason: the battery is low.",
    "\nOption C would be risky.",
    "\nI did not pick C.",
    "\nA good time to do so.",
]


@given(st.sampled_from("ABDEFG"), st.sampled_from(CUES), st.sampled_from(DRESSES), st.sampled_from(AFTER))
def test_one_decision_in_any_dress(letter, cue, dress, after):
    assert read("tasking", cue.format(dress.format(letter)) + after) == letter


@given(st.permutations("ABCDEFG"), st.sampled_from(CUES), st.sampled_from([" or ", "/", ", ", " and ", "或"]))
def test_two_decisions_are_none(letters, cue, link):
    assert read("tasking", cue.format(link.join(letters[:2]))) == "-"


@given(
    st.sampled_from("ABCDEFG"),
    st.sampled_from(["Do not choose {}.", "Not {}", "Never pick {}.", "不要选择{}。"]),
)
def test_what_is_denied_is_not_decided(letter, denial):
    assert read("tasking", denial.format(letter)) == "-"
