"""What happened in a round, and when: the events of a recording.

Requests note their own times, and so do jobs in part. Of the rest it is told by comparing how things stood
before the round (`marks_of`) with how they stand after it.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sandbox import jobs
from sandbox.consulting import EFFORT_NAMES, NOTHING
from sandbox.encounter_warnings import deviation, estimated_error
from sandbox.jobs import DROPPED, LOST, UNBORN, WAITING
from sandbox.order_words import text_of, words_of
from sandbox.sensing import decayed
from sandbox.state import DELIVERED, EXPIRED, NONE, PENDING, TIP

if TYPE_CHECKING:
    from sandbox.world import World

_SAME_S = 1e-6
"""A capture that ends with the round may be that much beyond its end."""
LEAST_BURN_M_S = 1e-4
"""Burns below this are not told, unless the scenario's own are as small: hardly a thruster makes such an
impulse. The least bit that hydrazine thrusters of 0.5 N repeat is 0.005 N s, 1e-4 m/s for 50 kg. The way back
to a slot asks for ever less as it settles, down to the last bit of a float; that is flown and paid for."""
Event = tuple[float, int, str, int, float, str]
"""Time (s), satellite, kind, what it is about, value and text, as JSON where there is more to say."""


class Marks(NamedTuple):
    """How things stand in one world when a round begins, as far as its events show in what has changed."""

    jobs: dict[str, np.ndarray]  # of those released so far: status, place, hops
    safe: np.ndarray  # (N,) whether in safe mode
    antennas: np.ndarray  # (G,) of each station in service
    faults: dict[str, np.ndarray]  # (N,) resets, lost_strings, weights_fault


def marks_of(world: "World", b: int = 0) -> Marks:
    """What `events_of` compares with: call it before the step."""
    questions: dict[str, np.ndarray] = {}
    if world.jobs is not None:
        book = world.jobs.state.book[b, : world.jobs.state.released[b]]
        questions = {name: book[name].copy() for name in ("status", "place", "hops")}
    faults: dict[str, np.ndarray] = {}
    if world.faults is not None:
        body = world.faults.state.body[b]
        faults = {name: body[name].copy() for name in ("resets", "lost_strings", "weights_fault")}
    state = world.state
    return Marks(questions, state.safety["safe"][b].copy(), state.ground["antennas"][b].copy(), faults)


def events_of(world: "World", marks: Marks, b: int = 0) -> list[Event]:
    """What happened in the last round of world `b`, which began with `marks`, by time.

    The kinds are those of `variables.EVENT_KINDS`.

    A capture, a delivery, an expiry, a completion, a tip, an answer, a warning and a closest approach are
    timed exactly; warnings that stood when the episode began, at its beginning. What is decided at the
    beginning of a round stands there, what is noticed at its end stands there. A satellite, or what the
    event is about, is -1 where there is none.
    """
    end = float(world.state.clock["time"][b])
    start = end - world.scenario.round_s
    found = [
        *_of_directives(world, b, start, end),
        *_of_images(world, b, start, end),
        *_of_orders(world.state.requests, b, start, end),
        *_of_jobs(world, marks.jobs, b, start, end),
        *_of_encounters(world, b, start, end),
        *_of_health(world, marks, b, start, end),
        *_of_plans(world, b, start),
        *(event for companion in world.companions for event in companion.events(b)),
    ]
    return sorted(found)


def book_of(world: "World", b: int = 0) -> np.ndarray:
    """The requests of the episode in world `b`, as records; without the padding of the book behind them."""
    book = world.state.requests.book[b]
    return book[: np.searchsorted(book["release"], np.inf)]


def burns_of(encounters: Any, b: int) -> np.ndarray:
    """Which satellites (N,) of world `b` burned in its last round, as far as that is told."""
    least = min(LEAST_BURN_M_S, 0.5 * encounters.params.small)
    burns: np.ndarray = encounters.state.passing["burned"][b] >= least
    return burns


def _of_images(world: "World", b: int, start: float, end: float) -> Iterator[Event]:
    did, book = world.state.activity[b], book_of(world, b)
    for kind in ("cloudy", "duplicate"):
        for n in np.flatnonzero(did[kind]):
            seen = int(did[f"{kind}_request"][n])
            yield start, int(n), kind, seen, float(book["value"][seen]), ""
    if did["captured"].any():
        for j in np.flatnonzero(book["captured_at"] > start + _SAME_S):
            at, by, value = (book[name][j] for name in ("captured_at", "captured_by", "value"))
            yield float(at), int(by), "capture", int(j), float(value), ""
    for j in np.flatnonzero((book["status"] == DELIVERED) & (book["delivered_at"] > start)):
        one = book[j]
        worth = decayed(one["value"], one["delivered_at"] - one["captured_at"], world.constants.half_life)
        yield float(one["delivered_at"]), int(one["captured_by"]), "delivery", int(j), float(worth), ""
    # a request whose deadline passes before the round in which it is noticed lives one round all the same
    noticed = (book["deadline"] > start) | (book["release"] > start - world.scenario.round_s)
    for j in np.flatnonzero((book["status"] == EXPIRED) & noticed):
        yield float(book["deadline"][j]), NONE, "expired", int(j), float(book["value"][j]), ""


def _of_orders(requests: Any, b: int, start: float, end: float) -> Iterator[Event]:
    """What happened to orders of several images, and which tips there are since."""
    book, part, campaign = requests.book[b], requests.part[b], requests.campaign[b]
    for d in np.flatnonzero((campaign["completed_at"] > start) & (campaign["completed_at"] <= end)):
        one = campaign[d]
        by = int(book["captured_by"][one["first"]])
        yield float(one["completed_at"]), by, "completion", int(one["first"]), float(one["bonus"]), ""
    opened = (part["kind"] == TIP) & (part["opens_at"] > start) & (part["opens_at"] <= end)
    for j in np.flatnonzero(opened & (book["status"][: len(part)] != PENDING)):
        by = int(book["captured_by"][np.flatnonzero(part["opens"] == j)[0]])
        yield float(part["opens_at"][j]), by, "tip", int(j), float(book["value"][j]), ""


def _of_directives(world: "World", b: int, start: float, end: float) -> Iterator[Event]:
    """Orders in words: when they were issued, with their text, and who heard them when."""
    if world.directives is None:
        return
    own, first = world.directives.state, world.state.clock["start"][b]
    book, heard = own.book[b], own.heard[b]
    fresh = (book["issued"] > start) | ((book["issued"] == first) & (start == first))
    for d in np.flatnonzero(fresh & (book["issued"] <= end)):
        text = json.dumps({"text": text_of(words_of(own.words[b, d].tolist()))}, ensure_ascii=False)
        yield float(book["issued"][d]), NONE, "order", int(d) + 1, 0.0, text
    for n, d in zip(*np.nonzero((heard > start) & (heard <= end)), strict=True):
        why = json.dumps({"why": f"heard order {d + 1}"})
        yield float(heard[n, d]), int(n), "order", int(d) + 1, 0.0, why


def _of_jobs(
    world: "World", before: dict[str, np.ndarray], b: int, start: float, end: float
) -> Iterator[Event]:
    if world.jobs is None:
        return
    work = world.jobs.state
    book = work.book[b, : work.released[b]]
    fresh = len(book) - len(before["status"])
    was = {
        name: np.concatenate((before[name], np.full(fresh, empty, before[name].dtype)))
        for name, empty in (("status", UNBORN), ("place", NONE), ("hops", 0))
    }
    status, place = book["status"], book["place"]
    outside = (was["status"] == UNBORN) | (was["status"] == WAITING)
    moved = (status != was["status"]) | (place != was["place"]) | (book["hops"] != was["hops"])
    for j in np.flatnonzero(moved):
        yield from _of_job(book[j], int(j), outside[j], was["place"][j], was["hops"][j], start, end)
    for j in np.flatnonzero((book["done"] > start) & (book["done"] <= end)):
        by = int(place[j] if place[j] != NONE else book["credit"][j])
        yield float(book["done"][j]), by, "computed", int(j), float(book["value"][j]), ""
    for j in np.flatnonzero((status == jobs.DELIVERED) & (was["status"] != jobs.DELIVERED)):
        age = book["delivered_at"][j] - book["release"][j]
        text = json.dumps({"latency_s": round(float(age), 1)})
        worth = _paid(world.jobs.params.kinds, book[j], age)
        at = min(end, float(book["delivered_at"][j]))  # its last bits may still be on their way
        yield at, int(book["credit"][j]), "answer", int(j), worth, text


def _of_job(
    job: Any, j: int, outside: bool, place: int, hops: int, start: float, end: float
) -> Iterator[Event]:
    """Where a job went in a round. Questions that nobody took are told when their time is up."""
    value, now = float(job["value"]), int(job["place"])
    taken = [int(n) for n in job["by"][: job["relays"]]]
    if outside and job["status"] not in (UNBORN, WAITING) and (now != NONE or job["credit"] != NONE):
        first = int(job["source"])
        if first == NONE:
            first = taken[0] if taken else now if now != NONE else int(job["credit"])
        yield max(start, float(job["release"])), first, "question", j, value, ""
    for hop in range(int(hops), int(job["hops"])):
        giver = taken[hop] if hop < len(taken) else int(place)
        taker = taken[hop + 1] if hop + 1 < len(taken) else now if now != NONE else int(job["credit"])
        known = taker not in (NONE, giver)  # else it was over before the round was
        yield start, giver, "handover", j, value, json.dumps({"to": taker}) if known else ""
    if job["status"] == DROPPED:
        yield end, int(place), "dropped", j, value, ""
    elif job["status"] == jobs.EXPIRED:
        yield min(end, max(start, float(job["deadline"]))), int(place), "unanswered", j, value, ""
    elif job["status"] == LOST:
        yield end, int(place), "dropped", j, value, json.dumps({"why": "its satellite was lost"})


def _paid(kinds: np.ndarray, job: Any, age: float) -> float:
    """What an answer of that age paid; see `job_delivery`."""
    kind = kinds[job["kind"]]
    worth = job["value"] * kind["quality"][job["model"]] * 2.0 ** (-age / kind["half_life"])
    return float(worth * (1.0 - job["spoilt"]))


def _of_encounters(world: "World", b: int, start: float, end: float) -> Iterator[Event]:
    if world.encounters is None:
        return
    rows, passing = world.encounters.state.encounter[b], world.encounters.state.passing[b]
    warnings = world.encounters.warnings[b]
    # what stood at the beginning of the episode was issued before it
    since = -np.inf if start <= world.state.clock["start"][b] + _SAME_S else start
    for n, w in zip(*np.nonzero((warnings["issued"] > since) & (warnings["issued"] <= end)), strict=True):
        one = warnings[n, w]
        if not np.isfinite(one["tca"]):
            continue
        k = int(np.argmin(np.abs(rows["passing"][n] - one["tca"])))
        text = {"tca_s": round(float(one["tca"]), 1), "miss_m": round(float(one["miss"]), 1)}
        text["sigma_m"] = round(float(one["sigma"]), 1)
        text |= _plane_of(world.encounters, b, int(n), k, float(one["issued"]))
        probability = float(one["probability"])
        yield max(start, float(one["issued"])), int(n), "warning", k, probability, json.dumps(text)
    there = (world.state.body["alive"][b] | world.state.activity["died"][b])[:, None]
    passed = there & (rows["passing"] > start) & (rows["passing"] <= end) & np.isfinite(rows["tca"])
    for n, k in zip(*np.nonzero(passed), strict=True):
        distance = float(np.linalg.norm(rows["relative"][n, k][:3]))
        if distance <= world.encounters.params.watch:
            yield float(rows["passing"][n, k]), int(n), "closest_approach", int(k), distance, ""
    for n in np.flatnonzero(burns_of(world.encounters, b)):
        yield start, int(n), "burn", NONE, float(passing["burned"][n]), ""
    for n in np.flatnonzero(passing["hit"]):
        yield end, int(n), "collision", NONE, 0.0, ""


def _plane_of(encounters: Any, b: int, n: int, k: int, issued: float) -> dict[str, Any]:
    """What else a warning knew of the encounter plane: the sigma ellipse and the hard-body radius.

    The half axes (m) of one sigma, the larger first; the angle (degrees) from the estimated miss to the
    larger, counted towards relative velocity x miss. As `encounter_warnings.warn` has them.
    """
    one, params = encounters.state.encounter[b, n, k], encounters.params
    update = max(0, int(np.ceil((one["tca"] - issued) / params.update - _SAME_S)) - 1)
    place, covariance = _estimate(encounters.state.error[b, n, k], one["axes"], update, params)
    if params.own.unknown:
        errors = encounters.state.own_error[b, n, k]
        own, more = _estimate(errors, one["own_axes"], update, params.own)
        place, covariance = place - own, covariance + more
    place = one["relative"][:3] + place
    forward = one["relative"][3:] / np.linalg.norm(one["relative"][3:])
    place = place - (place @ forward) * forward
    along = place / max(1e-3, float(np.linalg.norm(place)))
    basis = np.stack((along, np.cross(forward, along)))
    variances, axes = np.linalg.eigh(basis @ covariance @ basis.T)
    minor, major = np.sqrt(np.maximum(variances, 0.0)).tolist()
    tilt = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
    return {
        "ellipse_m": [round(major, 1), round(minor, 1)],
        "tilt_deg": round((tilt + 90.0) % 180.0 - 90.0, 1),
        "radius_m": round(float(one["radius"]), 1),
    }


def _estimate(
    errors: np.ndarray, axes: np.ndarray, update: int, params: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The error (3,) (m) of the estimate of an `update`, and its covariance (3, 3); `axes` are R, T, N."""
    off = [estimated_error(errors, axis, update, params) for axis in range(3)]
    deviations = [deviation(axis, (update + 1) * params.update, params) for axis in range(3)]
    return np.asarray(off) @ axes, axes.T @ np.diag(np.square(deviations)) @ axes


def _of_health(world: "World", marks: Marks, b: int, start: float, end: float) -> Iterator[Event]:
    state, did = world.state, world.state.activity[b]
    safe, antennas = state.safety["safe"][b], state.ground["antennas"][b]
    for n in np.flatnonzero(safe & ~marks.safe):
        share = state.power["energy"][b, n] / state.power["capacity"][b, n]
        yield end, int(n), "safe_mode", NONE, float(share), ""
    yield from ((end, int(n), "recovered", NONE, 0.0, "") for n in np.flatnonzero(marks.safe & ~safe))
    yield from ((end, int(n), "lost", NONE, 0.0, "") for n in np.flatnonzero(did["died"]))
    yield from ((end, int(n), "late", NONE, 0.0, "") for n in np.flatnonzero(did["late"]))
    for kind, worse, better in (("outage", antennas, marks.antennas), ("repaired", marks.antennas, antennas)):
        yield from ((end, NONE, kind, int(g), 0.0, "") for g in np.flatnonzero((worse == 0) & (better > 0)))
    if world.faults is not None:
        body, was = world.faults.state.body[b], marks.faults
        for kind, name in (("reset", "resets"), ("string", "lost_strings"), ("corrupted", "weights_fault")):
            changed = np.flatnonzero(body[name] > was[name])
            yield from ((end, int(n), kind, NONE, 0.0, "") for n in changed)
    events = state.events[b]
    for e in np.flatnonzero((events > start) & (events <= end)):
        event = world.scenario.events[e]
        place = {"latitude_deg": event.latitude_deg, "longitude_deg": event.longitude_deg}
        text = json.dumps({"name": event.name, **place, "radius_km": event.radius_km})
        yield float(events[e]), NONE, "disaster", int(e), 0.0, text


def _of_plans(world: "World", b: int, start: float) -> Iterator[Event]:
    """Whose planner began to search in the round, and what that came to."""
    if world.consulting is None:
        return
    plans = world.consulting.state.plan[b]
    for n in np.flatnonzero(plans["consulted"] != NOTHING):
        one = plans[n]
        text = {"search": EFFORT_NAMES[one["consulted"]], "seconds": round(float(one["seconds"]), 2)}
        text |= {"images": int(one["images"]), "worth": round(float(one["worth"]), 2)}
        yield start, int(n), "consulted", NONE, float(one["joules"]), json.dumps(text)
