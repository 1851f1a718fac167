"""avoidance_v0: whether, when and how to burn."""

from envs.blocks.body import HEAT, Body, Safe, TimeLeft
from envs.blocks.encounters import SHIP, Burns, Slot, WarningCount, Warnings
from envs.blocks.pointing import NoOp
from envs.blocks.state import ALIVE, APPROACH, FUEL, OFFSET, ORBIT, TIME
from envs.blocks.terms import EncounterCounts, Fuel, Loss, Risk, SafeMode, Service
from envs.faces import faces_of
from envs.options import whole_count
from envs.page import show_page
from envs.problem import Declaration, Example, Problem

__all__ = ["Avoidance", "batch_env", "env", "parallel_env", "raw_env", "satellite_env", "vector_env"]


class Avoidance(Problem):
    """Whether, when and how to get out of the way.

    Debris passes a constellation, and encounters are staged with it. Each round (5 min) every satellite
    learns of the gravest encounters ahead: when, how near, how surely, with what probability of a
    collision. These warnings are wrong by what is not known yet, and are put right every few hours as the
    encounter nears; the true miss is hidden. An early burn is cheap, but most early warnings come to
    nothing: a burn costs fuel, and service while the satellite is out of its slot. A burn may also lead
    into another's way.

    {creation}

    ## Observation

    A flat vector; each number is mapped from its range to [-1, 1] and clipped there, linearly
    or by the root of its share of the range, where small differences near its low end matter most.
    `env.layout.physical(observation, name)` gives it back in its unit. Low and high are those of the
    default scenario.

    {observation}

    The features of `warning_k` stand once for each k from 1 to W: the W warnings of the highest
    probability, the gravest first. Estimate and probability already count with one's own burns; deviation and
    probability with the uncertainty of both orbits, `encounters.sigma_m` and `own_sigma_m`.

    ## Actions

    {actions}

    A burn is an impulse at the beginning of the round; one that had to be thought out, at its end. It is off
    by `encounters.burn_sigma_percent` in size and `burn_pointing_sigma_deg` in direction. The mask
    (int8, 1 = legal) is `info["action_mask"]`, or with `mask_in_obs=True` part of a Dict observation. An
    illegal action is played as waiting and counted in `info["illegal"]`.

    ## Rewards

    {rewards}

    With `team_reward=True` every satellite gets the fleet's mean, with `difference_reward=True` what the
    fleet would have earned less without it (`envs.difference`).

    ## Start and end

    At the reset the staged encounters of the whole episode and the errors of all their warnings are drawn,
    so policies with the same seed meet the same ones; the debris belongs to the scenario. A collision ends
    a satellite: it stays in `agents` with a no-op-only mask and zero reward, or with `death="remove"`
    terminates and leaves. The episode terminates when every satellite is lost, and is truncated after
    `max_cycles` rounds (by default the scenario's horizon).

    ## Arguments

    {arguments}

    ## Version history

    * v0: first version. November 2026: elements become states by the poliastro family's functions, which
      moves a fleet by up to 30 nm at the epoch. A burn is not repeated by itself where a mind says nothing.
      Warnings count what a satellite does not know of its own orbit, and burns are off by a few percent and a
      degree, where the scenario says so; the shipped ones do.
      Heat, energy and boards became limits: two thermal nodes and throttling, panels with their losses, a
      battery that ages, safe mode for everybody, boards as fast as measured; new features and terms say so.
      Counts and times that are mostly small are mapped by the root of their share of the range.
      With `risk_price`, off by default, what passes is paid for by the probability that was told last.
    """

    name, scenario = "avoidance_v0", "crossing_12"
    overrides = {"requests.initial": 0, "requests.per_hour": 0.0, "requests.sites": ()}
    briefing_text = (
        "You are the onboard mind of a satellite in a constellation that debris passes. Every "
        "{round_min:g} min you decide whether to burn. A collision ends the satellite. A burn costs fuel "
        "and takes the satellite out of its slot, where it serves nobody until it has returned; it moves "
        "the satellite along its track, the more the earlier it comes. Warnings are uncertain and updated "
        "every {update_h:g} h; operators act above a collision probability of 1 in 10,000."
    )
    advice = (
        "Rule of thumb: wait while every collision probability is below 1 in 10,000 or the approach is more "
        "than 12 h away; else burn small; return once the warnings are over."
    )
    examples = (
        Example(
            {"fuel": 90.0, "warning_1_time": 6.0, "warning_1_miss": 60.0, "warning_1_risk": -3.0},
            ("wait", "forward_small", "forward_large", "backward_small", "backward_large"),
            "forward_small",
        ),
        Example(
            {"fuel": 90.0, "warning_1_time": 20.0, "warning_1_miss": 900.0, "warning_1_risk": -7.0},
            ("wait", "forward_small", "forward_large", "backward_small", "backward_large"),
            "wait",
        ),
    )
    arguments = {
        "warned": "W, the warnings shown",
        "service": "pay of a day in the slot",
        "fuel_price": "price of a metre per second",
        "loss_penalty": "price of a lost satellite",
        "risk_price": "price of a collision to be expected of what passed, by its last warning; 0 for none",
    }

    def brief(self) -> str:
        scenario = self.world.scenario
        return self.briefing_text.format(
            round_min=scenario.round_s / 60.0, update_h=scenario.encounters.update_h
        )

    @classmethod
    def declare(
        cls,
        warned: int = 3,
        service: float = 1.0,
        fuel_price: float = 2.0,
        loss_penalty: float = 100.0,
        risk_price: float = 0.0,
    ) -> Declaration:
        risk = (Risk(risk_price),) if risk_price else ()
        return Declaration(
            blocks=(
                Slot(), WarningCount(), Body(omit=HEAT, topic=SHIP), Safe(topic=SHIP),
                TimeLeft(topic=SHIP),
                Warnings(),
                NoOp("wait", "do nothing"), Burns(),
                Service(service), Fuel(fuel_price), Loss(loss_penalty), *risk, EncounterCounts(),
                SafeMode(),
            ),
            state=(TIME,),
            satellite_state=(ORBIT, FUEL, OFFSET, APPROACH, ALIVE),
            world={"warned": whole_count("warned", warned)},
        )  # fmt: skip


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Avoidance)
show_page(Avoidance)


def __dir__() -> list[str]:
    return __all__
