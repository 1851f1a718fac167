"""Where the scalars of a training go: what each tool is told, real ones offline, and failures."""

import json
import sys

import pytest

torch = pytest.importorskip("torch")

from envs.episodes import make_env  # noqa: E402
from experiments.running.cli import main  # noqa: E402
from experiments.training import tracking  # noqa: E402
from experiments.training.ppo import Settings  # noqa: E402
from experiments.training.session import Session, Task  # noqa: E402
from experiments.training.tracking import FAILED, FINISHED, KILLED, Tracker, chosen  # noqa: E402
from sandbox.errors import SandboxError  # noqa: E402
from sandbox.scenario import load_scenario  # noqa: E402

TINY = ["train", "--scenario", "pair", "--set", "requests.initial=120", "--hours", "0.25", "--worlds", "2"]
TINY += ["--evaluate", "200", "--evaluate-worlds", "2", "--clone", "none"]


class Fake(Tracker):
    """Notes what it is told."""

    made: list = []

    def __init__(self, training):
        self.training, self.told, self.status = training, [], None
        self.made.append(self)

    def log(self, told, steps):
        assert all(isinstance(value, int | float) for value in told.values())
        self.told.append((steps, dict(told)))

    def close(self, status):
        self.status = status


@pytest.fixture
def fake(monkeypatch):
    Fake.made = []
    monkeypatch.setitem(tracking.TRACKERS, "fake", Fake)
    return Fake


def session(folder, seed=0):
    scenario = load_scenario("pair", {"requests.initial": 120})
    task = Task("tasking_v0", (scenario,), 0.25, 2, 2, interval=200)
    folder.mkdir(exist_ok=True)
    env = make_env("tasking_v0", scenario, 0.25, 2)
    return Session(task, Settings(rollout=60), seed, folder, env, {"hours": 0.25})


def trained(folder, steps, on_record=lambda record: None, track=("fake",)):
    one = session(folder)
    try:
        one.run(steps, None, on_record, track=track)
    finally:
        one.close()


def test_what_a_tool_is_told(fake, tmp_path):
    trained(tmp_path / "run", 400)
    [one] = fake.made
    assert one.training.title == "tasking_v0 pair seed 0"
    assert one.training.options["task"] == {"hours": 0.25}
    assert one.training.steps == 0
    assert one.status == FINISHED
    assert {"return", "kl", "entropy", "held_out_argmax", "held_out_sample", "cpu_s"} <= {
        name for _, told in one.told for name in told
    }
    assert [steps for steps, _ in one.told] == sorted(steps for steps, _ in one.told)
    assert one.told[-1][0] >= 400


def test_a_training_that_goes_on_says_from_where(fake, tmp_path):
    trained(tmp_path / "run", 200)
    trained(tmp_path / "run", 500)
    first, second = fake.made
    assert second.training.steps == first.told[-1][0] > 0
    assert second.training.folder == first.training.folder
    assert min(steps for steps, _ in second.told) > second.training.steps


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), KILLED), (ValueError("no"), FAILED)])
def test_how_it_ended(fake, tmp_path, error, status):
    def stop(record):
        raise error

    with pytest.raises(type(error)):
        trained(tmp_path / "run", 400, stop)
    assert [one.status for one in fake.made] == [status]


def test_a_tool_that_fails_is_left_and_the_training_goes_on(fake, tmp_path, capsys, monkeypatch):
    def fail(self, told, steps):
        raise OSError("the server is gone\n" + "x" * 9000)

    monkeypatch.setitem(tracking.TRACKERS, "broken", type("Broken", (Fake,), {"log": fail}))
    trained(tmp_path / "run", 400, track=("broken", "fake"))
    broken, whole = fake.made
    assert (broken.status, whole.status) == (FAILED, FINISHED)
    told = capsys.readouterr().err
    assert told.count("--track broken ends here") == 1
    assert len(told) < 500
    assert len(whole.told) > 2


def test_a_tool_that_cannot_begin_is_one_sentence(fake, tmp_path, monkeypatch):
    def refuse(training):
        raise RuntimeError("no key")

    monkeypatch.setitem(tracking.TRACKERS, "broken", refuse)
    with pytest.raises(SandboxError, match=r"^--track broken: it cannot begin \(RuntimeError: no key\)\.$"):
        trained(tmp_path / "run", 400, track=("fake", "broken"))
    assert [one.status for one in fake.made] == [FAILED]


def test_which_tools_are_meant(monkeypatch):
    monkeypatch.setattr(tracking, "import_module", lambda name: None)
    assert chosen(None, lambda name: None) == []
    assert chosen(None, lambda name: True) == ["tensorboard"]
    assert chosen(["none"], lambda name: True) == []
    assert chosen(["wandb", "mlflow", "wandb"], lambda name: None) == ["wandb", "mlflow"]
    assert chosen(["none", "mlflow"], lambda name: None) == ["mlflow"]
    assert chosen(["mlflow", "none"], lambda name: True) == []


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_one_that_is_missing_is_said_before_anything_is_played(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    assert main([*TINY, "--track", name, "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    pins, apart = {
        "wandb": ("constraints.txt", ""),
        "mlflow": ("constraints-mlflow.txt", ", in an environment of its own"),
    }[name]
    assert told == f"Error: {name} is not installed; run: pip install -c {pins} -e '.[{name}]'{apart}\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("how", [["--anchor", "0.1"], ["--anchor", "0.1", "--tier", "tight"]])
def test_an_anchor_wants_something_cloned(how, tmp_path, capsys):
    words = [*TINY, *how] if "--tier" not in how else ["train", "--clone", "none", *how]
    assert main([*words, "--out", str(tmp_path / "run")]) == 2
    assert "--anchor 0.1 holds a policy near what it was cloned from" in capsys.readouterr().err


def test_a_recipe_with_an_anchor_can_begin_from_nothing():
    from experiments.running.cli import script_parser
    from experiments.training.train_options import fill

    told = script_parser("train").parse_args(
        ["--problem", "tasking_v0", "--tier", "tight", "--clone", "none"]
    )
    fill(told, "tasking_v0")
    assert told.clone is None


def killed_and_gone_on(folder, monkeypatch, name):
    """Two commands, the first interrupted after its first evaluation."""
    from experiments.training import session as sessions

    log, count = sessions.Session._log, []

    def stop(self, told):
        log(self, told)
        count.append(1)
        if len(count) == 3:
            raise KeyboardInterrupt

    words = [*TINY, "--track", name, "--quiet", "--out", str(folder)]
    with monkeypatch.context() as patched:
        patched.setattr(sessions.Session, "_log", stop)
        assert main([*words, "--steps", "400"]) == 130
    assert main([*words, "--steps", "600"]) == 0
    return json.loads((folder / "seed_0" / tracking.RUNS).read_text())[name]


@pytest.mark.filterwarnings("ignore")  # the tool's own
def test_mlflow_for_real(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed; docs/train.md says how")
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    number = killed_and_gone_on(tmp_path / "run", monkeypatch, "mlflow")
    client = mlflow.MlflowClient((tmp_path / "run" / "seed_0" / "mlruns").as_uri())
    [experiment] = [each for each in client.search_experiments() if each.name == tracking.PROJECT]
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.run_id == number
    assert run.info.status == FINISHED
    assert run.data.params["task.hours"] == "0.25"
    steps = [metric.step for metric in client.get_metric_history(number, "held_out_argmax")]
    assert steps[0] == 0
    assert steps[-1] >= 600


@pytest.mark.filterwarnings("ignore")  # the tool's own
def test_wandb_for_real(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="Weights & Biases is not installed; docs/train.md says how")
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    number = killed_and_gone_on(tmp_path / "run", monkeypatch, "wandb")
    runs = sorted((tmp_path / "run" / "seed_0" / "wandb").glob("offline-run-*"))
    assert len(runs) == 2
    assert all(run.name.endswith(f"-{number}") for run in runs)
    [kept] = runs[1].glob("*.wandb")
    assert b"held_out_argmax" in kept.read_bytes()
