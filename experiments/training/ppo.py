"""Proximal policy optimisation on the batch face, in one file, to be read from top to bottom.

After Schulman et al. (2017) and the manner of CleanRL (Huang et al. 2022). One network decides for every
satellite (parameter sharing). The critic sees what the satellite sees (`ppo`, also called `ippo`; de Witt et
al. 2020) or the true state of the world beside it (`mappo`; Yu et al. 2022).

What differs from the textbook, and why:

- Illegal actions have no probability (Huang and Ontanon 2022). Rows of lost satellites, and those with one
  legal action, teach the actor nothing and are left out of its loss.
- A return ends where the satellite is lost, and goes on where time is up: there the critic's estimate of what
  would have come stands in. With a finite horizon nothing comes then, which satellites that see the time left
  can make use of (both Pardo et al. 2018).
- Decisions are semi-Markov: a satellite that has no choice for some rounds decides again later. Rewards in
  between are discounted by the rounds that pass, and the mixing of lambda counts decisions, not rounds.
- The learning rate follows the divergence of each update: a run can go on for longer than planned.
- Where satellites can send each other numbers (`message_size`), each is -1 or 1, drawn, and learned from what
  follows like an action (after RIAL of Foerster et al. 2016).
- All that the future depends on can be kept (`checkpoint.py`): a killed run goes on to the same curve.
"""

import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.network import CLIP, Forward, Weights
from envs.batch import OF_THE_NEXT, BatchEnv
from envs.difference import DifferenceBatch
from experiments.training.minibatches import Batch
from experiments.training.moments import Running
from experiments.training.recipes import SEQUENCE

FLOOR = 0.01
"""Least deviation that an observation is divided by: what hardly moves is not blown up to noise."""
NUMBERS = ("kl", "entropy", "loss_actor", "loss_critic", "clipped")  # of a step of the optimisers
RISE = 3.0
"""How far above its first value the rate may rise: a policy that hardly moves would else follow noise."""
SPARE = 8
"""Of rows without a choice, one in so many teaches the critic: returns are cut there, too."""
SAMPLED = 4
"""Of the rounds of a rollout, one in so many is taken into the statistics of what is seen."""


# ---------------------------------------------------------------------------------------------- 1. settings
@dataclass(frozen=True)
class Settings:
    """What can be turned. Times are in rounds, rates per step of the optimiser."""

    algorithm: str = "ppo"
    hidden: int = 64
    layers: int = 2
    memory: int = 0  # size of a GRU after the first layer; 0 for none
    sequence: int = SEQUENCE  # rounds through which the GRU is differentiated
    critic: str = "separate"  # or "shared": a second head on the actor's layers
    rollout: int = 128
    twins: int = 1  # worlds that meet the same luck, and are held against each other
    horizon: str = "infinite"  # or "finite": nothing comes after an episode
    gamma: float = 0.995
    lam: float = 0.95
    lam_critic: float = 1.0  # of the critic's targets: what costs hours later has to reach it
    share: float = 0.5  # of the rows that were played, learned from: neighbours in time are much alike
    epochs: int = 2
    minibatch: int = 2048
    rate: float = 1e-3  # of the actor at first
    rate_critic: float = 1e-3
    halving: float = 0.0  # agent-steps after which the actor's highest rate is a half; 0 for never
    target_kl: float = 0.01
    clip: float = 0.2
    entropy: float = 0.005
    gradient: float = 0.5  # norm that gradients are clipped to
    team_share: float = 0.0  # of the reward that is the fleet's mean
    anchor: float = 0.0  # price of going from what was cloned
    normalise: bool = True
    semi_markov: bool = True
    device: str = "cpu"


# ---------------------------------------------------------------------------------------------- 2. networks
def layer(size_in: int, size_out: int, gain: float) -> nn.Linear:
    made = nn.Linear(size_in, size_out)
    nn.init.orthogonal_(made.weight, gain)
    nn.init.zeros_(made.bias)
    return made


class Net(nn.Module):
    """Layers of tanh, perhaps with a GRU after the first, and one or more linear heads."""

    def __init__(self, size_in: int, settings: Settings, heads: Sequence[tuple[int, float]], memory: int = 0):
        super().__init__()
        gain = 5.0 / 3.0
        self.first = layer(size_in, settings.hidden, gain)
        self.gru = nn.GRUCell(settings.hidden, memory) if memory else None
        width, rest = memory or settings.hidden, []
        for _ in range(settings.layers - 1):
            rest += [layer(width, settings.hidden, gain), nn.Tanh()]
            width = settings.hidden
        self.rest = nn.Sequential(*rest)
        self.heads = nn.ModuleList([layer(width, size, scale) for size, scale in heads])

    def forward(self, x: Tensor, memory: Tensor | None = None) -> tuple[list[Tensor], Tensor | None]:
        x = torch.tanh(self.first(x))
        if self.gru is not None:
            x = memory = self.gru(x, memory)
        x = self.rest(x)
        return [head(x) for head in self.heads], memory


def log_chances(logits: Tensor, mask: Tensor) -> Tensor:
    """Logarithms of the probabilities of actions (..., A), the first of the logits; of illegal ones a large
    negative number."""
    return torch.log_softmax(logits[..., : mask.shape[-1]].masked_fill(~mask, -1e8), dim=-1)


def log_chances_said(logits: Tensor, said: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithm of the probability of messages (..., M) of -1 and 1, and their entropy; their logits are the
    last."""
    bits = logits[..., logits.shape[-1] - said.shape[-1] :]
    entropy = nn.functional.softplus(bits) - bits * torch.sigmoid(bits)
    return nn.functional.logsigmoid(bits * said).sum(-1), entropy.sum(-1)


class Chosen(NamedTuple):
    """What R rows do in a round."""

    action: NDArray  # (R,)
    said: NDArray  # (R, M) -1 or 1, M numbers of a message, 0 without a channel
    chance: NDArray  # (R,) logarithm of the probability of both
    memory: NDArray  # (R, H) afterwards


# ------------------------------------------------------------------------------------------- 3. collecting
class Arena:
    """The worlds of one scenario, and what was collected in them: T rounds of R = worlds x satellites rows.

    Episodes begin at different times, those of twins together; `phase`, in [0, 1), sets arenas apart, too.
    Where all are to be `in_step`, to be cloned, each world has a luck of its own.

    Row t of `seen`, `mask`, `decides`, `memory` and `state` is before round t; there is one more than rounds.
    """

    def __init__(
        self, env: BatchEnv, settings: Settings, seed: int, in_step: bool = False, phase: float = 0.0
    ) -> None:
        self.env, self.rows = env, env.worlds * env.satellites
        rounds, team = settings.rollout, (env.worlds, env.satellites)
        blank = env.buffers()

        def room(name: str, more: int) -> NDArray:
            return np.zeros((rounds + more, *blank[name].shape), blank[name].dtype)

        self.seen, self.mask = room("observation", 1), room("action_mask", 1)
        self.decides, self.alive = room("decides", 1), room("alive", 1)
        self.reward, self.lost = room("reward", 0), room("lost", 0)
        self.action = np.zeros((rounds, self.rows), np.int64)
        self.said = np.zeros((rounds, self.rows, env.problem.message_size), np.float32)
        self.chance = np.zeros((rounds, self.rows), np.float32)
        self.hour = np.zeros((rounds, env.worlds), np.int64)  # rounds of its episode that a world has played
        self.ended, self.dead = (np.zeros((rounds, env.worlds), np.bool_) for _ in range(2))
        self.memory = np.zeros((rounds + 1, self.rows, settings.memory), np.float32)
        central = settings.algorithm == "mappo"
        self.state = np.zeros((rounds + 1, env.worlds, env.state_space.shape[0] if central else 0), "f4")
        self.final: list[tuple[int, NDArray, NDArray, NDArray, NDArray]] = []
        self.finished: list[float] = []
        self.running = np.zeros(team)  # discounted return so far, whose deviation rewards are divided by
        self.returns, self.played = np.zeros(env.worlds), 0
        self.twins = 1 if in_step else settings.twins
        luck = np.arange(env.worlds) // self.twins
        begun = (luck + phase) * self.twins * (0 if in_step else env.max_cycles)
        self.stagger = (begun // env.worlds).astype(int)
        self.start(env.reset(seed + luck))

    def start(self, told: tuple[NDArray, dict[str, NDArray]]) -> None:
        """What is seen as the next rollout begins."""
        observation, info = told
        self.seen[-1], self.mask[-1] = observation, info["action_mask"]
        self.decides[-1], self.alive[-1] = info["decides"], info["alive"]
        if self.state.size:
            self.env.state(self.state[-1])

    def in_step(self) -> NDArray[np.bool_]:
        """Whether a world (T, B) is as far in its episode as the first of its twins: one that lost its whole
        fleet has begun anew before the others."""
        hours = self.hour.reshape(len(self.hour), -1, self.twins)
        return (hours == hours[..., :1]).reshape(self.hour.shape)

    def collect(self, learner: Any) -> None:
        """Play T rounds as `learner.choose` says, worlds that end beginning anew.

        In the first episode some begin anew before, so that the worlds do not stay in step.
        """
        env, team = self.env, (self.env.worlds, self.env.satellites)
        for kept in (self.seen, self.mask, self.decides, self.alive, self.memory, self.state):
            kept[0] = kept[-1]
        self.final, self.finished = [], []
        for t in range(len(self.reward)):
            self.action[t], self.said[t], self.chance[t], memory = learner.choose(self, t)
            if self.said.size:
                env.problem.mail.say(self.said[t].reshape(*team, -1))
            self.hour[t] = env.world.state.clock["round"]
            out = {"observation": self.seen[t + 1], "action_mask": self.mask[t + 1], "reward": self.reward[t]}
            out |= {"decides": self.decides[t + 1], "alive": self.alive[t + 1], "lost": self.lost[t]}
            _, reward, terminated, _, info = env.step(self.action[t].reshape(team), out=out)
            ended, last = info["ended"], info["final_observation"]
            self.returns += info.get("own_reward", reward).sum(1)
            self.finished += self.returns[ended].tolist()
            self.played += 1
            early = (self.stagger == self.played) & ~ended
            final_state = env.final_state() if self.state.size and (ended | early).any() else None
            if early.any():
                last = last.copy()
                env.reset(None, np.flatnonzero(early), {name: out[name] for name in OF_THE_NEXT})
            self.ended[t], self.dead[t] = ended | early, terminated[:, 0]
            self.returns[self.ended[t]] = 0.0
            self.memory[t + 1] = memory
            if self.ended[t].any():
                which = np.flatnonzero(self.ended[t])
                state = self.state[t, which] if final_state is None else final_state[which]
                self.final.append((t, which, last[which], state, early[which]))
                self.memory[t + 1].reshape(*team, -1)[which] = 0.0
            if self.state.size:
                env.state(self.state[t + 1])


# ---------------------------------------------------------------------------------------- 4. advantages
def mixed_returns(
    reward: Tensor, value: Tensor, decides: Tensor, cut: Tensor, beyond: Tensor, gamma: float, lam: float
) -> Tensor:
    """Lambda-returns (T, R), backwards from the end.

    `reward`, `cut`, `beyond` are (T, R): where `cut`, the return goes on with the number in `beyond` (the
    critic's estimate at a truncation, 0 after a loss). `value`, `decides` are (T + 1, R): where a row does
    not decide, lambda is 1 and its value plays no part, so that lambda counts decisions (semi-Markov).
    """
    found, after = torch.empty_like(reward), value[-1]
    mix = torch.where(decides, lam, 1.0).to(value.dtype)
    for t in reversed(range(len(reward))):
        mixed = torch.lerp(value[t + 1], after, mix[t + 1])
        after = found[t] = reward[t] + gamma * torch.where(cut[t], beyond[t], mixed)
    return found


def less_luck(advantage: Tensor, tells: Tensor, twins: int) -> Tensor:
    """Advantages (T, B, N) less what the same satellite has in the other worlds of the same luck, `twins` of
    which, a divisor of B, stand side by side; where `tells` (T, B, N): it lives, and its world is in step.

    What they share was brought by requests, skies and stations and not by a decision, and the mean of the
    others depends on no decision of one's own. It counts as far as it tells anything, by the coefficient of a
    control variate (Glasserman 2003, section 4.1), which is estimated from these same advantages: with few
    rows that favours the lucky, with thousands it does not.
    """
    told = (advantage * tells).unflatten(1, (-1, twins))
    many = tells.to(told.dtype).unflatten(1, (-1, twins))
    others = (told.sum(2, keepdim=True) - told) / (many.sum(2, keepdim=True) - many).clamp(min=1.0) * many
    weight = (told * others).sum() / (others * others).sum().clamp(min=1e-8)
    return advantage - weight.clamp(0.0, 1.0) * others.flatten(1, 2)


# ------------------------------------------------------------------------------------------- 5. learning
class Learner:
    """Networks, optimisers, statistics and worlds; `iterate` plays a rollout and learns from it."""

    def __init__(self, envs: Sequence[BatchEnv], settings: Settings, seed: int, first_seed: int) -> None:
        self.settings, self.device = settings, torch.device(settings.device)
        self.problem, self.labels = envs[0].problem.name, tuple(envs[0].actions)
        self.features = tuple(envs[0].layout.names)
        torch.manual_seed(seed)
        self.enter(envs, first_seed)
        size, actions = len(self.features), len(self.labels)
        self.shared = settings.critic == "shared"
        self.says = envs[0].problem.message_size
        decides = (actions + self.says, 0.01)
        heads = [decides, (1, 1.0)] if self.shared else [decides]
        self.actor = Net(size, settings, heads, settings.memory).to(self.device)
        sees = size + settings.memory + self.arenas[0].state.shape[-1]
        self.critic = None if self.shared else Net(sees, settings, [(1, 1.0)]).to(self.device)
        self.rate = settings.rate
        self.begin_descent()
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.rng = np.random.default_rng([first_seed, seed])
        self.observed, self.earned = Running(size), Running(1)
        self.mean, self.scale = torch.zeros(size, device=self.device), torch.ones(size, device=self.device)
        self.steps, self.iterations, self.warm, self.cpu_s = 0, 0, 0, 0.0
        self.settled = False  # whether scales of what is seen stay: with them changes what a clone does
        self.told: dict[str, float] = {}
        self.cloned: Net | None = None
        self.acting = Forward(self.weights())

    @property
    def networks(self) -> list[Net]:
        """The actor, and the critic where it is apart."""
        return [net for net in (self.actor, self.critic) if net is not None]

    def begin_descent(self, rate: float | None = None) -> None:
        """New optimisers, which remember nothing; `rate` is that of the actor, if not the settings'."""
        fused: dict[str, Any] = {"fused": True} if self.device.type in ("cpu", "cuda") else {}
        rates = self.settings.rate if rate is None else rate, self.settings.rate_critic
        self.optimisers = [
            torch.optim.Adam(net.parameters(), lr=own, eps=1e-5, **fused)
            for net, own in zip(self.networks, rates, strict=False)
        ]

    def enter(self, envs: Sequence[BatchEnv], first_seed: int, in_step: bool = False) -> None:
        """Begin episodes in these worlds."""
        apart = self.settings.twins > 1  # else the worlds of each arena are, and that is enough
        self.arenas = [
            Arena(env, self.settings, first_seed + 1000 * i, in_step, i / len(envs) if apart else 0.0)
            for i, env in enumerate(envs)
        ]

    def leave(self) -> None:
        """Let the worlds go."""
        for arena in self.arenas:
            arena.env.close()

    # --- deciding
    def choose(self, arena: Arena, t: int) -> Chosen:
        """Actions and messages, drawn, the logarithms of their probabilities, and the memory after.

        In NumPy, wherever the networks are: for the rows of one round that is quicker than the way there.
        """
        seen, mask = arena.seen[t].reshape(arena.rows, -1), arena.mask[t].reshape(arena.rows, -1)
        outputs, memory = self.acting(seen, arena.memory[t])
        logits, bits = np.split(outputs, [len(self.labels)], axis=-1)
        np.copyto(logits, np.float32(-1e8), where=mask == 0)
        logits -= logits.max(-1, keepdims=True)
        sums = np.exp(logits).cumsum(-1)
        total = sums[:, -1]
        drawn = np.minimum(self.rng.random(arena.rows, np.float32), np.float32(1.0 - 1e-6)) * total
        action = (sums <= drawn[:, None]).sum(-1)
        chance = logits[np.arange(arena.rows), action] - np.log(total)
        said = np.empty_like(bits)
        if self.says:
            said[...] = np.where(bits > self.rng.logistic(size=bits.shape), 1.0, -1.0)
            chance -= np.logaddexp(0.0, -bits * said).sum(-1)
        return Chosen(action, said, chance, memory)

    def tensor(self, array: NDArray) -> Tensor:
        """An array on the device of the networks."""
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def normal(self, seen: Tensor) -> Tensor:
        """Observations less their mean, in deviations."""
        return ((seen - self.mean) * self.scale).clamp_(-CLIP, CLIP)

    def value(self, sees: Tensor) -> Tensor:
        """The critic's estimates (...) for what it sees (..., C)."""
        heads, _ = self.actor(sees) if self.critic is None else self.critic(sees)
        return heads[-1][..., 0]

    def sees(self, arena: Arena, seen: NDArray, memory: NDArray, state: NDArray) -> Tensor:
        """What the critic sees (..., R, C): the observation, what is remembered, the state of the world."""
        parts = [self.normal(self.tensor(seen)), self.tensor(memory)]
        if state.shape[-1]:
            each = self.tensor(state)[..., None, :]
            parts.append(each.expand(*each.shape[:-2], arena.env.satellites, -1).flatten(-3, -2))
        return torch.cat(parts, -1) if len(parts) > 2 or memory.shape[-1] else parts[0]

    # --- one iteration
    def iterate(self) -> None:
        """Play a rollout in every arena and learn from it; the very first one only sets the scales."""
        began = time.process_time()
        self.acting = Forward(self.weights())
        for arena in self.arenas:
            arena.collect(self)
        if self.observed.count or not self.settings.normalise:
            self.learn([self.judge(arena) for arena in self.arenas])
        self.rescale()
        self.iterations += 1
        self.steps += sum(arena.reward.size for arena in self.arenas)
        if finished := [value for arena in self.arenas for value in arena.finished]:
            self.told["return"] = float(np.mean(finished))
        self.cpu_s += time.process_time() - began

    def rescale(self) -> None:
        """Take what was just played into the statistics that the next rollout is normalised by."""
        if not self.settings.normalise:
            return
        for arena in self.arenas:
            alive = arena.alive[:-1]
            if not self.settled and (some := alive[::SAMPLED]).any():
                self.observed.see(arena.seen[:-1:SAMPLED][some])
            found = np.empty(arena.reward.shape)
            for t, reward in enumerate(self.paid(arena)):
                arena.running = found[t] = arena.running * self.settings.gamma + reward
                arena.running = np.where(arena.ended[t][:, None] | arena.lost[t], 0.0, arena.running)
            self.earned.see(found[alive][:, None] if alive.any() else found.reshape(-1, 1))
        deviation = np.maximum(np.sqrt(self.observed.var), FLOOR)
        self.mean = torch.from_numpy(self.observed.mean.astype("f4")).to(self.device)
        self.scale = torch.from_numpy((1.0 / deviation).astype("f4")).to(self.device)

    def paid(self, arena: Arena) -> NDArray:
        """Rewards (T, B, N) as they are learned from: a satellite's own, and a share of the fleet's mean."""
        share = self.settings.team_share
        if not share:
            return arena.reward
        return (1.0 - share) * arena.reward + share * arena.reward.mean(-1, keepdims=True)

    @torch.no_grad()
    def judge(self, arena: Arena) -> Batch:
        """Advantages and targets of what was collected, and all else of an update, in tensors (T, R, ...)."""
        settings, device, tensor = self.settings, self.device, self.tensor
        rounds, rows, team = len(arena.reward), arena.rows, arena.reward.shape[1:]

        def flat(array: NDArray) -> Tensor:
            return tensor(array.reshape(len(array), rows, *array.shape[3:]))

        sees = self.sees(arena, arena.seen.reshape(rounds + 1, rows, -1), arena.memory, arena.state)
        value = self.value(sees)
        unit = np.float32(np.sqrt(self.earned.var[0]) + 1e-8) if self.earned.count else np.float32(1.0)
        shared = arena.env.problem.team_reward or isinstance(arena.env, DifferenceBatch)
        alone = not (settings.team_share or shared)
        over = arena.dead[..., None] | (arena.lost if alone else np.zeros_like(arena.lost))
        beyond = torch.zeros(rounds, *team, device=device)
        for t, which, last, state, early in arena.final:
            kept = arena.memory[t].reshape(*team, -1)[which].reshape(len(which) * team[1], -1)
            final = self.value(self.sees(arena, last.reshape(len(kept), -1), kept, state))
            goes_on = tensor(early | (settings.horizon == "infinite"))
            beyond[t, tensor(which)] = final.view(len(which), team[1]) * goes_on[:, None]
        beyond = beyond.view(rounds, rows).masked_fill_(flat(over), 0.0)
        decides, alive = flat(arena.decides), flat(arena.alive)[:-1]
        counted = decides if settings.semi_markov else torch.ones_like(decides)
        cut = flat(over | arena.ended[..., None])
        reward = flat((self.paid(arena) / unit).astype(np.float32))
        told = reward, value, counted, cut, beyond, settings.gamma
        target = mixed_returns(*told, settings.lam_critic)
        mixed = target if settings.lam == settings.lam_critic else mixed_returns(*told, settings.lam)
        advantage = mixed - value[:-1]
        if arena.twins > 1:
            tells = alive.view(rounds, *team) & tensor(arena.in_step())[..., None]
            advantage = less_luck(advantage.view(rounds, *team), tells, arena.twins).view(rounds, rows)
        spare = torch.rand(rounds, rows, generator=self.generator, device=device) < 1.0 / SPARE
        before = np.concatenate((np.zeros_like(arena.ended[:1]), arena.ended[:-1]))
        critic = sees[:-1]
        return Batch(
            seen=critic if critic.shape[-1] == len(self.features) else critic[..., : len(self.features)],
            mask=flat(arena.mask[:-1]).bool(),
            action=tensor(arena.action),
            said=tensor(arena.said),
            chance=tensor(arena.chance),
            advantage=advantage,
            target=target,
            chooses=decides[:-1],
            counts=decides[:-1] | ((spare | (not settings.semi_markov)) & (alive | (not alone))),
            critic=critic,
            memory=tensor(arena.memory[:-1]),
            begins=flat(before[..., None] | np.zeros(team, np.bool_)),
        )

    def learn(self, judged: Sequence[Batch]) -> None:
        """Some epochs of minibatches, until the policy has moved far enough.

        A row stays in its minibatch: of epoch to epoch their order changes, so that rows are copied once.
        """
        batch, told = self.gathered(judged, self.settings.share), []
        if len(chosen := batch.advantage[batch.chooses]) > 1:
            batch.advantage = (batch.advantage - chosen.mean()) / (chosen.std() + 1e-8)
        parts = batch.parts(self.settings.minibatch)
        for _ in range(self.settings.epochs):
            order = torch.randperm(len(parts), generator=self.generator, device=self.device).tolist()
            told = [self.step(parts[i]) for i in order]
            if told and np.mean([numbers[0] for numbers in told]) > 2.0 * self.settings.target_kl:
                break
        if not told:
            return
        self.told |= dict(zip(NUMBERS, np.mean(told, 0).tolist(), strict=True))
        self.told["rate"] = self.rate
        if self.iterations >= self.warm:
            self._adapt(self.told["kl"])

    def _adapt(self, kl: float) -> None:
        """A smaller rate where the policy moved too far, a larger one where it hardly did."""
        target = self.settings.target_kl
        factor = 1.0 / 1.5 if kl > 1.5 * target else 1.25 if kl < target / 1.5 else 1.0
        most = RISE * self.settings.rate
        if self.settings.halving:
            most /= 1.0 + self.steps / self.settings.halving
        self.rate = min(max(self.rate * factor, 1e-5), most)
        for group in self.optimisers[0].param_groups:
            group["lr"] = self.rate

    def gathered(self, judged: Sequence[Batch], share: float = 1.0) -> Batch:
        """A share of what teaches anything, of several rollouts and arenas, in one and in random order."""
        length = self.settings.sequence if self.settings.memory else 0
        found = [one.taught(length, share, self.shuffled) for one in judged]
        if len(found) == 1:
            return found[0]
        whole = Batch.joined(found)
        return whole.rows(self.shuffled(len(whole.action)))

    def shuffled(self, count: int) -> Tensor:
        """The numbers below `count` in random order."""
        return torch.randperm(count, generator=self.generator, device=self.device)

    def outputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits and values of a minibatch, as the networks are now."""
        if self.shared:
            logits, value = self.actor(batch.seen)[0]
            return logits, value[..., 0]
        return self.logits(self.actor, batch), self.value(batch.critic)

    def logits(self, actor: Net, batch: Batch) -> Tensor:
        """Logits of an actor, through the rounds of each sequence where it has a memory."""
        if not self.settings.memory:
            return actor(batch.seen)[0][0]
        memory, found = batch.memory, []
        for seen, begins in zip(batch.seen.unbind(1), batch.begins.unbind(1), strict=True):
            heads, memory = actor(seen, memory * ~begins[:, None])
            found.append(heads[0])
        return torch.stack(found, 1)

    def drop_anchor(self) -> None:
        """From now on it costs to go from the actor as it is (Schmitt et al. 2018, kickstarting)."""
        self.cloned = deepcopy(self.actor).requires_grad_(False) if self.settings.anchor else None

    def descend(self, loss: Tensor) -> None:
        """One step of the optimisers down the gradient of `loss`."""
        loss.backward()
        for net, optimiser in zip(self.networks, self.optimisers, strict=True):
            nn.utils.clip_grad_norm_(net.parameters(), self.settings.gradient)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def step(self, batch: Batch) -> tuple[float, ...]:
        """One step of the optimisers; divergence, entropy, losses, share of ratios that were clipped."""
        settings = self.settings
        logits, value = self.outputs(batch)
        chances = log_chances(logits, batch.mask)
        chooses, counts = batch.chooses.float(), batch.counts.float()
        many, all_ = chooses.sum().clamp(min=1.0), counts.sum().clamp(min=1.0)
        moved = chances.gather(-1, batch.action[..., None])[..., 0] - batch.chance
        unsure = -(chances.exp() * chances).sum(-1)
        if self.says:
            chance, more = log_chances_said(logits, batch.said)
            moved, unsure = moved + chance, unsure + more
        ratio, advantage = moved.exp(), batch.advantage
        bounded = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip)
        gain = torch.minimum(ratio * advantage, bounded * advantage)
        entropy = (unsure * chooses).sum() / many
        loss_actor = -(gain * chooses).sum() / many
        strayed = torch.zeros((), device=self.device)
        if self.cloned is not None:
            before = log_chances(self.logits(self.cloned, batch), batch.mask)
            strayed = ((before.exp() * (before - chances)).sum(-1) * chooses).sum() / many
        loss_critic = 0.5 * ((value - batch.target) ** 2 * counts).sum() / all_
        follows = 0.0 if self.iterations < self.warm else 1.0  # the critic first learns of a cloned actor
        costs = settings.anchor * strayed - settings.entropy * entropy
        self.descend(follows * (loss_actor + costs) + loss_critic)
        with torch.no_grad():
            kl = ((ratio - 1.0 - moved) * chooses).sum() / many
            clipped = (((ratio - 1.0).abs() > settings.clip) * chooses).sum() / many
            return tuple(torch.stack((kl, entropy, loss_actor, loss_critic, clipped)).tolist())

    def weights(self, mode: str = "argmax") -> Weights:
        """The actor as a policy that needs no torch."""
        actor = self.actor
        linear = [actor.first, *(part for part in actor.rest if isinstance(part, nn.Linear)), actor.heads[0]]
        gru = actor.gru
        recurrent: tuple[Any, ...] = (
            () if gru is None else (gru.weight_ih, gru.weight_hh, gru.bias_ih, gru.bias_hh)
        )
        layers = tuple((_numbers(part.weight), _numbers(part.bias)) for part in linear)
        scales = _numbers(self.mean), _numbers(self.scale)
        names = self.problem, self.features, self.labels
        return Weights(*names, mode, *scales, layers, tuple(map(_numbers, recurrent)), self.says)


def _numbers(tensor: Any) -> NDArray[np.float32]:
    return tensor.detach().cpu().numpy().astype(np.float32).copy()
