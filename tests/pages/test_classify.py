"""The Classify page, driven without a browser, with a stand-in for the inference worker."""

import base64
import csv
import io
import json
import re
from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace

import pytest

from dashboard.components.classify import explanation, upload
from dashboard.components.classify import results as answers
from dashboard.components.classify.prediction_card import card_html
from dashboard.components.classify.upload import KINDS
from dashboard.components.widgets import camera
from dashboard.queries.predictions_csv import csv_of
from dashboard.server import limits
from dashboard.server.static import ROOT
from dashboard.state.messages import REFUSED_UPLOADS
from dashboard.state.page_states import ClassifyState
from dashboard.state.selection import Selection
from dashboard.state.stored import stored_in
from dashboard.state.widget_key import WidgetKey
from dashboard.uploads import session_uploads
from dashboard.workers import inference
from ml.errors import BadInputError
from ml.inference.classifier import unreadable
from ml.text import report_sentences
from tests.helpers import made_up_runs
from tests.helpers.page_visits import AppTest, visit, words

HOSTILE = '../../<img src=x onerror="alert(1)">.png'


class StandIn:
    """Answers as the worker does; remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def classify(self, run_folder, data, name, top_k, visitor=""):
        self.asked.append((run_folder.name, name))
        if data == b"broken":
            return {**unreadable(name, "It is not a picture."), "seen": None, "preview": None}
        if data == b"model":
            raise BadInputError("The model was changed, so it is not used.")
        top = [{"label": "<b>glass</b>", "probability": 0.7 if data == b"sure" else 0.5}]
        top.append({"label": "metal", "probability": 0.004})
        decision = "sure" if data == b"sure" else "not sure"
        pictures = {"seen": made_up_runs.picture(1), "preview": made_up_runs.picture(2)}
        return {
            "file": name,
            **top[0],
            "top": top[:top_k],
            "decision": decision,
            "error": None,
            "unlike": data == b"strange",
            "nearest": [{"item": 3, "label": "metal", "distance": 0.2}],
            **pictures,
        }

    def explain(self, run_folder, seen, label, method):
        self.asked.append((label, method))
        methods = [
            {"name": "one", "label": "First", "says": "This is the first."},
            {"name": "two", "label": "Second", "says": "This is the second."},
        ]
        figures = {"before": 0.9, "covered": 0.2, "elsewhere": 0.85}
        heat = [[0.0, 1.0], [0.5, 0.0]]
        return {"method": method or "one", "heat": heat, **figures, "methods": methods}


@pytest.fixture
def worker(monkeypatch):
    made = StandIn()
    monkeypatch.setattr(inference, "client", lambda: made)
    monkeypatch.setattr(explanation, "explainer", lambda: made)
    return made


@pytest.fixture
def version(workspace):
    return made_up_runs.dataset(workspace)


def drop(at, *files):
    uploader = at.get("file_uploader")[0]
    for name, data in files:
        uploader.upload(name, data)
    at.run()
    assert not at.exception, at.exception
    return at


def test_an_empty_workspace_leads_to_training(workspace):
    at = visit("classify")
    assert "No model to try yet" in words(at)
    assert [button.label for button in at.main.button] == ["Train a classifier"]


def test_a_run_without_a_model_is_not_offered(workspace, version):
    made_up_runs.queued(workspace, version)
    assert "No model to try yet" in words(visit("classify"))


def test_a_model_that_stands_in_for_the_run_in_hand_is_named_as_such(workspace, version):
    usable = made_up_runs.finished(workspace, version)
    waiting = made_up_runs.queued(workspace, version)
    assert "has no model yet" in words(visit("classify", waiting.id))
    assert "has no model yet" not in words(visit("classify", usable.id))


def test_a_dropped_picture_is_classified_and_the_drop_zone_emptied(workspace, version, worker):
    run = made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), ("one.png", b"sure"), ("two.png", b"unsure"))
    assert sorted(worker.asked) == [(run.id, "one.png"), (run.id, "two.png")]
    text = words(at)
    assert "Sure" in text
    assert "50 % is under the 60 % that this model needs" in text
    assert at.get("file_uploader")[0].value == []
    drop(at, ("three.png", b"other"))
    assert [entry["name"] for entry in stored_in(at.session_state, ClassifyState).uploads] == [
        "three.png",
        "one.png",
        "two.png",
    ]
    assert len(worker.asked) == 3


def test_a_drop_zone_that_says_that_it_is_empty_changes_nothing(monkeypatch):
    state = {"drop": []}
    monkeypatch.setattr(upload.st, "session_state", state)
    stored_in(state, ClassifyState).upload_turn = 3
    REFUSED_UPLOADS.send(["what was said"])
    before = deepcopy(state)
    upload._dropped(None, WidgetKey("drop"))
    assert state == before


def test_a_new_answer_is_on_its_way_before_the_cards_that_it_moves(
    workspace, version, worker, monkeypatch
):
    made_up_runs.finished(workspace, version)
    drawn, draw = [], answers.result_card
    monkeypatch.setattr(
        answers, "result_card", lambda *of: (drawn.append(of[3]["name"]), draw(*of))
    )
    monkeypatch.setattr(answers, "time", SimpleNamespace(sleep=lambda some: drawn.append("wait")))
    at = drop(visit("classify"), ("one.png", b"sure"), ("two.png", b"unsure"))
    assert drawn == ["one.png", "two.png"]  # nothing stood there that would be moved
    drawn.clear()
    drop(at, ("three.png", b"other"))
    assert drawn == ["three.png", "wait", "one.png", "two.png"]
    drawn.clear()
    at.run()
    assert drawn == ["three.png", "one.png", "two.png"]


def test_another_model_is_asked_about_the_pictures_that_are_there(workspace, version, worker):
    first = made_up_runs.finished(workspace, version)
    second = made_up_runs.finished(workspace, version)
    at = drop(visit("classify", first.id), ("one.png", b"sure"))
    at.selectbox("classify-run").select(second.id).run()
    assert not at.exception
    assert worker.asked == [(first.id, "one.png"), (second.id, "one.png")]
    at.selectbox("classify-run").select(first.id).run()
    assert len(worker.asked) == 2


def test_a_picture_that_cannot_be_read_says_so_and_the_others_are_answered(
    workspace, version, worker
):
    made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), ("bad.png", b"broken"), ("good.png", b"sure"))
    text = words(at)
    assert "It is not a picture." in text
    assert "70 %" in text


def test_a_model_that_cannot_be_used_is_a_sentence(workspace, version, worker):
    made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), ("one.png", b"model"))
    assert "The model was changed" in at.error[0].value


def test_names_of_files_and_classes_are_shown_and_not_obeyed(workspace, version, worker):
    made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), (HOSTILE, b"sure"))
    for item in at.html:
        assert "<img src=x" not in item.value
        assert "<b>glass" not in item.value
    cards = [item.value for item in at.html if "lens-answer" in item.value]
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;.png" in cards[0]


def test_pictures_can_be_removed_and_cleared(workspace, version, worker):
    made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), ("one.png", b"sure"), ("two.png", b"unsure"))
    first = stored_in(at.session_state, ClassifyState).uploads[0]["id"]
    at.button(f"remove-{first}").click().run()
    assert [entry["name"] for entry in stored_in(at.session_state, ClassifyState).uploads] == [
        "two.png"
    ]
    next(button for button in at.button if button.label == "Clear").click().run()
    assert stored_in(at.session_state, ClassifyState).uploads == []


def test_more_pictures_than_allowed_are_cut_off_with_a_sentence(
    workspace, version, worker, monkeypatch
):
    monkeypatch.setattr(limits, "LOCAL", replace(limits.LOCAL, classify_pictures=2))
    made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), *((f"{n}.png", bytes([n])) for n in range(4)))
    assert sorted(name for _, name in worker.asked) == ["0.png", "1.png"]
    assert "4 pictures are too many at once: the first 2 were taken" in at.info[0].value.replace(
        "\\", ""
    )


def test_the_drop_zone_names_its_limits(workspace, version):
    made_up_runs.finished(workspace, version)
    uploader = visit("classify").get("file_uploader")[0]
    assert uploader.proto.max_upload_size_mb == limits.LOCAL.megabytes_a_file
    assert {kind.removeprefix(".") for kind in uploader.proto.type} >= set(KINDS)


def test_the_camera_is_off_until_it_is_asked_for(workspace, version):
    made_up_runs.finished(workspace, version)
    at = visit("classify")
    assert not cameras(at)
    at.toggle("camera-on").set_value(True).run()
    assert [(one["label"], one["once"]) for one in cameras(at)] == [("Camera", True)]


def cameras(at):
    """What was told to the cameras of the page, the live one left out."""
    messages = [json.loads(part.proto.json or "null") for part in at.get("bidi_component")]
    return [one for one in messages if isinstance(one, dict) and "once" in one]


def test_a_photo_is_taken_once_however_often_the_page_is_drawn(monkeypatch):
    photo = b"\xff\xd8\xff\xe0\x00"
    sent = {"token": "1-2", "shots": [base64.b64encode(photo).decode()]}
    state = {"camera": SimpleNamespace(shots=sent)}
    messages = []

    def component(*, key, data, on_shots_change):
        messages.append(data)
        on_shots_change()

    monkeypatch.setattr(camera.st, "session_state", state)
    monkeypatch.setattr(camera, "_component", component)
    taken = []
    camera.snapshot("Camera", "camera", taken.append)
    camera.snapshot("Camera", "camera", taken.append)
    assert taken == [photo]
    assert [one["taken"] for one in messages] == ["", "1-2"], "the browser lets go of its copy"


def test_the_answers_can_be_taken_away_as_a_table(workspace, version, worker):
    made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), ("=1+1.png", b"sure"), ("bad.png", b"broken"))
    run = stored_in(at.session_state, Selection).run
    held = stored_in(at.session_state, ClassifyState).uploads
    lines = list(csv.reader(io.StringIO(csv_of(session_uploads.lines(held, run)))))
    assert lines[1][:4] == ["'=1+1.png", "<b>glass</b>", "0.7", "sure"]
    assert lines[2][4] == "It is not a picture."


def test_the_bars_of_a_card_are_as_long_as_the_probabilities():
    top = [{"label": "a", "probability": 0.75}, {"label": "b", "probability": 0.25}]
    answer = {**top[0], "top": top, "decision": "sure", "error": None, "seen": None}
    entry = {"id": "x", "name": "n", "data": b"", "truth": "", "answers": {"r": answer}}
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", card_html(entry, "r", 0.5))]
    assert widths == [75, 25]


def test_a_truth_that_is_known_is_told():
    top = [{"label": "a", "probability": 0.75}]
    answer = {**top[0], "top": top, "decision": "sure", "error": None, "seen": None}
    entry = {"id": "x", "name": "n", "data": b"", "truth": "b", "answers": {"r": answer}}
    assert 'class="lens-wrong">b<' in card_html(entry, "r", 0.5)
    assert 'class="lens-right">a<' in card_html({**entry, "truth": "a"}, "r", 0.5)


def test_a_reason_is_given_when_it_is_asked_for_and_each_only_once(workspace, version, worker):
    run = made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), ("one.png", b"sure"))
    assert len(worker.asked) == 1
    key = f"{run.id}-{stored_in(at.session_state, ClassifyState).uploads[0]['id']}"
    at.toggle(f"why-{key}").set_value(True).run()
    assert worker.asked[1:] == [("<b>glass</b>", "")]
    text = words(at)
    assert "This is the first." in text
    assert "goes from 90 % to 20 %; with as much covered elsewhere, to 85 %" in text
    assert "It looks like these" in text
    at.selectbox(f"why-label-{key}").select("metal").run()
    at.selectbox(f"why-label-{key}").select("<b>glass</b>").run()
    assert not at.exception
    assert worker.asked[2:] == [("metal", "one")]


@pytest.mark.parametrize("mode", ["public", "demo", "shared page"])
def test_strangers_see_no_picture_that_it_learned_from(
    mode, workspace, version, worker, monkeypatch
):
    run = made_up_runs.finished(workspace, version)
    if mode == "public":
        monkeypatch.setenv("LENSMITH_PUBLIC", "1")
        at = visit("classify")
    else:
        monkeypatch.setenv("LENSMITH_MODE", "demo" if mode == "demo" else "")
        at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
        at.query_params["classify"] = run.id
        at.run()
    drop(at, ("one.png", b"sure"))
    key = f"{run.id}-{stored_in(at.session_state, ClassifyState).uploads[0]['id']}"
    at.toggle(f"why-{key}").set_value(True).run()
    assert not at.exception, at.exception
    assert "This is the first." in words(at), "the map is of their own picture"
    assert "It looks like these" not in words(at)


def test_an_out_of_distribution_picture_says_so_at_any_probability(workspace, version, worker):
    made_up_runs.finished(workspace, version)
    at = drop(visit("classify"), ("one.png", b"strange"))
    (card,) = [item.value for item in at.html if '<div class="lens-answer">' in item.value]
    assert "Unlike anything it learned" in card
    assert "Not sure" not in card


def test_the_rules_are_told_with_what_was_counted_and_small_counts_as_such():
    answers = {"pictures": 90, "answered": 72, "right": 70, "bound": 0.082, "enough": True}
    sentence = report_sentences.threshold(0.63, answers)
    assert "Of 100 answers that it is sure of, at most 9 are wrong, 19 times in 20." in sentence
    assert "it answered 72, 70 of them rightly, and left 18 (20 %) open" in sentence
    assert report_sentences.promise_kept(answers, right=91, sure=100) == ""
    assert "10 % of the sure answers are wrong" in report_sentences.promise_kept(answers, 90, 100)
    earlier = report_sentences.threshold(0.63, {**answers, "bound": None, "target": 0.95})
    assert "at most" not in earlier  # it showed nothing for that
    few = report_sentences.threshold(0.63, {**answers, "pictures": 9, "enough": False})
    assert "only 9 validation pictures, too few" in few
    about = {"pictures": 420, "validation": 90, "false_alarms": 0.05}
    assert "420 training pictures" in report_sentences.unlike(about)
    assert "about 1 in 20 so by mistake" in report_sentences.unlike(about)
    bounded = report_sentences.unlike({**about, "false_alarms_bound": 0.091})
    assert "about 5 of 100 (at most 10, 19 times in 20) so by mistake" in bounded
    assert "1 in 10 pictures" in report_sentences.unlike({**about, "validation": 9})
    assert report_sentences.unlike(None) == report_sentences.unlike({}) == ""


@pytest.mark.parametrize(
    ("figures", "heat", "sentence"),
    [
        ((0.9, 0.2, 0.85), 1.0, "So what is bright did count."),
        ((0.9, 0.85, 0.85), 1.0, "does not hang on the bright part alone."),
        ((0.02, 0.0, 0.02), 1.0, "too little to check"),
        ((0.9, 0.2, 0.85), 0.0, "Nothing in this picture speaks for cat."),
    ],
)
def test_a_map_is_not_trusted_beyond_what_covering_shows(figures, heat, sentence):
    probabilities = dict(zip(("before", "covered", "elsewhere"), figures, strict=True))
    assert sentence in explanation.sentence({**probabilities, "heat": [[0.0, heat]]}, "cat")
