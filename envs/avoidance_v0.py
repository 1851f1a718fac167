"""avoidance_v0: whether, when and how to get out of the way.

Debris passes a constellation, and encounters are staged with it. Each round (5 min) every satellite learns of
the gravest encounters ahead: when, how near, how surely, with what probability of a collision. These warnings
are wrong by what is not known yet, and are put right every few hours as the encounter nears; the true miss is
hidden. An early burn is cheap, but most early warnings come to nothing: a burn costs fuel, and service while
the satellite is out of its slot. A burn may also lead into another's way.

| Import | `from envs import avoidance_v0` |
| --- | --- |
| Creation | `avoidance_v0.parallel_env(scenario="crossing_12")`, `avoidance_v0.env()` |
| Gymnasium | `import envs; gymnasium.make("sandbox/Avoidance-v0")` for one satellite |
| Batch | `avoidance_v0.batch_env(scenario="crossing_12", worlds=256)` |
| Agents | `sat_0` ... `sat_{N-1}`, in the order of the scenario's fleet |
| Actions | discrete, masked |
| Action space | `Discrete(6)` |
| Observation space | `Box(-1, 1, (6 + 6 * warned,), float32)` |
| State | `Box(-1, 1, (1 + 11 * N,), float32)` |

## Observation

A flat vector; each number is mapped linearly from its range to [-1, 1] and clipped there.
`env.layout.physical(observation, name)` gives it back in its unit. Low and high are those of `crossing_12`.

| feature | unit | low | high | in words |
| --- | --- | --- | --- | --- |
| fuel | % | 0 | 100 | fuel for burns at ... % |
| offset | km | -50 | 50 | ... km ahead of the slot |
| drift | km/d | -50 | 50 | drifting ahead by ... km a day |
| warnings | 1 | 0 | 10 | ... warnings |
| battery | % | 0 | 100 | battery at ... % |
| time_left | % | 0 | 100 | ... % of the mission time left |
| warning_k_present | 1 | 0 | 1 | warning ... |
| warning_k_time | h | 0 | 36 | closest approach in ... h |
| warning_k_miss | m | 0 | 3000 | estimated miss ... m |
| warning_k_sigma | m | 0 | 3000 | known to ... m |
| warning_k_risk | 1 | -10 | 0 | decimal logarithm of the collision probability ... |
| warning_k_age | h | 0 | 36 | issued ... h ago |

The features of `warning_k` stand once for each k from 1 to W: the W warnings of the highest probability, the
gravest first. Estimate and probability already count with one's own burns.

## Actions

| action | name | effect | legal |
| --- | --- | --- | --- |
| 0 | wait | nothing | always |
| 1 | forward_small | `small_m_s` in the direction of flight | there is fuel for it |
| 2 | forward_large | `large_m_s` likewise | there is fuel for it |
| 3 | backward_small | `small_m_s` against it | there is fuel for it |
| 4 | backward_large | `large_m_s` likewise | there is fuel for it |
| 5 | return | what leads back to the slot in 6 h, or stops there | 100 m out or drifting, with fuel |

A burn is an impulse at the beginning of the round; one that had to be thought out, at its end. The mask
(int8, 1 = legal) is `info["action_mask"]`, or with `mask_in_obs=True` part of a Dict observation. An illegal
action is played as waiting and counted in `info["illegal"]`.

## Rewards

| term | when | amount |
| --- | --- | --- |
| `reward_service` | each round within `slot_km` of the slot | `service` x round / day |
| `reward_fuel` | a burn | -`fuel_price` x m/s |
| `reward_loss` | a collision, an empty battery | -`loss_penalty` |

With `team_reward=True` every satellite gets the fleet's mean. The other numbers of the info, the same keys
from the reset on: `burned_m_s`, `collided`, `closest_m` (to what passed in the round within the watch, else
0), `out_of_slot`, `illegal`.

## Start and end

At the reset the staged encounters of the whole episode and the errors of all their warnings are drawn, so
policies with the same seed meet the same ones; the debris belongs to the scenario. A collision ends a
satellite: it stays in `agents` with a no-op-only mask and zero reward, or with `death="remove"` terminates
and leaves. The episode terminates when every satellite is lost, and is truncated after `max_cycles` rounds
(by default the scenario's horizon).

## Arguments

| argument | default | meaning |
| --- | --- | --- |
| `scenario` | `"crossing_12"` | name, YAML file, dictionary or Scenario; its `threats` say what may be met |
| `max_cycles` | None | rounds in an episode; None: the scenario's horizon |
| `warned` | 3 | W, the warnings shown |
| `service` | 1.0 | what a day in the slot is worth |
| `fuel_price` | 2.0 | price of a metre per second |
| `loss_penalty` | 100.0 | price of a lost satellite |
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
from sandbox.avoidance import BACKWARD_LARGE, FORWARD_LARGE, FORWARD_SMALL, RETURN, WAIT, away
from sandbox.compiled import kernel
from sandbox.danger_world import DangerWorld
from sandbox.scenario import Scenario, load_scenario
from sandbox.units import DAY, HOUR

LEAST_PROBABILITY = 1e-10
SHIP, SLOT = "Satellite", "Slot"
OWN = (
    Feature("fuel", "%", 0, 100, "fuel for burns at {:.0f} %", SHIP, warn_below=10),
    Feature("offset", "km", -50, 50, "{:.1f} km ahead of the slot", SLOT),
    Feature("drift", "km/d", -50, 50, "drifting ahead by {:.1f} km a day", SLOT, silent_at=0),
    Feature("warnings", "1", 0, 10, "{:.0f} warnings", SHIP),
    Feature("battery", "%", 0, 100, "battery at {:.0f} %", SHIP, warn_below=25),
    Feature("time_left", "%", 0, 100, "{:.0f} % of the mission time left", SHIP),
)
WARNED = (
    Feature("present", "1", 0, 1, "warning {:.0f}", gate=True),
    Feature("time", "h", 0, 36, "closest approach in {:.1f} h"),
    Feature("miss", "m", 0, 3000, "estimated miss {:.0f} m"),
    Feature("sigma", "m", 0, 3000, "known to {:.0f} m"),
    Feature("risk", "1", -10, 0, "decimal logarithm of the collision probability {:.1f}", warn_above=-4),
    Feature("age", "h", 0, 36, "issued {:.1f} h ago"),
)
# Where each stands in a row: in the order of the declarations above, which a test holds them to.
(FUEL, OFFSET, DRIFT, WARNINGS, BATTERY, TIME_LEFT) = range(len(OWN))
(PRESENT, TIME, MISS, SIGMA, RISK, AGE) = range(len(WARNED))
OWN_SIZE, WARNED_SIZE = len(OWN), len(WARNED)
ACTIONS = ("wait", "forward_small", "forward_large", "backward_small", "backward_large", "return")
TERMS = (
    "reward_service",
    "reward_fuel",
    "reward_loss",
    "burned_m_s",
    "collided",
    "closest_m",
    "out_of_slot",
    "illegal",
)
BRIEFING = (
    "You are the onboard mind of a satellite in a constellation that debris passes. Every {:g} min you "
    "decide whether to burn. A collision ends the satellite. A burn costs fuel and takes the satellite out "
    "of its slot, where it serves nobody until it has returned; it moves the satellite along its track, the "
    "more the earlier it comes. Warnings are uncertain and are put right every {:g} h; operators act above a "
    "probability of 1e-4."
)
GLOBAL_SIZE, SATELLITE_SIZE = 1, 11


def layout(scenario: Scenario, warned: int) -> Layout:
    """The features of an observation with `warned` warnings; times range as in the scenario."""
    ahead = scenario.threats.warn_h

    def fit(feature: Feature, k: int) -> Feature:
        high = ahead if feature.unit == "h" else feature.high
        return replace(feature, name=f"warning_{k}_{feature.name}", high=high, topic=f"Warning {k}")

    return Layout([*OWN, *(fit(feature, k + 1) for k in range(warned) for feature in WARNED)])


def burn_phrases(small_m_s: float, large_m_s: float) -> tuple[str, ...]:
    """What each action does, in words, with burns of these sizes."""
    small, large = 100.0 * small_m_s, 100.0 * large_m_s
    return (
        "do nothing",
        f"burn {small:g} cm/s in the direction of flight",
        f"burn {large:g} cm/s in the direction of flight",
        f"burn {small:g} cm/s against the direction of flight",
        f"burn {large:g} cm/s against the direction of flight",
        "burn what leads back to the slot",
    )


class Avoidance(Problem):
    """The problem over a world; see the module's page."""

    name = "avoidance_v0"
    terms = TERMS
    actions = ACTIONS
    world: DangerWorld

    def __init__(
        self,
        world: DangerWorld,
        *,
        service: float = 1.0,
        fuel_price: float = 2.0,
        loss_penalty: float = 100.0,
        team_reward: bool = False,
    ) -> None:
        self.world, self.team_reward = world, bool(team_reward)
        settings = world.scenario.threats
        self.prices = float(service), float(fuel_price), float(loss_penalty)
        self._limits = settings.fuel_m_s, 1e3 * settings.slot_km
        self._illegal = np.zeros((world.worlds, world.satellites), np.int32)
        self.layout = layout(world.scenario, world.warnings.shape[2])
        self.burns_m_s = settings.small_m_s, settings.large_m_s
        self.phrases = burn_phrases(*self.burns_m_s)
        self.briefing = BRIEFING.format(world.scenario.round_s / 60.0, settings.update_h)

    def advance(
        self, actions: NDArray[np.int32], mask: NDArray[np.int8], thinking: Deliberated | None = None
    ) -> None:
        orders = np.empty_like(actions)
        decode(actions, mask, orders, self._illegal)
        if thinking is None:
            self.world.fly(orders)
            return
        # an impulse does not stand: while its mind is busy with the next decision, a satellite waits
        busy = (thinking.timing["busy"] > 0.0) & (thinking.timing["delay"] == 0.0)
        self.world.fly(np.where(busy, np.int32(WAIT), orders), thinking.timing)

    def identities(self) -> NDArray[np.int64]:
        return np.broadcast_to(np.arange(len(ACTIONS)), (*self._illegal.shape, len(ACTIONS))).copy()

    def report(self, observation: NDArray, mask: NDArray, reward: NDArray, terms: NDArray) -> None:
        layout, world = self.layout, self.world
        world.share(observe_worlds, world.threats, world.rules, world.warnings, layout.low, layout.high,
                    world.horizon_s, self._limits, self.prices, observation, mask, self._illegal,
                    self.team_reward, reward, terms)  # fmt: skip

    def global_state(self, b: int) -> NDArray[np.float32]:
        out = np.empty(self.state_size, np.float32)
        world = self.world
        write_global_state(world.state, world.threats, b, world.horizon_s, self._limits, out)
        return out

    @property
    def state_size(self) -> int:
        return GLOBAL_SIZE + SATELLITE_SIZE * self.world.satellites


@kernel
def decode(actions, mask, orders, illegal):
    """Write the burns of actions (B, N), and which of them the mask (B, N, A) forbids."""
    for b in range(actions.shape[0]):
        for n in range(actions.shape[1]):
            illegal[b, n] = mask[b, n, actions[b, n]] == 0
            orders[b, n] = WAIT if illegal[b, n] else actions[b, n]


@kernel
def observe_worlds(
    state, constants, which, threats, rules, warnings, low, high, horizon, limits, prices, observation, mask,
    illegal, team, reward, terms,
):  # fmt: skip
    """Observations, masks, rewards and terms of the worlds listed in `which`."""
    for b in which:
        now, start = state.clock[b].time, state.clock[b].start
        for n in range(observation.shape[1]):
            row, passing = observation[b, n], threats.passing[b, n]
            fuel, alive = threats.fuel[b, n], state.body[b, n].alive
            row[FUEL] = 100.0 * fuel / limits[0]
            row[OFFSET] = 1e-3 * passing.offset
            row[DRIFT] = 1e-3 * DAY * passing.drift
            row[BATTERY] = 100.0 * state.power[b, n].energy / state.power[b, n].capacity
            row[TIME_LEFT] = 100.0 * (1.0 - (now - start) / horizon)
            row[WARNINGS] = tell_warnings(warnings[b, n], now, row[OWN_SIZE:])
            for i in range(row.shape[0]):
                share = (row[i] - low[i]) / (high[i] - low[i])
                row[i] = min(1.0, max(-1.0, 2.0 * share - 1.0))
            mask[b, n, WAIT] = 1
            allow_burns(alive, fuel, passing, rules, mask[b, n, FORWARD_SMALL:])
        played = now > start
        _judge(state.activity[b], state.body[b], threats.passing[b], played, constants.round_s,
               limits[1], prices, illegal[b], team, reward[b], terms[b])  # fmt: skip


@kernel
def allow_burns(able, fuel, passing, rules, legal):
    """Write which burns, from FORWARD_SMALL on, an `able` satellite may make."""
    for i in range(RETURN - FORWARD_SMALL):
        large = FORWARD_SMALL + i in (FORWARD_LARGE, BACKWARD_LARGE)
        legal[i] = able and fuel >= (rules.large if large else rules.small)
    legal[RETURN - FORWARD_SMALL] = able and fuel > 0.0 and away(passing.offset, passing.drift)


@kernel
def tell_warnings(told, now, row):
    """Write the features of the warnings (W,) into `row`; how many there are."""
    count = 0
    for k in range(told.shape[0]):
        base = k * WARNED_SIZE
        if told[k].tca == math.inf:
            for i in range(WARNED_SIZE):
                row[base + i] = 0.0
            row[base + RISK] = -10.0
            continue
        count += 1
        row[base + PRESENT] = 1.0
        row[base + TIME] = (told[k].tca - now) / HOUR
        row[base + MISS] = told[k].miss
        row[base + SIGMA] = told[k].sigma
        row[base + RISK] = math.log10(max(LEAST_PROBABILITY, told[k].probability))
        row[base + AGE] = (now - told[k].issued) / HOUR
    return count


@kernel
def _judge(did, body, passing, played, round_s, slot, prices, illegal, team, reward, terms):
    """Rewards (N,) and terms (N, I) of the last round."""
    total = 0.0
    for n in range(reward.shape[0]):
        row, here = terms[n], passing[n]
        inside = abs(here.offset) <= slot
        row[0] = prices[0] * round_s / DAY if played and inside and body[n].alive else 0.0
        row[1] = -prices[1] * here.burned if played else 0.0
        row[2] = -prices[2] if did[n].died else 0.0
        row[3] = here.burned if played else 0.0
        row[4] = here.hit
        row[5] = here.closest if here.closest < math.inf else 0.0
        row[6] = body[n].alive and not inside
        row[7] = illegal[n]
        reward[n] = row[0] + row[1] + row[2]
        total += row[0] + row[1] + row[2]
    if team:
        for n in range(reward.shape[0]):
            reward[n] = total / reward.shape[0]


@kernel
def write_global_state(state, threats, b, horizon, limits, out):
    """Time left; per satellite position, velocity, fuel, offset, next approach, alive; in [-1, 1].

    Of the next approach within a kilometre the true distance and the wait.
    """
    now = state.clock[b].time
    out[0] = 1.0 - 2.0 * (now - state.clock[b].start) / horizon
    for n in range(state.body.shape[1]):
        row = out[GLOBAL_SIZE + n * SATELLITE_SIZE : GLOBAL_SIZE + (n + 1) * SATELLITE_SIZE]
        for i in range(3):
            row[i] = state.orbit.position[b, n, i] / 1e7
            row[3 + i] = state.orbit.velocity[b, n, i] / 1e4
        row[6] = 2.0 * threats.fuel[b, n] / limits[0] - 1.0
        row[7] = threats.passing[b, n].offset / 50e3
        distance, wait = _next_approach(threats.threat[b, n], now)
        row[8] = 2.0 * distance / 1e3 - 1.0
        row[9] = 2.0 * wait / DAY - 1.0
        row[10] = 1.0 if state.body[b, n].alive else -1.0
    for i in range(out.shape[0]):
        out[i] = min(np.float32(1.0), max(np.float32(-1.0), out[i]))


@kernel
def _next_approach(rows, now):
    """True distance (m) and wait (s) of the next approach within a kilometre; if none, that and a day."""
    for k in range(rows.shape[0]):
        if rows[k].tca == math.inf:
            break
        r = rows[k].relative
        distance = math.sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])
        if rows[k].passing > now and distance < 1e3:
            return distance, rows[k].passing - now
    return 1e3, DAY


def batch_env(
    scenario: Any = "crossing_12",
    worlds: int = 1,
    *,
    max_cycles: int | None = None,
    warned: int = 3,
    service: float = 1.0,
    fuel_price: float = 2.0,
    loss_penalty: float = 100.0,
    team_reward: bool = False,
    autoreset: bool = True,
    threads: int = 1,
) -> BatchEnv:
    """B worlds at once, arrays in and arrays out; see `BatchEnv` and the module's page."""
    nothing_to_image = {"requests.initial": 0, "requests.per_hour": 0.0, "requests.sites": ()}
    scenario = load_scenario(scenario, nothing_to_image)
    horizon = horizon_of(scenario, max_cycles)
    world = DangerWorld(
        scenario, worlds, warned=whole_count("warned", warned), shown=1, horizon_s=horizon, threads=threads
    )
    problem = Avoidance(
        world,
        service=service,
        fuel_price=fuel_price,
        loss_penalty=loss_penalty,
        team_reward=team_reward,
    )
    return BatchEnv(problem, autoreset=autoreset)


def parallel_env(
    scenario: Any = "crossing_12",
    *,
    mask_in_obs: bool = False,
    death: str = "noop",
    render_mode: str | None = None,
    **arguments: Any,
) -> ParallelFace:
    """PettingZoo's parallel environment; arguments on the module's page."""
    batch = batch_env(scenario, autoreset=False, **arguments)
    return ParallelFace(batch, mask_in_obs=mask_in_obs, death=death, render_mode=render_mode)


raw_env, env, satellite_env, vector_env = make_faces(batch_env, parallel_env)
