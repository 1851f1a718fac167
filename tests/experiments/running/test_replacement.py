"""New results take the place of old ones at once, and what is not ours stays, whoever is killed when."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from experiments.running import replacement, run_folder
from experiments.running.run_folder import RUN, RUNS, new_results, read_json, write_json
from sandbox.errors import SandboxError
from sandbox.files import MARK
from sandbox.recording.disk import FORMAT

CALLS = ("rename", "replace", "link", "symlink", "unlink", "mkdir", "rmdir", "open")
NOTES = {
    "notes.md": "mine",
    "paper/figure.tex": "mine",
    "recording/remarks.txt": "mine",
    "timeline.txt": "my",
}


def fill(folder, text):
    """What a run leaves, in small: each file says of which run it is."""
    (folder / "recording").mkdir()
    (folder / "recording" / "meta.json").write_text(f'{{"format": "{FORMAT}", "text": "{text}"}}')
    (folder / "recording" / "battery.npy").write_text(text)
    for name in ("timeline.png", "rounds.parquet", "scenario.yaml"):
        (folder / name).write_text(f"{MARK}\n{text}")
    write_json(folder / "metrics.json", {"format": RUN, "schema": 1, "text": text})


def leave(path, text, fill=fill):
    with new_results(path) as draft:
        fill(draft, text)


def with_notes(path):
    """Old results with a user's files among them."""
    leave(path, "old")
    for name, text in NOTES.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(text)
    (path / "empty").mkdir()
    (path / "elsewhere").symlink_to("/nowhere/at/all")


def ours(path):
    """Of which run the results are; fails if of two."""
    names = ("timeline.png", "rounds.parquet", "scenario.yaml", "metrics.json", "recording/meta.json")
    found = {"new" if "new" in (path / name).read_text() else "old" for name in names}
    found.add((path / "recording" / "battery.npy").read_text())
    assert len(found) == 1
    return found.pop()


def notes_are_there(path):
    assert {name: (path / name).read_text() for name in NOTES} == NOTES
    assert (path / "empty").is_dir()
    assert os.readlink(path / "elsewhere") == "/nowhere/at/all"


def alone(path):
    return [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.fixture(params=["in one stroke", "in two steps"])
def way(request, monkeypatch):
    """Both ways in which a folder takes the place of another."""
    if request.param == "in two steps":
        monkeypatch.setattr(replacement, "exchange", lambda one, other: False)
    elif not sys.platform.startswith(("linux", "darwin")):
        pytest.skip("the system cannot exchange folders")
    return request.param


def test_a_user_s_files_stay(tmp_path, way):
    path = tmp_path / "r"
    with_notes(path)
    leave(path, "new")
    assert ours(path) == "new"
    notes_are_there(path)
    assert alone(path)


def test_old_files_without_successors_go(tmp_path, way):
    path = tmp_path / "r"
    leave(path, "old")
    leave(path, "new", lambda draft, text: write_json(draft / "metrics.json", {"format": RUN, "schema": 1}))
    assert [each.name for each in path.iterdir()] == ["metrics.json"]


def killed_at(step, after, work):
    """Do `work` in a process that ends at call `step` of those that change a folder; whether it ended so."""
    child = os.fork()
    if child == 0:
        count = 0

        def deadly(call):
            def wrapped(*args, **how):
                nonlocal count
                count += 1
                if count == step and not after:
                    os._exit(9)
                try:
                    return call(*args, **how)
                finally:
                    if count >= step:
                        os._exit(9)

            return wrapped

        for name in CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        replacement.exchange = deadly(replacement.exchange)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_step_old_or_new_results_are_there(tmp_path, way, after):
    path, step, seen = tmp_path / "x" / "r", 0, []
    with_notes(path)
    while killed_at(step := step + 1, after, lambda: leave(path, "new")):
        if way == "in one stroke":
            seen.append(ours(path))  # even before anybody recovers anything
            notes_are_there(path)
        replacement.recover(path, RUNS)
        seen.append(ours(path))
        notes_are_there(path)
        assert alone(path)
        shutil.rmtree(path)
        with_notes(path)
    assert set(seen) == {"old", "new"}
    assert len(seen) > 30


def test_a_failing_rename_leaves_what_was_there(tmp_path, way, monkeypatch):
    path = tmp_path / "r"
    with_notes(path)
    rename, left = os.rename, [2]

    def failing(*args):
        left[0] -= 1
        if left[0] == 0:
            raise OSError(5, "broken")
        rename(*args)

    monkeypatch.setattr(replacement, "exchange", lambda one, other: False)
    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(OSError, match="broken"):
        leave(path, "new")
    assert ours(path) == "old"
    notes_are_there(path)
    assert alone(path)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        '{"accuracy": 0.9}',
        '{"schema": 1}',
        '{"schema": "1", "format": "another simulator run"}',
        '{"schema": 2, "format": "orbital-autonomy-sandbox run"}',
        '{"schema": 1, "format": "orbital-autonomy-sandbox benchmark"}',
        "[1]",
        "null",
        "",
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5_000,
        "\x00\xff",
    ],
    ids=range(13),
)
def test_a_folder_is_not_known_by_the_name_of_a_file(tmp_path, content):
    path = tmp_path / "thesis"
    path.mkdir()
    (path / "metrics.json").write_text(content)
    (path / "chapter.tex").write_text("years of work")
    with pytest.raises(SandboxError, match="something other than results") as error:
        leave(path, "new")
    assert len(str(error.value)) < 300
    assert sorted(each.name for each in path.iterdir()) == ["chapter.tex", "metrics.json"]
    assert (path / "metrics.json").read_text() == content


def test_results_from_before_they_named_their_format_are_known(tmp_path):
    path = tmp_path / "r"
    leave(path, "old")
    for name in ("timeline.png", "rounds.parquet", "scenario.yaml"):
        (path / name).write_text("old")
    told = dict.fromkeys(("env", "policy", "seed", "scenario", "scenario_hash"), "")
    content = {"schema": 1, "arguments": told, "versions": {"orbital-autonomy-sandbox": "0.1.0"}}
    write_json(path / "metrics.json", content)
    (path / "notes.md").write_text("mine")
    leave(path, "new")
    assert ours(path) == "new"
    assert (path / "notes.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["timeline.png", "recording/battery.npy/deep.txt", "rounds.parquet"])
def test_what_is_in_the_way_is_named_before_anything_is_played(tmp_path, name):
    path = tmp_path / "r"
    leave(path, "", lambda draft, _: write_json(draft / "metrics.json", {"format": RUN, "schema": 1}))
    (path / name).parent.mkdir(parents=True, exist_ok=True)
    (path / name).write_text("mine")
    with pytest.raises(SandboxError, match=r"was not written by this sandbox.*--out"), new_results(path):
        pytest.fail("it was begun")
    assert (path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["timeline.png", "recording"])
def test_links_are_not_followed_into_deletion(tmp_path, name):
    path, there = tmp_path / "a" / "r", tmp_path / "there"
    leave(path, "old")
    there.mkdir()
    os.rename(path / name, there / name)
    (path / name).symlink_to(there / name)
    with pytest.raises(SandboxError, match="was not written by this sandbox"):
        leave(path, "new")
    kept = there / name / "battery.npy" if name == "recording" else there / name
    assert "old" in kept.read_text()


def test_a_link_to_results_is_kept_and_they_are_replaced(tmp_path):
    target, link = tmp_path / "big" / "r", tmp_path / "link"
    with_notes(target)
    link.symlink_to(target)
    leave(link, "new")
    assert link.is_symlink()
    assert ours(target) == "new"
    notes_are_there(target)


DRAFTING = """
import sys, time
from experiments.running.run_folder import new_results
with new_results(sys.argv[1]) as draft:
    (draft / "rounds.parquet").write_text("half")
    (draft / "recording").mkdir()
    (draft / "recording" / "time.npy").write_text("half")
    print(draft, flush=True)
    time.sleep(600)
"""


def test_drafts_of_killed_runs_go_and_those_of_living_ones_stay(tmp_path):
    path = tmp_path / "r"
    drafting = [sys.executable, "-c", DRAFTING, str(path)]
    with subprocess.Popen(drafting, stdout=subprocess.PIPE, text=True) as run:
        draft = run.stdout.readline().strip()
        leave(path, "new")
        assert os.path.isdir(draft)
        run.kill()
    assert os.path.isdir(draft)
    leave(path, "new")
    assert alone(path)


def test_a_reader_finds_results_that_stood_aside(tmp_path):
    path = tmp_path / "r"
    leave(path, "old")
    os.rename(path, tmp_path / ".r.999999999-abc.old")
    assert run_folder.recording_in(path) == path / "recording"
    assert ours(path) == "old"
    assert alone(path)


def test_what_only_looks_like_a_draft_stays(tmp_path):
    path, other = tmp_path / "r", tmp_path / ".r.999999999.part"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    (tmp_path / ".r.999999999-ab.part").symlink_to(other)
    (tmp_path / ".r.old.part").mkdir()
    leave(path, "new")
    leave(path, "new")
    assert (other / "thesis.tex").read_text() == "mine"
    assert (tmp_path / ".r.999999999-ab.part").is_symlink()
    assert (tmp_path / ".r.old.part").is_dir()


def test_a_note_that_is_saved_while_results_are_replaced_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "r"
    with_notes(path)
    exchange = replacement.exchange

    def meanwhile(one, other):
        (path / "new.md").write_text("saved")
        (path / "draft.md").write_text("later")
        os.utime(path / "draft.md", (time.time() + 10,) * 2)
        os.replace(path / "draft.md", path / "notes.md")
        return exchange(one, other)

    monkeypatch.setattr(replacement, "exchange", meanwhile)
    leave(path, "new")
    assert ours(path) == "new"
    assert (path / "new.md").read_text() == "saved"
    assert (path / "notes.md").read_text() == "later"
    assert alone(path)


def test_without_hard_links_files_are_moved(tmp_path, way, monkeypatch):
    def refuse(*args, **how):
        raise PermissionError(1, "no links here")

    path = tmp_path / "r"
    with_notes(path)
    monkeypatch.setattr(os, "link", refuse)
    leave(path, "new")
    assert ours(path) == "new"
    notes_are_there(path)
    assert alone(path)


def test_json_that_cannot_be_read_is_none(tmp_path):
    for number, text in enumerate(("[" * 100_000, "{", "", "\udcff")):
        (tmp_path / str(number)).write_text(text, errors="surrogateescape")
        assert read_json(tmp_path / str(number)) is None
    (tmp_path / "large").write_text("[1, 2, 3]")
    assert read_json(tmp_path / "large", most=5) is None
    assert read_json(tmp_path) is None
    assert read_json(tmp_path / "none") is None
