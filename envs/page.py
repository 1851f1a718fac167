"""The page of a problem, as help() and the docs show it: its prose, and tables made from its declarations."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

from envs.block import Block
from envs.features import Feature
from envs.problem import Problem
from sandbox.scenario import load_scenario

SHARED = {
    "scenario": "name, YAML file, dictionary or Scenario",
    "max_cycles": "rounds in an episode; None: the scenario's horizon",
    "team_reward": "everyone gets the mean of the fleet",
    "difference_reward": "everyone gets what the fleet would lose without it (`envs.difference`)",
    "mask_in_obs": 'observation is `{"observation": ..., "action_mask": ...}`; the info has no mask',
    "death": '`"remove"`: lost satellites leave `agents`',
    "multi_discrete": "several orders at once (`envs.joint`), where there are several",
    "questions": "how many can be asked from outside in an episode (`sandbox.job_asking`)",
    "render_mode": "what `render()` shows; see `envs.camera`",
    "worlds, threads": "batch face only",
}
DEFAULTS = {
    "max_cycles": "None", "team_reward": "False", "difference_reward": "False", "mask_in_obs": "False",
    "death": '`"noop"`',
    "multi_discrete": "False", "questions": "0", "render_mode": "None", "worlds, threads": "1, 1",
}  # fmt: skip


def page(problem: type[Problem]) -> str:
    """The whole page, Markdown. Ranges are those of the problem's own scenario."""
    tables: dict[str, Callable[[type[Problem]], str]] = {
        "{creation}": _creation, "{observation}": _observation, "{actions}": _actions,
        "{rewards}": _rewards, "{arguments}": _arguments,
    }  # fmt: skip
    text = re.sub(r"^    ", "", problem.__doc__ or "", flags=re.MULTILINE)
    for mark, table in tables.items():
        if mark in text:
            text = text.replace(mark, table(problem))
    return text


def show_page(problem: type[Problem]) -> None:
    """Let the page be what help() shows of the module that `problem` is in; it is made when asked for."""

    class Page(ModuleType):
        @property
        def __doc__(self) -> str:  # type: ignore[override]
            return page(problem)

    sys.modules[problem.__module__].__class__ = Page


def _table(head: Sequence[str], rows: Iterator[Sequence[Any]] | Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _blocks(problem: type[Problem]) -> Sequence[Block]:
    return problem.declare().blocks


def _creation(problem: type[Problem]) -> str:
    module, name = problem.__module__, problem.name
    short, version = name.rsplit("_", 1)
    package, _, own = module.rpartition(".")
    shipped = package == "envs"  # Gymnasium is told of these
    called = name if shipped else f"{module}:{problem.__qualname__}"
    single = f'`gymnasium.make("sandbox/{short.capitalize()}-{version}")`'
    rows = [
        ("Import", f"`from {package} import {own}`" if package else f"`import {own}`"),
        ("Creation", f'`envs.make("{called}", scenario="{problem.scenario}")`, `{own}.parallel_env(...)`, '
                     f"`{own}.env(...)`"),
        ("Gymnasium", f'{single if shipped else f"`{own}.satellite_env(...)`"} for one satellite'),
        ("Batch", f'`envs.make("{called}", face="batch", worlds=256)`'),
        ("Agents", "`sat_0` ... `sat_{N-1}`, in the order of the scenario's fleet"),
        ("Actions", f"`{_action_space(problem)}`, masked"),
        ("Observations", f"`Box(-1, 1, ({_size(problem)},), float32)`"),
    ]  # fmt: skip
    return _table(("", problem.name), rows)


def _size(problem: type[Problem]) -> str:
    single, each = 0, []
    for block in _blocks(problem):
        shown = len(block.features) - len(block.omit) + len(block.more(_stand_in(problem)))
        if block.each and shown:
            each.append(f"{shown} x {block.each}s")
        else:
            single += shown
    return " + ".join([str(single), *each])


def _action_space(problem: type[Problem]) -> str:
    count, each = 0, []
    for block in _blocks(problem):
        names = [action.name for action in block.actions(_stand_in(problem))]
        if names and names[0].endswith("_1") and len(names) == 1:
            each.append("candidates")
        else:
            count += len(names)
    return f"Discrete({' + '.join([str(count), *each])})"


def _stand_in(problem: type[Problem]) -> Any:
    """What the declarations ask of a world, with one of everything that an option counts."""
    return SimpleNamespace(shown=1, scenario=load_scenario(problem.scenario, problem.overrides))


def _observation(problem: type[Problem]) -> str:
    scenario = load_scenario(problem.scenario, problem.overrides)
    rows = []
    for block in _blocks(problem):
        prefix = f"{block.each}_k_" if block.each else ""
        for feature in block.fitted(scenario):
            if feature.name not in block.omit:
                rows.append(_feature_row(prefix, feature))
        more = {re.sub(r"_\d+$", "_i", feature.name): feature for feature in block.more(_stand_in(problem))}
        rows += [_feature_row(prefix, replace(feature, name=name)) for name, feature in more.items()]
    return _table(("feature", "unit", "low", "high", "map", "in words"), rows)


def _feature_row(prefix: str, feature: Feature) -> tuple[str, ...]:
    words = re.sub(r"\[[^|\]]*\|([^\]]*)\]", r"\1", re.sub(r"{[^}]*}", "...", feature.phrase))
    ends, curve = (f"{feature.low:g}", f"{feature.high:g}"), "root" if feature.root else "linear"
    return f"{prefix}{feature.name}", feature.unit, *ends, curve, words


def _actions(problem: type[Problem]) -> str:
    rows, world = [], _stand_in(problem)
    for block in _blocks(problem):
        for action in block.actions(world):
            many = action.name == "observe_1"
            name = "observe_1 ... observe_K" if many else action.name
            phrase = action.phrase.replace("request 1", "request k") if many else action.phrase
            rows.append((name, phrase, action.legal or "it can be carried out"))
    return _table(("action", "effect", "legal"), rows)


def _rewards(problem: type[Problem]) -> str:
    rows = []
    for block in _blocks(problem):
        if block.terms:
            what = " ".join((type(block).__doc__ or "").split())
            price = getattr(block, "price", None)
            what = what.replace("`price`", f"{price:g}") if price is not None else what
            rows.append((", ".join(f"`{term}`" for term in block.terms), what))
    rows.append(("`illegal`", "Actions that the mask forbade: played as the first action, and counted."))
    return _table(("term", "what it is"), rows)


def _arguments(problem: type[Problem]) -> str:
    shared = [
        (f"`{name}`", DEFAULTS.get(name, f'`"{problem.scenario}"`'), what) for name, what in SHARED.items()
    ]
    own = [
        (f"`{name}`", default, problem.arguments.get(name, "")) for name, default in problem.options().items()
    ]
    return _table(("argument", "default", "meaning"), [shared[0], *own, *shared[1:]])
