"""MAPPO with TorchRL's own parts, on our native TorchRL environment: masks, and a critic on the true state.

    pip install -e ".[torchrl]"
    python -m experiments train_torchrl --iterations 20

TorchRL begins episodes itself; at a truncation it bootstraps from the last observation of the old one.
"""

from argparse import ArgumentParser
from typing import Any

from experiments.running.options import add, common
from experiments.running.run_folder import keep_records
from experiments.training.splits import FIRST_TRAINING_SEED


def train(
    problem: str = "tasking_v0", scenario: Any = "pair", worlds: int = 8, rounds: int = 64,
    iterations: int = 20, seed: int = 0, max_cycles: int | None = 120,
) -> list[dict[str, float]]:  # fmt: skip
    """Some iterations; of each, the mean reward of a satellite in a round and the loss."""
    import torch
    from tensordict.nn import TensorDictModule
    from torch import nn
    from torchrl.modules import MaskedCategorical, ProbabilisticActor
    from torchrl.objectives import ClipPPOLoss

    from envs.torchrl import make_torchrl

    torch.manual_seed(seed)
    env = make_torchrl(problem, scenario, worlds, max_cycles=max_cycles)
    env.set_seed(FIRST_TRAINING_SEED + seed)
    team, features = env.batch.satellites, len(env.batch.layout)
    actions, size = len(env.batch.actions), env.batch.problem.state_size
    body = nn.Sequential(
        nn.Linear(features, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, actions)
    )
    actor = ProbabilisticActor(
        TensorDictModule(body, [("sat", "observation")], [("sat", "logits")]),
        in_keys={"logits": ("sat", "logits"), "mask": ("sat", "action_mask")},
        out_keys=[("sat", "action")],
        distribution_class=MaskedCategorical,
        return_log_prob=True,
        log_prob_key=("sat", "sample_log_prob"),
    )
    value = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, team), nn.Unflatten(-1, (team, 1)))
    critic = TensorDictModule(value, ["state"], [("sat", "state_value")])
    loss = ClipPPOLoss(actor, critic, entropy_coeff=0.01, normalize_advantage=True)
    loss.set_keys(
        action=("sat", "action"), sample_log_prob=("sat", "sample_log_prob"), reward=("sat", "reward"),
        done=("sat", "done"), terminated=("sat", "terminated"), value=("sat", "state_value"),
        advantage=("sat", "advantage"), value_target=("sat", "value_target"),
    )  # fmt: skip
    loss.make_value_estimator(gamma=0.99, lmbda=0.95)
    optimiser, told, last = torch.optim.Adam(loss.parameters(), lr=1e-3), [], env.reset()
    for k in range(iterations):
        with torch.no_grad():
            played = env.rollout(rounds, actor, auto_reset=False, tensordict=last, break_when_any_done=False)
            last = _after(env, played)
            for name in ("done", "terminated"):  # TorchRL wants them once a satellite
                flag = played["next", name].unsqueeze(-2).expand(*played.batch_size, team, 1)
                played["next", "sat", name] = flag.clone()
            loss.value_estimator(played)
        rows = played.reshape(-1)
        for chosen in torch.randperm(len(rows)).split(512):
            terms = loss(rows[chosen])
            total = terms["loss_objective"] + terms["loss_critic"] + terms["loss_entropy"]
            total.backward()
            nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
            optimiser.step()
            optimiser.zero_grad()
        reward = float(played["next", "sat", "reward"].mean())
        told.append({"iteration": k, "reward": reward, "loss": float(total.detach())})
    env.close()
    return told


def _after(env: Any, played: Any) -> Any:
    """Where the next rollout begins: worlds that ended begin anew."""
    from torchrl.envs.utils import step_mdp

    last = step_mdp(played[:, -1])
    done = last["done"]
    if done.any():
        last["_reset"] = done
        last = env.reset(last)
    return last


def run(told: Any) -> None:
    """Train, print what was earned."""
    rows = train(told.problem, told.scenario, told.worlds, iterations=told.iterations, seed=told.seed)
    show(rows, told, "TorchRL training")


def show(rows: list[dict[str, float]], told: Any, name: str) -> None:
    """Print the rows; write them as JSON if asked to."""
    for row in rows:
        print("  ".join(f"{key} {value:.4g}" for key, value in row.items()))
    if told.json:
        keep_records(told.json, name, rows)


def options(parser: ArgumentParser) -> None:
    """Declare the options."""
    add(parser, "--problem", "tasking_v0", "decision problem", metavar="NAME")
    add(parser, "--scenario", "pair", "a named scenario or a YAML file", metavar="NAME")
    add(parser, "--worlds", 8, "worlds stepped together", type=int, metavar="N")
    add(parser, "--iterations", 20, "rollouts learned from", type=int, metavar="N")
    add(parser, "--seed", 0, "of the training", type=int, metavar="K")
    common(parser)
