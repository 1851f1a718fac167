"""What a terminal is given."""

import io
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.terminal import Printable, printable, say, shows, visible


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters()), st.sampled_from(["utf-8", "cp1252", "ascii", "cp437", "gbk"]))
def test_anything_can_be_said_anywhere(text, encoding):
    screen = stream(encoding)
    Printable(screen).write(visible(text))
    shown = visible(text)
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in shown)
    assert not any(0x7F <= ord(letter) < 0xA0 for letter in shown)


def test_control_characters_are_shown_not_obeyed():
    assert visible("a\x1b[2J\x07\x9b31m\r\n\tb") == "a\\x1b[2J\\x07\\x9b31m\\r\n\tb"
    assert visible("gnp\u202etxt") == "gnp\\u202etxt"
    assert visible("星 Ω é [bold] $x$") == "星 Ω é [bold] $x$"


def test_what_a_stream_does_not_have_is_a_question_mark():
    assert printable("é星", stream("cp1252")) == "é?"
    assert printable("é星", stream("utf-8")) == "é星"
    assert shows("é", stream("cp1252"))
    assert not shows("⣿", stream("cp1252"))
    assert printable("\udcff", stream("utf-8")) == "?"


def test_say_is_a_line(capsys):
    say("a [bold]\x1b[0m")
    say("b", error=True)
    assert capsys.readouterr() == ("a [bold]\\x1b[0m\n", "b\n")


HUMAN = """
from envs import tasking_v0
env = tasking_v0.parallel_env("pair", max_cycles=2, render_mode="human")
env.reset(seed=0)
env.render()
"""


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_the_map_is_drawn_in_plain_characters_where_there_is_no_braille(encoding):
    how = {"env": {**os.environ, "PYTHONIOENCODING": encoding}, "capture_output": True}
    done = subprocess.run([sys.executable, "-c", HUMAN], **how)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    assert "pair" in shown
    assert ". ." in shown or "..." in shown
    assert "?" not in shown
