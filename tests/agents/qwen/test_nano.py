"""The shipped nano: loads as any checkpoint does, reads dense prompts, decides alike alone and in a batch."""

import json
import subprocess
import sys

import numpy as np
import pytest

from agents import make_policy
from agents.qwen.dense import CHAT, IDS, TOKENS, text_of
from envs import tasking_v0
from envs.reports import LABELS, Reporter
from sandbox.errors import SandboxError

pytest.importorskip("torch", reason="the nano needs torch")
pytest.importorskip("transformers", reason="the nano needs transformers")

from agents.qwen.decisions import Request
from agents.qwen.nano import FOLDER, NanoEngine, draw, load_model


@pytest.fixture(scope="module")
def engine():
    return NanoEngine()


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def requests():
    """What twelve satellites ask in a few rounds of an orbit."""
    env = tasking_v0.batch_env("scs01", autoreset=False)
    reporter, policy = Reporter(env.problem), make_policy("greedy", env)
    observation, info = env.reset(seed=3)
    asked = []
    for k in range(180):
        if k % 45 == 0:
            pairs = zip(observation[0], info["action_mask"][0], strict=True)
            asked += [Request(seen, mask, reporter, n) for n, (seen, mask) in enumerate(pairs)]
        observation, _, _, _, info = env.step(policy.act(observation, info))
    return asked


def test_decisions_are_legal_choices_with_their_prices(engine, requests):
    decisions = engine.decide(requests)
    assert len({d.prompt_tokens for d in decisions}) > 5, "prompts of different lengths"
    for request, decision in zip(requests, decisions, strict=True):
        assert request.mask[decision.action] == 1
        assert (decision.finish, decision.output_tokens, decision.fell_back) == ("choice", 0, False)
        assert 12 <= decision.prompt_tokens <= 64
        assert decision.probabilities.sum() == pytest.approx(1.0)
        assert (decision.probabilities[request.mask == 0] == 0.0).all()
        assert decision.action == decision.probabilities.argmax()
        assert np.isfinite(decision.log_probability)


def test_alone_and_in_a_batch_agree(engine, requests):
    together = engine.decide(requests)
    for request, decision in zip(requests, together, strict=True):
        [alone] = engine.decide([request])
        np.testing.assert_allclose(alone.probabilities, decision.probabilities, atol=1e-5)
        assert alone.action == decision.action
    backwards = engine.decide(requests[::-1])
    assert [d.action for d in backwards[::-1]] == [d.action for d in together]


def test_nothing_asked_nothing_decided(engine):
    assert engine.decide([]) == []


def test_same_seed_same_draws(requests):
    engine = NanoEngine(sample=True)

    def drawn(seed):
        engine.reset(seed)
        return [d.action for _ in range(3) for d in engine.decide(requests)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_draws_follow_the_probabilities():
    chances = np.tile([0.0, 0.2, 0.5, 0.0, 0.3, 0.0], (20_000, 1))
    counts = np.bincount(draw(chances, np.random.default_rng(0)), minlength=6) / 20_000
    np.testing.assert_allclose(counts, chances[0], atol=0.015)


def test_requests_of_two_problems_in_one_call(engine, requests):
    env = tasking_v0.batch_env("pair", candidates=2, autoreset=False)
    observation, info = env.reset(seed=0)
    other = Request(observation[0, 0], info["action_mask"][0, 0], Reporter(env.problem))
    mixed = engine.decide([requests[0], other, requests[1]])
    assert len(mixed[1].probabilities) == 5
    assert mixed[2].action == engine.decide([requests[1]])[0].action


def test_probabilities_are_those_of_the_plain_model(engine, requests, tokenizer):
    """The same prompt as text, through the tokenizer and the model's own head."""
    import torch

    model = load_model(FOLDER)
    for request in requests[::9]:
        renderer = engine._renderer(request.reporter)
        ids, _ = renderer.ids(request.observation[None], request.mask[None])
        inputs = tokenizer(text_of(ids[0]), return_tensors="pt")
        assert inputs["input_ids"][0].tolist() == ids[0].tolist()
        with torch.no_grad():
            logits = model(**inputs).logits[0, -1, torch.from_numpy(renderer.action_ids)].double()
        logits[torch.from_numpy(request.mask == 0)] = -torch.inf
        [decision] = engine.decide([request])
        np.testing.assert_allclose(torch.softmax(logits, 0).numpy(), decision.probabilities, atol=1e-5)


def test_tokenizer_knows_the_dense_tokens_and_qwens_markers(tokenizer):
    assert [tokenizer.convert_tokens_to_ids(token) for token in TOKENS] == list(range(len(TOKENS)))
    assert set(CHAT) <= set(tokenizer.get_vocab())
    assert all(len(tokenizer(letter)["input_ids"]) == 1 for letter in LABELS)
    assert tokenizer.pad_token == "<|endoftext|>"
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.padding_side == "left"


@pytest.mark.parametrize(
    "text", ["Battery at 83 %, eclipse in 12 min.", "Grüße, 日本 🛰️\n\n  x", "<b <battery:07>"]
)
def test_tokenizer_loses_nothing(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_dense_tokens_are_whole_amid_text(tokenizer):
    found = tokenizer("now <battery:07> (<request_window:63><observe_2>")["input_ids"]
    assert {IDS["<battery:07>"], IDS["<request_window:63>"], IDS["<observe_2>"]} <= set(found)


def test_chat_template_is_qwens(tokenizer):
    talk = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nA"},
    ]
    said = tokenizer.apply_chat_template(talk, tokenize=False)
    assert said == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
    )
    ask = tokenizer.apply_chat_template(
        talk[:2], tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    assert ask.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_size():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert sum(sizes.values()) <= 12e6
    parameters = sum(p.numel() for p in load_model(FOLDER).parameters())
    assert 0.5e6 < parameters <= 5e6
    assert sizes["model.safetensors"] < 2.1 * parameters, "bf16"


def test_agents_do_not_import_torch():
    code = "import agents, agents.qwen.nano, sys; print({'torch', 'transformers'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_folder_without_a_model_is_one_sentence(tmp_path):
    with pytest.raises(SandboxError, match=r"no config\.json"):
        NanoEngine(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3"}))
    with pytest.raises(SandboxError, match="cannot be loaded"):
        NanoEngine(tmp_path)
