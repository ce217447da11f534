import io
import json
import os
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ml.data.pixels.pixels import canonical
from ml.errors import BadInputError
from ml.explain.why import Explainer
from ml.inference.classifier import Classifier
from ml.inference.model_folder import checksum_of
from ml.serving import classification, handlers, model_cache, pictures
from ml.serving.protocol import (
    ClassifyRequest,
    ClassifyResponse,
    ExplainRequest,
    ExplainResponse,
    PingRequest,
    PingResponse,
    read_frame,
    response_of,
    write_frame,
)
from ml.serving.service import Worker
from tests.helpers.trained import CLASSES, picture, trained


def frame_of(folder, data):
    request = ClassifyRequest(folder=str(folder), name="p.png", top_k=2, picture=data)
    return request.to_frame()


def answer_of(worker, folder, data):
    return response_of(ClassifyResponse, worker.answer(*frame_of(folder, data))).result


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(trained().run.folder / "model", tmp_path / "model")
    return tmp_path / "model"


def test_an_answer_holds_the_picture_as_the_model_sees_it_and_a_preview(folder):
    data = io.BytesIO()
    Image.effect_noise((900, 600), 80).save(data, "PNG")
    frame = Worker().answer(*frame_of(folder, data.getvalue()))
    response = response_of(ClassifyResponse, frame)
    seen = Image.open(io.BytesIO(response.seen))
    shown = Image.open(io.BytesIO(response.preview))
    classifier = Classifier.load(folder)
    assert np.array_equal(np.asarray(seen), canonical(data.getvalue(), classifier.spec))
    assert shown.size == (480, 320)
    assert response.result == classifier.classify(data.getvalue(), "p.png", 2)


def test_a_reason_is_given_for_the_very_pixels_that_were_seen(folder):
    worker = Worker()
    answered = response_of(ClassifyResponse, worker.answer(*frame_of(folder, picture(1, 3))))
    request = ExplainRequest(folder=str(folder), label=CLASSES[1], method="", seen=answered.seen)
    explained = response_of(ExplainResponse, worker.answer(*request.to_frame()))
    assert explained.method == "activation"
    alone = Explainer(Classifier.load(folder), folder)
    pixels = pictures.decode_seen(answered.seen)
    assert np.shape(explained.heat) == np.shape(alone.explain(pixels, CLASSES[1])["heat"])
    by_name = {entry["label"]: entry["probability"] for entry in answered.result["top"]}
    if CLASSES[1] in by_name:
        assert explained.before == pytest.approx(by_name[CLASSES[1]], abs=1e-6)
    for wrong, sentence in (
        (replace(request, label="x"), "no such class"),
        (replace(request, seen=b"no picture"), "cannot be read again"),
    ):
        with pytest.raises(BadInputError, match=sentence):
            response_of(ExplainResponse, worker.answer(*wrong.to_frame()))


def test_a_grey_picture_is_encoded_as_it_is():
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(pictures.encode_seen(pixels)))), pixels[..., 0]
    )
    assert np.array_equal(pictures.decode_seen(pictures.encode_seen(pixels)), pixels)


def test_a_model_that_was_replaced_is_loaded_again_and_the_last_used_are_kept(
    folder, tmp_path, monkeypatch
):
    loaded = []
    true_load = Classifier.load

    def load(where, threads=0):
        loaded.append(where.name)
        return true_load(where, threads)

    monkeypatch.setattr(Classifier, "load", load)
    monkeypatch.setattr(model_cache, "MAX_MODELS", 2)
    worker, data = Worker(), picture(1, 1)
    for name in ("second", "third"):
        shutil.copytree(folder, tmp_path / name)
    first = answer_of(worker, folder, data)["label"]
    for name in ("second", "model", "third", "model", "second"):
        answer_of(worker, tmp_path / name, data)
    assert loaded == ["model", "second", "third", "second"]
    manifest = json.loads((folder / "model.json").read_text("utf-8"))
    manifest["classes"] = [f"new {name}" for name in manifest["classes"]]
    manifest["checksum"] = checksum_of(manifest)
    (folder / "model.json").write_text(json.dumps(manifest), "utf-8")
    assert answer_of(worker, folder, data)["label"] == f"new {first}"


def test_a_model_that_cannot_be_used_is_refused_and_the_worker_goes_on(folder, tmp_path):
    worker = Worker()
    with pytest.raises(BadInputError, match="no trained model"):
        answer_of(worker, tmp_path, b"")
    assert answer_of(worker, folder, picture(0, 1))["label"] in CLASSES


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"op": "dance"}, "does not know 'dance'"),
        ({"op": ["ping"]}, "does not know"),
        ({}, "does not know None"),
        ({"op": "classify", "folder": "x", "name": "p", "picture": 0}, "it has no top_k"),
        ({"op": "why", "folder": 3, "label": "a", "method": "", "seen": 0}, "its folder is a int"),
        ({"op": "instant", "workspace": "w", "dataset": "d", "version": True, "before": 0}, "bool"),
        ({"op": "augment", "pixels": {}, "count": 1, "turn": 0, "pictures": [-1]}, "pictures"),
        ({"op": "augment", "pixels": {}, "count": 1, "turn": 0, "pictures": [9]}, "9 bytes"),
    ],
)
def test_an_unknown_or_malformed_request_is_refused_and_the_worker_goes_on(header, sentence):
    worker = Worker()
    with pytest.raises(BadInputError, match=sentence):
        response_of(PingResponse, worker.answer(header, b""))
    assert response_of(PingResponse, worker.answer(*PingRequest().to_frame())).pid == os.getpid()


def test_every_operation_has_a_handler_and_every_handler_its_own_operation():
    for op in handlers.MODULES:
        request_type, _ = handlers.find_handler(op)
        assert request_type.op == op
    with pytest.raises(ValueError, match="two handlers"):
        handlers.handler(PingRequest)(handlers.find_handler("ping")[1])


@pytest.mark.parametrize(
    ("error", "sentence"), [(MemoryError(), "more memory"), (KeyError("x"), "damaged")]
)
def test_whatever_goes_wrong_with_a_picture_becomes_a_sentence(
    folder, error, sentence, monkeypatch
):
    def fail(data, spec):
        raise error

    monkeypatch.setattr(classification, "canonical_and_picture", fail)
    header, data = Worker().answer(*frame_of(folder, b"x"))
    assert sentence in header["result"]["error"]
    assert data == b""


def test_the_process_answers_until_its_input_closes_and_imports_no_torch(folder, python):
    code = """
import sys
from ml.__main__ import main
code = main(["worker"])
print("torch" in sys.modules, file=sys.stderr)
sys.exit(code)
"""
    child = python(code)
    into, out = child.stdin.buffer, child.stdout.buffer
    write_frame(into, *frame_of(folder, b"no picture"))
    assert read_frame(out)[0]["result"]["error"].endswith(".")
    write_frame(into, *frame_of(folder, picture(2, 1)))
    assert read_frame(out)[0]["result"]["label"] in CLASSES
    write_frame(into, {"op": "ping"})
    assert read_frame(out)[0]["pid"] == child.pid
    more, told = child.communicate(timeout=30)  # closes its input
    assert child.returncode == 0
    assert more == ""
    assert told.splitlines()[-1] == "False"


def test_the_process_ends_by_itself_when_nobody_asks(python):
    code = "from ml.__main__ import main; main(['worker', '--idle', '0.2'])"
    assert python(code).wait(timeout=60) == 0


def test_what_a_library_prints_never_gets_between_the_frames(python, folder):
    code = """
import os, sys
from ml.serving import classification
from ml.__main__ import main
def noisy(pixels):
    print("python prints")
    os.write(1, b"and so does C")
    return b""
classification.encode_seen = noisy
sys.exit(main(["worker"]))
"""
    child = python(code)
    write_frame(child.stdin.buffer, *frame_of(folder, picture(2, 1)))
    assert read_frame(child.stdout.buffer)[0]["result"]["label"] in CLASSES
    more, told = child.communicate(timeout=30)
    assert more == ""
    assert "python prints" in told
    assert "and so does C" in told


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit of memory")
def test_an_allocation_beyond_the_limit_fails_and_the_process_goes_on(python):
    code = """
from ml.hardware import limit_memory
assert limit_memory(600 * 2**20)
try:
    bytearray(2**30)
except MemoryError:
    print("refused")
"""
    out, _ = python(code).communicate(timeout=60)
    assert out.strip() == "refused"
