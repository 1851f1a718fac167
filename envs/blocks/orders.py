"""Standing orders: what is in force, and actions that change one of them and let the others stand."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from envs import prospects
from envs.block import Action, Block
from envs.blocks.images import Observe
from envs.blocks.pointing import obeys
from envs.features import Feature
from envs.prospects import Prices, Prospect
from sandbox.campaigns import has_parts
from sandbox.compiled import kernel
from sandbox.faults import can_reload
from sandbox.images import can_keep, can_shoot
from sandbox.jobs import DECISIONS, NEIGHBOUR, RUN_LARGE, RUN_SMALL
from sandbox.jobs import TRAINING as TO_TRAINING
from sandbox.lasers import TERMINALS, carries
from sandbox.orders import can_send
from sandbox.state import CHARGE, DOWNLINK, IDLE, NONE, OBSERVE
from sandbox.thermal import is_hot

ORDERS, HEALTH = "Standing orders", "Health"
POINTINGS = ("idle", "charge", "downlink")
POINTED = (
    "camera to nadir",
    "panel to the Sun",
    "send all that waits to the station",
)
SERVED = (
    "all jobs wait",
    "answer jobs here with the small model",
    "answer jobs here with the large model",
    *(f"hand jobs to neighbour {k}" for k in range(1, TERMINALS + 1)),
    "hand jobs to the training satellite",
    "send jobs there raw",
    "give jobs up",
)
_OTHERWISE = "it is not so ordered already"


def _shown(names):
    """An order is told by the name of the decision that gives it."""
    return tuple(
        Feature(f"order_{name}", "1", 0, 1, name.replace("_", " "), ORDERS, silent_at=0) for name in names
    )


class Standing(Block):
    """The orders in force."""

    parts = ("orders", "jobs", "faults")
    features = (
        *_shown((*POINTINGS, "observe")),
        *_shown(DECISIONS),
    )

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        order = sim.orders[b, n]
        row.order_idle = order.command not in (OBSERVE, DOWNLINK, CHARGE)
        row.order_charge = order.command == CHARGE
        row.order_downlink = order.command == DOWNLINK
        row.order_observe = order.command == OBSERVE
        row.order_defer = order.queue == 0
        row.order_run_small = order.queue == 1
        row.order_run_large = order.queue == 2
        row.order_neighbour_1 = order.queue == 3
        row.order_neighbour_2 = order.queue == 4
        row.order_neighbour_3 = order.queue == 5
        row.order_neighbour_4 = order.queue == 6
        row.order_training = order.queue == 7
        row.order_ground = order.queue == 8
        row.order_drop = order.queue == 9


class _Instead(NamedTuple):
    """What an order brings beyond the pointing that stands."""

    order: Prospect
    prices: Prices

    def __call__(self, seen: Mapping[str, float]) -> float:
        return self.order(seen) - prospects.pointed(seen, self.prices)


class PointTo(Block):
    """Nadir, the Sun or a station, from now on."""

    parts = ("orders", "jobs", "faults")
    group = "pointing"

    def actions(self, world):
        return tuple(
            map(Action, POINTINGS, POINTED, (_OTHERWISE, _OTHERWISE, "a station, something to send"))
        )

    def prospects(self, world, prices):
        charge, send = (partial(each, prices=prices) for each in (prospects.charging, prospects.sending))
        return tuple(_Instead(each, prices) for each in (prospects.nothing, charge, send))

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        order, able, body = sim.orders[b, n], obeys(sim, b, n), sim.state.body[b, n]
        legal[0] = able and order.command != IDLE
        legal[1] = able and order.command != CHARGE
        cool = not is_hot(body, sim.constants.craft[n])
        sends = able and cool and order.command != DOWNLINK
        legal[2] = sends and can_send(sim.state, sim.jobs, b, n)

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        order = control.orders[b, n]
        order.command, order.request = (IDLE, CHARGE, DOWNLINK)[action], NONE


class ObserveNext(Observe):
    """Image one of the requests shown: the order stands until that is done."""

    parts = ("orders", "faults")

    def prospects(self, world, prices):
        return tuple(_Instead(each, prices) for each in super().prospects(world, prices))

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        order, craft = sim.orders[b, n], sim.constants.craft[n]
        able = obeys(sim, b, n) and can_shoot(sim.state.store, craft, sim.state.body[b, n], b, n)
        alike = not has_parts(sim.state.requests)
        for k in range(legal.shape[0]):
            request = sim.state.opportunities[b, n, k].request
            stands = order.command == OBSERVE and order.request == request
            kept = request != NONE and (alike or can_keep(sim.state, craft, request, b, n))
            legal[k] = able and kept and not stands

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        order = control.orders[b, n]
        order.command, order.request = OBSERVE, control.opportunities[b, n, action].request


class Serve(Block):
    """What becomes of every job in the inbox, from now on."""

    parts = ("orders", "jobs", "lasers", "faults")
    group = "queue"

    def actions(self, world):
        reasons = {"run": "likewise, and boards are there", "nei": "likewise, and its link is up",
                   "tra": "likewise, and there is a way"}  # fmt: skip
        legal = (reasons.get(name[:3], _OTHERWISE) for name in DECISIONS)
        return tuple(map(Action, DECISIONS, SERVED, legal))

    def prospects(self, world, prices):
        return tuple(partial(prospects.serving, prices=prices, rule=rule) for rule in DECISIONS)

    def families(self, world):
        others = tuple(f"neighbour_{k}" for k in range(1, TERMINALS + 1))
        return (
            (("run_small", "run_large"), "answer jobs here with that model"),
            ((*others, "training"), "hand jobs to it"),
        )

    def identities(self, world):
        peers = world.lasers.state.links["peer"].astype(np.int64)
        named = np.broadcast_to(np.arange(len(DECISIONS)), (*peers.shape[:2], len(DECISIONS))).copy()
        named[..., NEIGHBOUR : NEIGHBOUR + TERMINALS] = np.where(peers == NONE, NONE, len(DECISIONS) + peers)
        return named

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        order, terms, able = sim.orders[b, n], sim.jobs.params, obeys(sim, b, n)
        for a in range(legal.shape[0]):
            possible = True
            if a in (RUN_SMALL, RUN_LARGE):
                possible = terms.hosts[n].boards > 0
            elif a == TO_TRAINING:
                goal = sim.jobs.scratch.training.goal[b, n]
                possible = terms.trains and goal != NONE and goal != n
            elif NEIGHBOUR <= a < TO_TRAINING:
                possible = carries(
                    sim.lasers.state.links[b], sim.lasers.params.terminals, n, a - NEIGHBOUR, moment.now
                )
            legal[a] = able and possible and order.queue != a

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        control.orders[b, n].queue = action


class Health(Block):
    """What is known to be broken."""

    parts = ("faults", "jobs")
    features = (
        Feature("safe_mode", "1", 0, 1, "in safe mode", HEALTH, silent_at=0),
        Feature("board_reset", "s", 0, 600, "boards back in {:.0f} s", HEALTH, silent_at=0),
        Feature("weights_fault", "1", 0, 1, "the model's weights are corrupted", HEALTH, silent_at=0,
                warn_above=0.5),
    )  # fmt: skip

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        row.safe_mode = sim.state.safety[b, n].safe
        row.board_reset = min(max(0.0, sim.jobs.state.servers[b, n].down - moment.now), 1e6)
        row.weights_fault = sim.faults.state.body[b, n].weights_fault


class Reload(Block):
    """Load the models' weights anew, which takes all boards."""

    parts = ("faults", "jobs")
    group = "burn"
    stands = False

    def actions(self, world):
        return (Action("reload", "load corrupted models anew", "boards that are up"),)

    def prospects(self, world, prices):
        return (partial(prospects.reloading, prices=prices),)

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        legal[0] = obeys(sim, b, n) and can_reload(sim.state, sim.faults, b, n)

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        control.commands.reload[b, n] = 1
