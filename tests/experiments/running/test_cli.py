"""The command line: what it prints, where, and with which exit status."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from agents import policy_names
from agents.usual import usual_policy
from envs.episodes import env_names
from experiments import commands
from experiments.running.cli import (
    CONVERSATIONS,
    MINDS,
    POLICIES,
    PUBLISHED,
    YARDSTICK,
    _parser,
    main,
    script_parser,
)
from sandbox.files import draft_of
from sandbox.scenario import scenario_names

PAIR = ["--scenario", "pair", "--hours", "0.25"]
SCRIPTS = [name for group in commands.SCRIPTS.values() for name in group]


def shell(*arguments, **how):
    return subprocess.run(
        [sys.executable, "-m", "experiments", *arguments], capture_output=True, text=True, timeout=60, **how
    )


HELP = """
import atexit, sys
from experiments.running.cli import main
heavy = "numpy numba matplotlib pandas rich pyarrow pydantic gymnasium".split()
atexit.register(lambda: print([name for name in heavy if name in sys.modules]))
main(["run", "--help"])
"""


def test_help_is_light():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert done.returncode == 0
    assert "simulated hours" in done.stdout
    assert done.stdout.endswith("\n[]\n")


def test_the_help_names_the_policies_there_are():
    assert list(POLICIES + PUBLISHED + YARDSTICK + MINDS) == policy_names("tasking_v0")


@pytest.mark.parametrize("command", ["run", "fly", "chat"])
def test_the_help_says_who_decides_where_nobody_is_named(command, capsys):
    """As `agents.usual` chooses: greedy, thrifty, the first of the problem's own, or chance."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    own = "(default: greedy; in avoidance_v0 thrifty; in others the first of their own, else random)"
    assert (own in shown) == (command != "chat")
    assert ("default: qwen where it has learned the problem" in shown) == (command == "chat")
    usual = {name: usual_policy(name) for name in env_names()}
    assert usual["tasking_v0"] == "greedy"
    assert usual["avoidance_v0"] == "thrifty"


def test_a_run_says_who_decides_where_nobody_is_named(tmp_path, capsys):
    for quiet, told in ((), 1), (("--quiet",), 0):
        assert main(["run", *PAIR, "--no-record", "--out", str(tmp_path / f"r{told}"), *quiet]) == 0
        assert capsys.readouterr().out.count("greedy decides; --policy names another.\n") == told


def test_the_help_names_the_problems_there_are():
    for command in ("run", "benchmark"):
        done = shell(command, "--help")
        assert ", ".join(env_names()) in " ".join(done.stdout.split())


def test_compare_plays_avoidance(capsys):
    options = ["--scenario", "crossing_12", "--hours", "2", "--set", "encounters.population=0"]
    assert main(["compare", "--env", "avoidance_v0", *options, "--policy", "never", "random"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("avoidance_v0", "burned_m_s", "closest_m", "lost_satellites"))


WITHOUT = {
    "--quiet": CONVERSATIONS,  # which are talked with
    "--json": (*CONVERSATIONS, "schema"),  # which writes JSON itself
}
QUICK = ("schema", "standings", "export_gguf")
"""Scripts that are done within ten seconds."""


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in QUICK])
def test_every_script_that_takes_long_says_how_far_it_is(name):
    """By `running.progress` itself, or by what all trainers share."""
    text = Path(find_spec(commands.script_of(name)[0]).origin).read_text(encoding="utf-8")
    assert re.search(r"running\.progress import|training\.shown import|\bTrial\(told", text)


def test_a_schema_is_written_in_silence(tmp_path, capsys):
    assert main(["schema", str(tmp_path / "s.json"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert json.loads((tmp_path / "s.json").read_text())["$comment"]


@pytest.mark.parametrize("name", commands.names())
def test_every_name_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"usage: python -m experiments {name}" in shown
    for option in ("--json", "--quiet"):
        assert (option in shown) == (name not in WITHOUT[option])


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_all_names_are_listed_with_a_line(words, capsys):
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in commands.names():
        [line] = [line for line in lines if line.startswith(f"  {name} ")]
        assert len(line.split()) > 3


@pytest.mark.parametrize(
    ("name", "near"), [("througput", "throughput"), ("price-of-thought", "price_of_thought")]
)
def test_an_unknown_name_is_one_sentence_with_the_near_ones(name, near, capsys):
    assert main([name, "--seeds", "2"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"Error: Unknown experiment '{name}'; did you mean ")
    assert near in shown
    assert shown.count("\n") == 1


def test_scenarios_as_records(tmp_path, capsys):
    out = tmp_path / "s.json"
    assert main(["scenarios", "--quiet", "--json", str(out)]) == 0
    assert capsys.readouterr() == ("", "")
    found = {record["scenario"]: record for record in json.loads(out.read_text())}
    assert found["scs01"]["satellites"] == 12
    assert list(found) == scenario_names()


def test_quiet_prints_nothing(tmp_path, capsys):
    out = tmp_path / "d.json"
    words = ["deployment", "--satellites", "2", "--revolutions", "5", "--two-body"]
    assert main([*words, "--quiet", "--json", str(out)]) == 0
    assert capsys.readouterr() == ("", "")
    [record] = json.loads(out.read_text())
    assert record["revolutions"] == 5
    assert record["mean_m_s"] > 0.0
    assert main([*words, "--json", str(out)]) == 0  # its own file is written again


def test_records_take_nobody_elses_place(tmp_path, capsys):
    out = tmp_path / "mine.json"
    out.write_text("[1, 2]")
    with pytest.raises(SystemExit) as left:
        main(["deployment", "--json", str(out)])
    assert left.value.code == 2
    assert "mine.json" in capsys.readouterr().err
    assert out.read_text() == "[1, 2]"


def test_run_leaves_results_and_a_table(tmp_path, capsys):
    out = tmp_path / "r"
    changes = ["--set", "requests.initial=64", "requests.value=[1, 2]"]
    options = ["--policy", "deadline_greedy", "--seed", "4", "--candidates", "2", "--no-record", *changes]
    assert main(["run", *PAIR, *options, "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert "value_delivered" in shown.out
    assert str(out) in shown.out
    assert "names another" not in shown.out
    assert not shown.err
    told = json.loads((out / "metrics.json").read_text())["arguments"]
    assert told["changes"] == {"requests.initial": 64, "requests.value": [1, 2]}
    assert (told["seed"], told["candidates"], told["policy"]) == (4, 2, "deadline_greedy")


@pytest.mark.parametrize("epoch", ["2027-03-01T12:00:00Z", "2027-03-01", "2027-03-01 12:00:00"])
def test_another_epoch(epoch, tmp_path, capsys):
    out = tmp_path / "r"
    options = ["--scenario", "pair", "--hours", "0.05", "--no-record", "--set", f"epoch={epoch}"]
    assert main(["run", *options, "--policy", "idle", "--out", str(out)]) == 0
    told = json.loads((out / "metrics.json").read_text())["arguments"]["changes"]["epoch"]
    assert told.startswith("2027-03-01")
    assert "2027-03-01" in (out / "scenario.yaml").read_text()


def test_another_epoch_in_a_comparison(tmp_path, capsys):
    out = tmp_path / "c.json"
    options = ["--scenario", "pair", "--hours", "0.05", "--set", "epoch=2027-03-01T12:00:00Z"]
    assert main(["compare", *options, "--policy", "idle", "--seeds", "1", "--json", str(out)]) == 0
    assert json.loads(out.read_text())[0]["changes"]["epoch"].startswith("2027-03-01T12")


def test_results_have_a_place_of_their_own(tmp_path):
    done = shell("run", *PAIR, "--no-record", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "tasking_v0-pair-greedy-seed0" / "metrics.json").exists()


def test_compare_prints_a_column_per_policy(tmp_path, capsys):
    out = tmp_path / "c.json"
    assert main(["compare", *PAIR, "--policy", "idle", "greedy", "--seeds", "2", "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "seeds 0 to 1" in shown
    assert "greedy" in shown
    assert "lost_satellites" in shown
    assert out.exists()


def test_scenarios_are_listed(capsys):
    assert main(["scenarios"]) == 0
    shown = capsys.readouterr().out
    assert "scs01" in shown
    assert "2,800" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--scenario", "scs1"], "did you mean scs01"),
        (["run", "--policy", "gredy"], "did you mean greedy"),
        (["run", "--env", "nothing"], "Unknown decision problem"),
        (["run", "--hours", "0"], "hours = 0"),
        (["run", "--hours", "soon"], "invalid float value: 'soon'"),
        (["run", "--set", "requests.initial"], "give FIELD=VALUE"),
        (["run", "--set", "requests.value=[1"], "not YAML"),
        (["run", "--set", "epoch=2026-02-30"], "epoch = '2026-02-30': input should be a valid datetime"),
        (["run", "--set", "epoch=2026-02-28T25:00:00Z"], "epoch = '2026-02-28T25:00:00Z'"),
        (["run", "--set", "horizon_h=!!int x"], "'x' is no int"),
        (["run", "--set", "horizon_h=" + "[" * 2_000], "nested more than 50 levels deep"),
        (["run", "--set", "horizon_h=" + "9" * 5_000], "horizon_h = '9999"),
        (["run", "--set", "requests=&r {sites: *r}"], "an alias stands within the value that it names"),
        (["run", "--set", "extends=pair"], "extends cannot be replaced"),
        (["run", "--set", "a." * 3_000 + "b=1"], "No field"),
        (["run", "--set", "x" * 5_000], "give FIELD=VALUE"),
        (["run", "--set", "horizon_h=-1"], "horizon_h"),
        (["compare", "--seeds", "0"], "at least 1 seed"),
        (["figures", "/nowhere"], "not a folder of results"),
        (["run", "--set", "horizon_h=1", "horizon_h=2"], "--set horizon_h is given twice; give it once"),
        (["run", "--option", "consult_price=0"], "consult_price = 0 does nothing without consult"),
        (["run", "--policy", "nano"], "its mind is qwen"),
        (["compare", "--policy", "idle", "idle"], "--policy: idle is named twice; name each once"),
        (["robot", "--loads", "0", "1", "0.0"], "--loads: 0.0 is named twice"),
        (["train_in_orbit", "--methods", "none", "none"], "--methods: none is named twice; name each once"),
        (["score_reader", "--scenario", "operations_24", "--seed", "-1"], "--seed -1: give a whole number"),
        (["score_reader", "--scenario", "scs01"], "The scenario scs01 has no orders in words; give one that"),
        (["score_nano", "--seeds", "0"], "--seeds 0: give at least 1"),
        (["score_nano", "--model", "nowhere"], "nowhere"),
        (["train_nano", "--out", "o", "--start", "nowhere"], "--start nowhere: there is no config.json"),
        (["train_nano", "--out", "o", "--batch", "0"], "--batch 0: give at least 1"),
        (["train", "--clone", "gredy", "--minutes", "0"], "did you mean greedy"),
        (
            ["train", "--problem", "operations_v0", "--planner"],
            "operations_v0 has no planner; leave --planner",
        ),
        (["run", "--charge", "500"], "give tokens read and written, e.g. 500+200"),
        (["run", "--charge-model", "Qwen3-8B"], "without charge"),
        (["run", "--period", "3"], "options of the mind go with --policy qwen"),
        (["chat", "--satellite", "SCS-01 Z"], "Unknown satellite 'SCS-01 Z'; did you mean SCS-01"),
        (["dance"], "Unknown experiment 'dance'"),
    ],
)
def test_mistakes_are_one_line_and_status_two(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as left:
        status = left.code
    shown = capsys.readouterr()
    assert status == 2
    assert sentence in shown.err
    assert shown.err.count("\n") == 1
    assert len(shown.err) < 700
    assert not shown.out
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["run", *PAIR, "--no-record", "--out", str(tmp_path / "file" / "r")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_error_of_the_system_names_what_was_wanted(tmp_path, capsys, monkeypatch):
    """Not the draft that it would have been renamed from."""
    wanted = tmp_path / "records.json"

    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(draft_of(wanted)))

    monkeypatch.setattr("experiments.running.run_folder.keep_records", refuse)
    assert main(["scenarios", "--json", str(wanted)]) == 2
    assert capsys.readouterr().err == f"Error: {wanted}: Permission denied.\n"


@pytest.mark.parametrize("word", ["--env", "--problem"])
def test_a_problem_has_both_names(word):
    assert _parser().parse_args(["run", word, "autonomy_v0"]).env == "autonomy_v0"
    assert script_parser("train").parse_args([word, "autonomy_v0"]).problem == "autonomy_v0"


@pytest.mark.parametrize("missing", ["pyarrow.parquet", "matplotlib", "rich.progress"])
def test_a_package_that_is_missing(missing, monkeypatch, capsys, tmp_path):
    monkeypatch.delitem(sys.modules, "experiments.running.console_tables", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["run", *PAIR, "--out", str(tmp_path / "r")]) == 2
    assert f"{missing.partition('.')[0]} is not installed; run: pip install" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_leaves_nothing(tmp_path, sent):
    command = [sys.executable, "-m", "experiments", "run", "--scenario", "pair", "--hours", "200"]
    running = subprocess.Popen([*command, "--out", str(tmp_path / "r")], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120  # kernels may have to be compiled
    while not list(tmp_path.glob(".r.*/rounds.parquet")) and time.monotonic() < deadline:
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.05)
    os.kill(running.pid, sent)
    _, said = running.communicate(timeout=20)
    assert (running.returncode, said) == (130, "Interrupted; nothing was written.\n")
    assert not list(tmp_path.iterdir())


LOST_IN_A_DESTRUCTOR = """
import os, signal, sys, time
from experiments.running.cli import stop_politely

class Closes:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

stop_politely()
try:
    Closes()
    time.sleep(20)
except KeyboardInterrupt:
    print("stopped")
"""


def test_an_interrupt_in_a_destructor_is_not_lost():
    done = subprocess.run(
        [sys.executable, "-c", LOST_IN_A_DESTRUCTOR], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("stopped\n", "")


HALF_MADE = """
import os, signal
from experiments.running.cli import stop_politely

class Handle:
    def __init__(self):
        os.kill(os.getpid(), signal.SIGINT)
        self.pointer = 0

    def __del__(self):
        self.pointer

stop_politely()
try:
    Handle()
except KeyboardInterrupt:
    print("stopped")
"""


def test_what_an_interrupt_leaves_half_made_does_not_complain():
    done = subprocess.run([sys.executable, "-c", HALF_MADE], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("stopped\n", "")
