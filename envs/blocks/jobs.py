"""Jobs: the work on board, the job to decide on, who else could do it, and the decisions."""

import math
from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np

from envs import prospects
from envs.block import Action, Block
from envs.blocks.pointing import obeys
from envs.features import Feature
from sandbox.compiled import kernel
from sandbox.job_queues import sight
from sandbox.job_service import allowed
from sandbox.jobs import ANSWERS, DECISIONS, DEFER, INBOX, LARGE, RAW, SMALL
from sandbox.lasers import TERMINALS, carries
from sandbox.routing import hop_seconds
from sandbox.state import NONE

WORK, JOB, TRAINING = "Work", "Job", "Training satellite"
UNSEEN, MOST_S = -90.0, 3600.0


class Work(Block):
    """What waits on board."""

    parts = ("jobs",)
    features = (
        Feature("inbox", "1", 0, 32, "{:.0f} [job|jobs] to decide", WORK, at_zero="", root=True),
        Feature("backlog", "s", 0, 600, "backlog {:.0f} s", WORK, open_end=True, at_zero="", root=True),
        Feature("answers", "1", 0, 50, "{:.0f} [answer|answers] to send", WORK, silent_at=0, root=True),
        Feature("raw", "Gbit", 0, 100, "{:.0f} Gbit raw to send", WORK, silent_at=0, root=True),
        Feature("large_missing", "%", 0, 100, "{:.0f}% of the large model not on board yet", WORK,
                silent_at=0),
    )  # fmt: skip

    def tops(self, scenario):
        return {"inbox": float(scenario.jobs.places)}

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        work, host = sim.jobs.state, sim.jobs.params.hosts[n]
        server = work.servers[b, n]
        row.inbox = work.queues[b, n, INBOX].count
        row.backlog = min(server.backlog, 1e6)
        row.answers = work.queues[b, n, ANSWERS].count
        bits, j = 0.0, work.queues[b, n, RAW].head
        while j != NONE:
            bits += work.book[b, j].bits
            j = work.book[b, j].next
        row.raw = 1e-9 * bits
        row.large_missing = 100.0 * server.missing / host.large_bits if host.large_bits > 0.0 else 0.0


class Job(Block):
    """The job at the head of the inbox."""

    parts = ("jobs",)
    features = (
        Feature("job_present", "1", 0, 1, "job {:.0f}", JOB, gate=True),
        Feature("job_camera", "1", 0, 1, "from a camera of the fleet", JOB, at_zero=""),
        Feature("job_value", "1", 0, 10, "value {:.1f}", JOB),
        Feature("job_age", "s", 0, 3600, "{:.1f/60} min old", JOB, open_end=True, root=True),
        Feature("job_left", "s", 0, 10_800, "{:.1f/60} min left", JOB),
        Feature("job_half_life", "s", 0, 3600, "halved every {:.0f/60} min", JOB),
        Feature("job_size", "Mbit", 0, 4000, "{:.0f} Mbit", JOB),
        Feature("job_small_s", "s", 0, 120, "small model {:.1f} s", JOB, root=True),
        Feature("job_large_s", "s", 0, 120, "large {:.1f} s", JOB, root=True),
        Feature("job_small_quality", "1", 0, 1, "quality small {:.0f/0.01}%", JOB),
        Feature("job_large_quality", "1", 0, 1, "large {:.0f/0.01}%", JOB),
        Feature("job_ground_quality", "1", 0, 1, "ground {:.0f/0.01}%", JOB),
        Feature("job_user_elevation", "deg", -90, 90, "user sees us {:.0f} deg high", JOB, silent_at=-90),
        Feature("job_hops", "1", 0, 10, "handed over {:.0f} [time|times]", JOB, silent_at=0, root=True),
    )

    def tops(self, scenario):
        kinds = scenario.job_kinds
        return {
            "job_value": max((kind.value[1] * kind.value_factor for kind in kinds), default=0.0) or 1.0,
            "job_left": max((kind.deadline_s * kind.time_factor for kind in kinds), default=1.0),
            "job_half_life": max((kind.half_life_s for kind in kinds), default=1.0),
            "job_size": max((kind.raw_mbit for kind in kinds), default=1.0),
        }

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        work, terms = sim.jobs.state, sim.jobs.params
        j = work.queues[b, n, INBOX].head
        row.job_user_elevation = UNSEEN
        if j == NONE:
            return
        job = work.book[b, j]
        kind = terms.kinds[job.kind]
        row.job_present = 1.0
        row.job_camera = job.source != NONE
        row.job_value = job.value
        row.job_age = moment.now - job.release
        row.job_left = job.deadline - moment.now
        row.job_half_life = kind.half_life
        row.job_size = 1e-6 * job.bits
        row.job_small_s = min(terms.alone[n, SMALL, job.kind], 1e6)
        row.job_large_s = min(terms.alone[n, LARGE, job.kind], 1e6)
        row.job_small_quality = kind.quality[0]
        row.job_large_quality = kind.quality[1]
        row.job_ground_quality = kind.quality[2]
        if job.source == NONE:
            sine, _ = sight(sim.jobs.scratch.itrs[b, n], job)
            row.job_user_elevation = math.degrees(math.asin(sine)) if sine > 0.0 else UNSEEN
        row.job_hops = job.hops


class Neighbours(Block):
    """What can be reached over the laser terminals, as it is now."""

    each = "neighbour"
    parts: ClassVar[tuple[str, ...]] = ("jobs", "lasers")
    features: ClassVar[tuple[Feature, ...]] = (
        Feature("present", "1", 0, 1, "neighbour {:.0f}", gate=True),
        Feature("delay", "ms", 0, 1000, "{:.0f} ms away", column="ms away", root=True),
        Feature("backlog", "s", 0, 600, "{:.0f} s of work there", column="s of work", open_end=True,
                at_zero="", root=True),
        Feature("inbox", "1", 0, 32, "{:.0f} [job|jobs] undecided there", column="jobs", at_zero="",
                root=True),
        Feature("battery", "%", 0, 100, "its battery at {:.0f}%", column="battery %"),
    )  # fmt: skip

    def count(self, world):
        return TERMINALS

    def tops(self, scenario):
        return {"inbox": float(scenario.jobs.places)}

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        work, links, lasers = sim.jobs.state, sim.lasers.state.links[b], sim.lasers.params.terminals
        bits = _head_bits(work, b, n)
        for k in range(TERMINALS):
            if carries(links, lasers, n, k, moment.now):
                peer, item = links[n, k].peer, own.items[b, k]
                power = sim.state.power[b, peer]
                item.present = 1.0
                item.delay = 1e3 * hop_seconds(links, lasers, n, k, bits)
                item.backlog = min(work.servers[b, peer].backlog, 1e6)
                item.inbox = work.queues[b, peer, INBOX].count
                item.battery = 100.0 * power.energy / power.capacity


@kernel
def _head_bits(work, b, n):
    j = work.queues[b, n, INBOX].head
    return work.book[b, j].bits if j != NONE else 0.0


class Beacons(Neighbours):
    """What the neighbours told last over the links that are there now, and how long ago; with
    `message_size`, the numbers of their last message."""

    parts = ("jobs", "lasers", "messages")
    features = (
        *Neighbours.features,
        Feature("age", "s", 0, MOST_S, "heard {:.0f} s ago", column="heard s ago", open_end=True, root=True),
    )

    def __init__(self, message_size: int = 0) -> None:
        super().__init__()
        self.message_size = message_size

    def more(self, world):
        said = Feature("message", "1", -1, 1, "", silent_at=0)
        return tuple(
            replace(said, name=f"message_{i}", phrase=f"message {i}: {{:.2f}}")
            for i in range(1, self.message_size + 1)
        )

    def params(self, world):
        return world.messages.state.text.view(np.float32), world.messages.outbox.in_words

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        work, links, lasers = sim.jobs.state, sim.lasers.state.links[b], sim.lasers.params.terminals
        bits, messages = _head_bits(work, b, n), sim.messages.state
        heard, in_words = own.params
        for k in range(TERMINALS):
            peer, beacon, item = links[n, k].peer, messages.heard[b, n, k], own.items[b, k]
            item.age = 1e6
            if carries(links, lasers, n, k, moment.now):
                item.present = 1.0
                item.delay = 1e3 * hop_seconds(links, lasers, n, k, bits)
            if peer != NONE and beacon.peer == peer:
                item.backlog = min(beacon.backlog, 1e6)
                item.inbox = beacon.inbox
                item.battery = 100.0 * beacon.battery
                item.age = min(moment.now - beacon.sent, 1e6)
            if peer != NONE and messages.message[b, n, k].peer == peer and not in_words[b]:
                for i in range(heard.shape[3]):
                    said = heard[b, n, k, i]
                    own.more[b, k, i] = said if -1.0 <= said <= 1.0 else np.float32(0.0)


class Training(Block):
    """The training satellite that could start the job soonest."""

    parts = ("jobs", "lasers")
    features = (
        Feature("training_present", "1", 0, 1, "training satellite {:.0f}", TRAINING, gate=True),
        Feature("training_delay", "s", 0, 600, "reached and free in {:.1f} s",
                TRAINING, at_zero="free now", root=True),
        Feature("training_large_s", "s", 0, 120, "large model {:.1f} s", TRAINING, at_zero="", root=True),
    )  # fmt: skip

    @staticmethod
    @kernel
    def observe(sim, own, moment, row, b, n):
        work, routes = sim.jobs.state, sim.jobs.scratch.training
        goal, j = routes.goal[b, n], work.queues[b, n, INBOX].head
        if goal not in (NONE, n):
            row.training_present = 1.0
            row.training_delay = routes.seconds[b, n]
            row.training_large_s = (
                sim.jobs.params.alone[goal, LARGE, work.book[b, j].kind] if j != NONE else 0.0
            )


class Decide(Block):
    """What becomes of the job at the head of the inbox. To let it wait is the no-op."""

    parts = ("jobs", "lasers")
    group = "queue"

    def actions(self, world):
        phrases = (
            "put the job behind the others and decide later",
            "answer it here with the small model",
            "answer it here with the large model",
            *(f"hand it to neighbour {k}" for k in range(1, TERMINALS + 1)),
            "hand it to the training satellite",
            "send it raw to the ground, to be answered there",
            "give it up",
        )
        return tuple(map(Action, DECISIONS, phrases))

    def prospects(self, world, prices):
        return tuple(partial(prospects.answer, rule=rule) for rule in DECISIONS)

    def identities(self, world):
        head = world.jobs.state.queues["head"][..., INBOX].astype(np.int64)
        count = len(DECISIONS)
        named = np.where(head[..., None] == NONE, NONE, head[..., None] * count + np.arange(count))
        named[..., DEFER] = 0
        return named

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        work = sim.jobs.state
        has_job = obeys(sim, b, n) and work.queues[b, n, INBOX].head != NONE
        legal[DEFER] = 1
        for a in range(DEFER + 1, legal.shape[0]):
            legal[a] = has_job and allowed(sim.state, sim.jobs, sim.lasers, a, b, n)

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        control.commands.queue[b, n] = action
