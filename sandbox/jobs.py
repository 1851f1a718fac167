"""Jobs: questions to be answered in orbit, where each of them is, and what became of it.

A job is born with a user in a city or in a satellite's camera, waits on the ground for a satellite to see,
and is then always in exactly one queue of one satellite: the inbox (undecided), the board, the answers to be
sent down, or what is to be sent down raw. It ends answered, dropped, expired at its deadline, or lost with
its satellite. Here is what jobs are made of; `job_arrivals` draws them, `job_queues`, `job_boards` and
`job_delivery` serve them.

Shapes: B worlds, N satellites, J jobs in the book of an episode, K kinds, C boards. SI units.
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import kernel
from sandbox.compute import (
    COST,
    board,
    check_fit,
    cost_record,
    decode_seconds,
    model,
    prefill_seconds,
)
from sandbox.fleet import Fleet
from sandbox.modcods import ladder
from sandbox.routing import Heap, Routes, make_heap
from sandbox.scenario import JobKind, Questions, Scenario, load_scenario
from sandbox.setting import Setting
from sandbox.state import NONE, wipe
from sandbox.structured import structured
from sandbox.units import KILO, MEGA

UNBORN, WAITING, QUEUED, COMPUTING, ANSWERED, SENDING, DELIVERED, DROPPED, EXPIRED, LOST = range(10)
JOB_STATUS_NAMES = (
    "unborn",
    "waiting",
    "queued",
    "computing",
    "answered",
    "sending",
    "delivered",
    "dropped",
    "expired",
    "lost",
)
INBOX, RUN, ANSWERS, RAW = range(4)
"""The queues of a satellite."""
_OF_QUEUE = (QUEUED, COMPUTING, ANSWERED, SENDING)
DEFER, RUN_SMALL, RUN_LARGE, NEIGHBOUR = range(4)
TRAINING, TO_GROUND, DROP = range(7, 10)
DECISIONS = (
    "defer", "run_small", "run_large", "neighbour_1", "neighbour_2", "neighbour_3", "neighbour_4",
    "training", "ground", "drop",
)  # fmt: skip
"""What can be done with the job at the head of an inbox."""
SMALL, LARGE, GROUND = range(3)
"""Who answers: the place in `quality`."""

OVERHEAD_M = 550e3
"""Distance at which the link of a user carries what `scenario.Jobs` says: its best code just works there."""

SHARED = 4
"""Hand-overs of a job that share in its pay (`scenario.Jobs.relay_share`)."""

JOB = structured(
    [
        ("position", "f8", (3,)),  # m, ITRS, of its user
        ("up", "f8", (3,)),  # the user's zenith, ITRS
        ("release", "f8"),  # s
        ("deadline", "f8"),  # s
        ("value", "f8"),
        ("bits", "f8"),  # still to be moved: of the question first, then of the answer
        ("ready", "f8"),  # s, when it is wholly where it is
        ("delivered_at", "f8"),  # s, NaN before
        ("done", "f8"),  # s, when a board has answered it, 0 before one began
        ("spoilt", "f8"),  # share of its value that corrupted weights took from its answer
        ("kind", "i4"),
        ("source", "i4"),  # satellite whose camera took it, or -1
        ("place", "i4"),  # satellite that has it, or -1
        ("credit", "i4"),  # satellite that decided who answers it, or -1
        ("model", "i4"),  # who answers, or -1
        ("next", "i4"),  # the one behind it in the queue, or -1
        ("hops", "i4"),  # hand-overs
        ("relays", "i4"),  # of these, the first that are noted
        ("by", "i4", (SHARED,)),  # who handed it over then
        ("status", "u1"),
    ]
)
QUEUE = structured(
    [
        ("head", "i4"),
        ("tail", "i4"),
        ("count", "i4"),
        ("soonest", "f8"),  # s, no deadline in it is before then
    ]
)
SERVER = structured(
    [
        ("channel", "f8"),  # s, when the user link is free
        ("missing", "f8"),  # bit of the large model that are not on board yet
        ("backlog", "f8"),  # s until its boards have run all that waits for them, as seen between two rounds
        ("down", "f8"),  # s, its boards take no work before then
        ("spoil", "f8"),  # share of their value that its boards' answers lose, because of corrupted weights
        ("slowed", "f8"),  # share of their speed that its boards lost to heat as they last ran
        ("off", "?"),  # its boards are switched off
        ("served", "?"),  # a station has an antenna for it in this round
        # what it did in the last round:
        ("busy", "f8"),  # s of its boards
        ("sent", "f8"),  # bit to stations and users
        ("value", "f8"),  # earned by answers that arrived
        ("latency", "f8"),  # s, sum over them of release to arrival
        ("answered", "i4"),
        ("arrived", "i4"),  # jobs that came into the inbox
        ("handed", "i4"),  # jobs given to other satellites
        ("refused", "i4"),  # decisions that could not be carried out
        ("dropped", "i4"),
        ("expired", "i4"),
        ("lost", "i4"),
    ]
)
TIMES = ("wait", "up", "lasers", "queue", "prefill", "decode", "down")
"""Where the time of a job goes: until a satellite takes it up; the way up, with the wait for the user link;
over lasers, there and back; for a decision and a board; reading it; writing the answer; until that has come
down, with the wait for somebody who sees the user."""
WAIT, UP, OVER_LASERS, QUEUE_WAIT, PREFILL, DECODE, DOWN = range(len(TIMES))
TRACE = structured(
    [
        ("times", "f8", (len(TIMES),)),  # s, of TIMES; they add up to `since` less the release
        ("since", "f8"),  # s, up to when the times are told
        ("begun", "f8"),  # s, when a board began it last
    ]
)
LEDGER = structured(
    [
        (name, kind)
        for what, kind in (("jobs", "i8"), ("bits", "f8"))
        for name in (
            f"{what}_created",
            f"{what}_delivered",
            f"{what}_dropped",
            f"{what}_expired",
            f"{what}_lost",
        )
    ]
    + [("bits_understood", "f8")],  # questions less their answers: what inference made away with
)
"""created = delivered + dropped + expired + lost + in flight; of bits, understood as well."""

KIND = structured(
    [
        ("raw", "f8"),  # bit
        ("answer", "f8"),  # bit
        ("prompt", "f8"),  # tokens
        ("output", "f8"),  # tokens
        ("half_life", "f8"),  # s
        ("quality", "f8", (3,)),
        ("camera", "?"),
    ]
)
HOST = structured(
    [
        ("cost", COST, (2,)),  # of the small and of the large model
        ("boards", "i4"),  # 0 for none
        ("training", "?"),
        ("idle_w", "f8"),  # all its boards' draw while they idle
        ("extra_w", "f8"),  # a running board's draw beyond its idle one
        ("large_bits", "f8"),  # of the large model's weights
    ]
)


class JobParams(NamedTuple):
    """What the kernels need to know of the jobs of a scenario and does not change."""

    kinds: np.ndarray  # (K,) KIND
    hosts: np.ndarray  # (N,) HOST
    alone: np.ndarray  # (N, 2, K) s, a job of each kind by itself on a board, small and large model
    batch: int
    places: int
    user_sine: float
    user_needed: NDArray[np.float64]  # (M,) 1/m2: codes of the user links work where 1 / distance^2 is above
    user_share: NDArray[np.float64]  # (M,) share of the best rate that each carries
    user_down: float  # bit/s at best, to users
    user_up: float  # bit/s at best, from users
    uplink_rate: float  # bit/s that goes up from a station at most
    ground_s: float
    trains: bool  # whether there is a training satellite
    whole_inbox: bool  # whether a decision is about all jobs in the inbox, not the first alone
    relay_share: float  # of an answer's pay that goes to those who handed the question over


class Work(NamedTuple):
    """Everything of the jobs and the mesh that changes with time."""

    book: np.ndarray  # (B, J) JOB, in order of release
    released: np.ndarray  # (B,) i4, jobs released so far
    waiting: np.ndarray  # (B,) QUEUE of the jobs on the ground
    queues: np.ndarray  # (B, N, 4) QUEUE
    free: np.ndarray  # (B, N, C) s, when each board is free
    servers: np.ndarray  # (B, N) SERVER
    ledger: np.ndarray  # (B,) LEDGER
    traces: np.ndarray  # (B, J) TRACE, or (B, 0) where nobody follows a question


class JobScratch(NamedTuple):
    """Working memory of the kernels. `training` holds the routes to the training satellites for the coming
    round."""

    itrs: np.ndarray  # (B, N, 3) m, satellites now
    start: np.ndarray  # (B, N) s
    training: Routes  # of (B, N) each
    other: Routes  # of (B, N) each
    heap: Heap  # of (B, 5 N) each
    asking: np.ndarray  # (B, N) i4


class Jobs(NamedTuple):
    """The part of a world that serves jobs. It requires the lasers."""

    state: Work
    params: JobParams
    scratch: JobScratch


def idle_boards(scenario: Scenario) -> Scenario:
    """`scenario` with the standing load of every spacecraft's boards that of idle ones.

    Where jobs are served one by one, `power.compute_w` would count the customers' work twice.
    """
    loads = {
        f"spacecraft.{name}.power.compute_w": craft.compute.boards * board(craft.compute.board).idle_w
        for name, craft in scenario.spacecraft.items()
        if craft.compute is not None
    }
    return load_scenario(scenario, loads)


def make_part(setting: Setting, room: int, whole_inbox: bool, traced: bool = False) -> Jobs:
    """The part, with room for so many jobs. Raises SandboxError for models that do not fit the boards."""
    params = make_job_params(setting.scenario, setting.fleet, whole_inbox)
    boards = int(params.hosts["boards"].max())
    work = make_work(*setting.team, room, boards, traced)
    return Jobs(work, params, make_job_scratch(*setting.team))


def longest_text(scenario: Scenario) -> int:
    """Tokens of the longest prompt with its answer that both models have room for on every board.

    The weights of both stay in memory beside the KV cache of a batch of the large one; the spacecraft that
    fly are not looked at. Negative where the weights alone do not fit.
    """
    jobs = scenario.jobs
    models = [model(jobs.small_model), model(jobs.large_model)]
    weights = sum(each.weight_bytes(jobs.precision) for each in models)
    boards = [craft.compute.board for craft in scenario.spacecraft.values() if craft.compute]
    free = min((board(name).free_bytes for name in boards), default=inf)
    return int(min((free - weights) / (jobs.batch * models[1].kv_bytes_per_token), models[1].context))


def make_job_params(scenario: Scenario, fleet: Fleet, whole_inbox: bool = False) -> JobParams:
    """Hosts and kinds of `scenario`. Raises SandboxError where the two models do not fit a board."""
    jobs = scenario.jobs
    hosts = np.zeros(len(fleet), HOST)
    kinds = np.array(fleet.kinds)
    for name, craft in scenario.spacecraft.items():
        mine = kinds == name
        hosts["training"][mine] = craft.role == "training"
        hosts["boards"][mine] = craft.compute.boards if craft.compute else 0
        if craft.compute is None or not mine.any():
            continue
        profile = board(craft.compute.board)
        models = [model(jobs.small_model), model(jobs.large_model)]
        weights = sum(each.weight_bytes(jobs.precision) for each in models)
        longest = max((kind.prompt_tokens + kind.output_tokens for kind in scenario.job_kinds), default=0)
        cache = jobs.batch * longest * models[1].kv_bytes_per_token
        check_fit(profile, models[1], jobs.precision, longest, weights + cache)
        for size, each in enumerate(models):
            hosts["cost"][mine, size] = cost_record(profile, each, jobs.precision)
        hosts["idle_w"][mine] = craft.compute.boards * profile.idle_w
        hosts["extra_w"][mine] = profile.active_w - profile.idle_w
        hosts["large_bits"][mine] = 8.0 * models[1].weight_bytes(jobs.precision)
    kinds_of_jobs = _kinds(scenario.job_kinds)
    thresholds, bits = ladder("dvb-s2")
    return JobParams(
        kinds=kinds_of_jobs,
        hosts=hosts,
        alone=_alone(hosts, kinds_of_jobs),
        batch=jobs.batch,
        places=jobs.places,
        user_sine=float(np.sin(np.radians(jobs.user_min_elevation_deg))),
        user_needed=10.0 ** (0.1 * (thresholds - thresholds[-1])) / OVERHEAD_M**2,
        user_share=bits / bits[-1],
        user_down=jobs.user_mbit_s * MEGA,
        user_up=jobs.user_uplink_mbit_s * MEGA,
        uplink_rate=jobs.uplink_mbit_s * MEGA,
        ground_s=jobs.ground_s,
        trains=bool(hosts["training"].any()),
        whole_inbox=whole_inbox,
        relay_share=jobs.relay_share,
    )


@kernel
def user_link_share(params, distance):
    """Share of its best rate that a user's link carries over `distance` m: that of the best code that works.

    Beyond the reach of the lowest code (eight times `OVERHEAD_M`) its rate falls with the distance squared.
    """
    code = 0
    while (
        code + 1 < params.user_needed.shape[0] and params.user_needed[code + 1] * distance * distance <= 1.0
    ):
        code += 1
    return params.user_share[code] * min(1.0, 1.0 / (params.user_needed[code] * distance * distance))


def _kinds(kinds: Sequence[Questions]) -> np.ndarray:
    records = np.zeros(len(kinds), KIND)
    for record, kind in zip(records, kinds, strict=True):
        record["raw"], record["answer"] = kind.raw_mbit * MEGA, kind.answer_kbit * KILO
        record["prompt"], record["output"] = kind.prompt_tokens, kind.output_tokens
        record["half_life"], record["quality"] = kind.half_life_s, kind.quality
        record["camera"] = isinstance(kind, JobKind) and kind.source == "camera"
    return records


def _alone(hosts: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    seconds = np.full((len(hosts), 2, len(kinds)), np.inf)
    for n, size, k in np.ndindex(seconds.shape):
        if hosts[n]["boards"]:
            seconds[n, size, k] = batch_seconds(hosts[n]["cost"][size], kinds[k], 1.0)
    return seconds


@kernel
def batch_seconds(cost, kind, batch):
    """Time that a batch of jobs of one kind takes, s: `cost` is a record of dtype COST."""
    read = prefill_seconds(cost, kind.prompt, 0.0, batch)
    return read + decode_seconds(cost, kind.prompt, kind.output, batch)


def make_work(worlds: int, satellites: int, room: int, boards: int, traced: bool = False) -> Work:
    """Zeroed arrays for `worlds` x `satellites`, `room` jobs and `boards` on a satellite at most."""
    fleet = (worlds, satellites)
    return Work(
        book=np.zeros((worlds, room), JOB),
        released=np.zeros(worlds, np.int32),
        waiting=np.zeros(worlds, QUEUE),
        queues=np.zeros((*fleet, len(_OF_QUEUE)), QUEUE),
        free=np.zeros((*fleet, max(1, boards))),
        servers=np.zeros(fleet, SERVER),
        ledger=np.zeros(worlds, LEDGER),
        traces=np.zeros((worlds, room if traced else 0), TRACE),
    )


def make_job_scratch(worlds: int, satellites: int) -> JobScratch:
    """Working memory for `worlds` x `satellites`."""
    fleet = (worlds, satellites)
    heap = make_heap(satellites)

    def ways() -> Routes:
        return Routes(np.full(fleet, np.inf), np.full(fleet, NONE, np.int32), np.full(fleet, NONE, np.int32))

    return JobScratch(
        itrs=np.zeros((*fleet, 3)),
        start=np.zeros(fleet),
        training=ways(),
        other=ways(),
        heap=Heap(np.zeros((worlds, len(heap.key))), np.zeros((worlds, len(heap.node)), np.int32)),
        asking=np.zeros(fleet, np.int32),
    )


def begin(jobs: Jobs, b: int, book: np.ndarray, start: float, on_board: bool) -> None:
    """Copy `book` into world `b` from time `start` on, and empty everything else; unused rows never open."""
    work = jobs.state
    for array in work:
        wipe(array, b)
    rows = work.book[b]
    rows["release"] = np.inf
    whole(rows)[: len(book)] = whole(book)
    rows["release"][: len(book)] += start
    rows["deadline"][: len(book)] += start
    for queue in (work.waiting[b : b + 1], work.queues[b]):
        queue["head"] = queue["tail"] = NONE
    work.servers["missing"][b] = 0.0 if on_board else jobs.params.hosts["large_bits"]


def whole(rows: np.ndarray) -> np.ndarray:
    """Jobs as plain memory: numpy copies records field by field, which takes ten times as long."""
    return rows.view(np.dtype((np.void, JOB.itemsize)))
