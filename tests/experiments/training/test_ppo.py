"""PPO: its returns by hand, that it learns, that it goes on where it was killed, and what it leaves."""

import json
import shlex
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agents import make_policy  # noqa: E402
from agents.network import network_class, network_in  # noqa: E402
from envs.episodes import make_env  # noqa: E402
from experiments.running.cli import main  # noqa: E402
from experiments.training.cloning import clone  # noqa: E402
from experiments.training.evaluation import score  # noqa: E402
from experiments.training.ppo import Learner, Settings, less_luck, mixed_returns  # noqa: E402
from experiments.training.session import CHECKPOINT, Session, Stage, Task  # noqa: E402
from experiments.training.splits import FIRST_TRAINING_SEED  # noqa: E402
from experiments.training.train_options import changed  # noqa: E402
from sandbox.errors import SandboxError  # noqa: E402
from sandbox.scenario import load_scenario  # noqa: E402

KINDS = {
    "ppo": {},
    "mappo": {"algorithm": "mappo"},
    "recurrent": {"memory": 8},
    "recurrent mappo": {"algorithm": "mappo", "memory": 8, "team_share": 0.5},
    "shared critic": {"critic": "shared"},
    "as it comes": {"normalise": False, "semi_markov": False},
    "anchored": {"anchor": 0.5, "team_share": 0.5},
    "twins": {"twins": 2, "horizon": "finite", "team_share": 0.7},
}
TINY = ["--scenario", "pair", "--set", "requests.initial=120", "--hours", "0.5", "--worlds", "2"]
TINY += ["--evaluate", "256", "--evaluate-worlds", "2", "--quiet"]


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def small():
    return load_scenario("pair", {"requests.initial": 120, "requests.per_hour": 20.0})


@pytest.fixture(scope="module")
def dying():
    craft = "spacecraft.computing_satellite.power"
    changes = {f"{craft}.battery_wh": 30.0, f"{craft}.initial_charge": [0.2, 1.0]}
    return load_scenario("pair", {"requests.initial": 120, "requests.per_hour": 20.0} | changes)


def task(scenario, hours=0.25, worlds=2, **more):
    return Task("tasking_v0", (scenario,), hours, worlds, 2, interval=200, **more)


def by_hand(reward, value, decides, cut, beyond, gamma, lam):
    """Of one row, by the definition: what is mixed at each later decision, and the end."""
    rounds, found = len(reward), []
    for t in range(rounds):
        total, weight, discount, k = 0.0, 1.0, 1.0, t
        while True:
            total += weight * discount * reward[k]
            discount *= gamma
            if cut[k]:
                total += weight * discount * beyond[k]
                break
            if k + 1 == rounds:
                total += weight * discount * value[rounds]
                break
            if decides[k + 1]:
                total += weight * (1.0 - lam) * discount * value[k + 1]
                weight *= lam
            k += 1
        found.append(total)
    return found


def test_returns_by_hand():
    rng = np.random.default_rng(0)
    for _ in range(20):
        rounds, rows = 9, 4
        reward, beyond = rng.normal(size=(2, rounds, rows))
        value, decides = rng.normal(size=(rounds + 1, rows)), rng.random((rounds + 1, rows)) < 0.6
        cut = rng.random((rounds, rows)) < 0.2
        told = [torch.tensor(x) for x in (reward, value, decides, cut, beyond)]
        found = mixed_returns(*told, 0.9, 0.7).numpy()
        for r in range(rows):
            right = by_hand(*(x[:, r] for x in (reward, value, decides, cut, beyond)), 0.9, 0.7)
            assert np.allclose(found[:, r], right)


def test_rounds_without_a_choice_do_not_thin_the_return():
    reward = torch.tensor([[0.0]] * 5 + [[1.0]])
    value, nobody = torch.zeros(7, 1), torch.zeros(7, 1, dtype=torch.bool)
    cut, beyond = torch.zeros(6, 1, dtype=torch.bool), torch.zeros(6, 1)
    cut[-1] = True
    assert mixed_returns(reward, value, nobody, cut, beyond, 0.9, 0.5)[0, 0] == pytest.approx(0.9**5)
    assert mixed_returns(reward, value, ~nobody, cut, beyond, 0.9, 0.5)[0, 0] == pytest.approx(0.45**5)


def test_it_learns(small):
    """A fixed number of steps from a fixed seed, judged on seeds that it was not trained on."""
    own = task(small, hours=1.0, worlds=16)
    learner = Learner(own.envs(16), Settings(rollout=64), 0, FIRST_TRAINING_SEED)
    for _ in range(40):
        learner.iterate()
    env = make_env("tasking_v0", small, 1.0, 8)
    chance = score(env, make_policy("random", env))
    trained = score(env, network_class(learner.weights("sample"))(env))
    assert trained.mean > chance.mean + 3.0 * np.std(chance.returns)
    assert learner.steps == 40 * 64 * 32


@pytest.mark.parametrize("kind", [*KINDS, "difference"])
def test_a_training_that_was_cut_off_goes_on_to_the_same_curve(small, tmp_path, kind):
    settings = Settings(rollout=24, minibatch=64, sequence=8, hidden=16, **KINDS.get(kind, {}))
    cloned = {"clone": "greedy", "clone_steps": 100, "warm": 1} if kind == "anchored" else {}
    own = task(small, difference=kind == "difference", **cloned)
    env, curves = make_env("tasking_v0", small, 0.25, 2), {}
    for name in ("whole", "cut"):
        folder = tmp_path / name
        folder.mkdir()
        for _ in range(1 if name == "whole" else 8):
            session = Session(own, settings, 3, folder, env, {})
            left = [4 if name == "cut" else 1000]

            def stop(learner, left=left):
                left[0] -= 1
                if not left[0]:
                    raise InterruptedError

            try:
                session.run(900, None, lambda record: None, stop)
                break
            except InterruptedError:
                continue
        curves[name] = [{k: v for k, v in record.items() if k != "cpu_s"} for record in session.records]
        assert session.learner.steps >= 900
    assert len(curves["whole"]) >= 5
    assert curves["whole"] == curves["cut"]
    whole, cut = (network_in(tmp_path / name).weights for name in curves)
    for a, b in zip(whole.layers, cut.layers, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_lost_satellites_end_their_return_and_teach_nothing_more(dying):
    settings = Settings(rollout=120)
    learner = Learner(task(dying, hours=None).envs(4), settings, 0, FIRST_TRAINING_SEED)
    learner.iterate()
    arena = learner.arenas[0]
    assert arena.lost.any()
    batch = learner.judge(arena)
    dead = ~torch.from_numpy(arena.alive[:-1].reshape(settings.rollout, -1))
    assert not batch.chooses[dead].any()
    assert not batch.counts[dead].any()
    lost = torch.from_numpy(arena.lost.reshape(settings.rollout, -1))
    unit = np.sqrt(learner.earned.var[0]) + 1e-8
    reward = torch.from_numpy(arena.reward.reshape(settings.rollout, -1) / unit).float()
    assert torch.allclose(batch.target[lost], reward[lost], atol=1e-5)
    assert torch.allclose(
        batch.seen, learner.normal(torch.from_numpy(arena.seen[:-1].reshape(batch.seen.shape)))
    )


def test_nothing_comes_after_a_finite_horizon(small):
    """But where a world begins anew before its time is up, what would have come stands in all the same."""
    targets, rewards = {}, {}
    for horizon in ("infinite", "finite"):
        settings = Settings(rollout=48, horizon=horizon, normalise=False)
        learner = Learner(task(small, worlds=3).envs(3), settings, 0, FIRST_TRAINING_SEED)
        (arena,) = learner.arenas
        arena.collect(learner)
        targets[horizon] = learner.judge(arena).target.view(48, 3, -1).numpy()
        rewards[horizon] = arena.reward
    ends = [(t, b, early) for t, which, _, _, cut in arena.final for b, early in zip(which, cut, strict=True)]
    assert {early for *_, early in ends} == {True, False}
    for t, b, early in ends:
        infinite, finite, paid = targets["infinite"][t, b], targets["finite"][t, b], rewards["finite"][t, b]
        assert np.array_equal(paid, rewards["infinite"][t, b])
        if early:
            assert np.array_equal(infinite, finite)
            assert (np.abs(finite - paid) > 1e-6).any()
        else:
            assert np.allclose(finite, paid)
            assert (np.abs(infinite - finite) > 1e-6).any()


def test_twins_take_the_luck_out_of_advantages_and_no_side():
    rng = np.random.default_rng(0)
    luck = rng.normal(size=(400, 3, 1, 5)) * 3.0
    own = rng.normal(size=(400, 3, 4, 5))
    alive = torch.ones(400, 12, 5, dtype=torch.bool)
    advantage = torch.from_numpy((luck + own).reshape(400, 12, 5))
    found = less_luck(advantage, alive, 4).numpy()
    assert found.var() < 0.2 * advantage.var()
    assert np.corrcoef(found.ravel(), own.ravel())[0, 1] > 0.8
    apart = torch.from_numpy(own.reshape(400, 12, 5))
    assert np.allclose(less_luck(apart, alive, 4), apart, atol=0.2)  # nothing is shared, and little changes
    same = torch.from_numpy(np.repeat(luck, 4, axis=2).reshape(400, 12, 5))
    assert np.allclose(less_luck(same, alive, 4), 0.0, atol=1e-6)


def test_a_lost_twin_tells_nothing():
    advantage = torch.tensor([[[1.0], [1.0], [100.0]], [[2.0], [2.0], [-100.0]]])
    alive = torch.tensor([[[True], [True], [False]]] * 2)
    found = less_luck(advantage, alive, 3)
    assert np.allclose(found[:, :2], 0.0, atol=1e-6)
    assert np.allclose(less_luck(advantage, torch.zeros_like(alive), 3), advantage)


def test_twins_meet_the_same_luck_in_every_episode(small):
    learner = Learner(task(small).envs(4), Settings(rollout=40, twins=2), 0, FIRST_TRAINING_SEED)
    (arena,) = learner.arenas
    requests = arena.env.world.state.requests.book
    for _ in range(3):
        for first, twin in ((0, 1), (2, 3)):
            for name in ("release", "value", "deadline"):
                assert np.array_equal(requests[name][first], requests[name][twin])
        assert not np.array_equal(requests["value"][0], requests["value"][2])
        arena.collect(learner)
    assert not np.array_equal(arena.action.reshape(40, 4, -1)[:, 0], arena.action.reshape(40, 4, -1)[:, 1])


def test_twins_of_another_hour_tell_nothing(small):
    """A world whose whole fleet is lost begins anew, and its twins fly on."""
    learner = Learner(task(small, worlds=4).envs(4), Settings(rollout=12, twins=4), 0, FIRST_TRAINING_SEED)
    (arena,) = learner.arenas
    arena.env.world.state.body["alive"][2] = False
    arena.collect(learner)
    in_step = arena.in_step()
    assert in_step[0].all()
    assert in_step[1:].sum(0).tolist() == [11, 11, 0, 11]
    assert torch.isfinite(learner.judge(arena).advantage).all()


def test_those_that_are_cloned_have_each_a_luck_of_its_own(small):
    learner = Learner(task(small).envs(4), Settings(rollout=12, twins=4), 0, FIRST_TRAINING_SEED)
    learner.enter(task(small).envs(4), 5, in_step=True)
    (arena,) = learner.arenas
    values = arena.env.world.state.requests.book["value"]
    assert len({row.tobytes() for row in values}) == 4
    arena.collect(learner)
    learner.judge(arena)


def test_twins_need_not_divide_the_worlds_of_a_copy(tmp_path):
    words = [*TINY, "--worlds", "6", "--twins", "3", "--clone", "greedy", "--clone-steps", "100"]
    assert main(["train", *words, "--steps", "300", "--out", str(tmp_path / "six")]) == 0


def test_a_checkpoint_of_another_network_is_one_sentence(tmp_path, capsys):
    words = ["train", *TINY, "--steps", "300", "--track", "none", "--out", str(tmp_path)]
    assert main(words) == 0
    path = tmp_path / "seed_0" / CHECKPOINT
    content = torch.load(path, weights_only=True)
    weight = content["learner"]["networks"][0]["heads.0.weight"]
    content["learner"]["networks"][0]["heads.0.weight"] = torch.cat((weight, weight[:1]))
    torch.save(content, path)
    assert main([*words[:-4], "--steps", "900", "--track", "none", "--out", str(tmp_path)]) == 2
    assert "is of a network that is otherwise now" in capsys.readouterr().err


def test_what_is_cloned_is_what_was_played(small, monkeypatch):
    """Over several rollouts: each row keeps the action that was taken in it, and what was seen then."""
    kept = []
    monkeypatch.setattr("experiments.training.cloning._imitate", lambda *told: kept.append(told[1]) or 1.0)
    own = task(small, hours=1.0)
    learner = Learner(own.envs(2), Settings(rollout=60, normalise=False), 0, FIRST_TRAINING_SEED)
    clone(learner, "greedy", own.envs(4), FIRST_TRAINING_SEED + 5, 2_000)
    (batch,) = kept
    env = make_env("tasking_v0", small, 1.0, 1)
    seen, mask = batch.seen[None].numpy(), batch.mask[None].numpy().astype(np.int8)
    again = make_policy("greedy", env).decide(seen, mask)[0]
    assert len(again) >= 2_000
    assert (again == batch.action.numpy()).mean() > 0.99


def test_scales_of_a_whole_episode_before_cloning(small):
    own = task(small, hours=2.0)
    learner = Learner(own.envs(2), Settings(rollout=60), 0, FIRST_TRAINING_SEED)
    clone(learner, "greedy", own.envs(4), FIRST_TRAINING_SEED + 5, 500, epochs=1)
    late = learner.features.index("time_left")
    assert 1.0 / learner.scale[late] > 0.25  # of what goes from 1 to -1 or 0, evenly


@pytest.mark.parametrize(
    "settings", [Settings(rollout=60), Settings(rollout=60, memory=16)], ids=["rows", "memory"]
)
def test_cloning(small, settings):
    own = task(small, hours=1.0)
    learner = Learner(own.envs(2), settings, 0, FIRST_TRAINING_SEED)
    agreed = clone(learner, "greedy", own.envs(4), FIRST_TRAINING_SEED + 5, 4_000, epochs=6)
    assert agreed > 0.7
    before = learner.weights()
    learner.iterate()  # the critic alone: what the copy does stays
    after = learner.weights()
    assert all(np.array_equal(a, b) for a, b in zip(before.layers[0], after.layers[0], strict=True))
    assert np.array_equal(before.mean, after.mean)
    assert np.array_equal(before.scale, after.scale)
    with pytest.raises(SandboxError, match="thinks"):
        clone(learner, "qwen", own.envs(1), FIRST_TRAINING_SEED, 100)


def test_the_highest_rate_falls_with_what_was_played(small):
    learner = Learner(task(small).envs(1), Settings(rate=1e-3, halving=1000.0), 0, FIRST_TRAINING_SEED)
    for steps, most in ((0, 3e-3), (1000, 1.5e-3), (2000, 1e-3), (10**9, 3e-9)):
        learner.steps = steps
        for _ in range(40):
            learner._adapt(0.0)
        assert learner.rate == pytest.approx(most)


def test_an_anchor_holds_a_clone_near_its_teacher(small):
    """After as many iterations at a large rate it agrees with the teacher more often than without."""
    agreed = {}
    for anchor in (0.0, 1.0):
        own = task(small, hours=1.0)
        settings = Settings(rollout=60, anchor=anchor, rate=3e-3, target_kl=1.0, entropy=0.1)
        learner = Learner(own.envs(2), settings, 0, FIRST_TRAINING_SEED)
        clone(learner, "greedy", own.envs(4), FIRST_TRAINING_SEED + 5, 3_000, epochs=6)
        learner.warm = 0
        for _ in range(8):
            learner.iterate()
        (arena,), env = learner.arenas, make_env("tasking_v0", small, 1.0, 2)
        greedy, trained = make_policy("greedy", env), network_class(learner.weights())(env)
        told = [policy.decide(arena.seen[:-1].reshape(1, -1, len(learner.features)),
                              arena.mask[:-1].reshape(1, -1, len(learner.labels)))
                for policy in (greedy, trained)]  # fmt: skip
        agreed[anchor] = (told[0] == told[1]).mean()
    assert agreed[1.0] > agreed[0.0]


def test_several_scenarios_and_such_as_do_not_go_together(small, dying):
    own = Task("tasking_v0", (small, dying), 0.25, 2, 2)
    learner = Learner(own.envs(2), Settings(rollout=16), 0, FIRST_TRAINING_SEED)
    for _ in range(2):
        learner.iterate()
    assert learner.steps == 2 * 2 * 16 * 4
    wide = Task("tasking_v0", (load_scenario("scs01"), small), 0.25, 1, 1)
    assert len(wide.envs(1)) == 2
    with pytest.raises(SandboxError, match=r"30 and 160 numbers .* train on such as have the same"):
        wide.envs(1, central=True)


def test_the_command_and_what_it_leaves(tmp_path, capsys):
    folder = tmp_path / "trained"
    told = ["train", *TINY, "--steps", "600", "--out", str(folder), "--seeds", "2"]
    assert main(told) == 0
    content = json.loads((folder / "training.json").read_text())
    rules = {"greedy", "deadline_greedy", "cbba", "equinox", "phoenix"}
    assert content["references"].keys() == {"random", *rules}
    assert {record["seed"] for record in content["evaluations"]} == {0, 1}
    for record in content["evaluations"]:
        assert {"steps", "cpu_s", "score", "random", "heuristic", "planner"} <= record.keys()
        assert len(record["returns"]) == 2
    assert (folder / "learning_curve.png").is_file()
    longer = ["train", *TINY, "--steps", "1500", "--out", str(folder), "--seeds", "2"]
    assert main(longer) == 0
    more = json.loads((folder / "training.json").read_text())["evaluations"]
    assert len(more) > len(content["evaluations"])
    assert all(record in more for record in content["evaluations"])
    capsys.readouterr()
    played = ["--scenario", "pair", "--hours", "0.2", "--set", "requests.initial=120"]
    assert main(["compare", "--policy", str(folder), "random", "--seeds", "2", *played]) == 0
    assert "interquartile mean" in capsys.readouterr().out
    assert (
        main(
            [
                "run",
                "--policy",
                str(folder / "seed_1"),
                "--no-record",
                "--out",
                str(tmp_path / "run"),
                *played,
            ]
        )
        == 0
    )
    assert (
        main(["compare", "--policy", str(folder), "--env", "offloading_v0", "--seeds", "1", "--hours", "0.1"])
        == 2
    )
    assert "made for tasking_v0" in capsys.readouterr().err


def test_the_best_heuristic_is_cloned(tmp_path):
    told = [
        "train",
        *TINY,
        "--clone",
        "best",
        "--clone-steps",
        "300",
        "--steps",
        "0",
        "--out",
        str(tmp_path / "x"),
    ]
    assert main(told) == 0
    content = json.loads((tmp_path / "x/training.json").read_text())
    rules = {name: level for name, level in content["references"].items() if name != "random"}
    assert content["cloned"] == max(sorted(rules), key=rules.get)
    assert main([*told, "--clone", "none"]) == 2


def test_refusals(tmp_path, capsys):
    folder = tmp_path / "trained"
    told = ["train", *TINY, "--steps", "100", "--out", str(folder)]
    assert main(told) == 0

    def refused(arguments, *words):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert all(word in said for word in words), said

    refused([*told, "--gamma", "0.9"], "--gamma was 0.995, not 0.9", "--fresh")
    refused([*told, "--difference"], "--difference was left out, not given")
    refused([*told, "--clone", "greedy"], "--clone was left out, not 'greedy'")
    refused([*told, "--hidden", "32", "--no-normalise"], "--hidden was 64, not 32", "--no-normalise was left")
    (folder / "seed_0" / CHECKPOINT).write_bytes(b"\x80nothing")
    refused(told, "cannot be read", "--fresh")
    assert main([*told, "--fresh"]) == 0
    other = tmp_path / "notes"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    refused(["train", *TINY, "--out", str(other)], "something other than a training")
    for option, value in (("--worlds", "0"), ("--gamma", "2"), ("--device", "nowhere"), ("--seeds", "0")):
        refused(["train", *TINY, "--out", str(tmp_path / "new"), option, value], option)
    refused(["train", "--tier", "dire", "--out", str(tmp_path / "new")], "tier", "dire")
    refused(["train", "--curriculum", "calm,dire", "--out", str(tmp_path / "new")], "dire")
    refused(["train", "--curriculum", "calm,tight", "--scenario", "pair"], "leave --scenario out")
    refused(["train", "--curriculum", "calm,tight", "--minutes", "1"], "--steps")
    refused(["train", "--curriculum", "calm,tight", "--tier", "scarce"], "--tier")
    refused(
        ["train", *TINY, "--out", str(tmp_path / "new"), "--critic", "shared", "--memory", "4"],
        "--critic shared",
    )
    refused(["train", *TINY, "--out", str(tmp_path / "new"), "--clone", "nobody"], "nobody")
    for words in (
        ["--twins", "3", "--worlds", "4"],
        ["--twins", "0"],
        ["--rollout", "0"],
        ["--rollout", "1000000000"],
        ["--memory", "8", "--rollout", "8"],
    ):
        refused(["train", *TINY, "--out", str(tmp_path / "new"), *words], *words[:1])


def test_what_may_not_change_is_said_before_anything_is_played(tmp_path, capsys, monkeypatch):
    """Also of options that older trainings did not have, and where the first evaluation was never reached."""
    folder = tmp_path / "trained"

    def stop(*told):
        raise SandboxError("Stopped.")

    monkeypatch.setattr("experiments.training.evaluation.references", stop)
    assert main(["train", *TINY, "--difference", "--steps", "100", "--out", str(folder)]) == 2
    capsys.readouterr()
    monkeypatch.setattr("experiments.training.evaluation.references", lambda *told: pytest.fail("played"))
    assert main(["train", *TINY, "--steps", "100", "--out", str(folder)]) == 2
    assert "--difference was given, not left out" in capsys.readouterr().err
    content = json.loads((folder / "training.json").read_text())
    content["arguments"] = {"problem": "tasking_v0"} | content["arguments"] | {"tier": "calm"}
    for name in ("difference", "lam"):
        content["arguments"].pop(name, None)
    assert not changed(content["arguments"], content["arguments"] | {"lam": 0.95, "difference": False})
    assert changed(content["arguments"], content["arguments"] | {"lam": 0.9}) == ["--lam was 0.95, not 0.9"]


def test_the_command_that_is_told_plays_what_was_trained(tmp_path, capsys):
    folder = tmp_path / "a folder"
    told = [word for word in TINY if word != "--quiet"]
    assert main(["train", *told, "--steps", "0", "--out", str(folder)]) == 0
    command = capsys.readouterr().out.strip().splitlines()[-1]
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "experiments", "compare"]
    for pair in (["--scenario", "pair"], ["--hours", "0.5"], ["--set", "requests.initial=120"]):
        assert pair == words[words.index(pair[0]) :][:2]
    assert str(folder) in words
    assert main([*words[3:], "--seeds", "1", "--quiet"]) == 0


def test_a_curriculum_that_was_cut_off_is_in_the_stage_that_it_was_in(tmp_path):
    told = ["train", "--curriculum", "calm,tight", "--hours", "0.1", "--worlds", "1", "--draws", "0"]
    told += ["--clone", "none", "--evaluate", "500", "--evaluate-worlds", "1", "--quiet", "--out"]
    curves = {}
    for name, reached in (("whole", ["--steps", "6000"]), ("cut", ["--steps", "6000", "--minutes", "0"])):
        folder = tmp_path / name
        assert main([*told, str(folder), *reached]) == 0
        if name == "cut":  # nothing but the first evaluation is there, and it goes on
            assert main([*told, str(folder), "--steps", "6000"]) == 0
        content = json.loads((folder / "training.json").read_text())
        assert content["arguments"]["curriculum"] == "calm:3000,tight:3000"
        curves[name] = [{k: v for k, v in r.items() if k != "cpu_s"} for r in content["evaluations"]]
    assert curves["whole"] == curves["cut"]
    assert len(curves["whole"]) >= 4


def test_the_stages_of_a_curriculum(small, dying, tmp_path):
    stages = (Stage(300, (small,)), Stage(600, (dying,)))
    own, settings = task(dying, stages=stages), Settings(rollout=24, hidden=16)
    env, curves, seen = make_env("tasking_v0", dying, 0.25, 2), {}, []
    for name in ("whole", "cut"):
        folder = tmp_path / name
        folder.mkdir()
        for until in (900,) if name == "whole" else (250, 450, 900):
            session = Session(own, settings, 3, folder, env, {"task": {}})

            def on_iteration(learner, name=name):
                if name == "whole":
                    craft = learner.arenas[0].env.problem.mission.spacecraft["computing_satellite"]
                    seen.append(craft.power.battery_wh)

            session.run(until, None, lambda record: None, on_iteration)
            session.close()
        curves[name] = [{k: v for k, v in record.items() if k != "cpu_s"} for record in session.records]
    assert sorted(set(seen)) == [30.0, 600.0]
    last = {record["steps"]: record for record in curves["whole"]}
    assert last[curves["cut"][-1]["steps"]] == curves["cut"][-1]


@pytest.mark.slow
def test_kill_and_go_on(tmp_path):
    command = [sys.executable, "-m", "experiments", "train", *TINY, "--steps", "6000", "--out"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True)
    rng, cut = np.random.default_rng(), tmp_path / "cut"
    for _ in range(20):
        process = subprocess.Popen([*command, str(cut)])
        try:
            process.wait(rng.uniform(4.0, 12.0))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    subprocess.run([*command, str(cut)], check=True)
    curves = []
    for folder in (tmp_path / "whole", cut):
        records = json.loads((folder / "training.json").read_text())["evaluations"]
        curves.append([{k: v for k, v in record.items() if k != "cpu_s"} for record in records])
    assert curves[0] == curves[1]
