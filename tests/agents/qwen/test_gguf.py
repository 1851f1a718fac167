"""The nano as a file for llama.cpp."""

import struct

import numpy as np
import pytest

from agents.qwen.gguf import ALIGNMENT, write_gguf
from agents.qwen.nano import FOLDER, load_model
from sandbox.errors import SandboxError


def test_the_file_holds_the_weights(tmp_path):
    file = tmp_path / "nano.gguf"
    size = write_gguf(FOLDER, file)
    content = file.read_bytes()
    magic, version, tensors, fields = struct.unpack_from("<4sIQQ", content)
    assert (magic, version, size) == (b"GGUF", 3, len(content))
    assert (tensors, fields) == (2 + 11 * 4, 23)
    assert size % ALIGNMENT == 0
    norm = load_model(FOLDER, None).state_dict()["model.norm.weight"].float().numpy()
    assert np.ascontiguousarray(norm, "<f4").tobytes() in content


def test_a_folder_that_holds_none(tmp_path):
    with pytest.raises(SandboxError, match="give the folder of a saved nano"):
        write_gguf(tmp_path, tmp_path / "out.gguf")
