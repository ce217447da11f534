"""The live state: the same from a log and from a callback, whatever is cut, lost or done again."""

import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard.queries import live
from ml.runs.events import (
    EpochEnd,
    Event,
    EventLog,
    Heartbeat,
    Note,
    Progress,
    RunEnded,
    RunStarted,
)


def training(epochs: int = 3, steps: int = 4, first: int = 1) -> list[Event]:
    """What a worker says from the start of epoch ``first`` on."""
    done = (first - 1) * steps
    events: list[Event] = [
        RunStarted("m", "d", epochs, steps, first - 1, done, resumed=first > 1, time=1.0),
        Progress("prepare", 1.0, done, time=1.0),
    ]
    for epoch in range(first, epochs + 1):
        for step in range(1, steps + 1):
            at = (epoch - 1) * steps + step
            events.append(
                Progress("train", at / epochs / steps, at, epoch - 1, 9.0, 1 / at, 0.5, time=2.0)
            )
        events.append(EpochEnd(epoch, epoch * steps, 0.9, 0.5, 1.0, 0.4 + epoch / 10, time=3.0))
    return events


def gathered(events: list[Event]) -> live.Live:
    state = live.new("run")
    for event in events:
        live.append(state, event)
    return state


def test_following_a_log_and_feeding_a_sink_give_the_same_state(tmp_path: Path) -> None:
    events = [*training(), Note("hm", time=4.0), Heartbeat(1, 2, time=4.0)]
    events.append(RunEnded("finished", time=5.0))
    log = EventLog(tmp_path / "events.jsonl")
    state = live.new()
    for event in events:
        log(event)
        live.follow(tmp_path, state)
    log.close()
    direct = gathered(events)
    size = (tmp_path / "events.jsonl").stat().st_size
    assert state == {**direct, "run": tmp_path.name, "offset": size}


@given(st.lists(st.integers(1, 400), max_size=12))
def test_a_log_cut_at_any_byte_is_taken_in_once_and_in_order(cuts: list[int]) -> None:
    import tempfile

    from ml.runs.events import encode

    log = b"".join(encode(event) for event in training())
    with tempfile.TemporaryDirectory() as name:
        folder, state = Path(name), live.new()
        at = 0
        for cut in [*cuts, len(log)]:
            with (folder / "events.jsonl").open("ab") as file:
                file.write(log[at : at + cut])
            at += cut
            live.follow(folder, state)
        assert state["steps"] == gathered(training())["steps"]
        assert [epoch["epoch"] for epoch in state["epochs"]] == [1, 2, 3]


def test_a_resumed_run_shows_no_step_twice() -> None:
    lost = training(epochs=3)[:-3]  # the worker died in its third epoch
    state = gathered([*lost, *training(epochs=3, first=3)])
    assert state["steps"]["step"] == list(range(1, 13))
    assert [epoch["epoch"] for epoch in live.surviving(state)] == [1, 2, 3]
    assert len({len(values) for values in state["steps"].values()}) == 1


def test_a_run_begun_anew_forgets_what_was_and_is_not_over() -> None:
    state = gathered([*training(), RunEnded("failed", "why"), *training(epochs=1)])
    assert [epoch["epoch"] for epoch in state["epochs"]] == [1]
    assert state["ended"] is None


def test_another_run_starts_with_an_empty_state(tmp_path: Path) -> None:
    state = gathered(training())
    (tmp_path / "events.jsonl").write_bytes(b"")
    live.follow(tmp_path, state)
    assert state == live.new(tmp_path.name)


def test_a_sink_works_from_a_thread_without_a_script_context() -> None:
    def script() -> None:
        import threading

        import streamlit as st

        from dashboard.queries import live
        from dashboard.state.page_states import TrainState
        from dashboard.state.stored import stored
        from tests.dashboard.queries.test_live import training

        if stored(TrainState).live is None:
            sink = live.session_sink()
            worker = threading.Thread(target=lambda: [sink(event) for event in training()])
            worker.start()
            worker.join()
        st.text(str(len(live.session_live()["epochs"])))

    at = AppTest.from_function(script, default_timeout=20).run()
    assert not at.exception
    assert at.text[0].value == "3"


def test_the_end_of_a_long_log_tells_where_a_run_stands(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for event in training(epochs=100, steps=20):
        log(event)
    log(Progress("evaluate", 0.25, seconds_left=3.0))
    log.close()
    from ml.runs.folder import Run

    assert live.latest(Run(tmp_path)) == {"words": "Testing", "share": 0.25, "seconds_left": 3.0}


def test_a_long_log_is_followed_in_the_time_of_a_tick(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for event in training(epochs=20, steps=50):
        log(event)
    state = live.new()
    live.follow(tmp_path, state)
    log(Note("one more"))
    before = time.process_time()
    assert live.follow(tmp_path, state) == 1
    assert time.process_time() - before < 0.05  # it does not read from the start again
    log.close()
