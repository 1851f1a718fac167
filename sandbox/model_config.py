"""Models by their Hugging Face configuration."""

import json
from pathlib import Path
from typing import Any

from sandbox.compute import ModelProfile
from sandbox.errors import SandboxError

__all__ = ["model_from_config"]

_KINDS = ("qwen3", "qwen3_moe", "qwen2", "llama", "mistral")


def model_from_config(path: str | Path) -> ModelProfile:
    """The model of a Hugging Face `config.json`, or of the folder that holds one; named after the folder.

    Reads the architectures qwen3, qwen3_moe, qwen2, llama and mistral. Raises SandboxError, with the file and
    the field, for another architecture, a variant that is not modelled, or a number that is not there.
    """
    path = Path(path)
    path = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SandboxError(f"Model config {str(path)!r} cannot be read ({error}).") from None
    if not isinstance(config, dict):
        raise SandboxError(f"{path}: a model config is a JSON object, not {type(config).__name__}.")
    kind = config.get("model_type")
    if kind not in _KINDS:
        raise SandboxError(f"{path}: model_type = {kind!r} is not modelled; known: {', '.join(_KINDS)}.")
    _refuse_variants(path, config)
    mixture = kind == "qwen3_moe"
    heads, hidden = _count(path, config, "num_attention_heads"), _count(path, config, "hidden_size")
    derived = None if kind.startswith("qwen3") else hidden // heads
    bias = bool(config.get("attention_bias", False))
    return ModelProfile(
        name=path.resolve().parent.name,
        layers=_count(path, config, "num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=_count(path, config, "num_key_value_heads", heads),
        head_dim=_count(path, config, "head_dim", derived),
        mlp=_count(path, config, "moe_intermediate_size" if mixture else "intermediate_size"),
        vocab=_count(path, config, "vocab_size"),
        tied=bool(config.get("tie_word_embeddings", False)),
        context=_count(path, config, "max_position_embeddings"),
        experts=_count(path, config, "num_experts", config.get("num_local_experts")) if mixture else 0,
        active_experts=_count(path, config, "num_experts_per_tok") if mixture else 0,
        qk_norm=kind.startswith("qwen3"),
        qkv_bias=bias or kind == "qwen2",
        output_bias=bias and kind != "qwen2",
    )


def _count(path: Path, config: dict[str, Any], field: str, otherwise: Any = None) -> int:
    value = config.get(field)
    value = otherwise if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SandboxError(f"{path}: {field} = {value!r}; a whole number above 0 is needed.")
    return value


def _refuse_variants(path: Path, config: dict[str, Any]) -> None:
    """Fields that change the weights in ways that are not modelled."""
    plain = {"mlp_bias": False, "decoder_sparse_step": 1, "mlp_only_layers": []}
    for field, value in plain.items():
        if config.get(field) not in (None, value):
            raise SandboxError(f"{path}: {field} = {config[field]!r} is not modelled; only {value!r} is.")
