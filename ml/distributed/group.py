"""The process group of a training: collective operations, start, supervision and end.

Every optimizer step averages the gradients over all ranks. A rank that stopped or skipped a step by
its own decision would leave the others waiting for ever, so all ranks decide together here. A
training of one process makes no collective calls.
"""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import torch
import torch.distributed as dist

from ml.distributed.launch import RankInfo
from ml.distributed.strategy import RankEnvironment
from ml.errors import MLError

Value = TypeVar("Value")
ChildProcess: TypeAlias = "subprocess.Popen[bytes]"
GROUP_TIMEOUT = timedelta(hours=1)
"""A rank waits so long for the others, of which one may be ingesting pictures."""
POLL_SECONDS = 1.0
GRACE_SECONDS = 30.0
"""The other ranks get so many seconds to notice that one is gone; a rank that waits on a GPU never
notices."""

LOST_PROCESS_PHRASES = (
    "connection closed",
    "connection reset",
    "broken pipe",
    "connection refused",
    "gloo",
)
LOST_PROCESS = (
    "One of the processes of this training ended. Its last words are in the log: often there was "
    "not enough memory for all of them. Resume with fewer devices or a smaller batch."
)


class ProcessGroup:
    """The collective operations of a training. All ranks call each method in the same order."""

    def __init__(self, rank_info: RankInfo | None = None) -> None:
        self.rank_info = rank_info or RankInfo()

    @property
    def is_leader(self) -> bool:
        """Whether this process is rank 0."""
        return self.rank_info.is_leader

    @property
    def is_single(self) -> bool:
        """Whether the training has one process."""
        return self.rank_info.world_size == 1

    def broadcast(self, value: Value) -> Value:
        """The ``value`` of the leader, on every rank. It is pickled."""
        if self.is_single:
            return value
        buffer = [value]
        dist.broadcast_object_list(buffer, 0)
        return buffer[0]

    def all_reduce_sum(self, numbers: Sequence[float]) -> list[float]:
        """The sums of ``numbers`` over all ranks, element by element."""
        if self.is_single:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(sums)
        return [float(value) for value in sums]

    def any(self, here: bool) -> bool:
        """Whether ``here`` is true on at least one rank."""
        return here if self.is_single else self.all_reduce_sum([float(here)])[0] > 0

    def all_gather(self, values: list[Value]) -> list[Value]:
        """The lists of all ranks, concatenated in the order of the ranks."""
        if self.is_single:
            return values
        gathered: list[Any] = [None] * self.rank_info.world_size
        dist.all_gather_object(gathered, values)
        return [value for values_of_rank in gathered for value in values_of_rank]

    def barrier(self) -> None:
        """Wait until all ranks have called this."""
        self.any(False)


class StepInterval:
    """An interval of ``seconds`` that ends at the same step on all ranks.

    Clocks differ between processes, so the leader measures how many steps fit into the interval,
    and all ranks count steps.
    """

    def __init__(self, seconds: float, process_group: ProcessGroup) -> None:
        self.seconds, self.process_group = seconds, process_group
        self._last = 0.0
        self._steps_left = self._steps = 1

    def start(self) -> None:
        """Start the first interval."""
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether the interval is over; to be called once a step."""
        if self.process_group.is_single:
            now = time.monotonic()
            if now - self._last < self.seconds:
                return False
            self._last = now
            return True
        self._steps_left -= 1
        if self._steps_left > 0:
            return False
        now = time.monotonic()
        seconds_per_step = max(1e-6, now - self._last) / self._steps
        self._last = now
        self._steps = self._steps_left = self.process_group.broadcast(
            max(1, int(self.seconds / seconds_per_step))
        )
        return True


def init_process_group(rank_info: RankInfo) -> ProcessGroup:
    """Wait for all ranks and make a process group of them.

    CPU tensors and objects use gloo, CUDA tensors NCCL: torch's default backends.

    Raises:
        MLError: a rank did not connect in time.
    """
    if rank_info.world_size == 1:
        return ProcessGroup(rank_info)
    address = RankEnvironment(rank_info)
    os.environ |= {"MASTER_ADDR": address.main_address, "MASTER_PORT": str(address.main_port)}
    backend = None if torch.cuda.is_available() else "gloo"
    try:
        dist.init_process_group(
            backend, rank=rank_info.rank, world_size=rank_info.world_size, timeout=GROUP_TIMEOUT
        )
    except (RuntimeError, ValueError) as error:
        raise MLError(
            f"The {rank_info.world_size} processes of this training did not meet at "
            f"{address.main_address} port {address.main_port} ({error}). Check that each computer "
            "reaches the first."
        ) from error
    return ProcessGroup(rank_info)


def destroy_process_group() -> None:
    """Leave the process group: no collective operation follows."""
    if dist.is_initialized():
        dist.destroy_process_group()


@contextlib.contextmanager
def supervised_children(
    children: Sequence[ChildProcess], on_failure: Callable[[], None]
) -> Iterator[None]:
    """Supervise the processes that this one started.

    When one fails and this process has not ended ``GRACE_SECONDS`` later, ``on_failure`` is called
    and this process exits with 1.
    """
    is_over = threading.Event()

    def poll() -> None:
        while not is_over.wait(POLL_SECONDS):
            exit_codes = [child.poll() for child in children]
            if any(exit_codes) and not is_over.wait(GRACE_SECONDS):
                on_failure()
                os._exit(1)

    if children:
        threading.Thread(target=poll, name="others", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def wait_for_children(children: Sequence[ChildProcess]) -> None:
    """Wait for the processes that this one started; kill each after ``GRACE_SECONDS``."""
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        child.kill()


def is_lost_process(error: BaseException) -> bool:
    """Whether ``error`` means that another rank is gone."""
    if isinstance(error, dist.DistError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in LOST_PROCESS_PHRASES)
