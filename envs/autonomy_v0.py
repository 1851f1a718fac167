"""autonomy_v0: the whole decision."""

from envs.blocks.body import Body, Light, Panel, Place, TimeLeft
from envs.blocks.encounters import Burns, Slot, WarningCount, Warnings
from envs.blocks.ground import Station
from envs.blocks.images import Requests, Store
from envs.blocks.jobs import Beacons, Job, Training, Work
from envs.blocks.orders import Health, Keep, ObserveNext, PointTo, Reload, Serve, Standing
from envs.blocks.state import (
    ALIVE, BACKLOG, BATTERY, FUEL, IN_SERVICE, INBOX_COUNT, INTACT, OFFSET, ORBIT, STORE, TEMPERATURE,
)  # fmt: skip
from envs.blocks.terms import (
    AnswerLatency, Answers, Delivery, EncounterCounts, Energy, Fuel, ImageCounts, JobCounts, Loss, OutOfSlot,
    SafeMode,
)  # fmt: skip
from envs.faces import faces_of
from envs.options import whole_count
from envs.problem import Declaration, Problem


class Autonomy(Problem):
    """PAGE"""

    name, scenario = "autonomy_v0", "disaster_response"
    briefing_text = (
        "You are the onboard mind of a satellite of a constellation that images the Earth, answers questions "
        "from the ground with language models of its own, and has to keep clear of debris. Every {round_s:g} s you may "
        "change one thing; all other orders stand. An image pays when it has reached the ground, an answer when "
        "it has reached who asked, both the less the longer it took. Imaging, sending, computing and thinking "
        "cost energy and heat; the battery must never run empty. A burn costs fuel and spoils what the satellite "
        "points at; a collision ends it. Neighbours are known only by what they tell over their links."
    )
    arguments = {
        "candidates": "K, the requests shown",
        "warned": "W, the warnings shown",
        "message_size": "M, numbers in a message; 0: no channel",
        "fuel_price": "price of a metre per second",
        "slot_price": "price of a day out of the slot",
        "loss_penalty": "price of a lost satellite",
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
    ) -> Declaration:
        size = whole_count("message_size", message_size, least=0)
        return Declaration(
            blocks=(
                Body(), Store(), Light(), Panel(), Place(), Station(), TimeLeft(), Work(), Slot(),
                WarningCount(), Standing(), Health(), Requests(), Job(), Beacons(size), Training(), Warnings(),
                Keep(), PointTo(), ObserveNext(), Serve(), Burns(), Reload(),
                Delivery(), Answers(), Fuel(fuel_price), OutOfSlot(slot_price), Loss(loss_penalty), Energy(),
                ImageCounts(), AnswerLatency(), JobCounts(), EncounterCounts(), SafeMode(),
            ),
            satellite_state=(
                ORBIT, BATTERY, TEMPERATURE, STORE, INBOX_COUNT, BACKLOG, FUEL, OFFSET, INTACT, IN_SERVICE,
                ALIVE,
            ),
            world={
                "shown": whole_count("candidates", candidates),
                "warned": whole_count("warned", warned),
                "message_bytes": 4 * size,
                "whole_inbox": True,
            },
        )  # fmt: skip


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Autonomy)
