"""Reports: the words say what the numbers say, and only what there is to say."""

import re
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from envs import tasking_v0
from envs.reports import LABELS, Reporter
from envs.wording import cell, say
from sandbox.errors import SandboxError


@pytest.fixture(scope="module")
def problem():
    from sandbox.scenario import load_scenario

    return tasking_v0.batch_env(load_scenario("pair", {"requests.initial": 60})).problem


@pytest.fixture(scope="module")
def reporter(problem):
    return Reporter(problem)


def numbers(layout, **values):
    """An observation in which the features named have these values and the others lie in the middle."""
    physical = 0.5 * (layout.low + layout.high)
    for name, value in values.items():
        physical[layout.index(name)] = value
    return layout.scaled(physical)


def mask_of(reporter, *names):
    return np.array([name in ("idle", *names) for name in reporter.actions], np.int8)


@given(st.data())
def test_every_feature_that_is_said_is_said_with_its_number(reporter, data):
    observation = data.draw(arrays(np.float32, len(reporter.layout), elements=st.floats(-1, 1, width=32)))
    text = reporter.report(observation, mask_of(reporter))
    for feature, value in zip(reporter.layout.features, reporter.layout.physical(observation), strict=True):
        gates = [f for f in reporter.layout.features if f.gate and f.topic == feature.topic]
        shut = any(reporter.layout.physical(observation, gate.name) < 0.5 for gate in gates)
        silent = feature.silent_at is not None and abs(value - feature.silent_at) < 1e-3
        said = say(feature, value)
        if feature.gate or shut:
            continue
        assert said in text or silent or cell(feature, value) in text


def test_a_request_that_is_not_there_is_not_spoken_of(reporter):
    there = numbers(reporter.layout, request_1_present=1, request_2_present=0)
    text = reporter.report(there, mask_of(reporter, "observe_1"))
    assert "Request 1: value" in text
    assert "Request 2" not in text


def test_silence_at_the_values_that_say_nothing(reporter):
    text = reporter.report(
        numbers(reporter.layout, to_shadow=0, station_rate=0, contact_rate=0, contact_in=180, images=0),
        mask_of(reporter),
    )
    assert "eclipse in" not in text
    assert "Mbit/s" not in text
    assert "next contact" not in text
    assert "0 images waiting" in text


@pytest.mark.parametrize(
    ("name", "value", "warned"),
    [("battery", 24, True), ("battery", 26, False), ("temperature", 46, True), ("temperature", 44, False)],
)
def test_warnings(reporter, name, value, warned):
    calm = {"battery": 80, "temperature": 15, "store": 10} | {name: value}
    text = reporter.report(numbers(reporter.layout, **calm), mask_of(reporter))
    assert ("Warning: " in text) == warned


def test_lists_the_legal_decisions_with_their_letters(reporter):
    text = reporter.report(numbers(reporter.layout), mask_of(reporter, "downlink", "observe_2"))
    listed = re.findall(r"^([A-Z]): ([a-z0-9 ]+), ", text.partition("Decisions:")[2], re.MULTILINE)
    assert listed == [("A", "idle"), ("B", "downlink"), ("C", "observe 2")]


def test_the_system_prompt_is_the_same_for_all(problem, reporter):
    assert Reporter(problem).system == reporter.system
    assert "30 s" in reporter.system


@given(st.data())
def test_no_report_is_longer_than_it_says(reporter, data):
    observation = data.draw(arrays(np.float32, len(reporter.layout), elements=st.floats(-1, 1, width=32)))
    assert len(reporter.report(observation, np.ones(len(reporter.actions), np.int8))) <= reporter.longest


def test_more_actions_than_letters():
    crowded = tasking_v0.batch_env("pair", candidates=60).problem
    with pytest.raises(SandboxError, match="63 actions; a report can label 52, show fewer candidates"):
        Reporter(crowded)
    assert len(LABELS) == len(set(LABELS)) == 52


@pytest.mark.parametrize("name", ["tasking_v0", "offloading_v0", "avoidance_v0", "autonomy_v0"])
def test_of_every_problem(name):
    """Each feature has words that take its number, each action a letter, and nothing is longer than said."""
    problem = import_module(f"envs.{name}").batch_env().problem
    reporter, rng = Reporter(problem), np.random.default_rng(0)
    assert len(set(reporter.labels)) == len(problem.actions) == len(problem.phrases)
    for _ in range(20):
        observation = rng.choice(np.float32([-1.0, -0.3, 0.2, 1.0]), len(problem.layout))
        text = reporter.report(observation, np.ones(len(problem.actions), np.int8))
        assert len(text) <= reporter.longest
        assert text.isprintable() or set(text) - {"\n"} <= set(map(chr, range(32, 127)))
        assert all(re.search(rf"^(\w-)?{label}[:-]|^\w-", text, re.MULTILINE) for label in reporter.labels)
