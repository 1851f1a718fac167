"""Cached machine code: made anew when its sources change, and only then."""

import numpy as np
import pytest

from sandbox import compiled
from sandbox.compiled import entry_point
from sandbox.power import battery_step
from sandbox.thermal import throttle


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Rooms with a module each, in place of the real ones."""
    for room in ("sandbox", "envs", "agents"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "module.py").write_text("one = 1\n")
    monkeypatch.setattr(compiled, "_ROOT", tmp_path)
    return tmp_path


def stamp(*rooms):
    return compiled._source_stamp.__wrapped__(rooms)


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_stamp_changes_with_the_sources(house, change):
    before = stamp("sandbox")
    if change == "edit":
        (house / "sandbox" / "module.py").write_text("one = 1.5\n")
    elif change == "add":
        (house / "sandbox" / "other.py").write_text("")
    else:
        (house / "sandbox" / "module.py").unlink()
    assert stamp("sandbox") != before


def test_sandbox_is_not_compiled_anew_for_a_change_above_it(house):
    sandbox, envs = stamp("sandbox"), stamp("sandbox", "envs")
    (house / "envs" / "module.py").write_text("two = 22\n")
    assert stamp("sandbox") == sandbox
    assert stamp("sandbox", "envs") != envs


def test_stale_machine_code_is_dropped_once(house):
    drop = compiled._drop_stale.__wrapped__
    drop("sandbox", "new")
    cache = house / "sandbox" / "__pycache__"
    assert [path.name for path in cache.iterdir()] == ["kernels.new"]
    for name in ("a.b-1.old.1.nbc", "a.b-1.old.nbi", "module.cpython-311.pyc"):
        (cache / name).touch()
    drop("sandbox", "new")
    assert len(list(cache.iterdir())) == 4
    drop("sandbox", "newer")
    assert {path.name for path in cache.iterdir()} == {"kernels.newer", "module.cpython-311.pyc"}


def test_entry_point_gives_what_the_kernel_gives():
    arguments = (500.0, 1000.0, 20.0, 50.0, 10.0, 0.9, 0.8)
    assert entry_point(battery_step, *arguments)(*arguments) == battery_step(*arguments)
    share = entry_point(throttle, 1.0, 1.0, 1.0)
    for temperature in np.linspace(300.0, 340.0, 9).tolist():
        assert share(temperature, 318.0, 333.0) == throttle(temperature, 318.0, 333.0)
