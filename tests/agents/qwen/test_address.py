"""Addresses of servers: what a user may give, what may be shown of it, and where a redirect may lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.qwen.address import base_url, origin_of, parse, redirected, shown_url
from sandbox.errors import SandboxError


@pytest.mark.parametrize(
    ("given", "bases"),
    [
        ("http://localhost:8000", ["http://localhost:8000/v1", "http://localhost:8000"]),
        (" http://localhost:8000/ \n", ["http://localhost:8000/v1", "http://localhost:8000"]),
        ("http://localhost:8000/v1", ["http://localhost:8000/v1"]),
        ("http://localhost:8000/v1/", ["http://localhost:8000/v1"]),
        ("http://localhost:8000/v1/chat/completions", ["http://localhost:8000/v1"]),
        ("http://localhost:8000/v1/completions/", ["http://localhost:8000/v1"]),
        ("https://host/api/v3", ["https://host/api/v3", "https://host/api/v3/v1"]),
        ("https://host/openai/", ["https://host/openai", "https://host/openai/v1"]),
        ("https://host/v1beta/openai", ["https://host/v1beta/openai", "https://host/v1beta/openai/v1"]),
        ("HTTPS://Host:8443/v1#top", ["https://host:8443/v1"]),
        ("http://[::1]:8000", ["http://[::1]:8000/v1", "http://[::1]:8000"]),
        ("http://bücher.example/v1", ["http://xn--bcher-kva.example/v1"]),
        ("http://host/größe/v1", ["http://host/gr%C3%B6%C3%9Fe/v1"]),
    ],
)
def test_what_an_address_may_stand_for(given, bases):
    assert [base.shown for base in parse(given).candidates()] == bases
    assert base_url(given) == bases[0]


def test_a_query_goes_with_every_request_and_is_not_shown():
    address = parse("https://host/openai/v1?api-version=preview&key=hidden-key")
    assert address.at("/models") == "https://host/openai/v1/models?api-version=preview&key=hidden-key"
    assert address.shown == shown_url("https://host/openai/v1?key=hidden-key") == "https://host/openai/v1"
    assert "hidden-key" in address.secrets


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost:8000", "http://", "http://host:port", "http://host:0", "ftp://host", "file:///etc"),
        *(
            "http://ho st/v1",
            "http://host/v1\r\nX-Evil: 1",
            "http://host/\tv1",
            "http://host/v1\x00",
            "http://a:b:c",
        ),
        *("http://.../v1", "http://host/" + "x" * 10_000 + " y"),
    ],
)
def test_what_is_no_address_is_one_short_sentence(url):
    with pytest.raises(
        SandboxError, match="is not a URL; give one such as http://localhost:8000/v1"
    ) as caught:
        parse(url)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hidden-word@host/v1",
        "http://hidden-word@host",
        "http://me:hidden-word@host:99999/v1",
        "me:hidden-word@host",
        "http://host/v1 ?key=hidden-word",
        "http://a b:hidden-word@host/v1",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(url):
    with pytest.raises(SandboxError) as caught:
        parse(url)
    assert "hidden-word" not in str(caught.value) + shown_url(url)


HERE = "http://127.0.0.1:8000/v1/models?x=1"


@pytest.mark.parametrize(
    ("location", "onward"),
    [
        ("/v1/models/", "http://127.0.0.1:8000/v1/models/"),
        ("http://127.0.0.1:8000/v2/models?a=b", "http://127.0.0.1:8000/v2/models?a=b"),
        ("other", "http://127.0.0.1:8000/v1/other"),
        ("?y=2", "http://127.0.0.1:8000/v1/models?y=2"),
        ("//127.0.0.1:8000/z", "http://127.0.0.1:8000/z"),
        ("HTTP://127.0.0.1:8000/z", "http://127.0.0.1:8000/z"),
        *(
            (elsewhere, None)
            for elsewhere in (
                "http://127.0.0.1:8001/v1/models",
                "https://127.0.0.1:8000/v1/models",
                "http://localhost:8000/v1",
                "//evil.example/v1",
                "http://evil.example",
                "http://127.0.0.1:8000@evil.example/",
                "ftp://127.0.0.1:8000/",
                "http://me@127.0.0.1:8000/",
                "http://127.0.0.1:8000.evil.example/",
                "file:///etc/passwd",
                "data:,x",
                "http://127.0.0.1:80000/",
                "http://[::1",
                "/v1\r\nX-Evil: 1",
                "/a b",
                "javascript:alert(1)",
            )
        ),
    ],
)
def test_redirects_stay_on_the_server(location, onward):
    assert redirected(HERE, location) == onward
    assert isinstance(origin_of(HERE, location), str)


@given(
    st.text(max_size=60) | st.from_regex(r"(https?:)?[/\\]{0,3}[a-z0-9.:@\[\]/?#\\]{0,40}", fullmatch=True)
)
def test_no_location_leads_elsewhere(location):
    onward = redirected(HERE, location)
    assert onward is None or onward.startswith("http://127.0.0.1:8000/")
    assert origin_of(HERE, location).isprintable()


def test_the_usual_port_is_no_other_one():
    assert redirected("https://host/a", "https://host:443/b") == "https://host/b"
    assert redirected("https://host:443/a", "https://HOST/b") == "https://host:443/b"
    assert redirected("https://host/a", "https://host:80/b") is None
    assert origin_of("https://host/a", "https://other:443/b?key=1") == "https://other"


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_one_sentence(text):
    for url in (text, f"http://{text}", f"http://host/{text}"):
        try:
            address = parse(url)
        except SandboxError:
            continue
        assert address.at("/models").isascii()
        assert address.at("/models").isprintable()
        assert " " not in address.at("/models")
