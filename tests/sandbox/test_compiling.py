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
from sandbox import compiling
from sandbox.compiling import announce_compiling, compiling_told

compiling.AWHILE_S = {awhile}
assert not compiling.is_announced()
announce_compiling(over={over})
assert compiling.is_announced()
announce_compiling()

def add(a, b):
    return a + b

add.__module__ = {module!r}
compiled, told = numba.njit(add), []
with compiling_told(told.append):
    for pair in {pairs}:
        compiled(*pair)
assert told == [True, False] * len({pairs})
"""


def said(module, pairs, awhile=30.0, over=False):
    jit = os.environ | {"NUMBA_DISABLE_JIT": "0", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", CODE.format(module=module, pairs=pairs, awhile=awhile, over=over)]
    done = subprocess.run(words, env=jit, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_long_kernel_is_announced_once():
    told = said("envs.driver", [(1, 2), (1.0, 2.0)])
    assert told == compiling.ABOUT + "\n"


def test_others_of_ours_are_announced_after_a_while():
    assert said("sandbox.orbits.eclipse", [(1, 2)], -1.0) == compiling.ABOUT + "\n"
    assert said("boinor.core", [(1, 2)], -1.0) == ""  # which are compiled in every process


def test_it_is_said_over_the_bar_of_another_process():
    assert said("envs.driver", [(1, 2)], over=True).endswith("\x1b[K" + compiling.ABOUT + "\n")


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
