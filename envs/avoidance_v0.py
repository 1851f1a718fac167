"""avoidance_v0: whether, when and how to burn."""

from envs.blocks.body import Body, TimeLeft
from envs.blocks.encounters import SHIP, Burns, Slot, Wait, WarningCount, Warnings
from envs.blocks.state import ALIVE, APPROACH, FUEL, OFFSET, ORBIT, TIME
from envs.blocks.terms import EncounterCounts, Fuel, Loss, Service
from envs.faces import faces_of
from envs.options import whole_count
from envs.problem import Declaration, Problem


class Avoidance(Problem):
    """PAGE"""

    name, scenario = "avoidance_v0", "crossing_12"
    overrides = {"requests.initial": 0, "requests.per_hour": 0.0, "requests.sites": ()}
    briefing_text = (
        "You are the onboard mind of a satellite in a constellation that debris passes. Every {round_min:g} min you "
        "decide whether to burn. A collision ends the satellite. A burn costs fuel and takes the satellite out "
        "of its slot, where it serves nobody until it has returned; it moves the satellite along its track, the "
        "more the earlier it comes. Warnings are uncertain and are put right every {update_h:g} h; operators act above a "
        "probability of 1e-4."
    )
    arguments = {
        "warned": "W, the warnings shown",
        "service": "pay of a day in the slot",
        "fuel_price": "price of a metre per second",
        "loss_penalty": "price of a lost satellite",
    }

    def brief(self) -> str:
        scenario = self.world.scenario
        return self.briefing_text.format(round_min=scenario.round_s / 60.0, update_h=scenario.threats.update_h)

    @classmethod
    def declare(
        cls, warned: int = 3, service: float = 1.0, fuel_price: float = 2.0, loss_penalty: float = 100.0
    ) -> Declaration:
        return Declaration(
            blocks=(
                Slot(), WarningCount(), Body(omit=("temperature",), topic=SHIP), TimeLeft(topic=SHIP),
                Warnings(),
                Wait(), Burns(),
                Service(service), Fuel(fuel_price), Loss(loss_penalty), EncounterCounts(),
            ),
            state=(TIME,),
            satellite_state=(ORBIT, FUEL, OFFSET, APPROACH, ALIVE),
            world={"warned": whole_count("warned", warned)},
        )  # fmt: skip


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Avoidance)
