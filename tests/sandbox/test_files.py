"""Files are whole or not there, take nobody else's place, and a full disk is a sentence."""

import errno
import os
import subprocess
import sys

import pytest

from sandbox.errors import SandboxError
from sandbox.files import MARK, DiskFull, abandoned, draft_of, held, marked, replacing


def write(path, text=MARK, ours=marked):
    with replacing(path, ours) as draft:
        draft.write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_of_ours_is_replaced_and_no_other(tmp_path):
    write(tmp_path / "a", f"{MARK} 1")
    write(tmp_path / "a", f"{MARK} 2")
    assert (tmp_path / "a").read_text() == f"{MARK} 2"
    (tmp_path / "b").write_text("mine")
    with pytest.raises(SandboxError, match="b was not written by this sandbox"):
        write(tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"
    (tmp_path / "empty").touch()
    write(tmp_path / "empty")
    assert names(tmp_path) == ["a", "b", "empty"]


def test_what_appears_meanwhile_is_not_replaced(tmp_path):
    def work():
        with replacing(tmp_path / "a", marked) as draft:
            draft.write_text(MARK)
            (tmp_path / "a").write_text("mine")

    with pytest.raises(SandboxError, match="not written by"):
        work()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "mine"


def test_the_mark_is_found_at_both_ends(tmp_path):
    (tmp_path / "a").write_bytes(bytes(3 << 20) + MARK.encode())
    (tmp_path / "b").write_bytes(MARK.encode() + bytes(3 << 20))
    (tmp_path / "c").write_bytes(bytes(3 << 20))
    assert [marked(tmp_path / name) for name in "abc"] == [True, True, False]


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path):
    with pytest.raises(SandboxError, match="is a folder"):
        write(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SandboxError, match="not an ordinary file"):
        write(tmp_path / "pipe")
    with pytest.raises(SandboxError, match="not an ordinary file"):
        write("/dev/null")


def test_behind_a_link_only_ours_is_replaced(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to("mine")
    with pytest.raises(SandboxError, match="not written by this sandbox"):
        write(tmp_path / "link")
    (tmp_path / "mine").write_text(MARK)
    write(tmp_path / "link", f"{MARK} new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "mine").read_text() == f"{MARK} new"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, number):
    write(tmp_path / "a", f"{MARK} old")

    def work():
        with replacing(tmp_path / "a") as draft:
            draft.write_text("half")
            raise OSError(number, os.strerror(number))

    with pytest.raises(DiskFull, match=r"a was not written, no space is left"):
        work()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == f"{MARK} old"


def test_other_errors_are_what_they_are(tmp_path):
    with pytest.raises(PermissionError), replacing(tmp_path / "a"):
        raise PermissionError(13, "no")


WRITING = """
import sys, time
from sandbox.files import replacing
with replacing(sys.argv[1]) as draft:
    draft.write_text("half")
    print(draft, flush=True)
    time.sleep(600)
"""


def test_drafts_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    path = tmp_path / "film.gif"
    writing = [sys.executable, "-c", WRITING, str(path)]
    with subprocess.Popen(writing, stdout=subprocess.PIPE, text=True) as process:
        draft = process.stdout.readline().strip()
        write(path)
        assert os.path.exists(draft)
        process.kill()
    write(path)
    assert names(tmp_path) == ["film.gif"]


def test_a_draft_is_in_use_while_it_is_held(tmp_path):
    draft = draft_of(tmp_path / "a")
    with held(draft):
        assert abandoned(tmp_path / "a") == []
    assert abandoned(tmp_path / "a") == [draft]
    draft.rename(tmp_path / f".a.{os.getppid()}-00.part")  # of a process that lives
    (tmp_path / ".a.999999999-00.part").symlink_to("/etc/passwd")
    (tmp_path / ".b.999999999-00.part").touch()
    (tmp_path / ".a.mine.part").touch()
    assert abandoned(tmp_path / "a") == []
