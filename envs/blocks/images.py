"""Images: what is stored, what can be taken, and the orders to take one."""

import math
from dataclasses import replace
from functools import partial

import numpy as np

from envs import prospects
from envs.block import Action, Block
from envs.blocks.pointing import obeys
from envs.features import Feature
from sandbox.campaigns import completion_of, has_parts
from sandbox.cloud_field import cloud_chance
from sandbox.compiled import kernel
from sandbox.images import can_keep, can_shoot
from sandbox.state import AREA, CUE, DWELL, NONE, OBSERVE, PERIODIC, STEREO, TIP

STORE = "Images"


class Store(Block):
    """The images waiting on board."""

    features = (
        Feature("store", "%", 0, 100, "store {:.0f}% full", STORE, warn_above=90, at_zero="", root=True),
        Feature("stored", "Gbit", 0, 1000, "{:.0f} Gbit to send", STORE, silent_at=0, root=True),
        Feature("images", "1", 0, 100, "{:.0f} [image|images] waiting", STORE, at_zero="", root=True),
        Feature("oldest_image", "min", 0, 720, "the oldest {:.0f} min old", STORE, silent_at=0,
                open_end=True, root=True),
    )  # fmt: skip

    def tops(self, scenario):
        return {"stored": max(craft.store_gbit for craft in scenario.spacecraft.values())}

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        store = sim.state.store
        level = store.level[b, n]
        row.store = 100.0 * level.used / sim.constants.craft[n].store_bits
        row.stored = 1e-9 * level.used
        row.images = level.count
        if level.count > 0:
            oldest = sim.state.requests.book[b, store.request[b, n, level.head]]
            row.oldest_image = (moment.now - oldest.captured_at) / 60.0


KINDS = (
    Feature("area", "1", 0, 1, "a scene of an area", silent_at=0, column="area"),
    Feature("stereo", "1", 0, 1, "a look of a stereo pair", silent_at=0, column="stereo"),
    Feature("periodic", "1", 0, 1, "a look of a series", silent_at=0, column="series"),
    Feature("dwell", "1", 0, 1, "a video", silent_at=0, column="video"),
    Feature("cue", "1", 0, 1, "it may open an urgent request", silent_at=0, column="cue"),
    Feature("tip", "1", 0, 1, "urgent, found in an image", silent_at=0, column="urgent"),
    Feature("missing", "1", 0, 1, "{:.0f} [image|images] of its order missing", silent_at=0,
            column="missing", root=True),
    Feature("completion", "1", 0, 1, "completing the order pays {:.1f}", silent_at=0,
            column="completion pays", root=True),
    Feature("convergence", "deg", 0, 120, "its looks at least {:.0f} deg apart", silent_at=0,
            column="deg apart"),
    Feature("hold", "s", 0, 1, "the camera stays {:.0f} s", silent_at=0, column="s to stay"),
    Feature("size", "1", 0, 1, "as large as {:.0f} [image|images]", silent_at=0, column="images' size"),
)  # fmt: skip
"""What is told of each request where they are of several kinds; all 0 of a single image."""


class Requests(Block):
    """The requests that can be imaged now or soon (access begins within a minute of the round's end), by
    falling expected value, value x (1 - cloud). Where they are of several kinds, each image of a campaign
    counts for that with its share of what completion pays, and more is told of each: `KINDS`."""

    each = "request"
    features = (
        Feature("present", "1", 0, 1, "request {:.0f}", gate=True),
        Feature("value", "1", 0, 10, "value {:.1f}"),
        Feature("cloud", "%", 0, 100, "cloud probability {:.0f}%", column="cloud %"),
        Feature("off_nadir", "deg", 0, 65, "off nadir {:.0f} deg", column="deg off"),
        Feature("slew", "s", 0, 120, "{:.0f} s to turn there", column="s to turn"),
        Feature("capture_in", "s", 0, 180, "the shutter can open in {:.0f} s", column="opens in s"),
        Feature("window", "s", 0, 600, "in reach for {:.0f} s", column="open for s", open_end=True),
        Feature("deadline", "min", 0, 720, "deadline in {:.0f} min", column="min left", open_end=True),
        Feature("rivals", "1", 0, 20, "{:.0f} other [satellite|satellites] can take it too", silent_at=0,
                column="rivals", root=True),
        Feature("earlier", "1", 0, 20, "{:.0f} of them would be first", silent_at=0, column="first",
                root=True),
    )  # fmt: skip

    def count(self, world):
        return world.shown

    def tops(self, scenario):
        requests = scenario.requests
        urgent = (event.requests.value[1] for event in scenario.events if event.requests)
        most = requests.value[1] * requests.value_factor
        if requests.kinds is not None:
            most *= requests.kinds.value_factor
        return {"value": max([most, *(site.value for site in requests.sites), *urgent]) or 1.0}

    def more(self, world):
        requests = world.scenario.requests
        if not requests.has_kinds:
            return ()
        kinds = requests.kinds
        named, most = kinds.named, requests.value[1] * requests.value_factor
        tops = {
            "missing": max(kind.most_rows for kind in named.values()),
            "completion": most * kinds.completion,
            "hold": kinds.dwell.dwell_s if kinds.dwell else 0.0,
            "size": kinds.dwell.images if kinds.dwell else 0.0,
        }
        return tuple(replace(f, high=max(1.0, float(tops.get(f.name, f.high)))) for f in KINDS)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        requests = sim.state.requests
        several_kinds, one_sky = own.more.shape[2] > 0, requests.edge.shape[1] > 0
        for k in range(own.items.shape[1]):
            opportunity = sim.state.opportunities[b, n, k]
            if opportunity.request == NONE:
                continue
            j, item = opportunity.request, own.items[b, k]
            request = requests.book[b, j]
            item.present = 1.0
            item.value = request.value
            item.cloud = 100.0 * request.cloud
            if one_sky:
                at = moment.now + opportunity.capture
                item.cloud = 100.0 * cloud_chance(requests, sim.constants, b, j, moment.now, at)
            item.off_nadir = math.degrees(opportunity.off_nadir)
            item.slew = opportunity.slew
            item.capture_in = opportunity.capture
            item.window = opportunity.window
            item.deadline = (request.deadline - moment.now) / 60.0
            item.rivals = opportunity.rivals
            item.earlier = opportunity.earlier
            if several_kinds:
                tell_part(requests, own.more[b, k], moment.now, b, j)


@kernel
def tell_part(requests, more, now, b, j):
    """Write the features of `KINDS` of request j, in their order."""
    part = requests.part[b, j]
    for place, kind in enumerate((AREA, STEREO, PERIODIC, DWELL, CUE, TIP)):
        more[place] = 1.0 if part.kind == kind else 0.0
    missing, pays = completion_of(requests, b, j, now)
    more[6] = missing if part.campaign != NONE else 0.0
    more[7] = pays
    more[8] = math.degrees(part.convergence)
    more[9] = part.hold
    more[10] = part.images if part.images != 1.0 else 0.0


class Observe(Block):
    """Image one of the requests shown: an order for the coming round."""

    group = "pointing"

    def actions(self, world):
        legal = "it exists and there is room for an image"
        return tuple(Action(f"observe_{k}", f"image request {k}", legal) for k in range(1, world.shown + 1))

    def prospects(self, world, prices):
        return tuple(partial(prospects.image, k=k) for k in range(1, world.shown + 1))

    def identities(self, world):
        return world.state.opportunities["request"].astype(np.int64)

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        craft, body = sim.constants.craft[n], sim.state.body[b, n]
        able = obeys(sim, b, n) and can_shoot(sim.state.store, craft, body, b, n)
        alike = not has_parts(sim.state.requests)
        for k in range(legal.shape[0]):
            request = sim.state.opportunities[b, n, k].request
            legal[k] = able and request != NONE and (alike or can_keep(sim.state, craft, request, b, n))

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        control.commands.mode[b, n], control.commands.place[b, n] = OBSERVE, action
