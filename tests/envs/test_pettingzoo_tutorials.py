"""What PettingZoo's own tutorials do with an environment, done with ours: the calls they make, unpatched.

Written after the tutorials of PettingZoo 1.27: Stable-Baselines3 with action masks (on the turn-based face)
and through SuperSuit, CleanRL's PPO on the parallel face and on SuperSuit's vectors, conversions, utilities.
"""

import gymnasium
import numpy as np
import pytest
from pettingzoo.utils import BaseWrapper, aec_to_parallel, average_total_reward, parallel_to_aec, random_demo

import envs

WITHOUT = "is not installed: pip install -e '.[sb3]'"


def short(name, problems, face="parallel", **more):
    return envs.make(name, problems[name][1], face=face, max_cycles=12, **more)


class Turns(BaseWrapper, gymnasium.Env):
    """Whoever's turn it is, as one agent of Gymnasium with an action mask."""

    def reset(self, seed=None, options=None):
        super().reset(seed, options)
        first = self.possible_agents[0]
        self.observation_space = super().observation_space(first)["observation"]
        self.action_space = super().action_space(first)
        return self.observe(self.agent_selection), {}

    def step(self, action):
        super().step(action)
        return self.last()

    def observe(self, agent):
        return super().observe(agent)["observation"]

    def action_mask(self):
        return super().observe(self.agent_selection)["action_mask"]


@pytest.mark.parametrize("name", ["tasking_v0", "offloading_v0"])
def test_stable_baselines_with_action_masks_in_turns(problems, name):
    contrib = pytest.importorskip("sb3_contrib", reason=f"sb3-contrib {WITHOUT}")
    from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
    from sb3_contrib.common.wrappers import ActionMasker

    env = Turns(short(name, problems, "aec", mask_in_obs=True))
    env.reset(seed=42)
    masked = ActionMasker(env, lambda env: env.action_mask())
    model = contrib.MaskablePPO(MaskableActorCriticPolicy, masked, n_steps=32, batch_size=16, n_epochs=1)
    model.set_random_seed(42)
    model.learn(total_timesteps=64)
    env.reset(seed=7)
    for _ in range(2 * len(env.possible_agents)):
        observation, _, ended, cut, _ = env.env.last()
        assert not ended
        assert not cut
        mask = observation["action_mask"]
        action, _ = model.predict(observation["observation"], action_masks=mask, deterministic=True)
        assert mask[action]
        env.env.step(int(action))


@pytest.mark.filterwarnings("ignore")  # of SuperSuit and Stable-Baselines3
def test_stable_baselines_through_supersuit(problems):
    supersuit = pytest.importorskip("supersuit", reason=f"SuperSuit {WITHOUT}")
    sb3 = pytest.importorskip("stable_baselines3", reason=f"Stable-Baselines3 {WITHOUT}")
    env = short("tasking_v0", problems)
    env.reset(seed=42)
    slots = supersuit.pettingzoo_env_to_vec_env_v1(env)
    slots = supersuit.concat_vec_envs_v1(slots, 2, num_cpus=1, base_class="stable_baselines3")
    assert slots.num_envs == 4
    model = sb3.PPO("MlpPolicy", slots, n_steps=8, batch_size=16, n_epochs=1)
    model.learn(total_timesteps=64)
    slots.close()


@pytest.mark.filterwarnings("ignore")  # of SuperSuit
def test_cleanrl_on_vectors_of_supersuit(problems):
    supersuit = pytest.importorskip("supersuit", reason=f"SuperSuit {WITHOUT}")
    slots = supersuit.pettingzoo_env_to_vec_env_v1(short("tasking_v0", problems))
    slots = supersuit.concat_vec_envs_v1(slots, 2, num_cpus=0, base_class="gymnasium")
    slots.single_observation_space, slots.single_action_space = slots.observation_space, slots.action_space
    assert isinstance(slots.single_action_space, gymnasium.spaces.Discrete)
    seen, _ = slots.reset(seed=1)
    for _ in range(15):
        seen, reward, _, _, _ = slots.step(np.zeros(slots.num_envs, int))
        assert seen.shape == (4, *slots.single_observation_space.shape)
        assert np.isfinite(reward).all()
    slots.close()


@pytest.mark.parametrize("death", ["noop", "remove"])
def test_cleanrl_loop_on_the_parallel_face(dying, death):
    """Stacked dictionaries, one network for all, an episode until somebody ends, an update."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    env = envs.make("tasking_v0", dying, max_cycles=60, death=death)
    agents, count = env.possible_agents, env.action_space(env.possible_agents[0]).n
    size = env.observation_space(agents[0]).shape[0]
    actor, critic = torch.nn.Linear(size, count), torch.nn.Linear(size, 1)
    optimiser = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=1e-3, eps=1e-5)
    for episode in range(2):
        seen, _ = env.reset(seed=episode)
        kept, rewards, over = [], [], False
        while not over:
            stacked = torch.tensor(np.stack([seen[agent] for agent in agents]))
            chosen = torch.distributions.Categorical(logits=actor(stacked)).sample()
            actions = dict(zip(agents, chosen.numpy(), strict=True))
            seen, paid, ended, cut, _ = env.step(actions)
            kept.append((stacked, chosen))
            rewards.append([paid[agent] for agent in agents])
            over = any(ended.values()) or any(cut.values())
        observation, action = (torch.stack(column) for column in zip(*kept, strict=True))
        returns = torch.tensor(rewards).flip(0).cumsum(0).flip(0)
        advantage = returns - critic(observation).squeeze(-1)
        logs = torch.distributions.Categorical(logits=actor(observation)).log_prob(action)
        loss = advantage.pow(2).mean() - (advantage.detach() * logs).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert torch.isfinite(loss)
    env.close()


@pytest.mark.parametrize("name", ["tasking_v0", "offloading_v0"])
def test_conversions_there_and_back_play_the_same(problems, name):
    plain, back = short(name, problems), aec_to_parallel(parallel_to_aec(short(name, problems)))
    (seen, _), (also, _) = plain.reset(seed=3), back.reset(seed=3)
    rng = np.random.default_rng(0)
    while plain.agents:
        assert seen.keys() == also.keys()
        assert all(np.array_equal(seen[agent], also[agent]) for agent in seen)
        actions = {agent: int(rng.integers(plain.action_space(agent).n)) for agent in plain.agents}
        seen, paid, *_ = plain.step(actions)
        also, also_paid, *_ = back.step(actions)
        assert paid == pytest.approx(also_paid)
    assert not back.agents


def test_the_utilities_that_play_at_random(problems, capsys):
    total = random_demo(short("tasking_v0", problems, "aec", mask_in_obs=True), render=False, episodes=1)
    assert np.isfinite(total)
    mean = average_total_reward(short("tasking_v0", problems, "aec"), max_episodes=2, max_steps=10**6)
    assert np.isfinite(mean)
    assert "Average total reward" in capsys.readouterr().out
