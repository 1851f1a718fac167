"""Questions asked from outside, in the middle of an episode: by somebody who waits for the answer.

    world = World(scenario, questions=100)
    world.reset(seed=0)
    [number] = ask(world, [Question("robot", latitude, longitude, at=0.0)])
    world.step(queue=decisions)
    answer = outcome(world, number)

A question is a job like those that are drawn: taken up by the satellite that its user sees highest, decided
on, run, sent down, counted in the ledger. It is asked between two rounds, and reaches a satellite at once
where one is seen, so that it can be decided on in the coming round. Where a world has room for questions the
times of all its jobs are traced (`jobs.TIMES`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import kernel
from sandbox.errors import SandboxError, shown, unknown_name
from sandbox.fleet import zenith
from sandbox.job_queues import begin_trace, put
from sandbox.job_service import take_up
from sandbox.jobs import DELIVERED, DROPPED, EXPIRED, GROUND, JOB_STATUS_NAMES, LOST, TIMES, WAITING, whole
from sandbox.orbits.frames import geodetic_to_itrs
from sandbox.scenario import JobKind
from sandbox.state import NONE
from sandbox.units import MEGA

__all__ = ["Answer", "Question", "ask", "outcome"]

_OVER = (DELIVERED, DROPPED, EXPIRED, LOST)


class Question(NamedTuple):
    """What is asked, where (rad, on the ellipsoid) and when (s since the epoch); in world `world`.

    `kind` is one of the scenario's `jobs.kinds`. `deadline_s` counts from `at`; None: that of the kind.
    `value` is what an answer pays the satellites; None: the middle of the kind's range.
    """

    kind: str
    latitude: float
    longitude: float
    at: float
    world: int = 0
    deadline_s: float | None = None
    value: float | None = None


class Answer(NamedTuple):
    """What has become of a question by now."""

    status: str
    """One of `jobs.JOB_STATUS_NAMES`."""
    over: bool
    """Whether nothing more will come of it."""
    delivered_at: float
    """s since the epoch; NaN without an answer. May lie a little ahead of the world's clock: what has begun
    is timed to its end."""
    times: Mapping[str, float]
    """s of each of `jobs.TIMES`; of one delivered they add up to `delivered_at` less its release."""
    hops: int
    """Satellites that it was handed over to before it was run."""
    satellite: int
    """Who decided who answers it, or -1."""
    on_ground: bool
    """Whether that is the ground, to which the question was sent down: no answer of it comes back through
    this world, and `delivered_at` is when the ground has it."""


def ask(world: Any, questions: Sequence[Question]) -> list[int]:
    """Ask in a `World`, between two rounds; the number of each question, for `outcome`.

    The moment of a question may lie in the round that was just played. Raises SandboxError for worlds without
    jobs or room, before `reset`, and for questions that cannot be asked; then none is.
    """
    if world.jobs is None:
        raise SandboxError(
            "This world has no jobs; make it with the part jobs, from a scenario with job kinds."
        )
    if not world.ready:
        raise SandboxError("ask before reset: call reset() first.")
    rows = [_row(world, question) for question in questions]
    places = [question.world for question in questions]
    for b in set(places):
        _check_room(world, b, places.count(b))
    numbers = [_insert(world, b, row) for b, row in zip(places, rows, strict=True)]
    if numbers:
        world.share(_reach, np.bincount(places, minlength=world.worlds))
    return numbers


def outcome(world: Any, number: int, b: int = 0) -> Answer:
    """What has become by now of the question that `ask` gave this number in world `b`.

    Raises SandboxError for a number that no job of the world has.
    """
    work = world.jobs.state
    if not (isinstance(number, (int, np.integer)) and 0 <= number < work.released[b]):
        raise SandboxError(
            f"number = {shown(number)} is no question of world {b}; give one that ask returned."
        )
    job, trace = work.book[b][number], work.traces[b]
    times = trace["times"][number].tolist() if len(trace) else [math.nan] * len(TIMES)
    status = int(job["status"])
    return Answer(
        JOB_STATUS_NAMES[status],
        status in _OVER,
        float(job["delivered_at"]),
        dict(zip(TIMES, times, strict=True)),
        int(job["hops"]),
        int(job["credit"]),
        int(job["model"]) == GROUND,
    )


def _row(world: Any, question: Question) -> np.ndarray:
    """The job (1,) of a question."""
    kinds = {kind.name: i for i, kind in enumerate(world.scenario.jobs.kinds)}
    if question.kind not in kinds:
        raise unknown_name("kind of job", question.kind, kinds)
    number = kinds[question.kind]
    kind: JobKind = world.scenario.jobs.kinds[number]
    if kind.source != "cities":
        raise SandboxError(
            f"Jobs of the kind {kind.name!r} come from cameras; ask one whose source is cities."
        )
    b = question.world
    if not (isinstance(b, (int, np.integer)) and 0 <= b < world.worlds):
        raise SandboxError(f"world = {shown(b)}; give a whole number from 0 to {world.worlds - 1}.")
    now = float(world.state.clock["time"][b])
    deadline = kind.deadline_s if question.deadline_s is None else question.deadline_s
    value = sum(kind.value) / 2.0 if question.value is None else question.value
    _within("latitude", question.latitude, -math.pi / 2, math.pi / 2)
    _within("longitude", question.longitude, -2.0 * math.pi, 2.0 * math.pi)
    _within("at", question.at, now - world.scenario.round_s, now)
    _within("deadline_s", deadline, 1e-3, 1e9)
    _within("value", value, 0.0, 1e9)
    row = np.zeros(1, world.jobs.state.book.dtype)
    latitude, longitude = np.array([question.latitude]), np.array([question.longitude])
    row["position"] = geodetic_to_itrs(latitude, longitude, np.zeros(1))
    row["up"] = zenith(latitude, longitude)
    row["release"], row["deadline"], row["value"] = question.at, question.at + deadline, value
    row["bits"], row["kind"], row["status"] = kind.raw_mbit * MEGA, number, WAITING
    row["delivered_at"] = np.nan
    for name in ("source", "place", "credit", "model", "next"):
        row[name] = NONE
    return row


def _within(name: str, value: Any, low: float, high: float) -> None:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not (number and low <= value <= high):
        raise SandboxError(f"{name} = {shown(value)}; give a number from {low:.9g} to {high:.9g}.")


def _check_room(world: Any, b: int, count: int) -> None:
    free = int(np.isinf(world.jobs.state.book[b]["release"]).sum())
    if count > free or not world.questions:
        raise SandboxError(
            f"World {b} has no room for {count} more questions; make the world with questions=N, as many as "
            "are asked in an episode."
        )


def _insert(world: Any, b: int, row: np.ndarray) -> int:
    """Write a job behind those released so far; the others, which no queue knows yet, move on by a row."""
    work = world.jobs.state
    j, book = int(work.released[b]), whole(work.book[b])
    book[j + 1 :] = book[j:-1].copy()
    book[j] = whole(row)[0]
    work.released[b] = j + 1
    work.ledger["jobs_created"][b] += 1
    work.ledger["bits_created"][b] += row["bits"][0]
    return j


@kernel
def _reach(sim, which, asked):
    """The last jobs that were released, `asked` (B,) of them, wait on the ground, and satellites take up what
    waits there; what they could not take a moment ago they cannot take now."""
    work = sim.jobs.state
    for b in which:
        if asked[b] == 0:
            continue
        for j in range(work.released[b] - asked[b], work.released[b]):
            begin_trace(work, b, j)
            put(work.waiting[b], work.book[b], j)
        now = sim.state.clock[b].time
        take_up(sim.jobs, sim.state.body[b], now, now + sim.constants.round_s, b)
