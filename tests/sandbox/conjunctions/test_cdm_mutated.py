"""Damaged messages: each is read with finite numbers, or refused in one short sentence."""

import random
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from sandbox.conjunctions import assess, format_cdm, parse_cdm, parse_cdms
from sandbox.errors import SandboxError

DATA = Path(__file__).resolve().parents[2] / "data" / "cdm"
NUMBERS = [
    *(
        "1e308",
        "-1e308",
        "1e309",
        "NaN",
        "inf",
        "-inf",
        "1e-308",
        "5e-324",
        "0",
        "-0.0",
        "1e30",
        "-1e30",
        "1e-30",
    ),
    *(
        "1e16",
        "-1",
        "1" * 5000,
        "1_0",
        "0x10",
        "١",
        "1,5",
        "",
        "--1",
        "1e",
        "1e9999999999",
        "N/A",
        "−3",
        "1D3",
    ),
]
UNITS = [
    "[m]",
    "[km]",
    "[km/s]",
    "[m**2]",
    "[M^2]",
    "[",
    "[]",
    "[n/a]",
    "]",
    "[[m]",
    "[m" * 2000,
    "",
    " [%] [%]",
]
TIMES = [
    *("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "2016-12-31T23:59:60", "2026-366T00:00:00"),
    *("2026-06-20T12:00:00+05:00", "2026-06-20T24:00:00", "2026-06-20", "now", "0001-01-01T00:00:00+14:00"),
]
JUNK = [
    "\x00",
    "\u2028",
    "�",
    " " * 3000,
    "<",
    "&",
    "COMMENT",
    "=",
    "[",
    "A" * 3000,
    "\t",
    "\ufeff",
    "OBJECT = OBJECT1\n",
]


def damaged(text: str, rng: random.Random) -> str:
    """The text with one to four things done to it."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        lines = text.split("\n")
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        kind = rng.randrange(11)
        if kind <= 3:
            lines[at] = re.sub(r"(=\s*|>)[^\[<]+", lambda m: m[1] + rng.choice(NUMBERS), lines[at], count=1)
        elif kind == 4:
            lines[at] = re.sub(r"\[.*\]?$|$", lambda m: rng.choice(UNITS), lines[at], count=1)
        elif kind == 5:
            lines[at] = re.sub(r"(=\s*|>).*?(?=<|$)", lambda m: m[1] + rng.choice(TIMES), lines[at], count=1)
        elif kind == 6:
            cut = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + rng.choice(JUNK) + lines[at][cut:]
        elif kind == 7:
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 8:
            lines.insert(other, lines[at])
        elif kind == 9:
            del lines[at]
        else:
            lines = lines[: max(1, at)]
        text = "\n".join(lines)
    return text


def look(text: str) -> bool:
    """Whether the text is read; its numbers, and what they lead to, are then finite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            messages = parse_cdms(text, "damaged")
        except SandboxError as error:
            assert_sentence(error)
            return False
        for cdm in messages:
            numbers = [cdm.miss_distance, cdm.relative_speed or 0.0, cdm.hard_body_radius or 1.0]
            for each in cdm.objects:
                numbers += [*each.position, *each.velocity, *each.covariance.ravel()]
            assert np.isfinite(numbers).all()
            try:
                found = assess(cdm, 10.0)
                assert np.isfinite([*found.miss, *found.covariance.ravel(), found.relative_speed]).all()
                assert 0.0 <= found.probability <= found.max_probability * (1.0 + 1e-6) <= 1.0 + 2e-6
            except SandboxError as error:
                assert_sentence(error)
            for form in ("kvn", "xml"):
                try:
                    again = parse_cdm(format_cdm(cdm, form))
                except SandboxError as error:  # a control sign or a keyword that a form cannot hold
                    assert_sentence(error)
                else:
                    for one, other in zip(cdm.objects, again.objects, strict=True):
                        np.testing.assert_array_equal(one.covariance, other.covariance)
    return True


def assert_sentence(error: SandboxError) -> None:
    assert len(str(error)) < 500
    assert "\n" not in str(error)


def texts() -> list[str]:
    return [
        path.read_text("latin-1" if path.suffix == ".xml" else "utf-8") for path in sorted(DATA.iterdir())
    ]


def damage(count: int, seed: int) -> int:
    """How many of so many damaged texts are read all the same."""
    rng, originals = random.Random(seed), texts()
    return sum(look(damaged(rng.choice(originals), rng)) for _ in range(count))


def test_damaged_messages_are_read_or_refused():
    count = 300
    assert 0.2 * count < damage(count, 1) < 0.9 * count


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_damaged_messages_are_read_or_refused(seed):
    damage(2_000, seed)
