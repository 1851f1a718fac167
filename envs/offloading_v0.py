"""offloading_v0: where a job runs."""

from envs.blocks.body import Body, Light, Place, TimeLeft
from envs.blocks.ground import Station
from envs.blocks.jobs import Decide, Job, Neighbours, Training, Work
from envs.blocks.state import ALIVE, ANSWER_COUNT, BACKLOG, BATTERY, INBOX_COUNT, ORBIT, TEMPERATURE
from envs.blocks.terms import Answers, Energy, JobCounts, Latency, Loss
from envs.faces import faces_of
from envs.problem import Declaration, Problem


class Offloading(Problem):
    """PAGE"""

    name, scenario = "offloading_v0", "relay_40"
    overrides = {"requests.initial": 0, "requests.per_hour": 0.0, "requests.sites": ()}
    briefing_text = (
        "You are the onboard mind of a computing satellite that belongs to a constellation linked by lasers. "
        "Every {round_s:g} s you decide what becomes of the first job in your inbox: a question from a person or a "
        "robot on the ground, or an image from a camera. An answer pays its value, times its quality, when it "
        "has arrived, less the longer it took, and nothing after its deadline. The large model answers better "
        "and takes longer; whoever works pays in energy and heat. The battery must never run empty."
    )
    arguments = {"loss_penalty": "price of a lost satellite"}

    @classmethod
    def declare(cls, loss_penalty: float = 50.0) -> Declaration:
        return Declaration(
            blocks=(
                Body(), Light(), Place(), Station(omit=("station_elevation", "station_rivals")), Work(),
                TimeLeft(), Job(), Neighbours(), Training(),
                Decide(),
                Answers(), Loss(loss_penalty), Energy(), Latency(), JobCounts(),
            ),
            satellite_state=(ORBIT, BATTERY, TEMPERATURE, INBOX_COUNT, BACKLOG, ANSWER_COUNT, ALIVE),
        )  # fmt: skip


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Offloading)
