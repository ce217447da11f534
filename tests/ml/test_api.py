"""The interface for notebooks: ``ml.ingest``, ``ml.train``, ``ml.evaluate``, ``ml.load``."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ml
from ml.__main__ import main
from ml.errors import BadInputError
from tests.conftest import ROOT, python_path
from tests.helpers.trained import CLASSES, picture, trained

TOUR = ROOT / "docs" / "tour.ipynb"
SETTINGS = {"model": "tutorial_net", "image_size": 16, "batch_size": 16, "threads": 1, "folds": 0}


@pytest.fixture(scope="module")
def model() -> ml.Model:
    return ml.load(trained().run.folder)


def test_importing_ml_imports_nothing_else() -> None:
    code = "import sys, ml; print([n for n in sys.modules if n in ('torch', 'numpy', 'PIL')])"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]", shown.stderr


def test_every_public_name_is_there() -> None:
    assert all(getattr(ml, name) for name in ml.__all__)
    with pytest.raises(AttributeError, match="nothing_such"):
        ml.nothing_such  # noqa: B018


def test_every_form_of_a_picture_is_classified_alike(model: ml.Model, tmp_path: Path) -> None:
    data = picture(label=1, seed=900)
    path = tmp_path / "one.png"
    path.write_bytes(data)
    with Image.open(io.BytesIO(data)) as opened:
        pil = opened.copy()
    forms = (path, str(path), data, pil, np.array(pil))
    answers = [model(form) for form in forms]
    assert {answer.label for answer in answers} <= set(CLASSES)
    assert len({(answer.label, answer.probability, answer.top) for answer in answers}) == 1


def test_it_answers_as_the_command_line(
    model: ml.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(picture(label=2, seed=901))
    assert main(["predict", str(trained().run.folder), str(path), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    answer = model(path)
    assert (answer.label, answer.sure) == (printed["label"], printed["decision"] == "sure")
    assert answer.probability == pytest.approx(printed["probability"], abs=1e-6)


def test_a_turned_pil_picture_is_set_upright(model: ml.Model) -> None:
    upright = Image.fromarray(np.random.default_rng(3).integers(0, 255, (30, 20, 3), np.uint8))
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    assert model(turned).top == model(upright).top


def test_a_list_gives_a_list_and_a_bad_file_its_error(model: ml.Model, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    good, broken, missing = model([picture(0, 1), bad, tmp_path / "missing.png"])
    assert good.error is None
    assert broken.label is None
    assert broken.error
    assert missing.error


@pytest.mark.parametrize(
    "thing", [np.zeros((4, 4), np.float32), np.zeros((3, 8, 9), np.uint8), 5, None]
)
def test_what_is_no_picture_is_refused_in_a_sentence(model: ml.Model, thing: object) -> None:
    with pytest.raises(BadInputError, match="no picture"):
        model(thing)  # type: ignore[call-overload]


def test_pictures_go_in_and_a_classifier_comes_out(tmp_path: Path) -> None:
    folder, place = tmp_path / "noise", tmp_path / "workspace"
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for n in range(20):
            (folder / name / f"{n}.png").write_bytes(picture(label, n))
    (folder / "red" / "broken.png").write_bytes(b"no picture")
    data = ml.ingest(folder, "noise", workspace=place)
    assert data.counts == dict.fromkeys(sorted(CLASSES), 20)
    assert [one["file"] for one in data.refused] == ["red/broken.png"]

    run = ml.train(data, name="mine", epochs=2, workspace=place, **SETTINGS)
    assert (run.status, run.epochs) == ("finished", 2)
    report = ml.evaluate(run)
    assert report["accuracy"] == pytest.approx(run.test["accuracy"])
    assert np.trace(report["confusion"]) / np.sum(report["confusion"]) == report["accuracy"]

    elsewhere = shutil.copytree(run.folder / "model", tmp_path / "copied")
    shutil.rmtree(place)
    assert ml.load(elsewhere, workspace=tmp_path / "other")(picture(0, 50)).label in CLASSES


def test_an_exported_file_answers_as_the_run(model: ml.Model, tmp_path: Path) -> None:
    made = trained()
    written = ml.export_model(
        made.run.folder, "folder", tmp_path / "model.zip", workspace=made.workspace.root
    )
    assert written["parity"]["top1_agreement"] == 1
    shutil.unpack_archive(written["path"], tmp_path / "unpacked")
    (copy,) = (path.parent for path in (tmp_path / "unpacked").rglob("model.json"))
    data = picture(label=0, seed=902)
    assert ml.load(copy)(data).top == model(data).top


def test_a_bad_setting_is_refused_before_pictures_are_read(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="epochz"):
        ml.train(tmp_path / "not there", epochz=3)


@pytest.mark.slow
def test_the_tour_runs_from_its_first_cell_to_its_last(tmp_path: Path) -> None:
    cells = json.loads(TOUR.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    environment = {
        **os.environ,
        "PYTHONPATH": python_path(ROOT),
        "LENSMITH_WORKSPACE": str(tmp_path),
    }
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert shown.returncode == 0, shown.stderr
    assert "accuracy" in shown.stdout
