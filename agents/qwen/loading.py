"""Finding and loading a Qwen3 checkpoint: quiet, offline unless told otherwise, clear about what is wrong."""

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from sandbox.errors import SandboxError, unknown_name

MODEL_TYPES = ("qwen3", "qwen3_moe")
DTYPES = ("float32", "bfloat16", "float16")
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
HEADROOM = 1.15
"""Memory asked for per byte of weights: what the activations and caches of a micro-batch take is small."""
_FILES = ["*.json", "*.safetensors", "*.txt", "*.jinja", "*.model"]


class Loaded(NamedTuple):
    """A checkpoint in memory."""

    model: Any
    tokenizer: Any
    folder: Path


def load(
    model: str | Path,
    adapters: Mapping[str, str | Path],
    dtype: str = "auto",
    device: str = "auto",
    allow_download: bool = False,
    any_model: bool = False,
) -> Loaded:
    """Load the Qwen3 checkpoint `model` (hub id, folder or .gguf file) with LoRA `adapters`, ready to infer.

    With `any_model` it may be another causal model that transformers loads.

    `dtype` "auto" is float32 on a CPU, where bfloat16 is several times slower, and that of the checkpoint
    elsewhere. Raises SandboxError for whatever stands in the way.
    """
    _require("torch", "transformers", *(["peft"] if adapters else []))
    file = gguf_file(model)
    if file is None:
        folder = find(model, "config.json", allow_download)
        config = read_config(folder, model, any_model)
    else:
        _require("gguf")
        folder = file.parent
        config = _checked_kind(_gguf_config(file), model, any_model)
    device, dtype = _device(device), _dtype(dtype)
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else _stored_dtype(config)
    lora = {name: find(path, "adapter_config.json", allow_download) for name, path in adapters.items()}
    check_memory(config, dtype, device, model)
    with quiet():
        loaded = _load_model(folder, dtype, device, model, file)
        check_finite(loaded.named_parameters(), f"The weights of {str(model)!r}", "checkpoint")
        tokenizer = _load_tokenizer(folder, model, file)
        for name, path in lora.items():
            loaded = _with_adapter(loaded, name, path, adapters[name])
            own = ((key, weight) for key, weight in loaded.named_parameters() if f".{name}." in key)
            check_finite(own, f"Adapter {str(adapters[name])!r}", "adapter")
    loaded.eval()
    return Loaded(loaded, tokenizer, folder)


def find(model: str | Path, marker: str, allow_download: bool = False) -> Path:
    """The folder of `model`, a folder that holds the file `marker` or a hub id. Raises SandboxError."""
    name = str(model)
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / marker).is_file():
            raise SandboxError(f"Folder {name!r} has no {marker}; give a folder that save_pretrained wrote.")
        return folder
    if isinstance(model, Path) or _looks_like_path(name):
        raise SandboxError(f"Model folder {name!r} does not exist; give a folder with {marker}, or a hub id.")
    return _from_hub(name, marker, allow_download)


def gguf_file(model: str | Path) -> Path | None:
    """The file, where `model` is one of llama.cpp's format. Raises SandboxError where it is not there."""
    file = Path(str(model)).expanduser()
    if file.suffix.lower() != ".gguf":
        return None
    if not file.is_file():
        raise SandboxError(f"Model file {str(model)!r} does not exist; give a .gguf file, or a folder.")
    return file


def _gguf_config(file: Path) -> Any:
    from transformers import AutoConfig

    try:
        with quiet():
            return AutoConfig.from_pretrained(file.parent, gguf_file=file.name, local_files_only=True)
    except Exception as error:
        raise SandboxError(
            f"{file} cannot be read as GGUF ({first_line(error)}); serve it with llama.cpp and use --server."
        ) from None


def _checked_kind(config: Any, model: str | Path, any_model: bool) -> Any:
    """`config`, if it is of a model that may decide. Raises SandboxError otherwise."""
    kind = config.model_type
    if kind not in MODEL_TYPES and not any_model:
        raise SandboxError(
            f"Model {str(model)!r} is a {kind}, not a Qwen3; give a checkpoint of model_type "
            f"{' or '.join(MODEL_TYPES)}, allow it with --any-model, or serve it and use --server."
        )
    return config


def read_config(folder: Path, model: str | Path, any_model: bool = False) -> Any:
    """The configuration of a checkpoint. Raises SandboxError unless it is a Qwen3, or `any_model` may be."""
    file = folder / "config.json"
    try:
        kind = json.loads(file.read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise SandboxError(f"{file} cannot be read ({error}); save the checkpoint again.") from None
    if kind not in MODEL_TYPES and not any_model:
        raise SandboxError(
            f"Model {str(model)!r} is a {kind}, not a Qwen3; give a checkpoint of model_type "
            f"{' or '.join(MODEL_TYPES)}, allow it with --any-model, or serve it and use --server."
        )
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise SandboxError(f"{file} is not a valid configuration: {first_line(error)}.") from None


def weight_bytes(config: Any, dtype: str) -> int:
    """Bytes of the weights of a model with this configuration, counted on a device that allocates nothing."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"), quiet():
        model = AutoModelForCausalLM.from_config(config)
    return sum(p.numel() for p in model.parameters()) * BYTES[dtype]


def check_memory(config: Any, dtype: str, device: str, model: str | Path) -> None:
    """Raises SandboxError where the weights would not fit into what is free on `device`."""
    free = free_memory(device)
    needed = int(weight_bytes(config, dtype) * HEADROOM)
    if free is not None and needed > free:
        raise SandboxError(
            f"Model {str(model)!r} in {dtype} needs about {needed / 1e9:.1f} GB on {device}, where "
            f"{free / 1e9:.1f} GB are free; take a smaller Qwen3, dtype bfloat16, or a server."
        )


def check_finite(weights: Iterable[tuple[str, Any]], what: str, kind: str) -> None:
    """Raises SandboxError where one of the named weights holds a NaN or an infinity.

    Such a model computes no scores, and which decision that comes to would be an accident.
    """
    import torch

    for name, weight in weights:
        if weight.is_floating_point() and weight.numel() and weight.device.type != "meta":
            low, high = torch.aminmax(weight.detach())  # either is NaN where any number is
            if not (torch.isfinite(low) and torch.isfinite(high)):
                raise SandboxError(
                    f"{what}: {name} holds numbers that are not finite; train or save the {kind} again, or "
                    "load it in the dtype that it was trained in."
                )


def free_memory(device: str) -> int | None:
    """Bytes that are free on `device`; None where that is unknown."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.mem_get_info(device)[0]
    try:
        import psutil
    except ImportError:
        return None
    return psutil.virtual_memory().available


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, advice or announcements from transformers and peft while this lasts."""
    from huggingface_hub.utils import are_progress_bars_disabled
    from huggingface_hub.utils import disable_progress_bars as hub_off
    from huggingface_hub.utils import enable_progress_bars as hub_on
    from transformers.utils import logging

    bars, verbosity, hub_bars = (
        logging.is_progress_bar_enabled(),
        logging.get_verbosity(),
        not are_progress_bars_disabled(),
    )
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    hub_off()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
        if hub_bars:
            hub_on()


def first_line(error: BaseException) -> str:
    """What an error says, without its explanations and its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _require(*packages: str) -> None:
    missing = []
    for package in packages:
        try:
            import_module(package)
        except ImportError:
            missing.append(package)
    if missing == ["gguf"]:  # for such files alone, so in no extra
        raise SandboxError("A .gguf file in this process needs gguf; install with: pip install gguf.")
    if missing:
        raise SandboxError(
            f"A Qwen3 in this process needs {' and '.join(missing)}; "
            "install with: pip install 'orbital-autonomy-sandbox[qwen]'."
        )


def _looks_like_path(name: str) -> bool:
    """A hub id is `name` or `owner/name`; anything else can only be a folder."""
    return name.startswith((".", "~", os.sep)) or "\\" in name or name.count("/") > 1


def _from_hub(name: str, marker: str, allow_download: bool) -> Path:
    from huggingface_hub import errors, snapshot_download

    try:
        folder = snapshot_download(name, local_files_only=not allow_download, allow_patterns=_FILES)
    except errors.HFValidationError:
        raise SandboxError(f"{name!r} is neither a folder nor a hub id such as Qwen/Qwen3-0.6B.") from None
    except errors.RepositoryNotFoundError:
        raise SandboxError(f"Model {name!r} is not on the hub, or needs a login; check its name.") from None
    except Exception as error:  # the hub's client raises those of its HTTP library as well
        if not allow_download:
            raise SandboxError(
                f"Model {name!r} is not on this machine; give a folder that holds it, or allow the "
                "download (--allow-download, or allow_download=True)."
            ) from None
        raise SandboxError(
            f"Model {name!r} cannot be downloaded ({first_line(error)}); connect to the network and unset "
            "HF_HUB_OFFLINE, or give a folder that holds it."
        ) from None
    if not (Path(folder) / marker).is_file():
        raise SandboxError(f"The copy of {name!r} on this machine has no {marker}; download it again.")
    return Path(folder)


def _dtype(dtype: str) -> str:
    if dtype not in (*DTYPES, "auto"):
        raise unknown_name("dtype", dtype, (*DTYPES, "auto"))
    return dtype


def _stored_dtype(config: Any) -> str:
    stored = str(config.dtype).removeprefix("torch.")
    return stored if stored in DTYPES else "bfloat16"


def _device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except Exception as error:
        raise SandboxError(
            f"Device {device!r} cannot be used here ({first_line(error)}); take cpu or auto."
        ) from None
    return device


def _load_model(folder: Path, dtype: str, device: str, model: str | Path, file: Path | None) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True, **_in_file(file)
        )
        return loaded.to(device)
    except Exception as error:
        raise SandboxError(
            f"The weights of {str(model)!r} cannot be loaded ({first_line(error)}); "
            "they are missing, incomplete or of another shape."
        ) from None


def _in_file(file: Path | None) -> dict[str, str]:
    return {} if file is None else {"gguf_file": file.name}


def _load_tokenizer(folder: Path, model: str | Path, file: Path | None) -> Any:
    from transformers import AutoTokenizer

    if file is None and not any(
        (folder / file).is_file() for file in ("tokenizer.json", "vocab.json", "tokenizer.model")
    ):
        raise SandboxError(  # transformers would make an empty one
            f"The tokenizer of {str(model)!r} is missing; copy tokenizer.json and tokenizer_config.json "
            "beside the weights."
        )
    try:
        loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, **_in_file(file))
        return loaded if file is None else _with_whole_tags(loaded)
    except Exception as error:
        raise SandboxError(
            f"The tokenizer of {str(model)!r} cannot be loaded ({first_line(error)}); "
            "copy tokenizer.json and tokenizer_config.json again."
        ) from None


def _with_whole_tags(tokenizer: Any) -> Any:
    """A tokenizer of a GGUF file, which would cut the tags of thoughts into pieces."""
    from transformers import AddedToken

    known = tokenizer.get_vocab()
    tags = [tag for tag in ("<think>", "</think>") if tag in known]
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in tags])
    return tokenizer


def _with_adapter(model: Any, name: str, folder: Path, given: str | Path) -> Any:
    from peft import PeftModel

    try:
        if isinstance(model, PeftModel):
            model.load_adapter(folder, adapter_name=name)
            return model
        return PeftModel.from_pretrained(model, folder, adapter_name=name)
    except Exception as error:
        raise SandboxError(
            f"Adapter {str(given)!r} does not fit the model ({first_line(error)}); "
            "give a LoRA that peft trained on this checkpoint."
        ) from None
