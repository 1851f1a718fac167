"""Plain values out of NumPy's and pydantic's, and bounds on what holds itself or is too much."""

from datetime import datetime

import numpy as np
import pytest

from sandbox.errors import SandboxError
from sandbox.plain_data import plain
from sandbox.scenario import Forces


def sentence(value):
    with pytest.raises(SandboxError) as caught:
        plain(value, "scenario")
    assert len(str(caught.value)) < 300
    return str(caught.value)


def test_numpy_and_models_become_plain():
    given = {
        "n": np.int64(3), "x": np.float32(0.5), "yes": np.bool_(True), "range": np.array([1.0, 2.0]),
        "epoch": np.datetime64("2026-06-27T00:00:00", "ns"), "pair": (1, 2), "forces": Forces(j3=True),
    }  # fmt: skip
    found = plain(given, "scenario")
    assert found == {
        "n": 3, "x": 0.5, "yes": True, "range": [1.0, 2.0], "epoch": datetime(2026, 6, 27), "pair": [1, 2],
        "forces": Forces(j3=True).model_dump(),
    }  # fmt: skip
    assert [type(found[name]) for name in ("n", "x", "yes")] == [int, float, bool]


def test_a_copy():
    given = {"a": {"b": [1]}}
    found = plain(given, "scenario")
    found["a"]["b"].append(2)
    assert given == {"a": {"b": [1]}}


def test_what_holds_itself():
    itself = {}
    itself["a"] = [itself]
    assert "holds itself" in sentence(itself)


def test_what_unfolds_without_end(monkeypatch):
    monkeypatch.setattr("sandbox.plain_data.MOST_SHARED", 2_000)
    value = [1]
    for _ in range(40):
        value = [value, value]
    assert "repeats more than 2,000 collections" in sentence({"a": value})


@pytest.mark.parametrize("many", [[0] * 100_001, np.zeros(100_001), {str(i): i for i in range(100_001)}])
def test_too_many(many):
    assert "a has 100,001 items" in sentence({"a": many})


@pytest.mark.parametrize("key", [1, None, (1, 2), 10**5_000], ids=["1", "None", "pair", "huge"])
def test_keys_are_text(key):
    assert "is not text" in sentence({"a": {key: 1}})
