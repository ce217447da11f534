"""A bundle runs on three packages alone, checks itself, and is proved before it leaves."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from ml.__main__ import main
from ml.export import record
from ml.export.formats import bundle
from ml.inference.classifier import Classifier
from ml.inference.model_folder import read_manifest
from tests.helpers.trained import Trained, picture, trained

PACKAGES = ("onnxruntime", "numpy", "numpy.libs", "PIL", "pillow.libs")
NEEDED_BY_ONNXRUNTIME = ("flatbuffers", "google", "packaging")


@pytest.fixture(scope="module")
def made() -> Trained:
    return trained()


def export(made: Trained, path: Path) -> int:
    words = ["export", made.run.id, "--format", "bundle", "--output", str(path)]
    return main([*words, "--workspace", str(made.workspace.root)])


@pytest.fixture(scope="module")
def unpacked(made: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    assert export(made, folder / "b.zip") == 0
    with zipfile.ZipFile(folder / "b.zip") as archive:
        archive.extractall(folder / "out")
    return folder / "out" / made.run.id


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Runs a program of a bundle where nothing but its three packages can be imported."""
    packages = tmp_path_factory.mktemp("packages")
    installed = Path(sysconfig.get_paths()["purelib"])
    for name in (*PACKAGES, *NEEDED_BY_ONNXRUNTIME):
        if (installed / name).exists():
            (packages / name).symlink_to(installed / name)

    def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
        start = (
            f"import sys, runpy; sys.path += [{str(packages)!r}]; sys.argv = {list(words)!r}; "
            f"runpy.run_path({words[0]!r}, run_name='__main__')"
        )
        command = [sys.executable, "-I", "-S", "-B", "-c", start]
        return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")

    return run


def test_its_check_passes_on_three_packages_alone(unpacked: Path, alone: Any) -> None:
    done = alone(unpacked, "check.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The same classifier: 10 pictures")


def test_it_answers_a_new_picture_as_the_classifier_does(
    made: Trained, unpacked: Path, alone: Any, tmp_path: Path
) -> None:
    (tmp_path / "new.png").write_bytes(picture(1, 99))
    done = alone(unpacked, "predict.py", str(tmp_path / "new.png"))
    given = json.loads(done.stdout)
    expected = Classifier.load(made.run.folder / "model").classify(picture(1, 99), "new.png")
    assert given["label"] == expected["label"]
    assert given["probability"] == pytest.approx(expected["probability"], abs=1e-6)
    assert given["sure"] == (expected["decision"] == "sure")


def test_every_changed_byte_is_seen(unpacked: Path, tmp_path: Path) -> None:
    names = ["model.onnx", "model.json", "predict.py", "SHA256SUMS"]
    names += ["pictures/001.png", "pictures/expected.json"]
    for name in names:
        path = unpacked / name
        content = path.read_bytes()
        for place in (len(content) // 2, len(content) - 1):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            try:
                command = [sys.executable, "-I", "-B", "check.py"]
                done = subprocess.run(command, cwd=unpacked, capture_output=True, encoding="utf-8")
            finally:
                path.write_bytes(content)
            assert done.returncode == 1, (name, place, done.stdout)
            assert done.stdout.startswith("Not the same classifier:\n"), done.stderr


def test_it_carries_the_files_that_are_promised(made: Trained, unpacked: Path) -> None:
    program = (unpacked / "predict.py").read_text(encoding="utf-8")
    assert len([line for line in program.splitlines() if line.strip()]) < 60
    card = (unpacked / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Accuracy" in card
    assert "grün" in card
    assert (unpacked / "LICENCE-OF-WEIGHTS.txt").is_file()
    originals = {picture.read_bytes() for picture in (unpacked / "pictures").glob("*.png")}
    hashes = made.pictures.hashes("test")
    assert len(originals) == 10
    stored = [made.workspace.pictures / one[:2] / one for one in hashes]
    assert originals <= {path.read_bytes() for path in stored}


@pytest.mark.parametrize("name", ["predict.py", "check.py"])
def test_its_programs_are_formatted_and_linted(name: str) -> None:
    text = (bundle.FILES / f"{name}.txt").read_bytes()
    for words in (["format", "--check"], ["check"]):
        command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", f"tests/{name}", "-"]
        done = subprocess.run(command, input=text, capture_output=True)
        assert done.returncode == 0, done.stdout.decode()


def other_order(files: dict[str, bytes]) -> None:
    about = json.loads(files["model.json"])
    about["classes"] = about["classes"][::-1]
    files["model.json"] = json.dumps(about).encode()


def flipped_weight(files: dict[str, bytes]) -> None:
    model = onnx.load_model_from_string(files["model.onnx"])
    weights = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    values = np.array(numpy_helper.to_array(weights))
    values.flat[0] = -values.flat[0]
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    files["model.onnx"] = model.SerializeToString()


def in_program(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        text = files["predict.py"].decode()
        assert text.count(old) == 1
        files["predict.py"] = text.replace(old, new).encode()

    return change


PIXELS = "read_pixels(path)[None]"
RESIZE = "Image.Resampling.BICUBIC, box=box"
FAULTS = {
    "other order": (other_order, "classes: "),
    "flipped weight": (flipped_weight, "model.onnx is not the file of the run"),
    "other normalisation": (in_program(PIXELS, "read_pixels(path)[None] // 2"), "A probability"),
    "blue first": (in_program(PIXELS, "read_pixels(path)[None][..., ::-1].copy()"), "A probabil"),
    "no antialias": (in_program(RESIZE, "Image.Resampling.NEAREST, box=box"), "A probability"),
    "not upright": (in_program("picture if turn is None else", "picture if True else"), "A prob"),
    "other temperature": (in_program('/ MODEL["temperature"]', "/ 3"), "A probability"),
    "damaged program": (in_program("def classify(path):", "def classify(path:"), "SyntaxError"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_refused(
    made: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    change, sentence = FAULTS[fault]

    def changed(source: Any) -> list[tuple[str, bytes]]:
        files = dict(original(source))
        change(files)
        files["SHA256SUMS"] = b""  # as if the fault had been there when the hashes were taken
        return list(files.items())

    original = bundle.contents
    monkeypatch.setattr(bundle, "contents", changed)
    assert export(made, tmp_path / "b.zip") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "does not answer as the run does, so it is not kept" in last
    assert sentence in last
    assert list(tmp_path.iterdir()) == []


def test_its_figures_are_kept_with_the_run(made: Trained) -> None:
    words = ["export", made.run.id, "--format", "bundle", "--with-run"]
    assert main([*words, "--workspace", str(made.workspace.root)]) == 0
    entry = record.read(made.run)["bundle"]
    path = record.stored_file(made.run, entry)
    assert path is not None
    assert entry["parity"]["images"] == len(made.pictures.indices("test"))
    assert entry["model"] == read_manifest(made.run.folder / "model")["sha256"]["model.onnx"]
    path.write_bytes(b"another")
    assert record.stored_file(made.run, entry) is None
    path.unlink()


def test_without_test_pictures_none_is_made(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(made.run.folder / "model"), "--format", "bundle", "--output"]
    path = tmp_path / "b.zip"
    assert main([*words, str(path), "--workspace", str(tmp_path / "elsewhere")]) == 2
    assert not path.exists()
    assert capsys.readouterr().err
