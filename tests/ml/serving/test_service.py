import io
import json
import shutil
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ml.data.pixels.pixels import canonical
from ml.explain.why import Explainer
from ml.inference.classifier import Classifier
from ml.serving import model_cache, service
from ml.serving.protocol import read_frame, write_frame
from ml.serving.service import Worker
from tests.helpers.trained import CLASSES, picture, trained


def request(folder, **values):
    return {"op": "classify", "folder": str(folder), "name": "p.png", "top_k": 2, **values}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(trained().run.folder / "model", tmp_path / "model")
    return tmp_path / "model"


@given(st.lists(st.tuples(st.dictionaries(st.text(), st.text()), st.binary()), max_size=4))
def test_frames_come_out_as_they_went_in_and_a_torn_one_not_at_all(messages):
    pipe = io.BytesIO()
    for header, data in messages:
        write_frame(pipe, header, data)
    whole = pipe.getvalue()
    pipe.seek(0)
    for header, data in messages:
        assert read_frame(pipe) == ({**header, "size": len(data)}, data)
    assert read_frame(pipe) is None
    if messages:
        torn = io.BytesIO(whole[:-1])
        frames = [read_frame(torn) for _ in messages]
        assert frames[-1] is None
        assert None not in frames[:-1]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 2**31),
        struct.pack(">I", 13) + b'{"size": -5}x',
        struct.pack(">I", 22) + b'{"size": 999999999999}',
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 3) + b"{{{",
    ],
)
def test_what_is_no_frame_is_refused_before_anything_is_read_for_it(data):
    with pytest.raises(ValueError):  # noqa: PT011 (json has its own kind)
        read_frame(io.BytesIO(data))


def test_an_answer_holds_the_picture_as_the_model_sees_it_and_a_preview(folder):
    data = io.BytesIO()
    Image.effect_noise((900, 600), 80).save(data, "PNG")
    header, pictures = Worker().answer(request(folder), data.getvalue())
    seen = Image.open(io.BytesIO(pictures[: header["seen"]]))
    shown = Image.open(io.BytesIO(pictures[header["seen"] :]))
    classifier = Classifier.load(folder)
    assert np.array_equal(np.asarray(seen), canonical(data.getvalue(), classifier.spec))
    assert shown.size == (480, 320)
    assert header["preview"] == len(pictures) - header["seen"]
    assert header["result"] == classifier.classify(data.getvalue(), "p.png", 2)


def test_a_reason_is_given_for_the_very_pixels_that_were_seen(folder):
    worker = Worker()
    header, pictures = worker.answer(request(folder), picture(1, 3))
    seen = pictures[: header["seen"]]
    asked = {"op": "why", "folder": str(folder), "label": CLASSES[1], "method": ""}
    told, _ = worker.answer(asked, seen)
    assert told["method"] == "activation"
    assert np.shape(told["heat"]) == np.shape(
        Explainer(Classifier.load(folder), folder).explain(service.decode(seen), CLASSES[1])["heat"]
    )
    by_name = {entry["label"]: entry["probability"] for entry in header["result"]["top"]}
    if CLASSES[1] in by_name:
        assert told["before"] == pytest.approx(by_name[CLASSES[1]], abs=1e-6)
    assert "no such class" in worker.answer({**asked, "label": "x"}, seen)[0]["refused"]
    assert "cannot be read again" in worker.answer(asked, b"no picture")[0]["refused"]


def test_a_grey_picture_is_encoded_as_it_is():
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(service.encode(pixels)))), pixels[..., 0]
    )
    assert np.array_equal(service.decode(service.encode(pixels)), pixels)


def test_a_model_that_was_replaced_is_loaded_again_and_the_last_used_are_kept(
    folder, tmp_path, monkeypatch
):
    loaded = []
    true_load = Classifier.load

    def load(where, threads=0):
        loaded.append(where.name)
        return true_load(where, threads)

    monkeypatch.setattr(Classifier, "load", load)
    monkeypatch.setattr(model_cache, "MODELS", 2)
    worker, data = Worker(), picture(1, 1)
    for name in ("second", "third"):
        shutil.copytree(folder, tmp_path / name)
    first = worker.answer(request(folder), data)[0]["result"]["label"]
    for name in ("second", "model", "third", "model", "second"):
        worker.answer(request(tmp_path / name), data)
    assert loaded == ["model", "second", "third", "second"]
    manifest = json.loads((folder / "model.json").read_text("utf-8"))
    manifest["classes"] = [f"new {name}" for name in manifest["classes"]]
    (folder / "model.json").write_text(json.dumps(manifest), "utf-8")
    assert worker.answer(request(folder), data)[0]["result"]["label"] == f"new {first}"


def test_a_model_that_cannot_be_used_is_refused_and_the_worker_goes_on(folder, tmp_path):
    worker = Worker()
    assert "no trained model" in worker.answer(request(tmp_path), b"")[0]["refused"]
    assert "does not know" in worker.answer({"op": "dance"}, b"")[0]["refused"]
    assert worker.answer(request(folder), picture(0, 1))[0]["result"]["label"] in CLASSES


@pytest.mark.parametrize(
    ("error", "sentence"), [(MemoryError(), "more memory"), (KeyError("x"), "unforeseen")]
)
def test_whatever_goes_wrong_with_a_picture_becomes_a_sentence(
    folder, error, sentence, monkeypatch
):
    def fail(data, spec):
        raise error

    monkeypatch.setattr(service, "canonical_of", fail)
    header, data = Worker().answer(request(folder), b"x")
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
    write_frame(into, request(folder), b"no picture")
    assert read_frame(out)[0]["result"]["error"].endswith(".")
    write_frame(into, request(folder), picture(2, 1))
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
from ml.serving import service as worker
from ml.__main__ import main
def noisy(pixels):
    print("python prints")
    os.write(1, b"and so does C")
    return b""
worker.encode = noisy
sys.exit(main(["worker"]))
"""
    child = python(code)
    write_frame(child.stdin.buffer, request(folder), picture(2, 1))
    assert read_frame(child.stdout.buffer)[0]["result"]["label"] in CLASSES
    more, told = child.communicate(timeout=30)
    assert more == ""
    assert "python prints" in told
    assert "and so does C" in told


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit of memory")
def test_an_allocation_beyond_the_limit_fails_and_the_process_goes_on(python):
    code = """
from ml.serving.service import limit_memory
assert limit_memory(600 * 2**20)
try:
    bytearray(2**30)
except MemoryError:
    print("refused")
"""
    out, _ = python(code).communicate(timeout=60)
    assert out.strip() == "refused"
