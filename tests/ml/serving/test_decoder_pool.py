"""Decoder pool: slow pictures keep the others waiting no longer than a moment."""

import threading
from collections.abc import Callable

import pytest

from ml.serving import decoder_pool
from ml.serving.decoder_pool import THREADS, DecoderPool


def decoders() -> int:
    return sum(thread.name == "decoder" for thread in threading.enumerate())


def test_result_and_error_come_back() -> None:
    pool = DecoderPool()
    assert pool.submit(lambda: 3).result(10) == 3
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result(10)


def test_others_are_decoded_while_all_threads_are_slow(
    monkeypatch: pytest.MonkeyPatch, until: Callable[..., object]
) -> None:
    monkeypatch.setattr(decoder_pool, "SLOW_SECONDS", 0.05)
    before = decoders()
    pool, leave = DecoderPool(), threading.Event()

    def compute() -> bool:
        while not leave.is_set():
            pass
        return True

    slow = [pool.submit(compute) for _ in range(THREADS)]
    assert pool.submit(lambda: "quick").result(10) == "quick"
    assert not any(one.done() for one in slow)
    leave.set()
    until(lambda: decoders() == before + THREADS)
    assert all(one.result(10) for one in slow)
