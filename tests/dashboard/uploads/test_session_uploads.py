"""What one tab holds of the pictures that were dropped into it."""

import threading
from dataclasses import replace

import pytest
import streamlit as st

from dashboard.server import limits
from dashboard.uploads import session_uploads
from dashboard.uploads.spool import incoming
from ml.errors import BadInputError
from tests.helpers.session_memory import memory


@pytest.fixture(autouse=True)
def _own_session(monkeypatch, workspace):
    monkeypatch.setattr(st, "session_state", memory(workspace))


def allow(monkeypatch, **values):
    monkeypatch.setattr(limits, "LOCAL", replace(limits.LOCAL, **values))


def held():
    return [
        session_uploads.read(entry) if entry["path"] else None
        for entry in session_uploads.entries()
    ]


def answered(data, name):
    top = [{"label": "a", "probability": 0.7}, {"label": "b", "probability": 0.3}]
    return {"file": name, **top[0], "top": top, "decision": "sure", "error": None}


def test_the_newest_picture_is_on_top_and_none_is_held_twice():
    for data in (b"1", b"2", b"1"):
        session_uploads.add(f"{data!r}", data)
    assert held() == [b"1", b"2"]


def test_each_model_is_asked_about_each_picture_once():
    asked, progress = [], []
    session_uploads.add("one", b"1")
    session_uploads.add("two", b"2")
    for run in ("r1", "r2", "r1"):
        session_uploads.answer(
            run,
            lambda data, name, run=run: asked.append((run, name)) or answered(data, name),
            lambda done, total: progress.append((done, total)),
        )
    assert sorted(asked) == [("r1", "one"), ("r1", "two"), ("r2", "one"), ("r2", "two")]
    assert progress == [(0, 2), (1, 2)] * 2
    assert session_uploads.unanswered("r1") == []
    session_uploads.add("two again", b"2")
    assert session_uploads.unanswered("r1") == []


def test_the_oldest_leave_when_there_are_too_many(monkeypatch):
    allow(monkeypatch, classify_pictures=3)
    for number in range(5):
        session_uploads.add(str(number), bytes([number]))
    assert [entry["name"] for entry in session_uploads.entries()] == ["4", "3", "2"]
    assert held() == [bytes([4]), bytes([3]), bytes([2])]
    assert len(list(session_uploads.entries()[0]["path"].parent.iterdir())) == 3


def test_the_oldest_keep_their_answers_alone_when_they_are_too_large(monkeypatch):
    allow(monkeypatch, classify_megabytes=25e-6)
    for number in range(4):
        session_uploads.add(str(number), bytes([number]) * 10)
        session_uploads.answer("r", answered, lambda done, total: None)
    assert [len(data or b"") for data in held()] == [10, 10, 0, 0]
    assert all(entry["answers"]["r"]["label"] == "a" for entry in session_uploads.entries())
    assert [entry["name"] for entry in session_uploads.unanswered("another")] == ["3", "2"]


def test_pictures_are_removed_one_by_one_or_all():
    session_uploads.add("one", b"1")
    session_uploads.add("two", b"2")
    session_uploads.remove(session_uploads.entries()[0]["id"])
    assert [entry["name"] for entry in session_uploads.entries()] == ["one"]
    folder = session_uploads.entries()[0]["path"].parent
    assert len(list(folder.iterdir())) == 1
    session_uploads.clear()
    assert session_uploads.entries() == []
    assert not folder.exists()


def test_the_table_has_a_line_for_each_answer_of_that_model():
    session_uploads.add("one", b"1")
    session_uploads.answer("r", answered, lambda done, total: None)
    session_uploads.add("two", b"2")
    session_uploads.entries()[1]["label"] = "c"
    header, *lines = session_uploads.lines(session_uploads.entries(), "r")
    assert header[:6] == ["file", "label", "probability", "decision", "error", "unlike"]
    assert len(lines) == 1
    assert lines[0][:10] == ["one", "a", 0.7, "sure", "", "", "a", "0.700000", "b", "0.300000"]
    assert dict(zip(header, lines[0], strict=True))["label by hand"] == "c"


def test_the_files_go_with_the_tab_that_holds_them(workspace):
    session_uploads.add("one", b"1")
    assert len(list(incoming(workspace).rglob("*"))) == 2
    st.session_state.clear()
    assert list(incoming(workspace).iterdir()) == []


def test_pictures_are_asked_about_at_once_and_a_rerun_loses_none():
    for number in range(6):
        session_uploads.add(str(number), bytes([number]))
    together = threading.Barrier(
        session_uploads.MAX_CONCURRENT_REQUESTS
    )  # breaks unless as many are at it at a time
    asked = []

    def ask(data, name):
        asked.append(name)
        if len(asked) <= session_uploads.MAX_CONCURRENT_REQUESTS:
            together.wait(20)
        return answered(data, name)

    class NewRunError(Exception):
        pass

    def interrupted(done, total):
        if done == 2:
            raise NewRunError

    with pytest.raises(NewRunError):
        session_uploads.answer("r", ask, interrupted)
    assert len(session_uploads.unanswered("r")) == 4
    session_uploads.answer("r", answered, lambda done, total: None)
    assert [entry["answers"]["r"]["file"] for entry in session_uploads.entries()] == list("543210")


def test_what_cannot_be_read_is_told_and_the_order_is_kept():
    def broken():
        raise BadInputError("It is damaged in the archive.")

    given = [("a", lambda: b"1"), ("b", broken), ("c", lambda: b"3")]
    assert session_uploads.take(given) == ["b: It is damaged in the archive."]
    assert [entry["name"] for entry in session_uploads.entries()] == ["a", "c"]
