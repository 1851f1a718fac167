"""autonomy_v0: the whole decision."""

from typing import Any

from envs.blocks.body import Body, Light, Panel, Place, TimeLeft
from envs.blocks.consult import CONSULT_ARGUMENTS, consult_blocks
from envs.blocks.encounters import Burns, Slot, WarningCount, Warnings
from envs.blocks.ground import Station
from envs.blocks.images import Requests, Store
from envs.blocks.jobs import Beacons, Job, Training, Work
from envs.blocks.orders import Health, ObserveNext, PointTo, Reload, Serve, Standing
from envs.blocks.pointing import NoOp
from envs.blocks.robots import ROBOT_ARGUMENTS, robot_blocks
from envs.blocks.state import (
    ALIVE,
    BACKLOG,
    BATTERY,
    BOARD,
    CAPACITY,
    FUEL,
    IN_SERVICE,
    INBOX_COUNT,
    INTACT,
    OFFSET,
    ORBIT,
    STORE,
    TEMPERATURE,
)  # fmt: skip
from envs.blocks.terms import (
    AnswerLatency,
    Answers,
    Delivery,
    EncounterCounts,
    Energy,
    Fuel,
    ImageCounts,
    JobCounts,
    Loss,
    OutOfSlot,
    SafeMode,
)  # fmt: skip
from envs.blocks.upcoming import Upcoming
from envs.faces import faces_of
from envs.options import whole_count
from envs.page import show_page
from envs.problem import Declaration, Example, Problem

__all__ = ["Autonomy", "batch_env", "env", "parallel_env", "raw_env", "satellite_env", "vector_env"]

MOST_SAID = 256
"""Numbers of a message at most: a kilobyte a link and round."""


class Autonomy(Problem):
    """The whole decision.

    A constellation images the Earth, answers questions from the ground on its own boards, and keeps clear
    of debris, all at once and out of one battery. Each round (30 s by default) every satellite may change
    **one** thing: what it points at, how the jobs in its inbox are served, or its orbit; all other orders
    stand. They pull against each other: a burn spoils the image and costs fuel; inference drains the
    battery that the next eclipse needs and heats the board; a satellite that turns far to image or to
    charge takes its laser terminals with it; jobs and images share the antennas of the stations. With
    `disaster_response` a flood and an earthquake open urgent requests and questions, and silence stations;
    things break (`sandbox.faults`).

    {creation}

    ## Observation

    A flat vector; each number is mapped from its range to [-1, 1] and clipped there, linearly
    or by the root of its share of the range, where small differences near its low end matter most.
    `env.layout.physical(observation, name)` gives it back in its unit. Low and high are those of the
    default scenario.

    {observation}

    The features of `request_k`, `neighbour_k` and `warning_k` stand once for each k from 1 on. `job` is the
    head of the inbox.

    Where the scenario's requests are of several kinds (`requests.kinds`, as in `customers_24`), more is told
    of each: `area`, `stereo`, `periodic`, `dwell`, `cue` and `tip` (0 or 1), `missing` (images of its order
    not taken yet), `completion` (what completing the order still pays), `convergence` (deg, least angle
    between the looks of a stereo pair; a second look is shown where it is met), `hold` (s for which the
    camera stays on a video) and `size` (of it, in images).

    All of it is known on board. Battery and temperature are as the sensors give them. Of a neighbour a
    satellite knows what its beacon said, a round ago at least: `age` says how long ago; where the link is
    gone the last one heard stands. A station that is out of service is still in the contact plan: who
    points there is denied. Corrupted weights show only once a scrub has found them; until then answers are
    worth nothing, and a mind on that board says something at random.

    ## Actions

    {actions}

    An order to observe stands until its image is taken or the request is no longer shown, one to send while
    there is a station and something to send; then the panel is turned to the Sun. At the reset the panels
    face the Sun and jobs wait. A round in which a satellite burns is flown with the camera at nadir, which
    is how its thrusters are aligned. In safe mode (battery low, board too hot, or after some resets) a
    satellite faces the Sun, serves no job and obeys nothing.

    The mask (int8, 1 = legal) is `info["action_mask"]`, or with `mask_in_obs=True` part of a Dict
    observation. An illegal action changes nothing and is counted in `info["illegal"]`. With
    `multi_discrete=True` pointing, queue and burn are changed at once (`envs.joint`). With `message_size=M`
    a vector of M numbers may go to the neighbours with an action, its bits paid (`envs.messaging`; over the
    batch, `env.problem.mail.say`); in words, a line of 4 M characters (`envs.language`).

    ## Rewards

    {rewards}

    With `team_reward=True` every satellite gets the fleet's mean, with `difference_reward=True` what the
    fleet would have earned less without it (`envs.difference`).

    ## Start and end

    At the reset the batteries' charge, requests, jobs, events, encounters and the key of the faults are
    drawn, so policies with the same seed meet the same of each. A lost satellite stays in `agents` with a
    no-op-only mask and zero reward, or with `death="remove"` terminates and leaves. The episode terminates
    when every satellite is lost, and is truncated after `max_cycles` rounds (by default the scenario's
    horizon).

    ## Arguments

    {arguments}

    ## Version history

    * v0: first version. November 2026: elements become states by the poliastro family's functions, which
      moves a fleet by up to 30 nm at the epoch. A text said in one world no longer blanks the
      messages of others. Warnings count what a satellite does not know of its own orbit, and burns are off by
      3 % and a degree.
      Heat, energy and boards became limits: two thermal nodes and throttling, panels with their losses, a
      battery that ages, safe mode for everybody, boards as fast as measured; new features and terms say so.
      The downlink takes the modulation and coding of DVB-S2 that its signal allows, through air, cloud and
      rain over the stations, so that its rate changes four times over a pass; where the sky or the distance
      lets nothing through, no station is in view. New features: `station_fade`, `station_uplink`,
      `contact_rate`, `contact_rain`. Uplinks have budgets of their own, a user's falls with the distance, and
      how long lasers take to find each other depends on how far they turn and whom they knew.
      Counts and times that are mostly small are mapped by the root of their share of the range. Where a
      scenario asks for it (`requests.ahead`), satellites are told what they reach next; requests may be of
      several kinds, and clouds belong together (`requests.kinds`, `requests.clouds`).
      `disaster_response_scarce` has boards that draw more than its panels spare, and twice the questions.
    """

    name, scenario = "autonomy_v0", "disaster_response"
    briefing_text = (
        "You steer a satellite that images the Earth, answers questions and avoids debris. Every "
        "{round_s:g} s change one order at most; the others stand. An empty battery or a collision is the "
        "end; a burn spoils the image."
    )
    examples = (
        Example(
            {"battery": 70.0, "order_charge": 1.0, "request_1_value": 8.0, "request_1_cloud": 10.0},
            ("keep", "idle", "observe_1", "run_large"),
            "observe_1",
        ),
        Example(
            {"battery": 70.0, "order_charge": 1.0, "order_run_large": 1.0},
            ("keep", "idle", "defer", "run_small"),
            "keep",
        ),
    )
    arguments = {
        "candidates": "K, the requests shown",
        "warned": "W, the warnings shown",
        "message_size": "M, numbers in a message; 0: no channel",
        "fuel_price": "price of a metre per second",
        "slot_price": "price of a day out of the slot",
        "loss_penalty": "price of a lost satellite",
        **CONSULT_ARGUMENTS,
        **ROBOT_ARGUMENTS,
    }

    @classmethod
    def declare(
        cls,
        candidates: int = 4,
        warned: int = 2,
        message_size: int = 0,
        fuel_price: float = 2.0,
        slot_price: float = 10.0,
        loss_penalty: float = 50.0,
        *,
        consult: bool = False,
        consult_price: float = 1.0,
        consult_truth: bool = False,
        robots: int = 0,
        robot_mind: Any = "loudest",
        robot_reward: float = 0.0,
    ) -> Declaration:
        missions, team = robot_blocks(robots, robot_mind, robot_reward)
        size = whole_count("message_size", message_size, least=0, most=MOST_SAID)
        return Declaration(
            blocks=(
                Body(), Store(), Light(), Panel(), Place(), Station(), TimeLeft(), Work(), Slot(),
                WarningCount(), Standing(), Health(), Requests(), Job(), Beacons(size), Training(),
                Warnings(), Upcoming(),
                NoOp("keep", "change nothing"), PointTo(), ObserveNext(),
                *consult_blocks(consult, consult_price, consult_truth), Serve(), Burns(), Reload(),
                Delivery(), Answers(), Fuel(fuel_price), OutOfSlot(slot_price), Loss(loss_penalty), Energy(),
                ImageCounts(), AnswerLatency(), JobCounts(), EncounterCounts(), SafeMode(), *missions,
            ),
            satellite_state=(
                ORBIT, BATTERY, CAPACITY, TEMPERATURE, BOARD, STORE, INBOX_COUNT, BACKLOG, FUEL, OFFSET,
                INTACT, IN_SERVICE, ALIVE,
            ),
            world={
                "shown": whole_count("candidates", candidates),
                "warned": whole_count("warned", warned),
                "message_bytes": 4 * size,
                "whole_inbox": True,
            },
            robots=team,
        )  # fmt: skip


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Autonomy)
show_page(Autonomy)


def __dir__() -> list[str]:
    return __all__
