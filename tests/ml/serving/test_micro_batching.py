"""Questions that wait together are answered together, and each gets its own answer."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ml.serving.micro_batching import MAX_BATCH, MicroBatcher


class Sums:
    """Gives the sum of each picture, and more; stops at its gate; fails where a picture is 13."""

    def __init__(self, more=0):
        self.more = more
        self.gate, self.inside = threading.Event(), threading.Event()

    def outputs(self, pixels):
        self.inside.set()
        assert self.gate.wait(30)
        if (pixels == 13).any():
            raise MemoryError
        return (pixels.reshape(len(pixels), -1).sum(1) + self.more).tolist()


def picture(value):
    return np.full((1, 1, 1), value, np.uint8)


def test_what_comes_while_the_network_works_is_taken_up_together(until):
    passes, network = [], Sums()
    batches = MicroBatcher(passes.append)
    with ThreadPoolExecutor(2 * MAX_BATCH) as pool:
        first = pool.submit(batches.ask, network, picture(0))
        assert network.inside.wait(30)
        others = [pool.submit(batches.ask, network, picture(n)) for n in range(1, MAX_BATCH + 3)]
        until(lambda: len(batches._queue) == len(others))
        network.gate.set()
        assert [one.result(30) for one in (first, *others)] == list(range(MAX_BATCH + 3))
    assert passes == [1, MAX_BATCH, 2]


def test_one_that_spoils_a_pass_spoils_it_for_nobody_else(until):
    network = Sums()
    batches = MicroBatcher()
    with ThreadPoolExecutor(MAX_BATCH) as pool:
        first = pool.submit(batches.ask, network, picture(0))
        assert network.inside.wait(30)
        others = {n: pool.submit(batches.ask, network, picture(n)) for n in (12, 13, 14)}
        until(lambda: len(batches._queue) == 3)
        network.gate.set()
        assert first.result(30) == 0
        assert (others[12].result(30), others[14].result(30)) == (12, 14)
        with pytest.raises(MemoryError):
            others[13].result(30)


def test_models_do_not_mix(until):
    passes, one, other = [], Sums(), Sums(1000)
    batches = MicroBatcher(passes.append)
    other.gate.set()
    with ThreadPoolExecutor(2 * MAX_BATCH) as pool:
        first = pool.submit(batches.ask, one, picture(20))
        assert one.inside.wait(30)
        asked = [pool.submit(batches.ask, (one, other)[n % 2], picture(n)) for n in range(21, 31)]
        until(lambda: len(batches._queue) == 10)
        one.gate.set()
        answers = [job.result(30) for job in (first, *asked)]
    assert answers == [n + 1000 * (n % 2) for n in range(20, 31)]
    assert passes == [1, 5, 5]


def test_a_question_alone_is_answered_alone():
    passes, network = [], Sums()
    network.gate.set()
    batches = MicroBatcher(passes.append)
    assert [batches.ask(network, picture(n)) for n in (7, 8)] == [7, 8]
    assert passes == [1, 1]
