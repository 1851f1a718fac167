"""What docs/ shows works: examples run, commands and options are there, every kind of event is told."""

import json
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from experiments.training.table import standing
from sandbox.recording import EVENT_KINDS

ROOT = Path(__file__).resolve().parent.parent
DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
QUICK = ("look.md",)
"""Pages whose commands take seconds; of the others, which train and search, the options are looked up."""

UNENDING = ("fly",)
"""Commands that serve until they are interrupted: their options are looked up, too."""


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS[name], re.MULTILINE | re.DOTALL)


def commands(name):
    lines = (line.partition("#")[0].strip() for block in blocks(name, "sh") for line in block.splitlines())
    return [shlex.split(line) for line in lines if line.startswith("python -m experiments ")]


OF_FILES = ("your_own_problem.md",)
"""Pages whose examples are files to be saved; `tests/experiments/examples` saves and flies them."""
EXAMPLES = [
    (name, "".join(blocks(name, "python")))
    for name in DOCS
    if name not in OF_FILES and blocks(name, "python")
]


@pytest.mark.parametrize(("name", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_of_a_page_run_one_after_the_other(name, code, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", QUICK)
def test_commands_run_one_after_the_other(name, tmp_path):
    for words in commands(name):
        if words[3] in UNENDING:
            continue
        done = subprocess.run(
            [sys.executable, *words[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr


@cache
def help_of(command):
    words = [sys.executable, "-m", "experiments", command, "--help"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", [name for name in DOCS if commands(name)])
def test_commands_and_their_options_are_there(name):
    for words in commands(name):
        told = help_of(words[3])
        for option in (word for word in words[4:] if word.startswith("--")):
            assert option in told, f"{name}: {shlex.join(words)}"


@pytest.mark.parametrize("name", DOCS)
def test_links_and_pictures_are_there(name):
    for target in re.findall(r"\]\(([^)#]+)\)", DOCS[name]):
        assert "://" in target or (ROOT / "docs" / target).exists(), target


def test_every_kind_of_event_is_told():
    rows = re.findall(r"^\| (\w+) \| ([\w, ]+) \|$", DOCS["look.md"], re.MULTILINE)
    told = {kind: lane for lane, kinds in rows for kind in kinds.split(", ")}
    assert {kind: lane for kind, lane in told.items() if kind in EVENT_KINDS} == {
        kind: about.lane for kind, about in EVENT_KINDS.items()
    }


RECORDS = [json.loads(p.read_text()) for p in sorted((ROOT / "docs/records/train_table").glob("*.json"))]
CASES = sorted({(record["problem"], record["tier"]) for record in RECORDS})


@pytest.mark.parametrize(("problem", "tier"), CASES)
def test_the_table_of_trainings_is_that_of_its_records(problem, tier):
    own = [record for record in RECORDS if (record["problem"], record["tier"]) == (problem, tier)]
    found = standing(own)
    (row,) = [line for line in DOCS["train.md"].splitlines() if line.startswith(f"| `{problem}`, {tier} |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]

    def near(value, cell):
        said = float(cell.replace(",", "").replace("+", ""))
        return abs(said - value) <= 0.5 * 10.0 ** -len(cell.partition(".")[2]) + 1e-9

    assert near(found.chance, cells[1])
    best, level = cells[2].split()
    assert best == f"`{found.best}`"
    assert near(found.rule.mean, level)
    for cell, summary in ((cells[3], found.trained), (cells[4], found.gain)):
        numbers = re.findall(r"[-+\d.,]+\d", cell)
        values = (summary.iqm, summary.low, summary.high)
        assert all(near(value, number) for value, number in zip(values, numbers, strict=True)), (cell, values)
    chosen = max((r for r in own if r["algorithm"] == "ppo"), key=lambda r: r["validation"])
    assert near(sum(chosen["returns"]) / len(chosen["returns"]), cells[6])
    assert found.trained.runs == 5
