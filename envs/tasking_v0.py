"""tasking_v0: what to observe, when to charge, when to send down.

A constellation shares a book of observation requests. Each round (30 s by default) every satellite charges,
images one of the requests that it can reach, sends images to the ground, or idles. An image pays when it
**arrives**, less the longer it was on board, and only to the first satellite that takes it; so the fleet
must spread out, keep its batteries up through eclipse, and share the antennas of the ground stations.

| Import | `from envs import tasking_v0` |
| --- | --- |
| Creation | `tasking_v0.parallel_env(scenario="scs01")`, `tasking_v0.env()`, `tasking_v0.raw_env()` |
| Gymnasium | `import envs; gymnasium.make("sandbox/Tasking-v0")` for one satellite |
| Batch | `tasking_v0.batch_env(scenario="scs01", worlds=256)` |
| Agents | `sat_0` ... `sat_{N-1}`, in the order of the scenario's fleet |
| Actions | discrete, masked |
| Action space | `Discrete(3 + candidates)` |
| Observation space | `Box(-1, 1, (21 + 10 * candidates,), float32)` |
| State | `Box(-1, 1, (4 + 10 * N,), float32)` |

## Observation

A flat vector; each number is mapped linearly from its range to [-1, 1] and clipped there.
`env.layout.physical(observation, name)` gives it back in its unit. Low and high are those of `scs01`.

| feature | unit | low | high | in words |
| --- | --- | --- | --- | --- |
| battery | % | 0 | 100 | battery at ... % |
| temperature | degC | -40 | 80 | temperature ... degC |
| store | % | 0 | 100 | image store ... % full |
| stored | Gbit | 0 | 160 | ... Gbit to send |
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
| request_k_present | 1 | 0 | 1 | request ... |
| request_k_value | 1 | 0 | 10 | value ... |
| request_k_cloud | % | 0 | 100 | cloud probability ... % |
| request_k_off_nadir | deg | 0 | 65 | off nadir ... deg |
| request_k_slew | s | 0 | 120 | ... s to turn there |
| request_k_capture_in | s | 0 | 180 | the shutter can open in ... s |
| request_k_window | s | 0 | 600 | in reach for ... s |
| request_k_deadline | min | 0 | 720 | deadline in ... min |
| request_k_rivals | 1 | 0 | 20 | ... other satellites can take it too |
| request_k_earlier | 1 | 0 | 20 | ... of them would be first |

The features of `request_k` stand once for each k from 1 to K. These are the requests that can be imaged now
or soon (access begins within a minute of the round's end), by falling expected value, value x (1 - cloud).
All of it is known on board: own telemetry, the orbit and contact plan, the request book.

## Actions

| action | name | effect | legal |
| --- | --- | --- | --- |
| 0 | idle | camera to nadir | always |
| 1 | charge | panel to the Sun | while the satellite lives |
| 2 | downlink | point at the station in view and send, oldest first | a station in view, an image on board |
| 3 ... | observe_1 ... observe_K | turn, settle, image request k | it exists and there is room for an image |

Where `capture_in` and the dwell reach beyond the round, the round is spent turning towards the request.
The mask (int8, 1 = legal) is `info["action_mask"]`, or with `mask_in_obs=True` part of a Dict observation.
An illegal action is played as idle and counted in `info["illegal"]`. A satellite that is too hot can neither
image nor send.

## Rewards

| term | when | amount |
| --- | --- | --- |
| `reward_delivery` | an image has arrived whole | value x 2^(-age / half-life), age from capture to arrival |
| `reward_loss` | the battery ran empty, or the orbit came down | -`loss_penalty` |

With `team_reward=True` every satellite gets the fleet's mean. The other numbers of the info, the same keys
from the reset on: `energy_j` used in the round, `latency_s` (mean age of the images that arrived),
`delivered`, `captured`, `cloudy` (images discarded on board), `duplicate` (another satellite was first),
`denied` (the station's antennas were busy), `illegal`.

## Start and end

At the reset the batteries' charge and the whole book of requests with its sky are drawn, so policies with the
same seed meet the same requests. A satellite whose battery runs empty is lost: it stays in `agents` with a
no-op-only mask and zero reward, or with `death="remove"` terminates and leaves. The episode terminates when
every satellite is lost, and is truncated after `max_cycles` rounds (by default the scenario's horizon).

## Arguments

| argument | default | meaning |
| --- | --- | --- |
| `scenario` | `"scs01"` | name, YAML file, dictionary or Scenario |
| `max_cycles` | None | rounds in an episode; None: the scenario's horizon |
| `candidates` | 4 | K, the requests shown |
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

from envs.batch import BatchEnv, horizon_of, whole_count
from envs.faces import make_faces
from envs.features import Feature, Layout
from envs.parallel import ParallelFace
from envs.problem import Deliberated, Problem
from sandbox.attitude import angle_between, slew_time
from sandbox.compiled import kernel
from sandbox.flight import can_shoot, can_transmit
from sandbox.geometry import unit
from sandbox.links import SEARCH_HORIZON_S
from sandbox.orbits.ephemeris import sun_position
from sandbox.scenario import Scenario, load_scenario
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE
from sandbox.units import KELVIN
from sandbox.world import World

POWER_TOPIC, PLACE_TOPIC, GROUND_TOPIC, STORE_TOPIC = "Power and heat", "Place", "Ground", "Images"
OWN = (
    Feature("battery", "%", 0, 100, "battery at {:.0f} %", POWER_TOPIC, warn_below=25),
    Feature("temperature", "degC", -40, 80, "temperature {:.0f} degC", POWER_TOPIC, warn_above=45),
    Feature("store", "%", 0, 100, "image store {:.0f} % full", STORE_TOPIC, warn_above=90),
    Feature("stored", "Gbit", 0, 1000, "{:.0f} Gbit to send", STORE_TOPIC, silent_at=0),
    Feature("images", "1", 0, 100, "{:.0f} images waiting for downlink", STORE_TOPIC),
    Feature("oldest_image", "min", 0, 720, "the oldest image is {:.0f} min old", STORE_TOPIC, silent_at=0),
    Feature("sunlight", "%", 0, 100, "{:.0f} % of the Sun visible", POWER_TOPIC),
    Feature("to_shadow", "min", 0, 100, "eclipse begins in {:.0f} min", POWER_TOPIC, silent_at=0),
    Feature("to_sunlight", "min", 0, 60, "eclipse ends in {:.0f} min", POWER_TOPIC, silent_at=0),
    Feature("panel_cosine", "1", -1, 1, "cosine of the Sun's incidence on the panel {:.2f}", POWER_TOPIC),
    Feature("slew_to_sun", "s", 0, 180, "{:.0f} s to turn the panel to the Sun", POWER_TOPIC),
    Feature("latitude", "deg", -90, 90, "latitude {:.0f} deg", PLACE_TOPIC),
    Feature("longitude", "deg", -180, 180, "longitude {:.0f} deg", PLACE_TOPIC),
    Feature("northward", "1", -1, 1, "northward share of the velocity {:.2f}", PLACE_TOPIC),
    Feature("station_seconds", "s", 0, 300, "a ground station is in view for {:.0f} s of this round",
            GROUND_TOPIC, silent_at=0),
    Feature("station_elevation", "deg", 0, 90, "its view of us is at {:.0f} deg elevation", GROUND_TOPIC,
            silent_at=0),
    Feature("station_rate", "Mbit/s", 0, 1000, "it takes {:.0f} Mbit/s", GROUND_TOPIC, silent_at=0),
    Feature("station_rivals", "1", 0, 20, "{:.0f} other satellites have that station in view", GROUND_TOPIC,
            silent_at=0),
    Feature("contact_in", "min", 0, SEARCH_HORIZON_S / 60, "the next ground contact begins in {:.0f} min",
            GROUND_TOPIC, silent_at=SEARCH_HORIZON_S / 60),
    Feature("contact_length", "min", 0, 20, "that contact lasts {:.0f} min", GROUND_TOPIC, silent_at=0),
    Feature("time_left", "%", 0, 100, "{:.0f} % of the mission time left", PLACE_TOPIC),
)  # fmt: skip
REQUEST = (
    Feature("present", "1", 0, 1, "request {:.0f}", gate=True),
    Feature("value", "1", 0, 10, "value {:.1f}"),
    Feature("cloud", "%", 0, 100, "cloud probability {:.0f} %"),
    Feature("off_nadir", "deg", 0, 65, "off nadir {:.0f} deg"),
    Feature("slew", "s", 0, 120, "{:.0f} s to turn there"),
    Feature("capture_in", "s", 0, 180, "the shutter can open in {:.0f} s"),
    Feature("window", "s", 0, 600, "in reach for {:.0f} s"),
    Feature("deadline", "min", 0, 720, "deadline in {:.0f} min"),
    Feature("rivals", "1", 0, 20, "{:.0f} other satellites can take it too", silent_at=0),
    Feature("earlier", "1", 0, 20, "{:.0f} of them would be first", silent_at=0),
)
BRIEFING = (
    "You are the onboard mind of an Earth-observation satellite that belongs to a constellation. "
    "Every {:g} s you decide what the satellite does next. An image of a request pays its value when it has "
    "reached the ground, less the longer it waited on board, and only to the first satellite that takes it; "
    "an image under cloud is lost. The battery must never run empty: the panel looks away from the camera, "
    "so imaging and sending cost energy and sunlight, and in eclipse nothing comes in."
)
# Where each stands in a row: in the order of the declarations above, which a test holds them to.
(
    BATTERY,
    TEMPERATURE,
    STORE,
    STORED,
    IMAGES,
    OLDEST_IMAGE,
    SUNLIGHT,
    TO_SHADOW,
    TO_SUNLIGHT,
    PANEL_COSINE,
    SLEW_TO_SUN,
    LATITUDE,
    LONGITUDE,
    NORTHWARD,
    STATION_SECONDS,
    STATION_ELEVATION,
    STATION_RATE,
    STATION_RIVALS,
    CONTACT_IN,
    CONTACT_LENGTH,
    TIME_LEFT,
) = range(len(OWN))
(PRESENT, VALUE, CLOUD, OFF_NADIR, SLEW, CAPTURE_IN, WINDOW, DEADLINE, RIVALS, EARLIER) = range(len(REQUEST))
OWN_SIZE, ASK_SIZE = len(OWN), len(REQUEST)

NO_OP, CHARGE_ACTION, DOWNLINK_ACTION, FIRST_OBSERVE = range(4)
TERMS = (
    "reward_delivery",
    "reward_loss",
    "energy_j",
    "latency_s",
    "delivered",
    "captured",
    "cloudy",
    "duplicate",
    "denied",
    "illegal",
)
GLOBAL_SIZE, SATELLITE_SIZE = 4, 10


def layout(scenario: Scenario, candidates: int) -> Layout:
    """The features of an observation of `candidates` requests; values and stores range as in the scenario."""
    requests = scenario.requests
    urgent = (event.requests.value[1] for event in scenario.events if event.requests)
    tops = {
        "value": max([requests.value[1], *(site.value for site in requests.sites), *urgent]) or 1.0,
        "stored": max(craft.store_gbit for craft in scenario.spacecraft.values()),
        "station_seconds": scenario.round_s,
    }

    def fit(feature: Feature, prefix: str = "") -> Feature:
        high = tops.get(feature.name, feature.high)
        return replace(feature, name=prefix + feature.name, high=high)

    asks = [
        replace(fit(feature, f"request_{k + 1}_"), topic=f"Request {k + 1}")
        for k in range(candidates)
        for feature in REQUEST
    ]
    return Layout([*map(fit, OWN), *asks])


class Tasking(Problem):
    """The problem over a world; see the module's page."""

    name = "tasking_v0"
    terms = TERMS

    def __init__(self, world: World, *, loss_penalty: float = 50.0, team_reward: bool = False) -> None:
        self.world, self.loss_penalty, self.team_reward = world, float(loss_penalty), bool(team_reward)
        self._illegal = np.zeros((world.worlds, world.satellites), np.int32)
        self.layout = layout(world.scenario, world.shown)
        shown = range(1, world.shown + 1)
        self.actions = ("idle", "charge", "downlink", *(f"observe_{k}" for k in shown))
        self.phrases = (
            "keep the camera to nadir",
            "turn the panel to the Sun",
            "send images to the ground station in view, the oldest first",
            *(f"turn to request {k} and image it" for k in shown),
        )
        self.briefing = BRIEFING.format(world.scenario.round_s)

    def advance(
        self, actions: NDArray[np.int32], mask: NDArray[np.int8], thinking: Deliberated | None = None
    ) -> None:
        command, choice = np.empty_like(actions), np.empty_like(actions)
        timing = None
        if thinking is not None:
            timing = thinking.timing.copy()
            decode(thinking.first, mask, command, choice, self._illegal)
            timing["command"], timing["choice"] = command, choice
        decode(actions, mask, command, choice, self._illegal)
        self.world.step(command, choice, timing)

    def identities(self) -> NDArray[np.int64]:
        requests = self.world.state.opportunities["request"].astype(np.int64)
        fixed = np.broadcast_to(np.arange(FIRST_OBSERVE), (*requests.shape[:2], FIRST_OBSERVE))
        return np.concatenate((fixed, np.where(requests == NONE, NONE, FIRST_OBSERVE + requests)), axis=-1)

    def report(self, observation: NDArray, mask: NDArray, reward: NDArray, terms: NDArray) -> None:
        layout, world = self.layout, self.world
        world.share(observe_worlds, layout.low, layout.high, world.horizon_s, observation, mask,
                    self._illegal, self.loss_penalty, self.team_reward, reward, terms)  # fmt: skip

    def global_state(self, b: int) -> NDArray[np.float32]:
        out = np.empty(self.state_size, np.float32)
        write_global_state(self.world.state, self.world.constants, b, self.world.horizon_s, out)
        return out

    @property
    def state_size(self) -> int:
        return GLOBAL_SIZE + SATELLITE_SIZE * self.world.satellites


@kernel
def decode(actions, mask, command, choice, illegal):
    """Write what the world is told for actions (B, N), and which of them the mask (B, N, A) forbids."""
    for b in range(actions.shape[0]):
        for n in range(actions.shape[1]):
            action = actions[b, n]
            illegal[b, n] = mask[b, n, action] == 0
            if illegal[b, n]:
                action = NO_OP
            choice[b, n] = 0
            if action == NO_OP:
                command[b, n] = IDLE
            elif action == CHARGE_ACTION:
                command[b, n] = CHARGE
            elif action == DOWNLINK_ACTION:
                command[b, n] = DOWNLINK
            else:
                command[b, n] = OBSERVE
                choice[b, n] = action - FIRST_OBSERVE


@kernel
def observe_worlds(
    state, constants, which, low, high, horizon, observation, mask, illegal, loss_penalty, team, reward, terms
):
    """Observations, masks, rewards and terms of the worlds listed in `which`."""
    for b in which:
        now = state.clock[b].time
        sun = sun_position(constants.ephemeris, now)
        s = unit(sun[0], sun[1], sun[2])
        left = 1.0 - (now - state.clock[b].start) / horizon
        for n in range(observation.shape[1]):
            row, craft = observation[b, n], constants.craft[n]
            body, outlook = state.body[b, n], state.outlook[b, n]
            tell_body(state.power[b, n], body, outlook, row)
            tell_images(state.store, state.requests.book[b], craft.store_bits, b, n, now, row)
            tell_motion(state.pointing[b, n], state.orbit.velocity[b, n], s, craft, row)
            tell_ground(outlook, state.contacts.plan[b, n], now, row)
            row[TIME_LEFT] = 100.0 * left
            for k in range(state.opportunities.shape[2]):
                tell_request(state.opportunities[b, n, k], state.requests.book[b], k, now, row)
            for i in range(row.shape[0]):
                share = (row[i] - low[i]) / (high[i] - low[i])
                row[i] = min(1.0, max(-1.0, 2.0 * share - 1.0))
            shoot = body.alive and can_shoot(state.store, craft, body.temperature, b, n)
            send = body.alive and can_transmit(outlook, state.store, craft, body.temperature, b, n)
            _allow(body.alive, shoot, send, state.opportunities[b, n], mask[b, n])
        _judge(state.activity[b], illegal[b], loss_penalty, team, reward[b], terms[b])


@kernel
def tell_body(power, body, outlook, row):
    row[BATTERY] = 100.0 * power.energy / power.capacity
    row[TEMPERATURE] = body.temperature - KELVIN
    lit, wait = outlook.sunlight, min(outlook.shadow / 60.0, 1e6)
    row[SUNLIGHT] = 100.0 * lit
    row[TO_SHADOW] = wait if lit > 0.0 else 0.0
    row[TO_SUNLIGHT] = 0.0 if lit > 0.0 else wait
    row[LATITUDE] = math.degrees(outlook.latitude)
    row[LONGITUDE] = math.degrees(outlook.longitude)


@kernel
def tell_images(store, book, room, b, n, now, row):
    level = store.level[b, n]
    row[STORE] = 100.0 * level.used / room
    row[STORED] = 1e-9 * level.used
    row[IMAGES] = level.count
    row[OLDEST_IMAGE] = 0.0
    if level.count > 0:
        row[OLDEST_IMAGE] = (now - book[store.request[b, n, level.head]].captured_at) / 60.0


@kernel
def tell_motion(pointing, velocity, sun, craft, row):
    px, py, pz = pointing[0], pointing[1], pointing[2]
    row[PANEL_COSINE] = -(px * sun[0] + py * sun[1] + pz * sun[2])
    angle = angle_between(px, py, pz, -sun[0], -sun[1], -sun[2])
    row[SLEW_TO_SUN] = slew_time(angle, craft.slew_rate, craft.slew_acceleration) + craft.settle
    row[NORTHWARD] = unit(velocity[0], velocity[1], velocity[2])[2]


@kernel
def tell_ground(outlook, plan, now, row):
    row[STATION_SECONDS] = outlook.visible_to - outlook.visible_from
    row[STATION_ELEVATION] = math.degrees(outlook.elevation)
    row[STATION_RATE] = 1e-6 * outlook.rate
    row[STATION_RIVALS] = outlook.station_rivals
    row[CONTACT_IN] = SEARCH_HORIZON_S / 60.0
    row[CONTACT_LENGTH] = 0.0
    if plan.station != NONE:
        begin = max(now, plan.start)
        row[CONTACT_IN] = (begin - now) / 60.0
        row[CONTACT_LENGTH] = (plan.end - begin) / 60.0


@kernel
def tell_request(opportunity, book, k, now, row):
    base = OWN_SIZE + k * ASK_SIZE
    if opportunity.request == NONE:
        for i in range(ASK_SIZE):
            row[base + i] = 0.0
        return
    request = book[opportunity.request]
    row[base + PRESENT] = 1.0
    row[base + VALUE] = request.value
    row[base + CLOUD] = 100.0 * request.cloud
    row[base + OFF_NADIR] = math.degrees(opportunity.off_nadir)
    row[base + SLEW] = opportunity.slew
    row[base + CAPTURE_IN] = opportunity.capture
    row[base + WINDOW] = opportunity.window
    row[base + DEADLINE] = (request.deadline - now) / 60.0
    row[base + RIVALS] = opportunity.rivals
    row[base + EARLIER] = opportunity.earlier


@kernel
def _allow(alive, shoot, send, opportunities, mask):
    mask[NO_OP] = 1
    mask[CHARGE_ACTION] = alive
    mask[DOWNLINK_ACTION] = send
    for k in range(opportunities.shape[0]):
        mask[FIRST_OBSERVE + k] = shoot and opportunities[k].request != NONE


@kernel
def _judge(did, illegal, loss_penalty, team, reward, terms):
    """Rewards (N,) and terms (N, I) of the last round."""
    total = 0.0
    for n in range(reward.shape[0]):
        row = terms[n]
        row[0] = did[n].value
        row[1] = -loss_penalty if did[n].died else 0.0
        row[2] = did[n].consumed
        row[3] = did[n].latency / max(1, did[n].delivered)
        row[4] = did[n].delivered
        row[5] = did[n].captured
        row[6] = did[n].cloudy
        row[7] = did[n].duplicate
        row[8] = did[n].denied
        row[9] = illegal[n]
        reward[n] = row[0] + row[1]
        total += row[0] + row[1]
    if team:
        for n in range(reward.shape[0]):
            reward[n] = total / reward.shape[0]


@kernel
def write_global_state(state, constants, b, horizon, out):
    """Time left, Sun; per satellite position, velocity, battery, store, temperature, alive; in [-1, 1]."""
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
        row[7] = 2.0 * state.store.level[b, n].used / constants.craft[n].store_bits - 1.0
        row[8] = (state.body[b, n].temperature - KELVIN) / 100.0
        row[9] = 1.0 if state.body[b, n].alive else -1.0
    for i in range(out.shape[0]):
        out[i] = min(np.float32(1.0), max(np.float32(-1.0), out[i]))


def batch_env(
    scenario: Any = "scs01",
    worlds: int = 1,
    *,
    max_cycles: int | None = None,
    candidates: int = 4,
    loss_penalty: float = 50.0,
    team_reward: bool = False,
    autoreset: bool = True,
    threads: int = 1,
) -> BatchEnv:
    """B worlds at once, arrays in and arrays out; see `BatchEnv` and the module's page."""
    scenario = load_scenario(scenario)
    shown, horizon = whole_count("candidates", candidates), horizon_of(scenario, max_cycles)
    world = World(scenario, worlds, shown=shown, horizon_s=horizon, threads=threads)
    return BatchEnv(Tasking(world, loss_penalty=loss_penalty, team_reward=team_reward), autoreset=autoreset)


def parallel_env(
    scenario: Any = "scs01",
    *,
    max_cycles: int | None = None,
    candidates: int = 4,
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
        candidates=candidates,
        loss_penalty=loss_penalty,
        team_reward=team_reward,
        autoreset=False,
    )
    return ParallelFace(batch, mask_in_obs=mask_in_obs, death=death, render_mode=render_mode)


raw_env, env, satellite_env, vector_env = make_faces(batch_env, parallel_env)
