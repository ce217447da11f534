import json
import shutil

import numpy as np
import pytest

from ml.__main__ import main
from ml.data.store import Item, write_picture, write_version
from ml.errors import BadInputError
from ml.evaluate import evaluate
from ml.predict import Classifier
from ml.runs import Run
from ml.workspace import Workspace
from tests.trained import CLASSES, dataset, picture, trained


@pytest.fixture
def made(tmp_path):
    """A copy of the session's workspace, and its run, to write into."""
    root = tmp_path / "copy"
    shutil.copytree(trained().workspace.root, root)
    return Workspace(root), Run(root / "runs" / trained().run.id)


def test_counted_anew_the_runs_own_report_is_the_same(made):
    workspace, run = made
    before, stamp = run.report, (run.folder / "report.json").stat().st_mtime_ns
    found = evaluate(workspace, run)
    assert {**found, "seconds": 0} == {**before, "seconds": 0}
    assert (run.folder / "report.json").stat().st_mtime_ns == stamp
    assert not (run.folder / "reports").exists()
    again = evaluate(workspace, run, "noise", "test")
    assert {**again, "seconds": 0} == {**before, "seconds": 0}


def test_the_training_pictures_are_said_to_be_known_to_the_model(made):
    workspace, run = made
    found = evaluate(workspace, run, split="train")
    assert found["pictures"] == len(run.dataset["splits"]["train"])
    (note,) = found["notes"]
    assert f"{found['pictures']} of these {found['pictures']} pictures" in note["text"]
    kept = run.folder / "reports" / f"{run.dataset['fingerprint']}-train.json"
    assert json.loads(kept.read_text("utf-8")) == found


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
    found = evaluate(workspace, run, "other")
    classifier = Classifier.load(run.folder / "model")
    answers = [(name, classifier.classify(data, "x")["label"]) for name, data in shown]
    known = [(name, guess) for name, guess in answers if name != "violet"]
    assert found["pictures"] == len(known) == 26
    assert found["accuracy"] == np.mean([name == guess for name, guess in known])
    assert found["classes"] == list(CLASSES)
    for row, truth in enumerate(CLASSES):
        for column, guess in enumerate(CLASSES):
            assert found["confusion"][row][column] == known.count((truth, guess))
    assert found["majority"] == {"class": "blue", "accuracy": 14 / 26}
    (note,) = found["notes"]
    assert note["text"].startswith("13 pictures were left out")
    assert "violet" in note["text"]
    assert found["dataset"] == "other"
    assert (run.folder / "reports" / f"{found['fingerprint']}-all.json").is_file()


def test_pictures_of_which_some_were_trained_on_are_told(made):
    workspace, run = made
    dataset(workspace, "more", each=70)
    found = evaluate(workspace, run, "more")
    assert found["pictures"] == 210
    assert [note["code"] for note in found["notes"]] == ["seen_in_training"]
    assert f"{run.dataset['counts']['train']} of these 210" in found["notes"][0]["text"]


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
