"""What takes long says in a terminal how far it is, and nothing into a pipe."""

import os
import pty
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from experiments.running import progress
from experiments.running.cli import main
from experiments.running.export import export
from experiments.running.progress import Pace, bar, finished, tracked
from experiments.running.run import run
from experiments.running.video import video

pytest.importorskip("PIL")


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flown") / "run"
    run("pair", policy="idle", hours=0.1, out=folder, progress=False)
    return folder


@pytest.fixture
def opened(monkeypatch):
    """A function that puts a terminal in the place of the standard error; pytest does so itself before."""

    def terminal():
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        return screen

    return terminal


@pytest.mark.parametrize(
    ("name", "said"), [("f.gif", ("drawing frames", "writing frames")), ("f.webp", ("writing frames",))]
)
def test_a_film_says_how_far_it_is(flown, tmp_path, opened, name, said):
    terminal = opened()
    video(flown, tmp_path / name, size=(320, 240), every=4, fine=1)
    assert all(each in terminal.getvalue() for each in said)
    assert "100%" in terminal.getvalue()


@pytest.mark.parametrize("name", ["v.html", "v.czml", "v.geojson"])
def test_an_export_says_that_it_goes_on(flown, tmp_path, opened, name):
    terminal = opened()
    export(flown, tmp_path / name)
    assert f"writing {name}" in terminal.getvalue()


def test_nothing_is_said_into_a_pipe(flown, tmp_path, capsys):
    video(flown, tmp_path / "f.gif", size=(320, 240), every=4, fine=1)
    export(flown, tmp_path / "v.czml")
    assert capsys.readouterr() == ("", "")


def test_without_rich_there_is_no_bar(opened, monkeypatch):
    terminal = opened()
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with bar("work", 3) as told:
        told("work", 3)
    assert terminal.getvalue() == ""


def test_the_bar_is_gone_when_work_fails(opened):
    terminal = opened()

    def work():
        with bar("work", 3) as told:
            told("work", 3)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work()
    assert terminal.getvalue().count("work") >= 1


def test_films_are_the_same_with_and_without_a_bar(flown, tmp_path, monkeypatch):
    for name in ("f.gif", "f.webp"):
        video(flown, tmp_path / name, size=(320, 240), every=4, fine=1)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stderr", Terminal())
            video(flown, tmp_path / f"bar_{name}", size=(320, 240), every=4, fine=1)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"bar_{name}").read_bytes()


# ------------------------------------------------------------------------------------------- in a terminal

ROOT = Path(__file__).resolve().parents[3]
LEFT = re.compile(r"\d%\s+\d+:\d\d:\d\d\s+left\s+\d+:\d\d:\d\d")
"""A bar with an estimate: percent, time spent, time left."""
SCREENED = ["screening", "--primaries", "20", "--secondaries", "60", "--hours", "2"]
WORDS = {
    "compare": ["--scenario", "pair", "--hours", "0.5", "--seeds", "2", "--policy", "idle", "random"],
    "model_upload": ["--days", "0.2", "--models", "Qwen3-0.6B", "--precisions", "int4"],
    "two_minutes": ["--fleets", "scs01", "--models", "Qwen3-8B", "--queries", "3", "--hours", "0.5"],
}
LEAVING = ("model_upload", "two_minutes")
"""Those that leave a folder."""


@contextmanager
def terminal():
    """The far end of a pseudo-terminal, and a function that says what was written to it so far."""
    near, far = pty.openpty()
    shown = []

    def read():
        try:
            while chunk := os.read(near, 4096):
                shown.append(chunk)
        except OSError:  # the far end is closed
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def ended():
        os.close(far)
        reader.join(10)
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(shown).decode())

    yield far, ended
    os.close(near)


@pytest.fixture
def told(monkeypatch, capsys, tmp_path):
    """What a command prints, and what it shows in a terminal on the standard error."""

    def run_it(name, *more, where="out"):
        out = ["--out", str(tmp_path / where)] if name in LEAVING else []
        with terminal() as (far, ended), monkeypatch.context() as patched:
            patched.setenv("TERM", "xterm")
            with os.fdopen(os.dup(far), "w", encoding="utf-8") as screen:
                patched.setattr(sys, "stderr", screen)
                assert main([name, *WORDS[name], *out, *more]) == 0
            return capsys.readouterr().out, ended()

    return run_it


@pytest.mark.parametrize("name", WORDS)
def test_a_command_shows_the_time_left_and_prints_what_it_prints(name, told, capsys, tmp_path):
    printed, shown = told(name)
    assert LEFT.search(shown)
    assert not LEFT.search(printed)
    out = ["--out", str(tmp_path / "out")] if name in LEAVING else []
    assert main([name, *WORDS[name], *out]) == 0
    assert capsys.readouterr() == (printed, "")


@pytest.mark.parametrize("name", WORDS)
def test_a_quiet_command_shows_nothing(name, told):
    assert told(name, "--quiet") == ("", "")


def test_a_command_of_its_own_process_shows_the_time_left():
    with terminal() as (far, ended):
        words = [sys.executable, "-m", "experiments", *SCREENED]
        env = os.environ | {"TERM": "xterm", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=far, env=env, text=True, timeout=60)
        shown = ended()
    assert done.returncode == 0
    assert LEFT.search(shown)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["20", "20", "peak"]


# ----------------------------------------------------------------------------------------------- the display


def test_what_is_begun_inside_is_a_line_below(opened):
    screen = opened()
    for _ in tracked("ab", "outside"):
        for _ in tracked("cd", "inside"):
            assert progress.is_open()
    assert not progress.is_open()
    assert all(title in screen.getvalue() for title in ("outside", "inside"))


def test_results_are_counted_as_they_come(opened):
    screen = opened()
    assert list(finished(iter("abc"), "work", 3)) == ["a", "b", "c"]
    assert "100%" in screen.getvalue()


def test_a_process_that_shares_the_work_shows_nothing(opened, monkeypatch):
    screen = opened()
    monkeypatch.setattr(progress, "parent_process", object)
    assert list(tracked("ab", "work")) == ["a", "b"]
    assert screen.getvalue() == ""


def test_nothing_is_shown_any_more_when_a_command_failed(opened):
    opened()
    kept = tracked("ab", "work")
    lines = []

    def fail():
        with progress.of_command(quiet=False):
            next(kept)
            lines.extend(progress._open)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert not lines[0].live.is_started
    kept.close()
    assert not progress.is_open()


# ---------------------------------------------------------------------------------------------- the estimate


@pytest.fixture
def clock():
    now = [100.0]
    return now


def steps(pace, clock, *seconds, units=1.0):
    for took in seconds:
        clock[0] += took
        pace.step(units)


def test_nothing_is_estimated_before_the_first_step(clock):
    assert Pace(lambda: clock[0]).left(3.0) is None


def test_the_first_step_counts_until_there_is_a_second(clock):
    pace = Pace(lambda: clock[0])
    steps(pace, clock, 30.0)
    assert pace.left(3.0) == 90.0
    steps(pace, clock, 2.0, 2.0)
    assert pace.left(3.0) == 6.0


def test_time_left_falls_while_a_step_goes_on_but_not_below_the_steps_after_it(clock):
    pace = Pace(lambda: clock[0])
    steps(pace, clock, 4.0, 4.0, 4.0)
    clock[0] += 1.0
    assert pace.left(3.0) == 11.0
    clock[0] += 60.0
    assert pace.left(3.0) == 8.0


def test_what_was_done_before_does_not_make_it_seem_fast(clock):
    pace = Pace(lambda: clock[0])
    steps(pace, clock, *[0.001] * 90, 10.0)
    assert pace.left(9.0) == 90.0
    steps(pace, clock, 12.0)
    assert pace.left(8.0) == 96.0


def test_large_steps_weigh_more(clock):
    pace = Pace(lambda: clock[0])
    steps(pace, clock, 1.0)
    steps(pace, clock, 6.0, units=3.0)
    assert pace.left(10.0) == 20.0


def test_compiling_is_told_and_is_no_work(opened, monkeypatch):
    screen, now = opened(), [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    before = progress._working_s()
    with bar("work", 2, still=True):
        progress._compiling.told(True)
        now[0] += 50.0
        assert progress._working_s() == before
        progress._compiling.told(False)
        now[0] += 3.0
    assert progress._working_s() == before + 3.0
    assert "compiling kernels" in screen.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-:--:--"), (0.0, "0:00:00"), (59.6, "0:01:00"), (36_061.0, "10:01:01")]
)
def test_clock(seconds, text):
    assert progress.told_as_clock(seconds) == text
