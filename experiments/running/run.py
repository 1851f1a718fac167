"""One episode under one policy, and the folder of results it leaves behind."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import yaml

from agents.usual import usual_policy
from envs.batch import BatchEnv
from envs.deliberation import DeliberatingBatch
from envs.episodes import HOUR, checked_options, known_as, left_out, make_env, scenario_of
from experiments.running import run_folder
from experiments.running.asked import Asked, line, mind_of
from experiments.running.callbacks import Bar, Film, Tally, Witness
from experiments.running.llm_config import Mind
from experiments.running.metrics import metrics_in
from experiments.running.progress import tracked
from experiments.running.rollout import Speed, Watcher, play
from experiments.running.rounds_table import Rows
from sandbox.errors import SandboxError
from sandbox.files import MARK, DiskFull
from sandbox.recording import Recording
from sandbox.scenario import Scenario
from sandbox.terminal import say


def run(
    scenario: Any = None,
    env: str = "tasking_v0",
    policy: str | None = None,
    hours: float | None = None,
    seed: int = 0,
    out: Path | str | None = None,
    record: bool = True,
    progress: bool = True,
    *,
    changes: Mapping[str, Any] | None = None,
    candidates: int = 4,
    mind: Mind | None = None,
    minds_recorded: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Play one episode and leave a folder of results.

    Args:
        scenario: name, YAML file, dictionary or Scenario, by default the problem's own; `changes` replaces
            fields of it by dotted name.
        env, policy: the decision problem and who decides, by name or as `module:Class`; by default greedy,
            or thrifty in avoidance_v0, or where a problem has neither the first of its own, or random
            (`agents.usual`); that is said.
        hours: length of the episode; by default the scenario's.
        seed: of the episode and of the policy. The same seed gives the same results.
        out: the folder, by default `results/<env>-<scenario>-<policy>-seed<k>`. Earlier results there are
            replaced once the new ones are whole; files of others among them stay.
        record: whether to keep a recording and draw figures from it.
        progress: show a bar in a terminal while it runs, and a table of the metrics at the end.
        candidates: requests shown to a satellite, where the problem shows any.
        mind: how the policy "qwen" thinks and what is charged for a decision; by default the shipped nano.
        minds_recorded: satellites whose thoughts, what they read and wrote, go into the recording; by default
            all of a fleet of at most 60, else the first.
        options: of the problem, as its page names them.

    Returns the content of `metrics.json`: the metrics of `metrics.GROUPS` that there are in such a
    world and problem, by name, and under "arguments", "versions", "schema" and "timing" how they came
    about; under "minds" who answered, how, and why decisions fell back. A figure that cannot be drawn is
    left out, and stands under "not_drawn" with the reason. Raises SandboxError for bad input, for a folder
    that holds something else, and where the disk is full.
    """
    if seed < 0:
        raise SandboxError(f"seed = {seed}; give a whole number of at least 0.")
    env, scenario = known_as(env), scenario_of(env, scenario, changes)
    mind, named, policy = mind or Mind(), policy, policy or usual_policy(env)
    own = checked_options(env, options)
    batch = make_env(env, scenario, hours, candidates=candidates, thinking=mind.thinks(policy, env), **own)
    decider = mind.policy(policy, batch)
    folder = Path(out) if out else run_folder.default_folder(env, scenario.name, policy, seed)
    meta = {"env": env, "policy": policy, "seed": seed}
    if progress and not named:
        say(run_folder.nobody_named(policy))
    if progress and (told_of := left_out(batch)):
        say(told_of)
    began = time.perf_counter()
    missing: dict[str, str] = {}
    with run_folder.new_results(folder, record) as draft:
        tally, witness, asked = Tally(), Witness(), Asked()
        film = Film(draft / run_folder.RECORDING, meta, minds_recorded)
        watchers: list[Watcher] = [tally, witness, asked, Rows(draft / run_folder.ROUNDS)]
        if record:
            import matplotlib  # noqa: F401  if it is missing, better to know now than when the run is over

            watchers.append(film)
        with _bar(policy, progress) as bars, closing(decider):
            speed = play(batch, decider, seed, [*watchers, *bars])
        if record:
            missing = draw(film.recording, draft, progress)
        metrics = metrics_in(batch.world, tally.totals())
        content = metrics | {
            "format": run_folder.RUN,
            "schema": run_folder.SCHEMA,
            "arguments": meta
            | _arguments(scenario, batch, changes, candidates)
            | _told(mind, batch)
            | ({"options": own} if own else {}),
            "versions": run_folder.versions(),
            "timing": _timing(speed, time.perf_counter() - began),
        }
        minds = asked.told(mind_of(decider))
        content |= {"minds": minds} if minds else {}
        content |= {"not_drawn": missing} if missing else {}
        _write_scenario(scenario, draft / run_folder.SCENARIO)
        run_folder.write_json(draft / run_folder.METRICS, content)
    if progress:
        from experiments.running.console_tables import print_run, print_thought

        if witness.shown and isinstance(batch, DeliberatingBatch):
            print_thought(witness.shown, batch.onboard.describe())
        print_run(content, folder)
        if minds:
            say(line(minds))
        if record and run_folder.PAGE not in missing:
            say(f"To look at it, open {folder / run_folder.PAGE} in a browser.")
        if missing:
            say(str(run_folder.NotDrawn(missing, folder)), error=True)
    return content


def draw(recording: Recording, folder: Path, progress: bool = True) -> dict[str, str]:
    """Draw the figures of a run and its page into `folder`; by name, those that could not be, and why."""
    from experiments.plotting.figures import ground_track, timeline

    pictures = {run_folder.TIMELINE: timeline, run_folder.GROUND_TRACK: ground_track}
    drawn = {folder / name: picture for name, picture in pictures.items()}
    return _drawn(recording, drawn | {folder / run_folder.PAGE: Recording.to_html}, progress)


def redraw(folder: Path | str) -> list[Path]:
    """Draw the figures of a folder of results anew, and those that a run leaves out; their paths.

    Raises `run_folder.NotDrawn` if some could not be drawn, after all the others.
    """
    from experiments.plotting.figures import coverage, energy, ground_track, latency, timeline

    recording, folder = Recording.load(run_folder.recording_in(folder)), Path(folder)
    pictures = (timeline, ground_track, latency, energy, coverage)
    by_path: dict[Path, Callable[..., Any]] = dict(
        zip((folder / name for name in run_folder.FIGURES), pictures, strict=True)
    )
    if missing := _drawn(recording, by_path):
        raise run_folder.NotDrawn(missing, folder)
    return list(by_path)


def _drawn(
    recording: Recording, pictures: Mapping[Path, Callable[..., Any]], progress: bool = True
) -> dict[str, str]:
    missing = {}
    for path, picture in tracked(pictures.items(), "drawing", len(pictures), progress):
        try:
            picture(recording, path)
        except DiskFull:
            raise
        except Exception as error:  # what was played is worth more than a picture of it
            missing[path.name] = run_folder.in_one_line(error)
    return missing


@contextmanager
def _bar(title: str, wanted: bool) -> Iterator[list[Bar]]:
    """The progress bar to be told of the episode, if one is wanted and there is a terminal to show it."""
    if not wanted:
        yield []
        return
    from experiments.running.console_tables import progress_bar

    with progress_bar() as progress:
        yield [] if progress.disable else [Bar(progress, title)]


def _arguments(
    scenario: Scenario, env: BatchEnv, changes: Mapping[str, Any] | None, candidates: int
) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "scenario_hash": run_folder.scenario_hash(scenario),
        "changes": dict(changes or {}),
        "hours": env.max_cycles * scenario.round_s / HOUR,
        "candidates": candidates,
    }


def _told(mind: Mind, env: BatchEnv) -> dict[str, Any]:
    """Of a run with minds: how they think, and on which boards."""
    if not isinstance(env, DeliberatingBatch):
        return {}
    return {"mind": mind.told(), "onboard": env.onboard.describe()}


def _timing(speed: Speed, wall_s: float) -> dict[str, float]:
    return {
        "decisions_per_wall_s": speed.per_wall_s(),
        "decisions_per_cpu_s": speed.per_cpu_s(),
        "deciding_and_stepping_s": speed.wall_s,
        "run_s": wall_s,
    }


def _write_scenario(scenario: Scenario, path: Path) -> None:
    content = scenario.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    path.write_text(f"# {MARK}\n{text}", encoding="utf-8")
