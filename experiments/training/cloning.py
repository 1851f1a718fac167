"""A warm start: the actor learns to do as another policy does, the critic what that earns."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from agents import Policy, make_policy
from envs.batch import BatchEnv
from experiments.training.ppo import Arena, Batch, Learner, log_chances
from sandbox.errors import SandboxError

WARM = 4
"""Iterations after it in which the critic alone learns: its estimates are of the teacher, cut short."""


class Teacher:
    """Decides in the place of a learner, whose memory follows what is seen."""

    def __init__(self, learner: Learner, policies: Sequence[Policy]) -> None:
        self.learner, self._policies = learner, policies

    def choose(self, arena: Arena, t: int) -> tuple[NDArray, NDArray, NDArray]:
        """As `Learner.choose`, with the teacher's actions."""
        _, chance, memory = self.learner.choose(arena, t)
        policy = self._policies[self.learner.arenas.index(arena)]
        ended = arena.ended[t - 1] if t else np.zeros(arena.env.worlds, np.bool_)
        if ended.all():
            policy.reset(arena.played)
        action = policy.act(arena.seen[t], {"action_mask": arena.mask[t], "ended": ended})
        return np.asarray(action).reshape(-1), chance, memory


def clone(
    learner: Learner, name: str, envs: Sequence[BatchEnv], first_seed: int, steps: int, epochs: int = 4
) -> float:
    """Learn from `steps` agent-steps that the policy called `name` plays in `envs`; how often they agree.

    The worlds are other ones than those that the learner plays in afterwards, and their seeds are, too.
    """
    own, settings = learner.arenas, learner.settings
    learner.arenas = [Arena(env, settings, first_seed + 1000 * i, in_step=True) for i, env in enumerate(envs)]
    policies = [make_policy(name, env) for env in envs]
    if any(policy.thinks for policy in policies):
        raise SandboxError(
            f"Policy {name!r} thinks, which takes time that cloning knows nothing of; name another."
        )
    try:
        for policy in policies:
            policy.reset(first_seed)
        teacher, played = Teacher(learner, policies), 0
        judged: list[Batch] = []
        while played < steps or not judged:
            learner.acting = learner.weights()
            for arena in learner.arenas:
                arena.collect(teacher)
            if played or not settings.normalise:  # the first rollout sets the scales alone
                judged += [learner.judge(arena) for arena in learner.arenas]
            elif settings.normalise:
                learner.rescale()
            played += sum(arena.reward.size for arena in learner.arenas)
        agreed = _imitate(learner, judged, epochs)
        learner.begin_descent()
        learner.warm = WARM
        return agreed
    finally:
        for policy in policies:
            policy.close()
        for arena in learner.arenas:
            arena.env.close()
        learner.arenas = own


def _imitate(learner: Learner, judged: Sequence, epochs: int) -> float:
    """Cross entropy for the actor and squared error for the critic, over all that was played."""
    batch = learner.gathered(judged)
    size = max(1, learner.settings.minibatch // 2 // (batch.action[0].numel() if len(batch.action) else 1))
    agreed: list[float] = []
    for _ in range(epochs):
        agreed = []
        for rows in torch.randperm(
            len(batch.action), generator=learner.generator, device=learner.device
        ).split(size):
            logits, value = learner.outputs(batch, rows)
            chances = log_chances(logits, batch.mask[rows])
            chooses, counts = batch.chooses[rows].float(), batch.counts[rows].float()
            told = chances.gather(-1, batch.action[rows][..., None])[..., 0]
            loss = -(told * chooses).sum() / chooses.sum().clamp(min=1.0)
            missed = 0.5 * ((value - batch.target[rows]) ** 2 * counts).sum() / counts.sum().clamp(min=1.0)
            learner.descend(loss + missed)
            same = (chances.argmax(-1) == batch.action[rows]).float() * chooses
            agreed.append(float(same.sum() / chooses.sum().clamp(min=1.0)))
    return float(np.mean(agreed)) if agreed else 0.0
