"""autonomy_v0: the whole decision.

A constellation images the Earth, answers questions from the ground on its own boards, and keeps clear of
debris, all at once and out of one battery. Each round (30 s by default) every satellite may change **one**
thing: what it points at, how the jobs in its inbox are served, or its orbit; all other orders stand. They
pull against each other: a burn spoils the image and costs fuel; inference drains the battery that the next
eclipse needs and heats the board; a satellite that turns far to image or to charge takes its laser terminals
with it; jobs and images share the antennas of the stations. With `disaster_response` a flood and an
earthquake open urgent requests and questions, and silence stations; things break (`sandbox.faults`).

| Import | `from envs import autonomy_v0` |
| --- | --- |
| Creation | `autonomy_v0.parallel_env(scenario="disaster_response")`, `autonomy_v0.env()`, also `raw_env()` |
| Gymnasium | `import envs; gymnasium.make("sandbox/Autonomy-v0")` for one satellite |
| Batch | `autonomy_v0.batch_env(scenario="disaster_response", worlds=256)` |
| Agents | `sat_0` ... `sat_{N-1}`, in the order of the scenario's fleet |
| Actions | discrete, masked; by option `MultiDiscrete`, or with a message |
| Action space | `Discrete(20 + candidates)` |
| Observation space | `Box(-1, 1, (88 + 10 * candidates + 6 * warned + 4 * message_size,), float32)` |
| State | `Box(-1, 1, (4 + 16 * N,), float32)` |

## Observation

A flat vector; each number is mapped linearly from its range to [-1, 1] and clipped there.
`env.layout.physical(observation, name)` gives it back in its unit. Low and high are those of
`disaster_response`.

| feature | unit | low | high | in words |
| --- | --- | --- | --- | --- |
| battery | % | 0 | 100 | battery at ... % |
| temperature | degC | -40 | 80 | temperature ... degC |
| store | % | 0 | 100 | image store ... % full |
| stored | Gbit | 0 | 320 | ... Gbit to send |
| images | 1 | 0 | 100 | ... images waiting for downlink |
| oldest_image | min | 0 | 720 | the oldest image is ... min old |
| sunlight | % | 0 | 100 | ... % of the Sun visible |
| to_shadow | min | 0 | 100 | eclipse begins in ... min |
| to_sunlight | min | 0 | 60 | eclipse ends in ... min |
| panel_cosine | 1 | -1 | 1 | cosine of the Sun's incidence on the panel ... |
| slew_to_sun | s | 0 | 180 | ... s to turn the panel to the Sun |
| latitude | deg | -90 | 90 | latitude ... deg |
| longitude | deg | -180 | 180 | longitude ... deg |
| northward | 1 | -1 | 1 | northward share of the velocity ... |
| station_seconds | s | 0 | 30 | a ground station is in view for ... s of this round |
| station_elevation | deg | 0 | 90 | its view of us is at ... deg elevation |
| station_rate | Mbit/s | 0 | 1000 | it takes ... Mbit/s |
| station_rivals | 1 | 0 | 20 | ... other satellites have that station in view |
| contact_in | min | 0 | 180 | the next ground contact begins in ... min |
| contact_length | min | 0 | 20 | that contact lasts ... min |
| time_left | % | 0 | 100 | ... % of the mission time left |
| inbox | 1 | 0 | 32 | ... jobs to decide on |
| backlog | s | 0 | 600 | ... s of work waiting for the own boards |
| answers | 1 | 0 | 50 | ... answers waiting to be sent |
| raw | Gbit | 0 | 100 | ... Gbit waiting to be sent raw |
| large_missing | % | 0 | 100 | ... % of the large model not on board yet |
| fuel | % | 0 | 100 | fuel for burns at ... % |
| offset | km | -50 | 50 | ... km ahead of the slot |
| drift | km/d | -50 | 50 | drifting ahead by ... km a day |
| warnings | 1 | 0 | 10 | ... warnings |
| order_idle | 1 | 0 | 1 | keep the camera to nadir |
| order_charge | 1 | 0 | 1 | turn the panel to the Sun |
| order_downlink | 1 | 0 | 1 | send to the ground station in view: answers, raw questions, then images |
| order_observe | 1 | 0 | 1 | image a request |
| order_defer | 1 | 0 | 1 | let every job wait |
| order_run_small | 1 | 0 | 1 | answer every job here with the small model |
| order_run_large | 1 | 0 | 1 | answer every job here with the large model |
| order_neighbour_1 | 1 | 0 | 1 | hand every job to neighbour 1 |
| order_neighbour_2 | 1 | 0 | 1 | hand every job to neighbour 2 |
| order_neighbour_3 | 1 | 0 | 1 | hand every job to neighbour 3 |
| order_neighbour_4 | 1 | 0 | 1 | hand every job to neighbour 4 |
| order_training | 1 | 0 | 1 | hand every job to the training satellite |
| order_ground | 1 | 0 | 1 | send every job raw to the ground, to be answered there |
| order_drop | 1 | 0 | 1 | give every job up |
| safe_mode | 1 | 0 | 1 | in safe mode |
| board_reset | s | 0 | 600 | the boards are back in ... s |
| weights_fault | 1 | 0 | 1 | the model's weights are corrupted |
| request_k_present | 1 | 0 | 1 | request ... |
| request_k_value | 1 | 0 | 40 | value ... |
| request_k_cloud | % | 0 | 100 | cloud probability ... % |
| request_k_off_nadir | deg | 0 | 65 | off nadir ... deg |
| request_k_slew | s | 0 | 120 | ... s to turn there |
| request_k_capture_in | s | 0 | 180 | the shutter can open in ... s |
| request_k_window | s | 0 | 600 | in reach for ... s |
| request_k_deadline | min | 0 | 720 | deadline in ... min |
| request_k_rivals | 1 | 0 | 20 | ... other satellites can take it too |
| request_k_earlier | 1 | 0 | 20 | ... of them would be first |
| job_present | 1 | 0 | 1 | job ... |
| job_camera | 1 | 0 | 1 | from the own fleet's cameras: ... |
| job_value | 1 | 0 | 20 | value ... |
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
| neighbour_k_age | s | 0 | 3600 | heard ... s ago |
| training_present | 1 | 0 | 1 | training satellite ... |
| training_delay | s | 0 | 600 | ... s until its boards are free, the way there included |
| training_large_s | s | 0 | 120 | the large model takes ... s there |
| warning_k_present | 1 | 0 | 1 | warning ... |
| warning_k_time | h | 0 | 12 | closest approach in ... h |
| warning_k_miss | m | 0 | 3000 | estimated miss ... m |
| warning_k_sigma | m | 0 | 3000 | known to ... m |
| warning_k_risk | 1 | -10 | 0 | decimal logarithm of the collision probability ... |
| warning_k_age | h | 0 | 12 | issued ... h ago |

The features of `request_k` stand once for each candidate, those of `neighbour_k` for each laser terminal,
from 1 to 4, those of `warning_k` for each of the warnings, the gravest first. `job` is the head of the inbox.

All of it is known on board. Battery and temperature are as the sensors give them. Of a neighbour a satellite
knows what its beacon said, a round ago at least: `age` says how long ago; where the link is gone the last one
heard stands. A station that is out of service is still in the contact plan: who points there is denied.
Corrupted weights show only once a scrub has found them; until then answers are worth nothing, and a mind on
that board says something at random.

## Actions

| action | name | effect | legal |
| --- | --- | --- | --- |
| 0 | keep | all orders stand | always |
| 1 | idle | camera to nadir | it is not so ordered already |
| 2 | charge | panel to the Sun | likewise |
| 3 | downlink | to the station in view: answers, raw questions, images | a station, something to send |
| 4 ... | observe_1 ... observe_K | turn, settle, image request k | it exists, and there is room for it |
| 4 + K | defer | every job in the inbox waits, from now on | it is not so ordered already |
| 5 + K | run_small | every job runs here, with the small model | likewise, and boards are there |
| 6 + K | run_large | every job runs here, with the large model | likewise |
| 7 + K ... | neighbour_1 ... neighbour_4 | every job goes over that terminal | likewise, and its link is up |
| 11 + K | training | every job goes to the training satellite | likewise, and there is a way |
| 12 + K | ground | every job goes down raw | it is not so ordered already |
| 13 + K | drop | every job is given up | likewise |
| 14 + K ... | forward_small, forward_large | a burn, as in `avoidance_v0` | there is fuel for it |
| 16 + K ... | backward_small, backward_large | likewise | likewise |
| 18 + K | return | likewise | 100 m out of the slot or drifting, with fuel |
| 19 + K | reload | load the models' weights anew, which takes all boards | boards that are up |

An order to observe stands until its image is taken or the request is no longer shown, one to send while
there is a station and something to send; then the panel is turned to the Sun. At the reset the panels face
the Sun and jobs wait. A round in which a satellite burns is flown with the camera at nadir, which is how its
thrusters are aligned. In safe mode (battery low, board too hot, or after some resets) a satellite faces the
Sun, serves no job and obeys nothing.

The mask (int8, 1 = legal) is `info["action_mask"]`, or with `mask_in_obs=True` part of a Dict observation. An
illegal action changes nothing and is counted in `info["illegal"]`. With `multi_discrete=True` pointing, queue
and burn are changed at once (`envs.joint`). With `message_size=M` a vector of M numbers may go to the
neighbours with an action, its bits paid (`envs.messaging`; over the batch, `env.problem.say`); in words, a
line of 4 M characters (`envs.language`).

## Rewards

| term | when | amount |
| --- | --- | --- |
| `reward_delivery` | an image has arrived whole | value x 2^(-age / half-life), age from capture to arrival |
| `reward_answers` | an answer has arrived | value x quality x 2^(-age / half-life), age since the question |
| `reward_fuel` | a burn | -`fuel_price` x m/s |
| `reward_slot` | each round further than `slot_km` from the slot | -`slot_price` x round / day |
| `reward_loss` | a collision, an empty battery, an orbit that came down | -`loss_penalty` |

With `team_reward=True` every satellite gets the fleet's mean. The other numbers of the info, the same keys
from the reset on: `energy_j`, `latency_s` (mean age of the images that arrived), `delivered`, `captured`,
`cloudy`, `duplicate`, `denied`, `answer_s` (mean age of the answers that arrived), `answered`, `arrived`
(jobs into the inbox), `handed`, `refused`, `dropped`, `expired`, `lost` (jobs), `burned_m_s`, `collided`,
`closest_m`, `out_of_slot`, `safe_mode`, `illegal`.

## Start and end

At the reset the batteries' charge, requests, jobs, events, encounters and the key of the faults are drawn, so
policies with the same seed meet the same of each. A lost satellite stays in `agents` with a no-op-only mask
and zero reward, or with `death="remove"` terminates and leaves. The episode terminates when every satellite
is lost, and is truncated after `max_cycles` rounds (by default the scenario's horizon).

## Arguments

| argument | default | meaning |
| --- | --- | --- |
| `scenario` | `"disaster_response"` | name, YAML file, dictionary or Scenario; SGP4 cannot fly it |
| `max_cycles` | None | rounds in an episode; None: the scenario's horizon |
| `candidates` | 4 | K, the requests shown |
| `warned` | 2 | W, the warnings shown |
| `message_size` | 0 | M, numbers in a message; 0: no channel |
| `multi_discrete` | False | three orders at once |
| `fuel_price` | 2.0 | price of a metre per second |
| `slot_price` | 10.0 | price of a day out of the slot |
| `loss_penalty` | 50.0 | price of a lost satellite |
| `team_reward` | False | everyone gets the mean of the fleet |
| `mask_in_obs` | False | observation is `{"observation": ..., "action_mask": ...}` |
| `death` | `"noop"` | `"remove"`: lost satellites leave `agents` |
| `worlds`, `threads` | 1, 1 | batch face only |

## Version history

* v0: first version.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs import autonomy_features as declared
from envs.autonomy_features import FIRST_OBSERVE, KEEP, NEIGHBOUR_SIZE
from envs.avoidance_v0 import allow_burns, tell_warnings
from envs.batch import BatchEnv, horizon_of, whole_count
from envs.faces import make_faces
from envs.joint import JointBatch, JointFace
from envs.messaging import MessagingFace
from envs.offloading_v0 import (
    INBOX_COUNT,
    JOB_BASE,
    TRAINING_BASE,
    tell_job,
    tell_training,
    tell_work,
)
from envs.parallel import ParallelFace
from envs.problem import Deliberated, Problem
from envs.tasking_v0 import (
    BATTERY,
    OWN_SIZE,
    TEMPERATURE,
    TIME_LEFT,
    tell_body,
    tell_ground,
    tell_images,
    tell_motion,
    tell_request,
)
from sandbox.autonomy_world import AutonomyWorld
from sandbox.avoidance import FORWARD_SMALL, RETURN, WAIT
from sandbox.compiled import kernel
from sandbox.errors import SandboxError
from sandbox.faults import BATTERY as BATTERY_NOISE
from sandbox.faults import TEMPERATURE as TEMPERATURE_NOISE
from sandbox.faults import can_reload, noise, uniform
from sandbox.flight import can_shoot
from sandbox.geometry import unit
from sandbox.jobs import INBOX
from sandbox.lasers import TERMINALS, carries
from sandbox.orbits.ephemeris import sun_position
from sandbox.orders import can_send
from sandbox.routing import hop_seconds
from sandbox.scenario import load_scenario
from sandbox.service import DECISIONS, NEIGHBOUR, RUN_LARGE, RUN_SMALL, TRAINING
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE
from sandbox.units import DAY, KELVIN

BABBLE = 100
"""What is drawn, beyond what `sandbox.faults` draws."""
POINTED = len(declared.POINTINGS) + 1
"""Features that say where a satellite is ordered to point."""
TERMS = (
    "reward_delivery",
    "reward_answers",
    "reward_fuel",
    "reward_slot",
    "reward_loss",
    "energy_j",
    "latency_s",
    "delivered",
    "captured",
    "cloudy",
    "duplicate",
    "denied",
    "answer_s",
    "answered",
    "arrived",
    "handed",
    "refused",
    "dropped",
    "expired",
    "lost",
    "burned_m_s",
    "collided",
    "closest_m",
    "out_of_slot",
    "safe_mode",
    "illegal",
)
BRIEFING = (
    "You are the onboard mind of a satellite of a constellation that images the Earth, answers questions "
    "from the ground with language models of its own, and has to keep clear of debris. Every {:g} s you may "
    "change one thing; all other orders stand. An image pays when it has reached the ground, an answer when "
    "it has reached who asked, both the less the longer it took. Imaging, sending, computing and thinking "
    "cost energy and heat; the battery must never run empty. A burn costs fuel and spoils what the satellite "
    "points at; a collision ends it. Neighbours are known only by what they tell over their links."
)
GLOBAL_SIZE, SATELLITE_SIZE = 4, 16


class Autonomy(Problem):
    """The problem over a world; see the module's page."""

    name = "autonomy_v0"
    terms = TERMS
    orders_stand = True
    world: AutonomyWorld

    def __init__(
        self,
        world: AutonomyWorld,
        *,
        fuel_price: float = 2.0,
        slot_price: float = 10.0,
        loss_penalty: float = 50.0,
        team_reward: bool = False,
        message_size: int = 0,
    ) -> None:
        self.world, self.team_reward, self.message_size = world, bool(team_reward), int(message_size)
        settings, team = world.scenario.threats, (world.worlds, world.satellites)
        self.prices = float(fuel_price), float(slot_price), float(loss_penalty)
        self._limits = settings.fuel_m_s, 1e3 * settings.slot_km
        warned = world.warnings.shape[2]
        self.layout, places = declared.layout(world.scenario, world.shown, warned, self.message_size)
        self._places = tuple(places)
        self._scale = 2.0 / (self.layout.high - self.layout.low)
        self.burns_m_s = settings.small_m_s, settings.large_m_s
        self.actions = declared.actions(world.shown)
        self.phrases = declared.phrases(world.shown, *self.burns_m_s)
        self.briefing = BRIEFING.format(world.scenario.round_s)
        self._burn, self._late, self._reload, self._illegal = (np.zeros(team, np.int32) for _ in range(4))
        self._content = np.zeros((*team, 4 * self.message_size), np.uint8)
        self._length = np.zeros(team, np.int32)
        self._deaf = np.zeros((*team, TERMINALS, self.message_size), np.float32)
        self._speaks = self._in_words = False

    def say(self, messages: ArrayLike) -> None:
        """Send a vector from each satellite to its neighbours in the coming round: (B, N, M), NaN for none.

        Raises SandboxError for another shape, and for numbers that are not within [-1, 1].
        """
        vectors = np.asarray(messages, np.float32)
        if vectors.shape != (*self._length.shape, self.message_size) or not self.message_size:
            raise SandboxError(
                f"messages have shape {vectors.shape}; give {(*self._length.shape, self.message_size)}, with "
                "message_size of at least 1."
            )
        silent = np.isnan(vectors).any(axis=-1)
        if (np.abs(vectors[~silent]) > 1.0).any():
            raise SandboxError("messages must hold numbers within [-1, 1]; scale them.")
        self._in_words = False
        self._content[...] = np.ascontiguousarray(vectors).view(np.uint8)
        self._length[...] = np.where(silent, 0, self._content.shape[-1])
        self._speaks = True

    def say_text(self, b: int, n: int, text: str) -> None:
        """Send `text`, cut to 4 M bytes, from satellite n of world b to its neighbours in this round.

        From then on no message stands in the observations, where a text would look like noise.
        """
        self._in_words = True
        content = text.encode("utf-8", "replace")[: self._content.shape[-1]]
        self._content[b, n, : len(content)] = np.frombuffer(content, np.uint8)
        self._length[b, n] = len(content)
        self._speaks = True

    def heard_text(self, b: int, n: int) -> list[tuple[int, str, float]]:
        """(terminal from 0 on, text, age in s) of the last message over each terminal of satellite n."""
        beacons, now = self.world.beacons, float(self.world.state.clock["time"][b])
        found = []
        for k, heard in enumerate(beacons.message[b, n]):
            if heard["peer"] != NONE:
                content = beacons.text[b, n, k, : heard["length"]].tobytes()
                found.append((k, content.decode("utf-8", "replace"), now - float(heard["at"])))
        return found

    def advance(
        self, actions: NDArray[np.int32], mask: NDArray[np.int8], thinking: Deliberated | None = None
    ) -> None:
        self.advance_labels([actions], mask, thinking)

    def advance_labels(
        self, labels: list[NDArray[np.int32]], mask: NDArray[np.int8], thinking: Deliberated | None = None
    ) -> None:
        """As `advance`, for several actions of each satellite at once."""
        orders, before, timing = self.world.orders, None, None
        for array in (self._burn, self._late, self._reload, self._illegal):
            array.fill(0)
        if thinking is not None:
            timing = thinking.timing
            self._decide(thinking.first, mask, self._burn)
            before = orders.copy()
            self._illegal.fill(0)
        for actions in labels:
            self._decide(actions, mask, self._burn if timing is None else self._late)
        if timing is not None:
            early = timing["delay"] == 0.0
            self._burn[early], self._late[early] = self._late[early], WAIT
        said = (self._content, self._length) if self._speaks else None
        self.world.live(self._burn, self._late, self._reload, timing, before, said)
        if self._speaks:
            self._length[...], self._speaks = 0, False

    def _decide(self, actions: NDArray[np.int32], mask: NDArray[np.int8], burn: NDArray[np.int32]) -> None:
        world = self.world
        world.call(decode, world.state.opportunities, actions, mask, world.orders, burn, self._reload,
                   self._illegal)  # fmt: skip

    def identities(self) -> NDArray[np.int64]:
        world, count = self.world, len(self.actions)
        requests = world.state.opportunities["request"].astype(np.int64)
        named = np.broadcast_to(np.arange(count), (*self._illegal.shape, count)).copy()
        named[..., FIRST_OBSERVE : FIRST_OBSERVE + world.shown] = np.where(
            requests == NONE, NONE, count * (2 + requests)
        )
        peers = world.work.links["peer"].astype(np.int64)
        first = FIRST_OBSERVE + world.shown + NEIGHBOUR
        named[..., first : first + TERMINALS] = np.where(peers == NONE, NONE, count * (2 + peers) + 1)
        return named

    def interrupted(self) -> NDArray[np.bool_]:
        return self.world.faults.body["interrupted"]

    def boards_down(self) -> NDArray[np.bool_]:
        return self.world.work.desks["down"] > self.world.state.clock["time"][:, None]

    def babble(self, mask: NDArray[np.int8]) -> NDArray[np.int64] | None:
        faults = self.world.faults
        if not faults.body["corrupt"].any():
            return None
        drawn = np.full(self._illegal.shape, -1)
        draw_worlds(faults, self.world.state.clock, mask, drawn)
        return drawn

    def report(self, observation: NDArray, mask: NDArray, reward: NDArray, terms: NDArray) -> None:
        world = self.world
        heard = self._deaf if self._in_words else world.beacons.text.view(np.float32)
        world.share(observe_worlds, *world.desks, world.threats, world.rules, world.warnings, world.beacons,
                    world.faults, world.breaks, world.orders, heard, self._places, self.layout.low,
                    self._scale, world.horizon_s, self._limits, self.prices, observation, mask,
                    self._illegal, self.team_reward, reward, terms)  # fmt: skip

    def global_state(self, b: int) -> NDArray[np.float32]:
        out = np.empty(self.state_size, np.float32)
        world = self.world
        write_global_state(world.state, world.constants, world.work, world.terms, world.threats, world.faults,
                           b, world.horizon_s, self._limits, out)  # fmt: skip
        return out

    @property
    def state_size(self) -> int:
        return GLOBAL_SIZE + SATELLITE_SIZE * self.world.satellites


@kernel
def draw_worlds(faults, clock, mask, drawn):
    """Write a legal action of the mask (B, N, A), each as likely, where the weights are corrupted."""
    for b in range(mask.shape[0]):
        for n in range(mask.shape[1]):
            if faults.body[b, n].corrupt:
                count = 0
                for a in range(mask.shape[2]):
                    count += mask[b, n, a] != 0
                left = int(uniform(faults.key[b], BABBLE, clock[b].round, n, 0) * count)
                for a in range(mask.shape[2]):
                    if mask[b, n, a] and left >= 0:
                        drawn[b, n] = a
                        left -= 1


@kernel
def decode(opportunities, actions, mask, orders, burn, reload, illegal):
    """Change the standing orders (B, N) as actions (B, N) say; what is no order goes into burn and reload.

    An action that the mask (B, N, A) forbids changes nothing and is counted in illegal (B, N).
    """
    queue_at = FIRST_OBSERVE + opportunities.shape[2]
    burn_at = queue_at + len(DECISIONS)
    reload_at = burn_at + RETURN
    for b in range(actions.shape[0]):
        for n in range(actions.shape[1]):
            action, order = actions[b, n], orders[b, n]
            if mask[b, n, action] == 0:
                illegal[b, n] += 1
            elif action == reload_at:
                reload[b, n] = 1
            elif action >= burn_at:
                burn[b, n] = FORWARD_SMALL + action - burn_at
            elif action >= queue_at:
                order.queue = action - queue_at
            elif action >= FIRST_OBSERVE:
                order.command = OBSERVE
                order.request = opportunities[b, n, action - FIRST_OBSERVE].request
            elif action != KEEP:
                order.command, order.request = (IDLE, CHARGE, DOWNLINK)[action - 1], NONE


@kernel
def observe_worlds(
    state, constants, which, work, terms, sketch, threats, rules, warnings, beacons, faults, breaks, orders,
    heard, places, low, scale, horizon, limits, prices, observation, mask, illegal, team, reward, out,
):  # fmt: skip
    """Observations, masks, rewards and terms of the worlds listed in `which`."""
    work_at, slot_at, orders_at, health_at, requests_at, job_at, links_at, training_at, warnings_at = places
    for b in which:
        now, start = state.clock[b].time, state.clock[b].start
        sun = sun_position(constants.ephemeris, now)
        s = unit(sun[0], sun[1], sun[2])
        for n in range(observation.shape[1]):
            row, craft = observation[b, n], constants.craft[n]
            body, outlook, passing = state.body[b, n], state.outlook[b, n], threats.passing[b, n]
            tell_body(state.power[b, n], body, outlook, row)
            _blur(faults, breaks, state.clock[b].round, b, n, row)
            tell_images(state.store, state.requests.book[b], craft.store_bits, b, n, now, row)
            tell_motion(state.pointing[b, n], state.orbit.velocity[b, n], s, craft, row)
            tell_ground(outlook, state.contacts.plan[b, n], now, row)
            row[TIME_LEFT] = 100.0 * (1.0 - (now - start) / horizon)
            tell_work(work, terms, b, n, row[work_at - INBOX_COUNT :])
            row[slot_at] = 100.0 * threats.fuel[b, n] / limits[0]
            row[slot_at + 1] = 1e-3 * passing.offset
            row[slot_at + 2] = 1e-3 * DAY * passing.drift
            row[slot_at + 3] = tell_warnings(warnings[b, n], now, row[warnings_at:])
            _tell_orders(orders[b, n], row[orders_at:health_at])
            _tell_health(faults.body[b, n], work.desks[b, n].down - now, row[health_at:])
            asks = row[requests_at - OWN_SIZE :]
            for k in range(state.opportunities.shape[2]):
                tell_request(state.opportunities[b, n, k], state.requests.book[b], k, now, asks)
            tell_job(work, terms, sketch, now, b, n, row[job_at - JOB_BASE :])
            _tell_neighbours(work.links[b], work, terms, beacons, heard, now, b, n, row[links_at:])
            tell_training(work, terms, sketch, b, n, row[training_at - TRAINING_BASE :])
            for i in range(row.shape[0]):
                row[i] = min(1.0, max(-1.0, (row[i] - low[i]) * scale[i] - 1.0))
            _allow(
                state, constants, work, terms, sketch, threats, rules, faults, orders, now, b, n, mask[b, n]
            )
        _judge(
            state.activity[b], state.body[b], work.desks[b], threats.passing[b], faults.body[b], now > start,
            constants.round_s, limits[1], prices, illegal[b], team, reward[b], out[b],
        )  # fmt: skip


@kernel
def _blur(faults, breaks, round_, b, n, row):
    """Telemetry as the sensors give it."""
    key = faults.key[b]
    if breaks.battery_sigma > 0.0:
        off = 100.0 * breaks.battery_sigma * noise(key, BATTERY_NOISE, round_, n)
        row[BATTERY] = min(100.0, max(0.0, row[BATTERY] + off))
    if breaks.temperature_sigma > 0.0:
        row[TEMPERATURE] += breaks.temperature_sigma * noise(key, TEMPERATURE_NOISE, round_, n)


@kernel
def _tell_orders(order, row):
    for i in range(row.shape[0]):
        row[i] = 0.0
    row[_pointing(order.command)] = 1.0
    row[POINTED + order.queue] = 1.0


@kernel
def _pointing(command):
    """Place of a mode among idle, charge, downlink, observe."""
    if command == OBSERVE:
        return 3
    if command == DOWNLINK:
        return 2
    return 1 if command == CHARGE else 0


@kernel
def _tell_health(fault, down, row):
    row[0] = fault.safe
    row[1] = min(max(0.0, down), 1e6)
    row[2] = fault.weights_fault


@kernel
def _tell_neighbours(links, work, terms, beacons, heard, now, b, n, row):
    """What satellite n knows of its neighbours: what they told last over the links that are there now."""
    j = work.queues[b, n, INBOX].head
    bits = work.book[b, j].bits if j != NONE else 0.0
    base, size = 0, heard.shape[3]
    for k in range(TERMINALS):
        peer, beacon = links[n, k].peer, beacons.heard[b, n, k]
        up = carries(links, terms.lasers, n, k, now)
        row[base] = up
        row[base + 1] = 1e3 * hop_seconds(links, terms.lasers, n, k, bits) if up else 0.0
        if peer != NONE and beacon.peer == peer:
            row[base + 2] = min(beacon.backlog, 1e6)
            row[base + 3] = beacon.inbox
            row[base + 4] = 100.0 * beacon.battery
            row[base + 5] = min(now - beacon.sent, 1e6)
        else:
            row[base + 2] = row[base + 3] = row[base + 4] = 0.0
            row[base + 5] = 1e6
        base += NEIGHBOUR_SIZE
        speaks = size > 0 and peer != NONE and beacons.message[b, n, k].peer == peer
        for i in range(size):
            said = heard[b, n, k, i] if speaks else np.float32(0.0)
            row[base + i] = said if -1.0 <= said <= 1.0 else np.float32(0.0)
        base += size


@kernel
def _allow(state, constants, work, terms, sketch, threats, rules, faults, orders, now, b, n, legal):
    """Write what satellite n may do: only what changes something, and can be begun now."""
    order, body, host = orders[b, n], state.body[b, n], terms.hosts[n]
    able = body.alive and not faults.body[b, n].safe
    legal[KEEP] = 1
    legal[1] = able and order.command != IDLE
    legal[2] = able and order.command != CHARGE
    cool = body.temperature < constants.craft[n].shutdown_above
    legal[3] = able and cool and order.command != DOWNLINK and can_send(state, work, b, n)
    shown = state.opportunities.shape[2]
    shoots = able and can_shoot(state.store, constants.craft[n], body.temperature, b, n)
    for k in range(shown):
        request = state.opportunities[b, n, k].request
        stands = order.command == OBSERVE and order.request == request
        legal[FIRST_OBSERVE + k] = shoots and request != NONE and not stands
    queue_at = FIRST_OBSERVE + shown
    for a in range(len(DECISIONS)):
        possible = True
        if a in (RUN_SMALL, RUN_LARGE):
            possible = host.boards > 0
        elif a == TRAINING:
            goal = sketch.training.goal[b, n]
            possible = terms.trains and goal != NONE and goal != n
        elif NEIGHBOUR <= a < TRAINING:
            possible = carries(work.links[b], terms.lasers, n, a - NEIGHBOUR, now)
        legal[queue_at + a] = able and possible and order.queue != a
    burn_at = queue_at + len(DECISIONS)
    allow_burns(able, threats.fuel[b, n], threats.passing[b, n], rules, legal[burn_at:])
    legal[burn_at + RETURN] = able and can_reload(state, work, terms, b, n)


@kernel
def _judge(did, body, desks, passing, fault, played, round_s, slot, prices, illegal, team, reward, terms):
    """Rewards (N,) and terms (N, I) of the last round."""
    total = 0.0
    for n in range(reward.shape[0]):
        row, done, desk, here = terms[n], did[n], desks[n], passing[n]
        outside = body[n].alive and abs(here.offset) > slot
        row[0] = done.value
        row[1] = desk.value
        row[2] = -prices[0] * here.burned if played else 0.0
        row[3] = -prices[1] * round_s / DAY if played and outside else 0.0
        row[4] = -prices[2] if done.died else 0.0
        row[5] = done.consumed
        row[6] = done.latency / max(1, done.delivered)
        row[7] = done.delivered
        row[8] = done.captured
        row[9] = done.cloudy
        row[10] = done.duplicate
        row[11] = done.denied
        row[12] = desk.latency / max(1, desk.answered)
        row[13] = desk.answered
        row[14] = desk.arrived
        row[15] = desk.handed
        row[16] = desk.refused
        row[17] = desk.dropped
        row[18] = desk.expired
        row[19] = desk.lost
        row[20] = here.burned if played else 0.0
        row[21] = here.hit
        row[22] = here.closest if here.closest < math.inf else 0.0
        row[23] = outside
        row[24] = fault[n].safe
        row[25] = illegal[n]
        reward[n] = row[0] + row[1] + row[2] + row[3] + row[4]
        total += reward[n]
    if team:
        for n in range(reward.shape[0]):
            reward[n] = total / reward.shape[0]


@kernel
def write_global_state(state, constants, work, terms, threats, faults, b, horizon, limits, out):
    """Time left, Sun; per satellite position, velocity, battery, temperature, store, inbox, backlog, fuel,
    offset from the slot, weights intact, in service (not in safe mode), alive; in [-1, 1]."""
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
        row[8] = 2.0 * state.store.level[b, n].used / constants.craft[n].store_bits - 1.0
        row[9] = 2.0 * work.queues[b, n, INBOX].count / terms.places - 1.0
        row[10] = min(work.desks[b, n].backlog, 1e6) / 300.0 - 1.0
        row[11] = 2.0 * threats.fuel[b, n] / limits[0] - 1.0
        row[12] = threats.passing[b, n].offset / 5e4
        row[13] = -1.0 if faults.body[b, n].corrupt else 1.0
        row[14] = -1.0 if faults.body[b, n].safe else 1.0
        row[15] = 1.0 if state.body[b, n].alive else -1.0
    for i in range(out.shape[0]):
        out[i] = min(np.float32(1.0), max(np.float32(-1.0), out[i]))


def batch_env(
    scenario: Any = "disaster_response",
    worlds: int = 1,
    *,
    max_cycles: int | None = None,
    candidates: int = 4,
    warned: int = 2,
    message_size: int = 0,
    fuel_price: float = 2.0,
    slot_price: float = 10.0,
    loss_penalty: float = 50.0,
    team_reward: bool = False,
    multi_discrete: bool = False,
    autoreset: bool = True,
    threads: int = 1,
) -> BatchEnv:
    """B worlds at once, arrays in and arrays out; see `BatchEnv` and the module's page."""
    scenario = load_scenario(scenario)
    if not (isinstance(message_size, (int, np.integer)) and message_size >= 0):
        raise SandboxError(f"message_size = {message_size!r}; give a whole number of at least 0.")
    world = AutonomyWorld(
        scenario,
        worlds,
        shown=whole_count("candidates", candidates),
        warned=whole_count("warned", warned),
        longest=4 * int(message_size),
        horizon_s=horizon_of(scenario, max_cycles),
        threads=threads,
    )
    problem = Autonomy(
        world,
        fuel_price=fuel_price,
        slot_price=slot_price,
        loss_penalty=loss_penalty,
        team_reward=team_reward,
        message_size=message_size,
    )
    return (JointBatch if multi_discrete else BatchEnv)(problem, autoreset=autoreset)


def parallel_env(
    scenario: Any = "disaster_response",
    *,
    mask_in_obs: bool = False,
    death: str = "noop",
    render_mode: str | None = None,
    **arguments: Any,
) -> ParallelFace:
    """PettingZoo's parallel environment; arguments on the module's page."""
    batch = batch_env(scenario, autoreset=False, **arguments)
    how: dict[str, Any] = {"mask_in_obs": mask_in_obs, "death": death, "render_mode": render_mode}
    if isinstance(batch, JointBatch):
        return JointFace(batch, **how)
    return (MessagingFace if arguments.get("message_size") else ParallelFace)(batch, **how)


raw_env, env, satellite_env, vector_env = make_faces(batch_env, parallel_env)
