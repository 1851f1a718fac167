"""MAPPO with TorchRL's own parts, on our native TorchRL environment: masks, and a critic on the true state.

    pip install -c constraints.txt -e ".[torchrl]"
    python -m experiments train_torchrl --scenario pair --steps 200_000

TorchRL begins episodes itself; at a truncation it bootstraps from the last observation of the old one.
"""

from argparse import Namespace
from typing import Any

from experiments.training.trial import Trial, masked_argmax, options

__all__ = ["options", "run", "train"]


def train(trial: Trial) -> None:
    """Roll out and learn, until the trial is over."""
    import torch
    from torch import nn
    from torchrl.envs.utils import step_mdp

    from envs.torchrl import make_torchrl

    env = make_torchrl(trial.problem, trial.scenario, trial.worlds, max_cycles=trial.cycles)
    env.set_seed(trial.first_seed)
    team = trial.satellites
    actor, body = _actor(trial)
    loss = _loss(actor, _network(env.batch.problem.state_size + trial.features, 1))
    optimiser, last, steps, going = torch.optim.Adam(loss.parameters(), lr=5e-4), env.reset(), 0, True

    def act(observation: Any, mask: Any) -> Any:
        with torch.no_grad():
            return masked_argmax(body(torch.from_numpy(observation)), mask)

    while going:
        with torch.no_grad():
            played = env.rollout(
                trial.rounds, actor, auto_reset=False, tensordict=last, break_when_any_done=False
            )
            last = env.maybe_reset(step_mdp(played[:, -1]))  # worlds that ended begin anew
            for name in ("done", "terminated"):  # TorchRL wants them once a satellite
                flag = played["next", name].unsqueeze(-2).expand(*played.batch_size, team, 1)
                played["next", "sat", name] = flag.clone()
            played["next", "sat", "reward"] *= trial.scale
            loss.value_estimator(played)
        rows = played.reshape(-1)
        for _ in range(4):
            for chosen in torch.randperm(len(rows)).split(64):
                terms = loss(rows[chosen])
                (terms["loss_objective"] + terms["loss_critic"] + terms["loss_entropy"]).backward()
                nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
                optimiser.step()
                optimiser.zero_grad()
        steps += trial.iteration
        going = trial.watch(steps, act)
    env.close()


def _network(inputs: int, outputs: int) -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs)
    )


def _actor(trial: Trial) -> tuple[Any, Any]:
    """One network for all satellites, as TorchRL's actor and bare."""
    from tensordict.nn import TensorDictModule
    from torchrl.modules import MaskedCategorical, ProbabilisticActor

    body = _network(trial.features, trial.actions)
    actor = ProbabilisticActor(
        TensorDictModule(body, [("sat", "observation")], [("sat", "logits")]),
        in_keys={"logits": ("sat", "logits"), "mask": ("sat", "action_mask")},
        out_keys=[("sat", "action")],
        distribution_class=MaskedCategorical,
        return_log_prob=True,
        log_prob_key=("sat", "sample_log_prob"),
    )
    return actor, body


def _loss(actor: Any, value: Any) -> Any:
    import torch
    from tensordict.nn import TensorDictModule
    from torchrl.objectives import ClipPPOLoss

    class Judge(torch.nn.Module):
        """What each satellite is worth, by the true state beside what it sees (Yu et al. 2022)."""

        def __init__(self) -> None:
            super().__init__()
            self.value = value

        def forward(self, state: Any, observation: Any) -> Any:
            shared = state.unsqueeze(-2).expand(*observation.shape[:-1], -1)
            return self.value(torch.cat((shared, observation), -1))

    critic = TensorDictModule(Judge(), ["state", ("sat", "observation")], [("sat", "state_value")])
    loss = ClipPPOLoss(
        actor, critic, entropy_coeff=0.01, normalize_advantage=True, normalize_advantage_exclude_dims=(-1,)
    )
    loss.set_keys(
        action=("sat", "action"), sample_log_prob=("sat", "sample_log_prob"), reward=("sat", "reward"),
        done=("sat", "done"), terminated=("sat", "terminated"), value=("sat", "state_value"),
        advantage=("sat", "advantage"), value_target=("sat", "value_target"),
    )  # fmt: skip
    loss.make_value_estimator(gamma=0.99, lmbda=0.95)
    return loss


def run(told: Namespace) -> None:
    """Train, and leave the curve."""
    with Trial(told, "torchrl", "torchrl", "TorchRL") as trial:
        train(trial)
