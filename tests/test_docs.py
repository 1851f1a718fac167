"""What docs/ shows works: examples run, commands and options are there, every kind of event is told."""

import json
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from functools import cache
from io import StringIO
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from experiments import commands as known
from experiments.running.cli import main
from experiments.training.standings import places, standing
from sandbox.recording import EVENT_KINDS
from sandbox.scenario import load_scenario
from sandbox.scenario.json_schema import scenario_schema
from sandbox.yaml_files import read_yaml
from tools.pages import cards

ROOT = Path(__file__).resolve().parent.parent
DOCS = {
    path.relative_to(ROOT / "docs").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs").rglob("*.md"))
}
PAGES = DOCS | cards.pages()
"""Those that are written, and the generated one that has commands and examples."""
QUICK = ("experiments.md", "index.md", "learning_in_orbit.md", "look.md", "minds.md", "scenarios.md")
"""Pages whose commands take seconds; of the others, which train and search, the options are looked up."""

UNENDING = ("fly",)
"""Commands that serve until they are interrupted: their options are looked up, too."""

LANGUAGES = {"python", "sh", "console", "yaml", "text"}
"""Of blocks: examples that run, commands that run, those that want what a test has not, scenarios,
and commands that take long."""


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[name], re.MULTILINE | re.DOTALL)


def commands_in(lines):
    """The words of every command of ours among lines, one that goes on in the next line as a whole."""
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = (re.sub(r"\s+#.*", "", line).strip().removeprefix("$ ") for line in text.splitlines())
    return [shlex.split(line) for line in found if line.startswith("python -m experiments ")]


def commands(name):
    """Those of the blocks that are run."""
    return commands_in(line for block in blocks(name, "sh") for line in block.splitlines())


def all_commands(name):
    """Those of every block, indented ones too, and those in the text that stand whole between backticks."""
    lines = PAGES[name].splitlines()
    spoken = re.findall(
        r"`(python\s-m\sexperiments [^`]+)`", re.sub(r"```.*?```", "", PAGES[name], flags=re.DOTALL)
    )
    found = commands_in([line.strip() for line in lines] + [" ".join(each.split()) for each in spoken])
    return [words for words in found if words[3].islower()]  # others stand for several, as train_NAME


OF_FILES = ("your_own_problem.md",)
"""Pages whose examples are files to be saved; `tests/experiments/examples` saves and flies them."""
EXAMPLES = [
    (name, "".join(blocks(name, "python")))
    for name in PAGES
    if name not in OF_FILES and blocks(name, "python")
]


@pytest.mark.parametrize("name", PAGES)
def test_every_block_is_of_a_kind_that_is_tested(name):
    fences = re.findall(r"^```(.*)$", PAGES[name], re.MULTILINE)
    assert set(fences[::2]) <= LANGUAGES
    assert not any(fences[1::2])


@pytest.mark.parametrize(("name", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_of_a_page_run_one_after_the_other(name, code, tmp_path):
    if "transformers" in code:
        pytest.importorskip("transformers", reason="no transformers; pip install -e '.[qwen]'")
    folder = tmp_path if name in DOCS else ROOT  # the cards' paths are those of the repository
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


SCENARIOS = [(name, block) for name in PAGES for block in blocks(name, "yaml")]


@pytest.mark.parametrize(("name", "block"), SCENARIOS, ids=range(len(SCENARIOS)))
def test_scenarios_are_read_and_pass_the_schema(name, block, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(block)
    jsonschema.validate(read_yaml(path), scenario_schema(), jsonschema.Draft7Validator)
    assert load_scenario(path).name == read_yaml(path)["name"]


@pytest.mark.parametrize("name", QUICK)
def test_commands_run_one_after_the_other(name, tmp_path):
    how = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 300}
    for words in commands(name):
        if words[3] not in UNENDING:
            done = subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, **how)
            assert done.returncode == 0, done.stderr


@cache
def help_of(command):
    """What `--help` says, in this process: starting another for each takes longer than all else here."""
    told = StringIO()
    with redirect_stdout(told), suppress(SystemExit):
        status = main([command, "--help"])
        pytest.skip(f"what {command} needs is not installed") if status == 2 else None
    return told.getvalue()


@pytest.mark.parametrize("name", [name for name in PAGES if all_commands(name)])
def test_commands_and_their_options_are_there(name):
    for words in all_commands(name):
        assert words[3] in known.names(), shlex.join(words)
        told = help_of(words[3])
        for option in (word for word in words[4:] if word.startswith("--")):
            assert option in told, f"{name}: {shlex.join(words)}"


@pytest.mark.parametrize("name", DOCS)
def test_pictures_are_there_and_have_words(name):
    """`tests/tools/test_pages.py` follows the links."""
    for words, target in re.findall(r"!\[([^\]]*)\]\(([^)#]+)\)", DOCS[name]):
        assert (ROOT / "docs" / name).parent.joinpath(target).is_file(), target
        assert len(words) > 10, target


def test_every_kind_of_event_is_told():
    rows = re.findall(r"^\| (\w+) \| ([\w, ]+) \|$", DOCS["look.md"], re.MULTILINE)
    told = {kind: lane for lane, kinds in rows for kind in kinds.split(", ")}
    assert {kind: lane for kind, lane in told.items() if kind in EVENT_KINDS} == {
        kind: about.lane for kind, about in EVENT_KINDS.items()
    }


def records_of(name):
    """The records of a study in docs/records."""
    return [json.loads(path.read_text()) for path in sorted((ROOT / "docs/records" / name).glob("*.json"))]


RECORDS = records_of("train_table")
CASES = sorted({(record["problem"], record["tier"]) for record in RECORDS})


def near(value, cell):
    """Whether a number is what a cell says, to the digits that it says."""
    said = float(cell.replace(",", "").replace("+", ""))
    return abs(said - value) <= 0.5 * 10.0 ** -len(cell.partition(".")[2]) + 1e-9


@pytest.mark.parametrize(("problem", "tier"), CASES)
def test_the_table_of_trainings_is_that_of_its_records(problem, tier):
    own = [record for record in RECORDS if (record["problem"], record["tier"]) == (problem, tier)]
    found = standing(own)
    (row,) = [line for line in DOCS["train.md"].splitlines() if line.startswith(f"| `{problem}`, {tier} |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]

    assert near(found.chance, cells[1])
    best, level = cells[2].split()
    assert best == f"`{found.best}`"
    assert near(found.rule.mean, level)
    trained = found.trained.iqm, found.trained.low, found.trained.high
    for cell, values in ((cells[3], trained), (cells[4], found.gain)):
        numbers = re.findall(r"[-+\d.,]+\d", cell)
        assert all(near(value, number) for value, number in zip(values, numbers, strict=True)), (cell, values)
    chosen = max((r for r in own if r["algorithm"] == "ppo"), key=lambda r: r["validation"])
    assert near(sum(chosen["returns"]) / len(chosen["returns"]), cells[6])
    shares = re.findall(r"[\d.]+\d", cells[7])
    assert bool(shares) == bool(found.best_abroad)
    assert all(near(value, share) for value, share in zip(found.abroad, shares, strict=False)), cells[7]
    assert found.trained.runs == 5


STUDIED = records_of("what_matters")


@pytest.mark.parametrize(("problem", "tier"), sorted({(r["problem"], r["tier"]) for r in STUDIED}))
def test_tables_of_what_matters_are_those_of_their_records(problem, tier):
    own = [record for record in STUDIED if (record["problem"], record["tier"]) == (problem, tier)]
    found = {place.algorithm: place for place in places(own)}
    of_ppo = {r["train_seed"]: np.mean(r["returns"]) for r in own if r["algorithm"] == "ppo"}
    table = DOCS["train.md"].partition(f"| in `{problem}`, {tier} | return |")[2].partition("\n\n")[0]
    told = [line for line in table.splitlines() if line.startswith("| `")]
    shown = 0
    for line in told:
        name, cells = re.findall(r"`(\w+)`", line)[0], [cell.strip() for cell in line.strip("|").split("|")]
        numbers = re.findall(r"[\d.,]+\d", cells[1].partition(" (")[0])
        assert all(near(value, said) for value, said in zip(found[name].earned, numbers, strict=False)), line
        if beside := [part.replace(",", "") for part in re.findall(r"[-+][\d.,]+\d", cells[2])]:
            gained = [np.mean(r["returns"]) - of_ppo[r["train_seed"]] for r in own if r["algorithm"] == name]
            assert near(np.mean(gained), beside[0])
            assert float(beside[1]) <= np.mean(gained) <= float(beside[2])
        assert near(found[name].lost, cells[3])
        shown += 1
    trained = {record["algorithm"] for record in own if record["train_seed"] is not None}
    assert shown == len(trained) + 1  # and the best heuristic
