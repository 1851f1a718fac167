"""Work shared by processes of this machine: the standard library's pool, made to end when it should.

The processes are spawned, of one thread each. They leave Ctrl-C to this process, and end with it, even when
it is killed.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, TypeVar

from sandbox.compiling import announce_compiling, is_announced
from sandbox.errors import SandboxError

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_Item = TypeVar("_Item")


def outcomes(
    function: Callable[[_Item], Any], items: Sequence[_Item], processes: int
) -> Iterator[tuple[_Item, Any]]:
    """Each item with what the function gives for it, as it ends, in any order; one process is this one.

    Raises what the function raises, and SandboxError where a process dies.
    """
    if processes == 1 or not items:
        for item in items:
            yield item, function(item)
        return
    others = set(active_children())
    with _one_thread():
        spawn = get_context("spawn")
        first = spawn.Lock() if is_announced() else None
        executor = ProcessPoolExecutor(min(processes, len(items)), spawn, _begin, (first,))
        try:
            waiting = {executor.submit(function, item): item for item in items}
            for future in as_completed(waiting):
                yield waiting.pop(future), future.result()
        except BrokenProcessPool:
            raise SandboxError(
                "A process that played an episode died; give fewer --processes if memory is short, and the "
                "same command goes on from what is finished."
            ) from None
        finally:
            for child in set(active_children()) - others:
                child.kill()
            executor.shutdown(cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The environment of processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _begin(first: Any) -> None:
    """In a new process: leave Ctrl-C to the first, and end when that is gone; who is `first` to take that
    lock says for all that they compile."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    if first is not None and first.acquire(block=False):
        announce_compiling(over=True)


def _end_with(first: Any) -> None:
    wait([first.sentinel])
    os._exit(1)
