"""Fair turns: no visitor waits for all that another has asked for."""

import threading
from collections.abc import Callable

from dashboard.workers.fair_turns import FairTurns


class Visits:
    """Threads that hold a turn until they are told to leave; ``order`` says who came when."""

    def __init__(self, turns: FairTurns, until: Callable[..., object]) -> None:
        self.turns, self.until = turns, until
        self.order: list[str] = []
        self.leave: dict[int, threading.Event] = {}
        self.threads: list[threading.Thread] = []

    def come(self, visitor: str) -> None:
        number = len(self.threads)
        self.leave[number] = threading.Event()

        def visit() -> None:
            with self.turns.turn(visitor):
                self.order.append(visitor)
                self.leave[number].wait(30)

        self.threads.append(threading.Thread(target=visit, daemon=True))
        self.threads[-1].start()
        known = len(self.order) + len(self.turns._waiting)
        self.until(lambda: len(self.order) + len(self.turns._waiting) >= known)

    def settled(self, count: int) -> None:
        self.until(lambda: len(self.order) == count)

    def end(self) -> None:
        for event in self.leave.values():
            event.set()
        for thread in self.threads:
            thread.join(30)


def test_visitor_who_asked_less_comes_first(until: Callable[..., object]) -> None:
    visits = Visits(FairTurns(2), until)
    for _ in range(2):
        visits.come("greedy")
    visits.settled(2)
    for _ in range(3):
        visits.come("greedy")
    until(lambda: len(visits.turns._waiting) == 3)
    visits.come("modest")
    until(lambda: len(visits.turns._waiting) == 4)
    visits.leave[0].set()
    visits.settled(3)
    assert visits.order == ["greedy", "greedy", "modest"]
    visits.end()
    assert visits.order.count("greedy") == 5


def test_visitors_whose_pictures_were_given_up_share_one_slot(
    until: Callable[..., object],
) -> None:
    turns = FairTurns(3)
    visits = Visits(turns, until)
    for visitor in ("slow", "slower"):
        turns.hold_back(visitor)
    visits.come("slow")
    visits.settled(1)
    visits.come("slower")
    until(lambda: len(turns._waiting) == 1)
    visits.come("somebody")
    visits.settled(2)
    assert visits.order == ["slow", "somebody"]
    visits.leave[0].set()
    visits.settled(3)
    visits.end()
    assert visits.order == ["slow", "somebody", "slower"]


def test_nobody_known_is_held_back() -> None:
    turns = FairTurns(1)
    turns.hold_back("")
    assert not turns._held_back
