"""What one tab holds of the pictures that were dropped into it."""

import pytest
import streamlit as st

from dashboard import tray


@pytest.fixture(autouse=True)
def _own_session(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})


def answered(data, name):
    top = [{"label": "a", "probability": 0.7}, {"label": "b", "probability": 0.3}]
    return {"file": name, **top[0], "top": top, "decision": "sure", "error": None}


def test_the_newest_picture_is_on_top_and_none_is_held_twice():
    for data in (b"1", b"2", b"1"):
        tray.add(f"{data!r}", data)
    assert [entry["data"] for entry in tray.entries()] == [b"1", b"2"]


def test_each_model_is_asked_about_each_picture_once():
    asked, told = [], []
    tray.add("one", b"1")
    tray.add("two", b"2")
    for run in ("r1", "r2", "r1"):
        tray.answer(
            run,
            lambda data, name, run=run: asked.append((run, name)) or answered(data, name),
            lambda done, total: told.append((done, total)),
        )
    assert asked == [("r1", "two"), ("r1", "one"), ("r2", "two"), ("r2", "one")]
    assert told == [(0, 2), (1, 2)] * 2
    assert tray.unanswered("r1") == []
    tray.add("two again", b"2")
    assert tray.unanswered("r1") == []


def test_the_oldest_leave_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(tray, "MOST_PICTURES", 3)
    for number in range(5):
        tray.add(str(number), bytes([number]))
    assert [entry["name"] for entry in tray.entries()] == ["4", "3", "2"]


def test_the_oldest_keep_their_answers_alone_when_they_are_too_large(monkeypatch):
    monkeypatch.setattr(tray, "MOST_BYTES", 25)
    for number in range(4):
        tray.add(str(number), bytes([number]) * 10)
        tray.answer("r", answered, lambda done, total: None)
    assert [len(entry["data"] or b"") for entry in tray.entries()] == [10, 10, 0, 0]
    assert all(entry["answers"]["r"]["label"] == "a" for entry in tray.entries())
    assert [entry["name"] for entry in tray.unanswered("another")] == ["3", "2"]


def test_pictures_are_removed_one_by_one_or_all():
    tray.add("one", b"1")
    tray.add("two", b"2")
    tray.remove(tray.entries()[0]["id"])
    assert [entry["name"] for entry in tray.entries()] == ["one"]
    tray.clear()
    assert tray.entries() == []


def test_the_table_has_a_line_for_each_answer_of_that_model():
    tray.add("one", b"1")
    tray.answer("r", answered, lambda done, total: None)
    tray.add("two", b"2")
    lines = tray.lines("r")
    assert lines[0][:6] == ["file", "label", "probability", "decision", "error", "unlike"]
    assert lines[1:] == [["one", "a", 0.7, "sure", "", "", "a", "0.700000", "b", "0.300000"]]
