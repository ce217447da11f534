"""Each export format answers as the run does, and one file adds a format."""

import copy
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from ml.__main__ import main
from ml.export import registry
from ml.export.formats import safetensors
from ml.inference.model_folder import read_manifest
from ml.metrics import predictions
from ml.models.network import count_features, new_head
from tests.helpers.scratch_format import scratch_format
from tests.helpers.trained import SPEC, Trained, picture, trained

FORMATS = {"bundle": ".zip", "folder": ".zip", "onnx": ".onnx", "safetensors": ".safetensors"}
BUILT_ALIKE = 1e-4
"""Probabilities of two runtimes may differ by rounding alone."""


@pytest.fixture(scope="module")
def made() -> Trained:
    return trained()


def run_command(made: Trained, *arguments: object) -> int:
    workspace = ("--workspace", str(made.workspace.root))
    return main(["export", *map(str, arguments), *workspace])


def exported(
    made: Trained, capsys: pytest.CaptureFixture[str], name: str, path: Path
) -> dict[str, Any]:
    assert run_command(made, made.run.id, "--format", name, "--output", path, "--json") == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return answer


def recorded(made: Trained) -> tuple[np.ndarray, np.ndarray]:
    """The pixels uint8 (n, S, S, C) of the test pictures, and the logits that the run kept."""
    saved = predictions.load(made.run.folder / predictions.FILE)
    return made.pictures.pixels("test"), saved.logits


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_written_with_its_parity(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    target = tmp_path / f"model{FORMATS[name]}"
    answer = exported(made, capsys, name, target)
    assert answer["path"] == str(target.resolve())
    assert answer["format"] == name
    parity = answer["parity"]
    assert parity["images"] == len(made.pictures.indices("test"))
    assert parity["top1_agreement"] == 1.0
    assert parity["max_probability_difference"] < BUILT_ALIKE
    assert list(tmp_path.iterdir()) == [target]


def test_every_format_is_tested() -> None:
    assert {one.name: one.suffix for one in registry.all_exporters()} == FORMATS


def test_the_onnx_file_alone_answers_as_the_run(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported(made, capsys, "onnx", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    pixels, logits = recorded(made)
    np.testing.assert_allclose(
        session.run(["logits"], {"pictures": np.array(pixels)})[0], logits, atol=1e-4
    )
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == list(made.pictures.classes)


def test_safetensors_holds_the_weights_of_the_network(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Read by hand with numpy, as the format's page says."""
    exported(made, capsys, "safetensors", tmp_path / "model.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert json.loads(header.pop("__metadata__")["classes"]) == list(made.pictures.classes)
    weights = made.network.state_dict()
    assert header.keys() == weights.keys()
    numpy_types = {"F32": np.float32, "I64": np.int64}
    for name, about in header.items():
        start, end = (8 + length + place for place in about["data_offsets"])
        values = np.frombuffer(content[start:end], numpy_types[about["dtype"]])
        np.testing.assert_array_equal(values.reshape(about["shape"]), weights[name].numpy())
    assert (8 + length) % 8 == 0
    assert max(about["data_offsets"][1] for about in header.values()) == len(content) - 8 - length


@pytest.mark.parametrize("head", ["of a frozen network", "of one unfrozen bit by bit"])
def test_the_head_that_a_training_put_on_is_found_again(
    made: Trained, tmp_path: Path, head: str
) -> None:
    network, pixels = copy.deepcopy(made.network), np.array(made.pictures.pixels("test"))
    width = count_features(network, 3, SPEC.size)
    network.head = new_head(width, 3)
    if head != "of a frozen network":
        network.head = torch.nn.Sequential(torch.nn.Dropout(0.3), torch.nn.Linear(width, 3))
    folder = made.run.folder / "model"
    source = registry.ExportSource(folder, read_manifest(folder), made.run)
    path = tmp_path / "model.safetensors"
    safetensors.write_tensors(path, network.state_dict(), {})
    with torch.inference_mode():
        expected = network.eval()(torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(safetensors.predict(source, path, pixels), expected, atol=1e-5)


def test_other_weights_are_seen(
    made: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, caplog: Any
) -> None:
    other = {name: torch.rand_like(one.float()) for name, one in made.network.state_dict().items()}
    monkeypatch.setattr("ml.export.weights.read_weights", lambda folder: other)
    parity = exported(made, capsys, "safetensors", tmp_path / "other.safetensors")["parity"]
    assert parity["top1_agreement"] < 0.9
    assert "The file agrees with the run on" in caplog.text


def test_predict_takes_the_zip_and_answers_as_for_the_run(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported(made, capsys, "folder", tmp_path / "model.zip")
    (tmp_path / "one.png").write_bytes(picture(1, 7))
    answers = []
    for model, place in ((str(tmp_path / "model.zip"), tmp_path / "elsewhere"),) * 2 + (
        (made.run.id, made.workspace.root),
    ):
        words = ["predict", model, str(tmp_path / "one.png"), "--workspace", str(place)]
        assert main(words) == 0
        answers.append(json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("content", [b"no zip", "empty"])
def test_a_zip_without_a_model_is_told(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | str
) -> None:
    path = tmp_path / "other.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../../evil.txt", "no model")
    assert main(["predict", str(path), str(path), "--workspace", str(tmp_path / "w")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.glob("**/evil.txt"))


def test_nothing_is_overwritten_unless_forced(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "model.onnx"
    target.write_text("mine", encoding="utf-8")
    words = (made.run.id, "--format", "onnx", "--output", target)
    assert run_command(made, *words) == 2
    assert "--force" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == "mine"
    assert run_command(made, *words, "--force") == 0
    assert target.read_bytes() == (made.run.folder / "model" / "model.onnx").read_bytes()


def test_a_folder_as_output_gets_a_file_named_for_the_run(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = exported(made, capsys, "onnx", tmp_path)
    assert answer["path"] == str((tmp_path / f"{made.run.id}.onnx").resolve())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["latest", "--format", "bmp", "--output", "x"], "There is no export format 'bmp'"),
        (["nobody", "--format", "onnx", "--output", "x"], "nobody"),
        (["latest", "--format", "onnx", "--output", "not/there.onnx"], "Make it first"),
        (["latest", "--format", "onnx"], "--output is missing"),
        ([], "RUN is missing"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(
    made: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(made, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
    assert list(tmp_path.iterdir()) == []


def test_the_run_itself_is_never_written_to(
    made: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = made.run.folder / "model" / "model.json"
    assert run_command(made, "latest", "--format", "onnx", "--output", inside, "--force") == 2
    assert "lies in the run itself" in capsys.readouterr().err


def test_one_file_adds_a_format(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    formats, target = tmp_path / "formats", tmp_path / "labels.txt"
    formats.mkdir()
    with scratch_format(formats):
        assert exported(made, capsys, "labels", target)["parity"] is None
        assert target.read_text(encoding="utf-8").split("\n") == list(made.pictures.classes)
        assert run_command(made, "--list", "--json") == 0
        rows = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert [row["name"] for row in rows] == sorted([*FORMATS, "labels"])


def test_a_package_that_is_missing_is_named(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with scratch_format(tmp_path, needs=("not-there-at-all",)):
        words = ("latest", "--format", "labels", "--output", tmp_path / "x.txt")
        assert run_command(made, *words) == 2
        assert "pip install not-there-at-all" in capsys.readouterr().err
        assert run_command(made, "--list") == 0
        assert "pip install not-there-at-all" in capsys.readouterr().out


def test_without_its_pictures_a_run_is_exported_unmeasured(
    made: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: Any
) -> None:
    folder = made.run.folder / "model"
    target = tmp_path / "model.onnx"
    words = [folder, "--format", "onnx", "--output", target, "--json"]
    assert main(["export", *map(str, words), "--workspace", str(tmp_path / "elsewhere")]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["parity"] is None
    assert "is not measured" in caplog.text
    assert target.is_file()
