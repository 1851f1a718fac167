"""The command that writes a checkpoint for llama.cpp leaves when the file is there."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LONG_S = 120
"""A process that is still there after so long does not end."""


def test_the_command_ends(checkpoint, tmp_path):
    file, record = tmp_path / "small.gguf", tmp_path / "told.json"
    command = [sys.executable, "-m", "experiments", "export_gguf", str(file), "--model", str(checkpoint)]
    done = subprocess.run(
        [*command, "--json", str(record)], capture_output=True, text=True, timeout=LONG_S, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(file))
    assert file.read_bytes()[:4] == b"GGUF"
    assert json.loads(record.read_text())[0]["bytes"] == file.stat().st_size
    assert {path.name for path in tmp_path.iterdir()} == {file.name, record.name}
