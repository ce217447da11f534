"""One model by the test it was measured on and by a test that somebody changed since."""

import numpy as np
import pytest

from ml.data.edits import edits
from ml.data.store.versions import DatasetVersion
from ml.evaluation import results
from ml.evaluation.changed_test import changed_test
from ml.workspace import Workspace
from tests.helpers import made_up_runs


@pytest.fixture
def version(workspace: Workspace) -> DatasetVersion:
    return made_up_runs.dataset(workspace, each=20)


def test_excluding_what_a_model_got_wrong_raises_its_score_alone(
    workspace: Workspace, version: DatasetVersion
) -> None:
    truth = made_up_runs.predictions(version, 4, 0.5)
    measured = results.read(workspace, made_up_runs.finished(workspace, version, truth))
    wrong = [
        int(measured.indices[place])
        for place in np.flatnonzero(measured.guesses != measured.labels)
    ]
    edit = [{"do": "exclude", "items": wrong}]
    newer = edits.commit(workspace, version.name, edit, base=1)
    tested = results_in_test(measured, version)
    changed = changed_test(measured, version, newer)
    assert changed is not None
    assert changed.changes.left == len(set(wrong) & tested)
    assert changed.right_after == changed.pictures_after
    assert changed.right_before == int((measured.guesses == measured.labels).sum())
    assert changed.pictures_before == len(measured.labels)


def test_a_relabelled_test_picture_is_judged_by_both_labels(
    workspace: Workspace, version: DatasetVersion
) -> None:
    truth = made_up_runs.predictions(version, 4, 0.5)
    measured = results.read(workspace, made_up_runs.finished(workspace, version, truth))
    tested = results_in_test(measured, version)
    place = next(
        place
        for place in np.flatnonzero(measured.guesses != measured.labels).tolist()
        if int(measured.indices[place]) in tested
    )
    name = measured.classes[measured.guesses[place]]
    edit = [{"do": "relabel", "items": [int(measured.indices[place])], "label": name}]
    newer = edits.commit(workspace, version.name, edit, base=1)
    changed = changed_test(measured, version, newer)
    assert changed is not None
    assert (changed.changes.relabelled, changed.changes.left) == (1, 0)


def test_what_changes_in_training_leaves_the_test_alone(
    workspace: Workspace, version: DatasetVersion
) -> None:
    measured = results.read(workspace, made_up_runs.finished(workspace, version))
    tested = results_in_test(measured, version)
    trained = [n for n in range(len(version.items)) if n not in tested]
    edit = [
        {"do": "exclude", "items": trained[:5]},
        {"do": "rename_class", "old": "paper", "new": "card"},
    ]
    newer = edits.commit(workspace, version.name, edit[:1], base=1)
    assert changed_test(measured, version, newer) is None
    renamed = edits.commit(workspace, version.name, edit[1:], base=2)
    assert changed_test(measured, version, renamed) is None


def results_in_test(measured: results.Results, version: DatasetVersion) -> set[int]:
    """The item numbers that are in the test set of ``version``."""
    from ml.data.splits.splits import split_indices

    return set(split_indices(version, 0)["test"].tolist())
