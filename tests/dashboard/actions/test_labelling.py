"""Labels by hand on Classify: what can be added to the data set, and what becomes of it there."""

import pytest
import streamlit as st

from dashboard.actions import labelling
from dashboard.components.data import upload
from dashboard.state.keys import RESULTS_VIEW
from dashboard.state.page_states import ClassifyState
from dashboard.state.stored import stored_in
from dashboard.uploads import session_uploads
from dashboard.workers import inference
from ml.__main__ import main
from ml.data.store.picture_key import PictureKey
from ml.data.store.versions import load_version, read_summary
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words
from tests.helpers.session_memory import memory
from tests.pages.test_classify import StandIn, drop


@pytest.fixture
def run(workspace):
    return made_up_runs.colours(workspace, "Colours")


@pytest.fixture
def worker(monkeypatch):
    made = StandIn()
    monkeypatch.setattr(inference, "client", lambda: made)
    return made


@pytest.fixture
def _tab(monkeypatch, workspace):
    monkeypatch.setattr(st, "session_state", memory(workspace))


def shown(data, name, guess="green", label="", ticked=False):
    """A picture in the tray that the model took for ``guess``."""
    session_uploads.add(name, data)
    one = session_uploads.entries()[0]
    top = [{"label": guess, "probability": 0.5}]
    one["answers"]["r"] = {**top[0], "top": top, "error": None, "decision": "sure"}
    one |= {"label": label, "ticked": ticked}
    return one


def added(workspace, name, entries):
    """The version that the job of these pictures makes, by the command that a page starts."""
    job = labelling.job(workspace, name, entries)
    assert main([*job.command, "--workspace", str(workspace.root), "--json"]) == 0
    job.cancel()
    return load_version(workspace, name)


@pytest.mark.usefixtures("_tab")
def test_ticked_pictures_join_the_set_under_their_labels_and_no_test(workspace, run):
    old = load_version(workspace, "colours")
    pictures = [
        shown(made_up_runs.solid(1, 20), "x/leaf, or so.png", label="green", ticked=True),
        shown(made_up_runs.solid(2, 21), "=sky.png", label='a, "new" class/2', ticked=True),
        shown(made_up_runs.solid(0, 22), "labels.csv", label="red", ticked=True),
        shown(made_up_runs.solid(0, 23), "labels.csv", label="red", ticked=True),
    ]
    new = added(workspace, "colours", pictures)
    assert new.version == old.version + 1
    assert new.classes == (*old.classes, 'a, "new" class/2')
    fresh = {PictureKey(item.hash).short_hash: item for item in new.items[len(old.items) :]}
    assert {one["id"]: one["label"] for one in pictures} == {
        identifier: new.classes[item.label] for identifier, item in fresh.items()
    }
    assert not any(item.split == "test" for item in fresh.values())
    assert read_summary(workspace, "colours")["change"] == "4 pictures added to 3 classes."
    assert list((workspace.root / "incoming").glob("*/labels.csv")) == []


@pytest.mark.usefixtures("_tab")
def test_only_what_is_ticked_and_not_there_yet_can_be_added(workspace, run):
    fresh = shown(made_up_runs.solid(1, 20), "a.png")
    there = shown(made_up_runs.solid(1, 0), "b.png", guess="red")  # in the set, as green
    again = shown(made_up_runs.solid(2, 21), "c.png", label="blue", ticked=True)
    lesson = labelling.labelling_target(workspace, run)
    labelling.mark([fresh, there], "r", True)
    assert fresh["label"] == "green"  # what another model would guess is of no account any more
    assert lesson.ready(session_uploads.entries()) == [again, fresh]
    session_uploads.remove(again["id"])
    assert lesson.ready([again, fresh]) == [fresh]
    version = added(workspace, "colours", [fresh, there])  # in case another tab was faster
    assert len(version.items) == 13
    assert labelling.labelling_target(workspace, run).there >= {fresh["id"], there["id"]}
    assert labelling.labelling_target(workspace, run).ready(session_uploads.entries()) == []


def test_the_page_offers_it_and_what_is_chosen_on_a_card_is_ticked(workspace, run, worker):
    at = drop(visit("classify", run.id), ("one.png", b"sure"))
    assert at.button("teach-add").disabled
    one = stored_in(at.session_state, ClassifyState).uploads[0]
    at.selectbox(f"label-{one['id']}").select("blue").run()
    assert not at.exception
    one = stored_in(at.session_state, ClassifyState).uploads[0]
    assert (one["label"], one["ticked"]) == ("blue", True)
    assert at.button("teach-add").label == "Add 1 picture"
    assert "Its test pictures stay as they are." in words(at)
    at.button("teach-none").click().run()
    assert not stored_in(at.session_state, ClassifyState).uploads[0]["ticked"]
    at.button("teach-tick").click().run()
    assert at.button("teach-add").label == "Add 1 picture"
    assert at.button("teach-tick").disabled


def test_the_page_for_others_has_none_of_it(workspace, run, worker, monkeypatch):
    monkeypatch.setenv("LENSMITH_MODE", "demo")
    at = visit_demo()
    assert "teach-add" not in {button.key for button in at.button}
    assert not [one for one in at.selectbox if str(one.key).startswith("label-")]


def visit_demo():
    from dashboard.server.static import ROOT
    from tests.helpers.page_visits import AppTest

    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30).run()
    return drop(at, ("one.png", b"sure"))


def test_where_the_set_is_gone_pictures_are_only_looked_at(workspace, run, worker):
    for path in (workspace.datasets / "colours" / "versions").iterdir():
        path.unlink()
    at = drop(visit("classify", run.id), ("one.png", b"sure"))
    assert "teach-add" not in {button.key for button in at.button}


def test_what_is_too_much_for_this_server_is_not_added(workspace, run, worker, monkeypatch):
    at = drop(visit("classify", run.id), ("one.png", b"sure"))
    at.button("teach-tick").click().run()
    from dashboard.components.classify import labelling

    monkeypatch.setattr(labelling, "over_limit", lambda sizes: f"{sum(sizes)} bytes are too many.")
    at.button("teach-add").click().run()
    assert not at.exception
    assert "4 bytes are too many" in " ".join(one.value for one in at.warning)
    assert upload.over_limit([1]) == ""


def test_many_pictures_are_a_table_until_somebody_chooses_otherwise(workspace, run, worker):
    at = drop(visit("classify", run.id), *((f"{n}.png", bytes([n])) for n in range(13)))
    assert at.session_state[RESULTS_VIEW] == "Table"
    assert len(at.get("bidi_component")) > 0
    at.get("segmented_control")[0].set_value("Cards").run()
    assert not at.exception
    assert sum('<div class="lens-answer">' in item.value for item in at.html) == 12
    drop(at, ("more.png", b"more"))
    assert at.session_state[RESULTS_VIEW] == "Cards"
