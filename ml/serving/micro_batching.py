"""Questions to a model that wait at the same time are answered in one pass of its network.

Nobody waits for others to come: a question that comes alone is answered alone, at once. What comes
while a network is at work is what it takes up next, together.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Output = TypeVar("Output")
MOST = 8
"""Pictures in one pass: more are no faster on a CPU, and whoever comes next waits longer."""


class Network(Protocol[Output]):
    """What answers: ``ml.inference.classifier.Classifier`` does."""

    def outputs(self, pixels: Pixels) -> list[Output]:
        """One output for each of pictures uint8 (N, S, S, C)."""
        ...


class _Question(NamedTuple, Generic[Output]):
    network: Network[Output]
    seen: Pixels
    answer: "Future[Output]"


class Batches(Generic[Output]):
    """Any number of threads ask. One of them at a time runs a network, for all that wait for it.

    Args:
        told: is called with the number of pictures of each pass.
    """

    def __init__(self, told: Callable[[int], None] = lambda count: None) -> None:
        self._waiting: list[_Question[Output]] = []
        self._changing = threading.Lock()
        self._running = threading.Lock()
        self._told = told

    def ask(self, network: Network[Output], seen: Pixels) -> Output:
        """What ``network`` gives for a picture uint8 (S, S, C); raises what it raises."""
        mine = _Question(network, seen, Future())
        with self._changing:
            self._waiting.append(mine)
        with self._running:
            if not mine.answer.done():
                self._run(self._taken(mine))
        return mine.answer.result()

    def _taken(self, mine: _Question[Output]) -> list[_Question[Output]]:
        """``mine``, and the oldest of the others that wait for the same network."""
        with self._changing:
            others = [one for one in self._waiting if one.network is mine.network]
            taken = [mine, *(one for one in others if one is not mine)][:MOST]
            self._waiting = [one for one in self._waiting if all(one is not its for its in taken)]
        return taken

    def _run(self, asked: list[_Question[Output]]) -> None:
        self._told(len(asked))
        try:
            outputs = asked[0].network.outputs(np.stack([one.seen for one in asked]))
            for one, output in zip(asked, outputs, strict=True):
                one.answer.set_result(output)
        except Exception as error:  # whoever spoils a pass spoils it for nobody else
            if len(asked) == 1:
                asked[0].answer.set_exception(error)
                return
            for one in asked:
                self._run([one])
