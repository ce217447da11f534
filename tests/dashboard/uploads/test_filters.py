"""Many answers: which are listed and in what order, the zip of them, and the table's marks."""

import io
import zipfile
from functools import partial
from types import SimpleNamespace

import pytest
import streamlit as st

from dashboard.components.classify import results_table
from dashboard.components.classify.results_page import _groups, _note
from dashboard.uploads import filters, session_uploads
from dashboard.uploads.filters import (
    BY_LABEL,
    BY_NAME,
    LEAST_SURE_FIRST,
    MOST_SURE_FIRST,
    UNLIKE,
    UNREADABLE,
    Query,
    filtered,
)
from dashboard.uploads.zip_download import sorted_zip
from ml.inference.classifier import unreadable
from tests.helpers import made_up_runs
from tests.helpers.session_memory import memory


def entry(number, label, probability, decision="sure", **more):
    answer = {"label": label, "probability": probability, "decision": decision, "error": None}
    made = {"id": str(number), "name": f"{number}.png", "label": "", "ticked": False, "path": None}
    return {**made, "answers": {"r": {**answer, "unlike": False, "top": [], **more}}}


@pytest.fixture
def held():
    made = [
        entry(10, "glass", 0.9),
        entry(9, "metal", 0.4, "not sure"),
        entry(3, "glass", 0.6, "not sure"),
        entry(4, "paper", 0.99, unlike=True),
        entry(5, "", 0.0),
        entry(6, "glass", 0.7),
    ]
    made[4]["answers"] = {"r": unreadable("5.png", "It is not a picture.")}
    return made


def numbers(entries):
    return [int(one["id"]) for one in entries]


def test_the_least_sure_come_first_and_what_was_not_read_last(held):
    assert numbers(filtered(held, "r", Query(order=LEAST_SURE_FIRST))) == [9, 3, 6, 10, 4, 5]
    assert numbers(filtered(held, "r", Query(order=MOST_SURE_FIRST))) == [4, 10, 6, 3, 9, 5]
    assert numbers(filtered(held, "r", Query(order=BY_NAME))) == [3, 4, 5, 6, 9, 10]
    assert numbers(filtered(held, "another", Query(order=LEAST_SURE_FIRST))) == numbers(held)


def test_the_largest_group_comes_first_and_a_label_by_hand_counts(held):
    assert numbers(filtered(held, "r", Query(order=BY_LABEL))) == [3, 6, 10, 9, 4, 5]
    held[5]["label"] = "metal"
    held[0]["label"] = "metal"
    assert filters.counts(held, "r") == {"metal": 3, "glass": 1, "paper": 1}
    listed = filtered(held, "r", Query(order=BY_LABEL))
    assert numbers(listed) == [9, 6, 10, 3, 4, 5]
    run = SimpleNamespace(id="r")
    heads = ["metal: 3 pictures", "", "", "glass: 1 picture", "paper: 1 picture"]
    assert _groups(listed, listed, run) == [*heads, "Without a label"]
    assert _groups(listed[1:3], listed, run) == ["metal: 3 pictures", ""]  # on a later page


def test_a_filter_keeps_what_fits_every_part(held):
    assert numbers(filtered(held, "r", Query(label="glass"))) == [3, 6, 10]
    assert numbers(filtered(held, "r", Query(label="glass", verdict="Not sure"))) == [3]
    assert numbers(filtered(held, "r", Query(verdict=UNLIKE))) == [4]
    assert numbers(filtered(held, "r", Query(verdict=UNREADABLE))) == [5]
    assert numbers(filtered(held, "r", Query(text=" 0.P"))) == [10]


def test_the_zip_has_a_folder_for_each_label(monkeypatch, workspace):
    monkeypatch.setattr(st, "session_state", memory(workspace))
    for number, label in enumerate(["glass", "metal", "../up"]):
        session_uploads.add("x/same.png", bytes([number]))
        session_uploads.entries()[0]["answers"] = {"r": {"label": label}}
    session_uploads.add("unread.png", b"u")
    session_uploads.add("gone.png", b"g")
    session_uploads.entries()[0]["answers"] = {"r": {"label": "glass"}}
    session_uploads.entries()[0]["path"].unlink()
    session_uploads.entries()[3]["label"] = "glass"  # was metal
    packed = zipfile.ZipFile(io.BytesIO(sorted_zip(session_uploads.entries(), "r")))
    files = {name: packed.read(name) for name in packed.namelist()}
    assert files.pop("glass/same.png") == bytes([1])
    assert files.pop("glass/same (2).png") == bytes([0])
    ((name, data),) = files.items()
    assert data == bytes([2])
    assert ".." not in name.split("/")


def test_what_is_done_in_the_table_is_noted_before_it_is_drawn_anew(held, monkeypatch):
    drawn = {}
    state = {"table": SimpleNamespace(marks=None)}
    monkeypatch.setattr(st, "session_state", state)

    def component(**given):
        drawn.update(given)
        return SimpleNamespace(opened="9")

    monkeypatch.setattr(results_table, "_component", component)
    options = {"title": "t", "classes": ["glass", "metal"], "there": frozenset({"6"})}
    note = partial(_note, held)
    assert results_table.results_table(held, "r", "table", "t", note=note, **options) == "9"
    assert results_table.results_table(held[:1], "r", "table", "t", note=note, **options) == ""

    def send(**marks):
        state["table"].marks = marks
        drawn["on_marks_change"]()
        return {one["id"]: one["label"] for one in held if one["ticked"]}

    assert send(shown=["10", "9"], ticked=["9"], labels={"9": " a  b "}) == {"9": "a b"}
    held[2]["ticked"] = True  # on another page of the table
    labels = send(shown=["10", "9"], ticked=["10"], labels={"10": "metal"})
    assert labels == {"10": "metal", "3": ""}
    assert send(shown=None, ticked=["?"]) == labels
    results_table.results_table(held, "r", "table", "t", note=note, **options)
    row = {one["id"]: one for one in drawn["data"]["rows"]}
    assert row["6"]["there"]
    assert not row["10"]["there"]
    assert (row["10"]["label"], row["10"]["ticked"]) == ("metal", True)
    assert row["5"]["said"] == "It is not a picture."
    shown = [row["9"][name] for name in ("share", "verdict", "kind")]
    assert shown == ["40 %", "Not sure", "stopped"]


def test_a_thumbnail_is_a_small_square_made_once(monkeypatch):
    one = entry(1, "glass", 0.9, preview=made_up_runs.picture(1, 300))
    source = results_table._thumbnail(one, "r")
    assert source.startswith("data:image/jpeg;base64,")
    assert len(source) < 8000
    one["answers"]["r"]["preview"] = b"changed"
    assert results_table._thumbnail(one, "r") == source
