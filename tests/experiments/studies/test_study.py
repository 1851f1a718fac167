"""What a study leaves: all three files or none, in nobody else's place."""

import os
from argparse import Namespace

import pandas as pd
import pytest

from experiments.running import run_folder
from experiments.running.journal import Journal
from experiments.running.run_folder import NotDrawn, keep_json, read_json, write_json
from experiments.studies.study import Study
from sandbox.errors import SandboxError
from sandbox.files import MARK

NAMES = {"price.json", "price.csv", "price.png"}


def picture(path):
    path.write_text(f"{MARK} picture")


def broken(path):
    raise ZeroDivisionError("no scale")


def keep(folder, number, draw=picture, table=".csv"):
    Study(folder, "price", table).keep({"rows": number}, pd.DataFrame({"rows": [number]}), draw)


def kept(folder):
    """The number in both files; fails if there are two."""
    number = read_json(folder / "price.json")["rows"]
    assert pd.read_csv(folder / "price.csv")["rows"].tolist() == [number]
    return number


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("table", [".csv", ".parquet"])
def test_earlier_files_are_replaced_and_others_stay(tmp_path, table):
    keep(tmp_path, 1, table=table)
    (tmp_path / "notes.md").write_text("mine")
    keep(tmp_path, 2, table=table)
    assert read_json(tmp_path / "price.json")["rows"] == 2
    assert names(tmp_path) == {"price.json", f"price{table}", "price.png", "notes.md"}


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("earlier", [False, True])
def test_files_of_others_are_not_replaced(tmp_path, name, earlier):
    if earlier:
        keep(tmp_path, 1)
        (tmp_path / name).unlink()
        if name == "price.csv":  # a table says nothing itself; its JSON says that it is not ours
            content = read_json(tmp_path / "price.json")
            write_json(tmp_path / "price.json", content | {"files": ["price.json", "price.png"]})
    (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(SandboxError, match=r"price.\w+ was not written by this sandbox.*--out"):
        Study(tmp_path, "price", ".csv")
    assert (tmp_path / name).read_text() == '{"mine": 1}'


def test_links_are_not_written_through(tmp_path):
    (tmp_path / "mine.json").write_text("{}")
    (tmp_path / "price.json").symlink_to("mine.json")
    with pytest.raises(SandboxError, match="not written by this sandbox"):
        keep(tmp_path, 1)
    assert (tmp_path / "mine.json").read_text() == "{}"


def test_a_figure_that_fails_leaves_the_numbers(tmp_path):
    keep(tmp_path, 1)
    with pytest.raises(NotDrawn, match=r"price.png \(ZeroDivisionError: no scale\); all else is in") as error:
        keep(tmp_path, 2, broken)
    assert error.value.status == 3
    assert kept(tmp_path) == 2
    assert names(tmp_path) == NAMES - {"price.png"}  # the old one would be of other numbers


def test_a_table_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    keep(tmp_path, 1)
    monkeypatch.setattr("experiments.studies.study._write_table", lambda table, path: broken(path))
    with pytest.raises(ZeroDivisionError):
        keep(tmp_path, 2)
    assert kept(tmp_path) == 1
    assert names(tmp_path) == NAMES


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("draw", [picture, broken])
def test_killed_at_any_step_the_next_run_finds_old_or_new_files(tmp_path, draw):
    seen = set()
    for step in range(1, 40):
        folder = tmp_path / str(step)
        keep(folder, 1)
        if not _killed_at(step, lambda folder=folder: keep(folder, 2, draw)):
            break
        Study(folder, "price", ".csv")
        seen.add(kept(folder))
        expected = NAMES - ({"price.png"} if draw is broken and kept(folder) == 2 else set())
        assert names(folder) == expected
    assert seen == {1, 2}


def _killed_at(step, work):
    """Do `work` in a process that ends before its call `step` of those that move files."""
    child = os.fork()
    if child == 0:
        count = 0

        def deadly(call):
            def wrapped(*args, **how):
                nonlocal count
                count += 1
                if count == step:
                    os._exit(9)
                return call(*args, **how)

            return wrapped

        for name in ("rename", "replace", "unlink", "mkdir", "rmdir"):
            setattr(os, name, deadly(getattr(os, name)))
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_json_of_others_is_not_replaced(tmp_path):
    path = tmp_path / "a.json"
    keep_json(path, "comparison", {"a": 1})
    keep_json(path, "comparison", {"a": 2})
    assert read_json(path) == {"a": 2, "format": "orbital-autonomy-sandbox comparison"}
    write_json(path, {"versions": run_folder.versions()})  # as it was said before
    keep_json(path, "comparison", {"a": 3})
    for text in ('{"a": 1}', "[" * 100_000, "no JSON"):
        path.write_text(text)
        with pytest.raises(SandboxError, match="not written by this sandbox"):
            keep_json(path, "comparison", {"a": 4})
        assert path.read_text() == text


def told_of(**more):
    return Namespace(**({"out": "results/price", "usual_out": "results/price"} | more))


def keep_of(told, **arguments):
    study = Study.of(told, "price", ".csv", arguments)
    study.keep({"rows": 1}, pd.DataFrame({"rows": [1]}), picture)
    return told.out


def test_results_of_other_options_stay(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert keep_of(told_of(), seeds=3, budgets=(0, 1)) == "results/price"
    assert keep_of(told_of(), seeds=3, budgets=(0, 1), processes=4) == "results/price"
    assert capsys.readouterr().out == ""
    assert keep_of(told_of(), seeds=4, budgets=(0, 1)) == "results/price-2"
    assert capsys.readouterr().out == (
        "results/price/ holds what price made with other options; these results go to results/price-2/.\n"
    )
    assert keep_of(told_of(), seeds=4, budgets=(0, 1)) == "results/price-2"
    told = read_json(tmp_path / "results/price/price.json")["arguments"]
    assert told == {"seeds": 3, "budgets": [0, 1], "processes": 4}
    with pytest.raises(SandboxError, match="with other options: --seeds was 3, not 5; name another folder"):
        keep_of(told_of(out="results/./price"), seeds=5)


def test_what_is_finished_of_other_options_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Journal("results/price", "price", {"seeds": 3}).put("a", 1)
    Study.of(told := told_of(), "price", ".csv", {"seeds": 3})
    assert told.out == "results/price"
    assert keep_of(told_of(), seeds=4) == "results/price-2"
    assert Journal("results/price", "price", {"seeds": 3}).get("a") == 1
