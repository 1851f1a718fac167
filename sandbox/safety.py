"""Safe mode: what every satellite does by itself so that it survives; and heat that switches the payload off.

When the battery falls below a share of its capacity, a satellite turns its panel to the Sun, sheds its
payload (boards, camera, transmitter, lasers), obeys nothing, and comes back when the battery has recovered.
The share is `safe_mode` of the scenario, with hysteresis; where the scenario's `faults` say otherwise, they
are right, and heat or the reset of a board can be a reason too. Above its thermal limits a satellite switches
the payload off and goes on obeying (`sandbox.thermal`).

There is one record of it for each satellite, `state.safety`, in every world; `sandbox.faults` draws the
resets and calls `guard`, without them too.
"""

from typing import NamedTuple

from sandbox.compiled import kernel
from sandbox.scenario import Scenario
from sandbox.thermal import has_cooled, is_hot


class SafeRules(NamedTuple):
    """When safe mode is entered and left, in SI units."""

    below: float  # share of the battery
    above: float
    least: float  # s
    when_hot: bool
    reboot: float  # s, of the boards


def safe_rules(scenario: Scenario) -> SafeRules:
    """The rules of a scenario: its `safe_mode`, or those of its `faults` where they say anything of it."""
    own, faults = scenario.safe_mode, scenario.faults
    spoken = faults.safe_below > 0.0 or faults.safe_when_hot or faults.safe_share > 0.0
    below, above = own.below, own.above
    if faults.safe_below > 0.0:
        below, above = faults.safe_below, faults.safe_above
    least = faults.safe_s if spoken else 60.0 * own.least_min
    return SafeRules(below, above, least, faults.safe_when_hot, faults.reboot_s)


@kernel
def is_safe(state, b, n):
    """Whether satellite n of world b is in safe mode."""
    return state.safety[b, n].safe


@kernel
def is_interrupted(state, b, n):
    """Whether the boards of satellite n of world b were stopped as the round began."""
    return state.safety[b, n].interrupted


@kernel
def is_dark(state, constants, b, n):
    """Whether the payload of satellite n of world b is off: in safe mode, or too hot."""
    return state.safety[b, n].safe or is_hot(state.body[b, n], constants.craft[n])


@kernel
def guard(state, constants, reset, lot, b, n):
    """Enter or leave safe mode, and switch the payload for heat, between two rounds of world b.

    `reset` says whether the boards are reset, `lot` whether that leads to safe mode. Returns the time until
    which the boards are down, or -1 where nothing has changed for them.
    """
    safety, body, rules = state.safety[b, n], state.body[b, n], constants.safety
    now = state.clock[b].time
    _watch_heat(body, safety, constants.craft[n])
    if safety.safe:
        until = safety.since + rules.least
        if now < until or _is_endangered(state, constants, rules.above, b, n):
            return max(until, now + constants.round_s) + rules.reboot
        safety.safe = False
        return now + rules.reboot
    if (reset and lot) or _is_endangered(state, constants, rules.below, b, n):
        safety.safe, safety.since, safety.interrupted = True, now, True
        safety.times += 1
        return now + max(rules.least, constants.round_s) + rules.reboot
    if reset:
        safety.interrupted = True
        return now + rules.reboot
    return -1.0


@kernel
def _watch_heat(body, safety, craft):
    """The payload goes off above a limit, and on again once it has cooled."""
    if body.hot:
        body.hot = not has_cooled(body, craft)
    elif is_hot(body, craft):
        body.hot, safety.interrupted = True, True


@kernel
def _is_endangered(state, constants, least, b, n):
    """Whether the battery is below the share `least`, or the satellite too hot where that counts."""
    power, body, craft = state.power[b, n], state.body[b, n], constants.craft[n]
    hot = constants.safety.when_hot and (body.temperature > craft.shutdown_above or body.hot)
    return hot or power.energy < least * power.capacity
