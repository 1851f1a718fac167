"""What can be wrong with a checkpoint, each in one sentence, and what a checkpoint weighs."""

import builtins
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from checkpoints import edit_json, make_adapter, make_checkpoint
from transformers import Qwen3Config

from agents.qwen import loading
from agents.qwen.loading import find, load, weight_bytes
from sandbox.errors import SandboxError


@pytest.fixture
def copy(checkpoint, tmp_path):
    return shutil.copytree(checkpoint, tmp_path / "copy")


def test_a_good_folder_loads(checkpoint):
    loaded = load(checkpoint, {}, dtype="bfloat16", device="cpu")
    assert loaded.model.dtype == torch.bfloat16
    assert load(checkpoint, {}).model.dtype == torch.float32
    assert not loaded.model.training


def test_missing_folder():
    for path in ("./no/such/folder", "/no/such", "a/b/c"):
        with pytest.raises(SandboxError, match=rf"Model folder '{path}' does not exist"):
            load(path, {})


def test_folder_without_a_model(tmp_path):
    with pytest.raises(SandboxError, match=r"has no config.json; give a folder that save_pretrained wrote"):
        load(tmp_path, {})


def test_hub_id_that_is_not_here(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(SandboxError, match=r"'Qwen/Qwen3-0.6B' is not on this machine; give a folder"):
        load("Qwen/Qwen3-0.6B", {})


def test_download_without_a_network(monkeypatch, tmp_path):
    """HF_HUB_OFFLINE is set in every test, which is what an absent network looks like."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        SandboxError, match=r"'Qwen/Qwen3-0.6B' cannot be downloaded .*connect to the network"
    ):
        load("Qwen/Qwen3-0.6B", {}, allow_download=True)


def test_offline_never_asks_the_network(monkeypatch, tmp_path):
    asked = {}

    def snapshot(name, **options):
        asked.update(options)
        raise OSError("not here")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    for allowed in (False, True):
        with pytest.raises(SandboxError):
            find("Qwen/Qwen3-0.6B", "config.json", allowed)
        assert asked["local_files_only"] is not allowed


def test_not_a_name_at_all():
    with pytest.raises(SandboxError, match="is neither a folder nor a hub id"):
        load("what is this?", {})


@pytest.mark.parametrize("kind", ["llama", "qwen2", None])
def test_another_model(copy, kind):
    edit_json(copy / "config.json", model_type=kind)
    with pytest.raises(
        SandboxError, match=f"is a {kind}, not a Qwen3; give a checkpoint of model_type qwen3"
    ):
        load(copy, {})


def test_broken_config(copy):
    (copy / "config.json").write_text("{")
    with pytest.raises(SandboxError, match=r"config.json cannot be read"):
        load(copy, {})


def test_config_of_a_wrong_type(copy):
    edit_json(copy / "config.json", hidden_size="wide")
    with pytest.raises(SandboxError, match=r"config.json is not a valid configuration"):
        load(copy, {})


def test_missing_weights(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(SandboxError, match=r"The weights of .* cannot be loaded"):
        load(copy, {})


def test_cut_weights(copy):
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(SandboxError, match=r"The weights of .* cannot be loaded"):
        load(copy, {})


def test_weights_of_another_shape(copy):
    edit_json(copy / "config.json", hidden_size=128)
    with pytest.raises(SandboxError, match=r"The weights of .* cannot be loaded"):
        load(copy, {})


def test_missing_tokenizer(copy):
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer_config.json").unlink()
    with pytest.raises(SandboxError, match=r"The tokenizer of .* is missing; copy tokenizer.json"):
        load(copy, {})


def test_broken_tokenizer(copy):
    (copy / "tokenizer.json").write_text("{}")
    with pytest.raises(SandboxError, match=r"The tokenizer of .* cannot be loaded"):
        load(copy, {})


def test_too_little_memory(checkpoint, monkeypatch):
    monkeypatch.setattr(loading, "free_memory", lambda device: 100_000)
    with pytest.raises(SandboxError, match=r"in float32 needs about 0.0 GB on cpu, where 0.0 GB are free"):
        load(checkpoint, {})


def test_memory_is_looked_at_before_loading(checkpoint, monkeypatch):
    monkeypatch.setattr(loading, "free_memory", lambda device: 0)
    monkeypatch.setattr(loading, "_load_model", lambda *args: pytest.fail("loaded all the same"))
    with pytest.raises(SandboxError, match="take a smaller Qwen3"):
        load(checkpoint, {})


def test_free_memory_is_known_here():
    assert loading.free_memory("cpu") > 1e6


def test_weights_of_a_public_size():
    """Qwen3-0.6B: 0.596 billion parameters with the tied head counted once (its model card)."""
    config = Qwen3Config(
        vocab_size=151936,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        tie_word_embeddings=True,
    )
    assert weight_bytes(config, "bfloat16") == pytest.approx(2 * 0.596e9, rel=0.001)
    assert weight_bytes(config, "float32") == 2 * weight_bytes(config, "bfloat16")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dtype": "int3"}, "Unknown dtype 'int3'"),
        ({"device": "cuda:77"}, "Device 'cuda:77' cannot be used here"),
        ({"device": "abacus"}, "Device 'abacus' cannot be used here"),
    ],
)
def test_wrong_options(checkpoint, options, sentence):
    with pytest.raises(SandboxError, match=sentence):
        load(checkpoint, {}, **options)


def test_adapter_folder_without_one(checkpoint, tmp_path):
    with pytest.raises(SandboxError, match=r"has no adapter_config.json"):
        load(checkpoint, {"a": tmp_path})


def test_adapter_of_another_model(checkpoint, tmp_path, monkeypatch):
    adapter = make_adapter(make_checkpoint(tmp_path / "other"), tmp_path / "adapter", seed=1)
    edit_json(adapter / "adapter_config.json", r=7)
    with pytest.raises(SandboxError, match="does not fit the model"):
        load(checkpoint, {"a": adapter})


@pytest.mark.parametrize("package", ["torch", "transformers", "peft"])
def test_missing_package(checkpoint, monkeypatch, package):
    def absent(name):
        if name == package:
            raise ImportError(name)
        return SimpleNamespace()

    monkeypatch.setattr(loading, "import_module", absent)
    with pytest.raises(SandboxError, match=rf"needs {package}; install with: pip install .*\[qwen\]"):
        load(checkpoint, {"a": checkpoint})


def test_memory_unknown_without_psutil(monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr(
        builtins,
        "__import__",
        lambda name, *rest: real("no_such_module_here" if name == "psutil" else name, *rest),
    )
    assert loading.free_memory("cpu") is None


def test_agents_do_not_import_torch():
    code = (
        "import sys, agents, agents.qwen.engines, agents.qwen.local, agents.qwen.server; "
        "print([m for m in ('torch', 'transformers', 'peft') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
