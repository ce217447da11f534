"""Instant mode: guessed by what has not seen it, without the test, compared fairly with before."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ml.data.edits.edits import commit
from ml.data.pixels.pixels import PixelSpec
from ml.data.splits.splits import split_indices
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.features import extract
from ml.features.backbone import Backbone, store_backbone, stored_backbone
from ml.features.quick_model import compare, guess, pool_of
from ml.serving.quick_model import QuickModels
from ml.workspace import Workspace
from tests.helpers.trained import SPEC, dataset, trained


@pytest.fixture
def with_backbone(workspace: Workspace) -> Workspace:
    """A workspace with a small network's file, which computes features without torch."""
    graph = (trained().run.folder / "model" / "model.onnx").read_bytes()
    store_backbone(workspace, Backbone("small", PixelSpec(SPEC.size), graph))
    return workspace


def separable_features(version: DatasetVersion, noise: float = 0.5) -> np.ndarray:
    """Features that tell the classes of a version apart, as they are at first."""
    random = np.random.default_rng(3)
    known = {item.hash: item.label for item in version.items}
    centres = {
        one: np.eye(8)[label] * 2 + random.normal(0, noise, 8) for one, label in known.items()
    }
    chosen = [version.items[n].hash for n in pool_of(version)]
    return np.array([centres[one] for one in chosen], np.float32)


def test_test_pictures_take_no_part_and_guesses_are_out_of_fold(
    workspace: Workspace,
) -> None:
    version = dataset(workspace, "noise", each=30)
    tested = {version.items[n].hash for n in split_indices(version, 0)["test"]}
    guesses = guess(version, separable_features(version))
    assert not tested & set(guesses.guessed)
    assert len(guesses.guessed) == len(version.items) - len(tested)
    assert guesses.accuracy > 0.95
    # A head that had seen them would learn labels drawn by lot by heart: 60 columns, 76 pictures.
    random = np.random.default_rng(0).normal(0, 1, (len(guesses.guessed), 60)).astype(np.float32)
    assert guess(version, random).accuracy < 0.55


def test_a_wrong_label_is_contradicted_and_both_scores_share_pictures(
    workspace: Workspace,
) -> None:
    version = dataset(workspace, "noise", each=30)
    before = guess(version, separable_features(version))
    right = [one for one, label in before.labels.items() if before.guessed[one] == label]
    item = next(n for n, one in enumerate(version.items) if one.hash in right)
    changed = commit(
        workspace,
        "noise",
        [{"do": "relabel", "items": [item], "label": version.classes[2]}],
        base=version.version,
    )
    comparison = compare(guess(changed, separable_features(version)), before, 0.0)
    assert comparison["before"]["common"] == comparison["pictures"] == len(before.guessed)
    assert comparison["before"]["accuracy"] > comparison["before"]["then"], (
        "by the new label it was wrong"
    )
    hidden = commit(workspace, "noise", [{"do": "exclude", "items": [item]}], base=changed.version)
    assert version.items[item].hash not in guess(hidden, separable_features(hidden)).guessed


def test_a_new_name_changes_no_guess(workspace: Workspace) -> None:
    version = dataset(workspace, "noise", each=30)
    renamed = commit(
        workspace,
        "noise",
        [{"do": "rename_class", "old": "red", "new": "rosso"}],
        base=version.version,
    )
    now, before = (
        guess(renamed, separable_features(renamed)),
        guess(version, separable_features(version)),
    )
    comparison = compare(now, before, 0.0)
    assert comparison["changed_count"] == 0
    assert comparison["before"]["then"] == comparison["before"]["now"] == now.accuracy


def test_features_of_new_pictures_are_those_that_training_computes(
    with_backbone: Workspace,
) -> None:
    version = dataset(with_backbone, "noise", each=20)
    comparison = QuickModels().compare(with_backbone.root, "noise", version.version, 0)
    assert comparison["pictures"] == len(pool_of(version))
    chosen = [version.items[n].hash for n in pool_of(version)]
    by_backbone = stored_backbone(with_backbone).store(with_backbone).get(chosen)  # type: ignore[union-attr]
    pictures = trained().pictures  # the same pictures, among others
    folder = with_backbone.root / "reference"
    stores = extract.ensure(
        folder, pictures, 1, lambda: extract.torch_forward(trained().network, cpu())
    )
    np.testing.assert_allclose(by_backbone, stores[0].get(chosen), atol=1e-4)


def cpu():
    import torch

    return torch.device("cpu")


def test_many_new_pictures_are_work_for_a_child_and_a_damaged_file_is_none(
    with_backbone: Workspace,
) -> None:
    version = dataset(with_backbone, "noise", each=40)
    lacking = len(pool_of(version))
    assert QuickModels().compare(with_backbone.root, "noise", version.version, 0) == {
        "lacking": lacking
    }
    path = with_backbone.graphs / "backbone.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    assert stored_backbone(with_backbone) is None
    shutil.rmtree(with_backbone.graphs)
    assert QuickModels().compare(with_backbone.root, "noise", version.version, 0) == {
        "lacking": lacking
    }


def test_too_few_pictures_are_a_sentence(with_backbone: Workspace) -> None:
    version = dataset(with_backbone, "few", classes=("one",), each=12)
    with pytest.raises(BadInputError, match="two classes"):
        QuickModels().compare(with_backbone.root, "few", version.version, 0)


def test_the_worker_answers_without_torch(with_backbone: Workspace, python) -> None:
    version = dataset(with_backbone, "noise", each=14)
    child = python(
        """
import sys
from pathlib import Path
from ml.serving.service import Worker
asked = {"op": "instant", "workspace": sys.argv[1], "dataset": "noise", "before": 0}
answer, _ = Worker().answer({**asked, "version": int(sys.argv[2])}, b"")
heavy = {"torch", "sklearn", "lightning"} & set(sys.modules)
print(answer["comparison"]["pictures"], sorted(heavy))
""",
        with_backbone.root,
        version.version,
    )
    out, errors = child.communicate(timeout=60)
    assert out.split() == [str(len(pool_of(version))), "[]"], errors
    assert Path(with_backbone.features / "small" / "view-0").is_dir()
