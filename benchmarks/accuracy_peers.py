"""Peers of ``benchmarks.accuracy``: fastai and AutoGluon with their own defaults, in a child.

    python -m benchmarks.accuracy_peers fastai|autogluon DIR

DIR has ``train/CLASS/`` and ``test/CLASS/``. The last line is the accuracy on the test pictures.
They run where they are installed beside Lensmith; their pretrained weights are downloads of theirs.
"""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks.peers import weights
from benchmarks.peers_lite import lite0

PEERS = {"fastai": "fastai", "autogluon": "autogluon.multimodal"}
"""{peer: the module that it needs}."""
TIMEOUT_SECONDS = 1800
EPOCHS = 5
AUTOGLUON_SECONDS = 600


def peer_accuracy(peer: str, data: Path) -> float | str:
    """Test accuracy from 0 to 1, or a sentence that says why there is none."""
    if not _is_installed(PEERS[peer]):
        return f"{peer} is not installed"
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.accuracy_peers", peer, str(data)]
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"{peer} took more than {TIMEOUT_SECONDS} s"
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"{peer} failed: {reason[:200]}"
    return float(process.stdout.split()[-1])


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def fastai_accuracy(data: Path) -> float:
    """vision_learner on EfficientNet-Lite0, aug_transforms and fine_tune; a fifth validates."""
    from fastai.vision import all as vision

    scale = vision.Normalize.from_stats([127 / 255] * 3, [128 / 255] * 3)
    loaders = vision.ImageDataLoaders.from_folder(
        data / "train",
        valid_pct=0.2,
        seed=0,
        item_tfms=vision.Resize(224),
        batch_tfms=[*vision.aug_transforms(), scale],
    )
    learner = vision.vision_learner(
        loaders, lambda pretrained: lite0(weights()), metrics=vision.accuracy
    )
    learner.remove_cb(vision.ProgressCallback)
    learner.fine_tune(EPOCHS)
    files = vision.get_image_files(data / "test")
    shares, _ = learner.get_preds(dl=learner.dls.test_dl(files))
    guesses = [learner.dls.vocab[n] for n in shares.argmax(1).tolist()]
    return sum(map(str.__eq__, guesses, [file.parent.name for file in files])) / len(files)


def autogluon_accuracy(data: Path) -> float:
    """MultiModalPredictor with its default network, within ``AUTOGLUON_SECONDS``."""
    import pandas as pd
    from autogluon.multimodal import MultiModalPredictor

    tables = {}
    for split in ("train", "test"):
        files = sorted((data / split).glob("*/*"))
        tables[split] = pd.DataFrame(
            {"image": [str(file) for file in files], "label": [file.parent.name for file in files]}
        )
    with tempfile.TemporaryDirectory() as folder:
        predictor = MultiModalPredictor(label="label", path=f"{folder}/model")
        predictor.fit(tables["train"], time_limit=AUTOGLUON_SECONDS)
        guesses = predictor.predict(tables["test"])
    return float((guesses == tables["test"]["label"]).mean())


if __name__ == "__main__":
    measures = {"fastai": fastai_accuracy, "autogluon": autogluon_accuracy}
    print(measures[sys.argv[1]](Path(sys.argv[2])))
