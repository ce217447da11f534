"""Torchvision still has the parts that are used, and without them its sets are read too."""

import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.compat.torchvision_private import TRIED_WITH, files_and_labels, replaced
from ml.data.sources import torchvision_guard
from ml.data.sources.torchvision_guard import (
    check_pickles_are_guarded,
    download_progress,
    guarded_reading,
)
from ml.errors import BadInputError
from tests.helpers import torchvision_layouts

CHANGED = f"torchvision has changed since {TRIED_WITH}: mend ml.compat.torchvision_private"


@pytest.mark.parametrize(
    ("name", "kind", "arguments"),
    [
        ("flowers102", "Flowers102", {"split": "train"}),
        ("oxford_pets", "OxfordIIITPet", {"split": "trainval"}),
        ("gtsrb", "GTSRB", {"split": "test"}),
    ],
)
def test_torchvision_still_lists_the_files_of_its_sets(
    name: str, kind: str, arguments: dict[str, str], tmp_path: Path
) -> None:
    from torchvision import datasets

    torchvision_layouts.WRITERS[name](tmp_path)
    with guarded_reading([]):
        dataset = getattr(datasets, kind)(tmp_path, **arguments)
    files, labels = files_and_labels(dataset)
    assert [path.is_file() for path in files] == [True] * len(dataset), CHANGED
    for place, (picture, label) in enumerate(dataset):
        assert label == labels[place]
        assert np.array_equal(np.asarray(picture), np.asarray(Image.open(files[place])))


def test_without_a_list_of_files_pictures_are_decoded() -> None:
    dataset = [(Image.new("RGB", (4, 3), (n, 0, 0)), n % 2) for n in range(5)]
    pictures, labels = files_and_labels(dataset)
    assert labels == [0, 1, 0, 1, 0]
    assert [one.shape for one in pictures] == [(3, 4, 3)] * 5
    assert [int(one[0, 0, 0]) for one in pictures] == list(range(5))


def test_torchvision_still_looks_up_the_names_that_are_replaced() -> None:
    from torchvision.datasets import cifar, flowers102, stl10, svhn, utils

    for module in (cifar, flowers102, stl10, svhn):
        assert hasattr(module, "check_integrity"), CHANGED
    assert hasattr(utils, "tqdm"), CHANGED
    assert hasattr(utils, "check_integrity"), CHANGED
    with guarded_reading([]):
        assert cifar.pickle.load is torchvision_guard.load_arrays, CHANGED


def test_a_name_that_is_gone_is_left_alone_and_comes_back_otherwise() -> None:
    module = types.ModuleType("made_up")
    with replaced(module, "absent", 1) as there:
        assert not there
        assert not hasattr(module, "absent")
    module.present = 1  # type: ignore[attr-defined]
    with replaced(module, "present", 2) as there:
        assert there
        assert module.present == 2  # type: ignore[attr-defined]
    assert module.present == 1  # type: ignore[attr-defined]


def test_without_those_names_files_are_read_and_pickles_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torchvision.datasets import cifar, svhn, utils

    monkeypatch.delattr(utils, "tqdm")
    monkeypatch.delattr(utils, "check_integrity")
    monkeypatch.delattr(svhn, "check_integrity")
    monkeypatch.delattr(cifar, "pickle")
    with guarded_reading([]), download_progress(None):
        pass
    with pytest.raises(BadInputError, match="would run code"):
        check_pickles_are_guarded()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_any_numpy_are_unpickled(protocol: int) -> None:
    import io
    import pickle

    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    data = pickle.dumps({"data": array}, protocol=protocol)
    for text in (data, data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")):
        if protocol > 2 and text is not data:
            continue  # lengths stand before names
        assert np.array_equal(torchvision_guard.load_arrays(io.BytesIO(text))["data"], array)
