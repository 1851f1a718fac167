"""The Makefile installs once, with an interpreter that only writes down what it is asked to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERPRETER = """#!/bin/sh
echo "$*" >> {log}
if [ "$2" = venv ]; then
    mkdir -p "$3/bin"
    cp "$0" "$3/bin/python"
    cp "$0" "$3/bin/pip"
    cp "$0" "$3/bin/ruff"
    cp "$0" "$3/bin/mypy"
fi
"""

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@pytest.fixture
def make(tmp_path):
    """Run a target in a copy of the Makefile; the commands that the interpreter was given."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "constraints.txt").touch()
    log, fake = tmp_path / "log", tmp_path / "python"
    fake.write_text(INTERPRETER.format(log=log))
    fake.chmod(0o755)

    def run(*targets):
        log.write_text("")
        # the suite may itself be run by make: its variables must not reach this one
        alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        words = ["make", *targets, f"PYTHON={fake}", "VENV=.venv"]
        subprocess.run(words, cwd=tmp_path, env=alone, check=True, capture_output=True)
        return log.read_text().splitlines()

    return run


def test_demo_installs_once_and_plays(make):
    play = "-m experiments run --scenario scs01 --env tasking_v0 --policy qwen --hours 24 --seed 0"
    made, installed, played = make("demo")
    assert made == "-m venv .venv"
    assert installed.startswith("-m pip install -q ")
    assert installed.endswith("-c constraints.txt -e .[demo]")
    assert played == play
    assert make("demo") == [play]


def test_train_installs_what_it_needs_and_trains(make):
    _, installed, trained = make("train")
    assert installed.endswith("-e .[train]")
    assert trained == "-m experiments train --problem tasking_v0 --scenario scs01 --hours 6"


def test_docs_are_built_strictly(make):
    _, installed, built = make("docs")
    assert installed.endswith("-e .[docs]")
    assert built == "-m mkdocs build --strict --quiet"
    assert make("docs") == [built]


def test_what_is_needed_is_installed_again_when_it_changes(make, tmp_path):
    assert len(make("test")) == 3
    assert make("test") == ["-m pytest -n 2"]
    assert make("lint") == ["check .", "format --check .", ""]  # mypy takes its arguments from pyproject.toml
    (tmp_path / "constraints.txt").write_text("numpy==2.4\n")
    install, tests = make("test")
    assert install.endswith("-e .[dev]")
    assert tests == "-m pytest -n 2"


def test_clean_leaves_results_and_the_environment(make, tmp_path):
    make("demo")
    for name in (
        "results/r/metrics.json",
        "sandbox/__pycache__/a.b.nbi",
        "sandbox/a.nbc",
        ".venv/__pycache__/c",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    make("clean")
    assert (tmp_path / "results/r/metrics.json").exists()
    assert (tmp_path / ".venv/__pycache__/c").exists()
    assert list((tmp_path / "sandbox").iterdir()) == []
