"""The map in text."""

import re

import numpy as np
import pytest
from flown import flown

from sandbox.errors import SandboxError
from sandbox.rendering import braille
from sandbox.rendering.braille import _letters


def test_satellites_stand_where_they_are(circles):
    lines = braille(circles, 5).split("\n")
    assert [len(line) for line in lines[:22]] == [80] * 22
    assert len(lines) == 24
    for n in range(12):
        row = int((0.5 - circles["latitude"][5, n] / np.pi) * 22)
        column = int((circles["longitude"][5, n] / (2 * np.pi) + 0.5) * 80)
        assert lines[row][column] in (chr(65 + n), "2")


def test_land_and_sea(circles):
    lines = braille(circles).split("\n")
    assert all(
        0x2800 < ord(c) < 0x2900 or c == " " or c.isalnum() or c == "^" for line in lines[:22] for c in line
    )
    dots = sum(0x2800 < ord(c) < 0x2900 for line in lines[:22] for c in line)
    assert 300 < dots < 1200  # coasts, not continents


def test_the_status_line(circles):
    text = braille(circles, 5, note="round 5")
    assert "made up  2026-03-20 12:05:00 UTC  round 5" in text
    assert re.search(r"idle 3  charge 3  observe 3  downlink 3  battery \d+-\d+ %", text)


def test_colour_is_for_terminals(circles):
    plain, coloured = braille(circles), braille(circles, colour=True)
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_a_large_fleet_is_counted():
    lines = braille(flown(satellites=400, rounds=1, optional=())).split("\n")[:22]
    counted = sum(int(c) for line in lines for c in line if c.isdigit())
    crowded = sum(c == "+" for line in lines for c in line)
    assert counted + 10 * crowded <= 400
    assert counted > 100


def test_a_map_too_small(circles):
    with pytest.raises(SandboxError, match="at least 20 columns"):
        braille(circles, size=(10, 5))


@pytest.mark.parametrize(
    ("names", "letters"),
    [
        (["SCS-01 A", "SCS-01 J", "SCS-01 L"], "AJL"),
        (["A", "C", "B"], "ACB"),
        (["Alpha", "Gamma", "Delta"], "ABC"),
        (["PAIR", "PEAR", "POOR"], "ABC"),
        (["X 1", "X 2", "X 3"], "ABC"),
    ],
)
def test_letters_are_those_of_the_names(names, letters):
    assert "".join(_letters(names, 3)[:3]) == letters


def test_no_letters_for_many():
    assert _letters([f"satellite {n}" for n in range(40)], 40) == ""
    assert _letters([], 3)[:3] == "ABC"
