"""Cached machine code: made anew when its sources change, and only then; kept in a folder of ours."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.caching import NullCache

from sandbox import compiled
from sandbox.compiled import entry_point
from sandbox.power import battery_step
from sandbox.thermal import throttle

MODULES = {
    "sandbox/__init__.py": "",
    "sandbox/base.py": "one = 1\n",
    "sandbox/flown.py": "from sandbox.base import (\n    one,\n)\n\n\ndef fly():\n    return one\n",
    "sandbox/apart.py": "two = 2\n",
    "envs/__init__.py": "",
    "envs/problem.py": "from sandbox import flown as f, apart\n",
}


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Two rooms with a few modules, in place of the real ones; gives the folder they are in."""
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(compiled, "_ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget():
    compiled._read.cache_clear()
    compiled._sources.cache_clear()


def stamp(module):
    forget()
    function = lambda: 0  # noqa: E731
    function.__module__ = module
    return compiled.source_stamp(function)


@pytest.mark.parametrize("module", ["sandbox.flown", "envs.problem"])
def test_stamp_follows_what_is_imported(house, module):
    before = stamp(module)
    (house / "sandbox" / "base.py").write_text("one = 1.5\n")
    assert stamp(module) != before


def test_stamp_is_of_content_and_of_what_is_imported_alone(house):
    before = stamp("sandbox.flown")
    (house / "sandbox" / "apart.py").write_text("two = 3\n")
    (house / "envs" / "problem.py").write_text("")
    (house / "sandbox" / "base.py").write_text(MODULES["sandbox/base.py"])
    os.utime(house / "sandbox" / "base.py", (0, 0))
    assert stamp("sandbox.flown") == before


def test_relative_imports_lead_somewhere():
    assert compiled._absolute("..blocks.body", "mine.problems") == "mine.blocks.body"
    assert compiled._absolute(".", "mine.problems") == "mine.problems"
    assert compiled._absolute("sandbox.state", "mine.problems") == "sandbox.state"


def test_closures_are_told_apart_by_what_they_hold():
    def made(inner, number):
        return lambda: inner(number)

    plain, other = made(abs, 1), made(abs, 2)
    assert compiled._identity(made(plain, 1)) == compiled._identity(made(made(abs, 1), 1))
    assert compiled._identity(made(plain, 1)) != compiled._identity(made(other, 1))
    assert compiled._identity((battery_step,)) == compiled._identity((battery_step.py_func,))


def test_oldest_machine_code_goes_first_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "CACHE_LIMIT_BYTES", 250)
    for age, name in enumerate(("new", "middle", "old")):
        for ending in ("py311.nbi", "py311.1.nbc"):
            path = tmp_path / f"{name}.{ending}"
            path.write_bytes(b"x" * 50)
            os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / "notes.txt").write_text("mine" * 100)
    compiled._drop_oldest.__wrapped__(tmp_path)
    left = {path.name.split(".")[0] for path in tmp_path.iterdir()}
    assert left == {"new", "middle", "notes"}


PLAY = """
from envs import tasking_v0
from sandbox.power import battery_step
assert battery_step(500.0, 1000.0, 20.0, 50.0, 10.0, 0.9, 0.8)
"""


def test_where_nothing_can_be_written_to_kernels_are_compiled_all_the_same(tmp_path):
    (tmp_path / "file").touch()
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "file" / "below")}
    root = Path(compiled.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", PLAY], env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    assert "NUMBA_CACHE_DIR" in done.stderr
    assert done.stderr.count("compiled kernels are not kept") == 1


@compiled.kernel
def doubled(x):
    return 2.0 * x


@compiled.kernel
def doubled_and_one(x):
    return doubled(x) + 1.0


def test_a_kernel_that_a_kernel_called_can_be_called_from_python_too():
    doubled._cache = doubled_and_one._cache = NullCache()  # from disk, the second would not compile the first
    assert doubled_and_one(2.0) == 5.0
    assert len(doubled.bare) == 1
    assert doubled(2.0) == 4.0
    assert not doubled.bare
    assert doubled_and_one(np.float32(3.0)) == 7.0


def test_entry_point_gives_what_the_kernel_gives():
    arguments = (500.0, 1000.0, 20.0, 50.0, 10.0, 0.9, 0.8)
    assert entry_point(battery_step, *arguments)(*arguments) == battery_step(*arguments)
    share = entry_point(throttle, 1.0, 1.0, 1.0)
    for temperature in np.linspace(300.0, 340.0, 9).tolist():
        assert share(temperature, 318.0, 333.0) == throttle(temperature, 318.0, 333.0)


def test_a_cache_that_cannot_be_read_is_compiled_anew(tmp_path, monkeypatch):
    """Cut short, or pickled by a version with types that this one has not."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled._writable_folder.cache_clear()
    try:
        for spoilt in ("*.nbi", "*.nbc"):
            made = compiled.kernel(doubled.py_func)
            assert made(2.0) == 4.0
            for path in tmp_path.rglob(spoilt):
                whole = path.read_bytes()
                path.write_bytes(whole[: 2 * len(whole) // 3])
            assert compiled.kernel(doubled.py_func)(2.0) == 4.0
    finally:
        compiled._writable_folder.cache_clear()


def test_two_processes_that_compile_at_once_do_not_take_each_other_s_code(tmp_path):
    """Both have read the same index when they write: an entry may be lost, but none is another's."""
    one, two = (compiled._File(str(tmp_path), "kernel", "stamp") for _ in range(2))
    one._load_index = two._load_index = dict
    one.save("for floats", "code for floats")
    two.save("for integers", "code for integers")
    del one._load_index, two._load_index
    assert two.load("for integers") == "code for integers"
    assert two.load("for floats") in (None, "code for floats")
    one.save("for floats", "code for floats")
    assert (two.load("for floats"), two.load("for integers")) == ("code for floats", "code for integers")
