"""Sets of bits against sets of Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bits import (
    WORD,
    _lowest_bit,
    add_member,
    drop_member,
    is_member,
    make_sets,
    next_member,
    write_set,
)
from sandbox.compiled import kernel

ROOM = 3 * WORD + 5


@kernel
def lowest(words, places):
    for i in range(words.shape[0]):
        places[i] = _lowest_bit(words[i])


@given(st.lists(st.integers(0, ROOM - 1)))
def test_a_set_is_what_was_added_and_not_dropped(numbers):
    words, held = make_sets(2, ROOM), set()
    for number in numbers:
        (drop_member if number in held else add_member)(words, 1, number)
        held ^= {number}
        assert is_member(words, 1, number) == (number in held)
    assert [n for n in range(ROOM) if is_member(words, 1, n)] == sorted(held)
    assert not words[0].any()
    same = make_sets(1, ROOM)
    same[...] = 77
    write_set(same[0], np.array(sorted(held), np.int32))
    np.testing.assert_array_equal(same[0], words[1])


@given(st.sets(st.integers(0, ROOM - 1)), st.integers(0, ROOM), st.integers(0, ROOM))
def test_the_next_member_is_the_least_from_there_on(held, number, end):
    words = make_sets(1, ROOM)
    write_set(words[0], np.array(sorted(held), np.int64))
    assert next_member(words, 0, number, end) == min((n for n in held if number <= n < end), default=end)


def test_the_lowest_bit_of_every_word():
    words = np.array(
        [1 << n for n in range(WORD)] + [(2**WORD - 1) ^ ((1 << n) - 1) for n in range(WORD)], np.uint64
    )
    places = np.empty(2 * WORD, np.int64)
    lowest(words, places)
    assert places.tolist() == 2 * list(range(WORD))


@pytest.mark.parametrize(("members", "words"), [(0, 0), (1, 1), (64, 1), (65, 2)])
def test_room(members, words):
    assert make_sets(3, members).shape == (3, words)
