"""A folder of results is whole or not there."""

import json
import math

import pytest

from experiments.running.run_folder import (
    RUN,
    default_folder,
    new_results,
    read_json,
    recording_in,
    write_json,
)
from sandbox.errors import SandboxError
from sandbox.files import MARK


def write_metrics(draft, text):
    write_json(draft / "metrics.json", {"format": RUN, "schema": 1, "text": text})


def leave(path, text=""):
    with new_results(path) as draft:
        write_metrics(draft, text)


def text_of(path):
    return read_json(path / "metrics.json")["text"]


def fail(path, error, meanwhile=lambda: None):
    with new_results(path) as draft:
        write_metrics(draft, "new")
        meanwhile()
        if error:
            raise error


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_block_that_ends_well_leaves_the_folder(tmp_path):
    leave(tmp_path / "a" / "b")
    assert names(tmp_path / "a") == ["b"]
    assert names(tmp_path / "a" / "b") == ["metrics.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, error):
    leave(tmp_path / "b", "old")
    with pytest.raises(error):
        fail(tmp_path / "b", error)
    assert names(tmp_path) == ["b"]
    assert text_of(tmp_path / "b") == "old"


def test_results_take_the_place_of_results(tmp_path):
    leave(tmp_path / "b", "old")
    (tmp_path / "b" / "timeline.png").write_bytes(b"\x89PNG" + MARK.encode())
    leave(tmp_path / "b", "new")
    assert names(tmp_path) == ["b"]
    assert names(tmp_path / "b") == ["metrics.json"]
    assert text_of(tmp_path / "b") == "new"


def test_an_empty_folder_is_free(tmp_path):
    leave(tmp_path)
    assert names(tmp_path) == ["metrics.json"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_else_is_replaced(tmp_path, kind):
    path = tmp_path / "thesis"
    if kind == "folder":
        path.mkdir()
        (path / "chapter.tex").write_text("years of work")
    else:
        path.write_text("years of work")
    with pytest.raises(SandboxError, match=r"thesis holds something other than results; .* --out"):
        leave(path)
    assert names(tmp_path) == ["thesis"]


def test_what_appears_meanwhile_is_not_replaced(tmp_path):
    def work_of_someone_else():
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "mine").touch()

    with pytest.raises(SandboxError, match="other than results"):
        fail(tmp_path / "b", None, work_of_someone_else)
    assert names(tmp_path) == ["b"]
    assert names(tmp_path / "b") == ["mine"]


def test_json_is_sorted_and_without_nan(tmp_path):
    write_json(tmp_path / "m.json", {"b": math.nan, "a": {"d": 1, "c": [math.inf, 2.5]}})
    text = (tmp_path / "m.json").read_text()
    assert json.loads(text) == {"a": {"c": [None, 2.5], "d": 1}, "b": None}
    assert text.index('"a"') < text.index('"b"')


def test_names_of_folders_hold_no_surprises():
    assert (
        default_folder("tasking_v0", "scs01", "greedy", 3).as_posix()
        == "results/tasking_v0-scs01-greedy-seed3"
    )
    odd = default_folder("tasking_v0", "my/../scenario x", "pkg.mod:Class", 0)
    assert odd.as_posix() == "results/tasking_v0-my_.._scenario_x-pkg.mod_Class-seed0"


def test_folders_without_a_recording(tmp_path):
    with pytest.raises(SandboxError, match="not a folder of results"):
        recording_in(tmp_path)
    leave(tmp_path / "b")
    with pytest.raises(SandboxError, match="--no-record"):
        recording_in(tmp_path / "b")
