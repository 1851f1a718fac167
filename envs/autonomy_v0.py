"""autonomy_v0: the whole decision. (page follows)"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sandbox.faults import BATTERY as BATTERY_NOISE
from sandbox.faults import TEMPERATURE as TEMPERATURE_NOISE
from sandbox.faults import can_reload, noise, uniform

from envs import autonomy_features as declared
from envs.autonomy_features import FIRST_OBSERVE, KEEP, NEIGHBOUR_SIZE
from envs.avoidance_v0 import allow_burns, tell_warnings
from envs.batch import BatchEnv, horizon_of, whole_count
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
from envs.parallel import ParallelFace, sequential
from envs.problem import Deliberated, Problem
from envs.single import SatelliteEnv, Teammates, alone, one_satellite
from envs.tasking_v0 import (
    OWN_SIZE,
    TIME_LEFT,
    tell_body,
    tell_ground,
    tell_images,
    tell_motion,
    tell_request,
)
from envs.vector import SatelliteVectorEnv
from sandbox.autonomy_world import AutonomyWorld
from sandbox.avoidance import FORWARD_SMALL, RETURN, WAIT
from sandbox.compiled import kernel
from sandbox.errors import SandboxError
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

DAY, KELVIN = 86_400.0, 273.15
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
        self._prices = float(fuel_price), float(slot_price), float(loss_penalty)
        self._limits = settings.fuel_m_s, 1e3 * settings.slot_km
        warned = world.warnings.shape[2]
        self.layout, places = declared.layout(world.scenario, world.shown, warned, self.message_size)
        self._places = tuple(places)
        self.burns_m_s = settings.small_m_s, settings.large_m_s
        self.actions = declared.actions(world.shown)
        self.phrases = declared.phrases(world.shown, *self.burns_m_s)
        self.briefing = BRIEFING.format(world.scenario.round_s)
        self._burn, self._late, self._reload, self._illegal = (np.zeros(team, np.int32) for _ in range(4))
        self._content = np.zeros((*team, 4 * self.message_size), np.uint8)
        self._length = np.zeros(team, np.int32)
        self._heard = world.beacons.text.view(np.float32)

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
        self._content[...] = np.ascontiguousarray(vectors).view(np.uint8)
        self._length[...] = np.where(silent, 0, self._content.shape[-1])

    def say_text(self, b: int, n: int, text: str) -> None:
        """Send `text`, cut to 4 M bytes, from satellite n of world b to its neighbours in this round."""
        content = text.encode("utf-8")[: self._content.shape[-1]]
        self._content[b, n, : len(content)] = np.frombuffer(content, np.uint8)
        self._length[b, n] = len(content)

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
        for array in (self._burn, self._late, self._reload):
            array[...] = 0
        if thinking is not None:
            timing = thinking.timing
            self._decide(thinking.first, mask, self._burn)
            before = orders.copy()
        self._illegal[...] = 0
        for actions in labels:
            self._decide(actions, mask, self._burn if timing is None else self._late)
        if timing is not None:
            early = timing["delay"] == 0.0
            self._burn[early], self._late[early] = self._late[early], WAIT
        self.world.live(self._burn, self._late, self._reload, timing, before, (self._content, self._length))
        self._length[...] = 0

    def _decide(self, actions: NDArray[np.int32], mask: NDArray[np.int8], burn: NDArray[np.int32]) -> None:
        decode(actions, mask, self.world.state.opportunities, self.world.orders, burn, self._reload,
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

    def babble(self, mask: NDArray[np.int8]) -> NDArray[np.int64] | None:
        faults = self.world.faults
        if not faults.body["corrupt"].any():
            return None
        drawn = np.full(self._illegal.shape, -1)
        draw_worlds(faults, self.world.state.clock, mask, drawn)
        return drawn

    def report(self, observation: NDArray, mask: NDArray, reward: NDArray, terms: NDArray) -> None:
        layout, world = self.layout, self.world
        world.share(observe_worlds, *world.desks, world.threats, world.rules, world.warnings, world.beacons,
                    world.faults, world.breaks, world.orders, self._heard, self._places, layout.low,
                    layout.high, world.horizon_s, self._limits, self._prices, observation, mask,
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
def decode(actions, mask, opportunities, orders, burn, reload, illegal):
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
    heard, places, low, high, horizon, limits, prices, observation, mask, illegal, team, reward, out,
):  # fmt: skip
    """Observations, masks, rewards and terms of the worlds listed in `which`."""
    work_at, slot_at, orders_at, health_at, requests_at, job_at, neighbours_at, training_at, warnings_at = (
        places
    )
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
            _tell_health(faults.body[b, n], now, row[health_at:])
            for k in range(state.opportunities.shape[2]):
                tell_request(
                    state.opportunities[b, n, k],
                    state.requests.book[b],
                    k,
                    now,
                    row[requests_at - OWN_SIZE :],
                )
            tell_job(work, terms, sketch, now, b, n, row[job_at - JOB_BASE :])
            for k in range(TERMINALS):
                size = NEIGHBOUR_SIZE + heard.shape[3]
                _tell_neighbour(work, terms, beacons, heard, now, b, n, k, row[neighbours_at + k * size :])
            tell_training(work, terms, sketch, b, n, row[training_at - TRAINING_BASE :])
            for i in range(row.shape[0]):
                share = (row[i] - low[i]) / (high[i] - low[i])
                row[i] = min(1.0, max(-1.0, 2.0 * share - 1.0))
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
        row[0] = min(
            100.0, max(0.0, row[0] + 100.0 * breaks.battery_sigma * noise(key, BATTERY_NOISE, round_, n))
        )
    if breaks.temperature_sigma > 0.0:
        row[1] += breaks.temperature_sigma * noise(key, TEMPERATURE_NOISE, round_, n)


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
def _tell_health(fault, now, row):
    row[0] = fault.safe
    row[1] = max(0.0, fault.reset_until - now)
    row[2] = fault.weights_fault


@kernel
def _tell_neighbour(work, terms, beacons, heard, now, b, n, k, row):
    """What satellite n knows of its neighbour k: what that one told last over the link that is there now."""
    up = carries(work.links[b], terms.lasers, n, k, now)
    beacon, peer, j = beacons.heard[b, n, k], work.links[b, n, k].peer, work.queues[b, n, INBOX].head
    bits = work.book[b, j].bits if j != NONE else 0.0
    row[0] = up
    row[1] = 1e3 * hop_seconds(work.links[b], terms.lasers, n, k, bits) if up else 0.0
    known = peer != NONE and beacon.peer == peer
    row[2] = min(beacon.backlog, 1e6) if known else 0.0
    row[3] = beacon.inbox if known else 0.0
    row[4] = 100.0 * beacon.battery if known else 0.0
    row[5] = min(now - beacon.sent, 1e6) if known else 1e6
    message = beacons.message[b, n, k]
    for i in range(heard.shape[3]):
        said = heard[b, n, k, i] if message.peer != NONE and message.peer == peer else np.float32(0.0)
        row[NEIGHBOUR_SIZE + i] = said if -1.0 <= said <= 1.0 else np.float32(0.0)


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
    shown, shoots = (
        state.opportunities.shape[2],
        can_shoot(state.store, constants.craft[n], body.temperature, b, n),
    )
    for k in range(shown):
        request = state.opportunities[b, n, k].request
        stands = order.command == OBSERVE and order.request == request
        legal[FIRST_OBSERVE + k] = able and shoots and request != NONE and not stands
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


def raw_env(**arguments: Any):
    """PettingZoo's agent-environment-cycle environment, bare."""
    return sequential(parallel_env(**arguments), wrapped=False)


def env(**arguments: Any):
    """PettingZoo's agent-environment-cycle environment, with the checks of order and bounds."""
    return sequential(parallel_env(**arguments), wrapped=True)


def satellite_env(
    scenario: Any = "disaster_response",
    *,
    satellite: str | None = None,
    teammates: Teammates | None = None,
    render_mode: str | None = None,
    **arguments: Any,
) -> SatelliteEnv:
    """Gymnasium's environment for one satellite, by name or the first of the fleet.

    Without `teammates` it flies alone; with them the whole fleet flies and they decide for the others.
    """
    return one_satellite(batch_env, scenario, satellite, teammates, render_mode, **arguments)


def vector_env(
    num_envs: int = 1,
    scenario: Any = "disaster_response",
    *,
    satellite: str | None = None,
    autoreset_mode: Any = "NextStep",
    render_mode: str | None = None,
    **arguments: Any,
) -> SatelliteVectorEnv:
    """Gymnasium's vector environment: `num_envs` worlds in which one satellite flies alone."""
    batch = batch_env(alone(load_scenario(scenario), satellite), num_envs, autoreset=False, **arguments)
    return SatelliteVectorEnv(batch, autoreset_mode, render_mode)
