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
from ml.features import extract as features
from ml.features.backbone import Backbone, store_backbone, stored_backbone
from ml.features.quick_model import compare, guess, pool_of
from ml.serving.quick_model import QuickModels
from ml.workspace import Workspace
from tests.helpers.trained import SPEC, dataset, trained


@pytest.fixture
def warm(workspace: Workspace) -> Workspace:
    """A workspace with a small network's file, which computes features without torch."""
    graph = (trained().run.folder / "model" / "model.onnx").read_bytes()
    store_backbone(workspace, Backbone("small", PixelSpec(SPEC.size), graph))
    return workspace


def telling(version: DatasetVersion, noise: float = 0.5) -> np.ndarray:
    """Features that tell the classes of a version apart, as they are at first."""
    random = np.random.default_rng(3)
    known = {item.hash: item.label for item in version.items}
    found = {one: np.eye(8)[label] * 2 + random.normal(0, noise, 8) for one, label in known.items()}
    chosen = [version.items[n].hash for n in pool_of(version)]
    return np.array([found[one] for one in chosen], np.float32)


def test_the_test_pictures_take_no_part_and_nothing_is_guessed_by_a_head_that_saw_it(
    workspace: Workspace,
) -> None:
    version = dataset(workspace, "noise", each=30)
    tested = {version.items[n].hash for n in split_indices(version, 0)["test"]}
    found = guess(version, telling(version))
    assert not tested & set(found.guessed)
    assert len(found.guessed) == len(version.items) - len(tested)
    assert found.accuracy > 0.95
    # A head that had seen them would learn labels drawn by lot by heart: 60 columns, 76 pictures.
    random = np.random.default_rng(0).normal(0, 1, (len(found.guessed), 60)).astype(np.float32)
    assert guess(version, random).accuracy < 0.55


def test_a_wrong_label_is_guessed_against_and_the_score_before_is_told_for_the_same_pictures(
    workspace: Workspace,
) -> None:
    version = dataset(workspace, "noise", each=30)
    before = guess(version, telling(version))
    right = [one for one, label in before.labels.items() if before.guessed[one] == label]
    item = next(n for n, one in enumerate(version.items) if one.hash in right)
    changed = commit(
        workspace,
        "noise",
        [{"do": "relabel", "items": [item], "label": version.classes[2]}],
        base=version.version,
    )
    told = compare(guess(changed, telling(version)), before, 0.0)
    assert told["before"]["common"] == told["pictures"] == len(before.guessed)
    assert told["before"]["accuracy"] > told["before"]["then"], "by the new label it was wrong"
    hidden = commit(workspace, "noise", [{"do": "exclude", "items": [item]}], base=changed.version)
    assert version.items[item].hash not in guess(hidden, telling(hidden)).guessed


def test_a_new_name_changes_no_guess(workspace: Workspace) -> None:
    version = dataset(workspace, "noise", each=30)
    renamed = commit(
        workspace,
        "noise",
        [{"do": "rename_class", "old": "red", "new": "rosso"}],
        base=version.version,
    )
    now, before = guess(renamed, telling(renamed)), guess(version, telling(version))
    told = compare(now, before, 0.0)
    assert told["changed_count"] == 0
    assert told["before"]["then"] == told["before"]["now"] == now.accuracy


def test_features_of_new_pictures_are_those_that_training_computes(warm: Workspace) -> None:
    version = dataset(warm, "noise", each=20)
    told = QuickModels().compare(warm.root, "noise", version.version, 0)
    assert told["pictures"] == len(pool_of(version))
    chosen = [version.items[n].hash for n in pool_of(version)]
    found = stored_backbone(warm).store(warm).get(chosen)  # type: ignore[union-attr]
    pictures = trained().pictures  # the same pictures, among others
    folder = warm.root / "reference"
    stores = features.ensure(
        folder, pictures, 1, lambda: features.torch_forward(trained().network, cpu())
    )
    np.testing.assert_allclose(found, stores[0].get(chosen), atol=1e-4)


def cpu():
    import torch

    return torch.device("cpu")


def test_many_new_pictures_are_work_for_a_child_and_a_damaged_file_is_none(
    warm: Workspace,
) -> None:
    version = dataset(warm, "noise", each=40)
    lacking = len(pool_of(version))
    assert QuickModels().compare(warm.root, "noise", version.version, 0) == {"lacking": lacking}
    path = warm.graphs / "backbone.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    assert stored_backbone(warm) is None
    shutil.rmtree(warm.graphs)
    assert QuickModels().compare(warm.root, "noise", version.version, 0) == {"lacking": lacking}


def test_too_few_pictures_are_a_sentence(warm: Workspace) -> None:
    version = dataset(warm, "few", classes=("one",), each=12)
    with pytest.raises(BadInputError, match="two classes"):
        QuickModels().compare(warm.root, "few", version.version, 0)


def test_the_worker_answers_without_torch(warm: Workspace, python) -> None:
    version = dataset(warm, "noise", each=14)
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
        warm.root,
        version.version,
    )
    out, errors = child.communicate(timeout=60)
    assert out.split() == [str(len(pool_of(version))), "[]"], errors
    assert Path(warm.features / "small" / "view-0").is_dir()
