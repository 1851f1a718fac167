"""How phrases say numbers: one and many, signs, chances, limits; and the same in Chinese."""

import re
from importlib import import_module

import numpy as np
import pytest

from envs import chinese
from envs.features import Feature
from envs.reports import Reporter
from envs.wording import cell, heading, say
from sandbox.errors import SandboxError
from sandbox.scenario import load_scenario

PROBLEMS = ("tasking_v0", "offloading_v0", "avoidance_v0", "autonomy_v0", "operations_v0")


@pytest.mark.parametrize(
    ("phrase", "value", "said"),
    [
        ("{:.0f} [job|jobs]", 1.2, "1 job"),
        ("{:.0f} [job|jobs]", 0.0, "0 jobs"),
        ("{:.0f} [job|jobs]", 5.0, "5 jobs"),
        ("{:.1f/60} min", 90.0, "1.5 min"),
        ("{:odds}", -4.0, "1 in 10,000"),
        ("{:odds}", -6.5, "1 in 3.2 million"),
        ("{:odds}", -10.0, "less than 1 in 10 billion"),
        ("{:.0f} m", -0.2, "0 m"),
    ],
)
def test_numbers(phrase, value, said):
    assert say(Feature("x", "1", -10, 100, phrase), value) == said


def test_signs_limits_and_nothing():
    feature = Feature("x", "km", -50, 50, "{:.1f} km ahead", negative="{:.1f} km behind", open_end=True)
    told = [say(feature, value) for value in (12.2, -12.2, 50.0, -50.0)]
    assert told == ["12.2 km ahead", "12.2 km behind", "at least 50 km ahead", "at least 50 km behind"]
    assert cell(feature, 50.0) == ">=50"
    assert say(Feature("x", "s", 0, 9, "{:.0f} s", at_zero=""), 0.0) == ""


@pytest.mark.parametrize(
    ("value", "said"), [(0.04, "there"), (-0.04, "there"), (0.06, "0.1 km ahead"), (-0.06, "0.1 km behind")]
)
def test_what_would_be_told_as_zero_is_zero(value, said):
    feature = Feature("x", "km", -50, 50, "{:.1f} km ahead", negative="{:.1f} km behind", at_zero="there")
    assert say(feature, value) == said


def test_chances_in_a_table():
    feature = Feature("risk", "1", -10, 0, "collision probability {:odds}", column="probability")
    assert heading(feature) == "probability 1 in"
    assert [cell(feature, value) for value in (-4.0, -10.0)] == ["10,000", ">10 billion"]


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_phrase_of_ours_is_known_in_chinese(name):
    module = import_module(f"envs.{name}")
    scenario = load_scenario(module.batch_env().problem.scenario, {"requests.ahead": 2})
    problem = module.batch_env(scenario).problem
    texts = {problem.briefing, problem.advice, *problem.pays, *problem.phrases}
    for feature in problem.layout.features:
        texts |= (
            {feature.topic} if feature.gate else {feature.phrase, feature.negative, feature.at_zero or ""}
        )
    names = {feature.phrase for feature in problem.layout.features if feature.name.startswith("order_")}
    unknown = [text for text in texts - names - {""} if chinese.said(text) == text]
    assert unknown == []


UNITS = {"Gbit", "Mbit", "Mbit/s", "dB"}
LABELLED = {"Yes", "No"}


@pytest.mark.parametrize("options", [{}, {"shots": 2}, {"label": "words"}])
@pytest.mark.parametrize("name", PROBLEMS)
def test_nothing_but_names_and_units_is_left_in_english(name, options):
    problem = import_module(f"envs.{name}").batch_env().problem
    reporter, rng = Reporter(problem, language="zh", **options), np.random.default_rng(0)
    texts = [reporter.system, reporter.judging, *map("".join, reporter.verdicts_shown)]
    for share in (0.2, 0.9) * 8:
        observation = rng.choice(np.float32([-1.0, -0.6, 0.0, 0.4, 1.0]), len(problem.layout))
        written = [feature.startswith("directive_") for feature in problem.layout.names]
        observation[written] = -1.0  # the ground writes as it likes
        mask = np.int8(rng.random(len(problem.actions)) < share)
        mask[0] = 1
        texts += [reporter.report(observation, mask, leave_out) for leave_out in (0, 2)]
        texts += [reporter.content_free(mask), reporter.brief(observation)]
        texts += [reporter.proposal(int(i), observation) for i in np.flatnonzero(mask)]
    names = {word for action in problem.actions for word in action.split("_")}
    found = set(re.findall(r"[A-Za-z]{2,}(?:/s)?", "\n".join(texts)))
    assert found - names - UNITS - LABELLED - set(problem.actions) == set()


@pytest.mark.parametrize("name", PROBLEMS)
def test_both_languages_say_the_same_numbers(name):
    problem = import_module(f"envs.{name}").batch_env().problem
    english, other = Reporter(problem), Reporter(problem, language="zh")
    rng = np.random.default_rng(1)
    for _ in range(5):
        observation = rng.uniform(-0.99, 0.99, len(problem.layout)).astype(np.float32)
        mask = np.ones(len(problem.actions), np.int8)
        texts = [reporter.report(observation, mask) for reporter in (english, other)]
        numbers = [sorted(re.findall(r"\d+(?:\.\d+)?", re.sub(r"1(?: in |/)[\d.,]+.*?[,.\n ]", "", t)))
                   for t in texts]  # fmt: skip
        if name == "tasking_v0":
            assert numbers[0] == numbers[1]
        assert texts[1] != texts[0]


def test_options_are_labelled_without_gaps_in_any_order():
    problem = import_module("envs.tasking_v0").batch_env("pair").problem
    reporter = Reporter(problem)
    mask = np.array([1, 0, 1, 0, 1, 0, 0], np.int8)
    assert reporter.listed(mask).splitlines()[1:] == ["A: idle", "B: downlink", "C: observe 2"]
    turned = reporter.listed(mask, np.array([2, 0, 1])).splitlines()[1:]
    assert turned == ["A: observe 2", "B: idle", "C: downlink"]


def test_warnings_stand_first_and_decisions_last():
    problem = import_module("envs.tasking_v0").batch_env("pair").problem
    text = Reporter(problem).report(
        np.full(len(problem.layout), -1.0, np.float32), np.int8([1, 1, 0, 0, 0, 0, 0])
    )
    assert text.startswith("Warning: battery at 0%, ")
    assert text.endswith("Decisions:\nA: idle, neutral, pays nothing\nB: charge, excellent, pays 50")


def test_shots_and_unknown_options():
    problem = import_module("envs.tasking_v0").batch_env("pair").problem
    assert Reporter(problem, shots=2).system.count("Example:") == 2
    for options in ({"shots": 3}, {"language": "fr"}, {"label": "numbers"}):
        with pytest.raises(SandboxError):
            Reporter(problem, **options)
