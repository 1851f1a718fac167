"""Every public name says what it is: those of `__all__`, with the methods and properties of its classes."""

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("sandbox", "envs", "agents", "experiments")


def declares(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    targets = (
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    )
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(module_of(path) for room in ROOMS for path in (ROOT / room).rglob("*.py") if declares(path))
TOLD = ("__version__",)
"""What every package has, and its name says."""
TYPES_OF_FIELDS = "sandbox.scenario.fields"
"""Of fields: the bounds that they add are their meaning."""


def constants(module):
    """Names that are assigned at the top of a module, each with whether words follow."""
    body = ast.parse(Path(inspect.getsourcefile(module)).read_text(encoding="utf-8")).body
    found = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        worded = (
            isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        )
        for target in targets:
            for each in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(each, ast.Name):
                    found[each.id] = worded or len(targets) > 1
    return found


def homes(name):
    """Modules of ours that assign `name` at their top."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if f"\n{name} = " in path.read_text(encoding="utf-8"):
                yield importlib.import_module(module_of(path))


def is_worded_constant(module, name, value):
    """Whether words follow where `value`, an attribute of `module`, is assigned, there or elsewhere."""
    places = [module, *homes(name)] if not constants(module).get(name) else [module]
    own = [place for place in places if name in constants(place) and getattr(place, name) is value]
    return any(constants(place)[name] or place.__name__ == TYPES_OF_FIELDS for place in own)


def own_words(thing):
    """The docstring of a function or class itself: not that of its base, nor that which makes itself."""
    text = thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)
    return "" if not text or text.startswith(f"{getattr(thing, '__name__', '')}(") else text


def members(kind):
    """The public methods and properties that a class of ours defines itself."""
    for name, value in vars(kind).items():
        if not name.startswith("_") and (
            isinstance(value, property) or inspect.isfunction(getattr(value, "__func__", value))
        ):
            yield name, inspect.getdoc(getattr(kind, name))


def silent(module):
    """Public names of a module without words."""
    for name in module.__all__:
        thing = getattr(module, name)
        if name in TOLD:
            continue
        if isinstance(thing, ModuleType):
            if not (thing.__doc__ or "").strip():
                yield name
        elif inspect.isclass(thing) or inspect.isroutine(thing):
            if not own_words(thing):
                yield name
            if inspect.isclass(thing) and thing.__module__.partition(".")[0] in ROOMS:
                yield from (f"{name}.{member}" for member, words in members(thing) if not words)
        elif not getattr(thing, "__doc__", None) or not is_worded_constant(module, name, thing):
            yield name


def imported(name):
    """A module; some are for packages of others, which may not be installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_words(name):
    module = imported(name)
    assert module.__doc__, f"{name} itself says nothing"
    missing = sorted(set(silent(module)))
    assert not missing, f"{name}: without docstring are {', '.join(missing)}"


def functions(module):
    """Public functions, methods and properties of a module, with the words that are read beside them."""
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isfunction(thing):
            yield name, thing, inspect.getdoc(thing) or ""
        elif inspect.isclass(thing) and thing.__module__.partition(".")[0] in ROOMS:
            for member, value in vars(thing).items():
                function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
                if not member.startswith("_") and inspect.isfunction(function):
                    words = inspect.getdoc(getattr(thing, member)) or ""
                    yield f"{name}.{member}", function, f"{words}\n{inspect.getdoc(thing) or ''}"


SHAPE = re.compile(
    r"\((?:\.\.\.|[A-Z]\w*|\d)[^)]*\)|shapes?|\beach\b|array|matrix|a number|mask", re.IGNORECASE
)
"""Ways to say how many numbers there are: (B, N), (...), one for each."""
ARRAY = re.compile("NDArray|ArrayLike|ndarray")


def raises_ours(function):
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raised = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc is not None)
    return any("SandboxError" in ast.dump(each) for each in raised)


@pytest.mark.parametrize("name", MODULES)
def test_arrays_have_shapes_and_errors_are_told(name):
    """Where a signature has arrays its words say how many numbers; where a body raises they say for what."""
    module = imported(name)
    shapeless, unsaid = [], []
    for called, function, words in functions(module):
        typed = " ".join(map(str, getattr(function, "__annotations__", {}).values()))
        if ARRAY.search(typed) and not SHAPE.search(words):
            shapeless.append(called)
        if raises_ours(function) and not re.search("Raises|refuse|SandboxError", words):
            unsaid.append(called)
    assert not shapeless, f"{name}: no shape is told of {', '.join(shapeless)}"
    assert not unsaid, f"{name}: errors are not told of {', '.join(unsaid)}"


IN_ITS_NAME = re.compile(
    r"_(s|ms|min|h|d|days|km|m|km2|km_s|m_s|deg|rad|wh?|j|kg|gbit|mbit|bits?|gbit_s|k|c|hz|ghz|db|percent|share"
    r"|ratio|odds|tokens|jd)$|^(share|ratio|gamma|lam|probability)$"
)
"""Numbers whose name says what they count."""
UNIT = re.compile(
    r"(?<!')\b(s|ms|seconds?|min|minutes?|h|hours?|days?|years?|k?m|k?m2|k?m/s|metres?|deg|degrees?|rad|radians?|Wh?|J"
    r"|joules?|watts?|kg|[GM]?bits?|bytes?|[GM]bit/s|K|C|G?Hz|dB\w*|percent|probabilit\w+|odds|share|fraction"
    r"|ratio|units?|rewards?|Julian|UTC)\b|%|\[-1, 1\]"
)
"""Ways to say in what it is counted; a possessive s is no second."""


@pytest.mark.parametrize("name", MODULES)
def test_numbers_have_units(name):
    """Where a signature has a float, its name or the words beside it say in what it is counted."""
    module = imported(name)
    unsaid = []
    for called, function, words in functions(module):
        taken = dict(getattr(function, "__annotations__", {}))
        taken[function.__name__] = taken.pop("return", "")
        bare = (each for each, kind in taken.items() if not IN_ITS_NAME.search(each) and "float" in str(kind))
        if any(bare) and not UNIT.search(words):
            unsaid.append(called)
    assert not unsaid, f"{name}: no unit is told of {', '.join(unsaid)}"


def test_there_are_as_many_as_there_should_be():
    assert {"sandbox", "envs", "agents", "sandbox.conjunctions", "sandbox.orbits"} <= set(MODULES)
