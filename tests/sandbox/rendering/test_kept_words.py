"""Which words go into a page."""

import json

import numpy as np
import pytest

from sandbox.recording import Events, Recording
from sandbox.rendering.words import kept_words, told_words

NOISE = np.random.default_rng(1)


def thought(time, satellite=0, *, decision="idle", **more):
    said = {"report": NOISE.bytes(400).hex(), "decision": decision} | more
    return (time, satellite, "thought", -1, 0.0, json.dumps(said))


def test_all_are_kept_where_there_is_room():
    rows = [thought(float(k)) for k in range(50)] + [(60.0, 0, "capture", 3, 1.0, "")]
    assert kept_words(rows) == set(range(50))


def test_the_decisive_come_first():
    rows = [thought(float(k), k % 4) for k in range(1200)]
    reasoned = {7, 500, 1100}
    failed, close, turned = 600, 601, 1000
    for k in reasoned:
        rows[k] = thought(float(k), k % 4, reasoning="It is dark soon.")
    rows[failed] = thought(float(failed), failed % 4, why="time-out")
    rows[close] = thought(float(close), close % 4, odds={"idle": 0.5, "charge": 0.5})
    rows[turned] = thought(float(turned), turned % 4, decision="observe_1")
    kept = kept_words(rows, budget=100_000)
    assert reasoned | {failed, close, turned, turned + 4} <= kept  # the one after turned back
    assert 64 <= len(kept) < 300
    assert 1199 not in kept


@pytest.mark.parametrize("text", ["no JSON", "[1, 2]", '"words"', "{"])
def test_words_that_are_not_ours(text):
    rows = [(float(k), 0, "thought", -1, 0.0, text + NOISE.bytes(500).hex()) for k in range(300)]
    assert len(kept_words(rows, budget=50_000)) < 300


def test_what_is_left_out_is_said(circles):
    rows = [thought(float(k)) for k in range(3000)]
    recording = Recording(circles.meta, circles.arrays, Events.from_rows(rows))
    told = told_words(recording)
    assert " of 3,000 thoughts are in the page" in told
