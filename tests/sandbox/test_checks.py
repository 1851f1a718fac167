"""What a user hands over is checked before it is cast."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sandbox.checks import as_array, bounded_numbers, shown, whole_number, whole_numbers
from sandbox.errors import SandboxError

INTEGERS = [np.dtype(f"{order}{kind}{size}") for order in "<>" for kind in "iu" for size in (1, 2, 4, 8)]


@given(st.data())
def test_whole_numbers_are_taken_as_they_are_or_refused(data):
    dtype = data.draw(st.sampled_from(INTEGERS))
    values = data.draw(arrays.arrays(dtype, (2, 3)))
    low, last = data.draw(st.sampled_from([(0, 4), (-1, 23), (0, 0)]))
    right = [[int(value) for value in row] for row in values.tolist()]
    fits = all(low <= value <= last for row in right for value in row)
    clipped = [[min(max(value, -1), last + 1) for value in row] for row in right]
    assert bounded_numbers("command", values, (2, 3), last).tolist() == clipped
    if fits:
        found = whole_numbers("action", values, (2, 3), last, low=low)
        assert found.dtype == np.int32
        assert found.tolist() == right
    else:
        b, n, wrong = next(
            (b, n, value)
            for b, row in enumerate(right)
            for n, value in enumerate(row)
            if not low <= value <= last
        )
        words = f"world {b}, sat_{n}: action {wrong} is outside the space; give a whole number from {low} to"
        with pytest.raises(SandboxError, match=words):
            whole_numbers("action", values, (2, 3), last, low=low, agent="sat_{}")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[0, 2**32 + 1]], "world 0, satellite 1: action 4294967297 is outside the space"),
        (np.array([[2**64 - 1, 0]], np.uint64), "satellite 0: action 18446744073709551615 is outside"),
        ([[0, 2**70]], r"dtype object; give whole numbers from 0 to 6, not 1180591.* \(world 0, satellite 1"),
        ([[0, None]], r"dtype object; .* not None \(world 0, satellite 1\)"),
        ([[0.0, np.nan]], "dtype float64; give whole numbers from 0 to 6"),
        ([[True, False]], "dtype bool"),
        ([[0], [0, 1]], "is no array of numbers, but"),
        ([0, 1], r"has shape \(2,\); give \(1, 2\), one per satellite"),
        (7, r"has shape \(\)"),
        (np.ma.masked_array([[0, 9]], [[0, 1]]), "satellite 1: action"),
    ],
)
def test_what_is_refused_is_one_sentence(values, words):
    with pytest.raises(SandboxError, match=words) as error:
        whole_numbers("action", values, (1, 2), 6)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array([3]), [[3]]])
def test_one_whole_number(value):
    assert whole_number(value, 0, 6) == 3


@pytest.mark.parametrize(
    "value", [7, -1, 2**32, 2**64 + 1, 3.0, True, None, "3", [1, 2], [[1], [1, 2]], {}, np.array(None)]
)
def test_what_is_no_whole_number_in_the_range(value):
    assert whole_number(value, 0, 6) is None


class Sullen:
    def __repr__(self):
        raise RuntimeError

    def __array__(self, *_, **__):
        raise RuntimeError


def test_whatever_stands_in_a_message_is_short():
    for value in (Sullen(), 10**5000, "x" * 10**6, list(range(10**6)), np.zeros((1000, 1000))):
        assert len(shown(value)) < 100
    with pytest.raises(SandboxError, match="messages is no array of numbers, but"):
        as_array("messages", Sullen())
