"""operations_v0: the whole decision, under orders in words from the ground."""

from dataclasses import replace
from typing import Any

from envs.autonomy_v0 import Autonomy
from envs.blocks.directives import Directives, OrderCounts, OrderPay, RequestPlaces, Utc
from envs.faces import faces_of
from envs.options import whole_count
from envs.page import show_page
from envs.problem import Declaration

__all__ = ["Operations", "batch_env", "env", "parallel_env", "raw_env", "satellite_env", "vector_env"]


class Operations(Autonomy):
    """The whole decision, under orders in words.

    As `autonomy_v0`, and ground control writes: where to look first and where not at all, what the batteries
    must hold at an hour, when the queue is left to the neighbours, which station is given up. The orders are
    in English and Chinese. They come up where a station is in view and go on from neighbour to neighbour over
    the lasers, so they arrive late, and not everywhere at once. What an order means decides a part of the
    reward (`sandbox.directives`), heard or not; the observation holds its words, never its meaning. Some have
    conditions or exceptions, some are corrected or cancelled later, some contradict each other: then the one
    holds that is said to go before, else the later. Times are those of UTC, of the clocks of a place, or
    count minutes or the satellite's own orbits from the issue that the order begins with.

    {creation}

    ## Observation

    {observation}

    The features of `request_k`, `neighbour_k`, `warning_k` and `directive_k` stand once for each k from 1 on;
    see `autonomy_v0` for the others. Of a request `latitude` and `longitude` are where it lies. The `word_i`
    of an order are the numbers of its words in a closed vocabulary, lines of `sandbox/data/order_words.txt`
    from 1 on, 0 for none. Orders are told by their age, the latest first, whether or not they are over,
    corrected or cancelled: to see that is a part of reading. In words a report has their text.

    ## Actions

    {actions}

    They are those of `autonomy_v0`, and so are the options of its faces. Whoever has heard an order passes it
    on to neighbours that have not, by itself; the bits cost the lasers time and energy.

    ## Rewards

    {rewards}

    With `team_reward=True` every satellite gets the fleet's mean, with `difference_reward=True` what the
    fleet would have earned less without it (`envs.difference`).

    ## Start and end

    As in `autonomy_v0`; the orders of an episode are drawn at the reset, last, so that all else is as without
    them. The scenario's `orders` says how many there are, how they are mixed and what breaches cost; with
    `orders.split: heldout` they come in wordings and references that `train` never has. On a scenario without
    orders nothing is written.

    ## Arguments

    {arguments}

    ## Version history

    * v0: first version, November 2026.
    """

    name, scenario = "operations_v0", "operations_24"
    policies = {
        "deaf": "agents.operations:Deaf",
        "keyword": "agents.operations:Keyword",
        "nano": "agents.reading.policy:Nano",
        "oracle": "agents.operations:Oracle",
    }
    briefing_text = (
        "You steer a satellite that images the Earth, answers questions and avoids debris, under orders from "
        "the ground. Every {round_s:g} s change one order at most; the others stand. An empty battery or a "
        "collision is the end; a burn spoils the image. The orders from the ground say what else counts."
    )
    arguments = {**Autonomy.arguments, "directives": "orders in words that are told, the latest first"}

    @classmethod
    def declare(
        cls,
        candidates: int = 4,
        warned: int = 2,
        message_size: int = 0,
        fuel_price: float = 2.0,
        slot_price: float = 10.0,
        loss_penalty: float = 50.0,
        directives: int = 12,
        *,
        consult: bool = False,
        consult_price: float = 1.0,
        consult_truth: bool = False,
        robots: int = 0,
        robot_mind: Any = "loudest",
        robot_reward: float = 0.0,
    ) -> Declaration:
        priced = fuel_price, slot_price, loss_penalty
        thinks: dict[str, Any] = {
            "consult": consult,
            "consult_price": consult_price,
            "consult_truth": consult_truth,
            "robots": robots,
            "robot_mind": robot_mind,
            "robot_reward": robot_reward,
        }
        whole = super().declare(candidates, warned, message_size, *priced, **thinks)
        told = Directives(whole_count("directives", directives))
        blocks = (*whole.blocks, Utc(), RequestPlaces(), told, OrderPay(), OrderCounts())
        return replace(whole, blocks=blocks)


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Operations)
show_page(Operations)


def __dir__() -> list[str]:
    return __all__
