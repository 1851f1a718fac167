"""The pages of the API: every public name, with its signature and docstring, read from the sources."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

PAGES: Mapping[str, tuple[str, ...]] = {
    "sandbox": ("sandbox", "sandbox.units", "sandbox.errors"),
    "scenario": ("sandbox.scenario",),
    "envs": (
        "envs", "envs.language", "envs.deliberation", "envs.decision_points", "envs.difference",
        "envs.torchrl", "envs.sb3", "envs.benchmarl", "envs.rllib",
    ),
    "agents": ("agents", "agents.trained", "agents.qwen.policy"),
    "orbits": ("sandbox.orbits",),
    "conjunctions": ("sandbox.conjunctions",),
    "recording": ("sandbox.recording",),
    "rendering": ("sandbox.rendering",),
}  # fmt: skip
"""By page, the modules whose public names it tells."""


def pages() -> dict[str, str]:
    """A page for each of `PAGES`, and the one that lists them."""
    listed = [f"- [{', '.join(f'`{name}`' for name in names)}]({page}.md)" for page, names in PAGES.items()]
    index = (
        "# Reference\n\nThe public names: those of `__all__` of each package, with signature and docstring. "
        "Arrays have shapes (worlds, satellites, ...); numbers are in SI units and radians unless a name "
        "says otherwise.\n\n" + "\n".join(listed)
    )
    return {"reference/index.md": index} | {
        f"reference/{page}.md": _page(names) for page, names in PAGES.items()
    }


def _page(modules: tuple[str, ...]) -> str:
    parts = [f"# {modules[0]}"]
    for number, module in enumerate(modules):
        parts += [f"# {module}"] if number else []
        parts.append(_about(module))
        parts += [f"::: {home}.{name}" for home, name in dict.fromkeys(homes(module))]
    return "\n\n".join(part for part in parts if part)


def _tree(module: str) -> ast.Module:
    found = find_spec(module)
    assert found is not None
    assert found.origin is not None
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))


def _about(module: str) -> str:
    """The docstring of a module, which may not be importable here."""
    return ast.get_docstring(_tree(module)) or ""


def homes(module: str) -> Iterator[tuple[str, str]]:
    """The functions and classes among the public names of a module, each with the module that defines it."""
    try:
        found = import_module(module)
    except ModuleNotFoundError:  # a trainer that is not installed: what is defined in the file itself
        defined = (node for node in _tree(module).body if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
        yield from ((module, node.name) for node in defined if not node.name.startswith("_"))
        return
    for name in getattr(found, "__all__", ()):
        thing = getattr(found, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield thing.__module__, thing.__qualname__
