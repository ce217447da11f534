"""Parallel work on batches of pictures: in threads, or for many pictures in processes.

Pillow releases the GIL while it decodes, but the code around it does not: processes are faster than
threads, except for the time that they take to start.
"""

import gc
import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from itertools import islice
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

from ml.data.pixels import decode
from ml.hardware import keep_freed_memory

Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""

BATCH_ITEMS = 32
MIN_ITEMS_FOR_PROCESSES = 1000
"""Processes pay from so many items on."""
Input = TypeVar("Input")
Output = TypeVar("Output")
log = logging.getLogger(__name__)
_started: list[Future[ProcessPoolExecutor]] = []


@contextmanager
def prestarted_processes(enabled: bool) -> Iterator[None]:
    """If ``enabled``, start the processes in the background, for the next ``in_batches``."""
    if enabled and (workers := _workers()) > 1 and not _started:
        # In a thread: the fork server answers only once it has imported its modules.
        starter = ThreadPoolExecutor(1)
        _started.append(starter.submit(_start_processes, workers))
        starter.shutdown(wait=False)
    try:
        yield
    finally:
        for pool in _started:
            pool.result().shutdown(wait=False)
        _started.clear()


def in_batches(
    work: Callable[[list[Input]], Output],
    items: Iterator[Input],
    *,
    count: int = 0,
    size: int = BATCH_ITEMS,
) -> Iterator[Output]:
    """Yield the results of ``work`` on batches of ``size`` ``items``, in order.

    Only a few batches are pending at once, so that memory does not grow with the number of items.
    An error in ``work`` is raised here. With a ``count`` of at least ``MIN_ITEMS_FOR_PROCESSES``,
    and if ``work`` and the items can be pickled, other processes do the work.
    """
    workers = _workers()
    batches = iter(lambda: list(islice(items, size)), [])
    first = next(batches, None)
    if first is None:
        return
    in_processes = count >= MIN_ITEMS_FOR_PROCESSES and workers > 1 and _is_picklable((work, first))
    pending: deque[tuple[list[Input], Future[Output] | None]] = deque()
    with _pool(workers, in_processes) as pool:
        try:
            pending.append((first, _submit(pool, work, first)))
            for batch in batches:
                pending.append((batch, _submit(pool, work, batch)))
                if len(pending) > 2 * workers:
                    yield _result(work, *pending.popleft())
            while pending:
                yield _result(work, *pending.popleft())
        finally:
            for _, future in pending:
                if future:
                    future.cancel()


def _workers() -> int:
    return min(os.cpu_count() or 1, 8)


def _pool(workers: int, in_processes: bool) -> Executor:
    if not in_processes:
        return ThreadPoolExecutor(workers)
    return _started.pop().result() if _started else _process_pool(workers)


def _submit(
    pool: Executor, work: Callable[[list[Input]], Output], batch: list[Input]
) -> Future[Output] | None:
    try:
        return pool.submit(work, batch)
    except BrokenProcessPool:
        return None


def _result(
    work: Callable[[list[Input]], Output], batch: list[Input], future: Future[Output] | None
) -> Output:
    """The result of a batch. If its process was killed, the work is done here."""
    if future:
        try:
            return future.result()
        except BrokenProcessPool:
            log.warning("A process that read pictures has ended; its work is done again.")
    return work(batch)


def _start_processes(workers: int) -> ProcessPoolExecutor:
    pool = _process_pool(workers)
    for _ in range(workers + 1):
        pool.submit(os.getpid)
    return pool


def _process_pool(workers: int) -> ProcessPoolExecutor:
    context = _context()
    # One more than cores: while one waits for the disk, another computes.
    return ProcessPoolExecutor(workers + 1, context, _init_process, (_large_picture_lock(),))


@cache
def _large_picture_lock() -> Any:
    """The lock for large pictures, one for all pools: a process may start late and need it."""
    return _context().Lock()


def _context() -> BaseContext:
    """How processes start: by a fork server or anew.

    A fork of this process would copy locks that its threads hold. A fork server imports the modules
    once for all processes.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ml.data.ingest.take_in", "multiprocessing.connection"])
    return context


def _init_process(lock: Any) -> None:
    """Set up a new process: it shares the lock for large pictures, and ends when its parent ends or
    is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    keep_freed_memory()
    gc.set_threshold(50_000)  # pictures make few reference cycles
    decode.share_large_lock(lock)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_with_parent, args=(parent.sentinel,), daemon=True).start()


def _exit_with_parent(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _is_picklable(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # such as an open file or a lock
        return False
    return True
