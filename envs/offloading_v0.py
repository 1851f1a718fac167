"""offloading_v0: where a job runs.

Questions come up from people and robots in cities, with a deadline, and from the satellites' own cameras.
Each round (30 s by default) every satellite decides on the job at the head of its inbox: answer it here with
a small or with a large language model, hand it over the laser mesh to a neighbour or to a training
satellite, send it raw to the ground, or let it wait or go. An answer pays when it **arrives**, by the
quality of the model, and less the longer it took; whoever works pays in energy and heat.

| Import | `from envs import offloading_v0` |
| --- | --- |
| Creation | `offloading_v0.parallel_env(scenario="relay_40")`, `offloading_v0.env()`, also `raw_env()` |
| Gymnasium | `import envs; gymnasium.make("sandbox/Offloading-v0")` for one satellite |
| Batch | `offloading_v0.batch_env(scenario="relay_40", worlds=256)` |
| Agents | `sat_0` ... `sat_{N-1}`, in the order of the scenario's fleet |
| Actions | discrete, masked |
| Action space | `Discrete(10)` |
| Observation space | `Box(-1, 1, (55,), float32)` |
| State | `Box(-1, 1, (4 + 12 * N,), float32)` |

## Observation

A flat vector; each number is mapped linearly from its range to [-1, 1] and clipped there.
`env.layout.physical(observation, name)` gives it back in its unit.

| feature | unit | low | high | in words |
| --- | --- | --- | --- | --- |
| battery | % | 0 | 100 | battery at ... % |
| temperature | degC | -40 | 80 | temperature ... degC |
| sunlight | % | 0 | 100 | ... % of the Sun visible |
| to_shadow | min | 0 | 100 | eclipse begins in ... min |
| to_sunlight | min | 0 | 60 | eclipse ends in ... min |
| latitude | deg | -90 | 90 | latitude ... deg |
| longitude | deg | -180 | 180 | longitude ... deg |
| northward | 1 | -1 | 1 | northward share of the velocity ... |
| station_seconds | s | 0 | 30 | a ground station is in view for ... s of this round |
| station_rate | Mbit/s | 0 | 1000 | it takes ... Mbit/s |
| contact_in | min | 0 | 180 | the next ground contact begins in ... min |
| contact_length | min | 0 | 20 | that contact lasts ... min |
| inbox | 1 | 0 | 32 | ... jobs to decide on |
| backlog | s | 0 | 600 | ... s of work waiting for the own boards |
| answers | 1 | 0 | 50 | ... answers waiting to be sent |
| raw | Gbit | 0 | 100 | ... Gbit waiting to be sent raw |
| large_missing | % | 0 | 100 | ... % of the large model not on board yet |
| time_left | % | 0 | 100 | ... % of the mission time left |
| job_present | 1 | 0 | 1 | job ... |
| job_camera | 1 | 0 | 1 | from the own fleet's cameras: ... |
| job_value | 1 | 0 | 10 | value ... |
| job_age | s | 0 | 3600 | ... s old |
| job_left | s | 0 | 10800 | ... s to the deadline |
| job_half_life | s | 0 | 3600 | its value halves every ... s |
| job_size | Mbit | 0 | 4000 | ... Mbit |
| job_small_s | s | 0 | 120 | the small model takes ... s |
| job_large_s | s | 0 | 120 | the large model takes ... s |
| job_small_quality | 1 | 0 | 1 | quality ... with the small model |
| job_large_quality | 1 | 0 | 1 | quality ... with the large model |
| job_ground_quality | 1 | 0 | 1 | quality ... from the ground |
| job_user_elevation | deg | -90 | 90 | its user sees us at ... deg |
| job_hops | 1 | 0 | 10 | handed over ... times |
| neighbour_k_present | 1 | 0 | 1 | neighbour ... |
| neighbour_k_delay | ms | 0 | 1000 | ... ms away with this job |
| neighbour_k_backlog | s | 0 | 600 | ... s of work there |
| neighbour_k_inbox | 1 | 0 | 32 | ... jobs undecided there |
| neighbour_k_battery | % | 0 | 100 | its battery at ... % |
| training_present | 1 | 0 | 1 | training satellite ... |
| training_delay | s | 0 | 600 | ... s until its boards are free, the way there included |
| training_large_s | s | 0 | 120 | the large model takes ... s there |

The features of `neighbour_k` stand once for each laser terminal, k from 1 to 4. `training` is the training
satellite that could start soonest.

## Actions

They are about the job at the head of the inbox.

| action | name | effect | legal |
| --- | --- | --- | --- |
| 0 | defer | to the end of the inbox | always |
| 1 | run_small | to the own boards, for the small model | a job, a board |
| 2 | run_large | to the own boards, for the large model | and that model on board |
| 3 ... 6 | neighbour_1 ... neighbour_4 | over that terminal to the neighbour's inbox | link up, room there |
| 7 | training | over the mesh to the boards of `training`, for the large model | a way there |
| 8 | ground | to be sent down raw, and answered there | a job |
| 9 | drop | gone | a job |

Boards take like jobs together. Answers for users go down as soon as the satellite or, over the mesh, another
one sees them; answers for the ground (the cameras') and raw questions use the stations' antennas, each of
which serves one satellite at a time. The bus keeps the panel to the Sun and steers antennas and terminals by
itself. The mask (int8, 1 = legal) is `info["action_mask"]`, or with `mask_in_obs=True` part of a Dict
observation. An illegal action is played as defer and counted in `info["illegal"]`.

## Rewards

| term | when | amount |
| --- | --- | --- |
| `reward_answers` | an answer has arrived | value x quality x 2^(-age / half-life), age since the birth |
| `reward_loss` | the battery ran empty, or the orbit came down | -`loss_penalty` |

An answer pays the satellite that decided who gives it. With `team_reward=True` every satellite gets the
fleet's mean. The other numbers of the info, the same keys from the reset on: `energy_j` used in the round,
`latency_s` (mean age of the answers that arrived), `answered`, `arrived` (jobs into the inbox), `handed`,
`refused` (the way was gone by then), `dropped`, `expired`, `lost` (jobs), `illegal`.

## Start and end

At the reset the batteries' charge and all jobs of the episode are drawn, so policies with the same seed meet
the same jobs. A satellite whose battery runs empty is lost with the jobs on board: it stays in `agents` with
a no-op-only mask and zero reward, or with `death="remove"` terminates and leaves. The episode terminates
when every satellite is lost, and is truncated after `max_cycles` rounds (by default the scenario's horizon).

## Arguments

| argument | default | meaning |
| --- | --- | --- |
| `scenario` | `"relay_40"` | name, YAML file, dictionary or Scenario; its `requests` do not count |
| `max_cycles` | None | rounds in an episode; None: the scenario's horizon |
| `loss_penalty` | 50.0 | price of a lost satellite |
| `team_reward` | False | everyone gets the mean of the fleet |
| `mask_in_obs` | False | observation is `{"observation": ..., "action_mask": ...}` |
| `death` | `"noop"` | `"remove"`: lost satellites leave `agents` |
| `worlds`, `threads` | 1, 1 | batch face only |

## Version history

* v0: first version.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.batch import BatchEnv, horizon_of
from envs.faces import make_faces
from envs.features import Feature, Layout
from envs.parallel import ParallelFace
from envs.problem import Deliberated, Problem
from sandbox.compiled import kernel
from sandbox.geometry import unit
from sandbox.job_world import JobWorld
from sandbox.jobs import ANSWERS, INBOX, LARGE, RAW, SMALL
from sandbox.lasers import TERMINALS, carries
from sandbox.links import SEARCH_HORIZON_S
from sandbox.orbits.ephemeris import sun_position
from sandbox.routing import hop_seconds
from sandbox.scenario import Scenario, load_scenario
from sandbox.service import DECISIONS, DEFER, allowed, sight
from sandbox.state import CHARGE, NONE
from sandbox.units import KELVIN

POWER_TOPIC, PLACE_TOPIC, GROUND_TOPIC, WORK_TOPIC = "Power and heat", "Place", "Ground", "Work"
JOB_TOPIC, TRAINING_TOPIC = "Job", "Training satellite"
CONTACT_MIN = SEARCH_HORIZON_S / 60
OWN = (
    Feature("battery", "%", 0, 100, "battery at {:.0f} %", POWER_TOPIC, warn_below=25),
    Feature("temperature", "degC", -40, 80, "temperature {:.0f} degC", POWER_TOPIC, warn_above=45),
    Feature("sunlight", "%", 0, 100, "{:.0f} % of the Sun visible", POWER_TOPIC),
    Feature("to_shadow", "min", 0, 100, "eclipse begins in {:.0f} min", POWER_TOPIC, silent_at=0),
    Feature("to_sunlight", "min", 0, 60, "eclipse ends in {:.0f} min", POWER_TOPIC, silent_at=0),
    Feature("latitude", "deg", -90, 90, "latitude {:.0f} deg", PLACE_TOPIC),
    Feature("longitude", "deg", -180, 180, "longitude {:.0f} deg", PLACE_TOPIC),
    Feature("northward", "1", -1, 1, "northward share of the velocity {:.2f}", PLACE_TOPIC),
    Feature("station_seconds", "s", 0, 300, "a ground station is in view for {:.0f} s of this round",
            GROUND_TOPIC, silent_at=0),
    Feature("station_rate", "Mbit/s", 0, 1000, "it takes {:.0f} Mbit/s", GROUND_TOPIC, silent_at=0),
    Feature("contact_in", "min", 0, CONTACT_MIN, "the next ground contact begins in {:.0f} min",
            GROUND_TOPIC, silent_at=CONTACT_MIN),
    Feature("contact_length", "min", 0, 20, "that contact lasts {:.0f} min", GROUND_TOPIC, silent_at=0),
    Feature("inbox", "1", 0, 32, "{:.0f} jobs to decide on", WORK_TOPIC),
    Feature("backlog", "s", 0, 600, "{:.0f} s of work waiting for the own boards", WORK_TOPIC),
    Feature("answers", "1", 0, 50, "{:.0f} answers waiting to be sent", WORK_TOPIC, silent_at=0),
    Feature("raw", "Gbit", 0, 100, "{:.0f} Gbit waiting to be sent raw", WORK_TOPIC, silent_at=0),
    Feature("large_missing", "%", 0, 100, "{:.0f} % of the large model not on board yet", WORK_TOPIC,
            silent_at=0),
    Feature("time_left", "%", 0, 100, "{:.0f} % of the mission time left", PLACE_TOPIC),
)  # fmt: skip
JOB_FEATURES = (
    Feature("job_present", "1", 0, 1, "job {:.0f}", JOB_TOPIC, gate=True),
    Feature("job_camera", "1", 0, 1, "from the own fleet's cameras: {:.0f}", JOB_TOPIC),
    Feature("job_value", "1", 0, 10, "value {:.1f}", JOB_TOPIC),
    Feature("job_age", "s", 0, 3600, "{:.0f} s old", JOB_TOPIC),
    Feature("job_left", "s", 0, 10_800, "{:.0f} s to the deadline", JOB_TOPIC),
    Feature("job_half_life", "s", 0, 3600, "its value halves every {:.0f} s", JOB_TOPIC),
    Feature("job_size", "Mbit", 0, 4000, "{:.1f} Mbit", JOB_TOPIC),
    Feature("job_small_s", "s", 0, 120, "the small model takes {:.1f} s", JOB_TOPIC),
    Feature("job_large_s", "s", 0, 120, "the large model takes {:.1f} s", JOB_TOPIC),
    Feature("job_small_quality", "1", 0, 1, "quality {:.2f} with the small model", JOB_TOPIC),
    Feature("job_large_quality", "1", 0, 1, "quality {:.2f} with the large model", JOB_TOPIC),
    Feature("job_ground_quality", "1", 0, 1, "quality {:.2f} from the ground", JOB_TOPIC),
    Feature("job_user_elevation", "deg", -90, 90, "its user sees us at {:.0f} deg", JOB_TOPIC, silent_at=-90),
    Feature("job_hops", "1", 0, 10, "handed over {:.0f} times", JOB_TOPIC, silent_at=0),
)
NEIGHBOUR_FEATURES = (
    Feature("present", "1", 0, 1, "neighbour {:.0f}", gate=True),
    Feature("delay", "ms", 0, 1000, "{:.0f} ms away with this job"),
    Feature("backlog", "s", 0, 600, "{:.0f} s of work there"),
    Feature("inbox", "1", 0, 32, "{:.0f} jobs undecided there"),
    Feature("battery", "%", 0, 100, "its battery at {:.0f} %"),
)
TRAINING_FEATURES = (
    Feature("training_present", "1", 0, 1, "training satellite {:.0f}", TRAINING_TOPIC, gate=True),
    Feature("training_delay", "s", 0, 600, "{:.1f} s until its boards are free, the way there included",
            TRAINING_TOPIC),
    Feature("training_large_s", "s", 0, 120, "the large model takes {:.1f} s there", TRAINING_TOPIC),
)  # fmt: skip
BRIEFING = (
    "You are the onboard mind of a computing satellite that belongs to a constellation linked by lasers. "
    "Every {:g} s you decide what becomes of the first job in your inbox: a question from a person or a "
    "robot on the ground, or an image from a camera. An answer pays its value, times its quality, when it "
    "has arrived, less the longer it took, and nothing after its deadline. The large model answers better "
    "and takes longer; whoever works pays in energy and heat. The battery must never run empty."
)
PHRASES = (
    "put the job behind the others and decide later",
    "answer it here with the small model",
    "answer it here with the large model",
    *(f"hand it to neighbour {k}" for k in range(1, TERMINALS + 1)),
    "hand it to the training satellite",
    "send it raw to the ground, to be answered there",
    "give it up",
)
# Where each stands in a row: in the order of the declarations above, which a test holds them to.
(
    BATTERY,
    TEMPERATURE,
    SUNLIGHT,
    TO_SHADOW,
    TO_SUNLIGHT,
    LATITUDE,
    LONGITUDE,
    NORTHWARD,
    STATION_SECONDS,
    STATION_RATE,
    CONTACT_IN,
    CONTACT_LENGTH,
    INBOX_COUNT,
    BACKLOG,
    ANSWER_COUNT,
    RAW_GBIT,
    LARGE_MISSING,
    TIME_LEFT,
) = range(len(OWN))
JOB_BASE, JOB_SIZE = len(OWN), len(JOB_FEATURES)
(
    PRESENT,
    CAMERA,
    VALUE,
    AGE,
    LEFT,
    HALF_LIFE,
    SIZE,
    SMALL_S,
    LARGE_S,
    SMALL_QUALITY,
    LARGE_QUALITY,
    GROUND_QUALITY,
    USER_ELEVATION,
    HOPS,
) = range(JOB_BASE, JOB_BASE + JOB_SIZE)
NEIGHBOUR_BASE, NEIGHBOUR_SIZE = JOB_BASE + JOB_SIZE, len(NEIGHBOUR_FEATURES)
TRAINING_BASE = NEIGHBOUR_BASE + TERMINALS * NEIGHBOUR_SIZE
UNSEEN = -90.0

TERMS = (
    "reward_answers",
    "reward_loss",
    "energy_j",
    "latency_s",
    "answered",
    "arrived",
    "handed",
    "refused",
    "dropped",
    "expired",
    "lost",
    "illegal",
)
GLOBAL_SIZE, SATELLITE_SIZE = 4, 12


def layout(scenario: Scenario) -> Layout:
    """The features of an observation; values, deadlines, sizes and inboxes range as in the scenario."""
    kinds = scenario.job_kinds
    tops = {
        "station_seconds": scenario.round_s,
        "inbox": float(scenario.jobs.places),
        "job_value": max((kind.value[1] for kind in kinds), default=0.0) or 1.0,
        "job_left": max((kind.deadline_s for kind in kinds), default=1.0),
        "job_half_life": max((kind.half_life_s for kind in kinds), default=1.0),
        "job_size": max((kind.raw_mbit for kind in kinds), default=1.0),
    }

    def fit(feature: Feature) -> Feature:
        return replace(feature, high=tops.get(feature.name, feature.high))

    neighbours = [
        replace(fit(feature), name=f"neighbour_{k}_{feature.name}", topic=f"Neighbour {k}")
        for k in range(1, TERMINALS + 1)
        for feature in NEIGHBOUR_FEATURES
    ]
    return Layout([*map(fit, OWN), *map(fit, JOB_FEATURES), *neighbours, *TRAINING_FEATURES])


class Offloading(Problem):
    """The problem over a world; see the module's page."""

    name = "offloading_v0"
    terms = TERMS
    actions = DECISIONS
    phrases = PHRASES
    world: JobWorld

    def __init__(self, world: JobWorld, *, loss_penalty: float = 50.0, team_reward: bool = False) -> None:
        self.world, self.loss_penalty, self.team_reward = world, float(loss_penalty), bool(team_reward)
        self._illegal = np.zeros((world.worlds, world.satellites), np.int32)
        self.layout = layout(world.scenario)
        self.briefing = BRIEFING.format(world.scenario.round_s)

    def advance(
        self, actions: NDArray[np.int32], mask: NDArray[np.int8], thinking: Deliberated | None = None
    ) -> None:
        timing = None
        if thinking is not None:  # there is no standing order for a job: until it is thought out, it waits
            timing = thinking.timing.copy()
            timing["command"] = CHARGE
        decision = np.empty_like(actions)
        decode(actions, mask, decision, self._illegal)
        self.world.serve(decision, thinking=timing)

    def identities(self) -> NDArray[np.int64]:
        head = self.world.work.queues["head"][..., INBOX].astype(np.int64)
        count = len(self.actions)
        named = np.where(head[..., None] == NONE, NONE, 1 + head[..., None] * count + np.arange(count))
        named[..., DEFER] = 0
        return named

    def report(self, observation: NDArray, mask: NDArray, reward: NDArray, terms: NDArray) -> None:
        layout, world = self.layout, self.world
        world.share(observe_worlds, *world.desks, layout.low, layout.high, world.horizon_s, observation, mask,
                    self._illegal, self.loss_penalty, self.team_reward, reward, terms)  # fmt: skip

    def global_state(self, b: int) -> NDArray[np.float32]:
        out = np.empty(self.state_size, np.float32)
        world = self.world
        write_global_state(world.state, world.constants, world.work, world.terms, b, world.horizon_s, out)
        return out

    @property
    def state_size(self) -> int:
        return GLOBAL_SIZE + SATELLITE_SIZE * self.world.satellites


@kernel
def decode(actions, mask, decision, illegal):
    """Write what the world is told for actions (B, N), and which of them the mask (B, N, A) forbids."""
    for b in range(actions.shape[0]):
        for n in range(actions.shape[1]):
            illegal[b, n] = mask[b, n, actions[b, n]] == 0
            decision[b, n] = DEFER if illegal[b, n] else actions[b, n]


@kernel
def observe_worlds(
    state, constants, which, work, terms, sketch, low, high, horizon, observation, mask, illegal,
    loss_penalty, team, reward, out,
):  # fmt: skip
    """Observations, masks, rewards and terms of the worlds listed in `which`."""
    for b in which:
        now = state.clock[b].time
        left = 1.0 - (now - state.clock[b].start) / horizon
        for n in range(observation.shape[1]):
            row = observation[b, n]
            _tell_body(state.power[b, n], state.body[b, n], state.outlook[b, n], row)
            row[NORTHWARD] = _northward(state.orbit.velocity[b, n])
            _tell_ground(state.outlook[b, n], state.contacts.plan[b, n], now, row)
            tell_work(work, terms, b, n, row)
            row[TIME_LEFT] = 100.0 * left
            tell_job(work, terms, sketch, now, b, n, row)
            for k in range(TERMINALS):
                _tell_neighbour(state, work, terms, now, b, n, k, row)
            tell_training(work, terms, sketch, b, n, row)
            for i in range(row.shape[0]):
                share = (row[i] - low[i]) / (high[i] - low[i])
                row[i] = min(1.0, max(-1.0, 2.0 * share - 1.0))
            has_job = state.body[b, n].alive and work.queues[b, n, INBOX].head != NONE
            mask[b, n, DEFER] = 1
            for a in range(DEFER + 1, mask.shape[2]):
                mask[b, n, a] = has_job and allowed(state, work, terms, sketch, a, now, b, n)
        _judge(state.activity[b], work.desks[b], illegal[b], loss_penalty, team, reward[b], out[b])


@kernel
def _tell_body(power, body, outlook, row):
    row[BATTERY] = 100.0 * power.energy / power.capacity
    row[TEMPERATURE] = body.temperature - KELVIN
    lit, wait = outlook.sunlight, min(outlook.shadow / 60.0, 1e6)
    row[SUNLIGHT] = 100.0 * lit
    row[TO_SHADOW] = wait if lit > 0.0 else 0.0
    row[TO_SUNLIGHT] = 0.0 if lit > 0.0 else wait
    row[LATITUDE] = math.degrees(outlook.latitude)
    row[LONGITUDE] = math.degrees(outlook.longitude)


@kernel
def _northward(velocity):
    return unit(velocity[0], velocity[1], velocity[2])[2]


@kernel
def _tell_ground(outlook, plan, now, row):
    row[STATION_SECONDS] = outlook.visible_to - outlook.visible_from
    row[STATION_RATE] = 1e-6 * outlook.rate
    row[CONTACT_IN] = CONTACT_MIN
    row[CONTACT_LENGTH] = 0.0
    if plan.station != NONE:
        begin = max(now, plan.start)
        row[CONTACT_IN] = (begin - now) / 60.0
        row[CONTACT_LENGTH] = (plan.end - begin) / 60.0


@kernel
def tell_work(work, terms, b, n, row):
    desk, host = work.desks[b, n], terms.hosts[n]
    row[INBOX_COUNT] = work.queues[b, n, INBOX].count
    row[BACKLOG] = min(desk.backlog, 1e6)
    row[ANSWER_COUNT] = work.queues[b, n, ANSWERS].count
    bits, j = 0.0, work.queues[b, n, RAW].head
    while j != NONE:
        bits += work.book[b, j].bits
        j = work.book[b, j].next
    row[RAW_GBIT] = 1e-9 * bits
    row[LARGE_MISSING] = 100.0 * desk.missing / host.large_bits if host.large_bits > 0.0 else 0.0


@kernel
def tell_job(work, terms, sketch, now, b, n, row):
    j = work.queues[b, n, INBOX].head
    if j == NONE:
        for i in range(JOB_BASE, JOB_BASE + JOB_SIZE):
            row[i] = 0.0
        row[USER_ELEVATION] = UNSEEN
        return
    job = work.book[b, j]
    kind = terms.kinds[job.kind]
    row[PRESENT] = 1.0
    row[CAMERA] = job.source != NONE
    row[VALUE] = job.value
    row[AGE] = now - job.release
    row[LEFT] = job.deadline - now
    row[HALF_LIFE] = kind.half_life
    row[SIZE] = 1e-6 * job.bits
    row[SMALL_S] = min(terms.alone[n, SMALL, job.kind], 1e6)
    row[LARGE_S] = min(terms.alone[n, LARGE, job.kind], 1e6)
    row[SMALL_QUALITY] = kind.quality[0]
    row[LARGE_QUALITY] = kind.quality[1]
    row[GROUND_QUALITY] = kind.quality[2]
    row[USER_ELEVATION] = UNSEEN
    if job.source == NONE:
        sine, _ = sight(sketch.itrs[b, n], job)
        row[USER_ELEVATION] = math.degrees(math.asin(sine)) if sine > 0.0 else UNSEEN
    row[HOPS] = job.hops


@kernel
def _tell_neighbour(state, work, terms, now, b, n, k, row):
    base = NEIGHBOUR_BASE + k * NEIGHBOUR_SIZE
    links = work.links[b]
    if not carries(links, terms.lasers, n, k, now):
        for i in range(base, base + NEIGHBOUR_SIZE):
            row[i] = 0.0
        return
    peer, j = links[n, k].peer, work.queues[b, n, INBOX].head
    bits = work.book[b, j].bits if j != NONE else 0.0
    row[base] = 1.0
    row[base + 1] = 1e3 * hop_seconds(links, terms.lasers, n, k, bits)
    row[base + 2] = min(work.desks[b, peer].backlog, 1e6)
    row[base + 3] = work.queues[b, peer, INBOX].count
    row[base + 4] = 100.0 * state.power[b, peer].energy / state.power[b, peer].capacity


@kernel
def tell_training(work, terms, sketch, b, n, row):
    goal, j = sketch.training.goal[b, n], work.queues[b, n, INBOX].head
    if goal in (NONE, n):
        row[TRAINING_BASE] = row[TRAINING_BASE + 1] = row[TRAINING_BASE + 2] = 0.0
        return
    row[TRAINING_BASE] = 1.0
    row[TRAINING_BASE + 1] = sketch.training.seconds[b, n]
    row[TRAINING_BASE + 2] = terms.alone[goal, LARGE, work.book[b, j].kind] if j != NONE else 0.0


@kernel
def _judge(did, desks, illegal, loss_penalty, team, reward, terms):
    """Rewards (N,) and terms (N, I) of the last round."""
    total = 0.0
    for n in range(reward.shape[0]):
        row, desk = terms[n], desks[n]
        row[0] = desk.value
        row[1] = -loss_penalty if did[n].died else 0.0
        row[2] = did[n].consumed
        row[3] = desk.latency / max(1, desk.answered)
        row[4] = desk.answered
        row[5] = desk.arrived
        row[6] = desk.handed
        row[7] = desk.refused
        row[8] = desk.dropped
        row[9] = desk.expired
        row[10] = desk.lost
        row[11] = illegal[n]
        reward[n] = row[0] + row[1]
        total += row[0] + row[1]
    if team:
        for n in range(reward.shape[0]):
            reward[n] = total / reward.shape[0]


@kernel
def write_global_state(state, constants, work, terms, b, horizon, out):
    """Time left, Sun; per satellite position, velocity, battery, temperature, inbox, backlog, answers,
    alive."""
    now = state.clock[b].time
    sun = sun_position(constants.ephemeris, now)
    s = unit(sun[0], sun[1], sun[2])
    out[0] = 1.0 - 2.0 * (now - state.clock[b].start) / horizon
    out[1], out[2], out[3] = s
    for n in range(state.body.shape[1]):
        row = out[GLOBAL_SIZE + n * SATELLITE_SIZE : GLOBAL_SIZE + (n + 1) * SATELLITE_SIZE]
        for i in range(3):
            row[i] = state.orbit.position[b, n, i] / 1e7
            row[3 + i] = state.orbit.velocity[b, n, i] / 1e4
        row[6] = 2.0 * state.power[b, n].energy / state.power[b, n].capacity - 1.0
        row[7] = (state.body[b, n].temperature - KELVIN) / 100.0
        row[8] = 2.0 * work.queues[b, n, INBOX].count / terms.places - 1.0
        row[9] = min(work.desks[b, n].backlog, 1e6) / 300.0 - 1.0
        row[10] = work.queues[b, n, ANSWERS].count / 25.0 - 1.0
        row[11] = 1.0 if state.body[b, n].alive else -1.0
    for i in range(out.shape[0]):
        out[i] = min(np.float32(1.0), max(np.float32(-1.0), out[i]))


def batch_env(
    scenario: Any = "relay_40",
    worlds: int = 1,
    *,
    max_cycles: int | None = None,
    loss_penalty: float = 50.0,
    team_reward: bool = False,
    autoreset: bool = True,
    threads: int = 1,
) -> BatchEnv:
    """B worlds at once, arrays in and arrays out; see `BatchEnv` and the module's page."""
    nothing_to_image = {"requests.initial": 0, "requests.per_hour": 0.0, "requests.sites": ()}
    scenario = load_scenario(scenario, nothing_to_image)
    world = JobWorld(scenario, worlds, shown=1, horizon_s=horizon_of(scenario, max_cycles), threads=threads)
    return BatchEnv(
        Offloading(world, loss_penalty=loss_penalty, team_reward=team_reward), autoreset=autoreset
    )


def parallel_env(
    scenario: Any = "relay_40",
    *,
    max_cycles: int | None = None,
    loss_penalty: float = 50.0,
    team_reward: bool = False,
    mask_in_obs: bool = False,
    death: str = "noop",
    render_mode: str | None = None,
) -> ParallelFace:
    """PettingZoo's parallel environment; arguments on the module's page."""
    batch = batch_env(
        scenario,
        max_cycles=max_cycles,
        loss_penalty=loss_penalty,
        team_reward=team_reward,
        autoreset=False,
    )
    return ParallelFace(batch, mask_in_obs=mask_in_obs, death=death, render_mode=render_mode)


raw_env, env, satellite_env, vector_env = make_faces(batch_env, parallel_env)
