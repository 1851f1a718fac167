"""relay_v0, an example: a decision problem of your own, of blocks that there are and one that is new.

    python -m experiments run --env experiments.examples.relay:Relay --hours 0.5

See docs/your_own_problem.md.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import Policy
from envs import Action, Declaration, Problem
from envs.blocks.body import Body
from envs.blocks.jobs import Decide, Job, Neighbours, Work
from envs.blocks.terms import Answers, Energy, JobCounts, Loss
from envs.faces import faces_of
from envs.page import show_page
from sandbox.compiled import kernel
from sandbox.job_service import allowed
from sandbox.jobs import INBOX, NEIGHBOUR, RUN_LARGE
from sandbox.lasers import TERMINALS
from sandbox.state import NONE


class Pass(Decide):
    """Keep the job at the head of the inbox, which is the no-op, or pass it on."""

    def actions(self, world):
        keep = Action("keep", "answer the job here, with the large model", "always")
        link = "a job, and a link to a living neighbour with room in its inbox"
        return keep, *(
            Action(f"neighbour_{k}", f"pass the job to neighbour {k}", link) for k in range(1, TERMINALS + 1)
        )

    def identities(self, world):
        head = world.jobs.state.queues["head"][..., INBOX].astype(np.int64)[..., None]
        named = np.where(head == NONE, NONE, head * (1 + TERMINALS) + np.arange(1 + TERMINALS))
        named[..., 0] = 0
        return named

    @staticmethod
    @kernel
    def allow(sim, own, moment, legal, b, n):
        legal[0] = 1
        has_job = sim.state.body[b, n].alive and sim.jobs.state.queues[b, n, INBOX].head != NONE
        for k in range(TERMINALS):
            legal[1 + k] = has_job and allowed(sim.state, sim.jobs, sim.lasers, NEIGHBOUR + k, b, n)

    @staticmethod
    @kernel
    def apply(control, own, action, b, n):
        control.commands.queue[b, n] = RUN_LARGE if action == 0 else NEIGHBOUR + action - 1


class Relay(Problem):
    """Pass jobs over lasers, nothing else.

    Questions come up unevenly over a mesh of computing satellites. Each round every satellite keeps the job
    at the head of its inbox, and answers it, or passes it to a neighbour, who decides a round later. An
    answer pays when it arrives, the less the longer it took.

    {creation}

    ## Observation

    {observation}

    ## Actions

    {actions}

    ## Rewards

    {rewards}

    ## Arguments

    {arguments}
    """

    name, scenario = "relay_v0", "relay_40"
    overrides = {"requests.initial": 0, "requests.per_hour": 0.0, "requests.sites": ()}
    policies = {"shortest_queue": "experiments.examples.relay:ShortestQueue"}
    briefing_text = (
        "You are the onboard mind of a computing satellite in a laser mesh. Every {round_s:g} s you keep the "
        "first job in your inbox, to answer it on your own boards, or pass it to a neighbour. An answer pays "
        "its value when it has arrived, less the longer it took, and nothing after its deadline."
    )
    arguments = {"loss_penalty": "price of a lost satellite"}

    @classmethod
    def declare(cls, loss_penalty: float = 50.0) -> Declaration:
        return Declaration(
            blocks=(
                Body(), Work(), Job(), Neighbours(),
                Pass(),
                Answers(), Loss(loss_penalty), Energy(), JobCounts(),
            ),
        )  # fmt: skip


class ShortestQueue(Policy):
    """Passes a job on where the boards are free sooner by more than the round that it costs."""

    problems = ("relay_v0",)

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._round_s = float(env.world.scenario.round_s)
        self._there = [self.layout.index(f"neighbour_{k}_backlog") for k in range(1, TERMINALS + 1)]

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        seen = self.layout.physical(observation)
        waits = np.concatenate(
            (seen[..., [self.layout.index("backlog")]], seen[..., self._there] + self._round_s), axis=-1
        )
        return np.where(mask == 1, waits, np.inf).argmin(axis=-1)


batch_env, parallel_env, raw_env, env, satellite_env, vector_env = faces_of(Relay)
show_page(Relay)
