"""Reading what servers send: whatever JSON it is, an answer or one kind of error; never an illegal option."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.qwen.dialects import DIALECTS, Question, UnreadableReply, read_usage

QUESTION = Question("s", "r", "b", "t", ("A", "C"), ("idle", "downlink"), ("wait", "send"))
NAMES = st.sampled_from(["idle", "downlink", "charge", "A", "C", "B"])
ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | NAMES | st.just(10**400)
)
JSON = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
SHARES = st.dictionaries(NAMES, JSON | st.floats(0, 1), max_size=4)
LISTED = st.lists(
    st.fixed_dictionaries({"value": JSON | NAMES, "probability": JSON | st.floats(0, 1)})
    | st.fixed_dictionaries({"token": JSON | NAMES, "logprob": JSON | st.floats(-9, 0)}),
    max_size=4,
)
INNER = JSON | SHARES | LISTED
REPLIES = JSON | st.builds(
    lambda a, b, c, d: {
        "answers": a,
        "choices": [{"message": b, "finish_reason": c, "logprobs": {"content": [{"top_logprobs": d}]}}],
        "usage": c,
    },
    st.builds(lambda x: {"decision": {"probabilities": x}}, INNER)
    | st.builds(lambda x: [{"probabilities": x}], INNER),
    JSON | st.fixed_dictionaries({"content": JSON, "reasoning": JSON}),
    JSON,
    INNER,
)


@pytest.mark.parametrize("name", DIALECTS)
@given(reply=REPLIES)
def test_any_json_is_an_answer_or_unreadable(name, reply):
    try:
        answer = DIALECTS[name]("m").read(reply, QUESTION)
    except UnreadableReply:
        return
    assert isinstance(answer.text, str)
    assert isinstance(answer.reasoning, str)
    if answer.probabilities is not None:
        assert answer.probabilities.shape == (2,)
        assert (answer.probabilities >= 0).all()
        assert np.isclose(answer.probabilities.sum(), 1.0)


@given(REPLIES)
def test_any_usage_is_counts_or_none(reply):
    usage = read_usage(reply)
    assert usage is None or min(usage) >= 0
