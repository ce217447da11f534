import json
import shutil

import numpy as np
import pytest

from ml.__main__ import main
from ml.data.catalog import DatasetInfo
from ml.data.store.versions import Item, load_version, write_picture, write_version
from ml.errors import BadInputError
from ml.evaluation import class_match, results
from ml.evaluation import stored_reports as kept
from ml.evaluation.evaluate import evaluate
from ml.inference.classifier import Classifier
from ml.runs.folder import Run
from ml.workspace import Workspace
from tests.helpers.trained import CLASSES, dataset, picture, trained


@pytest.fixture
def made(tmp_path):
    """A copy of the session's workspace, and its run, to write into."""
    root = tmp_path / "copy"
    shutil.copytree(trained().workspace.root, root)
    return Workspace(root), Run(root / "runs" / trained().run.id)


def test_counted_anew_the_runs_own_report_is_the_same(made):
    workspace, run = made
    before, stamp = run.report, (run.folder / "report.json").stat().st_mtime_ns
    report = evaluate(workspace, run)
    assert {**report, "seconds": 0} == {**before, "seconds": 0}
    assert (run.folder / "report.json").stat().st_mtime_ns == stamp
    assert not (run.folder / "reports").exists()
    again = evaluate(workspace, run, "noise", "test")
    assert {**again, "seconds": 0} == {**before, "seconds": 0}


def test_the_training_pictures_are_said_to_be_known_to_the_model(made):
    workspace, run = made
    report = evaluate(workspace, run, split="train")
    assert report["pictures"] == len(run.dataset["splits"]["train"])
    (note,) = report["notes"]
    assert f"{report['pictures']} of these {report['pictures']} pictures" in note["text"]
    stored = run.folder / "reports" / f"{run.dataset['fingerprint']}-train.json"
    assert json.loads(stored.read_text("utf-8")) == report


def other_set(workspace: Workspace, classes: dict[str, int]) -> list[tuple[str, bytes]]:
    """A data set named other: for each class name, the kind of picture that is in it."""
    made = [
        (name, picture(kind, 5000 + n)) for name, kind in classes.items() for n in range(12 + kind)
    ]
    names = tuple(classes)
    items = tuple(
        Item(write_picture(workspace, data), names.index(name), file=f"{n}.png")
        for n, (name, data) in enumerate(made)
    )
    about = {"width": 20, "height": 20, "colour": True, "bytes": 1}
    write_version(workspace, "other", names, items, about)
    return made


def test_other_pictures_are_matched_by_the_name_of_their_class(made):
    workspace, run = made
    shown = other_set(workspace, {"blue": 2, "grün": 0, "violet": 1})
    report = evaluate(workspace, run, "other")
    classifier = Classifier.load(run.folder / "model")
    answers = [(name, classifier.classify(data, "x")["label"]) for name, data in shown]
    known = [(name, guess) for name, guess in answers if name != "violet"]
    assert report["pictures"] == len(known) == 26
    assert report["accuracy"] == np.mean([name == guess for name, guess in known])
    assert report["classes"] == list(CLASSES)
    for row, truth in enumerate(CLASSES):
        for column, guess in enumerate(CLASSES):
            assert report["confusion"][row][column] == known.count((truth, guess))
    assert report["majority"] == {"class": "blue", "accuracy": 14 / 26}
    (note,) = report["notes"]
    assert note["text"].startswith("13 pictures were left out")
    assert "violet" in note["text"]
    assert report["dataset"] == "other"
    assert (run.folder / "reports" / f"{report['fingerprint']}-all.json").is_file()


def test_pictures_of_which_some_were_trained_on_are_told(made):
    workspace, run = made
    dataset(workspace, "more", each=70)
    report = evaluate(workspace, run, "more")
    assert report["pictures"] == 210
    assert [note["code"] for note in report["notes"]] == ["seen_in_training"]
    assert f"{run.dataset['counts']['train']} of these 210" in report["notes"][0]["text"]


@pytest.mark.parametrize(
    ("classes", "split", "sentence"),
    [
        ({"cat": 0, "dog": 1}, None, "of a class that the model knows. It knows grün, red, blue"),
        ({"red": 1, "blue": 2}, "tset", "A split is one of train, val, test or all, not tset"),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_a_sentence(made, classes, split, sentence):
    workspace, run = made
    other_set(workspace, classes)
    with pytest.raises(BadInputError, match=sentence):
        evaluate(workspace, run, "other", split)


def test_the_command_prints_the_report_as_its_last_line(made, capsys):
    workspace, run = made
    assert main(["evaluate", "latest", "--workspace", str(workspace.root), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {**printed, "seconds": 0} == {**run.report, "seconds": 0}
    assert main(["evaluate", run.id[:12], "--workspace", str(workspace.root)]) == 0
    text = capsys.readouterr().out
    assert f"Accuracy {run.report['accuracy']:.1%}" in text
    assert "Guessing grün, the biggest class, gets 33.3%." in text


def test_a_run_that_lost_its_list_of_pictures_cannot_be_evaluated(made, capsys):
    workspace, run = made
    (run.folder / "dataset.json").write_text("{", "utf-8")
    assert main(["evaluate", run.id, "--workspace", str(workspace.root)]) == 2
    assert "dataset.json is missing or damaged" in capsys.readouterr().err


def test_a_run_without_a_model_cannot_be_evaluated(made, capsys):
    workspace, run = made
    shutil.rmtree(run.folder / "model")
    assert main(["evaluate", run.id, "--workspace", str(workspace.root), "--json"]) == 2
    assert "There is no trained model" in capsys.readouterr().err


def test_a_report_is_stored_with_its_predictions_until_the_model_changes(made):
    workspace, run = made
    other_set(workspace, {"blue": 2, "grün": 0, "violet": 1})
    report = evaluate(workspace, run, "other")
    (listed,) = kept.others(run)
    assert listed == report
    answers = results.find(workspace, run, report["fingerprint"], "all")
    assert answers.report == report
    assert np.mean(answers.guesses == answers.labels) == report["accuracy"]
    items = load_version(workspace, "other", report["version"]).items
    assert [items[n].hash for n in answers.indices] == list(answers.hashes)
    path = run.folder / "model" / "model.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["sha256"]["model.onnx"] = "another"
    path.write_text(json.dumps(manifest), "utf-8")
    assert kept.others(run) == []
    assert results.find(workspace, run, report["fingerprint"], "all") is None


def test_damaged_predictions_are_not_read(made):
    workspace, run = made
    report = evaluate(workspace, run, split="val")
    path = kept.path_of(run, report["fingerprint"], "val").with_suffix(".npz")
    assert results.find(workspace, run, report["fingerprint"], "val") is not None
    path.write_bytes(path.read_bytes()[:50])
    assert results.find(workspace, run, report["fingerprint"], "val") is None


def test_one_class_is_told_from_the_rest_as_the_report_says(made, capsys):
    workspace, run = made
    words = ["evaluate", run.id, "--workspace", str(workspace.root), "--class", "red"]
    words += ["--split", "all"]
    assert main([*words, "--at", "0.6", "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    summary = report["one_class"]
    entry = next(one for one in report["per_class"] if one["class"] == "red")
    assert summary["roc_auc"] == entry["roc_auc"]
    assert summary["average_precision"] == entry["average_precision"]
    answers = results.find(workspace, run, report["fingerprint"], "all")
    label = report["classes"].index("red")
    called = answers.probabilities[:, label] >= 0.6
    hits = called & (answers.labels == label)
    assert (summary["at"]["called"], summary["at"]["hits"]) == (called.sum(), hits.sum())
    assert main(words) == 0
    assert "red is ranked above another in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--class", "cat"], "The model knows grün, red, blue, not cat"),
        (["--class", "red", "--at", "60"], "--at is a probability from 0 to 1"),
        (["--at", "0.5"], "needs --class"),
    ],
)
def test_a_class_or_threshold_that_is_none_is_told(made, words, sentence, capsys):
    workspace, run = made
    assert main(["evaluate", run.id, "--workspace", str(workspace.root), *words]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("classes", "counts", "pictures", "reason"),
    [
        (("red", "violet"), {"red": 3, "violet": 4}, 3, ""),
        (("cat", "dog"), {"cat": 3, "dog": 4}, 0, "no class in common"),
        (("Red",), {"Red": 3}, 0, "Red and red count as two"),
        (("red",), {"red": 0}, 0, "It has no pictures"),
    ],
)
def test_a_set_fits_a_model_by_the_names_of_its_classes(classes, counts, pictures, reason):
    info = DatasetInfo(
        "x", "X", "own", sum(counts.values()), classes, 9, 9, True, "", "", True, counts
    )
    match = class_match.fit(("red", "blue"), info)
    assert match.pictures == pictures
    assert reason in match.reason
    assert bool(match.reason) == bool(reason)
    assert match.left_out == counts.get("violet", 0) + (0 if pictures else sum(counts.values()))
