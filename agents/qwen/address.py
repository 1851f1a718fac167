"""Addresses of model servers: what a user may give, what it may mean, and what of it may be shown."""

import re
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

from sandbox.errors import SandboxError

V1 = "/v1"
_ENDPOINT = re.compile(r"/(?:chat/)?completions$")
"""What users copy along from an example of a request."""
_HOST = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9._-]+|[0-9a-fA-F.]*:[0-9a-fA-F:.]+(?:%[A-Za-z0-9._-]+)?")
"""Names and numbers of computers."""
_SAFE = "/%:@!$&'()*+,;=~-._"
_PORTS = {"http": 80, "https": 443}
_SHOWN = 100


class Address(NamedTuple):
    """Where a server listens, for example ("http", "localhost:8000", "localhost", "/v1", "")."""

    scheme: str
    netloc: str
    host: str
    path: str
    query: str

    @property
    def shown(self) -> str:
        """The address without its query, which may hold a key."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, for which no proxy is asked."""
        try:
            number = ip_address(self.host)
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")
        return number.is_loopback or number.is_unspecified

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values in the query: some servers take a key there."""
        return tuple(value for _, value in parse_qsl(self.query))

    def at(self, path: str) -> str:
        """The URL of the endpoint `path`, such as "/models"."""
        return f"{self.shown}{path}" + (f"?{self.query}" if self.query else "")

    def candidates(self) -> "list[Address]":
        """The bases that an address may stand for, the likeliest first: with and without a closing /v1."""
        if self.path.endswith(V1):
            return [self]
        longer = self._replace(path=self.path + V1)
        return [self, longer] if self.path else [longer, self]


def parse(url: str) -> Address:
    """The address in `url`. Raises SandboxError where it is none of a server, or holds a password."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # includes UnicodeError
        host, port = "", None
    if host and "@" in parts.netloc:
        raise SandboxError(
            f"The address of server {host!r} has a user or password in it; leave them out and put the key "
            "into the environment variable that --api-key-env names."
        )
    legible = all(c.isprintable() and c != " " for c in url)
    if not (legible and _HOST.fullmatch(host) and parts.scheme in _PORTS and port != 0):
        raise SandboxError(
            f"Server {_masked(url)!r} is not a URL; give one such as http://localhost:8000/v1."
        )
    bracketed = f"[{host}]" if ":" in host else host
    path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    netloc = bracketed if port is None else f"{bracketed}:{port}"
    return Address(parts.scheme, netloc, host, quote(path, safe=_SAFE), quote(parts.query, safe=_SAFE + "?"))


def base_url(url: str) -> str:
    """The first base that `url` may stand for, as it is shown. Raises SandboxError."""
    return parse(url).candidates()[0].shown


def shown_url(url: str) -> str:
    """`url` as it may be written down: without a password and without its query."""
    try:
        return parse(url)._replace(query="").shown
    except SandboxError:
        return _masked(url)


def redirected(asked: str, location: str) -> str | None:
    """The URL on the same server to which a reply to `asked` sends on; None where it leads elsewhere.

    The same server is one of the same scheme, host and port. What comes back is built on the address that
    was asked, so that no trick of spelling in `location` leads away from it.
    """
    try:
        here, there = urlsplit(asked), urlsplit(urljoin(asked, location))
        same = _origin(here) == _origin(there) and "@" not in there.netloc
    except ValueError:
        return None
    if not same or not all(c.isprintable() and c != " " for c in location):
        return None
    query = f"?{quote(there.query, safe=_SAFE + '?')}" if there.query else ""
    return f"{here.scheme}://{here.netloc}/{quote(there.path, safe=_SAFE).lstrip('/')}{query}"


def origin_of(asked: str, location: str) -> str:
    """Scheme, host and port that `location` names, as far as they can be shown."""
    try:
        there = urlsplit(urljoin(asked, location))
        scheme, host, port = _origin(there)
    except ValueError:
        return "an address that is none"
    usual = port == _PORTS.get(scheme)
    return _short(f"{scheme}://{host}" + ("" if usual or port is None else f":{port}"))


def _origin(parts: object) -> tuple[str, str, int | None]:
    scheme, host, port = parts.scheme, parts.hostname, parts.port  # type: ignore[attr-defined]
    return scheme, host or "", port if port is not None else _PORTS.get(scheme)


def _masked(url: str) -> str:
    """What is no address, short, and without what may be secret in it."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return _short(re.sub(r"[^/@]*@", "", bare))


def _short(text: str) -> str:
    legible = "".join(c if c.isprintable() else " " for c in text)
    return legible if len(legible) <= _SHOWN else legible[:_SHOWN] + "..."
