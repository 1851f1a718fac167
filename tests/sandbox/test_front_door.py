"""What `import sandbox`, `agents` and `envs` show, what they load, and what they say of strangers."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import agents
import envs
import sandbox
from sandbox import rooms
from sandbox.errors import SandboxError

ROOT = Path(rooms.__file__).resolve().parents[1]
HEAVY = ("torch", "transformers", "astropy", "boinor", "numba", "pandas", "matplotlib", "ray")
STRANGER = '"""Agents of another project."""\nclass Agent: pass\n'


def python(code: str, *folders: Path, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """Run Python apart, with these folders in front of ours."""
    path = os.pathsep.join(map(str, (*folders, ROOT)))
    command = [sys.executable, *flags, "-c", code]
    return subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, cwd=ROOT.parent, capture_output=True, text=True
    )


def package(folder: Path, name: str, text: str | None = STRANGER) -> Path:
    """A package of another project; without `text` a folder of that name with no `__init__.py`."""
    place = folder / name
    place.mkdir(parents=True)
    if text is None:
        (place / "notes.txt").write_text("mine")
    else:
        (place / "__init__.py").write_text(text)
    return place


# ---- the names that a user touches ----------------------------------------------------------------


@pytest.mark.parametrize("door", [sandbox, agents, envs])
def test_every_name_shown_is_there(door):
    assert set(dir(door)) >= set(door.__all__)
    for name in door.__all__:
        assert getattr(door, name) is not None


@pytest.mark.parametrize("door", [sandbox, agents, envs])
def test_an_unknown_name_is_an_attribute_error(door):
    with pytest.raises(AttributeError, match="Wrld"):
        _ = door.Wrld
    assert not hasattr(door, "__wrapped__")


def test_the_names_are_those_of_the_modules():
    from agents import policy
    from sandbox import recording, scenario, world

    assert sandbox.World is world.World
    assert sandbox.Scenario is scenario.Scenario
    assert sandbox.load_scenario is scenario.load_scenario
    assert sandbox.Recording is recording.Recording
    assert sandbox.SandboxError is SandboxError
    assert "scs01" in sandbox.scenario_names()
    assert agents.make_policy is policy.make_policy
    assert agents.Policy is policy.Policy


def test_types_are_declared_for_the_names_shown():
    declared = ast.parse((ROOT / "sandbox" / "__init__.pyi").read_text("utf-8"))
    lists = [node.value for node in declared.body if isinstance(node, ast.Assign)]
    assert sorted(ast.literal_eval(lists[0])) == sorted(sandbox.__all__)


def test_names_of_policies_are_those_that_understand_the_problem():
    assert {"threshold", "random", "qwen"} <= set(agents.names("avoidance_v0"))
    assert "local" not in agents.names("avoidance_v0")
    assert set(agents.names("avoidance_v0")) < set(agents.names())


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_an_import_loads_little_and_says_nothing(room):
    done = python(f"import sys, {room}; print(*sys.modules)", flags=("-W", "error"))
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert room in loaded
    assert not set(HEAVY) & set(loaded)


def test_the_version_is_that_of_the_installation(monkeypatch):
    from importlib import metadata

    monkeypatch.setattr(metadata, "version", lambda name: f"7.1 of {name}")
    assert sandbox.__version__ == "7.1 of orbital-autonomy-sandbox"


def test_the_version_of_what_is_not_installed_is_unknown(monkeypatch):
    from importlib import metadata

    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.warns(UserWarning, match="not installed.*pip"):
        assert sandbox.__version__ == "0+unknown"


# ---- packages of other projects -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("room", "stranger"),
    [("sandbox", "agents"), ("envs", "agents"), ("agents", "envs"), ("envs", "experiments")],
)
def test_a_stranger_is_named_with_the_remedy(tmp_path, room, stranger):
    place = package(tmp_path, stranger, STRANGER + "raise SystemExit('imported')")
    done = python(f"import {room}", tmp_path)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "UserWarning" in line]
    assert len(said) == 1
    assert repr(stranger) in said[0]
    assert str(place) in said[0]
    assert "fresh virtual environment" in said[0]


def test_a_module_in_the_place_of_a_package_is_named(tmp_path):
    (tmp_path / "agents.py").write_text(STRANGER)
    assert str(tmp_path / "agents.py") in python("import sandbox", tmp_path).stderr


def test_several_strangers_are_one_sentence(tmp_path):
    for name in ("envs", "agents", "experiments"):
        package(tmp_path, name)
    done = python("import sandbox", tmp_path)
    assert done.stderr.count("UserWarning") == 1
    assert all(str(tmp_path / name) in done.stderr for name in ("envs", "agents", "experiments"))


def test_a_folder_without_a_package_gives_way_to_ours(tmp_path):
    package(tmp_path, "experiments", None)
    assert python("import sandbox", tmp_path).stderr == ""


def test_a_stranger_behind_ours_is_none(tmp_path):
    package(tmp_path, "agents")
    assert python(f"import sys; sys.path.append({str(tmp_path)!r}); import sandbox").stderr == ""


def test_a_stranger_that_was_imported_before_is_named(tmp_path):
    place = package(tmp_path, "agents")
    assert str(place) in python("import agents, sandbox", tmp_path).stderr


def test_ours_by_another_path_is_ours(tmp_path):
    (tmp_path / "link").symlink_to(ROOT, target_is_directory=True)
    assert python("import sandbox", tmp_path / "link").stderr == ""


def test_a_room_that_another_project_wrote_over_is_named(tmp_path):
    (tmp_path / "sandbox").mkdir()
    for name in ("__init__.py", "rooms.py"):
        (tmp_path / "sandbox" / name).write_bytes((ROOT / "sandbox" / name).read_bytes())
    for name in ("envs", "experiments"):
        package(tmp_path, name, (ROOT / name / "__init__.py").read_text("utf-8"))
    place = package(tmp_path, "agents")
    said = python("import sandbox", tmp_path).stderr
    assert str(place) in said
    assert "'envs'" not in said


@pytest.mark.parametrize("room", ["envs", "agents", "experiments"])
def test_a_stranger_in_the_place_of_the_sandbox_is_one_sentence(tmp_path, room):
    place = package(tmp_path, "sandbox")
    done = python(f"import {room}", tmp_path)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError")
    assert str(place) in last
    assert "fresh virtual environment" in last


def test_what_does_not_say_where_it_is_from_is_no_error(monkeypatch, recwarn):
    from types import ModuleType

    monkeypatch.setitem(sys.modules, "experiments", ModuleType("experiments"))  # its __spec__ is None
    rooms.warn_of_strangers()
    assert not recwarn.list


@pytest.mark.parametrize("name", [*envs.names(), "language"])
def test_a_module_of_an_environment_shows_what_makes_one(name):
    module = getattr(envs, name)
    assert dir(module) == sorted(module.__all__)
    assert {"parallel_env", "env", "raw_env"} <= set(dir(module))
    assert all(hasattr(module, each) for each in module.__all__)


@pytest.mark.parametrize("package", ["orbits", "conjunctions", "recording"])
def test_what_a_package_shows_its_modules_show(package):
    from importlib import import_module
    from inspect import getmodule

    shown = import_module(f"sandbox.{package}")
    for name in shown.__all__:
        home = getmodule(getattr(shown, name))
        if home is not None and home.__name__.startswith(shown.__name__):
            assert name in home.__all__
