"""Work on many pictures at once: in threads, or where it pays in processes.

Pillow lets other threads run while it decodes, but all that is around it waits for one lock:
processes get more done than threads, once the time is over that starts them.
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

BATCH = 32
ENOUGH = 1000
"""From so many items on, processes are worth starting."""
Given = TypeVar("Given")
Made = TypeVar("Made")
log = logging.getLogger(__name__)
_started: list[Future[ProcessPoolExecutor]] = []


@contextmanager
def starting_ahead(wanted: bool) -> Iterator[None]:
    """Let the processes start while it is found out what there is for them to do."""
    if wanted and (workers := _workers()) > 1 and not _started:
        # In a thread: the server that forks answers only once it has imported what they need.
        starter = ThreadPoolExecutor(1)
        _started.append(starter.submit(_start, workers))
        starter.shutdown(wait=False)
    try:
        yield
    finally:
        for pool in _started:
            pool.result().shutdown(wait=False)
        _started.clear()


def in_batches(
    work: Callable[[list[Given]], Made],
    items: Iterator[Given],
    *,
    count: int = 0,
    size: int = BATCH,
) -> Iterator[Made]:
    """``work`` on batches of ``size`` ``items``, results in order.

    A few batches are under way at once, so that memory does not grow with the number of items. An
    error in ``work`` comes out here and ends it all. With a ``count`` of ``ENOUGH`` items, and if
    both ``work`` and the items can be sent there, it is done in other processes.
    """
    workers = _workers()
    batches = iter(lambda: list(islice(items, size)), [])
    first = next(batches, None)
    if first is None:
        return
    apart = count >= ENOUGH and workers > 1 and _can_be_sent((work, first))
    pending: deque[tuple[list[Given], Future[Made] | None]] = deque()
    with _pool(workers, apart) as pool:
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


def _pool(workers: int, apart: bool) -> Executor:
    if not apart:
        return ThreadPoolExecutor(workers)
    return _started.pop().result() if _started else _processes(workers)


def _submit(
    pool: Executor, work: Callable[[list[Given]], Made], batch: list[Given]
) -> Future[Made] | None:
    try:
        return pool.submit(work, batch)
    except BrokenProcessPool:
        return None


def _result(
    work: Callable[[list[Given]], Made], batch: list[Given], future: Future[Made] | None
) -> Made:
    """What came of a batch. If its process was killed, the work is done here."""
    if future:
        try:
            return future.result()
        except BrokenProcessPool:
            log.warning("A process that read pictures has ended; its work is done again.")
    return work(batch)


def _start(workers: int) -> ProcessPoolExecutor:
    pool = _processes(workers)
    for _ in range(workers + 1):
        pool.submit(os.getpid)
    return pool


def _processes(workers: int) -> ProcessPoolExecutor:
    context = _context()
    # One more than there are cores: while one waits for the disk, another computes.
    return ProcessPoolExecutor(workers + 1, context, _join, (_lock_for_large(),))


@cache
def _lock_for_large() -> Any:
    """One for all, and for good: a process that is still starting must find it."""
    return _context().Lock()


def _context() -> BaseContext:
    """How processes start: never as a fork of this one, which copies locks that other threads may
    hold. Where there is a server that forks, it imports once what all of them need."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ml.data.ingest.take_in", "multiprocessing.connection"])
    return context


def _join(large: Any) -> None:
    """What a new process does first: share the lock for large pictures, and end with its parent,
    also when that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this
    keep_freed_memory()
    gc.set_threshold(50_000)  # pictures leave few cycles behind, and looking for them takes time
    decode.one_at_a_time(large)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _can_be_sent(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # whatever a reader holds: an open file, a lock
        return False
    return True
