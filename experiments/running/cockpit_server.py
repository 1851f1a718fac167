"""The cockpit as a page: a small server for this machine alone.

It listens on 127.0.0.1. Every request has to bring the token of the address that is printed, and must have
been sent to that address by name and by nobody else's page; it is read up to a bound and no further.

    GET /                 the page
    GET /state?since=V    JSON, when it is newer than version V (or after 5 s as it is)
    GET /rounds?run=R&from=K   the packed rounds of a run from K on
    POST /command         JSON to JSON, see `cockpit.COMMANDS`
"""

import json
import secrets
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from agents.usual import usual_policy
from envs.episodes import known_as, make_env, scenario_of
from experiments.running.cockpit import Cockpit
from experiments.running.flight import Flight
from experiments.running.llm_config import Mind
from experiments.running.run_folder import default_folder, in_one_line, nobody_named
from sandbox.errors import SandboxError
from sandbox.rendering.page import live_page
from sandbox.terminal import say

HOST = "127.0.0.1"
POLL_S = 5.0
SLOW_S = 30.0
"""What a request may take to be sent."""
MOST_BODY, MOST_ADDRESS, MOST_AT_ONCE = 4096, 1024, 32
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)


def fly(
    scenario: Any = None,
    env: str = "tasking_v0",
    policy: str | None = None,
    hours: float | None = None,
    seed: int = 0,
    *,
    changes: Mapping[str, Any] | None = None,
    candidates: int = 4,
    mind: Mind | None = None,
    minds_recorded: int | None = None,
    port: int = 0,
    out: Path | str | None = None,
    browse: bool = False,
) -> int:
    """Serve a flight until it is interrupted; then save it, where `out` is given. Prints the address.

    Args:
        port: to listen on; 0 for any that is free.
        out: folder of recording and page; by default where `run` would leave its results, with `flight-`.
        browse: open the page in the browser of this machine.
        Others as in `experiments.running.run.run`.

    Returns 0. Raises SandboxError for bad input and for a port that cannot be had.
    """
    begun = begin(
        scenario, env, policy, hours, seed, changes=changes, candidates=candidates, mind=mind,
        minds_recorded=minds_recorded, out=out,
    )  # fmt: skip
    with begun as cockpit:
        if policy is None:
            say(nobody_named(cockpit.title(0)), error=True)  # the output is an address
        with closing(Server(cockpit, port)) as server:
            say(server.address)
            if browse:
                import webbrowser

                webbrowser.open(server.address)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                if cockpit.deciding_s:
                    say("The policy is still deciding; interrupt again not to wait.", error=True)
                cockpit.close()
        if out is not None and not cockpit.runs[min(cockpit.runs)].rounds:
            say(f"No round was flown, so nothing was saved in {out}.", error=True)
        elif out is not None:
            for path in cockpit.save():
                say(path)
    return 0


@contextmanager
def begin(
    scenario: Any,
    env: str,
    policy: str | None,
    hours: float | None,
    seed: int,
    *,
    changes: Mapping[str, Any] | None,
    candidates: int,
    mind: Mind | None,
    minds_recorded: int | None,
    out: Path | str | None,
) -> Iterator[Cockpit]:
    """The cockpit of a flight that has begun; arguments and errors are those of `fly`."""
    if seed < 0:
        raise SandboxError(f"seed = {seed}; give a whole number of at least 0.")
    env, scenario = known_as(env), scenario_of(env, scenario, changes)
    mind, policy = mind or Mind(), policy or usual_policy(env)
    batch = make_env(env, scenario, hours, candidates=candidates, thinking=mind.thinks(policy, env))
    folder = default_folder(f"flight-{env}", scenario.name, policy, seed) if out is None else Path(out)
    with closing(batch), closing(mind.policy(policy, batch)) as decider:
        meta = {"env": env, "policy": policy, "seed": seed}
        with closing(Cockpit(Flight(batch, decider, seed, meta, minds_recorded), policy, folder)) as cockpit:
            cockpit.check_room()
            yield cockpit


class Server(ThreadingHTTPServer):
    """Listens for the page of a `cockpit`, which pages of `framed_by` (sources of CSP) may hold in a frame.

    Raises `SandboxError` for a port that cannot be had.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, cockpit: Cockpit, port: int = 0, framed_by: str = "'none'") -> None:
        if not 0 <= port <= 65_535:
            raise SandboxError(f"port = {port}; give 0, for any that is free, or a number up to 65535.")
        self.cockpit, self.token = cockpit, secrets.token_urlsafe(24)
        self.policy = f"{_POLICY}; frame-ancestors {framed_by}"
        self.places = threading.BoundedSemaphore(MOST_AT_ONCE)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise SandboxError(f"Port {port} cannot be had ({error.strerror}); give another.") from None

    @property
    def address(self) -> str:
        """Of the page, with its token."""
        return f"http://{HOST}:{self.server_address[1]}/?token={self.token}"

    @property
    def hosts(self) -> tuple[str, str]:
        """The names under which it is asked for."""
        return f"{HOST}:{self.server_address[1]}", f"localhost:{self.server_address[1]}"

    def close(self) -> None:
        """Listen no more."""
        self.server_close()

    def handle_error(self, request: Any, address: Any) -> None:
        """A page that was closed in the middle of an answer is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, address)


class _Refused(Exception):
    """A request that is not answered, by its status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = SLOW_S
    server_version, sys_version = "cockpit", ""

    def do_GET(self) -> None:
        self._answer({"/": self._page, "/state": self._state, "/rounds": self._rounds})

    def do_POST(self) -> None:
        self._answer({"/command": self._command})

    def log_message(self, *_: Any) -> None:
        """Nothing: a page asks many times a minute."""

    def _answer(self, ways: Mapping[str, Any]) -> None:
        """Send what the way of the address answers, or a sentence why not."""
        free = self.server.places.acquire(blocking=False)
        self.close_connection = True
        try:
            if not free:
                raise _Refused(503, "Too many requests at once; close other pages of this flight.")
            status, (kind, body) = 200, self._found(ways)
        except (_Refused, SandboxError) as error:
            status, kind = getattr(error, "status", 400), "application/json"
            body = json.dumps({"error": str(error)}).encode()
        except Exception as error:  # of a policy, perhaps: the page is told, the terminal where
            traceback.print_exc(file=sys.stderr)
            status, kind = 500, "application/json"
            body = json.dumps({"error": f"{in_one_line(error)}."}).encode()
        finally:
            if free:
                self.server.places.release()
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _found(self, ways: Mapping[str, Any]) -> tuple[str, bytes]:
        if len(self.path) > MOST_ADDRESS:
            raise _Refused(414, f"The address is longer than {MOST_ADDRESS} letters.")
        if self.headers.get_all("Host") not in [[host] for host in self.server.hosts]:
            raise _Refused(403, "This is asked for under another name than its own.")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in self.server.hosts]:
            raise _Refused(403, "Another page asks for this.")
        address = urlsplit(self.path)
        self.asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
        if not secrets.compare_digest(self.asked.get("token", "").encode(), self.server.token.encode()):
            raise _Refused(403, "The token is missing or wrong; open the address that was printed.")
        way = ways.get(address.path)
        if way is None:
            raise _Refused(404, "There is no such page.")
        found: tuple[str, bytes] = way()
        return found

    def _page(self) -> tuple[str, bytes]:
        return "text/html; charset=utf-8", live_page(self.server.cockpit.state()["runs"][0]["title"]).encode()

    def _state(self) -> tuple[str, bytes]:
        return _json(self.server.cockpit.state(self._number("since", -1), POLL_S))

    def _rounds(self) -> tuple[str, bytes]:
        rounds = self.server.cockpit.rounds(self._number("run", 0), self._number("from", 0))
        return "application/octet-stream", rounds

    def _command(self) -> tuple[str, bytes]:
        if self.headers.get_content_type() != "application/json":
            raise _Refused(415, "A command is JSON; say so with Content-Type: application/json.")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or len(length) > 9:
            raise _Refused(411, "A command needs its Content-Length.")
        if int(length) > MOST_BODY:
            raise _Refused(413, f"A command has at most {MOST_BODY} bytes.")
        try:
            told = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            raise _Refused(400, "That is no JSON.") from None
        return _json(self.server.cockpit.command(told))

    def _number(self, name: str, usual: int) -> int:
        text = self.asked.get(name, str(usual))
        if not text.isascii() or not text.removeprefix("-").isdecimal() or len(text) > 9:
            raise SandboxError(f"{name} is no whole number.")
        return int(text)


def _json(content: Mapping[str, Any]) -> tuple[str, bytes]:
    return "application/json", json.dumps(content).encode()
