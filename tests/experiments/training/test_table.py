"""The table of all tiers: trained as `train` does, judged on other seeds, resumed, shipped with a card."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import agents.trained  # noqa: E402
from agents import make_policy, policy_class, policy_names  # noqa: E402
from agents.network import Network, network_in  # noqa: E402
from envs.episodes import make_env  # noqa: E402
from experiments.running.cli import main  # noqa: E402
from experiments.tiers import PROBLEMS, TIERS, tier_scenario  # noqa: E402
from experiments.training.evaluation import score  # noqa: E402
from experiments.training.recipes import ANY, BEST, recipe  # noqa: E402
from experiments.training.splits import unseen_scenarios  # noqa: E402
from sandbox.errors import SandboxError  # noqa: E402

SMALL = ["--problems", "tasking_v0", "--tiers", "tight", "--seeds", "2", "--hours", "0.1", "--steps", "300"]
SMALL += ["--worlds", "2", "--unseen", "1", "--quiet", "--set", "worlds=1", "clone=none", "evaluate_worlds=1"]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    assert main(["train_table", *SMALL, "--out", str(folder)]) == 0
    return folder


def records(out):
    return {path.stem: json.loads(path.read_text()) for path in (out / "results").glob("*.json")}


def test_every_policy_is_judged_on_the_same_seeds(out):
    found = records(out)
    rules = {"greedy", "deadline_greedy", "cbba", "equinox", "phoenix"}
    names = {"ppo_seed0", "ppo_seed1", "random", *rules}
    assert found.keys() == {f"tasking_v0_tight_{name}" for name in names}
    for record in found.values():
        assert record["eval_seeds"] == [910_000, 910_001]
        assert len(record["returns"]) == 2
        assert len(record["unseen_returns"]) == 1
        assert record["scenario"] == "scs01_tight"
        assert {
            "version",
            "revision",
            "hours",
            "lost",
            "cpu_minutes",
            "command",
            "train_seed",
        } <= record.keys()
    trained = found["tasking_v0_tight_ppo_seed1"]
    env = make_env("tasking_v0", tier_scenario("tasking_v0", "tight"), 0.1, 2)
    policy = make_policy(str(out / "trainings/tasking_v0_tight/seed_1"), env)
    assert list(score(env, policy, 910_000).returns) == trained["returns"]
    assert "--seed 1" in trained["command"]
    unseen = next(unseen_scenarios("tasking_v0", 0, "tight"))
    env = make_env("tasking_v0", unseen, 0.1, 1)
    policy = make_policy(str(out / "trainings/tasking_v0_tight/seed_1"), env)
    assert list(score(env, policy, 910_000).returns) == trained["unseen_returns"]


def test_what_is_finished_is_not_done_again(out, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in (out / "results").glob("*.json")}
    (out / "results/tasking_v0_tight_greedy.json").unlink()
    monkeypatch.setattr("experiments.training.train.run", lambda told: pytest.fail("trained again"))
    assert main(["train_table", *SMALL, "--out", str(out)]) == 0
    after = {path: path.stat().st_mtime_ns for path in (out / "results").glob("*.json")}
    assert after.keys() == before.keys()
    assert {path.name for path in after if after[path] != before[path]} == {"tasking_v0_tight_greedy.json"}


def test_the_best_can_be_chosen_by_more_episodes(out, monkeypatch):
    monkeypatch.setattr("experiments.training.train.run", lambda told: pytest.fail("trained again"))
    before = records(out)
    assert main(["train_table", *SMALL, "--choose", "3", "--out", str(out)]) == 0
    for k in (0, 1):
        record = records(out)[f"tasking_v0_tight_ppo_seed{k}"]
        assert record["chosen_on"] == 3
        assert record["returns"] == before[f"tasking_v0_tight_ppo_seed{k}"]["returns"]
        env = make_env("tasking_v0", tier_scenario("tasking_v0", "tight"), 0.1, 3)
        policy = make_policy(str(out / f"trainings/tasking_v0_tight/seed_{k}"), env)
        assert record["validation"] == np.mean(score(env, policy, 900_000).returns)


def test_the_best_is_shipped_with_its_card_and_has_a_name(out, monkeypatch, tmp_path):
    found, folder = records(out), out / "trained/tasking_v0_tight"
    chosen = max((found[f"tasking_v0_tight_ppo_seed{k}"] for k in (0, 1)), key=lambda row: row["validation"])
    assert network_in(folder).stamp == chosen["stamp"]
    card = (folder / "README.md").read_text()
    assert chosen["command"] in card
    assert "does not beat" in card  # of 300 steps nobody expects more
    assert (folder / "policy.npz").stat().st_size < 100_000
    monkeypatch.setattr(agents.trained, "ROOT", out / "trained")
    monkeypatch.chdir(tmp_path)
    env = make_env("tasking_v0", tier_scenario("tasking_v0", "tight"), 0.1, 1)
    policy = make_policy("trained", env)
    assert isinstance(policy, Network)
    assert policy.stamp == chosen["stamp"]
    calm = make_env("tasking_v0", tier_scenario("tasking_v0", "calm"), 0.1, 1)
    with pytest.raises(
        SandboxError, match=r"none is shipped for tasking_v0 in scs01 .*there are: tasking_v0_tight"
    ):
        make_policy("trained", calm)


def test_other_algorithms_and_yardsticks_are_trained_and_judged_alike(out, capsys):
    words = [word for word in SMALL if word not in ("--quiet", "clone=none")] + ["clone=greedy"]
    words += ["clone_steps=300", "--out", str(out), "--algorithms", "recurrent", "cloned"]
    words += ["--also", "planner", "--also-worlds", "1"]
    assert main(["train_table", *words]) == 0
    found = records(out)
    recurrent, cloned = (found[f"tasking_v0_tight_{name}_seed1"] for name in ("recurrent", "cloned"))
    assert "--memory 32" in recurrent["command"]
    assert (cloned["steps"], recurrent["steps"] >= 300) == (0, True)
    assert network_in(out / "trainings/tasking_v0_tight/recurrent_seed_1").stamp == recurrent["stamp"]
    assert len(found["tasking_v0_tight_planner"]["returns"]) == 1
    lines = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if "| `" in line]
    assert {"`recurrent`", "`cloned`", "`planner`", "`greedy`"} <= set(lines)
    assert main(["standings", str(out / "results")]) == 0
    assert {"`ppo`", "`recurrent`"} <= set(capsys.readouterr().out.split())


def test_a_folder_called_trained_is_still_a_folder(out, monkeypatch):
    monkeypatch.chdir(out / "trainings/tasking_v0_tight")
    (out / "trainings/tasking_v0_tight/seed_0").rename(out / "trainings/tasking_v0_tight/trained")
    try:
        assert policy_class("trained").stamp == network_in("trained").stamp
    finally:
        (out / "trainings/tasking_v0_tight/trained").rename(out / "trainings/tasking_v0_tight/seed_0")
    assert "trained" not in policy_names("tasking_v0")


def test_every_tier_has_a_recipe():
    for problem in PROBLEMS:
        for tier in TIERS:
            told = recipe(problem, tier)
            assert told.keys() == ANY.keys()
            assert told["clone"] in (BEST, None, *policy_names(problem))
            assert np.isfinite(told["hours"])
    assert recipe("tasking_v0") == recipe("my:Problem", "tight") == ANY


def test_kernels_are_compiled_once_before_several_train(tmp_path, monkeypatch):
    asked = []

    def outcomes(function, jobs, processes):
        asked.append((function.__name__, len(jobs)))
        if len(asked) == 2:
            raise SandboxError("That will do.")
        return iter([])

    monkeypatch.setattr("experiments.training.table.pool.outcomes", outcomes)
    words = ["--problems", "tasking_v0", "offloading_v0", "--processes", "2", "--quiet"]
    assert main(["train_table", *words, "--out", str(tmp_path)]) == 2
    assert asked == [("compile_kernels", 2), ("train_and_judge", 20)]


def test_refusals(tmp_path, capsys):
    for words, said in (
        (["--tiers", "dire"], "dire"),
        (["--problems", "flying_v0"], "flying_v0"),
        (["--seeds", "0"], "--seeds 0"),
        (["--minutes", "0"], "--minutes 0"),
        (["--set", "clone"], "OPTION=VALUE"),
        (["--set", "tier=calm"], "train_table itself says"),
        (["--algorithms", "qmix"], "qmix"),
        (["--also-worlds", "0"], "--also-worlds 0"),
    ):
        assert main(["train_table", "--out", str(tmp_path), *words]) == 2
        assert said in capsys.readouterr().err
