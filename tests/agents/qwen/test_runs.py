"""Whole runs with a server that fails, stalls, or is still there after the run was killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fake_server import FakeServer, Manners, SystemOneServer, chat

from agents.qwen.breaker import MOST_FAILURES
from experiments.running.cli import main

ROOT = Path(__file__).resolve().parents[3]
PAIR = ["run", "--policy", "qwen", "--scenario", "pair", "--hours", "0.1", "--no-record"]
QUICK = ["--retries", "0", "--debias", "none"]
DECISIONS = 24
LONG_S = 300
"""No test waits for so long."""


def metrics(folder):
    content = json.loads((folder / "metrics.json").read_text())
    return {name: value for name, value in content.items() if name not in ("timing", "arguments")}


class Failing(Manners):
    """Fine when probed; then answers reports with `answer`, all but every `spares`-th."""

    def __init__(self, answer, spares=0):
        self.answer, self.spares, self.count, self.lock = answer, spares, 0, threading.Lock()

    def chat(self, body):
        if "Power and heat" not in str(body):
            return super().chat(body)
        with self.lock:
            self.count += 1
            spared = self.spares and self.count % self.spares == 0
        return super().chat(body) if spared else self.answer


FAILURES = {
    "refused": (500, {"error": "out of memory"}),
    "unreadable": (200, chat("I would rather not say.")),
    "illegal": (200, chat("Decision: G")),
}


@pytest.mark.parametrize("why", FAILURES)
@pytest.mark.parametrize("spares", [0, 3])
def test_most_decisions_were_not_the_minds(why, spares, tmp_path, capsys):
    with FakeServer(Failing(FAILURES[why], spares)) as server:
        words = [*PAIR, *QUICK, "--server", server.url, "--dialect", "text", "--out", str(tmp_path / "r")]
        assert main(words) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    fell = DECISIONS - DECISIONS // 3 if spares else DECISIONS
    assert said.startswith(
        f"Error: {fell} of {DECISIONS} decisions were not the mind's ({fell} {why}; first: "
    )
    assert said.endswith("these results are those of the fallback.\n")
    found = metrics(tmp_path / "r")
    assert found["minds"]["fell_back"] == {why: fell}, "the results are kept all the same"


def test_some_decisions_were_not_the_minds(tmp_path, capsys):
    with FakeServer(Failing(FAILURES["unreadable"], 2)) as server:
        words = [*PAIR, *QUICK, "--server", server.url, "--dialect", "text", "--out", str(tmp_path / "r")]
        assert main(words) == 0
    assert capsys.readouterr().err == ""
    assert metrics(tmp_path / "r")["minds"]["fell_back"] == {"unreadable": DECISIONS // 2}


COMPARED = ["compare", "--policy", "qwen", "greedy", "--seeds", "2", "--quiet", *PAIR[3:-1]]


@pytest.mark.parametrize("why", FAILURES)
def test_a_comparison_of_what_was_not_the_minds(why, tmp_path, capsys):
    with FakeServer(Failing(FAILURES[why])) as server:
        how = [*QUICK, "--server", server.url, "--dialect", "text", "--json", str(tmp_path / "c.json")]
        assert main([*COMPARED, *how]) == 3
    said = capsys.readouterr().err
    asked = 2 * DECISIONS
    assert said.startswith(f"Error: {asked} of {asked} decisions were not the mind's ({asked} {why}; first: ")
    assert said.count("\n") == 1
    for record in json.loads((tmp_path / "c.json").read_text()):
        assert set(record["minds"]) == {"qwen"}
        assert record["minds"]["qwen"]["fell_back"] == {why: asked}


def test_a_comparison_in_which_some_decisions_were_not_the_minds(tmp_path, capsys):
    with FakeServer(Failing(FAILURES["unreadable"], 2)) as server:
        assert main([*COMPARED, *QUICK, "--server", server.url, "--dialect", "text"]) == 0
    assert capsys.readouterr().err == ""


OWN = """
import os
from agents.qwen.policy import QwenPolicy
from agents.qwen.server import ServerEngine

class Mine(QwenPolicy):
    def __init__(self, env):
        how = {"dialect": "text", "retries": 0, "debias": "none", "backoff_s": 0.0}
        super().__init__(env, ServerEngine(os.environ["URL_OF_THE_TEST"], **how))
"""


@pytest.fixture
def benchmarked(tmp_path, monkeypatch):
    """The words of a benchmark of a mind of one's own on two seeds, and where its server is."""
    (tmp_path / "own_mind.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["benchmark", "--policy", "own_mind:Mine", "greedy", "--only", "--problem", "tasking_v0"]
    words += ["--scenario", "pair", "--hours", "0.1", "--seeds", "2", "--yardstick", "greedy"]
    words += ["--processes", "1", "--quiet", "--out", str(tmp_path / "b")]
    return words, lambda url: monkeypatch.setenv("URL_OF_THE_TEST", url)


@pytest.mark.parametrize("why", FAILURES)
def test_a_benchmark_of_what_was_not_the_minds(why, benchmarked, capsys):
    words, at = benchmarked
    with FakeServer(Failing(FAILURES[why])) as server:
        at(server.url)
        assert main(words) == 3
        said = capsys.readouterr().err
        asked = 2 * DECISIONS
        assert said.startswith(
            f"Error: {asked} of {asked} decisions were not the mind's ({asked} {why}; first: "
        )
    at("http://127.0.0.1:9/v1")
    assert main(words) == 3, "what is kept says so without being played again"
    assert capsys.readouterr().err == said


def test_a_benchmark_that_lacks_a_figure_tells_both(benchmarked, capsys, monkeypatch, tmp_path):
    from experiments.leaderboard import benchmark

    monkeypatch.setattr(benchmark, "draw", lambda *what: {"performance.png": "no room"})
    words, at = benchmarked
    with FakeServer(Failing(FAILURES["refused"])) as server:
        at(server.url)
        assert main([*words, "--json", str(tmp_path / "b.json")]) == 3
    minds, figure = capsys.readouterr().err.splitlines()
    assert "decisions were not the mind's" in minds
    assert figure.startswith("Error: Not drawn: performance.png (no room)")
    assert json.loads((tmp_path / "b.json").read_text())


def test_a_benchmark_of_a_mind(benchmarked, capsys):
    words, at = benchmarked
    with FakeServer(Failing(FAILURES["refused"], 2)) as server:
        at(server.url)
        assert main(words) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--timeout", "timeout_s is 0.0; give seconds above 0"),
        ("--concurrency", "concurrency is 0; give a number from 1 up"),
        ("--context", "context is 0; give a number from 1 up"),
        ("--temperature", "temperature is 0.0"),
    ],
)
def test_a_zero_is_said_and_not_left_out(option, sentence, tmp_path, capsys):
    with FakeServer(Manners()) as server:
        assert main([*PAIR, "--server", server.url, option, "0", "--out", str(tmp_path / "r")]) == 2
    assert sentence in capsys.readouterr().err


def test_no_retries_are_none(tmp_path):
    kind = Failing(FAILURES["refused"])
    with FakeServer(kind) as server:
        main([*PAIR, *QUICK, "--server", server.url, "--dialect", "text", "--out", str(tmp_path / "r")])
    assert kind.count == MOST_FAILURES + (DECISIONS - MOST_FAILURES) // 2, "then one a round"


def running(server, out, *more):
    """A run with the server in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "experiments",
        *PAIR,
        *QUICK,
        "--server",
        server.url,
        "--dialect",
        "text",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*command, "--dialect", "text", "--timeout", str(LONG_S), "--out", str(out), *more],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=ROOT,
    )


class Stalling(Manners):
    """Answers the first `after` reports, then holds back what `held` says, until it is `released`."""

    def __init__(self, after=4, held=None):
        self.after, self.held, self.count = after, held, 0
        self.lock, self.stalled, self.released = threading.Lock(), threading.Event(), threading.Event()

    def chat(self, body):
        if "Power and heat" not in str(body) or self.released.is_set():
            return super().chat(body)
        with self.lock:
            self.count += 1
            late = self.count > self.after
        if not late:
            return super().chat(body)
        self.stalled.set()
        if self.held is not None:
            return self.held
        self.released.wait(LONG_S)
        return super().chat(body)


@pytest.mark.parametrize("after", [0, 4])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stalled_server_is_left_at_once(tmp_path, after, sent):
    kind = Stalling(after)
    with FakeServer(kind) as server:
        run = running(server, tmp_path / "r")
        assert kind.stalled.wait(120), run.stderr.read()
        os.kill(run.pid, sent)
        _, said = run.communicate(timeout=60)
        assert not kind.released.is_set()
        kind.released.set()
    assert (run.returncode, said) == (130, "Interrupted; nothing was written.\n")
    assert not list(tmp_path.iterdir())


def test_a_server_that_asks_to_wait_is_left_at_once(tmp_path):
    kind = Stalling(held=(429, {}, 0.0, {"Retry-After": "30"}))
    with FakeServer(kind) as server:
        run = running(server, tmp_path / "r", "--retries", "50")
        assert kind.stalled.wait(120), run.stderr.read()
        os.kill(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert (run.returncode, said) == (130, "Interrupted; nothing was written.\n")


def recording(server, folder, name):
    return [
        *(*PAIR, *QUICK, "--server", server.url, "--sample", "--record"),
        *("--cassette", str(folder / f"{name}.jsonl"), "--out", str(folder / name)),
    ]


def test_a_killed_recording_goes_on_to_the_same_result(tmp_path):
    kind = Stalling(9)
    cassette = tmp_path / "killed.jsonl"
    with FakeServer(kind) as server:
        more = ["--sample", "--record", "--cassette", str(cassette)]
        run = running(server, tmp_path / "killed", *more)
        assert kind.stalled.wait(120), run.stderr.read()
        run.kill()
        run.communicate()
        kind.released.set()
        kept, before = cassette.read_text().count("\n"), len(server.seen)
        words = recording(server, tmp_path, "killed")
        assert main([*words, "--dialect", "text"]) == 0
        again = len(server.seen) - before
        assert main([*recording(server, tmp_path, "whole"), "--dialect", "text"]) == 0
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "whole")
    whole = (tmp_path / "whole.jsonl").read_text().count("\n")
    assert cassette.read_text().count("\n") == whole
    assert kept > 9
    assert again <= whole - kept + 1, "what is on it is not asked again; the address may be looked at once"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999, 1.0])
def test_wherever_a_recording_was_cut(tmp_path, share):
    with FakeServer(SystemOneServer()) as server:
        words = recording(server, tmp_path, "run")
        assert main(words) == 0
        expected, cassette = metrics(tmp_path / "run"), tmp_path / "run.jsonl"
        content = cassette.read_bytes()
        cassette.write_bytes(content[: int(share * len(content))])
        assert main(words) == 0
        assert metrics(tmp_path / "run") == expected
        assert sorted(cassette.read_bytes().splitlines()) == sorted(content.splitlines())
    replay = [word for word in words if word != "--record"]
    assert main(replay) == 0, "without a server"
    assert metrics(tmp_path / "run") == expected
