"""Robots on the ground in the loop: what became of their missions, and what that pays."""

from typing import Any

import numpy as np

from envs.block import Block
from envs.options import needs
from sandbox.compiled import kernel
from sandbox.errors import SandboxError, shown

ROBOT_ARGUMENTS = {
    "robots": "robots on the ground of each world that ask the satellites where to go (docs/robots.md)",
    "robot_mind": "what the model makes of their questions: nearest, loudest, trained, module:Name",
    "robot_reward": "paid for a robot that reaches its victim, beside what answers pay",
}


def robot_blocks(robots: Any, mind: Any = "loudest", reward: Any = 0.0) -> tuple[tuple[Block, ...], Any]:
    """The block and the team, or none and None, by the options `robots`, `robot_mind` and `robot_reward`.

    Raises SandboxError for what these cannot be, and for a mind or a reward of robots that are not there.
    """
    whole = isinstance(robots, (int, np.integer)) and not isinstance(robots, bool)
    if not (whole and robots >= 0):
        raise SandboxError(f"robots = {shown(robots)}; give a whole number of at least 0.")
    number = isinstance(reward, (int, float)) and not isinstance(reward, bool)
    if not (number and 0.0 <= reward <= 1e6):
        raise SandboxError(f"robot_reward = {shown(reward)}; give a number from 0 to 1,000,000.")
    if not robots:
        needs("robots", "robots=1 or more", {"robot_mind": (mind, "loudest"), "robot_reward": (reward, 0.0)})
        return (), None
    from envs.robots.team import MOST_ROBOTS, Team, mind_of

    if robots > MOST_ROBOTS:
        raise SandboxError(f"robots = {shown(robots)}; {MOST_ROBOTS:,} is the most.")
    mind_of(mind)
    return (Missions(float(reward)),), Team(int(robots), mind)


class Missions(Block):
    """Missions that were over in the round, to the satellites that decided on their answers, by their shares
    (where nobody answered, to all alike): reached or failed, s of those that reached, Wh, collisions; answers
    brought to robots, and s that they waited for them. `price` is paid for each that reached."""

    parts = ("jobs",)
    terms = (
        "reward_robots", "robots_reached", "robots_failed", "robot_s", "robot_wh", "robot_collisions",
        "robot_answers", "robot_waited_s",
    )  # fmt: skip

    def __init__(self, price: float) -> None:
        super().__init__()
        self.price = price

    def pays(self, world):
        return f"robot that reaches its victim {self.price:g}, shared by who answered" if self.price else ""

    def params(self, world):
        from envs.robots.team import tally_of

        return self.price, tally_of(world)

    @staticmethod
    @kernel
    def score(sim, own, moment, row, b, n):
        told = own.params[1][b, n]
        row.reward_robots = own.params[0] * told.reached
        row.robots_reached = told.reached
        row.robots_failed = told.failed
        row.robot_s = told.seconds
        row.robot_wh = told.wh
        row.robot_collisions = told.collisions
        row.robot_answers = told.answers
        row.robot_waited_s = told.waited
