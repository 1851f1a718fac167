"""What satellites tell each other over their laser links: a beacon in every round, and messages of their own.

A beacon says how a satellite stands; it rides on a link that is up and is heard one round later. Where there
is no link, the last one heard stays, and ages. A message is sent at a satellite's own wish to all its
neighbours at once: each terminal sends it behind what it has to send already, its bits cost time and energy,
and it is heard when it has arrived.
"""

from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import kernel
from sandbox.jobs import INBOX
from sandbox.lasers import TERMINALS, carries, send_over
from sandbox.setting import Setting
from sandbox.state import NONE, wipe
from sandbox.structured import structured

HEADER_BITS = 256.0
"""Of a message beside its content: packet header, frame and coding; assumed."""

BEACON = structured(
    [
        ("sent", "f8"),  # s, -inf before the first
        ("battery", "f8"),  # share of the capacity
        ("backlog", "f8"),  # s until its boards have run all that waits for them
        ("inbox", "i4"),  # jobs undecided
        ("peer", "i4"),  # who sent it, or -1
    ]
)
LETTER = structured(
    [
        ("arrives", "f8"),  # s, inf where none is under way
        ("to", "i4"),  # the satellite that will hear it
        ("over", "i4"),  # the terminal of that satellite
        ("length", "i4"),  # bytes
    ]
)
HEARD = structured([("at", "f8"), ("length", "i4"), ("peer", "i4")])


class Beacons(NamedTuple):
    """The traffic of B worlds of N satellites, T terminals each, messages of at most L bytes."""

    broadcast: np.ndarray  # (B, N) BEACON: what each tells in this round
    heard: np.ndarray  # (B, N, T) BEACON: what each heard last over its terminals
    letter: np.ndarray  # (B, N, T) LETTER: messages under way, by sender
    content: NDArray[np.uint8]  # (B, N, T, L) their content
    message: np.ndarray  # (B, N, T) HEARD: the last message over each terminal
    text: NDArray[np.uint8]  # (B, N, T, L) its content


class Outbox(NamedTuple):
    """What is said but not sent yet: it goes out in the coming round."""

    content: NDArray[np.uint8]  # (B, N, L) bytes
    length: NDArray[np.int32]  # (B, N) bytes, 0 for no message
    in_words: NDArray[np.bool_]  # (B,) whether the last of the episode were texts


class Messages(NamedTuple):
    """The part of a world in which satellites tell each other something. It requires the lasers."""

    state: Beacons
    outbox: Outbox  # write as you like between two rounds


def make_part(setting: Setting, longest: int) -> Messages:
    """The part, with messages of at most `longest` bytes."""
    outbox = Outbox(
        np.zeros((*setting.team, longest), np.uint8),
        np.zeros(setting.team, np.int32),
        np.zeros(setting.worlds, np.bool_),
    )
    return Messages(make_beacons(*setting.team, longest), outbox)


def begin(messages: Messages, b: int) -> None:
    """Begin an episode in world `b`, in which nothing has been said."""
    _silence(messages.state, b)
    for array in messages.outbox:
        wipe(array, b)


def make_beacons(worlds: int, satellites: int, longest: int) -> Beacons:
    """Arrays in which nothing has been said."""
    ends = (worlds, satellites, TERMINALS)
    beacons = Beacons(
        broadcast=np.zeros(ends[:2], BEACON),
        heard=np.zeros(ends, BEACON),
        letter=np.zeros(ends, LETTER),
        content=np.zeros((*ends, longest), np.uint8),
        message=np.zeros(ends, HEARD),
        text=np.zeros((*ends, longest), np.uint8),
    )
    for b in range(worlds):
        _silence(beacons, b)
    return beacons


def _silence(beacons: Beacons, b: int) -> None:
    """Nothing has been said in world `b`."""
    for array in beacons:
        wipe(array, b)
    for part, since in ((beacons.broadcast, "sent"), (beacons.heard, "sent"), (beacons.message, "at")):
        part[since][b], part["peer"][b] = -inf, NONE
    beacons.letter["arrives"][b] = inf


@kernel
def send_messages(state, lasers, messages, task, content, length, b):
    """Put a message of each satellite n with length (N,) > 0 on its links; content (N, L) holds the bytes.

    It leaves when its thinking is done; a thought that is lost has nothing to say. A satellite in safe mode
    sends none. A terminal whose last message is still under way takes no other.
    """
    if messages is None:
        return
    beacons, links, now = messages.state, lasers.state.links, state.clock[b].time
    for n in range(length.shape[0]):
        if length[n] <= 0 or task[n].silent or not state.body[b, n].alive:
            continue
        for k in range(links.shape[2]):
            letter, link = beacons.letter[b, n, k], links[b, n, k]
            if letter.arrives != inf or not carries(links[b], lasers.params.terminals, n, k, now):
                continue
            bits, time = HEADER_BITS + 8.0 * length[n], now + task[n].delay
            letter.arrives = send_over(lasers, state.load, bits, time, b, n, k)
            letter.to, letter.over, letter.length = link.peer, link.back, length[n]
            for i in range(length[n]):
                beacons.content[b, n, k, i] = content[n, i]


@kernel
def exchange(state, jobs, lasers, messages, b):
    """Between two rounds of world b: what has arrived is heard, and every satellite tells how it stands."""
    if messages is None:
        return
    beacons, links = messages.state, lasers.state.links
    now, body = state.clock[b].time, state.body[b]
    for n in range(body.shape[0]):
        for k in range(links.shape[2]):
            if beacons.letter[b, n, k].arrives <= now:
                _hear(beacons, body, b, n, k)
            if body[n].alive and carries(links[b], lasers.params.terminals, n, k, now):
                _copy(beacons.broadcast[b, links[b, n, k].peer], beacons.heard[b, n, k])
    for n in range(body.shape[0]):
        beacon = beacons.broadcast[b, n]
        beacon.peer = NONE
        if body[n].alive:
            power = state.power[b, n]
            beacon.peer, beacon.sent = n, now
            beacon.battery = power.energy / power.capacity
            _tell_jobs(jobs, beacon, b, n)


@kernel
def _tell_jobs(jobs, beacon, b, n):
    if jobs is None:
        return
    beacon.backlog, beacon.inbox = jobs.state.servers[b, n].backlog, jobs.state.queues[b, n, INBOX].count


@kernel
def _copy(beacon, heard):
    if beacon.peer != NONE:
        heard.sent, heard.battery, heard.backlog = beacon.sent, beacon.battery, beacon.backlog
        heard.inbox, heard.peer = beacon.inbox, beacon.peer


@kernel
def _hear(beacons, body, b, n, k):
    """The message of satellite n over its terminal k has arrived."""
    letter = beacons.letter[b, n, k]
    if body[letter.to].alive:
        heard = beacons.message[b, letter.to, letter.over]
        heard.at, heard.length, heard.peer = letter.arrives, letter.length, n
        for i in range(letter.length):
            beacons.text[b, letter.to, letter.over, i] = beacons.content[b, n, k, i]
    letter.arrives = inf
