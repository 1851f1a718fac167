"""Sets of small numbers, a bit each: rows of 64-bit words, in which the next member is found by the word."""

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from sandbox.compiled import COMPILES, kernel

WORD = 64
_ONE, _ALL, _NONE = np.uint64(1), np.uint64(2**64 - 1), np.uint64(0)


def make_sets(count: int, members: int) -> NDArray[np.uint64]:
    """So many empty sets of numbers below `members`: (count, W)."""
    return np.zeros((count, -(-members // WORD)), np.uint64)


def write_set(words: NDArray[np.uint64], members: NDArray[np.integer]) -> None:
    """Let a set (W,) consist of `members`, and of nothing else."""
    words[...] = 0
    np.bitwise_or.at(words, members // WORD, _ONE << (members % WORD).astype(np.uint64))


@kernel
def add_member(words, b, number):
    """Add a number to set b."""
    words[b, number // WORD] |= _ONE << np.uint64(number % WORD)


@kernel
def drop_member(words, b, number):
    """Take a number that is in set b out of it."""
    words[b, number // WORD] ^= _ONE << np.uint64(number % WORD)


@kernel
def is_member(words, b, number):
    """Whether a number is in set b."""
    return (words[b, number // WORD] >> np.uint64(number % WORD)) & _ONE != _NONE


@kernel
def next_member(words, b, number, end):
    """The least member of set b that is at least `number`, or `end` if none is below that."""
    if number >= end:
        return end
    at = number // WORD
    left = words[b, at] & (_ALL << np.uint64(number % WORD))
    while left == _NONE:
        at += 1
        if at * WORD >= end:
            return end
        left = words[b, at]
    return min(at * WORD + _lowest_bit(left), end)


def _lowest_bit(word: Any) -> int:
    """Place of the lowest bit of a word that is not zero."""
    return (int(word) & -int(word)).bit_length() - 1


if COMPILES:

    @intrinsic
    def _lowest_bit(typing: Any, word: Any) -> Any:
        """Place of the lowest bit of a word that is not zero."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

        return types.int64(types.uint64), generate
