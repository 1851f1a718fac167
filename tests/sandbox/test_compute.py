"""The compute model against published sizes and speeds, sums term by term, and what must not get cheaper."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.compute import (
    PRECISIONS,
    ModelProfile,
    Rates,
    board,
    board_names,
    cost_record,
    decode_seconds,
    inference,
    load_seconds,
    model,
    model_names,
    prefill_seconds,
    sum_of_larger,
)
from sandbox.errors import SandboxError
from sandbox.model_config import model_from_config

BOARDS = st.sampled_from(["agx_orin", "thor", "h100_pcie", "scs01"])
MODELS = st.sampled_from(["Qwen3-0.6B", "Qwen3-4B", "Qwen3-8B", "Qwen3-30B-A3B"])
SIZES = st.sampled_from(PRECISIONS)
TOKENS = st.integers(1, 4_000)

LLAMA_8B = ModelProfile(
    "Llama-3.1-8B", layers=32, hidden=4096, heads=32, kv_heads=8, head_dim=128, mlp=14336, vocab=128256,
    tied=False, context=131072, qk_norm=False,
)  # fmt: skip
SMOLLM2 = ModelProfile(
    "SmolLM2-135M", layers=30, hidden=576, heads=9, kv_heads=3, head_dim=64, mlp=1536, vocab=49152,
    tied=True, context=8192, qk_norm=False,
)  # fmt: skip


def within(value, published, factor):
    return published / factor <= value <= published * factor


@pytest.mark.parametrize(
    ("name", "billions", "read", "kv_kib", "flop"),
    [  # model cards of the Qwen team; read and operations per token from the same shapes
        ("Qwen3-0.6B", 0.596, 0.596, 112, 1.19e9),
        ("Qwen3-1.7B", 1.721, 1.721, 112, 3.44e9),
        ("Qwen3-4B", 4.022, 4.022, 144, 8.04e9),
        ("Qwen3-8B", 8.191, 7.568, 144, 15.1e9),
        ("Qwen3-14B", 14.77, 13.99, 160, 28.0e9),
        ("Qwen3-32B", 32.76, 31.98, 256, 64.0e9),
        ("Qwen3-30B-A3B", 30.53, 3.04, 96, 6.1e9),
    ],
)
def test_sizes_are_the_published_ones(name, billions, read, kv_kib, flop):
    profile = model(name)
    assert profile.parameters == pytest.approx(billions * 1e9, rel=5e-4)
    assert profile.bytes_per_token("bf16") == pytest.approx(2 * read * 1e9, rel=1e-3)
    assert profile.kv_bytes_per_token == kv_kib * 1024
    assert profile.flop_per_token == pytest.approx(flop, rel=6e-3)
    assert profile.weight_bytes("bf16") == 2 * profile.parameters


def test_a_quantised_file_has_the_published_size():
    """Qwen3-8B-AWQ is 6.1 GB: 4-bit layers with a scale for every 128 weights, 16-bit embeddings and head."""
    assert within(model("Qwen3-8B").weight_bytes("int4"), 6.1e9, 1.06)


ALONE, TOGETHER = 1.25, 1.35
"""Factors within which a single text and a batch have to come out, either way."""

EDGE_LLM = [
    # TensorRT Edge-LLM 0.9.0, JetPack 7.2, performance benchmarks, Qwen3 in INT4 (AWQ, GPTQ): prompt tokens
    # of each text, batch, ms to read it, tokens/s of the batch. (Batches of 8 read 437 or 409 in all.)
    ("agx_orin", "Qwen3-0.6B", 61, 1, 14.8, 186.4),
    ("agx_orin", "Qwen3-1.7B", 61, 1, 20.4, 98.6),
    ("agx_orin", "Qwen3-4B", 57, 1, 42.6, 53.1),
    ("agx_orin", "Qwen3-8B", 61, 1, 65.7, 32.5),
    ("agx_orin", "Qwen3-30B-A3B", 61, 1, 91.0, 56.7),
    ("agx_orin", "Qwen3-0.6B", 55, 8, 50.9, 738.2),
    ("agx_orin", "Qwen3-1.7B", 55, 8, 134.2, 465.5),
    ("agx_orin", "Qwen3-4B", 51, 8, 323.6, 225.8),
    ("agx_orin", "Qwen3-8B", 55, 8, 592.8, 151.5),
    ("agx_orin", "Qwen3-30B-A3B", 55, 8, 389.2, 163.3),
    ("orin_nx", "Qwen3-0.6B", 61, 1, 18.9, 117.4),
    ("orin_nx", "Qwen3-1.7B", 61, 1, 35.4, 60.4),
    ("orin_nx", "Qwen3-4B", 57, 1, 74.9, 31.6),
    ("orin_nx", "Qwen3-8B", 61, 1, 127.2, 19.0),
    ("orin_nano", "Qwen3-0.6B", 61, 1, 28.7, 72.8),
    ("orin_nano", "Qwen3-1.7B", 61, 1, 63.1, 37.4),
    ("thor", "Qwen3-4B", 57, 1, 33.5, 79.6),
    ("thor", "Qwen3-8B", 61, 1, 56.0, 49.3),
    ("thor", "Qwen3-30B-A3B", 61, 1, 64.1, 85.8),
    ("thor", "Qwen3-4B", 51, 8, 229.8, 328.6),
    ("thor", "Qwen3-8B", 55, 8, 426.5, 191.8),
    ("thor", "Qwen3-30B-A3B", 55, 8, 263.7, 232.1),
]


@pytest.mark.parametrize(("board_name", "name", "prompt", "batch", "milliseconds", "rate"), EDGE_LLM)
def test_small_boards_are_as_fast_as_measured(board_name, name, prompt, batch, milliseconds, rate):
    factor = ALONE if batch == 1 else TOGETHER
    cost = inference(board(board_name), model(name), "int4", prompt, 512, batch=batch)
    assert within(cost.prefill_s * 1e3, milliseconds, factor)
    assert within(512 * batch / cost.decode_s, rate, factor)


@pytest.mark.parametrize(
    ("board_name", "profile", "precision", "batch", "published", "factor"),
    [
        # TensorRT Edge-LLM 0.4 and 0.7, Jetson Thor
        ("thor", model("Qwen3-0.6B"), "int4", 1, 270, ALONE),
        ("thor", model("Qwen3-4B"), "int4", 1, 76.4, ALONE),
        ("thor", LLAMA_8B, "int4", 1, 50.8, ALONE),
        ("thor", model("Qwen3-30B-A3B"), "int4", 1, 81.3, ALONE),
        ("thor", model("Qwen3-30B-A3B"), "int4", 8, 223, TOGETHER),
        ("thor", model("Qwen3-0.6B"), "int4", 8, 828, TOGETHER),
        # QwenLM/Qwen3 speed benchmark, SGLang on an H20
        ("h20", model("Qwen3-0.6B"), "bf16", 1, 414, 1.15),
        ("h20", model("Qwen3-1.7B"), "bf16", 1, 228, 1.15),
        ("h20", model("Qwen3-4B"), "bf16", 1, 133, 1.15),
        ("h20", model("Qwen3-8B"), "bf16", 1, 82, 1.15),
        ("h20", model("Qwen3-14B"), "bf16", 1, 47, 1.15),
        ("h20", model("Qwen3-32B"), "bf16", 1, 21, 1.15),
        ("h20", model("Qwen3-30B-A3B"), "bf16", 1, 137, ALONE),
        ("h20", model("Qwen3-8B"), "int8", 1, 150, ALONE),
        ("h20", model("Qwen3-8B"), "int4", 1, 144, ALONE),
        # llama.cpp on an Orin Nano Super (smolhub.com)
        ("orin_nano", SMOLLM2, "int4", 1, 165, ALONE),
    ],
)
def test_decodes_as_fast_as_measured(board_name, profile, precision, batch, published, factor):
    cost = inference(board(board_name), profile, precision, 128, 512, batch=batch)
    assert within(512 * batch / cost.decode_s, published, factor)


@pytest.mark.parametrize(
    ("profile", "tokens", "milliseconds"),
    [  # TensorRT Edge-LLM 0.4, Jetson Thor, INT4
        (model("Qwen3-0.6B"), 366, 21.0),
        (model("Qwen3-4B"), 364, 116.0),
        (LLAMA_8B, 383, 215.0),
    ],
)
def test_reads_prompts_as_fast_as_measured(profile, tokens, milliseconds):
    cost = inference(board("thor"), profile, "int4", tokens, 0)
    assert within(cost.prefill_s * 1e3, milliseconds, ALONE)
    assert cost.decode_s == 0.0


def test_the_first_satellites_board_is_2_7_agx_orin():
    """744 of 275 TOPS: as much faster, at the power of as many at 60 W and a fifth more."""
    here, one = (inference(board(name), model("Qwen3-8B"), "int4", 0, 512) for name in ("scs01", "agx_orin"))
    assert within(one.seconds / here.seconds, 2.7, 1.15)
    assert within(here.joules / 512, 2.7 * 60 * 1.2 / (2.7 * 32.5), 1.2)


def test_joules_per_token_as_measured():
    """Llama-3.1-8B on an H100 with vLLM, batch 64: 0.12 J/token (ml.energy), prompts included."""
    cost = inference(board("h100_pcie"), LLAMA_8B, "bf16", 300, 400, batch=64)
    assert within(cost.joules / (64 * 400), 0.12, TOGETHER)
    assert cost.joules == pytest.approx(board("h100_pcie").active_w * cost.seconds)


@given(
    st.floats(0, 10), st.floats(0, 10), st.floats(0, 10), st.floats(0, 10), st.integers(1, 60)
)  # fmt: skip
def test_closed_sum_is_the_sum_of_its_terms(a, b, c, d, n):
    terms = sum(max(a + b * i, c + d * i) for i in range(1, n + 1))
    assert sum_of_larger(a, b, c, d, float(n)) == pytest.approx(terms, rel=1e-9, abs=1e-9)


@given(BOARDS, MODELS, st.integers(0, 300), st.integers(1, 40), st.integers(1, 16))
def test_an_answer_costs_the_sum_of_its_passes(board_name, name, context, tokens, batch):
    """A pass with one more token of context at a time; halves written one after the other cost the same."""
    cost = cost_record(board(board_name), model(name), "int4")
    whole = decode_seconds(cost, float(context), float(tokens), float(batch))
    steps = sum(decode_seconds(cost, float(context + i), 1.0, float(batch)) for i in range(tokens))
    assert whole == pytest.approx(steps, rel=1e-9)


@given(BOARDS, MODELS, TOKENS, TOKENS, st.integers(1, 8))
def test_more_work_never_costs_less(board_name, name, prompt, output, batch):
    def cost(precision="int4", p=prompt, o=output, b=batch, cached=0):
        return inference(board(board_name), model(name), precision, p, o, batch=b, cached_tokens=cached)

    here = cost()
    assert cost(p=prompt + 1).prefill_s > here.prefill_s
    assert cost(o=output + 1).decode_s > here.decode_s
    assert cost(p=prompt + 1).decode_s > here.decode_s
    assert cost(b=batch + 1).seconds > here.seconds
    assert cost(b=batch + 1).decode_s / (batch + 1) < here.decode_s / batch
    assert cost(cached=prompt // 2).prefill_s <= here.prefill_s
    assert cost(cached=prompt).prefill_s == 0.0
    assert cost(o=output + 1).peak_memory_bytes > here.peak_memory_bytes
    assert here.seconds == here.prefill_s + here.decode_s


@given(MODELS, SIZES, TOKENS, TOKENS)
def test_a_better_board_is_never_slower(name, precision, prompt, output):
    plain = board("agx_orin")
    rates = plain.peak_tera_s
    faster = replace(plain, peak_tera_s=replace(rates, bf16=90.0, int8=180.0, int4=90.0))
    wider = replace(plain, bandwidth_gb_s=2 * plain.bandwidth_gb_s)
    # the whole Qwen3-30B-A3B in bf16 would not fit
    roomy = [replace(each, memory_gb=128.0) for each in (plain, faster, wider)]
    slow, quick, broad = (inference(each, model(name), precision, prompt, output) for each in roomy)
    assert quick.prefill_s <= slow.prefill_s
    assert broad.decode_s < slow.decode_s
    assert broad.prefill_s <= slow.prefill_s


@given(BOARDS, SIZES, TOKENS, TOKENS)
def test_bigger_models_are_slower_and_fewer_bits_are_faster(board_name, precision, prompt, output):
    small, large = (
        inference(board(board_name), model(name), precision, prompt, output)
        for name in ("Qwen3-1.7B", "Qwen3-8B")
    )
    assert small.prefill_s < large.prefill_s
    assert small.decode_s < large.decode_s
    widths = [inference(board(board_name), model("Qwen3-4B"), p, prompt, output).decode_s for p in PRECISIONS]
    assert widths == sorted(widths, reverse=True)


def test_arrays_broadcast_and_agree_with_the_kernels():
    cost = cost_record(board("scs01"), model("Qwen3-4B"), "int8")
    prompts, outputs = np.array([[10], [400]]), np.array([0, 1, 250])
    many = inference(board("scs01"), model("Qwen3-4B"), "int8", prompts, outputs, cached_tokens=4)
    assert many.seconds.shape == many.joules.shape == many.peak_memory_bytes.shape == (2, 3)
    for i, prompt in enumerate((10, 400)):
        for j, output in enumerate((0, 1, 250)):
            one = inference(board("scs01"), model("Qwen3-4B"), "int8", prompt, output, cached_tokens=4)
            assert isinstance(one.seconds, float)
            assert [field[i, j] for field in many] == list(one)
            assert one.prefill_s == prefill_seconds(cost, prompt - 4.0, 4.0, 1.0)
            assert one.decode_s == decode_seconds(cost, float(prompt), float(output), 1.0)


def test_nothing_costs_nothing():
    cost = inference(board("thor"), model("Qwen3-8B"), "bf16", 0, 0)
    assert cost.seconds == cost.joules == 0.0
    assert cost.peak_memory_bytes == model("Qwen3-8B").weight_bytes("bf16")
    assert inference(board("thor"), model("Qwen3-8B"), "bf16", np.zeros(0), 5).seconds.shape == (0,)


def test_loading_takes_the_weights_over_the_flash_rate():
    assert load_seconds(board("scs01"), model("Qwen3-8B"), "bf16") == pytest.approx(16.38, rel=1e-3)


def test_every_board_and_model_is_whole():
    assert model_names()[0] == "Qwen3-0.6B"
    assert {"orin_nano", "orin_nx", "agx_orin", "thor", "h100_pcie", "scs01"} <= set(board_names())
    for name in board_names():
        assert board(name).name == name
        assert inference(board(name), model("Qwen/Qwen3-0.6B"), "int4", 100, 10).seconds > 0.0
    for name in model_names():
        assert model(name) == model(f"Qwen/{name}")


def test_what_does_not_fit_says_by_how_much():
    free = board("orin_nano").free_bytes
    needed = model("Qwen3-4B").weight_bytes("bf16") + 1100 * 147_456
    with pytest.raises(
        SandboxError, match=rf"Qwen3-4B in bf16 .* {(needed - free) / 1e9:.2f} GB more than orin_nano"
    ):
        inference(board("orin_nano"), model("Qwen3-4B"), "bf16", [10, 1000], [10, 100])
    roomy = replace(board("orin_nano"), memory_gb=board("orin_nano").reserved_gb + needed / 1e9)
    assert inference(roomy, model("Qwen3-4B"), "bf16", 1000, 100).peak_memory_bytes == needed
    with pytest.raises(SandboxError, match="smaller batch"):
        inference(roomy, model("Qwen3-4B"), "bf16", 1000, 100, batch=2)


def test_a_text_beyond_the_context_is_refused():
    with pytest.raises(SandboxError, match=r"41,000 tokens of prompt and answer exceed .* 40,960"):
        inference(board("thor"), model("Qwen3-0.6B"), "int4", 40_000, 1_000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: board("thorr"), "Unknown board 'thorr'; did you mean thor"),
        (lambda: model("Qwen3-8b"), "Unknown model 'Qwen3-8b'; did you mean Qwen3-"),
        (lambda: model(8), "Unknown model '8'"),
        (lambda: inference(board("thor"), model("Qwen3-8B"), "fp16", 1, 1), "Unknown precision 'fp16'"),
        (lambda: inference(board("thor"), model("Qwen3-8B"), "int4", -1, 1), "prompt_tokens = -1"),
        (lambda: inference(board("thor"), model("Qwen3-8B"), "int4", 1, 1.5), "output_tokens = 1.5"),
        (lambda: inference(board("thor"), model("Qwen3-8B"), "int4", 1, np.nan), "output_tokens = nan"),
        (lambda: inference(board("thor"), model("Qwen3-8B"), "int4", "a", 1), "prompt_tokens = 'a'"),
        (lambda: inference(board("thor"), model("Qwen3-8B"), "int4", 1, 1, batch=0), "batch = 0"),
        (lambda: inference(board("thor"), model("Qwen3-8B"), "int4", 1, 1, cached_tokens=2), "cached_tokens"),
        (lambda: replace(board("thor"), bandwidth_gb_s=0), "thor: bandwidth_gb_s = 0; give a number above 0"),
        (lambda: replace(board("thor"), bandwidth_utilisation=1.2), "above 0 and at most 1"),
        (lambda: replace(board("thor"), idle_w=91), "idle_w = 91; give a number at least 0 and at most"),
        (lambda: replace(board("thor"), memory_gb=float("nan")), "memory_gb = nan"),
        (lambda: replace(board("thor"), utilisation=Rates(0.3, 0.3, 2)), r"utilisation\.int4 = 2"),
        (lambda: replace(model("Qwen3-8B"), layers=0), "Qwen3-8B: layers = 0; give a whole number"),
        (lambda: replace(model("Qwen3-8B"), heads=30), "kv_heads = 8 must divide heads = 30"),
        (lambda: replace(model("Qwen3-30B-A3B"), active_experts=129), "active_experts = 129 must lie from 1"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(call, message):
    with pytest.raises(SandboxError, match=message):
        call()


QWEN3 = {
    "model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 32, "intermediate_size": 96, "vocab_size": 500,
    "tie_word_embeddings": True, "max_position_embeddings": 256,
}  # fmt: skip
MIXTURE = {
    **QWEN3, "model_type": "qwen3_moe", "num_experts": 8, "num_experts_per_tok": 2,
    "moe_intermediate_size": 24, "tie_word_embeddings": False,
}  # fmt: skip
LLAMA = {key: value for key, value in QWEN3.items() if key != "head_dim"} | {"model_type": "llama"}


def written(folder, config):
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    "config",
    [
        QWEN3,
        MIXTURE,
        {**LLAMA, "tie_word_embeddings": False},
        {**LLAMA, "attention_bias": True},
        {**LLAMA, "model_type": "mistral"},
        {**LLAMA, "model_type": "qwen2"},
    ],
)
def test_a_config_has_the_weights_that_transformers_makes(tmp_path, config):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    with torch.device("meta"):
        settings = transformers.AutoConfig.for_model(**config)
        network = transformers.AutoModelForCausalLM.from_config(settings)
    profile = model_from_config(written(tmp_path, config))
    assert profile.parameters == network.num_parameters()
    settings.save_pretrained(tmp_path)  # writes only what differs from the architecture's own values
    assert model_from_config(tmp_path) == profile


def test_a_config_is_named_after_its_folder_and_read_whole(tmp_path):
    (tmp_path / "mini").mkdir()
    written(tmp_path / "mini", MIXTURE)
    profile = model_from_config(tmp_path / "mini")
    assert profile == ModelProfile(
        "mini", layers=2, hidden=64, heads=4, kv_heads=2, head_dim=32, mlp=24, vocab=500, tied=False,
        context=256, experts=8, active_experts=2,
    )  # fmt: skip
    assert model_from_config(written(tmp_path, LLAMA)).head_dim == 16


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**QWEN3, "model_type": "mamba"}, "model_type = 'mamba' is not modelled; known: qwen3"),
        ({**QWEN3, "head_dim": None}, "head_dim = None; a whole number above 0 is needed"),
        ({**QWEN3, "vocab_size": "many"}, "vocab_size = 'many'"),
        ({**MIXTURE, "decoder_sparse_step": 2}, "decoder_sparse_step = 2 is not modelled"),
        ({**LLAMA, "mlp_bias": True}, "mlp_bias = True is not modelled"),
        ([1], "is a JSON object, not list"),
    ],
)
def test_a_config_that_will_not_do_says_why(tmp_path, config, message):
    with pytest.raises(SandboxError, match=message):
        model_from_config(written(tmp_path, config))


def test_a_config_that_is_not_there_or_not_json(tmp_path):
    with pytest.raises(SandboxError, match="cannot be read"):
        model_from_config(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(SandboxError, match="cannot be read"):
        model_from_config(tmp_path / "config.json")
