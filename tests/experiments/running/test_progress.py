"""What takes long says in a terminal how far it is, and nothing into a pipe."""

import sys
from io import StringIO

import pytest

from experiments.running.export import export
from experiments.running.progress import bar
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
