"""The page of every problem holds all that it declares."""

import re
from importlib import import_module
from inspect import signature
from pydoc import plaintext

import gymnasium
import pytest

import envs
from envs import registry
from envs.page import DEFAULTS, SHARED, page

NAMES = envs.names()


@pytest.fixture(scope="module", params=NAMES)
def problem(request):
    return registry.find(request.param)


@pytest.fixture(scope="module")
def made(problem):
    return envs.make(problem, face="batch").problem


def test_help_shows_it(problem):
    module = import_module(problem.__module__)
    assert module.__doc__ == page(problem)
    assert "## Observation" in plaintext.document(module)
    assert module.__doc__.lstrip().splitlines()[0].endswith(".")


def test_no_mark_is_left(problem):
    assert set(re.findall(r"{[^}]*}", page(problem))) <= {"{N-1}", '{"observation": ..., "action_mask": ...}'}
    assert not re.search(r"^    ", page(problem), re.MULTILINE), "it is flush left, as Markdown wants it"


def test_features(problem, made):
    text, places = page(problem), []
    for feature in made.layout.features:
        one = feature.name
        for block in made.blocks:
            if (
                block.each
                and re.match(rf"{block.each}_\d+_", one)
                and feature.topic.endswith(tuple("0123456789"))
            ):
                one = re.sub(rf"^({block.each})_\d+_", r"\1_k_", one)
        one = re.sub(r"_word_\d+$", "_word_i", one)  # sixty alike
        row = f"| {one} | {feature.unit} | {feature.low:g} | {feature.high:g} | "
        assert row in text
        if feature.name == one or "_1_" in feature.name:
            places.append(text.index(row))
    assert places == sorted(places), "in the order in which they stand"


def test_actions_and_terms(problem, made):
    text = page(problem)
    for action in made.labels:
        if action.name.startswith("observe_"):
            assert "| observe_1 ... observe_K | image request k | " in text
        else:
            assert f"| {action.name} | {action.phrase} | " in text
    for term in made.terms:
        assert f"`{term}`" in text


def test_options_and_shared_arguments(problem):
    text = page(problem)
    for name, default in problem.options().items():
        line = next(line for line in text.splitlines() if line.startswith(f"| `{name}` | {default} | "))
        assert problem.arguments[name] in line
        assert problem.arguments[name], "an option that nobody explains"
    module = import_module(problem.__module__)
    for face in (module.batch_env, module.parallel_env):
        for name, parameter in signature(face).parameters.items():
            if name in ("worlds", "threads"):
                assert "| `worlds, threads` | 1, 1 | " in text
            elif name != "autoreset":
                line = next(line for line in text.splitlines() if line.startswith(f"| `{name}` | "))
                assert str(parameter.default) in line
    assert DEFAULTS.keys() <= SHARED.keys()


def test_sizes_are_those_of_the_default(problem, made):
    said = re.search(r"`Box\(-1, 1, \(([^)]*),\), float32\)`", page(problem)).group(1)
    counts = {f"{block.each}s": block.count(made.world) for block in made.blocks if block.each}
    terms = [term.split(" x ") for term in said.split(" + ")]
    assert len(made.layout) == sum(int(t[0]) * (counts[t[1]] if len(t) > 1 else 1) for t in terms)
    count = re.search(r"`Discrete\(([^)]*)\)`", page(problem)).group(1)
    shown = sum(int(term) if term.isdigit() else problem.options()[term] for term in count.split(" + "))
    assert len(made.actions) == shown


def test_ways_to_make_it_are_there(problem):
    text = page(problem)
    assert problem.name in envs.names()
    assert f'envs.make("{problem.name}", scenario="{problem.scenario}")' in text
    assert f"from envs import {problem.name}" in text
    assert re.search(r'`gymnasium\.make\("([^"]*)"\)`', text).group(1) in gymnasium.registry
