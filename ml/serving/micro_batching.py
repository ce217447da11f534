"""Micro-batching: requests to a network that wait at the same time share one forward pass.

A request never waits for others to come: one that comes alone is answered alone, at once. Requests
that come while the network runs share its next pass.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Output = TypeVar("Output")
MAX_BATCH = 8
"""Pictures in one pass. More are no faster on a CPU, and the next requests wait longer."""


class Network(Protocol[Output]):
    """What is asked, such as ``ml.inference.classifier.Classifier``."""

    def outputs(self, pixels: Pixels) -> list[Output]:
        """One output for each of pictures uint8 (N, S, S, C)."""
        ...


class _Waiting(NamedTuple, Generic[Output]):
    network: Network[Output]
    pixels: Pixels
    output: "Future[Output]"


class MicroBatcher(Generic[Output]):
    """Any number of threads ask. One of them at a time runs a network, for all that wait for it.

    Args:
        on_pass: is called with the number of pictures before each pass.
    """

    def __init__(self, on_pass: Callable[[int], None] = lambda count: None) -> None:
        self._queue: list[_Waiting[Output]] = []
        self._queue_lock = threading.Lock()
        self._network_lock = threading.Lock()
        self._on_pass = on_pass

    def ask(self, network: Network[Output], pixels: Pixels) -> Output:
        """The output of ``network`` for a picture uint8 (S, S, C). Raises what it raises."""
        mine = _Waiting(network, pixels, Future())
        with self._queue_lock:
            self._queue.append(mine)
        with self._network_lock:
            if not mine.output.done():
                self._run(self._next_batch(mine))
        return mine.output.result()

    def _next_batch(self, mine: _Waiting[Output]) -> list[_Waiting[Output]]:
        """Take ``mine``, and the oldest others for the same network, out of the queue."""
        with self._queue_lock:
            same = [one for one in self._queue if one.network is mine.network]
            batch = [mine, *(one for one in same if one is not mine)][:MAX_BATCH]
            taken = set(map(id, batch))
            self._queue = [one for one in self._queue if id(one) not in taken]
        return batch

    def _run(self, batch: list[_Waiting[Output]]) -> None:
        self._on_pass(len(batch))
        try:
            outputs = batch[0].network.outputs(np.stack([one.pixels for one in batch]))
            for one, output in zip(batch, outputs, strict=True):
                one.output.set_result(output)
        except Exception as error:
            if len(batch) == 1:
                batch[0].output.set_exception(error)
                return
            for one in batch:  # each alone, so that one bad picture fails no other request
                self._run([one])
