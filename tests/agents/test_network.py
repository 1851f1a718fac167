"""A trained network as a policy: by its folder, on every face, and refused where it does not fit."""

import json
import zipfile
from contextlib import suppress

import numpy as np
import pytest

import envs
from agents import make_policy, policy_class
from agents.network import FILE, Forward, Weights, network_in, read_weights, write_weights
from sandbox.errors import SandboxError

NAME = "tasking_v0"


def weights_for(env, memory=0, mode="argmax", seed=0, hidden=8):
    """A network that was never trained."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32)

    width, actions = len(env.layout), len(env.actions)
    layers = [(draw(hidden, width), draw(hidden)), (draw(hidden, memory or hidden), draw(hidden))]
    layers.append((draw(actions, hidden), draw(actions)))
    gru = ()
    if memory:
        gru = draw(3 * memory, hidden), draw(3 * memory, memory), draw(3 * memory), draw(3 * memory)
    names = tuple(env.layout.names), tuple(env.actions)
    return Weights(env.problem.name, *names, mode, draw(width), np.abs(draw(width)), tuple(layers), gru)


@pytest.fixture(scope="module")
def pair():
    from sandbox.scenario import load_scenario

    return load_scenario("pair", {"requests.initial": 120, "requests.per_hour": 20.0})


@pytest.fixture
def folder(pair, tmp_path):
    env = envs.make(NAME, pair, face="batch")
    write_weights(tmp_path / FILE, weights_for(env, memory=5))
    return tmp_path


def total(env, policy, rounds=40):
    policy.reset(0)
    observation, info = env.reset(3)
    kept = []
    for _ in range(rounds):
        actions = policy.act(observation, info)
        assert np.take_along_axis(info["action_mask"], actions[..., None], -1).all()
        kept.append(actions.copy())
        observation, _, _, _, info = env.step(actions)
    return np.array(kept)


@pytest.mark.parametrize("memory", [0, 5])
@pytest.mark.parametrize("mode", ["argmax", "sample"])
def test_what_is_written_is_read_and_played(pair, tmp_path, memory, mode):
    env = envs.make(NAME, pair, face="batch", worlds=2, autoreset=False)
    weights = weights_for(env, memory, mode)
    write_weights(tmp_path / FILE, weights)
    read = read_weights(tmp_path / FILE)
    assert read[:4] == weights[:4]
    for old, new in zip(weights.layers, read.layers, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    policy = make_policy(str(tmp_path), env)
    first = total(env, policy)
    assert np.array_equal(first, total(env, policy))
    assert np.array_equal(first, total(env, make_policy(str(tmp_path / FILE), env)))


def test_both_faces_decide_alike(pair, folder):
    env = envs.make(NAME, pair, max_cycles=30)
    batch = envs.make(NAME, pair, face="batch", max_cycles=30, autoreset=False)
    policy = make_policy(str(folder), env)
    expected = total(batch, make_policy(str(folder), batch), rounds=30)
    policy.reset(0)
    observations, infos = env.reset(3)
    for row in expected:
        actions = policy.act(observations, infos)
        assert list(actions.values()) == row[0].tolist()
        observations, *_, infos = env.step(actions)


def test_who_stays_keeps_what_it_remembers(pair, folder):
    env = envs.make(NAME, pair)
    policy, alone = make_policy(str(folder), env), make_policy(str(folder), env)
    observations, infos = env.reset(3)
    policy.act(observations, infos)
    alone.act({"sat_1": observations["sat_1"]}, infos)
    policy.act({"sat_1": observations["sat_1"]}, infos)
    alone.act({"sat_1": observations["sat_1"]}, infos)
    assert np.allclose(policy._of_agents["sat_1"], alone._of_agents["sat_1"], atol=1e-5)


def test_a_new_episode_remembers_nothing(pair, folder):
    env = envs.make(NAME, pair, face="batch", worlds=2, max_cycles=4)
    policy = make_policy(str(folder), env)
    observation, info = env.reset(3)
    for _ in range(4):
        observation, _, _, _, info = env.step(policy.act(observation, info))
    assert info["ended"].all()
    later = policy.act(observation, info)
    fresh = make_policy(str(folder), env)
    assert np.array_equal(later, fresh.act(observation, info))
    assert np.array_equal(policy._memory, fresh._memory)


def test_a_gru_as_torch_has_it(pair):
    torch = pytest.importorskip("torch")
    env = envs.make(NAME, pair, face="batch")
    weights = weights_for(env, memory=6)
    cell = torch.nn.GRUCell(8, 6)
    with torch.no_grad():
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        for name, array in zip(names, weights.gru, strict=True):
            getattr(cell, name).copy_(torch.from_numpy(array))
        rng = np.random.default_rng(1)
        seen, memory = rng.normal(size=(5, len(env.layout))), rng.normal(size=(5, 6)).astype("f4")
        x = np.clip((seen - weights.mean) * weights.scale, -5, 5).astype("f4")
        matrix, bias = weights.layers[0]
        right = cell(torch.from_numpy(np.tanh(x @ matrix.T + bias)), torch.from_numpy(memory))
    _, after = Forward(weights)(seen.astype("f4"), memory)
    assert np.allclose(after, right.numpy(), atol=1e-5)


def test_another_problem_other_sizes(pair, folder):
    other = envs.make("offloading_v0", "relay_40", face="batch")
    with pytest.raises(SandboxError, match="made for tasking_v0"):
        make_policy(str(folder), other)
    known, fewer = (envs.make(NAME, pair, face="batch", candidates=k) for k in (4, 3))
    counts = rf"knows {len(known.layout)} features .* {len(fewer.layout)} .*request_4"
    with pytest.raises(SandboxError, match=counts):
        make_policy(str(folder), fewer)


def test_names_of_policies_are_as_ever(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "greedy").mkdir()
    assert policy_class("greedy", NAME).__name__ == "Greedy"
    with pytest.raises(SandboxError, match="holds no trained policy"):
        policy_class("./greedy", NAME)
    with pytest.raises(SandboxError, match="holds no trained policy"):
        policy_class("no/such/place", NAME)
    for name in ("greedyy", "x" * 5000, "a\0b"):
        with pytest.raises(SandboxError, match="policy"):
            policy_class(name, NAME)
    assert policy_class("agents.baselines:Idle", NAME).__name__ == "Idle"


def _rewritten(path, change):
    with np.load(path) as file:
        arrays = dict(file)
    change(arrays)
    np.savez(path, **arrays)


def _about(arrays, **fields):
    arrays["about"] = np.array(json.dumps(json.loads(str(arrays["about"])) | fields))


DAMAGE = {
    "no JSON": lambda a: a.update(about=np.array("{")),
    "no object": lambda a: a.update(about=np.array("[1]")),
    "no text": lambda a: a.pop("about"),
    "another format": lambda a: _about(a, format="other"),
    "a later schema": lambda a: _about(a, schema=2),
    "another mode": lambda a: _about(a, mode="guess"),
    "features that are none": lambda a: _about(a, features=3),
    "fewer features": lambda a: _about(a, features=["battery"]),
    "no layer": lambda a: [a.pop(f"matrix_{i}") for i in range(3)],
    "half a layer": lambda a: a.pop("bias_1"),
    "another shape": lambda a: a.update(matrix_1=a["matrix_1"][:, :-1]),
    "another type": lambda a: a.update(mean=a["mean"].astype(np.float64)),
    "no numbers": lambda a: a.update(scale=np.full_like(a["scale"], np.nan)),
    "half a memory": lambda a: a.pop("gru_3"),
    "a crooked memory": lambda a: a.update(gru_0=a["gru_0"][:-1]),
    "a memory of no numbers": lambda a: a.update(gru_2=np.full_like(a["gru_2"], np.inf)),
    "messages that it has no logits of": lambda a: _about(a, says=2),
    "messages of less than nothing": lambda a: _about(a, says=-1),
    "messages that are no number": lambda a: _about(a, says="much"),
    "something to run": lambda a: a.update(mean=np.array([print], object)),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_one_sentence(folder, change):
    _rewritten(folder / FILE, change)
    with pytest.raises(SandboxError, match="is no trained policy that can be read") as told:
        network_in(folder)
    assert len(str(told.value)) < 400 + len(str(folder))


def test_a_file_cut_short_or_of_other_bytes(folder):
    whole = (folder / FILE).read_bytes()
    rng = np.random.default_rng(0)
    for cut in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        (folder / FILE).write_bytes(whole[:cut])
        with pytest.raises(SandboxError, match="can be read"):
            network_in(folder)
    for _ in range(40):
        other = bytearray(whole)
        other[rng.integers(len(other))] ^= 1 << rng.integers(8)
        (folder / FILE).write_bytes(other)
        with suppress(SandboxError):  # a bit of a number changes no more than that number
            network_in(folder)


def test_a_file_that_unfolds(folder):
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mean.npy", bytes(300 << 20))
    with pytest.raises(SandboxError, match="too large"):
        network_in(folder)
