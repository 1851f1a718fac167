"""Seeing ahead: the requests that a satellite will reach in the coming minutes."""

import math
from dataclasses import replace

from envs.block import Block
from envs.blocks.images import Requests, tell_part
from envs.features import Feature
from sandbox.cloud_field import cloud_chance
from sandbox.compiled import kernel
from sandbox.state import NONE

_AS_IN_REACH = {feature.name: feature for feature in Requests.features}


class Upcoming(Block):
    """The best of the requests that come into reach within the scenario's `requests.ahead_min`, as many as
    its `requests.ahead` says, in the order in which they come (`sandbox.ahead`). Whether the direction
    will do for the second look of a stereo pair shows when it is in reach."""

    parts = ("ahead",)
    each = "upcoming"
    features = (
        Feature("present", "1", 0, 1, "coming request {:.0f}", gate=True),
        _AS_IN_REACH["value"],
        _AS_IN_REACH["cloud"],
        Feature("opens_in", "min", 0, 15, "in reach in {:.0f} min", column="opens in min"),
        replace(_AS_IN_REACH["window"], phrase="then for {:.0f} s"),
        replace(_AS_IN_REACH["off_nadir"], phrase="off nadir {:.0f} deg at least"),
        _AS_IN_REACH["deadline"],
        _AS_IN_REACH["rivals"],
        _AS_IN_REACH["earlier"],
    )

    def count(self, world):
        return world.scenario.requests.ahead

    def tops(self, scenario):
        return Requests().tops(scenario) | {"opens_in": scenario.requests.ahead_min}

    def more(self, world):
        return Requests().more(world)

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        requests = sim.state.requests
        several_kinds, one_sky = own.more.shape[2] > 0, requests.edge.shape[1] > 0
        for u in range(own.items.shape[1]):
            found = sim.ahead.state.upcoming[b, n, u]
            if found.request == NONE:
                continue
            j, item = found.request, own.items[b, u]
            request = requests.book[b, j]
            item.present = 1.0
            item.value = request.value
            item.cloud = 100.0 * request.cloud
            if one_sky:
                item.cloud = 100.0 * cloud_chance(requests, sim.constants, b, j, moment.now, found.enter)
            item.opens_in = (found.enter - moment.now) / 60.0
            item.window = found.leave - found.enter
            item.off_nadir = math.degrees(found.off_nadir)
            item.deadline = (request.deadline - moment.now) / 60.0
            item.rivals = found.rivals
            item.earlier = found.earlier
            if several_kinds:
                tell_part(requests, own.more[b, u], moment.now, b, j)
