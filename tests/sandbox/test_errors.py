"""Errors for unknown names."""

from sandbox.errors import SandboxError, unknown_name


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


def test_prefix_is_shown_and_not_compared():
    error = unknown_name("field", "initail", ["initial", "where"], "requests.")
    assert str(error) == "Unknown field 'requests.initail'; did you mean requests.initial?"
