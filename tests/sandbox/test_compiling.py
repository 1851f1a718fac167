"""The first compilation is announced once, where somebody reads it; else nothing is said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.running import cli
from sandbox import compiling

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import numba
from sandbox.compiling import announce_compiling

announce_compiling()
announce_compiling()

def add(a, b):
    return a + b

add.__module__ = {module!r}
compiled = numba.njit(add)
for pair in {pairs}:
    compiled(*pair)
"""


def said(module, pairs):
    jit = os.environ | {"NUMBA_DISABLE_JIT": "0", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", CODE.format(module=module, pairs=pairs)]
    done = subprocess.run(words, env=jit, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_long_kernel_is_announced_once():
    told = said("envs.driver", [(1, 2), (1.0, 2.0)])
    assert told == compiling.ABOUT + "\n"


@pytest.mark.parametrize(
    ("module", "pairs"), [("envs.driver", []), ("sandbox.orbits.eclipse", [(1, 2)]), ("mine", [(1, 2)])]
)
def test_else_nothing_is_said(module, pairs):
    assert said(module, pairs) == ""


@pytest.mark.parametrize(
    ("words", "terminal", "announced"),
    [
        (["scenarios"], True, True),
        (["scenarios"], False, False),
        (["run", "--scenario", "no_such", "--quiet"], True, False),
    ],
)
def test_commands_at_a_terminal_announce_unless_quiet(words, terminal, announced, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(cli, "at_a_terminal", lambda: terminal)
    monkeypatch.setattr(cli, "announce_compiling", lambda: asked.append(True))
    cli.main(words)
    assert bool(asked) == announced


def test_the_modules_that_are_long_are_there():
    import importlib

    for name in compiling.LONG:
        assert importlib.import_module(name)
