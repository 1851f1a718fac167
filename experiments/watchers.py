"""Who looks on while an episode is played: sums, the recording, the progress bar."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.batch import BatchEnv
from experiments.metrics import Totals
from experiments.rollout import Round, Watcher
from sandbox.recording import Recorder, Recording
from sandbox.recording.frames import deeds_of, events_of, meta_of, scene_of, sizes_of, static_of
from sandbox.state import MODE_NAMES

REFRESH_S = 0.1


class Tally(Watcher):
    """Adds up the rounds of every world."""

    def start(self, env: BatchEnv) -> None:
        team = (env.worlds, env.satellites)
        self._env, self._rounds = env, 0
        self._reward, self._downlinked = np.zeros(team), np.zeros(team)
        self._terms, self._modes = np.zeros((*team, len(env.terms))), np.zeros((*team, len(MODE_NAMES)), int)
        self._lowest = self._battery()

    def after(self, env: BatchEnv, played: Round) -> None:
        did = env.world.state.activity
        self._rounds += 1
        self._reward += played.reward
        self._terms += played.terms
        self._downlinked += did["downlinked"]
        self._modes += did["mode"][..., None] == np.arange(len(MODE_NAMES))
        np.minimum(self._lowest, self._battery(), out=self._lowest)

    def totals(self, b: int = 0) -> Totals:
        """The sums of world `b` so far."""
        terms = dict(zip(self._env.terms, self._terms[b].T, strict=True))
        alive = self._env.world.state.body["alive"][b]
        return Totals(
            self._rounds, self._reward[b], terms, self._downlinked[b], self._modes[b], self._lowest[b], alive
        )

    def _battery(self) -> np.ndarray:
        power = self._env.world.state.power
        return power["energy"] / power["capacity"]


class Film(Watcher):
    """Records world 0 into `folder`."""

    def __init__(self, folder: Path, meta: Mapping[str, Any]) -> None:
        self._folder, self._meta = folder, meta
        self._recorder: Recorder | None = None

    def start(self, env: BatchEnv) -> None:
        meta = meta_of(env.world) | {"action_names": list(env.actions)} | dict(self._meta)
        self._recorder = Recorder(
            meta,
            env.max_cycles,
            *sizes_of(env.world),
            len(env.actions),
            self._folder,
            static=static_of(env.world),
        )

    def before(self, env: BatchEnv) -> None:
        self._scene = scene_of(env.world)

    def after(self, env: BatchEnv, played: Round) -> None:
        assert self._recorder is not None  # made in `start`
        decided = {"action": played.actions[0], "mask": played.mask[0], "reward": played.reward[0]}
        self._recorder.append(**self._scene, **deeds_of(env.world), **decided)
        for event in events_of(env.world):
            self._recorder.event(*event)

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()

    @property
    def recording(self) -> Recording:
        """What was recorded so far."""
        assert self._recorder is not None  # made in `start`
        return self._recorder.recording


class Bar(Watcher):
    """A progress bar: simulated time, and how much faster than the clock on the wall it runs."""

    def __init__(self, progress: Any, title: str) -> None:
        self._progress, self._title, self._shown = progress, title, 0.0

    def start(self, env: BatchEnv) -> None:
        self._began, self._start = time.perf_counter(), self._now(env)
        self._task = self._progress.add_task(self._title, total=env.world.horizon_s, speed="", simulated="")

    def after(self, env: BatchEnv, played: Round) -> None:
        now, done = time.perf_counter(), self._now(env) - self._start
        if now - self._shown < REFRESH_S and done < env.world.horizon_s:
            return
        self._shown = now
        minutes = int(done // 60)
        simulated = f"{minutes // 60:02d}:{minutes % 60:02d} of {env.world.horizon_s / 3600:g} h"
        speed = f"{done / (now - self._began):,.0f} x real time"
        self._progress.update(self._task, completed=done, simulated=simulated, speed=speed)

    def _now(self, env: BatchEnv) -> float:
        return float(env.world.state.clock["time"].max())
