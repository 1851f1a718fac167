"""Errors for unknown names."""

import pytest

from sandbox.errors import SandboxError, printable, shown, unknown_name


def test_near_names_are_suggested():
    error = unknown_name("scenario", "scs02", ["walker_24", "scs01"])
    assert isinstance(error, SandboxError)
    assert isinstance(error, ValueError)
    assert str(error) == "Unknown scenario 'scs02'; did you mean scs01?"


def test_without_near_names_some_are_listed():
    assert str(unknown_name("mode", 7, ["on", "off"])) == "Unknown mode '7'; known: off, on."
    many = [f"{n:04d}" for n in range(2800)]
    text = str(unknown_name("satellite", "?", many))
    assert text.endswith("0019 and 2780 more.")
    assert len(text) < 200


def test_long_messages_keep_both_ends():
    text = str(SandboxError("mine.yaml: " + "x" * 10_000 + "; take fewer."))
    assert len(text) <= 500
    assert text.startswith("mine.yaml: x")
    assert text.endswith("x; take fewer.")


def test_long_names_are_cut():
    text = str(unknown_name("satellite", "z" * 10_000, ["n" * 5_000 + str(i) for i in range(30)]))
    assert len(text) <= 500
    assert text.endswith("and 10 more.")


@pytest.mark.parametrize(
    "value", ["x" * 10**6, [[["x"] * 999] * 999] * 999, {i: i for i in range(999)}, b"x" * 9_999]
)
def test_values_are_shown_shortly(value):
    assert len(shown(value)) <= 60
    assert "\n" not in shown(value)


def test_values_that_cannot_be_written_out():
    itself = []
    itself.append(itself)
    assert len(shown(itself)) <= 60
    assert shown(10**5_000) == "a whole number of 16610 bits"
    assert shown(7) == "7"


def test_printable():
    assert printable("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert printable("Malmö") == "Malmö"


def test_prefix_is_shown_and_not_compared():
    error = unknown_name("field", "initail", ["initial", "where"], "requests.")
    assert str(error) == "Unknown field 'requests.initail'; did you mean requests.initial?"
