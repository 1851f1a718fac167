"""check_env: what a decision problem must keep, checked over whole episodes.

The official tests leave holes: PettingZoo's parallel seed test stops after one step, and its parallel API
test lets through observations outside their space, wrong dtypes and NaN rewards. This check closes them and
adds what trainers rely on: masks, fixed numeric infos, re-resets, the horizon, stray keys, pickling, and
that the dictionary face and every world of a batch show the same as a world alone.
"""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete, Tuple

__all__ = ["EnvCheckError", "check_env"]

Make = Callable[..., Any]
_SEED = 123


class EnvCheckError(AssertionError):
    """An environment breaks a promise; the message says which, where, and what would be right."""


def check_env(make: Make, make_batch: Make | None = None, *, max_cycles: int = 60) -> None:
    """Check the parallel environment that `make(max_cycles=...)` returns; raise EnvCheckError at a fault.

    Args:
        make: returns a new PettingZoo parallel environment with masks in `info["action_mask"]`, or in a
            Dict observation as "action_mask".
        make_batch: returns the batch face of the same problem, `make_batch(worlds=B, max_cycles=...)`;
            with it, the batch is checked against the dictionary face and its worlds against each other.
        max_cycles: length of the episodes that are played.
    """
    check_spaces(make(max_cycles=max_cycles))
    check_episode(make(max_cycles=max_cycles), max_cycles)
    check_seeds(make, max_cycles)
    check_stray_keys(make(max_cycles=max_cycles))
    check_illegal_actions(make(max_cycles=max_cycles))
    check_pickling(make(max_cycles=max_cycles))
    check_closing(make(max_cycles=max_cycles))
    if make_batch is not None:
        check_batch_of_one(make, make_batch, max_cycles)
        check_independence(make_batch, max_cycles)


def check_spaces(env: Any) -> None:
    """Spaces are the same object at each call, finite, alike for agents of one prefix, and named for it."""
    kinds: dict[str, tuple] = {}
    for agent in env.possible_agents:
        spaces = env.observation_space(agent), env.action_space(agent)
        _require(
            spaces[0] is env.observation_space(agent) and spaces[1] is env.action_space(agent),
            f"{agent}: a space must be the same object at each call; keep it in a dictionary",
        )
        prefix, _, number = agent.rpartition("_")
        _require(bool(prefix) and number.isdigit(), f"{agent}: name agents <type>_<number>")
        first = kinds.setdefault(prefix, spaces)
        _require(first == spaces, f"{agent}: agents called {prefix}_* must have equal spaces")
        for box in _boxes(spaces[0]):
            _require(
                bool(np.isfinite(box.low).all() and np.isfinite(box.high).all()), f"{agent}: infinite bounds"
            )
            _require(bool((box.low < box.high).all()), f"{agent}: low must be less than high everywhere")
    env.close()


def check_episode(env: Any, max_cycles: int) -> None:
    """Every step of two episodes: spaces, dtypes, finite rewards, fixed infos, masks, and the horizon."""
    rng, keys = np.random.default_rng(_SEED), None
    for episode in range(2):
        observations, infos = env.reset(seed=_SEED if episode == 0 else None)
        for cycle in range(1, max_cycles + 1):
            keys = _check_seen(env, observations, infos, keys)
            before = list(env.agents)
            observations, rewards, ends, cuts, infos = env.step(legal_actions(rng, env, observations, infos))
            _check_flags(before, observations, rewards, ends, cuts, infos)
            _check_seen(env, observations, infos, keys)
            survivors = [agent for agent in before if not (ends[agent] or cuts[agent])]
            _require(env.agents == survivors, f"step {cycle}: agents must be those without a raised flag")
            if not env.agents:
                break
        over = not env.agents and (cycle == max_cycles or not any(cuts.values()))
        _require(over, f"max_cycles={max_cycles}, but after step {cycle} the agents are {env.agents[:3]}")
        _require(
            env.step({}) == ({}, {}, {}, {}, {}),
            "step({}) on a finished episode must give empty dictionaries",
        )
    env.close()


def check_seeds(make: Make, max_cycles: int) -> None:
    """The same seed twice, also on a used environment, gives the same two episodes; another seed does not."""
    first, again, used = make(max_cycles=max_cycles), make(max_cycles=max_cycles), make(max_cycles=max_cycles)
    for _ in play(used, _SEED + 1):
        pass
    stories = [[list(play(env, seed)) for seed in (_SEED, None, None)] for env in (first, again, used)]
    for name, story in zip(("a new environment", "a used environment"), stories[1:], strict=True):
        for one, other in zip(stories[0], story, strict=True):
            _same(one, other, f"seed {_SEED} in {name}")
    digests = {_digest(episode) for episode in stories[0]}
    _require(len(digests) == 3, "a reset without a seed repeats an episode; draw on from the generator")
    _require(_digest(list(play(again, _SEED + 2))) not in digests, "two seeds give one episode; use the seed")
    for env in (first, again, used):
        env.close()


def check_stray_keys(env: Any) -> None:
    """Missing agents are tolerated and unknown ones ignored."""
    env.reset(seed=_SEED)
    env.step({})
    first = env.agents[0]
    env.step({"nobody_0": 0, first: env.action_space(first).sample()})
    env.close()


def check_illegal_actions(env: Any) -> None:
    """An action within the space that the mask forbids must be played, not raised."""
    observations, infos = env.reset(seed=_SEED)
    for _ in range(5):
        if not env.agents:
            break
        worst = {agent: _worst(env, agent, _mask(observations[agent], infos[agent])) for agent in env.agents}
        observations, _, _, _, infos = env.step(worst)
    env.close()


def check_pickling(env: Any) -> None:
    """A copy made in the middle of an episode by pickling goes on exactly as the original."""
    rng = np.random.default_rng(_SEED)
    observations, infos = env.reset(seed=_SEED)
    for _ in range(3):
        observations, _, _, _, infos = env.step(legal_actions(rng, env, observations, infos))
    twin = pickle.loads(pickle.dumps(env))
    for step in range(10):
        if not env.agents:
            break
        actions = legal_actions(rng, env, observations, infos)
        observations, *rest = env.step(actions)
        infos = rest[-1]
        _same([(observations, *rest)], [twin.step(actions)], f"step {step} after pickling")
    env.close()
    twin.close()


def check_closing(env: Any) -> None:
    """close() can be called twice, also before a reset."""
    env.close()
    env.close()


def check_batch_of_one(make: Make, make_batch: Make, max_cycles: int) -> None:
    """The batch face with one world shows what the dictionary face shows."""
    env, batch = make(max_cycles=max_cycles), make_batch(worlds=1, max_cycles=max_cycles, autoreset=False)
    rng = np.random.default_rng(_SEED)
    observations, infos = env.reset(seed=_SEED)
    seen, info = batch.reset(seed=_SEED)
    for step in range(max_cycles):
        _require(_stacked(observations, seen[0]), f"step {step}: batch of one and dictionary face differ")
        actions = legal_actions(rng, env, observations, infos)
        observations, rewards, *_, infos = env.step(actions)
        seen, reward, _, _, info = batch.step(np.array([list(actions.values())]))
        paid = [rewards[agent] == float(reward[0, n]) for n, agent in enumerate(rewards)]
        _require(all(paid), f"step {step}: rewards of batch of one and dictionary face differ")
        masks = [
            np.array_equal(infos[a]["action_mask"], info["action_mask"][0, n]) for n, a in enumerate(infos)
        ]
        _require(all(masks), f"step {step}: masks of batch of one and dictionary face differ")
        if not env.agents:
            break
    env.close()
    batch.close()


def check_independence(make_batch: Make, max_cycles: int) -> None:
    """World b of a batch of three equals a batch of one seeded with seed + b, through an autoreset."""
    rounds = max_cycles + 5
    together = make_batch(worlds=3, max_cycles=max_cycles)
    story = list(play_batch(together, _SEED, rounds, [0, 1, 2]))
    for b in range(3):
        alone = make_batch(worlds=1, max_cycles=max_cycles)
        for step, (mine, ours) in enumerate(
            zip(play_batch(alone, _SEED + b, rounds, [b]), story, strict=True)
        ):
            same = all(np.array_equal(one[0], many[b]) for one, many in zip(mine, ours, strict=True))
            _require(same, f"world {b} of a batch differs from the same world alone at step {step}")
        alone.close()
    together.close()


def play(env: Any, seed: int | None) -> Iterator[tuple]:
    """One episode of random legal actions: what reset and every step returned."""
    rng = np.random.default_rng(_SEED)
    observations, infos = env.reset(seed=seed)
    yield observations, infos
    while env.agents:
        seen = env.step(legal_actions(rng, env, observations, infos))
        observations, infos = seen[0], seen[-1]
        yield seen


def play_batch(batch: Any, seed: int, rounds: int, numbers: list[int]) -> Iterator[tuple]:
    """Rounds of random legal actions, drawn for each world by a generator of its own number."""
    generators = [np.random.default_rng(number) for number in numbers]
    observation, info = batch.reset(seed=seed)
    for _ in range(rounds):
        mask = info["action_mask"]
        draws = np.stack([rng.random(mask.shape[1:]) for rng in generators])
        observation, reward, terminated, truncated, info = batch.step(np.argmax(draws * mask, axis=-1))
        yield observation, reward, terminated, truncated, info["action_mask"], info["terms"]


def legal_actions(rng: np.random.Generator, env: Any, observations: dict, infos: dict) -> dict[str, Any]:
    """A random legal action for every live agent."""
    actions: dict[str, Any] = {}
    for agent in env.agents:
        space, mask = env.action_space(agent), _mask(observations[agent], infos[agent])
        if isinstance(space, Discrete):
            actions[agent] = int(np.argmax(rng.random(len(mask)) * mask))
        else:
            space.seed(int(rng.integers(2**31)))
            actions[agent] = space.sample(mask)
    return actions


def _worst(env: Any, agent: str, mask: np.ndarray) -> Any:
    """An illegal action, where it is only one order."""
    space = env.action_space(agent)
    return int(np.argmin(mask)) if isinstance(space, Discrete) else space.sample()


def _choices(space: Any) -> int:
    """Length of the mask of an action space: that of a Tuple is of its first part."""
    if isinstance(space, Tuple):
        return _choices(space[0])
    return int(space.n if isinstance(space, Discrete) else space.nvec.sum())


def _check_seen(env: Any, observations: dict, infos: dict, keys: Any) -> Any:
    for agent, observation in observations.items():
        space = env.observation_space(agent)
        _require(
            space.contains(observation), f"{agent}: observation is not in its space (range, shape or dtype)"
        )
        info = infos[agent]
        keys = keys or sorted(info)
        _require(sorted(info) == keys, f"{agent}: info keys {sorted(info)} differ from the first {keys}")
        for name, value in info.items():
            array = np.asarray(value)
            good = array.dtype.kind in "biuf" and bool(np.isfinite(array).all())
            _require(good, f"{agent}: info[{name!r}] = {value!r} must be numeric and finite")
        mask = _mask(observation, info)
        _require(
            mask.dtype == np.int8 and mask.shape == (_choices(env.action_space(agent)),),
            f"{agent}: mask is int8 (A,)",
        )
        _require(
            set(np.unique(mask).tolist()) <= {0, 1} and mask[0] == 1, f"{agent}: mask is 0/1, no-op (0) legal"
        )
    return keys


def _check_flags(
    before: list, observations: dict, rewards: dict, ends: dict, cuts: dict, infos: dict
) -> None:
    for name, part in zip(
        ("observations", "rewards", "terminations", "truncations", "infos"),
        (observations, rewards, ends, cuts, infos),
        strict=True,
    ):
        _require(list(part) == before, f"{name} must have exactly the agents that were alive before the step")
    for agent in before:
        _require(
            type(rewards[agent]) is float and np.isfinite(rewards[agent]),
            f"{agent}: reward must be a finite float",
        )
        _require(
            type(ends[agent]) is bool and type(cuts[agent]) is bool, f"{agent}: flags must be plain bool"
        )


def _mask(observation: Any, info: dict) -> np.ndarray:
    if isinstance(observation, dict):
        return observation["action_mask"]
    return info["action_mask"]


def _boxes(space: Any) -> list:
    return list(space.values()) if hasattr(space, "values") else [space]


def _stacked(observations: dict, rows: np.ndarray) -> bool:
    bare = [o["observation"] if isinstance(o, dict) else o for o in observations.values()]
    return np.array_equal(np.stack(bare), rows)


def _same(first: list, second: list, where: str) -> None:
    _require(len(first) == len(second), f"{where}: {len(first)} steps against {len(second)}")
    for step, (one, other) in enumerate(zip(first, second, strict=True)):
        _require(
            _digest([one]) == _digest([other]), f"{where}: step {step} differs; draw only from own generators"
        )


def _digest(story: list) -> str:
    """All that was seen, as text: a pickle would also tell which strings are the same object."""
    return repr([_plain(part) for part in story])


def _plain(part: Any) -> Any:
    if isinstance(part, dict):
        return [(key, _plain(value)) for key, value in part.items()]
    if isinstance(part, (tuple, list)):
        return [_plain(value) for value in part]
    return part.tobytes() if isinstance(part, np.ndarray) else part


def _require(good: bool, message: str) -> None:
    if not good:
        raise EnvCheckError(f"{message}.")
