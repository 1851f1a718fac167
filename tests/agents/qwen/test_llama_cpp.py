"""The nano behind a real llama.cpp decides as it does here. Skipped where there is no llama.cpp."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from shutil import which

import numpy as np
import pytest

from agents.qwen.decisions import Request
from agents.qwen.gguf import write_gguf
from agents.qwen.nano import FOLDER, NanoEngine
from agents.qwen.server import ServerEngine
from envs import tasking_v0
from envs.reports import Reporter

START_S = 120.0
NEAR = 5e-3
"""Of probabilities: llama.cpp keeps keys and values in half precision."""
IN_PYTHON = """
import sys, time
from xllamacpp import CommonParams, Server
params = CommonParams()
params.model.path, params.hostnames, params.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
params.n_ctx, params.n_parallel, params.warmup = 1024, 1, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = Server(params)
while True:
    time.sleep(60)
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def command(model, port):
    """How llama.cpp serves a file, by what is installed; None where nothing is."""
    if program := which("llama-server"):
        return [program, "-m", str(model), "--port", str(port), "-c", "1024", "--parallel", "1", "-t", "1"]
    if find_spec("xllamacpp"):
        return [sys.executable, "-c", IN_PYTHON, str(model), str(port)]
    return None


def answers(address):
    try:
        with urllib.request.urlopen(f"{address}/v1/models", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("gguf"), free_port()
    serve = command(folder / "nano.gguf", port)
    if serve is None:
        pytest.skip("no llama.cpp: neither llama-server on the path nor the package xllamacpp")
    write_gguf(FOLDER, folder / "nano.gguf")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(serve, stdout=log, stderr=log)
        try:
            address, until = f"http://127.0.0.1:{port}", time.monotonic() + START_S
            while not answers(address) and process.poll() is None and time.monotonic() < until:
                time.sleep(0.2)
            if process.poll() is not None:
                pytest.fail(f"llama.cpp ended: {(folder / 'log').read_text()[-2000:]}")
            yield address
        finally:
            process.kill()
            process.wait()


def test_the_nano_behind_llama_cpp_decides_as_here(server):
    reporter, rng = Reporter(tasking_v0.batch_env("scs01").problem), np.random.default_rng(0)
    requests = []
    for satellite in range(24):
        mask = (rng.random(len(reporter.actions)) < 0.6).astype(np.int8)
        mask[:2] = 1
        observation = rng.uniform(-1.0, 1.0, len(reporter.layout)).astype(np.float32)
        requests.append(Request(observation, mask, reporter, satellite))
    here, there = NanoEngine(), ServerEngine(server, dialect="dense", timeout_s=60.0)
    try:
        for one, other in zip(here.decide(requests), there.decide(requests), strict=True):
            assert not other.fell_back
            np.testing.assert_allclose(one.probabilities, other.probabilities, atol=NEAR)
            best = np.sort(one.probabilities)[-2:]
            assert one.action == other.action or best[1] - best[0] < 2 * NEAR
    finally:
        here.close()
        there.close()
