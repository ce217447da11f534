"""The processes of one training, and what they have to agree on.

They pass the same steps in step with one another: gradients are averaged in each, so whatever one
of them decides alone (to stop, to tell, to end early) would leave the others waiting for ever. What
is decided here is decided together. A training of one process asks nobody, and pays nothing.
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

from ml.distributed.launch import Place
from ml.distributed.strategy import Environment
from ml.errors import MLError

Told = TypeVar("Told")
Other: TypeAlias = "subprocess.Popen[bytes]"
WAIT = timedelta(hours=1)
"""How long a process waits for the others, who may be bringing pictures in."""
LOOK_SECONDS = 1.0
GRACE_SECONDS = 30.0
"""The others notice by themselves that a process is gone, but for those that wait on a graphics
card."""

GONE = ("connection closed", "connection reset", "broken pipe", "connection refused", "gloo")
LOST = (
    "One of the processes of this training ended. Its last words are in the log: often there was "
    "not enough memory for all of them. Resume with fewer devices or a smaller batch."
)


class Team:
    """What the processes say to each other. Each method is called by all of them, in one order."""

    def __init__(self, place: Place | None = None) -> None:
        self.place = place or Place()

    @property
    def leads(self) -> bool:
        """Whether this process speaks for all."""
        return self.place.leads

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.place.world == 1

    def tell(self, value: Told) -> Told:
        """What the leader passes, to everybody. It is pickled, between our own processes."""
        if self.alone:
            return value
        box = [value]
        dist.broadcast_object_list(box, 0)
        return box[0]

    def total(self, numbers: Sequence[float]) -> list[float]:
        """The sums of ``numbers`` over all processes."""
        if self.alone:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(sums)
        return [float(value) for value in sums]

    def any(self, here: bool) -> bool:
        """Whether it is so in at least one process."""
        return here if self.alone else self.total([float(here)])[0] > 0

    def gather(self, values: list[Told]) -> list[Told]:
        """The lists of all processes, one after the other."""
        if self.alone:
            return values
        boxes: list[Any] = [None] * self.place.world
        dist.all_gather_object(boxes, values)
        return [value for box in boxes for value in box]

    def wait(self) -> None:
        """Until all have come here."""
        self.any(False)


class Pace:
    """Says when it is time again, every so many seconds, and to all processes at the same step.

    Clocks differ between processes. So the leader's clock is asked how many steps fit into the
    time, and all count steps.
    """

    def __init__(self, seconds: float, team: Team) -> None:
        self.seconds, self.team = seconds, team
        self._last = 0.0
        self._to_go = self._steps = 1

    def start(self) -> None:
        """The time counts from here."""
        self._last = time.monotonic()

    def due(self) -> bool:
        """Asked once a step: whether the time is over."""
        if self.team.alone:
            now = time.monotonic()
            if now - self._last < self.seconds:
                return False
            self._last = now
            return True
        self._to_go -= 1
        if self._to_go > 0:
            return False
        now = time.monotonic()
        a_step = max(1e-6, now - self._last) / self._steps
        self._last = now
        self._steps = self._to_go = self.team.tell(max(1, int(self.seconds / a_step)))
        return True


def meet(place: Place) -> Team:
    """Wait for the other processes and make a team of them.

    Small messages go by gloo over the CPU, gradients on graphics cards by NCCL: torch's default.

    Raises:
        MLError: they did not come.
    """
    if place.world == 1:
        return Team(place)
    where = Environment(place)
    os.environ |= {"MASTER_ADDR": where.main_address, "MASTER_PORT": str(where.main_port)}
    backend = None if torch.cuda.is_available() else "gloo"
    try:
        dist.init_process_group(backend, rank=place.rank, world_size=place.world, timeout=WAIT)
    except (RuntimeError, ValueError) as error:
        raise MLError(
            f"The {place.world} processes of this training did not meet at {where.main_address} "
            f"port {where.main_port} ({error}). Check that each computer reaches the first."
        ) from error
    return Team(place)


def part() -> None:
    """Leave the team: nothing is agreed on from here."""
    if dist.is_initialized():
        dist.destroy_process_group()


@contextlib.contextmanager
def watched(others: Sequence[Other], gone: Callable[[], None]) -> Iterator[None]:
    """Look after the processes that this one started. When one fails and this one does not notice,
    ``gone`` is called and this process is ended."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            codes = [other.poll() for other in others]
            if any(codes) and not over.wait(GRACE_SECONDS):
                gone()
                os._exit(1)

    if others:
        threading.Thread(target=look, name="others", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def end(others: Sequence[Other]) -> None:
    """Wait for the processes that this one started, and leave none behind."""
    for other in others:
        with contextlib.suppress(subprocess.TimeoutExpired):
            other.wait(GRACE_SECONDS)
        other.kill()


def is_lost(error: BaseException) -> bool:
    """Whether ``error`` says that another process of the team is gone."""
    if isinstance(error, dist.DistError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in GONE)
