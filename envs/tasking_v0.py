"""tasking_v0: what to observe, when to charge, when to send down."""

from envs.blocks.body import Body, Light, Panel, Place, Safe, TimeLeft
from envs.blocks.consult import CONSULT_ARGUMENTS, consult_blocks
from envs.blocks.ground import Station
from envs.blocks.images import Observe, Requests, Store
from envs.blocks.pointing import Point
from envs.blocks.state import (
    ALIVE,
    BATTERY,
    BOARD,
    CAPACITY,
    IN_SERVICE,
    ORBIT,
    STORE,
    TEMPERATURE,
)  # fmt: skip
from envs.blocks.terms import Delivery, Energy, ImageCounts, Loss, SafeMode
from envs.blocks.upcoming import Upcoming
from envs.faces import faces_of
from envs.options import whole_count
from envs.page import show_page
from envs.problem import Declaration, Example, Problem

__all__ = ["Tasking", "batch_env", "env", "parallel_env", "raw_env", "satellite_env", "vector_env"]


class Tasking(Problem):
    """What to observe, when to charge, when to send down.

    A constellation shares a book of observation requests. Each round (30 s by default) every satellite
    charges, images one of the requests that it can reach, sends images to the ground, or idles. An image
    pays when it **arrives**, less the longer it was on board, and only to the first satellite that takes
    it; so the fleet must spread out, keep its batteries up through eclipse, and share the antennas of the
    ground stations.

    {creation}

    ## Observation

    A flat vector; each number is mapped from its range to [-1, 1] and clipped there, linearly
    or by the root of its share of the range, where small differences near its low end matter most.
    `env.layout.physical(observation, name)` gives it back in its unit. Low and high are those of the
    default scenario.

    {observation}

    The features of `request_k` stand once for each k from 1 to K. These are the requests that can be imaged
    now or soon (access begins within a minute of the round's end), by falling expected value, value x (1 -
    cloud). All of it is known on board: own telemetry, the orbit and contact plan, the request book.

    Where the scenario's requests are of several kinds (`requests.kinds`, as in `customers_24`), more is told
    of each: `area`, `stereo`, `periodic`, `dwell`, `cue` and `tip` (0 or 1), `missing` (images of its order
    not taken yet), `completion` (what completing the order still pays), `convergence` (deg, least angle
    between the looks of a stereo pair; a second look is shown where it is met), `hold` (s for which the
    camera stays on a video) and `size` (of it, in images).

    ## Actions

    {actions}

    Where `capture_in` and the dwell reach beyond the round, the round is spent turning towards the request.
    The mask (int8, 1 = legal) is `info["action_mask"]`, or with `mask_in_obs=True` part of a Dict
    observation. An illegal action is played as idle and counted in `info["illegal"]`. A satellite that is
    too hot can neither image nor send. One whose battery runs low goes into safe mode by itself: it faces the
    Sun with its payload off and obeys nothing until it has recovered.

    ## Rewards

    {rewards}

    With `team_reward=True` every satellite gets the fleet's mean, with `difference_reward=True` what the
    fleet would have earned less without it (`envs.difference`).

    ## Start and end

    At the reset the batteries' charge and the whole book of requests with its sky are drawn, so policies
    with the same seed meet the same requests. A satellite whose battery runs empty is lost: it stays in
    `agents` with a no-op-only mask and zero reward, or with `death="remove"` terminates and leaves. The
    episode terminates when every satellite is lost, and is truncated after `max_cycles` rounds (by default
    the scenario's horizon). Nothing breaks here: faults of a scenario and the stations that its events
    silence are those of `autonomy_v0`.

    ## Arguments

    {arguments}

    ## Version history

    * v0: first version. November 2026: elements become states by the poliastro family's functions, which
      moves a fleet by up to 30 nm at the epoch. The satellites of `scs01` slow as their elements say, each on
      its own; with one Cd A / m for all they were up to 8 km elsewhere after a day.
      Heat, energy and boards became limits: two thermal nodes and throttling, panels with their losses, a
      battery that ages, safe mode for everybody, boards as fast as measured; new features and terms say so.
      The downlink takes the modulation and coding of DVB-S2 that its signal allows, through air, cloud and
      rain over the stations, so that its rate changes four times over a pass; where the sky or the distance
      lets nothing through, no station is in view. New features: `station_fade`, `contact_rate`,
      `contact_rain`.
      Counts and times that are mostly small are mapped by the root of their share of the range. Where a
      scenario asks for it (`requests.ahead`), satellites are told what they reach next; requests may be of
      several kinds, and clouds belong together (`requests.kinds`, `requests.clouds`).
    """

    name, scenario = "tasking_v0", "scs01"
    briefing_text = (
        "You are the onboard mind of one of many Earth-observation satellites. "
        "Every {round_s:g} s you decide what the satellite does next. A requested image pays when it has "
        "reached the ground, and only to the first satellite that takes it; an image under cloud is lost. "
        "The battery must never run empty: the panel looks away from the camera, so imaging and sending "
        "cost energy and sunlight, and in eclipse nothing comes in."
    )
    advice = (
        "Rule of thumb: with the battery above 30 %, observe the request of the highest value and little "
        "cloud that no other satellite takes first; else downlink when a station is in view and images wait; "
        "else charge."
    )
    examples = (
        Example(
            {"battery": 70.0, "images": 1.0, "request_1_value": 8.0, "request_1_cloud": 10.0},
            ("idle", "charge", "observe_1"),
            "observe_1",
        ),
        Example(
            {"battery": 20.0, "to_sunlight": 20.0, "images": 2.0},
            ("idle", "charge"),
            "charge",
        ),
    )
    arguments = {
        "candidates": "K, the requests shown",
        "loss_penalty": "price of a lost satellite",
        **CONSULT_ARGUMENTS,
    }

    @classmethod
    def declare(
        cls,
        candidates: int = 4,
        loss_penalty: float = 50.0,
        *,
        consult: bool = False,
        consult_price: float = 1.0,
        consult_truth: bool = False,
    ) -> Declaration:
        return Declaration(
            blocks=(
                Body(), Safe(), Store(), Light(), Panel(), Place(), Station(omit=("station_uplink",)),
                TimeLeft(), Requests(), Upcoming(),
                Point(), Observe(), *consult_blocks(consult, consult_price, consult_truth),
                Delivery(), Loss(loss_penalty), Energy(), ImageCounts(), SafeMode(),
            ),
            satellite_state=(
                ORBIT, BATTERY, CAPACITY, STORE, TEMPERATURE, BOARD, IN_SERVICE, ALIVE,
            ),
            world={"shown": whole_count("candidates", candidates)},
        )  # fmt: skip


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Tasking)
show_page(Tasking)


def __dir__() -> list[str]:
    return __all__
