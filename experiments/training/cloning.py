"""A warm start: the actor learns to do as another policy does, the critic what that earns."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from agents import Policy, make_policy, policy_class
from agents.network import Forward
from agents.policy import understands
from envs.batch import BatchEnv
from experiments.training.minibatches import Batch
from experiments.training.ppo import Arena, Chosen, Learner, log_chances, log_chances_said
from sandbox.errors import SandboxError

MINIBATCH, RATE = 512, 1e-3
RARE, MOST = 0.5, 30.0
"""The power of its rarity that an action counts with, and the most."""
WARM = 4
"""Iterations after it in which the critic alone learns: its estimates are of the teacher, cut short."""


class Teacher:
    """Decides in the place of a learner, whose memory follows what is seen."""

    def __init__(self, learner: Learner, policies: Sequence[Policy]) -> None:
        self.learner, self._policies = learner, policies
        self.speaks = False

    def choose(self, arena: Arena, t: int) -> Chosen:
        """As `Learner.choose`, with the teacher's actions."""
        own = self.learner.choose(arena, t)
        policy = self._policies[self.learner.arenas.index(arena)]
        ended = arena.ended[t - 1] if t else np.zeros(arena.env.worlds, np.bool_)
        if ended.all():
            policy.reset(arena.played)
        action = policy.act(arena.seen[t], {"action_mask": arena.mask[t], "ended": ended})
        chosen = own._replace(action=np.asarray(action).reshape(-1))
        if policy.messages is None:
            return chosen
        self.speaks = True
        return chosen._replace(said=policy.messages.reshape(own.said.shape))


def check_teacher(name: str, problem: str) -> None:
    """Raises SandboxError for a policy that cannot be copied: unknown, of others, or one that thinks."""
    kind = policy_class(name, problem)
    if not understands(kind, problem):
        raise SandboxError(f"Policy {name!r} does not know {problem}; give one that does, with --clone.")
    _check_free(name, kind)


def _check_free(name: str, policy: Policy | type[Policy]) -> None:
    if policy.thinks:
        raise SandboxError(
            f"Policy {name!r} thinks, which takes time that cloning knows nothing of; name another."
        )


def clone(
    learner: Learner, name: str, envs: Sequence[BatchEnv], first_seed: int, steps: int, epochs: int = 6
) -> float:
    """Learn from `steps` agent-steps that the policy called `name` plays in `envs`; how often they agree.

    The worlds are other ones than those that the learner plays in afterwards, and their seeds are, too.
    """
    began = time.process_time()
    own, settings = learner.arenas, learner.settings
    policies = [make_policy(name, env) for env in envs]
    for policy in policies:
        _check_free(name, policy)
    learner.enter(envs, first_seed, in_step=True)
    try:
        for policy in policies:
            policy.reset(first_seed)
        teacher, played = Teacher(learner, policies), 0
        judged: list[Batch] = []
        learner.acting = Forward(learner.weights())
        longest = max(env.max_cycles for env in envs)
        seen = 0 if settings.normalise else longest
        while played < steps or not judged:
            for arena in learner.arenas:
                arena.collect(teacher)
            if seen < longest:  # a whole episode sets the scales: what moves late in it is told apart, too
                learner.rescale()
                learner.acting = Forward(learner.weights())
                seen += settings.rollout
                continue
            judged.append(learner.gathered([learner.judge(arena) for arena in learner.arenas]))
            played += sum(arena.reward.size for arena in learner.arenas)
        learner.settled = True
        learner.begin_descent(RATE)
        agreed = _imitate(learner, Batch.joined(judged), epochs, teacher.speaks)
        learner.begin_descent()
        learner.drop_anchor()
        learner.warm = WARM
        return agreed
    finally:
        for policy in policies:
            policy.close()
        learner.leave()
        learner.arenas = own
        learner.cpu_s += time.process_time() - began


def _imitate(learner: Learner, batch: Batch, epochs: int, speaks: bool) -> float:
    """Cross entropy for the actor, of messages too if the teacher `speaks`, and squared error for the critic,
    over all that was played."""
    agreed: list[float] = []
    weight = _weights(batch, len(learner.labels))
    for _ in range(epochs):
        agreed = []
        order = learner.shuffled(len(batch.action))
        for part in batch.rows(order).parts(MINIBATCH):
            logits, value = learner.outputs(part)
            chances = log_chances(logits, part.mask)
            chooses, counts = part.chooses.float(), part.counts.float()
            told = chances.gather(-1, part.action[..., None])[..., 0]
            weighed = chooses * weight[part.action]
            loss = -(told * weighed).sum() / weighed.sum().clamp(min=1e-6)
            missed = 0.5 * ((value - part.target) ** 2 * counts).sum() / counts.sum().clamp(min=1.0)
            if speaks:
                missed = missed - (log_chances_said(logits, part.said)[0] * chooses).sum() / chooses.sum()
            learner.descend(loss + missed)
            same = (chances.argmax(-1) == part.action).float() * chooses
            agreed.append(float(same.sum() / chooses.sum().clamp(min=1.0)))
    return float(np.mean(agreed)) if agreed else 0.0


def _weights(batch: Batch, actions: int) -> Tensor:
    """(A,) What a row counts by its action: a rare one more, else one burn in a thousand is not learned."""
    counts = torch.bincount(batch.action[batch.chooses].flatten(), minlength=actions).float()
    return (counts.sum() / counts.clamp(min=1.0)).pow(RARE).clamp(max=MOST)
