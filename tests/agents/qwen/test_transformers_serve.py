"""The real thing: `transformers serve` with the small checkpoint on a free port of this machine."""

import os
import socket
import subprocess
import sys
import time
from urllib.request import urlopen

import numpy as np
import pytest

from agents.qwen.server import ServerEngine

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("openai")
START_S = 120.0
RUN = "from transformers.cli.transformers import main; main()"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def serving(checkpoint, tmp_path_factory):
    """(URL, model) of the server; the hub's cache has to exist, or its list of models fails."""
    port, cache = free_port(), tmp_path_factory.mktemp("hub")
    log = (tmp_path_factory.mktemp("serve") / "log.txt").open("w+")
    command = [sys.executable, "-c", RUN, "serve", str(checkpoint), "--device", "cpu"]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env=os.environ | {"HF_HUB_CACHE": str(cache), "OMP_NUM_THREADS": "1"},
        stdout=log,
        stderr=log,
    )
    try:
        deadline = time.monotonic() + START_S
        while not healthy(port):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                pytest.fail(f"transformers serve did not start:\n{log.read()[-3000:]}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1", str(checkpoint)
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def healthy(port):
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as reply:
            return reply.status == 200
    except OSError:
        return False


def test_auto_takes_the_decision_endpoint(serving, requests_seen):
    """Its probabilities are those of the pipeline on the same question."""
    pytest.importorskip("transformers.decision")
    from transformers import pipeline

    url, model = serving
    engine = ServerEngine(url, model, retries=0, debias="none")
    assert engine.dialect.name == "systemone"
    decisions = engine.decide(requests_seen[:4])
    pipe = pipeline("decision", model=model)
    for request, decision in zip(requests_seen[:4], decisions, strict=True):
        assert (decision.finish, decision.fell_back, decision.output_tokens) == ("choice", False, 0)
        assert not decision.estimated
        asked = {
            "state": f"{request.reporter.briefing}\n{request.reporter.situation(request.observation)}",
            "questions": {
                "decision": {
                    "type": "choice",
                    "instructions": "What do you decide?",
                    "criteria": {
                        request.reporter.actions[i]: request.reporter.phrases[i] for i in request.legal
                    },
                }
            },
        }
        expected = list(pipe(asked)["decision"]["probabilities"].values())
        np.testing.assert_allclose(decision.probabilities[request.legal], expected, atol=1e-5)
    engine.close()


def test_what_it_ignores_is_found_out(serving, requests_seen):
    """It ignores `logprobs` and `response_format` and refuses `structured_outputs`."""
    from sandbox.errors import SandboxError

    url, model = serving
    for dialect in ("logprobs", "choice", "json", "decisions"):
        with pytest.raises(SandboxError, match=rf"does not decide .*\({dialect}: "):
            ServerEngine(url, model, dialect=dialect, retries=0)


def test_plain_chat_of_an_untrained_model_falls_back(serving, requests_seen):
    url, model = serving
    engine = ServerEngine(url, model, dialect="text", retries=0)
    for request, decision in zip(requests_seen[:2], engine.decide(requests_seen[:2]), strict=True):
        assert decision.fell_back == (decision.finish in ("unreadable", "illegal"))
        assert request.mask[decision.action]
        assert decision.prompt_tokens > 100
        assert not decision.estimated
    engine.close()


def test_thinking_is_cut_at_the_budget(serving, requests_seen):
    url, model = serving
    engine = ServerEngine(url, model, thinking=12, retries=0, debias="none")
    for request, decision in zip(requests_seen[:2], engine.decide(requests_seen[:2]), strict=True):
        assert decision.output_tokens <= 12
        assert decision.finish in ("length", "stop")
        assert request.mask[decision.action]
        assert decision.probabilities.sum() == pytest.approx(1.0)
    engine.close()
