"""offloading_v0: where a job runs."""

from typing import Any

from envs.blocks.body import Body, Light, Place, Safe, TimeLeft
from envs.blocks.ground import Station
from envs.blocks.jobs import Decide, Job, Neighbours, Training, Work
from envs.blocks.robots import ROBOT_ARGUMENTS, robot_blocks
from envs.blocks.state import (
    ALIVE,
    ANSWER_COUNT,
    BACKLOG,
    BATTERY,
    BOARD,
    CAPACITY,
    IN_SERVICE,
    INBOX_COUNT,
    ORBIT,
    TEMPERATURE,
)  # fmt: skip
from envs.blocks.terms import Answers, Energy, JobCounts, Latency, Loss, SafeMode
from envs.faces import faces_of
from envs.page import show_page
from envs.problem import Declaration, Example, Problem

__all__ = ["Offloading", "batch_env", "env", "parallel_env", "raw_env", "satellite_env", "vector_env"]


class Offloading(Problem):
    """Where a job runs.

    Questions come up from people and robots in cities, with a deadline, and from the satellites' own
    cameras. Each round (30 s by default) every satellite decides on the job at the head of its inbox:
    answer it here with a small or with a large language model, hand it over the laser mesh to a neighbour
    or to a training satellite, send it raw to the ground, or let it wait or go. An answer pays when it
    **arrives**, by the quality of the model, and less the longer it took; whoever works pays in energy and
    heat.

    {creation}

    ## Observation

    A flat vector; each number is mapped from its range to [-1, 1] and clipped there, linearly
    or by the root of its share of the range, where small differences near its low end matter most.
    `env.layout.physical(observation, name)` gives it back in its unit.

    {observation}

    The features of `neighbour_k` stand once for each laser terminal, k from 1 to 4. `training` is the
    training satellite that could start soonest.

    ## Actions

    They are about the job at the head of the inbox.

    {actions}

    Boards take like jobs together. Answers for users go down as soon as the satellite or, over the mesh,
    another one sees them; answers for the ground (the cameras') and raw questions use the stations'
    antennas, each of which serves one satellite at a time. The bus keeps the panel to the Sun and steers
    antennas and terminals by itself. The mask (int8, 1 = legal) is `info["action_mask"]`, or with
    `mask_in_obs=True` part of a Dict observation. An illegal action is played as defer and counted in
    `info["illegal"]`. Hot boards run slower; a satellite whose battery runs low goes into safe
    mode by itself: its boards and terminals are off and it obeys nothing until it has recovered.

    ## Rewards

    {rewards}

    An answer pays the satellite that decided who gives it; the scenario's `jobs.relay_share` of that goes to
    those who handed the question over. With `team_reward=True` every satellite gets the fleet's mean, with
    `difference_reward=True` what the fleet would have earned less without it (`envs.difference`).

    ## Start and end

    At the reset the batteries' charge and all jobs of the episode are drawn, so policies with the same seed
    meet the same jobs. A satellite whose battery runs empty is lost with the jobs on board: it stays in
    `agents` with a no-op-only mask and zero reward, or with `death="remove"` terminates and leaves. The
    episode terminates when every satellite is lost, and is truncated after `max_cycles` rounds (by default
    the scenario's horizon).

    With `robots=N` search robots on the ground (MuJoCo) ask the satellites where to go, one mission after
    another, and wait for the answers; terms tell what became of them (docs/robots.md). Nothing breaks here:
    faults of a scenario and the stations that its events silence are those of `autonomy_v0`.

    ## Arguments

    {arguments}

    ## Version history

    * v0: first version. November 2026: elements become states by the poliastro family's functions, which
      moves a fleet by up to 30 nm at the epoch.
      Heat, energy and boards became limits: two thermal nodes and throttling, panels with their losses, a
      battery that ages, safe mode for everybody, boards as fast as measured; new features and terms say so.
      The downlink takes the modulation and coding of DVB-S2 that its signal allows, through air, cloud and
      rain over the stations, so that its rate changes four times over a pass; where the sky or the distance
      lets nothing through, no station is in view. New features: `station_fade`, `station_uplink`,
      `contact_rate`, `contact_rain`. Uplinks have budgets of their own, a user's falls with the distance, and
      how long lasers take to find each other depends on how far they turn and whom they knew.
      Counts and times that are mostly small are mapped by the root of their share of the range.
    """

    name, scenario = "offloading_v0", "relay_40"
    overrides = {"requests.initial": 0, "requests.per_hour": 0.0, "requests.sites": ()}
    briefing_text = (
        "You are the onboard mind of a computing satellite that belongs to a constellation linked by "
        "lasers. Every {round_s:g} s you decide what becomes of the first job in your inbox: a question "
        "from a person or a robot on the ground, or an image from a camera. An answer pays when it has "
        "arrived, and nothing after its deadline. The large model answers better and takes longer; whoever "
        "works pays in energy and heat. The battery must never run empty."
    )
    advice = (
        "Rule of thumb: answer here with the large model if that is done well before the value has halved, "
        "else with the small one; with much work waiting on board, hand the job to who has little."
    )
    examples = (
        Example(
            {"battery": 80.0, "backlog": 0.0, "job_half_life": 600.0, "job_large_s": 20.0},
            ("defer", "run_small", "run_large", "ground", "drop"),
            "run_large",
        ),
        Example(
            {"battery": 60.0, "job_half_life": 60.0, "job_small_s": 2.0, "job_large_s": 40.0},
            ("defer", "run_small", "run_large", "drop"),
            "run_small",
        ),
    )
    arguments = {"loss_penalty": "price of a lost satellite", **ROBOT_ARGUMENTS}

    @classmethod
    def declare(
        cls,
        loss_penalty: float = 50.0,
        *,
        robots: int = 0,
        robot_mind: Any = "loudest",
        robot_reward: float = 0.0,
    ) -> Declaration:
        missions, team = robot_blocks(robots, robot_mind, robot_reward)
        return Declaration(
            blocks=(
                Body(), Safe(), Light(), Place(), Station(omit=("station_elevation", "station_rivals")),
                Work(), TimeLeft(), Job(), Neighbours(), Training(),
                Decide(),
                Answers(), Loss(loss_penalty), Energy(), Latency(), JobCounts(), SafeMode(),
                *missions,
            ),
            satellite_state=(
                ORBIT, BATTERY, CAPACITY, TEMPERATURE, BOARD, INBOX_COUNT, BACKLOG, ANSWER_COUNT, IN_SERVICE,
                ALIVE,
            ),
            robots=team,
        )  # fmt: skip


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Offloading)
show_page(Offloading)


def __dir__() -> list[str]:
    return __all__
