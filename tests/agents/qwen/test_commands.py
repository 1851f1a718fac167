"""The commands that docs/minds.md gives for a checkpoint and for a server, with stand-ins for both."""

import json
import re
import shlex
from pathlib import Path

import pytest
from fake_server import FakeServer, SystemOneServer

from experiments.running.cli import main

PAGE = (Path(__file__).resolve().parents[3] / "docs/minds.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(BLOCK,) = (block for block in BLOCKS if "--server" in block)
COMMANDS = [line.removeprefix("$ python -m experiments ") for line in BLOCK.splitlines()]
BRIEF = ["--scenario", "pair", "--hours", "0.1", "--no-record"]


def run(command, folder, **replaced):
    """The metrics of a command of the page, with some of its words replaced."""
    words = [replaced.get(word, word) for word in shlex.split(command)]
    assert main([*words, *BRIEF, "--out", str(folder)]) == 0
    return json.loads((folder / "metrics.json").read_text())


def test_there_is_one_of_each():
    assert ["--server" in command for command in COMMANDS] == [False, True]


def test_a_checkpoint_that_thinks(checkpoint, tmp_path, capsys):
    words = {"Qwen/Qwen3-0.6B": str(checkpoint), "256": "8"}
    content = run(COMMANDS[0], tmp_path / "r", **words)
    assert content["arguments"]["mind"]["engine"] == {"model": str(checkpoint), "thinking": "8"}
    assert 0 < content["output_tokens"] <= 8 + 30
    assert content["prompt_tokens"] > 100
    assert content["fallbacks"] == 0
    assert "Decides: " in capsys.readouterr().out


def test_a_server(tmp_path, capsys):
    with FakeServer(SystemOneServer()) as server:
        content = run(COMMANDS[1], tmp_path / "r", **{"http://localhost:8000/v1": server.url})
        assert len(server.bodies("/systemone")) >= content["decisions"]
    assert content["decisions"] == 24
    assert content["fallbacks"] == 0


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (COMMANDS[0], "Qwen/Qwen3-0.6B"),
        (COMMANDS[1], "localhost:8000"),
        ("run --policy qwen --model /no/such/folder", "/no/such/folder"),
        ("run --policy qwen --mode choose --thinking 5", "does not go with thinking"),
    ],
)
def test_what_is_not_there_is_one_sentence(command, sentence, tmp_path, capsys):
    assert main([*shlex.split(command), *BRIEF, "--out", str(tmp_path / "r")]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
