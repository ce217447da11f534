"""The format ``bundle``: a zip with the network, a program that runs it, and its own proof.

``predict.py`` and ``check.py`` in it need onnxruntime, numpy and pillow alone. The bundle is proved
by its ``check.py``, in a process that cannot import Lensmith: on pictures of the run's test set as
files, and on forms of them (turned, CMYK, 16-bit, transparent, large), beside what
``python -m ml predict`` answers.
"""

import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml.data.pixels.decode import JPEG_FORMATS, load, opened
from ml.data.store.originals import read_picture
from ml.data.store.versions import load_version
from ml.errors import BadInputError
from ml.export.registry import ExportSource, exporter
from ml.inference.classifier import Classifier
from ml.inference.model_folder import read_checked
from ml.metrics import predictions
from ml.text import model_card

FILES = Path(__file__).parent / "bundle_files"
PROGRAMS = ("predict.py", "check.py")
MAX_CARRIED_PICTURES = 10
MAX_PICTURES_FOR_PROOF = 200
MAX_PICTURES_FOR_FORMS = 3
"""So many pictures are tried in all forms."""
PROOF_TIMEOUT_SECONDS = 600
MAX_FORM_SIDE = 1200
Named = list[tuple[str, bytes]]
"""Pictures: the name and the bytes of each."""


def prove(source: ExportSource, path: Path) -> dict[str, Any]:
    """Run ``check.py`` of the bundle at ``path``; the parity on the test pictures, with
    ``mean_probability_difference`` and ``milliseconds`` for a picture.

    Raises:
        BadInputError: the bundle answers otherwise than the run.
    """
    classifier = Classifier.load(source.folder)
    pictures = _test_pictures(source, MAX_PICTURES_FOR_PROOF)
    with tempfile.TemporaryDirectory() as place:
        bundle, test, forms = (Path(place) / name for name in ("bundle", "test", "forms"))
        with zipfile.ZipFile(path) as archive:
            archive.extractall(bundle)
        (bundle,) = bundle.iterdir()
        digest = hashlib.sha256((bundle / "model.onnx").read_bytes()).hexdigest()
        if digest != source.manifest["sha256"]["model.onnx"]:
            raise _refusal("Its model.onnx is not the file of the run.")
        _write_files(test, _with_answers(classifier, pictures))
        _write_files(forms, _with_answers(classifier, _forms(pictures[:MAX_PICTURES_FOR_FORMS])))
        result = _run_check(bundle, test, forms)
    if result["problems"]:
        raise _refusal(" ".join(result["problems"]))
    _, measured, _ = result["folders"]
    return {name: value for name, value in measured.items() if name != "problems"}


def _run_check(bundle: Path, *folders: Path) -> dict[str, Any]:
    """What ``check.py`` prints with ``--json``, in isolated mode: neither the working folder nor
    the environment adds anything to its path."""
    command = [sys.executable, "-I", "-B", "check.py", *map(str, folders), "--json"]
    try:
        done = subprocess.run(
            command,
            cwd=bundle,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PROOF_TIMEOUT_SECONDS,
        )
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise _refusal(f"Its check took longer than {PROOF_TIMEOUT_SECONDS} s.") from None
    except (IndexError, ValueError):
        lines = done.stderr.strip().splitlines() or ["nothing was written"]
        raise _refusal(f"Its check ended with an error: {lines[-1]}.") from None
    return result


def _refusal(reason: str) -> BadInputError:
    return BadInputError(f"The bundle does not answer as the run does, so it is not kept. {reason}")


@exporter(
    "bundle",
    suffix=".zip",
    label="Everything in one zip",
    help="Network, program, model card and ten test pictures with their answers: runs anywhere "
    "with Python, and checks itself.",
    prove=prove,
)
def write(source: ExportSource, path: Path) -> None:
    """Write the bundle.

    Raises:
        BadInputError: the model is not in its run, or a file of it or a picture is missing or
            damaged.
    """
    top = str(source.manifest["run"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents(source):
            archive.writestr(f"{top}/{name}", data)


def contents(source: ExportSource) -> Named:
    """The files of the bundle by their names in it. Raises as ``write`` does."""
    pictures = _test_pictures(source, MAX_CARRIED_PICTURES)
    answered = _with_answers(Classifier.load(source.folder), pictures)
    proved = [
        ("model.onnx", read_checked(source.folder / "model.onnx", source.manifest)),
        ("model.json", _json(_about(source))),
        *((name, _template(name)) for name in PROGRAMS),
        *((f"pictures/{name}", data) for name, data in answered),
    ]
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in proved)
    return [
        *proved,
        ("SHA256SUMS", sums.encode()),
        ("README.md", _template("README.md")),
        ("MODEL_CARD.md", _card(source).encode()),
        ("LICENCE-OF-WEIGHTS.txt", _licence(source.manifest).encode()),
        ("requirements.txt", (FILES / "requirements.txt").read_bytes()),
    ]


def _template(name: str) -> bytes:
    return (FILES / f"{name}.txt").read_text(encoding="utf-8").encode()


def _about(source: ExportSource) -> dict[str, Any]:
    """``model.json`` of the bundle: what ``predict.py`` needs, and what the model comes from."""
    names = ("run", "model", "classes", "pixels", "temperature", "threshold", "licence", "versions")
    dataset = source.run.dataset if source.run else {}
    about = {name: source.manifest[name] for name in names if name in source.manifest}
    return about | {name: dataset[name] for name in ("fingerprint",) if name in dataset}


def _card(source: ExportSource) -> str:
    run = source.run
    assert run is not None, "its test pictures were read"
    return model_card.markdown(run.name, source.manifest, run.dataset, run.report)


def _licence(manifest: dict[str, Any]) -> str:
    if licence := manifest.get("licence"):
        return (
            f"The network {manifest['model']} started from weights under the licence: {licence}.\n"
            "What was learned from your pictures since is yours, within that licence.\n"
        )
    return f"The network {manifest['model']} started from no weights of others.\n"


def _test_pictures(source: ExportSource, max_count: int) -> Named:
    """At most ``max_count`` of the run's test pictures as they came, spread evenly, as files.

    Raises:
        BadInputError: there are none, or one is missing or damaged.
    """
    if source.run is None or source.workspace is None:
        raise BadInputError("A bundle carries test pictures of its run. Name a run.")
    record = source.run.dataset
    version = load_version(source.workspace, record["name"], record["version"])
    if version.fingerprint != record["fingerprint"]:
        raise BadInputError(
            "The data set is not the one that the run was made with, so there are no test pictures "
            "to prove a bundle on."
        )
    indices = predictions.load(source.run.folder / predictions.FILE).indices
    if not len(indices):
        raise BadInputError("The run has no test pictures, so a bundle of it cannot be proved.")
    chosen = np.linspace(0, len(indices) - 1, min(len(indices), max_count)).astype(np.int64)
    pictures = []
    for number, place in enumerate(indices[chosen], 1):
        data = read_picture(source.workspace, version.items[place].hash)
        with opened(data) as picture:
            suffix = "jpg" if picture.format in JPEG_FORMATS else str(picture.format)
        pictures.append((f"{number:03}.{suffix.lower()}", data))
    return pictures


def _forms(pictures: Named) -> Named:
    """The pictures in forms that files come in: large, turned, grey, CMYK, 16-bit, transparent."""
    made: Named = []
    for name, data in pictures:
        picture = load(data)[0].convert("RGB")
        factor = max(1, MAX_FORM_SIDE // max(picture.size))
        large = picture.resize((picture.width * factor, picture.height * factor * 3 // 4 + 1))
        turned = Image.Exif()
        turned[0x0112] = 6
        wide = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 251)
        clear = picture.copy()
        clear.putalpha(picture.convert("L"))
        for form, image, kind, options in (
            ("large-turned.jpg", large, "JPEG", {"exif": turned}),
            ("grey.jpg", picture.convert("L"), "JPEG", {}),
            ("cmyk.jpg", picture.convert("CMYK"), "JPEG", {}),
            ("16-bit.png", wide, "PNG", {}),
            ("transparent.png", clear, "PNG", {}),
            ("palette.gif", picture.quantize(32), "GIF", {}),
        ):
            out = io.BytesIO()
            image.save(out, kind, **options)
            made.append((f"{name}-{form}", out.getvalue()))
    return made


def _with_answers(classifier: Classifier, pictures: Iterable[tuple[str, bytes]]) -> Named:
    """The pictures that can be read, and ``expected.json`` with the classifier's answers."""
    files: Named = []
    answers = {}
    for name, data in pictures:
        answer = classifier.classify(data, name, top_k=len(classifier.classes))
        if answer["error"]:
            continue
        files.append((name, data))
        answers[name] = {
            "label": answer["label"],
            "probability": answer["probability"],
            "sure": answer["decision"] == "sure",
            "probabilities": {one["label"]: one["probability"] for one in answer["top"]},
        }
    about = {
        "classes": list(classifier.classes),
        "pixels": classifier.spec.to_json(),
        "temperature": classifier.temperature,
        "threshold": classifier.threshold,
    }
    return [*files, ("expected.json", _json(about | {"answers": answers}))]


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _write_files(folder: Path, files: Named) -> None:
    folder.mkdir()
    for name, data in files:
        (folder / name).write_bytes(data)
