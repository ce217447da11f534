import json
import shutil
import struct
import zlib

import numpy as np
import pytest

from ml.__main__ import main
from ml.data.store.versions import read_picture
from ml.errors import BadInputError
from ml.inference.classifier import Classifier
from ml.inference.model_folder import checksum_of, read_manifest
from ml.metrics.calibration import softmax
from tests.helpers.trained import CLASSES, SPEC, picture, trained

RUN = """
import sys
from ml.__main__ import main
code = main(sys.argv[1:])
print("torch" in sys.modules, "lightning" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def folder(tmp_path):
    """The model folder alone, copied to another place."""
    shutil.copytree(trained().run.folder / "model", tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def thin_png() -> bytes:
    """20,000 x 1 black pixels in about 138 bytes, which naive resizing takes gigabytes for."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 20000, 1, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 60001, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_the_command_answers_a_line_a_picture_with_the_model_folder_alone(folder, tmp_path, python):
    shown = tmp_path / "shown"
    (shown / "sub").mkdir(parents=True)
    for name in ("10.png", "9.png", "sub/a.PNG"):
        (shown / name).write_bytes(picture(1, 7000 + len(name)))
    (shown / "notes.txt").write_text("not a picture")
    (tmp_path / "random.jpg").write_bytes(np.random.default_rng(0).bytes(3000))
    (tmp_path / "thin.png").write_bytes(thin_png())
    named = ["random.jpg", "thin.png", "absent.png", "shown"]
    child = python(RUN, "predict", folder, *(tmp_path / name for name in named), "--top-k", 2)
    out, err = child.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    assert child.returncode == 0
    assert err.splitlines()[-1] == "False False"  # neither torch nor lightning
    places = [line["file"].removeprefix(str(tmp_path)).strip("\\/") for line in lines]
    assert [place.replace("\\", "/") for place in places] == [
        *named[:3],
        *("shown/9.png", "shown/10.png", "shown/sub/a.PNG"),
    ]
    for line in lines[:3]:
        assert line["label"] is line["probability"] is line["decision"] is None
        assert line["top"] == []
        assert line["error"].endswith(".")
    for line in lines[3:]:
        assert line["error"] is None
        assert len(line["top"]) == 2
        assert line["top"][0] == {"label": line["label"], "probability": line["probability"]}
        assert line["decision"] in ("sure", "not sure")


def test_where_no_picture_can_be_read_the_exit_code_is_2(folder, tmp_path, capsys):
    (tmp_path / "random.jpg").write_bytes(b"\xff\xd8\xff" + bytes(300))
    assert main(["predict", str(folder), str(tmp_path / "random.jpg"), "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["error"]
    assert len(printed.err.strip().splitlines()) == 1


def test_a_picture_gets_the_probabilities_that_the_evaluation_counted():
    made = trained()
    classifier = Classifier.load(made.run.folder / "model")
    with np.load(made.run.folder / "predictions.npz") as saved:
        chances = softmax(saved["logits"], made.run.model["temperature"])
        hashes = saved["hashes"].tolist()
    for digest, wanted in list(zip(hashes, chances, strict=True))[:9]:
        answer = classifier.classify(read_picture(made.workspace, digest), "p.png", top_k=3)
        by_name = {entry["label"]: entry["probability"] for entry in answer["top"]}
        assert [by_name[name] for name in CLASSES] == pytest.approx(wanted, abs=1e-5)
        ranked = [entry["probability"] for entry in answer["top"]]
        assert ranked == sorted(ranked, reverse=True)
        sure = wanted.max() >= made.run.model["threshold"]
        assert answer["decision"] == ("sure" if sure else "not sure")


@pytest.mark.parametrize("wanted", ["latest", "id", "prefix", "run folder", "model folder"])
def test_a_model_is_found_under_each_of_its_names(wanted, tmp_path, capsys):
    made = trained()
    named = {
        "latest": "latest",
        "id": made.run.id,
        "prefix": made.run.id[:10],
        "run folder": str(made.run.folder),
        "model folder": str(made.run.folder / "model"),
    }[wanted]
    (tmp_path / "p.png").write_bytes(picture(0, 1))
    root = str(made.workspace.root)
    assert main(["predict", named, str(tmp_path / "p.png"), "--workspace", root]) == 0
    assert json.loads(capsys.readouterr().out)["label"] in CLASSES


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(**values):
    def change(path):
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")

    return change


@pytest.mark.parametrize(
    ("file", "harm", "sentence"),
    [
        ("model.onnx", flip, "changed or is damaged"),
        ("model.onnx", lambda path: path.write_bytes(path.read_bytes()[:1000]), "is damaged"),
        ("model.onnx", lambda path: path.unlink(), "cannot be read"),
        ("model.json", lambda path: path.write_bytes(path.read_bytes()[:100]), "is damaged"),
        ("model.json", edit(classes=None), "is damaged"),
        ("model.json", edit(pixels={"size": -1}), "is damaged"),
        ("model.json", edit(version=99), "newer Lensmith"),
    ],
)
def test_a_changed_model_is_refused_with_one_sentence(
    folder, file, harm, sentence, tmp_path, capsys
):
    (tmp_path / "p.png").write_bytes(picture(0, 1))
    harm(folder / file)
    assert main(["predict", str(folder), str(tmp_path / "p.png")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert len(printed.err.strip().splitlines()) == 1


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(BadInputError, match="no trained model"):
        Classifier.load(tmp_path)


def test_any_number_of_pictures_is_classified_alike():
    classifier = Classifier.load(trained().run.folder / "model")
    pixels = np.array(trained().pictures.pixels("train"))
    many = np.concatenate([pixels] * 12)[:1100]
    shares = []
    together = classifier.logits(many, shares.append)
    assert together.shape == (1100, 3)
    assert np.allclose(together[:5], classifier.logits(many[:5]), atol=1e-5)
    assert np.allclose(together[-1:], classifier.logits(many[-1:]), atol=1e-5)
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert classifier.logits(many[:0]).shape == (0, 3)
    assert many.shape[1:] == (SPEC.size, SPEC.size, 3)


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": 0}, {"temperature": 0.0}, {"temperature": -1.0}, {"threshold": "high"},
        {"classes": ["one"]}, {"classes": [1, 2, 3]}, {"pixels": {"size": 1e308}}, {"parity": None},
    ],
)  # fmt: skip
def test_manifest_with_an_impossible_value_is_damaged(values, folder):
    path = folder / "model.json"
    manifest = json.loads(path.read_text("utf-8")) | values
    manifest["checksum"] = checksum_of(manifest)
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(BadInputError, match="is damaged"):
        Classifier.load(folder)


@pytest.mark.parametrize("count", [2, 9])
def test_manifest_with_classes_of_another_network_is_refused(count, folder):
    path = folder / "model.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["classes"] = [f"class {n}" for n in range(count)]
    manifest["checksum"] = checksum_of(manifest)
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(BadInputError, match="does not answer for the classes"):
        Classifier.load(folder)


def test_no_flipped_bit_of_a_manifest_is_silently_wrong(folder):
    path = folder / "model.json"
    original, whole = path.read_bytes(), read_manifest(folder)
    refused = 0
    for number in range(500):
        data = bytearray(original)
        data[(number * 7919) % len(data)] ^= 1 << number % 8
        path.write_bytes(data)
        try:
            found = read_manifest(folder)  # whose checksum has another name now
            assert {**found, "checksum": whole["checksum"]}.items() >= whole.items()
        except BadInputError:
            refused += 1
    assert refused > 400
    path.write_bytes(original)
