"""The client: addresses, retries, waits, and failures that are told apart."""

import json
import time

import pytest
from fake_server import FakeServer

from agents.qwen.http import Client, base_url
from sandbox.errors import SandboxError


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("https://host/models/v1", "https://host/models/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_addresses(given, url):
    assert base_url(given) == url


def client(server, **options):
    return Client(server.url, **{"backoff_s": 0.01, "timeout_s": 5.0} | options)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_transient_statuses_are_tried_again(status):
    with FakeServer(lambda *asked: (status, {"error": "later"})) as server:
        reply = client(server, retries=2).send("GET", "/models")
        assert len(server.seen) == 3
    assert (reply.status, reply.ok, reply.refused) == (status, False, False)


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_refusals_are_not(status):
    with FakeServer(lambda *asked: (status, {})) as server:
        reply = client(server, retries=2).send("POST", "/x", {})
        assert len(server.seen) == 1
    assert (reply.ok, reply.refused) == (False, True)


def test_garbage_is_tried_again_and_an_error():
    with FakeServer(lambda *asked: (200, b"<html>")) as server:
        reply = client(server, retries=1).send("GET", "/models")
        assert len(server.seen) == 2
    assert (reply.failure, reply.ok) == ("error", False)


def test_a_late_reply_is_a_timeout():
    with FakeServer(lambda *asked: (200, {}, 2.0)) as server:
        reply = client(server, retries=0, timeout_s=0.2).send("GET", "/models")
    assert (reply.failure, reply.why) == ("timeout", "no answer in 0.2 s")


def test_a_cut_connection_is_an_error():
    class Cut(FakeServer):
        def reply(self, handler, method, body):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")

    with Cut(None) as server:
        reply = client(server, retries=0).send("GET", "/models")
    assert reply.failure == "error"


def test_nobody_there_is_an_error():
    reply = Client("http://127.0.0.1:9", retries=0).send("GET", "/models")
    assert (reply.failure, reply.ok, reply.refused) == ("error", False, False)


def test_waits_double_within_their_jitter(monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    Client("http://127.0.0.1:9", retries=5, backoff_s=1.0).send("GET", "/models")
    assert len(waits) == 5
    for attempt, wait_s in enumerate(waits):
        assert 0.5 * 2**attempt <= wait_s <= 1.5 * 2**attempt


def test_the_server_says_how_long_to_wait(monkeypatch):
    with FakeServer(lambda *asked: (429, {}, 0.0, {"Retry-After": "7"})) as server:
        waits = []
        monkeypatch.setattr("agents.qwen.http.time.sleep", waits.append)
        server.answer = lambda *asked: (429, {}, 0.0, {"Retry-After": "7"})
        client(server, retries=1).send("GET", "/models")
    assert 7.0 in waits


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with FakeServer(lambda *asked: (200, {"fine": True})) as server:
        assert client(server).send("GET", "/models").json == {"fine": True}


DEEP = {"error": {"error": {"error": {"error": {"error": "deep"}}}}}
KEY = "sk-hidden-0123456789"


class Elsewhere:
    """A server that sends on every request to `target`, and one that notes what reaches it."""

    def __init__(self, code, target):
        self.code, self.target = code, target

    def __call__(self, method, path, body):
        return self.code, b"moved", 0.0, {"Location": self.target}


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", {"a": 1})])
@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/v1/models", "//127.0.0.1:{port}/x", "http://localhost:{port}"]
)
def test_a_redirect_to_another_server_is_refused(code, method, body, target):
    with FakeServer(lambda *asked: (200, {})) as sink:
        target = target.format(port=sink.server.server_address[1])
        with FakeServer(Elsewhere(code, target)) as server:
            reply = client(server, key=KEY, retries=2).send(method, "/models", body)
            assert len(server.seen) == 1, "it would lead there again"
        assert sink.seen == []
    assert not reply.ok
    assert f"redirects to http://{'localhost' if 'localhost' in target else '127.0.0.1'}:" in reply.reason
    assert KEY not in repr(reply)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", {"a": 1})])
def test_a_redirect_on_the_server_is_followed_as_it_was_sent(code, method, body):
    def answer(verb, path, said):
        return (
            (code, b"", 0.0, {"Location": "/v1/there/"})
            if path == "/here"
            else (200, {"verb": verb, "said": said})
        )

    with FakeServer(answer) as server:
        reply = client(server, key=KEY).send(method, "/here", body)
    if method == "POST" and code == 303:
        assert "redirects to a page" in reply.reason
        return
    assert reply.json == {"verb": method, "said": body}
    assert [headers.get("Authorization") for *_, headers in server.seen] == [f"Bearer {KEY}"] * 2


def test_redirects_without_end_do_end():
    with FakeServer(Elsewhere(307, "/v1/models")) as server:
        reply = client(server).send("GET", "/models")
        assert len(server.seen) <= 6
    assert "without end" in reply.reason


def test_a_redirect_to_a_file_reads_none():
    with FakeServer(Elsewhere(302, "file:///etc/hostname")) as server:
        assert not client(server).send("GET", "/models").ok


@pytest.mark.parametrize(
    "key",
    [
        "hidden\n",
        "hidden\r\nX-Evil: 1",
        "hid\nden",
        "hidden\n folded",
        "hidd€n",
        "ключ-hidden",
        "hidden\x00",
        "hidden\x7f",
        "hid\u2028den",
        "\ud800hidden",
        "hidden\t",
    ],
)
def test_a_key_that_no_header_holds_is_one_sentence_without_it(key):
    with pytest.raises(
        SandboxError, match=r"^The API key has .* in it; set it again to the key alone\.$"
    ) as caught:
        Client("http://127.0.0.1:9", key)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_is_shown_to_the_server_alone():
    """Not even where the server says it back, in a reply or in why it refuses."""
    for answer in (
        (200, {"echo": [f"<{KEY}>"], KEY: 1}),
        (401, {"error": {"message": f"bad key {KEY}"}}),
        (403, f"bad key {KEY}".encode()),
        (200, json.dumps({"k": KEY}).replace("-", "\\u002d").encode()),
    ):
        with FakeServer(lambda *asked, answer=answer: answer) as server:
            asking = client(server, key=KEY)
            reply = asking.send("POST", "/x", {})
            assert server.seen[0][2]["Authorization"] == f"Bearer {KEY}"
        assert KEY not in repr(reply) + reply.reason + repr(vars(asking)["_key"]) + repr(asking)
        assert "***" in repr(reply) + reply.reason


def test_a_placeholder_for_a_key_leaves_answers_alone():
    with FakeServer(lambda *asked: (200, {"text": "EMPTY or B"})) as server:
        assert client(server, key="EMPTY").send("GET", "/x").json == {"text": "EMPTY or B"}
        assert client(server, key="B").send("GET", "/x").json == {"text": "EMPTY or B"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "no such model", "type": "x", "code": 404}}, "no such model"),
        ({"object": "error", "message": "No model `q`.", "code": 404}, "No model `q`."),
        ({"error": "model 'q' not found, try pulling it first"}, "model 'q' not found, try pulling it first"),
        ({"detail": "Not Found"}, "Not Found"),
        (
            {"detail": [{"loc": ["body", "max_tokens"], "msg": "Extra inputs", "type": "x"}]},
            "body.max_tokens: Extra inputs",
        ),
        ({"detail": {"message": "no room"}}, "no room"),
        ({"code": "InvalidParameter", "message": "must be set", "request_id": "1"}, "must be set"),
        ([{"error": {"code": 400, "message": "API key not valid."}}], "API key not valid."),
        ({"errors": [{"message": "first"}, {"message": "second"}]}, "first; second"),
        (
            {"error": {"message": "Provider returned error", "metadata": {"raw": "too long"}}},
            "Provider returned error (too long)",
        ),
        ("just so", "just so"),
        (b"plain  text\n", "plain text"),
        (b"<!DOCTYPE html><style>p{}</style><p>502 Bad&nbsp;Gateway</p>", "502 Bad Gateway"),
        (b"\x1b[31mred\x1b[0m\x07", "red"),
        ({}, ""),
        ([], ""),
        (None, ""),
        (5, ""),
        ({"error": None}, ""),
        (DEEP, ""),
    ],
)
def test_the_servers_own_words(body, said):
    with FakeServer(lambda *asked: (400, body)) as server:
        reply = client(server).send("POST", "/x", {})
    assert reply.said == said
    assert reply.reason == (f"status 400: {said}" if said else "status 400")


def test_the_servers_words_are_shortened():
    for body in ({"error": "x" * 10**6}, b"x" * 10**6, {"detail": [{"msg": "y" * 10**5}] * 50}):
        with FakeServer(lambda *asked, body=body: (400, body)) as server:
            assert len(client(server).send("POST", "/x", {}).reason) < 350


def test_a_reply_is_bounded_in_size(monkeypatch):
    monkeypatch.setattr("agents.qwen.http.LARGEST_BODY", 1000)
    with FakeServer(lambda *asked: (200, {"a": "x" * 2000})) as server:
        reply = client(server, retries=2).send("GET", "/models")
        assert len(server.seen) == 1
    assert (reply.failure, reply.json) == ("error", None)


class Streaming(FakeServer):
    """Sends a piece of a body now and then, without end."""

    piece, pause_s = b"x", 0.05

    def reply(self, handler, method, body):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        try:
            for _ in range(200):
                handler.wfile.write(self.piece)
                time.sleep(self.pause_s)
        except OSError:
            pass  # the client has gone


def test_a_stream_without_end_is_a_timeout():
    with Streaming(None) as server:
        begun = time.monotonic()
        reply = client(server, retries=0, timeout_s=0.4).send("GET", "/models")
    assert (reply.failure, reply.why) == ("timeout", "no answer in 0.4 s")
    assert time.monotonic() - begun < 8.0


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"1" * 100_000,
        b"\xff\xfe",
        b"",
        b"NaNa",
        b'{"a": "\\ud800"}',
        b"1e999",
    ],
)
def test_any_body_is_a_reply(body):
    with FakeServer(lambda *asked: (200, body)) as server:
        reply = client(server, retries=0).send("GET", "/models")
    assert reply.ok or reply.failure == "error"
    json.dumps(reply._asdict(), ensure_ascii=False).encode()  # as a cassette holds it


@pytest.mark.parametrize("header", ["²", "-1", "soon", "1e9", "nan", "", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_odd_waits_are_ours(monkeypatch, header):
    with FakeServer(
        lambda *asked: (429, {}, 0.0, {"Retry-After": header.encode().decode("latin-1")})
    ) as server:
        waits = []
        monkeypatch.setattr("agents.qwen.http.time.sleep", waits.append)
        client(server, retries=1).send("GET", "/models")
    assert waits
    assert all(0 <= wait_s <= 30 for wait_s in waits)


@pytest.mark.parametrize(
    ("prefix", "given"),
    [
        ("/v1", ""),
        ("/v1", "/"),
        ("", ""),
        ("/api/v1", "/api/v1"),
        ("/api/v3", "/api/v3/"),
        ("/openai", "/openai"),
        ("/openai/v1", "/openai"),
        ("/v1beta/openai", "/v1beta/openai"),
        ("/v1", "/v1/chat/completions"),
        ("/v2/v1", "/v2"),
    ],
)
@pytest.mark.parametrize("lists", [True, False])
def test_any_base_is_found(prefix, given, lists):
    def answer(method, path, body):
        if method == "GET" and path == f"{prefix}/models" and lists:
            return 200, {"data": []}
        if method == "POST" and path == f"{prefix}/chat/completions":
            return (200, {"choices": []}) if body else (422, {"detail": "messages are missing"})
        return 404, {"detail": "Not Found"}

    with Whole(answer) as server:
        asking = Client(server.root + given, retries=0, timeout_s=5.0)
        asking.settle()
        assert asking.send("POST", "/chat/completions", {"messages": []}).ok


class Whole(FakeServer):
    """Answers paths with their beginning."""

    def __init__(self, answer):
        super().__init__(answer)
        self.root = self.url.removesuffix("/v1")

    def reply(self, handler, method, body):
        handler.path = "/v1" + handler.path
        super().reply(handler, method, body)


def test_settling_asks_a_dead_server_once():
    begun = time.monotonic()
    asking = Client("http://127.0.0.1:9/openai", retries=3, backoff_s=5.0)
    asking.settle()
    assert time.monotonic() - begun < 4.0
    assert asking.url == "http://127.0.0.1:9/openai"
