"""Episodes played side by side: in this process, in Ray's processes on this machine, or in a Ray cluster."""

import atexit
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from experiments.leaderboard.play import Episode, outcome_of
from sandbox.errors import SandboxError
from sandbox.files import held

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_enable_metrics_collection": "0",
}
_PATIENT = {
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",  # a process of that name starts with or without a dashboard
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_worker_register_timeout_seconds": "300",
}
_TRIES = 3
"""A busy machine misses two more limits of Ray (2.60), 15 s and 30 s, that nothing sets: it starts anew."""
_ANSWER_S = 10.0
"""Within which a cluster must answer."""
_OBJECTS_BYTES = 100_000_000
_AHEAD = 2
"""Episodes handed out per process, so that none waits for the next."""
_OURS = "orbital-autonomy-sandbox.lock"
"""In a temporary folder of ours; locked while the folder is in use."""
LOCAL = "127.0.0.1"


def outcomes(
    episodes: Sequence[Episode], processes: int, address: str | None = None
) -> Iterator[tuple[Episode, dict[str, Any]]]:
    """Play the episodes, and give each with its outcome as it ends, in any order.

    One process without an `address` is this one. With the `address` of a Ray cluster, where the same code
    must be installed, `processes` are its workers that are used at once.
    """
    if not episodes:
        return
    if processes == 1 and address is None:
        for episode in episodes:
            yield episode, outcome_of(episode)
        return
    with _ray(min(processes, len(episodes)), address) as ray:
        yield from _shared(ray, episodes, processes)


def _shared(
    ray: Any, episodes: Sequence[Episode], processes: int
) -> Iterator[tuple[Episode, dict[str, Any]]]:
    task = ray.remote(num_cpus=1)(outcome_of)
    waiting = list(reversed(episodes))
    playing: dict[Any, Episode] = {}
    while waiting or playing:
        while waiting and len(playing) < _AHEAD * processes:
            episode = waiting.pop()
            playing[task.remote(episode)] = episode
        done, _ = ray.wait(list(playing))
        for reference in done:
            episode = playing.pop(reference)
            try:
                yield episode, ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                plain = isinstance(error.cause, (SandboxError, ModuleNotFoundError))
                raise error.cause if plain else error from None  # Ray's tells where the policy broke
            except ray.exceptions.RayError as error:
                name = f"{episode.policy} in {episode.task.case.scenario}, seed {episode.seed}"
                raise SandboxError(
                    f"The process that played {name} died ({type(error).__name__}); give fewer --processes "
                    "if memory is short, and the same command goes on."
                ) from None


@contextmanager
def _ray(processes: int, address: str | None) -> Iterator[Any]:
    """Ray, started here or joined; what it left on this machine is removed in the end.

    Ray listens on a port: on this machine it asks for a token that nobody else knows.
    """
    own = {} if address else _QUIET | _PATIENT | _ONE_THREAD
    own |= {} if address else {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    before = {name: os.environ.get(name) for name in own}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    folder, lock = _own_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # what fails to start writes there to the last
    os.environ.update(own)
    import ray

    how: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address:
        how |= {"address": address, "runtime_env": {"env_vars": _ONE_THREAD}}
    else:
        how |= {"num_cpus": processes, "include_dashboard": False, "object_store_memory": _OBJECTS_BYTES}
        how |= {"_node_ip_address": LOCAL, "_temp_dir": folder}
    try:
        try:
            _start(ray, how)
        except Exception as error:  # Ray has no class of its own for what goes wrong here
            raise SandboxError(_unstarted(address, error)) from None
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        yield ray
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _own_folder() -> tuple[str, ExitStack]:
    """A temporary folder that is held until the second is closed; those that killed benchmarks left go."""
    for path in Path(tempfile.gettempdir()).glob(f"ray-*/{_OURS}"):
        with suppress(OSError):
            folder = path.parent
            if not folder.is_symlink() and folder.stat().st_uid == os.getuid() and not _is_held(path):
                shutil.rmtree(folder, ignore_errors=True)
    made = tempfile.mkdtemp(prefix="ray-")  # short: the path of a socket has room for 107 letters
    lock = ExitStack()
    lock.enter_context(held(Path(made) / _OURS))
    return made, lock


def _is_held(path: Path) -> bool:
    """Whether a living process holds the file."""
    try:
        with held(path, create=False):
            return False
    except OSError:
        return True


def _start(ray: Any, how: dict[str, Any]) -> None:
    """Start or join Ray. What a try in vain leaves running is idle, and ends with this process."""
    if ":" in how.get("address", ""):
        host, _, port = how["address"].rpartition("://")[2].rpartition(":")
        socket.create_connection((host, int(port)), _ANSWER_S).close()  # Ray itself would try for minutes
    for left in reversed(range(1 if "address" in how else _TRIES)):
        try:
            ray.init(**how)
            return
        except Exception:  # as above
            if not left:
                raise


def _unstarted(address: str | None, error: Exception) -> str:
    reason = str(error).partition("\n")[0].rstrip(".")
    if address:
        return f"No Ray cluster answers at --address {address} ({reason}); start one there, or leave it out."
    return f"Ray does not start here ({reason}); try again when the machine is less busy, or --processes 1."
