"""Mistakes beside what they look like, and a run measured on another data set, on Evaluate."""

import numpy as np
import pytest

from dashboard.components.evaluate.mistake_neighbours import finding
from dashboard.components.evaluate.other_datasets import about
from dashboard.queries import neighbours, results
from dashboard.queries.neighbours import Neighbour
from dashboard.state.keys import fold_key
from ml.data.catalog import describe
from ml.data.store.picture_key import PictureKey
from ml.data.store.versions import Item, load_version, write_picture, write_version
from ml.errors import BadInputError
from ml.evaluation import class_match, stored_reports
from ml.evaluation.evaluate import evaluate
from ml.utils.files import read_json, write_json
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words


def other_set(workspace):
    """Pictures of two of the colours, one labelled wrongly, and of one that is not known."""
    kinds = ("green", "red", "violet")
    shown = [(0, 1, 20), (0, 1, 21), (0, 0, 22), (1, 0, 23), (1, 0, 24), (2, 2, 25)]
    items = tuple(
        Item(write_picture(workspace, made_up_runs.solid(colour, seed)), label, file=f"{seed}.png")
        for label, colour, seed in shown
    )
    about = {"width": 40, "height": 40, "colour": True, "bytes": 1, "title": "Elsewhere"}
    return write_version(workspace, "elsewhere", kinds, items, about)


@pytest.fixture
def run(workspace):
    return made_up_runs.colours(workspace)


def test_sets_that_fit_are_offered_and_the_others_say_why_not(workspace, run):
    other_set(workspace)
    made_up_runs.dataset(workspace, ("Red", "pink"), each=2, name="capitals")
    at = visit("evaluate", run.id)
    at.session_state[fold_key("others", run.id)] = True
    at.run()
    assert at.selectbox(f"others-{run.id}").options == ["Elsewhere · 5 pictures"]
    text = words(at).replace("\\", "")
    assert "2 of the model's 3 classes are in it: green and red." in text
    assert "1 picture of violet would be left out: the model does not know this class." in text
    assert "no class in common. Red and red count as two: rename one of them on Data." in text
    assert any(button.label == "Measure on these" for button in at.button)


def test_a_measurement_on_other_pictures_is_what_the_whole_page_then_shows(workspace, run):
    version = other_set(workspace)
    report = evaluate(workspace, run, "elsewhere")
    assert report["accuracy"] == 0.8
    at = visit("evaluate", run.id)
    assert "Accuracy 100 %" in words(at)
    picker = at.selectbox(f"report-{run.id}")
    assert picker.options == ["Its own test pictures", "All pictures of elsewhere · 5 pictures"]
    picker.select_index(1).run()
    assert not at.exception
    text = words(at).replace("\\", "")
    assert "Accuracy 80 %" in text
    assert "Everything below is about all pictures of elsewhere, version 1: 5 pictures" in text
    assert "1 picture was left out, because the model does not know its class: violet" in text
    assert "never trained on" not in text
    assert "There are no pictures of blue" in text
    assert "green is taken for red: 1 of 3" in text
    assert "22.png" in text  # the one that is labelled wrongly is the only mistake
    shown = results.load(workspace, run, (version.fingerprint, "all"))
    assert (shown.own, shown.dataset, shown.split) == (False, "elsewhere", "all")
    assert shown.key != run.id
    at.selectbox(f"report-{run.id}").select_index(0).run()
    assert "Accuracy 100 %" in words(at)


def test_a_measurement_that_is_done_is_shown_at_once(workspace, run):
    version = other_set(workspace)
    evaluate(workspace, run, "elsewhere")
    at = visit("evaluate", run.id)
    at.session_state[fold_key("others", run.id)] = True
    at.run()
    at.button(f"show-others-{run.id}").click().run()
    assert at.selectbox(f"report-{run.id}").value == f"{version.fingerprint}-all"
    assert "Accuracy 80 %" in words(at)


def test_a_measurement_of_an_earlier_model_is_not_offered(workspace, run):
    other_set(workspace)
    evaluate(workspace, run, "elsewhere")
    path = run.folder / "model" / "model.json"
    write_json(path, read_json(path) | {"sha256": {"model.onnx": "0" * 64}})
    assert stored_reports.others(run) == []
    assert "Measured on" not in [box.label for box in visit("evaluate", run.id).selectbox]


def test_what_would_be_left_out_is_told(workspace):
    version = other_set(workspace)
    fit = class_match.fit(("red", "green", "violet"), describe(workspace, version.name))
    assert about(fit, 3) == "3 of the model's 3 classes are in it: green, red and violet."


def test_neighbours_are_the_training_pictures_that_the_model_names(workspace, run, monkeypatch):
    items = load_version(workspace, run.dataset["name"]).items
    asked = []

    class Client:
        def classify(self, folder, data, name, top_k, visitor=""):
            asked.append(data)
            near = [{"item": n, "label": "red", "distance": 0.1 * n} for n in (3, 1, 2, 0, 999)]
            return {"nearest": near}

    monkeypatch.setattr(neighbours, "client", Client)
    neighbours._nearest.clear()
    pictures = [PictureKey(items[5].hash), PictureKey(items[5].hash), PictureKey("ab" * 32)]
    (nearest, again, gone) = neighbours.nearest(workspace, run, pictures)
    assert [one.picture.hash for one in nearest] == [items[n].hash for n in (3, 1, 2)]
    assert again == nearest
    assert gone == []
    assert len(asked) == 1


def test_training_pictures_that_are_gone_are_told(workspace, run):
    write_json(run.folder / "dataset.json", run.dataset | {"name": "gone"})
    with pytest.raises(BadInputError, match="not here any more"):
        neighbours.nearest(workspace, run, [PictureKey("ab" * 32)])


def test_the_sentence_counts_what_mistakes_look_like(workspace):
    version = made_up_runs.dataset(workspace, each=4)
    logits = np.eye(3, dtype=np.float32)[(version.labels + 1) % 3] * 5
    run = made_up_runs.finished(workspace, version, made_up_runs.Truth(version.labels, logits))
    test_results = results.read(workspace, run)
    picture = PictureKey("x")
    near = [[Neighbour(picture, label)] for label in ("metal", "glass", "paper")] + [[]]
    sentence = finding(test_results, [0, 1, 2, 3], near)  # glass, taken for metal
    assert sentence.startswith("Of 3 mistakes, 1 looks most like a training picture of the class")
    assert "1 like one of its own class" in sentence
    assert finding(test_results, [0], [[]]) == "There are no training pictures to compare with."


def test_a_model_without_its_training_pictures_offers_no_comparison(workspace):
    version = made_up_runs.dataset(workspace)
    run = made_up_runs.finished(workspace, version)
    assert not [one for one in visit("evaluate", run.id).toggle if "looks like" in one.label]
