"""Weights and scores that are not finite: one sentence at load or a counted fallback, no silent no-op."""

import shutil
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from checkpoints import make_adapter
from safetensors.torch import load_file, save_file

from agents.qwen import local
from agents.qwen.nano import FOLDER, NanoEngine
from agents.qwen.policy import QwenPolicy
from agents.qwen.thinking import NO_TOKEN, _sample
from envs import tasking_v0
from envs.replies import SAFE_ACTION
from sandbox.errors import SandboxError

LocalEngine = partial(local.LocalEngine, debias="none", floor=0.0)


def spoil(folder, number, which=-1):
    """Puts `number` into the middle of one tensor of a saved model."""
    [file] = folder.glob("*.safetensors")
    tensors = load_file(file)
    name = sorted(tensors)[which]
    spoilt = tensors[name].float()
    spoilt.view(-1)[spoilt.numel() // 2] = number
    save_file(tensors | {name: spoilt.to(tensors[name].dtype)}, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("number", "which", "dtype"),
    [(np.nan, 0, "float32"), (np.nan, -1, "bfloat16"), (np.inf, -1, "float32"), (-np.inf, 0, "float16")],
)
def test_a_checkpoint_with_such_weights_is_one_sentence(checkpoint, tmp_path, number, which, dtype):
    folder = shutil.copytree(checkpoint, tmp_path / "spoilt")
    spoil(folder, number, which)
    with pytest.raises(SandboxError, match=r"^The weights of '.*spoilt': .* are not finite; train"):
        LocalEngine(folder, dtype=dtype, device="cpu")


def test_numbers_too_large_for_the_dtype_are_too(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "large")
    spoil(folder, 1e30)
    LocalEngine(folder)
    with pytest.raises(SandboxError, match=r"not finite; .* load it in the dtype that it was trained in"):
        LocalEngine(folder, dtype="float16", device="cpu")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_adapter_with_such_weights_is_one_sentence(checkpoint, tmp_path, number):
    good, bad = (make_adapter(checkpoint, tmp_path / name, 1) for name in ("good", "bad"))
    spoil(bad, number)
    LocalEngine(checkpoint, adapters={"a": good})
    with pytest.raises(SandboxError, match=r"^Adapter '.*bad': .* holds numbers that are not finite"):
        LocalEngine(checkpoint, adapters={"a": good, "b": bad})


def test_a_nano_with_such_weights_is_one_sentence(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "nano")
    spoil(folder, np.nan)
    with pytest.raises(SandboxError, match=r"^The model in .*nano: .* holds numbers that are not finite"):
        NanoEngine(folder)


def test_a_cut_nano_is_one_sentence(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "nano")
    [file] = folder.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(SandboxError, match=r"^The model in .*nano cannot be loaded"):
        NanoEngine(folder)


def broken(model, number):
    """The same model with scores that go wrong at run time."""
    with torch.no_grad():
        next(iter(model.parameters())).fill_(number)


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_the_nano_falls_back_and_is_counted(number, sample):
    env = tasking_v0.batch_env("pair", autoreset=False)
    engine = NanoEngine(sample=sample)
    broken(engine.model, number)
    policy = QwenPolicy(env, engine)
    observation, info = env.reset(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        policy.act(observation, info)
    assert policy.decisions
    for _, decision in policy.decisions.values():
        assert (decision.finish, decision.fell_back, decision.action) == ("error", True, SAFE_ACTION)
        assert decision.probabilities is None
        assert "not finite" in decision.text


@pytest.mark.parametrize("thinking", ["off", 5])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_checkpoint_falls_back_and_is_counted(checkpoint, requests_seen, thinking, number):
    engine = LocalEngine(checkpoint, thinking=thinking, sample=True)
    broken(engine._forward.model, number)
    for decision in engine.decide(requests_seen[:3]):
        assert (decision.finish, decision.fell_back, decision.action) == ("error", True, SAFE_ACTION)
        assert decision.prompt_tokens > 0
        assert decision.probabilities is None


def test_one_bad_row_spoils_no_other():
    rows = torch.tensor([[0.0, 50.0, 0.0], [np.nan, 1.0, 2.0], [-np.inf] * 3, [np.inf, 0.0, 0.0]])
    draws = [np.random.default_rng(0) for _ in rows]
    assert _sample(rows, draws) == [1, NO_TOKEN, NO_TOKEN, NO_TOKEN]
