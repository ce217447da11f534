"""Training and prediction see the same pixels of every odd picture that decodes, to the bit."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ml.data.catalog import run_record
from ml.data.ingest.bring_in import bring_in
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import open_pictures
from ml.data.sources.walk import is_junk
from ml.inference.classifier import Classifier
from ml.presets import default_pixels
from ml.workspace import Workspace
from tests.helpers.pictures import SHARED

NASTY = SHARED / "nasty_images"
PREPARED = PixelSpec(224)
OTHERS = [PixelSpec(32), PixelSpec(48, "grey", "squeeze"), PixelSpec(48, "rgb", "squeeze")]


def classifier(spec: PixelSpec) -> Classifier:
    return Classifier({}, ("a", "b"), spec, 1.0, 0.5, None)  # type: ignore[arg-type]


@pytest.mark.skipif(
    not (NASTY / "MANIFEST.csv").is_file(),
    reason="the collection of nasty pictures is not beside the repository",
)
def test_training_and_prediction_see_the_same_pixels(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sync", lambda: None)
    with (NASTY / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        accepted = [row["file"] for row in csv.DictReader(file) if row["result"] == "OK"]
    names = [name for name in accepted if not is_junk(name.rpartition("/")[2])]
    assert len(names) > 190
    names.sort(key=lambda name: not name.startswith("pngsuite"))  # most are of that size
    for n, name in enumerate(names):  # half of them in each of two classes, in their order
        target = tmp_path / "odd" / "ab"[n % 2] / f"{n:03} {Path(name).name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(NASTY / name, target)
    version = bring_in(workspace, tmp_path / "odd", pixels_for=default_pixels).version
    record = run_record(version, 0)
    prepared = workspace.datasets / "odd" / "cache" / PREPARED.key
    assert prepared.is_dir()  # so these pixels are those that ingest made
    for spec in (PREPARED, *OTHERS):
        trained = open_pictures(workspace, record, spec).pixels("all")
        assert trained.shape == (len(version.items), spec.size, spec.size, spec.channels)
        see = classifier(spec).see
        for item, pixels in zip(version.items, trained, strict=True):
            predicted = see((tmp_path / "odd" / item.file).read_bytes())
            assert np.array_equal(pixels, predicted), (item.file, spec.key)
