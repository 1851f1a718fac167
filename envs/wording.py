"""How a phrase says a number: one or many, in the unit that is usual, a chance as 1 in N, limits as limits.

A phrase is a format string with `{}` where the number stands, and

    {:.0f} [job|jobs]     the first form where the number that is shown is 1
    {:.1f/60}             the number divided by 60: minutes of a feature in seconds
    {:odds}               of a decimal logarithm of a probability: 1 in N; in a table N alone, under "1 in"
"""

import math
import re
from dataclasses import replace
from functools import cache

from envs.features import Feature

_CHOICE = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")
_FIELD = re.compile(r"{[^{}]*}")
AT_LEAST, ODDS, BELOW_ODDS = "at least ", "1 in ", "less than 1 in "
_NEAR = 1e-6
"""Of its range that float32 leaves a value off."""


class _Number:
    """A number that knows our format specifications, and whether it stands at an open end."""

    def __init__(self, value: float, feature: Feature) -> None:
        self.value, self.shown, self.feature = value, "", feature

    def _ends(self) -> tuple[bool, bool]:
        """Whether it is at the lower end of its range, and at the upper one."""
        low, high = self.feature.low, self.feature.high
        near = _NEAR * (high - low)
        return self.value <= low + near, self.value >= high - near

    def __format__(self, spec: str) -> str:
        if spec == "odds":
            n = _rounded(10.0 ** min(30.0, max(0.0, -self.value)))
            return f"{BELOW_ODDS if self._ends()[0] else ODDS}{n}"
        how, _, divisor = spec.partition("/")
        value = self.value / float(divisor) if divisor else self.value
        self.shown = format(value, how)
        if "." in self.shown:  # 97.0 is 97: a digit is a token
            self.shown = self.shown.rstrip("0").rstrip(".")
        if not self.shown.strip("-0."):
            self.shown = self.shown.lstrip("-")
        return f"{AT_LEAST}{self.shown}" if self.feature.open_end and self._ends()[1] else self.shown


def say(feature: Feature, value: float) -> str:
    """What is said of a feature at `value`, in its unit; empty where there is nothing to say."""
    if feature.at_zero is not None and _is_none(feature, value):
        return feature.at_zero
    if feature.negative and value < 0.0:
        return phrased(_mirrored(feature), -value)
    return phrased(feature, value)


@cache
def _mirrored(feature: Feature) -> Feature:
    """The feature of the opposite sign, which has a phrase of its own."""
    return replace(feature, low=-feature.high, high=-feature.low, phrase=feature.negative)


def is_said(feature: Feature, value: float) -> bool:
    """Whether `say` says anything."""
    return feature.at_zero != "" or not _is_none(feature, value)


def _is_none(feature: Feature, value: float) -> bool:
    """Whether the number that would be shown is 0."""
    if abs(value) <= _NEAR * (feature.high - feature.low):
        return True
    return abs(value) <= _step(feature.phrase) and not cell(feature, value).strip("0")


@cache
def _step(phrase: str) -> float:
    """What the last digit that a phrase shows stands for."""
    found = re.search(r"{:\.(\d)f(?:/([\d.]+))?}", phrase)
    return 10.0 ** -int(found[1]) * float(found[2] or 1.0) if found else math.inf


def phrased(feature: Feature, value: float) -> str:
    """The phrase of a feature with `value` in it."""
    number = _Number(value + 0.0, feature)
    text = feature.phrase.format(number)
    if "[" not in text:
        return text
    return _CHOICE.sub(lambda found: found[1] if _is_one(number.shown) else found[2], text)


def heading(feature: Feature) -> str:
    """What stands over a column of the feature's numbers."""
    text = _CHOICE.sub(lambda found: found[2], _FIELD.sub("", feature.phrase))
    text = feature.column or " ".join(text.split())
    return f"{text} {ODDS.strip()}" if ":odds}" in feature.phrase else text


def cell(feature: Feature, value: float) -> str:
    """The number alone, as its phrase shows it."""
    number = _Number(value + 0.0, feature)
    found = _FIELD.search(feature.phrase)
    text = found[0].format(number) if found else format(number, "g")
    return text.replace(AT_LEAST, ">=").replace(BELOW_ODDS, ">").replace(ODDS, "")


def longest(feature: Feature) -> int:
    """No sentence about the feature has more characters."""
    return max(len(feature.phrase), len(feature.negative), len(feature.at_zero or "")) + 48


def _rounded(n: float) -> str:
    """A number of at least 1 to two digits, in millions and billions where it is large."""
    n = float(f"{n:.2g}")
    for size, name in ((1e9, " billion"), (1e6, " million"), (1e3, ",000")):
        if n >= size and (name[0] == " " or n % size == 0):
            return f"{n / size:g}{name}"
    return f"{n:,.0f}"


def _is_one(shown: str) -> bool:
    try:
        return float(shown) == 1.0
    except ValueError:
        return False
