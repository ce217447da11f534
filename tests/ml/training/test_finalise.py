import copy
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from ml.errors import BadInputError, DivergedError, WorkspaceError
from ml.export import verification
from ml.export.weights import load_weights
from ml.inference.classifier import Classifier
from ml.metrics.calibration import choose_temperature, softmax
from ml.metrics.selective import choose_threshold
from ml.models import Inputs, build
from ml.runs.folder import Run
from ml.training import finalise as module
from tests.helpers.trained import SPEC, trained


def predictions(run: Run) -> dict[str, np.ndarray]:
    with np.load(run.folder / "predictions.npz", allow_pickle=False) as saved:
        return dict(saved)


@pytest.fixture
def again(tmp_path: Path) -> Any:
    """Finalises a copy of the session's run once more; keywords replace arguments."""
    made = trained()
    shutil.copytree(made.run.folder, tmp_path / "run")
    run = Run(tmp_path / "run")

    def finalise(**changed: Any) -> Run:
        arguments = {
            "progress": lambda phase, fraction: None,
            "cache": made.workspace.features / "graphs",
        } | changed
        network = arguments.pop("network", made.network)
        module.finalise(run, network, made.pictures, **arguments)
        return run

    finalise.run = run  # type: ignore[attr-defined]
    return finalise


def test_the_reported_accuracy_is_a_recount_of_the_saved_predictions():
    made, saved = trained(), predictions(trained().run)
    guesses, report = saved["logits"].argmax(axis=1), trained().run.report
    assert 0.34 < report["accuracy"] < 1  # a case in which there is something to get wrong
    assert report["accuracy"] == np.mean(guesses == saved["labels"])
    assert report["confusion"] == reference.confusion_matrix(saved["labels"], guesses).tolist()
    assert report["loss"] == pytest.approx(
        reference.log_loss(saved["labels"], softmax(saved["logits"]))
    )
    assert made.figures["test"] == {name: report[name] for name in made.figures["test"]}


def test_the_saved_predictions_are_those_of_the_test_pictures():
    made, saved = trained(), predictions(trained().run)
    items = made.pictures.version.items
    record = made.run.dataset
    assert saved["indices"].tolist() == record["splits"]["test"]
    assert [items[n].hash for n in saved["indices"]] == saved["hashes"].tolist()
    assert [items[n].label for n in saved["indices"]] == saved["labels"].tolist()


def test_what_is_reported_is_what_the_shipped_file_answers():
    made, saved = trained(), predictions(trained().run)
    classifier = Classifier.load(made.run.folder / "model")
    assert np.array_equal(classifier.logits(made.pictures.pixels("test")), saved["logits"])


def test_the_file_answers_as_torch_does_and_says_how_closely():
    made, saved = trained(), predictions(trained().run)
    with torch.inference_mode():
        wanted = made.network(torch.from_numpy(np.array(made.pictures.pixels("test"))))
    temperature = made.run.model["temperature"]
    difference = np.abs(softmax(saved["logits"], temperature) - softmax(wanted, temperature)).max()
    parity = made.run.model["parity"]
    assert parity["images"] == len(saved["labels"])
    assert parity["top1_agreement"] == 1.0
    assert parity["max_probability_difference"] == pytest.approx(difference, abs=1e-6)
    assert difference < 1e-4
    assert made.run.report["notes"] == []


def test_calibration_is_found_on_validation_pictures_alone():
    made = trained()
    classifier = Classifier.load(made.run.folder / "model")
    logits, labels = classifier.logits(made.pictures.pixels("val")), made.pictures.labels("val")
    temperature = choose_temperature(logits, labels)
    assert classifier.temperature == temperature
    rule = choose_threshold(softmax(logits, temperature), labels)
    assert classifier.threshold == rule.threshold
    assert "95 %" in made.run.model["threshold_rule"]


def test_the_manifest_holds_the_hash_of_every_other_file():
    folder = trained().run.folder / "model"
    others = {path for path in folder.iterdir() if path.name != "model.json"}
    assert {path.name for path in others} == {"model.onnx", "weights.pt", "learned.npz"}
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in others}
    assert json.loads((folder / "model.json").read_text("utf-8"))["sha256"] == hashes


def test_the_saved_weights_make_the_same_network():
    made = trained()
    fresh = build("tutorial_net", Inputs(3, SPEC.size, 3))
    load_weights(fresh, made.run.folder / "model")
    batch = torch.from_numpy(np.array(made.pictures.pixels("test")))
    with torch.inference_mode():
        assert torch.equal(fresh.eval()(batch), made.network(batch))


def test_changed_weights_and_those_of_another_network_are_refused(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained().run.folder / "model", folder)
    with pytest.raises(BadInputError, match="another network"):
        load_weights(build("tutorial_net", Inputs(1, SPEC.size, 3)), folder)
    content = bytearray((folder / "weights.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "weights.pt").write_bytes(content)
    with pytest.raises(BadInputError, match="changed or is damaged"):
        load_weights(build("tutorial_net", Inputs(3, SPEC.size, 3)), folder)


def test_a_file_that_answers_otherwise_than_torch_is_told_in_the_report(again, monkeypatch):
    true_export = verification.export_onnx
    stranger = copy.deepcopy(trained().network)
    with torch.no_grad():
        stranger.head.weight.copy_(stranger.head.weight.roll(1, dims=0))
        stranger.head.bias.copy_(stranger.head.bias.roll(1))

    def export(network: Any, *arguments: Any, retrace: bool, frozen: bool) -> None:
        true_export(stranger, *arguments, retrace=retrace, frozen=frozen)

    monkeypatch.setattr(verification, "export_onnx", export)
    run = again()
    report = run.report
    assert report["parity"]["top1_agreement"] < 0.5
    (note,) = report["notes"]
    assert note["code"] == "parity"
    assert note["level"] == "warning"
    classifier = Classifier.load(run.folder / "model")
    wrong = classifier.logits(trained().pictures.pixels("test")).argmax(axis=1)
    assert report["accuracy"] == np.mean(wrong == trained().pictures.labels("test"))


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """How many pictures go through the exported file, each time that it is run."""
    counts: list[int] = []
    true_run = verification.run_outputs

    def run(session: Any, pixels: np.ndarray, names: tuple[str, ...]) -> list[np.ndarray]:
        counts.append(len(pixels))
        return true_run(session, pixels, names)

    monkeypatch.setattr(verification, "run_outputs", run)
    monkeypatch.setattr(verification.parity, "MAX_COMPARED_OF_CACHED", 4)
    return counts


def features_of(split: str) -> np.ndarray:
    with torch.inference_mode():
        made = trained()
        return made.network.features(
            torch.from_numpy(np.array(made.pictures.pixels(split)))
        ).numpy()


def test_cached_features_are_proved_on_few_pictures_and_give_the_answers(again, asked):
    run = again(features=features_of)
    assert asked == [4]
    assert run.model["parity"]["images"] == 4
    saved, first = predictions(run)["logits"], predictions(trained().run)["logits"]
    assert np.allclose(saved, first, atol=1e-4)
    assert run.report["accuracy"] == trained().run.report["accuracy"]
    arrays, made = (np.load(one.folder / "model/learned.npz") for one in (run, trained().run))
    assert {name: arrays[name].shape for name in arrays} == {
        name: made[name].shape for name in made
    }


def test_some_test_pictures_prove_the_file_and_all_are_answered_by_it(again, asked, monkeypatch):
    monkeypatch.setattr(verification.parity, "MAX_COMPARED", 5)
    run = again()
    pictures = trained().pictures
    assert asked == [5, *(len(pictures.indices(split)) for split in ("test", "val", "train"))]
    assert run.model["parity"]["images"] == 5
    assert np.array_equal(predictions(run)["logits"], predictions(trained().run)["logits"])


def test_kept_features_that_the_file_does_not_make_are_not_used(again, asked):
    run = again(features=lambda split: features_of(split) * 1.01)
    pictures = trained().pictures
    assert asked == [4, *(len(pictures.indices(split)) for split in ("test", "val", "train"))]
    assert np.array_equal(predictions(run)["logits"], predictions(trained().run)["logits"])


def test_a_kept_graph_that_is_not_the_networks_is_traced_anew(again, monkeypatch):
    calls = []
    true_export = verification.export_onnx

    def export(network: Any, *arguments: Any, retrace: bool, frozen: bool) -> None:
        calls.append(retrace)
        stranger = build("tutorial_net", Inputs(3, SPEC.size, 3))
        true_export(network if retrace else stranger, *arguments, retrace=retrace, frozen=frozen)

    monkeypatch.setattr(verification, "export_onnx", export)
    report = again().report
    assert calls == [False, True]
    assert report["parity"]["top1_agreement"] == 1.0
    assert report["accuracy"] == trained().run.report["accuracy"]


def test_when_the_disk_fills_up_the_earlier_model_stays_whole(again, monkeypatch):
    def full(*arguments: Any) -> None:
        raise WorkspaceError("The disk is full.")

    before = Classifier.load(again.run.folder / "model").manifest
    monkeypatch.setattr(module, "save_weights", full)
    with pytest.raises(WorkspaceError):
        again()
    assert Classifier.load(again.run.folder / "model").manifest == before
    monkeypatch.undo()
    again()  # what was left behind is cleared away
    assert not list(again.run.folder.glob(".model*"))


def test_a_kill_between_two_renames_loses_no_model(again):
    model = again.run.folder / "model"
    model.rename(again.run.folder / ".model.old")
    module._stage(again.run.folder)
    assert Classifier.load(model).classes == trained().pictures.classes


def test_a_network_that_went_astray_is_not_shipped(again):
    broken = build("tutorial_net", Inputs(3, SPEC.size, 3))
    torch.nn.init.constant_(broken.head.weight, float("nan"))
    before = again.run.model
    with pytest.raises(DivergedError, match="lower learning rate"):
        again(network=broken)
    assert again.run.model == before


def test_progress_goes_through_export_and_evaluation_to_the_end(again):
    calls: list[tuple[str, float]] = []
    again(progress=lambda phase, fraction: calls.append((phase, fraction)))
    phases = [phase for phase, _ in calls]
    assert phases == sorted(phases, reverse=True)
    assert calls[0] == ("export", 0.0)
    assert calls[-1] == ("evaluate", 1.0)
    shares = [fraction for phase, fraction in calls if phase == "evaluate"]
    assert shares == sorted(shares)
