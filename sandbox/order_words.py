"""The closed vocabulary of orders in words: words as numbers, and numbers as text.

A word is a number from 1 on, its line in `data/order_words.txt`; 0 stands for none. New words go to the end,
so that networks trained on the numbers keep reading. `order_grammar.vocabulary` lists what can be said.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from sandbox.errors import SandboxError, shown
from sandbox.geography import DATA

WORDS = 60
"""Of an order at most: its numbers are padded to so many with 0."""
_CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_BEFORE_MARK = re.compile(r" (?=[,.:%])")
_BESIDE_CHINESE = re.compile(r" *([\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+) *")


@cache
def words() -> tuple[str, ...]:
    """All words; number 1 is the first."""
    text = (DATA / "order_words.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)


@cache
def _numbers() -> Mapping[str, int]:
    return {word: i for i, word in enumerate(words(), 1)}


def numbers_of(said: Iterable[str]) -> tuple[int, ...]:
    """The numbers of words. Raises SandboxError for one that is not in the vocabulary."""
    known = _numbers()
    said = tuple(said)
    for word in said:
        if word not in known:
            raise SandboxError(f"{shown(word)} is no word of the orders' vocabulary, data/order_words.txt.")
    return tuple(known[word] for word in said)


def words_of(numbers: Iterable[int]) -> tuple[str, ...]:
    """The words of numbers, without the padding. Raises SandboxError for a number without a word."""
    known = words()
    found = []
    for number in numbers:
        if not 0 <= number <= len(known):
            raise SandboxError(f"{shown(number)} is the number of no word; give 0 to {len(known)}.")
        if number:
            found.append(known[number - 1])
    return tuple(found)


def text_of(said: Sequence[str]) -> str:
    """Words as a sentence, English or Chinese."""
    text = " ".join(said)
    if _CHINESE.search(text):
        return _BESIDE_CHINESE.sub(r"\1", text).replace(" %", "%")
    return _BEFORE_MARK.sub("", text)
