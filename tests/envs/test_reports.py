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
    assert "images" not in text
    assert "What is not told is 0 or absent." in reporter.system


@pytest.mark.parametrize(
    ("name", "value", "warned"),
    [("battery", 24, True), ("battery", 26, False), ("temperature", 46, True), ("temperature", 44, False)],
)
def test_warnings(reporter, name, value, warned):
    calm = {"battery": 80, "temperature": 15, "store": 10} | {name: value}
    text = reporter.report(numbers(reporter.layout, **calm), mask_of(reporter))
    assert ("Warning: " in text) == warned
    assert len(re.findall(rf"{name} (?:at )?\d", text)) == 1, "what warns is told once"


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


def autonomy(**seen):
    """A reporter of autonomy_v0, and an observation in which only these features are not at their least."""
    problem = import_module("envs.autonomy_v0").batch_env("disaster_response").problem
    physical = problem.layout.low.copy()
    for name, value in seen.items():
        physical[problem.layout.index(name)] = value
    return Reporter(problem), problem.layout.scaled(physical)


TWO_WARNINGS = {
    "battery": 80.0, "fuel": 90.0, "full_power_left": 50.0,
    "warning_1_present": 1.0, "warning_1_time": 3.0, "warning_1_miss": 50.0, "warning_1_risk": -2.0,
    "warning_1_sigma": 20.0, "warning_1_age": 1.0, "warning_2_sigma": 20.0, "warning_2_age": 1.0,
    "warning_2_present": 1.0, "warning_2_time": 9.0, "warning_2_miss": 90.0, "warning_2_risk": -7.0,
}  # fmt: skip


def test_of_several_things_those_that_warn_stand_first_as_a_table():
    reporter, observation = autonomy(**TWO_WARNINGS)
    lines = reporter.situation(observation).splitlines()
    assert lines[0] == "Warning, in h, miss m, probability 1 in (all: +- m 20, h old 1):"
    assert lines[1:3] == ["1 3 50 100", "2 9 90 10 million"]
    assert reporter.brief(observation) == "Warning: collision probability 1 in 100."
    assert reporter.situation(observation, 1).startswith(lines[0])
    scant = reporter.situation(observation, 99).splitlines()
    assert scant[0] == "Warning: collision probability 1 in 100.", "also where there is no room for it"
    assert scant[1].startswith("Left out for want of room: Warning 1, Warning 2, Power and heat")
    calm = autonomy(**TWO_WARNINGS | {"warning_1_risk": -7.0})
    assert calm[0].situation(calm[1]).startswith("Power and heat: ")


def test_many_decisions_are_listed_by_family_with_numbers_alone():
    reporter, observation = autonomy(battery=80.0)
    listed = reporter.listed(np.ones(len(reporter.actions), np.int8), observation=observation).splitlines()
    assert listed[0] == "Decisions and pay:"
    assert "A: keep 0" in listed
    assert "E-H: observe 1-4: 0 each" in listed
    assert "L-P: neighbour 1-4, training: 0 each" in listed
    assert "S-V: forward/backward small/large: -0.1 -0.4 each" in listed
    labels = "".join(line.partition(":")[0] for line in listed[1:])
    assert (labels[0], labels[-1]) == ("A", LABELS[len(reporter.actions) - 1])


def test_a_family_of_which_some_are_legal():
    reporter, _ = autonomy(battery=80.0)
    illegal = ("forward_large", "neighbour_3", "observe_1", "training")
    mask = np.array([name not in illegal for name in reporter.actions], np.int8)
    listed = [line.partition(": ")[2] for line in reporter.listed(mask).splitlines()]
    assert {"forward small, backward small, large", "neighbour 1-2, 4", "observe 2-4"} <= set(listed)


@pytest.mark.slow
def test_a_prompt_of_the_whole_decision_stays_short():
    """Hour by hour under random decisions; about 2.9 characters a token, by the tokenizer of Qwen2.5."""
    env = import_module("envs.autonomy_v0").batch_env("disaster_response")
    reporter, rng = Reporter(env.problem), np.random.default_rng(0)
    observations, infos = env.reset(0)
    lengths = []
    for _ in range(60):
        masks = infos["action_mask"][0]
        lengths += [len(reporter.report(*each)) for each in zip(observations[0], masks, strict=True)]
        actions = [rng.choice(np.flatnonzero(mask)) for mask in masks]
        observations, _, _, _, infos = env.step(np.array([actions]))
    assert len(reporter.system) < 1000
    assert np.median(lengths) < 1100
    assert max(lengths) < 1800
