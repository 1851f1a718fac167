"""Train the teacher of the nano: a small network that reinforcement has improved beyond the heuristics.

    python -m experiments.train_nano_teacher --out results/teacher.pt

It first imitates the tuned heuristic (`experiments.nano_teacher`), then plays training scenarios and learns
by PPO (Schulman et al. 2017), every satellite for itself with shared weights. The reward is that of
tasking_v0 plus the change of a potential, the value of the images on board (Ng, Harada and Russell 1999: the
best policy stays the same), so that taking an image is felt when it is taken. The teacher reads the numbers
of the observation themselves; a million decisions cost it seconds, so it practises more than the nano could.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from agents.qwen.dense import TIME_UNITS
from envs import tasking_v0
from envs.batch import BatchEnv
from envs.features import Layout
from envs.tasking_v0 import ASK_SIZE, CLOUD, OWN_SIZE, PRESENT, VALUE
from experiments.nano_lessons import Certain
from experiments.nano_teacher import Teacher as TunedTeacher
from experiments.splits import FIRST_TRAINING_SEED, draw_scenario

SCALE = 0.1
"""Of rewards: a request is worth 1 to 10, a lost satellite 50."""


class Body(nn.Module):
    """What a satellite knows (R, F) as a context (R, H) and one vector per request shown (R, K, H)."""

    def __init__(self, layout: Layout, width: int = 128) -> None:
        super().__init__()
        timely = [feature.unit in TIME_UNITS for feature in layout.features[: OWN_SIZE + ASK_SIZE]]
        self.own_times = [i for i in range(OWN_SIZE) if timely[i]]
        self.ask_times = [i for i in range(ASK_SIZE) if timely[OWN_SIZE + i]]
        self.own = nn.Linear(OWN_SIZE + len(self.own_times), width)
        self.ask = nn.Linear(ASK_SIZE + len(self.ask_times) + 1, width)
        self.both = nn.Linear(3 * width, width)
        self.last = nn.Linear(width, width)

    def forward(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        own, asks = seen[:, :OWN_SIZE], seen[:, OWN_SIZE:].reshape(len(seen), -1, ASK_SIZE)
        present = (asks[..., PRESENT] > 0.0).float()[..., None]
        worth = (1.0 + asks[..., VALUE]) * (1.0 - asks[..., CLOUD]) - 1.0
        a = torch.relu(self.ask(torch.cat([asks, _root(asks[..., self.ask_times]), worth[..., None]], -1)))
        a = a * present
        h = torch.relu(self.own(torch.cat([own, _root(own[:, self.own_times])], -1)))
        h = torch.relu(self.both(torch.cat([h, a.amax(1), a.mean(1)], -1)))
        return torch.relu(self.last(h)), a


def _root(scaled: torch.Tensor) -> torch.Tensor:
    """[-1, 1] bent so that differences near the low end count for more."""
    return 2.0 * torch.sqrt(torch.clamp(0.5 * (scaled + 1.0), 0.0, 1.0)) - 1.0


class Network(nn.Module):
    """Logits (R, A) of the actions, any number of requests shown, and the value (R,) of the state."""

    def __init__(self, layout: Layout, width: int = 128) -> None:
        super().__init__()
        self.actor, self.critic = Body(layout, width), Body(layout, width)
        self.base, self.value = nn.Linear(width, 3), nn.Linear(width, 1)
        self.pair, self.request = nn.Linear(2 * width, width // 2), nn.Linear(width // 2, 1)
        for layer in (self.base, self.value, self.request):
            nn.init.orthogonal_(layer.weight, 0.1)

    def logits(self, seen: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        h, a = self.actor(seen)
        pairs = torch.cat([a, h[:, None].expand(-1, a.shape[1], -1)], -1)
        asked = self.request(torch.relu(self.pair(pairs)))[..., 0]
        return torch.cat([self.base(h), asked], 1).masked_fill(mask == 0, -1e9)

    def worth(self, seen: torch.Tensor) -> torch.Tensor:
        return self.value(self.critic(seen)[0])[:, 0]


class NetworkTeacher:
    """A trained network as a teacher; `sharpness` above 1 makes it surer of itself."""

    def __init__(self, network: Network, sharpness: float = 1.0) -> None:
        self._network, self._sharpness = network, sharpness

    def chances(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.float64]:
        with torch.inference_mode():
            seen = torch.from_numpy(observation.reshape(-1, observation.shape[-1]))
            allowed = torch.from_numpy(mask.reshape(-1, mask.shape[-1]))
            logits = self._sharpness * self._network.logits(seen, allowed)
            chances = torch.softmax(logits, 1).double().numpy()
        return chances.reshape(mask.shape)

    def decide(self, observation: NDArray[np.float32], mask: NDArray[np.int8]) -> NDArray[np.int64]:
        return self.chances(observation, mask).argmax(-1)

    def reset(self, seed: int | None = None) -> None:
        """Nothing is remembered."""

    def act(self, observation: NDArray[np.float32], info: dict) -> NDArray[np.int64]:
        return self.decide(observation, info["action_mask"])


def load_teacher(path: Path, sharpness: float = 1.0) -> NetworkTeacher:
    """The teacher saved at `path`."""
    network = Network(tasking_v0.batch_env("pair").layout)
    network.load_state_dict(torch.load(path, weights_only=True))
    return NetworkTeacher(network.eval(), sharpness)


def on_board(env: BatchEnv) -> NDArray[np.float64]:
    """Value (B, N) of the images that wait on board, aged until now."""
    state = env.world.state
    level, request = state.store.level, state.store.request
    places = np.arange(request.shape[2])
    waiting = (places - level["head"][..., None]) % request.shape[2] < level["count"][..., None]
    worlds = np.arange(env.worlds)[:, None, None]
    book = state.requests.book
    age = state.clock["time"][:, None, None] - book["captured_at"][worlds, request]
    aged = book["value"][worlds, request] * 0.5 ** (age / env.world.constants.half_life)
    return np.where(waiting, aged, 0.0).sum(-1)


class Practice(NamedTuple):
    """Rounds of one environment, (T, R, ...) with R satellites of all its worlds."""

    seen: NDArray
    mask: NDArray
    action: NDArray
    log_chance: NDArray
    reward: NDArray
    ended: NDArray
    alive: NDArray
    last: NDArray


class Course:
    """One environment that is played piece by piece."""

    def __init__(self, rng: np.random.Generator, worlds: int, gamma: float, keep: float) -> None:
        self.env = tasking_v0.batch_env(draw_scenario(rng), worlds)
        self._gamma, self._keep = gamma, keep
        self.seen, info = self.env.reset(FIRST_TRAINING_SEED + int(rng.integers(2**30)))
        self.mask = info["action_mask"]
        self._held = self._keep * on_board(self.env)

    def play(self, network: Network, rounds: int, rng: np.random.Generator) -> Practice:
        kept = []
        for _ in range(rounds):
            seen, mask = _rows(self.seen), _rows(self.mask)
            with torch.inference_mode():
                logits = network.logits(torch.from_numpy(seen), torch.from_numpy(mask))
                logs = torch.log_softmax(logits, 1).numpy()
            action = (logs + rng.gumbel(size=logs.shape)).argmax(1)
            alive = mask[:, 1] == 1
            orders = action.reshape(self.mask.shape[:2])
            self.seen, reward, terminated, truncated, info = self.env.step(orders)
            self.mask = info["action_mask"]
            ended = terminated | truncated
            after = self._keep * on_board(self.env)
            died = info["terms"][..., 1] < 0.0
            gone = ended | died
            felt = SCALE * (reward + np.where(gone, 0.0, self._gamma * after) - self._held)
            self._held = after
            chosen = np.take_along_axis(logs, action[:, None], 1)[:, 0]
            kept.append((seen, mask, action, chosen, felt.ravel(), gone.ravel(), alive))
        return Practice(*(np.stack(parts) for parts in zip(*kept, strict=True)), _rows(self.seen))


def _rows(table: NDArray) -> NDArray:
    return table.reshape(-1, table.shape[-1])


def advantages(network: Network, practice: Practice, gamma: float, trace: float) -> tuple[NDArray, NDArray]:
    """Generalised advantage estimates and value targets, both (T, R)."""
    rounds, rows = practice.reward.shape
    with torch.inference_mode():
        seen = np.concatenate([practice.seen.reshape(rounds * rows, -1), practice.last])
        worth = network.worth(torch.from_numpy(seen)).numpy().reshape(rounds + 1, rows)
    gain, found = np.zeros(rows), np.zeros((rounds, rows))
    for t in reversed(range(rounds)):
        goes_on = 1.0 - practice.ended[t]
        surprise = practice.reward[t] + gamma * goes_on * worth[t + 1] - worth[t]
        gain = surprise + gamma * trace * goes_on * gain
        found[t] = gain
    return found, found + worth[:-1]


def improve(
    network: Network,
    optimiser: torch.optim.Optimizer,
    practices: Sequence[Practice],
    told: Namespace,
    rng: np.random.Generator,
) -> dict[str, float]:
    """One PPO update from what was practised."""
    columns: list[list[NDArray]] = []
    for practice in practices:
        plain = practice.mask[..., 2:].sum(-1) == 0
        use = practice.alive & (rng.random(plain.shape) < np.where(plain, 0.3, 1.0))
        found = advantages(network, practice, told.gamma, told.trace)
        parts = (practice.seen, practice.mask, practice.action, practice.log_chance, *found)
        columns.append([part[use] for part in parts])
    seen, mask, action, old, gain, target = (
        torch.from_numpy(np.concatenate(parts)) for parts in zip(*columns, strict=True)
    )
    gain = ((gain - gain.mean()) / (gain.std() + 1e-6)).float()
    told_losses = []
    for _ in range(told.passes):
        for rows in torch.from_numpy(rng.permutation(len(seen))).split(told.batch):
            logs = torch.log_softmax(network.logits(seen[rows], mask[rows]), 1)
            chosen = logs.gather(1, action[rows, None])[:, 0]
            ratio = torch.exp(chosen - old[rows])
            clipped = ratio.clamp(1.0 - told.clip, 1.0 + told.clip)
            policy = -torch.min(ratio * gain[rows], clipped * gain[rows]).mean()
            value = (network.worth(seen[rows]) - target[rows].float()).square().mean()
            entropy = -(logs.exp() * logs.clamp(min=-30.0)).sum(1).mean()
            loss = policy + 0.5 * value - told.entropy * entropy
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.5)
            optimiser.step()
            told_losses.append((value.item(), entropy.item(), (old[rows] - chosen).mean().item()))
    value, entropy, moved = np.mean(told_losses, axis=0)
    return {"value_loss": value, "entropy": entropy, "kl": moved}


def clone(network: Network, rng: np.random.Generator, told: Namespace) -> None:
    """Imitate the tuned heuristic over `told.clone` pieces of training scenarios."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(told.clone):
        env = tasking_v0.batch_env(draw_scenario(rng), 4)
        teacher = Certain(TunedTeacher(env))
        rows: list[tuple[NDArray, NDArray, NDArray]] = []
        observation, info = env.reset(FIRST_TRAINING_SEED + int(rng.integers(2**30)))
        for k in range(min(600, env.max_cycles)):
            mask = info["action_mask"]
            actions = teacher.chances(observation, mask).argmax(-1)
            seen, allowed = _rows(observation), _rows(mask)
            use = (allowed[:, 2:].sum(1) > 0) | (rng.random(len(seen)) < 0.2)
            rows.append((seen[use], allowed[use], actions.ravel()[use]))
            if k % 3 == 0:
                other = np.argmax(rng.random(mask.shape) * mask, axis=-1)
                actions = np.where(rng.random(actions.shape) < 0.2, other, actions)
            observation, _, _, _, info = env.step(actions)
        env.close()
        states, masks, wanted = (torch.from_numpy(np.concatenate(part)) for part in zip(*rows, strict=True))
        for part in torch.from_numpy(rng.permutation(len(states))).split(1024):
            loss = nn.functional.cross_entropy(network.logits(states[part], masks[part]), wanted[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    print(f"cloned the heuristic, last loss {loss.item():.3f}", flush=True)


def train(told: Namespace) -> Iterator[Network]:
    """The network after each update."""
    rng = np.random.default_rng(FIRST_TRAINING_SEED + told.seed)
    torch.manual_seed(told.seed)
    network = Network(tasking_v0.batch_env("pair").layout)
    if told.start:
        network.load_state_dict(torch.load(told.start, weights_only=True))
    else:
        clone(network, rng, told)
    optimiser = torch.optim.Adam(network.parameters(), lr=told.rate)
    courses = [Course(rng, told.worlds, told.gamma, told.keep) for _ in range(told.courses)]
    begin = time.process_time()
    for k in range(told.updates):
        for group in optimiser.param_groups:
            group["lr"] = told.rate * (1.0 - k / told.updates)
        practices = [course.play(network, told.rounds, rng) for course in courses]
        told_of = improve(network, optimiser, practices, told, rng)
        if k % 10 == 0:
            reward = np.mean([p.reward[p.alive].mean() for p in practices])
            lost = sum(int(p.ended[-1].sum()) for p in practices)
            line = ", ".join(f"{name} {value:.4f}" for name, value in told_of.items())
            spent = time.process_time() - begin
            print(f"{k}: reward {reward:.4f}, {line}, ended {lost}, {spent:.0f} s of CPU", flush=True)
        courses[k % told.courses].env.close()
        courses[k % told.courses] = Course(rng, told.worlds, told.gamma, told.keep)
        yield network


def main(arguments: Sequence[str] | None = None) -> int:
    told = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    told.out.parent.mkdir(parents=True, exist_ok=True)
    begin = time.process_time()
    for k, network in enumerate(train(told)):
        if k % 20 == 0 or k == told.updates - 1:
            torch.save(network.state_dict(), told.out)
    print(f"saved {told.out}, {time.process_time() - begin:.0f} s of CPU")
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m experiments.train_nano_teacher", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the network is saved")
    parser.add_argument("--start", type=Path, metavar="FILE", help="go on from this network")
    parser.add_argument("--clone", type=int, default=20, help="training scenarios to imitate on first")
    parser.add_argument("--updates", type=int, default=300)
    parser.add_argument("--courses", type=int, default=10, help="training scenarios played at a time")
    parser.add_argument("--worlds", type=int, default=4, help="worlds of each")
    parser.add_argument("--rounds", type=int, default=96, help="rounds between updates")
    parser.add_argument("--passes", type=int, default=3, help="over what was practised, in an update")
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--gamma", type=float, default=0.995, help="discount a round")
    parser.add_argument("--trace", type=float, default=0.92, help="lambda of the advantage estimate")
    parser.add_argument("--clip", type=float, default=0.2)
    parser.add_argument("--entropy", type=float, default=0.003)
    parser.add_argument("--keep", type=float, default=0.8, help="weight of the potential")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
