"""Models that are no Qwen3 in this process, and a checkpoint in one file of llama.cpp's format."""

import json
import sys

import numpy as np
import pytest
import torch
from checkpoints import NON_THINKING, make_checkpoint, make_tokenizer
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from agents.qwen.engines import make_engine
from agents.qwen.gguf import write_gguf
from experiments.running.cli import main
from sandbox.errors import SandboxError

NO_SYSTEM = NON_THINKING.replace(
    "{%- for message in messages -%}",
    "{%- for message in messages -%}"
    "{%- if message.role == 'system' -%}{{ raise_exception('no system role') }}{%- endif -%}",
)
"""As of models that know user and assistant alone."""


def llama():
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=1024,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            initializer_range=0.2,
        )
    )


def gpt2():
    """Positions that are learned, and a bias."""
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=1024, n_embd=64, n_layer=2, n_head=4, n_positions=4096, initializer_range=0.2)
    )


@pytest.fixture(scope="module", params=["llama", "llama without system", "gpt2"])
def other(request, tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("other") / request.param.replace(" ", "-")
    torch.manual_seed(0)
    (gpt2 if request.param == "gpt2" else llama)().save_pretrained(folder)
    template = NO_SYSTEM if "without" in request.param else NON_THINKING
    make_tokenizer(template, corpus).save_pretrained(folder)
    return folder


def test_it_is_refused_unless_allowed(other):
    with pytest.raises(SandboxError, match=r"not a Qwen3; give .* allow it with --any-model"):
        make_engine(other)


def test_it_decides_as_its_scores_say(other, requests_seen):
    """Also where the shared prefix of the prompts is computed once."""
    options = {"any_model": True, "debias": "none", "floor": 0.0}
    decisions = make_engine(other, **options).decide(requests_seen)
    again = make_engine(other, reuse_prefix=False, **options).decide(requests_seen)
    assert len({d.action for d in decisions}) > 1 or len({tuple(d.probabilities) for d in decisions}) > 1
    for request, decision, other_way in zip(requests_seen, decisions, again, strict=True):
        assert decision.finish == "choice"
        assert decision.probabilities.sum() == pytest.approx(1.0)
        assert request.mask[decision.action]
        np.testing.assert_allclose(decision.probabilities, other_way.probabilities, atol=1e-4)


def test_it_has_no_thoughts_to_have(other):
    with pytest.raises(SandboxError, match="has no thinking mode"):
        make_engine(other, any_model=True, thinking=8)


def test_a_run_with_it(other, tmp_path, capsys):
    words = ["run", "--policy", "qwen", "--scenario", "pair", "--hours", "0.1", "--no-record", "--floor", "0"]
    folder = tmp_path / "r"
    assert main([*words, "--model", str(other), "--any-model", "--out", str(folder)]) == 0
    content = json.loads((folder / "metrics.json").read_text())
    assert content["minds"]["fell_back"] == {}
    assert content["minds"]["decisions"] == 24
    assert content["prompt_tokens"] > 100
    capsys.readouterr()
    assert main([*words, "--model", str(other), "--out", str(tmp_path / "no")]) == 2
    assert "--any-model" in capsys.readouterr().err


def test_a_checkpoint_in_one_file(corpus, requests_seen, tmp_path):
    """The same weights and words as in the folder that it was made of.

    Its heads are as wide as those of the public Qwen3, which is what transformers takes for granted.
    """
    pytest.importorskip("gguf", reason="gguf, by which transformers reads such files, is not installed")
    file = tmp_path / "small.gguf"
    checkpoint = make_checkpoint(tmp_path / "small", corpus=corpus, head_dim=128)
    write_gguf(checkpoint, file, "small")
    options = {"debias": "none", "floor": 0.0}
    expected = make_engine(checkpoint, **options).decide(requests_seen)
    for request, one, other in zip(
        requests_seen, expected, make_engine(file, **options).decide(requests_seen), strict=True
    ):
        assert one.prompt_tokens == other.prompt_tokens, "the tokenizer is in the file"
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
        assert request.mask[other.action]


def test_the_package_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    file = tmp_path / "small.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(SandboxError, match="needs gguf; install with: pip install gguf"):
        make_engine(file)


def test_a_file_that_is_none(tmp_path):
    pytest.importorskip("gguf", reason="gguf, by which transformers reads such files, is not installed")
    file = tmp_path / "small.gguf"
    file.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(SandboxError, match=r"cannot be read as GGUF .*; serve it with llama.cpp"):
        make_engine(file)
