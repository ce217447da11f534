"""Work on many pictures in threads: Pillow lets others run while it decodes."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""

BATCH = 32
Given = TypeVar("Given")
Made = TypeVar("Made")


def in_batches(work: Callable[[list[Given]], Made], items: Iterator[Given]) -> Iterator[Made]:
    """``work`` on batches of ``items``, results in order.

    A few batches are under way at once, so that memory does not grow with the number of items. An
    error in ``work`` comes out here and ends it all.
    """
    workers = min(os.cpu_count() or 1, 8)
    pending: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            while batch := list(islice(items, BATCH)):
                pending.append(pool.submit(work, batch))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
