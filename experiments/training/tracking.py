"""Where the scalars of a training go meanwhile: TensorBoard, Weights & Biases, MLflow.

Nothing leaves the machine unless the user says so in the variables of the tool itself: W&B runs offline
without WANDB_MODE, MLflow writes into the folder of the training without MLFLOW_TRACKING_URI, and neither
reports how it is used. A training that goes on after it was killed goes on in the same run.
"""

import json
import os
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from experiments.running.run_folder import in_one_line, read_json, write_json
from sandbox.errors import SandboxError
from sandbox.terminal import say

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"
"""How a training ended."""
TENSORBOARD, NONE = "tensorboard", "none"
RUNS = "tracking.json"
"""Of a training: the runs that it has in the tools that number theirs."""
PROJECT = "orbital-autonomy-sandbox"
"""Where runs stand, unless WANDB_PROJECT or MLFLOW_EXPERIMENT_NAME says otherwise."""
LONGEST = 500
"""Characters of an option's value that MLflow is told, which refuses long ones."""


class Training(NamedTuple):
    """What a tool is told of a training: its folder, its title, its options, and the agent-steps so far."""

    folder: Path
    title: str
    options: Mapping[str, Any]
    steps: int


class Tracker(ABC):
    """A run in one of the tools, made of a `Training`; made again in its folder it goes on."""

    @abstractmethod
    def __init__(self, training: Training) -> None: ...

    @abstractmethod
    def log(self, told: Mapping[str, float], steps: int) -> None:
        """Scalars after so many agent-steps."""

    @abstractmethod
    def close(self, status: str) -> None:
        """The training ended: FINISHED, FAILED or KILLED."""


class TensorBoard(Tracker):
    """Event files in the folder `tensorboard`."""

    def __init__(self, training: Training) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(training.folder / TENSORBOARD), purge_step=training.steps)

    def log(self, told: Mapping[str, float], steps: int) -> None:
        for name, value in told.items():
            self._writer.add_scalar(name, value, steps)

    def close(self, status: str) -> None:
        self._writer.close()


class Wandb(Tracker):
    """A run of Weights & Biases, by default offline, in the folder `wandb`: `wandb sync` brings it up."""

    def __init__(self, training: Training) -> None:
        for name, value in (("WANDB_ERROR_REPORTING", "false"), ("WANDB_SILENT", "true")):
            os.environ.setdefault(name, value)
        for place in ("CACHE", "CONFIG", "DATA"):  # else in the home of the user
            os.environ.setdefault(f"WANDB_{place}_DIR", str(training.folder / "wandb" / place.lower()))
        import wandb

        known = _known(training.folder)
        run = known.setdefault("wandb", secrets.token_hex(4))
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=training.title,
            id=run,
            resume="allow",
            mode=os.environ.get("WANDB_MODE", "offline"),
            dir=str(training.folder),
            config=dict(training.options),
            settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True),
        )
        # what was played after the last checkpoint is played again: agent-steps are the axis, not the order
        self._run.define_metric("*", step_metric="steps")
        _keep(training.folder, known)

    def log(self, told: Mapping[str, float], steps: int) -> None:
        self._run.log({**told, "steps": steps})

    def close(self, status: str) -> None:
        self._run.finish(exit_code={FINISHED: 0, KILLED: 130}.get(status, 1))


class Mlflow(Tracker):
    """A run of MLflow, by default in files in the folder `mlruns`."""

    def __init__(self, training: Training) -> None:
        for name, value in (("MLFLOW_DISABLE_TELEMETRY", "true"), ("MLFLOW_ALLOW_FILE_STORE", "true")):
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient
        from mlflow.entities import Metric

        local = (training.folder / "mlruns").absolute().as_uri()
        self._metric = Metric
        self._client = MlflowClient(tracking_uri=os.environ.get("MLFLOW_TRACKING_URI", local))
        known = _known(training.folder)
        if "mlflow" in known:
            self._run = known["mlflow"]
            self._client.update_run(self._run, status="RUNNING")
            return
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        experiment = self._client.get_experiment_by_name(name)
        number = experiment.experiment_id if experiment else self._client.create_experiment(name)
        self._run = self._client.create_run(number, run_name=training.title).info.run_id
        for option, value in _flat(training.options).items():
            self._client.log_param(self._run, option, str(value)[:LONGEST])
        _keep(training.folder, known | {"mlflow": self._run})

    def log(self, told: Mapping[str, float], steps: int) -> None:
        now = int(1000 * time.time())
        self._client.log_batch(
            self._run, [self._metric(name, float(value), now, steps) for name, value in told.items()]
        )

    def close(self, status: str) -> None:
        self._client.set_terminated(self._run, status)


TRACKERS: dict[str, Callable[[Training], Tracker]] = {
    TENSORBOARD: TensorBoard,
    "wandb": Wandb,
    "mlflow": Mlflow,
}


class Trackers:
    """Those of a training that are asked for. One that fails is told of and left; the training goes on.

    Raises `SandboxError` for one that cannot begin.
    """

    def __init__(self, names: Sequence[str], training: Training) -> None:
        self._open: dict[str, Tracker] = {}
        for name in names:
            try:
                self._open[name] = TRACKERS[name](training)
            except Exception as error:
                self.close(FAILED)
                if isinstance(error, SandboxError | ImportError):
                    raise
                raise SandboxError(f"--track {name}: it cannot begin ({in_one_line(error)}).") from None

    def log(self, told: Mapping[str, float], steps: int) -> None:
        """Scalars after so many agent-steps, to all."""
        for name, tracker in [*self._open.items()]:
            try:
                tracker.log(told, steps)
            except Exception as error:  # what is learned is worth more than what is told of it
                say(f"--track {name} ends here ({in_one_line(error)}); the training goes on.", error=True)
                del self._open[name]
                with suppress(Exception):
                    tracker.close(FAILED)

    def close(self, status: str) -> None:
        """The training ended."""
        for name, tracker in self._open.items():
            try:
                tracker.close(status)
            except Exception as error:
                say(f"--track {name} was not ended ({in_one_line(error)}).", error=True)
        self._open = {}


def chosen(names: Sequence[str] | None, there: Callable[[str], Any]) -> list[str]:
    """Which tools `--track` means; nothing said: TensorBoard, where it is `there`. "none" takes back what was
    said before it. Raises ModuleNotFoundError for one that is not installed."""
    if names is None:
        return [TENSORBOARD] if there(TENSORBOARD) else []
    wanted = list(names)
    if NONE in wanted:
        wanted = wanted[len(wanted) - wanted[::-1].index(NONE) :]
    wanted = list(dict.fromkeys(wanted))
    for name in wanted:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        try:
            import_module(name)
        except ImportError as error:
            raise ModuleNotFoundError(str(error), name=name) from None
    return wanted


def _known(folder: Path) -> dict[str, str]:
    found = read_json(folder / RUNS)
    return dict(found) if isinstance(found, dict) else {}


def _keep(folder: Path, runs: Mapping[str, str]) -> None:
    write_json(folder / RUNS, dict(runs))


def _flat(options: Mapping[str, Any], under: str = "") -> dict[str, Any]:
    """Options by dotted name."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{under}{name}.")
        else:
            plain = isinstance(value, str | int | float)
            found[f"{under}{name}"] = value if plain else json.dumps(value, default=str)
    return found
