"""Episodes played side by side: by processes of this machine, or in a Ray cluster."""

import logging
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from experiments.leaderboard.play import Episode, outcome_of
from experiments.running import pool
from sandbox.errors import SandboxError

_ANSWER_S = 10.0
"""Within which a cluster must answer."""
_PATIENCE = {"RAY_gcs_server_port_wait_time_s": "1", "RAY_py_gcs_connect_timeout_s": f"{_ANSWER_S:.0f}"}
"""Of Ray where something else answers at the address: one attempt, in place of twenty of half a minute."""
_AHEAD = 2
"""Episodes handed out per process, so that none waits for the next."""


def outcomes(
    episodes: Sequence[Episode], processes: int, address: str | None = None
) -> Iterator[tuple[Episode, dict[str, Any]]]:
    """Play the episodes, and give each with its outcome as it ends, in any order.

    One process is this one. With the `address` of a Ray cluster, where the same code must be installed,
    `processes` are its workers that are used at once.
    """
    if address is None:
        yield from pool.outcomes(outcome_of, episodes, processes)
    elif episodes:
        with ray_at(address) as ray:
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
def ray_at(address: str) -> Iterator[Any]:
    """Ray, joined to the cluster at `address`."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)  # read when Ray is imported
    import ray

    try:
        try:
            if ":" in address:
                host, _, port = address.rpartition("://")[2].rpartition(":")
                socket.create_connection((host, int(port)), _ANSWER_S).close()  # Ray would try for minutes
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                runtime_env={"env_vars": pool.ONE_THREAD},
            )
        except Exception as error:  # Ray has no class of its own for what goes wrong here
            reason = str(error).partition("\n")[0].rstrip(".")
            raise SandboxError(
                f"No Ray cluster answers at --address {address} ({reason}); start one there, or leave it out."
            ) from None
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        yield ray
    finally:
        ray.shutdown()
