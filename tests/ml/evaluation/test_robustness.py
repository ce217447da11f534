"""What is measured under corruptions: the shipped file, on the run's test pictures, and kept."""

import json
import shutil

import numpy as np
import pytest
import torch

from ml import __main__
from ml.data.augment.corruptions import kinds
from ml.errors import BadInputError, StoppedError
from ml.evaluation import robustness
from ml.runs.folder import Run, list_runs
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace, open_workspace
from tests.helpers.trained import trained


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The trained workspace, to be written to."""
    root = tmp_path_factory.mktemp("robustness") / "workspace"
    shutil.copytree(trained().workspace.root, root)
    return open_workspace(root)


@pytest.fixture(scope="module")
def measured(copied: Workspace) -> tuple[Run, dict]:
    run = list_runs(copied)[0]
    return run, robustness.measure(copied, run)


def test_it_is_the_accuracy_of_the_network_on_corrupted_test_pictures(measured) -> None:
    run, report = measured
    made = trained()
    labels, hashes = made.pictures.labels("test"), made.pictures.hashes("test")
    assert report["clean"] == pytest.approx(run.report["accuracy"])
    for row, kind in zip(report["kinds"], kinds(), strict=True):
        assert (row["name"], len(row["accuracy"])) == (kind.name, 5)
        shown = zip(made.pictures.pixels("test"), hashes, strict=True)
        spoilt = torch.from_numpy(np.stack([kind(one, 5, digest) for one, digest in shown]))
        with torch.inference_mode():  # by torch, where the measure runs the exported file
            guesses = made.network(spoilt).argmax(1).numpy()
        assert row["accuracy"][4] == pytest.approx((guesses == labels).mean(), abs=0.04)
        assert row["mean"] == pytest.approx(np.mean(row["accuracy"]))
    means = [row["mean"] for row in report["kinds"]]
    assert report["corrupted"] == pytest.approx(np.mean(means))
    assert report["corrupted"] < report["clean"]
    assert report["pictures"] == len(labels)


def test_it_is_kept_with_the_run_until_the_model_is_another(measured) -> None:
    run, report = measured
    assert robustness.read(run) == report
    manifest = run.model
    write_json(run.folder / "model" / "model.json", {**manifest, "sha256": {"model.onnx": "new"}})
    assert robustness.read(run) is None
    write_json(run.folder / "model" / "model.json", manifest)
    stored = read_json(robustness.path_of(run))
    write_json(robustness.path_of(run), {**stored, "measure": robustness.FORMAT_VERSION + 1})
    assert robustness.read(run) is None
    write_json(robustness.path_of(run), stored)


def test_a_part_of_the_pictures_and_a_stop_are_possible(copied: Workspace, measured) -> None:
    run, _ = measured
    shares: list[float] = []
    some = robustness.measure(copied, run, shares.append, split="val", max_pictures=7)
    assert some["pictures"] == 7
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert robustness.read(run)["split"] == "test"

    def stop(fraction: float) -> None:
        raise StoppedError("Stopped as you asked.")

    with pytest.raises(StoppedError):
        robustness.measure(copied, run, stop)


def test_runs_compare_on_the_same_pictures_alone(measured) -> None:
    _, report = measured
    assert robustness.comparable([report, report])
    assert not robustness.comparable([report, {**report, "fingerprint": "other"}])


def test_the_command_tells_one_run_or_several_side_by_side(
    copied: Workspace, measured, capsys: pytest.CaptureFixture[str]
) -> None:
    run, report = measured
    where = ["--workspace", str(copied.root)]
    assert __main__.main(["robustness", run.id, "--json", *where]) == 0
    assert json.loads(capsys.readouterr().out) == report
    assert __main__.main(["robustness", run.id, run.id, *where]) == 0
    output = capsys.readouterr().out
    assert output.count(f"{report['corrupted']:.1%}") >= 2
    assert "Rotation" in output


def test_a_run_without_a_model_is_refused_in_a_sentence(make_run, workspace: Workspace) -> None:
    with pytest.raises(BadInputError, match="Train one first"):
        robustness.measure(workspace, make_run())
