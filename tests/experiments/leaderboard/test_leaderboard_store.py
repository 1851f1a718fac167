"""The folder of a benchmark: nothing in it is taken for what it is not."""

import json

import pytest

from experiments.leaderboard import store
from experiments.leaderboard.plan import Asked, make_plan
from experiments.leaderboard.play import Episode
from experiments.leaderboard.store import opened
from experiments.running import code
from sandbox.errors import SandboxError

ASKED = {"problems": ["tasking_v0"], "scenarios": ["pair"], "hours": 0.1, "seeds": 2, "only": True}
ASKED |= {"yardstick": "greedy", "policies": ["random"]}
OUTCOME = {"score": 0.1 + 0.2, "lost": 0, "energy_kwh": None}


def plan(**asked):
    return make_plan(Asked(**ASKED | asked))


@pytest.fixture
def kept(tmp_path):
    """A folder with one finished episode: (folder, episode, its file)."""
    episode = next(plan().episodes())
    with opened(tmp_path / "b", plan()) as place:
        place.put(episode, OUTCOME)
    return tmp_path / "b", episode, next((tmp_path / "b" / "episodes").rglob("*.json"))


def found(folder, episode):
    with opened(folder, plan()) as place:
        return place.get(episode), len(place.damaged)


def test_what_is_kept_is_found_again(kept):
    folder, episode, _ = kept
    assert found(folder, episode) == (OUTCOME, 0)
    assert found(folder, episode._replace(seed=episode.seed + 1)) == (None, 0)


@pytest.mark.parametrize("left", [0, 1, 40, -2])
def test_a_torn_file_is_no_result(kept, left):
    folder, episode, file = kept
    file.write_bytes(file.read_bytes()[:left])
    assert found(folder, episode) == (None, 1)


def test_a_changed_file_is_no_result(kept):
    folder, episode, file = kept
    content = json.loads(file.read_text())
    content["outcome"]["score"] += 1e-9
    file.write_text(json.dumps(content))
    assert found(folder, episode) == (None, 1)


@pytest.mark.parametrize("content", ["[]", "{}", '{"key": 1}', "null", '"text"'])
def test_a_file_of_something_else_is_no_result(kept, content):
    folder, episode, file = kept
    file.write_text(content)
    assert found(folder, episode) == (None, 1)


def test_a_file_under_the_name_of_another_is_no_result(kept):
    folder, episode, file = kept
    other = episode._replace(seed=episode.seed + 1)
    with opened(folder, plan()) as place:
        place.put(other, OUTCOME)
    second = next(path for path in file.parent.iterdir() if path != file)
    second.write_bytes(file.read_bytes())
    assert found(folder, other) == (None, 1)


def test_a_changed_policy_of_ones_own_is_played_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = tmp_path / "own_policy_of_store.py"
    source.write_text("from agents.tasking import Greedy\n\n\nclass Mine(Greedy):\n    pass\n")
    own = "own_policy_of_store:Mine"
    mine = plan(policies=[own])
    episode = Episode(mine.tasks[0], own, 0)
    with opened(tmp_path / "b", mine) as place:
        place.put(episode, OUTCOME)
        assert place.get(episode) == OUTCOME
        source.write_text(source.read_text() + "    threshold = 1\n")
        assert place.get(episode) is None


def test_other_code_is_refused(kept, monkeypatch):
    monkeypatch.setattr(code, "stamp", lambda: "0123456789abcdef")
    with pytest.raises(SandboxError, match=r"other code or other versions.*--out.*--fresh"):
        found(*kept[:2])


def test_the_code_is_known_by_its_content(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    before = code._hash(tmp_path, code._files(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("")
    assert code._hash(tmp_path, code._files(tmp_path)) == before
    (tmp_path / "a.py").write_text("x = 2\n")
    assert code._hash(tmp_path, code._files(tmp_path)) != before


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"seeds": 1}, "seeds 910001"),
        ({"hours": 0.2}, "tasks tasking_v0 pair 0.1 h"),
        ({"policies": []}, "policies tasking_v0 random"),
        ({"yardstick": "deadline_greedy"}, "yardstick"),
    ],
)
def test_other_arguments_are_refused_unless_afresh(kept, asked, told):
    folder, episode, _ = kept
    other = plan(**asked)
    with pytest.raises(SandboxError, match=f"other arguments.*{told}.*--out.*--fresh"), opened(folder, other):
        pass
    with opened(folder, other, fresh=True) as place:
        assert place.get(episode) is None


def test_a_benchmark_may_grow(kept):
    folder, episode, _ = kept
    with opened(folder, plan(seeds=3, policies=["random", "deadline_greedy"])) as place:
        assert place.get(episode) == OUTCOME


def test_a_damaged_manifest_is_refused(kept):
    folder, episode, _ = kept
    manifest = folder / store.MANIFEST
    manifest.write_text(manifest.read_text()[:50])
    with pytest.raises(SandboxError, match=r"benchmark.json is damaged; name another folder"):
        found(folder, episode)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with (
        pytest.raises(SandboxError, match="something other than a benchmark"),
        opened(tmp_path, plan(), True),
    ):
        pass
    with pytest.raises(SandboxError, match="other than"), opened(tmp_path / "notes.txt", plan()):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_two_at_once_are_refused(kept):
    folder, episode, _ = kept
    with opened(folder, plan()), pytest.raises(SandboxError, match="written to by another benchmark"):
        found(folder, episode)


def test_half_written_files_of_a_killed_run_are_swept(kept):
    folder, episode, file = kept
    draft = file.with_name(f".{file.name}.123.part")
    draft.write_text("{")
    assert found(folder, episode) == (OUTCOME, 0)
    assert not draft.exists()


def test_a_folder_is_not_known_by_the_name_of_a_file(tmp_path):
    (tmp_path / "benchmark.json").write_text('{"accuracy": 0.9}')
    (tmp_path / "episodes").mkdir()
    (tmp_path / "episodes" / "mine.json").write_text("mine")
    before = sorted(path.as_posix() for path in tmp_path.rglob("*"))
    for fresh in (False, True):
        with pytest.raises(SandboxError, match="something other"), opened(tmp_path, plan(), fresh):
            pass
    assert sorted(path.as_posix() for path in tmp_path.rglob("*")) == before


def test_afresh_only_episodes_go(kept, tmp_path):
    folder, episode, file = kept
    (folder / "notes.md").write_text("mine")
    (folder / "episodes" / "notes.md").write_text("mine")
    (file.parent / "mine.json").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / file.name).write_text("mine")
    (folder / "episodes" / "linked").symlink_to(tmp_path / "elsewhere")
    with opened(folder, plan(), fresh=True) as place:
        assert place.get(episode) is None
    assert not file.exists()
    for path in (folder, folder / "episodes"):
        assert (path / "notes.md").read_text() == "mine"
    assert (file.parent / "mine.json").read_text() == "mine"
    assert (tmp_path / "elsewhere" / file.name).read_text() == "mine"


def test_episodes_behind_a_link_are_not_removed(kept, tmp_path):
    folder, _, file = kept
    (folder / "episodes").rename(tmp_path / "big")
    (folder / "episodes").symlink_to(tmp_path / "big")
    with pytest.raises(SandboxError, match="is a link"), opened(folder, plan(), fresh=True):
        pass
    assert (tmp_path / "big" / file.parent.name / file.name).exists()


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"key":' * 100_000, '{"key": ' + "9" * 5_000 + "}"], ids="abc"
)
def test_json_that_is_too_much_is_no_result(kept, text):
    folder, episode, file = kept
    whole = file.read_text()
    file.write_text(text)
    assert found(folder, episode) == (None, 1)
    file.write_text(whole)
    (folder / "benchmark.json").write_text(text)
    with pytest.raises(SandboxError, match=r"benchmark\.json is damaged"):
        found(folder, episode)


def test_a_user_s_draft_is_not_swept(kept):
    folder, episode, _ = kept
    (folder / ".thesis.part").write_text("mine")
    assert found(folder, episode) == (OUTCOME, 0)
    assert (folder / ".thesis.part").read_text() == "mine"
