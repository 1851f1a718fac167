"""A server of a model on the loopback, whose manners a test chooses."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 321, "completion_tokens": 1, "total_tokens": 322}
MODELS = {"object": "list", "data": [{"id": "Qwen/Qwen3-8B", "object": "model"}]}


class FakeServer:
    """Answers `answer(method, path, body)` with (status, JSON or bytes[, seconds to wait[, headers]])."""

    def __init__(self, answer: Callable[[str, str, Any], tuple]) -> None:
        self.answer, self.seen, self.lock = answer, [], threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.reply(self, "GET", None)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.reply(self, "POST", body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def reply(self, handler: BaseHTTPRequestHandler, method: str, body: Any) -> None:
        path = handler.path.removeprefix("/v1")
        with self.lock:
            self.seen.append((path, body, dict(handler.headers)))
        status, content, *rest = self.answer(method, path, body)
        wait_s, headers = (*rest, *(0.0, {})[len(rest) :])
        time.sleep(wait_s)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
        except ConnectionError:
            pass  # the client has stopped waiting

    def bodies(self, path: str = "/chat/completions") -> list[Any]:
        return [body for seen, body, _ in self.seen if seen == path]

    def __enter__(self) -> "FakeServer":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def chat(content: str | None, finish: str = "stop", usage: dict | None = USAGE, **message: Any) -> dict:
    """A chat reply."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish,
    }
    return {"object": "chat.completion", "choices": [choice]} | ({"usage": usage} if usage else {})


class Manners:
    """How one kind of server behaves. What it cannot do is refused with 404 or ignored, as the kinds do."""

    models: Any = (200, MODELS)

    def __call__(self, method: str, path: str, body: Any) -> tuple:
        if path == "/models":
            return self.models
        handler = {"/chat/completions": "chat", "/systemone": "systemone", "/decisions": "decisions"}.get(
            path
        )
        return getattr(self, handler, self.unknown)(body)

    def unknown(self, body: Any) -> tuple:
        return 404, {"detail": "Not Found"}

    def chat(self, body: Any) -> tuple:
        return 200, chat(self.say(body))

    def say(self, body: Any) -> str:
        """The answer in words: the last decision of the list, or a greeting where there is none."""
        asked = body["messages"][-1]["content"]
        lines = asked.partition("Decisions:\n")[2].splitlines()
        return ["Hello!", *(line[0] for line in lines if line[1:2] == ":")][-1]


class SystemOneServer(Manners):
    """As vLLM and `transformers serve`: option k of L gets a share of (k + 1) / (1 + ... + L)."""

    limit = 26

    def systemone(self, body: Any) -> tuple:
        (name, question), *_ = body["questions"].items()
        options = list(question["criteria"])
        if len(options) > self.limit:
            return 422, {"detail": "too many options"}
        total = sum(range(1, len(options) + 1))
        shares = {option: (k + 1) / total for k, option in enumerate(options)}
        answer = {"type": "choice", "choice": options[-1], "confidence": 0.5, "probabilities": shares}
        return 200, {"answers": {name: answer}, "usage": {"input_tokens": 300, "output_tokens": 0}}


class DecisionsServer(Manners):
    """As SGLang."""

    def decisions(self, body: Any) -> tuple:
        values = [choice["value"] for choice in body["questions"][0]["choices"]]
        total = sum(range(1, len(values) + 1))
        shares = [{"value": value, "probability": (k + 1) / total} for k, value in enumerate(values)]
        answer = {"type": "choice", "name": "decision", "choice": values[-1], "probabilities": shares}
        return 200, {"answers": [answer], "usage": {"input_tokens": 300, "output_tokens": 0}}


class LogProbsServer(Manners):
    """As llama.cpp: alternatives of the first token, legal or not; A is likeliest, then B and so on."""

    def chat(self, body: Any) -> tuple:
        reply = chat(self.say(body))
        if body.get("logprobs"):
            alternatives = [
                {"token": token, "logprob": -0.5 * k} for k, token in enumerate([*"ABCDEFGHI", " A", "\n"])
            ]
            reply["choices"][0]["logprobs"] = {"content": [{"token": "A", "top_logprobs": alternatives}]}
        return 200, reply


class ChoiceServer(Manners):
    """As vLLM 0.12: obeys `structured_outputs`."""

    def say(self, body: Any) -> str:
        return body.get("structured_outputs", {}).get("choice", [super().say(body)])[-1]


class JsonServer(Manners):
    """As Ollama: obeys `response_format`; turns thinking off by `reasoning_effort` alone."""

    def chat(self, body: Any) -> tuple:
        if body.get("reasoning_effort") != "none":
            return 200, chat("", "length", reasoning="Let me think about that for long.")
        form = body.get("response_format")
        if not form:
            return 200, chat(self.say(body))
        labels = form["json_schema"]["schema"]["properties"]["decision"]["enum"]
        return 200, chat(json.dumps({"decision": labels[-1]}))
