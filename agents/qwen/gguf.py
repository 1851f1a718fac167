"""A Qwen3 of ours as GGUF, the file that llama.cpp serves: float32, with its own vocabulary.

The layout is that of GGUF version 3 (docs/gguf.md of the ggml project), the names of tensors and fields those
that llama.cpp reads for the architecture "qwen3".
"""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from agents.qwen.loading import first_line, load
from sandbox.errors import SandboxError

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 4, 6, 7, 8, 9, 5
ARCHITECTURE = "qwen3"
NORMAL, CONTROL = 1, 3
"""Kinds of tokens."""
PRE_TOKENIZER = "qwen2"
"""What llama.cpp cuts text with; dense prompts come as token ids and are not cut."""
_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def write_gguf(folder: Path | str, out: Path | str, name: str = "nano") -> int:
    """Write the Qwen3 checkpoint in `folder`, with its tokenizer, to the file `out`; its bytes.

    Raises SandboxError where the folder holds none, or the file cannot be written.
    """
    folder, out = Path(folder), Path(out)
    config, vocabulary = _read(folder / "config.json"), _read(folder / "tokenizer.json")
    if config.get("model_type") != ARCHITECTURE:
        raise SandboxError(f"{folder} holds a {config.get('model_type')}, not a {ARCHITECTURE}.")
    fields = _fields(config, vocabulary, name)
    if template := _template(folder):
        fields.append(("tokenizer.chat_template", STRING, template))
    tensors = _tensors(folder, bool(config.get("tie_word_embeddings")))
    try:
        with open(out, "wb") as file:
            _write(file, fields, tensors)
    except OSError as error:
        raise SandboxError(f"{out} cannot be written ({error.strerror}).") from None
    return out.stat().st_size


def _read(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SandboxError(
            f"{file} cannot be read ({first_line(error)}); give the folder of a saved nano."
        ) from None


def _tensors(folder: Path, tied: bool) -> dict[str, np.ndarray]:
    """The weights by llama.cpp's names."""
    found = {}
    for name, weight in load(folder, {}, "float32", "cpu").model.state_dict().items():
        stem, _, kind = name.rpartition(".")
        if stem == "lm_head" and tied:
            continue
        if stem in _WHOLE:
            renamed = _WHOLE[stem]
        else:
            _, _, layer, part = stem.split(".", 3)
            renamed = f"blk.{layer}.{_LAYER[part]}"
        found[f"{renamed}.{kind}"] = weight.detach().float().numpy()
    return found


def _fields(
    config: Mapping[str, Any], vocabulary: Mapping[str, Any], name: str
) -> list[tuple[str, int, Any]]:
    rope = config.get("rope_parameters") or {}
    tokens, kinds = _vocabulary(vocabulary, int(config["vocab_size"]))
    arch = ARCHITECTURE
    return [
        ("general.architecture", STRING, arch),
        ("general.name", STRING, name),
        ("general.file_type", UINT32, 0),
        (f"{arch}.block_count", UINT32, config["num_hidden_layers"]),
        (f"{arch}.context_length", UINT32, config["max_position_embeddings"]),
        (f"{arch}.embedding_length", UINT32, config["hidden_size"]),
        (f"{arch}.feed_forward_length", UINT32, config["intermediate_size"]),
        (f"{arch}.attention.head_count", UINT32, config["num_attention_heads"]),
        (f"{arch}.attention.head_count_kv", UINT32, config["num_key_value_heads"]),
        (f"{arch}.attention.key_length", UINT32, config["head_dim"]),
        (f"{arch}.attention.value_length", UINT32, config["head_dim"]),
        (f"{arch}.attention.layer_norm_rms_epsilon", FLOAT32, config["rms_norm_eps"]),
        (f"{arch}.rope.freq_base", FLOAT32, rope.get("rope_theta", config.get("rope_theta", 1e6))),
        (f"{arch}.vocab_size", UINT32, config["vocab_size"]),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, PRE_TOKENIZER),
        ("tokenizer.ggml.tokens", STRING, tokens),
        ("tokenizer.ggml.token_type", INT32, kinds),
        ("tokenizer.ggml.merges", STRING, _merges(vocabulary)),
        ("tokenizer.ggml.eos_token_id", UINT32, _id(config.get("eos_token_id"))),
        ("tokenizer.ggml.padding_token_id", UINT32, _id(config.get("pad_token_id"))),
        ("tokenizer.ggml.add_bos_token", BOOL, False),
    ]


def _vocabulary(vocabulary: Mapping[str, Any], size: int) -> tuple[list[str], list[int]]:
    """Every token and its kind; numbers that have none are filled up."""
    ids = [*vocabulary["model"]["vocab"].values(), *(added["id"] for added in vocabulary["added_tokens"])]
    if max(ids) >= size:
        raise SandboxError(
            f"The tokenizer has {max(ids) + 1} tokens and the model {size}; save both of one training."
        )
    tokens, kinds = [f"[unused_{i}]" for i in range(size)], [NORMAL] * size
    for token, i in vocabulary["model"]["vocab"].items():
        tokens[i] = token
    for added in vocabulary["added_tokens"]:
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = CONTROL if added.get("special") else NORMAL
    return tokens, kinds


def _merges(vocabulary: Mapping[str, Any]) -> list[str]:
    """Pairs that the tokenizer joins; where it joins none one that never comes, for there must be one."""
    found = vocabulary["model"].get("merges") or [["a", "b"]]
    return [pair if isinstance(pair, str) else " ".join(pair) for pair in found]


def _template(folder: Path) -> str:
    """The chat template beside a tokenizer, or within its configuration; empty where there is none."""
    own, config = folder / "chat_template.jinja", folder / "tokenizer_config.json"
    if own.is_file():
        return own.read_text(encoding="utf-8")
    found = _read(config).get("chat_template") if config.is_file() else None
    return found if isinstance(found, str) else ""


def _id(value: Any) -> int:
    return int(value[0] if isinstance(value, list) else value or 0)


def _write(file: BinaryIO, fields: Sequence[tuple[str, int, Any]], tensors: Mapping[str, np.ndarray]) -> None:
    file.write(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(fields)))
    for key, kind, value in fields:
        file.write(_text(key))
        if isinstance(value, list):
            file.write(struct.pack("<IIQ", ARRAY, kind, len(value)))
            file.write(b"".join(_value(kind, each) for each in value))
        else:
            file.write(struct.pack("<I", kind) + _value(kind, value))
    at = 0
    for name, weight in tensors.items():
        shape = weight.shape[::-1]
        file.write(_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, at))
        at += _padded(weight.nbytes)
    file.write(bytes(_padded(file.tell()) - file.tell()))
    for weight in tensors.values():
        file.write(np.ascontiguousarray(weight, "<f4").tobytes())
        file.write(bytes(_padded(weight.nbytes) - weight.nbytes))


def _value(kind: int, value: Any) -> bytes:
    if kind == STRING:
        return _text(value)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def _text(text: str) -> bytes:
    coded = text.encode()
    return struct.pack("<Q", len(coded)) + coded


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
