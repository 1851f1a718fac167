"""Every command and example of the README works as it stands there."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(start):
    lines = (line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines())
    return [line for line in lines if line.startswith(start)]


@pytest.mark.parametrize("code", blocks("python"), ids=range(len(blocks("python"))))
def test_examples_run(code, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("sh"), ids=range(len(blocks("sh"))))
def test_commands_run_one_after_the_other(block, tmp_path):
    for line in block.splitlines():
        command = line.partition("#")[0].strip()
        if command.startswith("python -m experiments"):
            words = [sys.executable, *shlex.split(command)[1:]]
            how = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 300}
            done = subprocess.run(words, cwd=tmp_path, **how)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", commands("make"))
def test_make_targets_exist(command):
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    done = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_is_short():
    assert len(README.splitlines()) < 150


def test_it_installs_and_tests_as_ci_does():
    """What lands is installed and tested as the README says."""
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    install, test = blocks("sh")[1].splitlines()
    assert install.removeprefix("pip install ") in ci
    assert test == "python -m pytest"
    assert "make test" in blocks("sh")[0]


def test_links_and_pictures_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
