"""Chat: what a person sees of a satellite, and what an answer in its place does."""

from functools import partial

import pytest
from talking import quarter

from experiments.running.llm_config import Mind

talk = partial(quarter, policy="greedy")


def test_shows_what_is_read_and_what_would_be_done():
    shown, _ = talk("", "q")
    assert shown.startswith("You are the onboard mind")
    assert "--- Pair 1  2026-" in shown
    assert "Power and heat: battery at" in shown
    assert "\nB: charge" in shown
    assert "It would: " in shown


def test_an_answer_in_its_place_is_played():
    left, _ = talk(*[""] * 4, policy="idle")
    shown, _ = talk("charge", "b", "Answer: B", "", policy="idle")
    assert shown.count("--- Pair 1") == left.count("--- Pair 1") == 5
    assert shown != left  # the panel looked to the Sun


def test_what_is_not_legal_or_means_nothing_is_asked_again():
    shown, _ = talk("observe_4", "hm", "?", "A", "q", policy="idle")
    assert "That is not legal now." in shown
    assert "That names no decision" in shown
    assert shown.count("Enter: let it decide") == 2
    assert shown.count("--- Pair 1") == 2


def test_a_number_plays_on():
    shown, _ = talk("10", "q")
    assert shown.count("--- Pair 1") == 2


def test_another_satellite_to_the_end():
    shown, earned = talk("1000", satellite="Pair 2")
    assert shown.count("--- Pair 2") == 1
    assert shown.rstrip().endswith(f"Pair 2 earned {earned:.1f}.")


def test_thought_is_charged_unless_a_person_answers():
    priced, _ = talk("", "q", mind=Mind(charge=(500, 100)))
    free, _ = talk("A", "q", mind=Mind(charge=(500, 100)))
    assert "thought for" in priced
    assert "thought for" not in free


def test_who_decides_is_said_where_nobody_was_named():
    assert "qwen decides; --policy names another." in quarter("q")[0]
    assert "names another" not in talk("q")[0]


@pytest.mark.parametrize("line", ["q", "quit", "Q", "/q", "/quit", "/QUIT", "  /quit "])
def test_ends_when_told(line):
    shown, _ = talk(line)
    assert shown.count("--- Pair 1") == 1
