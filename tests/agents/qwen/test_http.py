"""The client: addresses, retries, waits, and failures that are told apart."""

import time

import pytest
from fake_server import FakeServer

from agents.qwen.http import Client, base_url


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
