"""The event log: what is written is read again, and nothing torn or strange stops the reader."""

import errno
import json
import math
import os
import threading
import typing
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import WorkspaceError
from ml.runs.events import (
    MAX_READ_BYTES,
    EpochEnd,
    Event,
    EventLog,
    Heartbeat,
    Mistake,
    Note,
    Progress,
    RunEnded,
    RunStarted,
    decode,
    encode,
    read,
    read_thinned,
    surviving,
)
from ml.utils.typed_json import MAX_FLOAT, MAX_INTEGER, Moment, Seconds

KINDS = [RunStarted, Progress, EpochEnd, Note, Heartbeat, RunEnded]

text = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates too
number = st.floats(-MAX_FLOAT, MAX_FLOAT)
seconds = st.floats(-1e9, 1e9)
OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: text,
    int: st.integers(-MAX_INTEGER, MAX_INTEGER),
    Moment: st.floats(0, 4e9),
    Seconds: seconds,
    Seconds | None: st.none() | seconds,
    float: number,
    bool: st.booleans(),
    float | None: st.none() | number,
    dict[str, str]: st.dictionaries(text, text, max_size=3),
    dict[str, float]: st.dictionaries(text, number, max_size=3),
    dict[str, Any]: st.dictionaries(text, st.none() | text | number | st.integers(), max_size=3),
    list[str]: st.lists(text, max_size=3),
    list[Mistake]: st.lists(
        st.fixed_dictionaries(
            {
                "picture": text,
                "label": st.integers(0, 99),
                "predicted": st.integers(0, 99),
                "probability": st.none() | number,
            }
        ),
        max_size=2,
    ),
}


def any_event() -> st.SearchStrategy[Event]:
    def of(kind: type[Event]) -> st.SearchStrategy[Event]:
        hints = typing.get_type_hints(kind, include_extras=True)
        return st.builds(kind, **{item.name: OF_TYPE[hints[item.name]] for item in fields(kind)})

    return st.sampled_from(KINDS).flatmap(of)


def test_the_kinds_are_those_of_the_design() -> None:
    assert set(KINDS) <= set(Event.registry.values())


@given(any_event())
def test_what_is_written_is_read_again(event: Event) -> None:
    line = encode(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    line.decode("utf-8")
    assert decode(line) == event


@given(st.lists(any_event(), max_size=8), st.data())
def test_a_log_cut_anywhere_gives_the_whole_lines_and_goes_on_there(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    complete = b"".join(map(encode, events))
    cut = data.draw(st.integers(0, len(complete)))
    path.write_bytes(complete[:cut])
    first, offset = read(path)
    assert first == events[: complete[:cut].count(b"\n")]
    path.write_bytes(complete)
    rest, end = read(path, offset)
    assert [*first, *rest] == events
    assert (end, read(path, end)) == (len(complete), ([], len(complete)))


def test_no_log_reads_as_no_events(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == ([], 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_becomes_null(value: float) -> None:
    line = encode(EpochEnd(1, 10, value, 0.5, None, None, mistakes=[{"probability": value}]))
    content = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert content["train_loss"] is None
    assert content["mistakes"] == [{"probability": None}]
    assert content["train_accuracy"] == 0.5


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b'"Note"',
        b"\xff\xfe",
        b'{"event":"FromTheFuture","time":1.0}',
        b'{"event":["Note"],"time":1.0,"text":"x"}',
        b'{"event":"Note","time":1.0}',
        b'{"event":"Note","text":"no time"}',
        b'{"event":"Note","time":"soon","text":"x"}',
        b'{"event":"Note","time":null,"text":"x"}',
        b"[" * 100_000,
        b'{"event":"Note","text":"x","time":1' + b"0" * 400 + b"}",
    ],
    ids=lambda line: line[:30].decode("latin-1"),
)
def test_a_line_that_is_no_event_is_passed_over(line: bytes, tmp_path: Path) -> None:
    assert decode(line) is None
    path = tmp_path / "events.jsonl"
    path.write_bytes(encode(Note("before")) + line + b"\n" + encode(Note("after")))
    assert [event.text for event in read(path)[0]] == ["before", "after"]  # type: ignore[attr-defined]


def test_a_newer_version_s_field_is_passed_over() -> None:
    assert decode(b'{"event":"Note","time":1.0,"text":"x","mood":"good"}') == Note("x", time=1.0)


def test_a_line_torn_by_a_crash_is_closed_by_the_next_worker(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(encode(Note("whole")) + encode(Note("torn"))[:-5])
    EventLog(path)(Note("next"))
    assert [event.text for event in read(path)[0]] == ["whole", "next"]  # type: ignore[attr-defined]


def test_a_log_holds_its_lines_and_nothing_between_them(tmp_path: Path) -> None:
    path, events = tmp_path / "events.jsonl", [Note("one"), Note("two"), Note("three")]
    log = EventLog(path)
    log(events[0])
    log(events[1])
    log.close()
    EventLog(path)(events[2])
    assert path.read_bytes() == b"".join(map(encode, events))


def test_a_closed_log_takes_nothing_more(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.close()
    with pytest.raises(WorkspaceError):
        log(Note("too late"))
    assert log.path.read_bytes() == b""


def test_a_disk_that_fills_up_tears_one_line_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    log, write, room = EventLog(path), os.write, [20, 0]

    def nearly_full(descriptor: int, data: bytes) -> int:
        free = room.pop(0) if room else len(data)
        if not free:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:free])

    monkeypatch.setattr(os, "write", nearly_full)
    with pytest.raises(WorkspaceError, match="The disk is full"):
        log(Note("lost"))
    log(Note("there is room again"))
    assert [event.text for event in read(path)[0]] == ["there is room again"]  # type: ignore[attr-defined]


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, write = EventLog(tmp_path / "events.jsonl"), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    log(Note("a line of more than seven bytes"))
    assert len(read(log.path)[0]) == 1


def test_a_log_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="could not be written"):
        EventLog(tmp_path / "gone" / "events.jsonl")


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")

    def write_events(who: int) -> None:
        for turn in range(200):
            log(Progress("train" * 50, 0.0, step=turn, epoch=who))

    threads = [threading.Thread(target=write_events, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    events = read(log.path)[0]
    for who in range(4):
        steps = [event.step for event in events if event.epoch == who]  # type: ignore[attr-defined]
        assert steps == list(range(200))


def test_a_reader_sees_only_whole_events_while_another_process_writes(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    path = tmp_path / "events.jsonl"
    code = (
        "import sys; from pathlib import Path; from ml.runs.events import *\n"
        "log = EventLog(Path(sys.argv[1]))\n"
        "for step in range(3000): log(Note('x' * (step % 300), code=str(step)))"
    )
    writer, seen, offset = python(code, path), 0, 0
    while seen < 3000:
        alive = writer.poll() is None
        events, offset = read(path, offset)
        for event in events:
            assert event.code == str(seen)  # type: ignore[attr-defined]
            seen += 1
        assert events or alive or seen == 3000


def test_a_resumed_run_loses_what_it_did_over_again() -> None:
    log: list[Event] = [RunStarted("m", "d", 3, 10)]
    log += [Progress("train", 0.1, step=5, epoch=1), EpochEnd(1, 10, 1, 0, 1, 0), Note("one")]
    log += [Progress("train", 0.5, step=15, epoch=2), EpochEnd(2, 20, 1, 0, 1, 0), Note("two")]
    again = RunStarted("m", "d", 3, 10, epoch=1, step=10, resumed=True)
    assert surviving([*log, again, EpochEnd(2, 20, 0, 1, 0, 1)]) == [
        log[0],
        log[1],
        log[2],
        log[3],
        log[6],
        again,
        EpochEnd(2, 20, 0, 1, 0, 1, time=pytest.approx(again.time, abs=60)),
    ]


@given(st.lists(any_event(), max_size=12))
def test_without_a_resume_everything_survives(events: list[Event]) -> None:
    firsts = [event for event in events if not getattr(event, "resumed", False)]
    assert surviving(firsts) == firsts


def test_long_log_is_thinned_for_a_chart_and_loses_nothing_rare(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    often = b"".join(encode(Progress("train", 0.5, step=n, loss=1.0)) for n in range(60_000))
    rare = [EpochEnd(n, n, 1.0, 0.5, 1.0, 0.5) for n in range(100)]
    path.write_bytes(encode(rare[0]) + often + b"".join(encode(one) for one in rare[1:]) + b"{torn")
    assert path.stat().st_size > 2 * MAX_READ_BYTES
    events, offset = read_thinned(path)
    assert [event for event in events if isinstance(event, EpochEnd)] == rare
    steps = [event.step for event in events if isinstance(event, Progress)]
    assert 10_000 < len(steps) < 25_000
    assert max(after - before for before, after in pairwise(steps)) < 10
    assert path.read_bytes()[offset:] == b"{torn"
    path.write_bytes(path.read_bytes()[:offset] + encode(rare[0]))
    assert read_thinned(path, offset) == ([rare[0]], path.stat().st_size)


def test_short_log_is_read_whole_for_a_chart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(encode(Progress("train", 0.5, step=n)) for n in range(100)))
    assert read_thinned(path) == read(path)
    assert read_thinned(tmp_path / "none.jsonl") == ([], 0)
