"""Who looks on while an episode is played: sums, the recording, the progress bar."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents import Policy
from agents.qwen.decisions import Decision, Request
from envs.batch import BatchEnv
from experiments.running.asked import shortened
from experiments.running.metrics import AskedTotals, Totals
from experiments.running.rollout import Round, Watcher
from sandbox.recording import Recorder, Recording
from sandbox.recording.frames import activity_of, meta_of, scene_of, sizes_of, static_of
from sandbox.recording.happenings import events_of, marks_of
from sandbox.state import MODE_NAMES

REFRESH_S = 0.1
TALKING = 60
"""Satellites of a fleet whose every thought is recorded unless told otherwise; a day of them takes 100 MB."""
SHOWN_ODDS = 0.005
"""Least probability of a decision that is noted with a thought."""
_SPENT = ("prompt_tokens", "output_tokens")
_THOUGHT = ("thought_s", "thought_j", *_SPENT)
_ASKED = tuple(field.name for field in fields(AskedTotals))


class Tally(Watcher):
    """Adds up the rounds of every world."""

    def start(self, env: BatchEnv) -> None:
        team = (env.worlds, env.satellites)
        self._env, self._rounds = env, 0
        self._reward, self._downlinked, self._energy = (np.zeros(team) for _ in range(3))
        self._terms, self._modes = np.zeros((*team, len(env.terms))), np.zeros((*team, len(MODE_NAMES)), int)
        self._lowest, self._closest = self._battery(), np.full(team, np.inf)
        self._spent = [env.terms.index(name) for name in _SPENT if name in env.terms]
        self._thoughts, self._fallbacks = np.zeros(team, int), np.zeros(team, int)
        self._asked = np.zeros((len(_ASKED), *team))

    def after(self, env: BatchEnv, played: Round) -> None:
        did = env.world.state.activity
        self._rounds += 1
        self._reward += played.reward
        self._terms += played.terms
        self._downlinked += did["downlinked"]
        self._energy += did["consumed"]
        self._modes += did["mode"][..., None] == np.arange(len(MODE_NAMES))
        np.minimum(self._lowest, self._battery(), out=self._lowest)
        if env.world.encounters is not None:
            np.minimum(self._closest, env.world.encounters.state.passing["closest"], out=self._closest)
        self._thoughts += _decided(played, self._spent)
        for (b, n), (_, decision) in played.decisions.items():
            self._fallbacks[b, n] += decision.fell_back
            self._note_asked(b, n, decision, played)

    def totals(self, b: int = 0) -> Totals:
        """The sums of world `b` so far."""
        world = self._env.world
        return Totals(
            rounds=self._rounds,
            reward=self._reward[b],
            terms=dict(zip(self._env.terms, self._terms[b].T, strict=True)),
            downlinked=self._downlinked[b],
            modes=self._modes[b],
            lowest_battery=self._lowest[b],
            alive=world.state.body["alive"][b],
            energy=self._energy[b],
            closest=self._closest[b] if world.encounters is not None else None,
            thoughts=self._thoughts[b] if self._spent else None,
            fallbacks=self._fallbacks[b] if self._spent else None,
            asked=AskedTotals(*self._asked[:, b]) if self._spent and self._asked[0].any() else None,
        )

    def _note_asked(self, b: int, n: int, decision: Decision, played: Round) -> None:
        """Count what a mind that may ask for thoughts did, and what its thoughts cost."""
        if decision.thought_asked is None or not self._spent or (b, n) in played.by_hand:
            return
        seconds, joules = (played.terms[b, n, self._env.terms.index(name)] for name in _THOUGHT[:2])
        cost = (seconds, joules) if decision.thought_asked else (0.0, 0.0)
        self._asked[:, b, n] += (1, decision.thought_asked, decision.thought_changed, *cost)

    def _battery(self) -> np.ndarray:
        power = self._env.world.state.power
        return power["energy"] / power["capacity"]


def _decided(played: Round, spent: Sequence[int]) -> np.ndarray:
    """Who thought about a decision (B, N); what is thought beside the decisions is none."""
    found = np.any(played.terms[..., spent] > 0.0, axis=-1)
    thought = None if played.policy is None else played.policy.thought
    if thought is not None and thought.aside is not None:
        found = found & ((thought.prompt_tokens > 0) | (thought.output_tokens > 0))
    return np.asarray(found)


class Earned(Watcher):
    """The reward of all worlds, and the processor seconds since the episode began."""

    def start(self, env: BatchEnv) -> None:
        self.reward, self.cpu_s, self._began = 0.0, 0.0, time.process_time()

    def after(self, env: BatchEnv, played: Round) -> None:
        self.reward += float(played.reward.sum())
        self.cpu_s = time.process_time() - self._began


class Film(Watcher):
    """Records world 0 into `folder`, or in memory, with every thought of its first `minds` satellites.

    By default those of all in a fleet of at most `TALKING`, else of the first.
    """

    def __init__(self, folder: Path | None, meta: Mapping[str, Any], minds: int | None = None) -> None:
        self._folder, self._meta, self._minds = folder, meta, minds
        self._recorder: Recorder | None = None
        self._decided: np.ndarray | None = None

    def start(self, env: BatchEnv) -> None:
        if self._minds is None:
            self._minds = env.satellites if env.satellites <= TALKING else 1
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
        self._scene, self._marks = scene_of(env.world), marks_of(env.world)

    def after(self, env: BatchEnv, played: Round) -> None:
        assert self._recorder is not None  # made in `start`
        assert self._minds is not None
        decided = {"action": played.actions[0], "mask": played.mask[0], "reward": played.reward[0]}
        decided |= _thought_of(env, played)
        self._recorder.append(**self._scene, **activity_of(env.world), **decided)
        for event in events_of(env.world, self._marks):
            self._recorder.event(*event)
        for one in played.replaced:
            if one.world == 0:
                text = json.dumps(one.told(env.actions))
                self._recorder.event(one.time_s, one.satellite, one.kind, text=text)
        self._note_reasons(env, played)
        for n in range(min(self._minds, env.satellites)):
            if (0, n) in played.decisions:
                joules = decided["thought_j"][n]
                text = json.dumps(said_of(env, *played.decisions[0, n]))
                self._recorder.event(self._scene["time"], n, "thought", value=joules, text=text)

    def _note_reasons(self, env: BatchEnv, played: Round) -> None:
        """Why those decided who decided otherwise than before, where a policy says why."""
        policy, actions = played.policy, played.actions[0]
        if policy is None or not (policy.reasons or policy.odds is not None):
            return
        changed = actions != self._decided if self._decided is not None else np.ones(len(actions), bool)
        for b, n in played.by_hand:  # those are not the policy's reasons
            changed[n] &= b != 0
        for n in np.flatnonzero(changed[: self._minds]).tolist():
            content: dict[str, Any] = {"decision": env.actions[actions[n]]}
            content["because"] = because_of(policy, 0, n)
            if policy.odds is not None:
                content["odds"] = odds_of(policy.odds[0, n], env.actions)
            assert self._recorder is not None
            self._recorder.event(self._scene["time"], int(n), "reason", text=json.dumps(content))
        self._decided = actions.copy()

    def note(self, satellite: int, kind: str, content: Mapping[str, Any]) -> None:
        """Note what happened to a satellite as the round began."""
        assert self._recorder is not None  # made in `start`
        self._recorder.event(self._scene["time"], satellite, kind, text=json.dumps(content))

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()

    @property
    def recording(self) -> Recording:
        """What was recorded so far."""
        assert self._recorder is not None  # made in `start`
        return self._recorder.recording


def _thought_of(env: BatchEnv, played: Round) -> dict[str, np.ndarray]:
    """The variables that say what was thought in world 0; none where thought is not charged."""
    if "thought_s" not in env.terms:
        return {}
    probability = np.full(env.satellites, np.nan, np.float32)
    for (b, n), (_, decision) in played.decisions.items():
        if b == 0 and decision.probabilities is not None:
            probability[n] = decision.probabilities[played.actions[0, n]]
    terms = {name: played.terms[0, :, env.terms.index(name)] for name in _THOUGHT}
    counts = {name: terms[name].astype(np.int32) for name in _SPENT}
    return terms | counts | {"probability": probability}


def because_of(policy: Policy, b: int, n: int) -> dict[str, float]:
    """The numbers that decided for satellite n of world b, to four digits."""
    return {name: float(f"{value:.4g}") for name, value in policy.explain(b, n).items()}


def odds_of(probabilities: np.ndarray, actions: Sequence[str]) -> dict[str, float]:
    """The likelier decisions by name, of probabilities (A,)."""
    likely = np.flatnonzero(probabilities >= SHOWN_ODDS)
    return {actions[a]: round(float(probabilities[a]), 3) for a in likely.tolist()}


def said_of(env: BatchEnv, request: Request, decision: Decision) -> dict[str, Any]:
    """What a satellite read, wrote and decided, by the names of the event "thought"."""
    content: dict[str, Any] = {
        "report": request.report,
        "reasoning": decision.reasoning,
        "answer": decision.text,
    }
    content |= {"decision": env.actions[decision.action], "finish": decision.finish}
    if decision.probabilities is not None:
        content["odds"] = odds_of(decision.probabilities, env.actions)
    content |= {"why": decision.why, "mass": None if decision.mass is None else shortened(decision.mass)}
    if decision.thought_asked:
        without = decision.without_thought
        content["thought"] = "asked for"
        content["without_thought"] = None if without is None else env.actions[without]
    if decision.thought_chance is not None:
        content["thought_chance"] = shortened(decision.thought_chance)
    return {key: value for key, value in content.items() if value not in (None, "")}


class Witness(Watcher):
    """Keeps one decision of the first satellite to show: the last of those with the most to choose from."""

    def __init__(self) -> None:
        self.shown: Shown | None = None
        self._most = 0

    def before(self, env: BatchEnv) -> None:
        self._time = float(env.world.state.clock["time"][0])

    def after(self, env: BatchEnv, played: Round) -> None:
        if (0, 0) not in played.decisions:
            return
        request, decision = played.decisions[0, 0]
        if len(request.legal) >= self._most:
            self._most = len(request.legal)
            cost = [float(played.terms[0, 0, env.terms.index(name)]) for name in _THOUGHT[:2]]
            when = env.world.scenario.epoch + timedelta(seconds=self._time)
            self.shown = Shown(env.world.fleet.names[0], when, env.actions, request, decision, *cost)


class Shown(NamedTuple):
    """A decision with its circumstances and its price."""

    satellite: str
    when: datetime
    actions: tuple[str, ...]
    request: Request
    decision: Decision
    seconds: float
    joules: float


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
