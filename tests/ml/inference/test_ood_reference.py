"""What a model carries of the pictures that it learned from, and the limit that is set on them."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.errors import BadInputError
from ml.inference import ood, ood_reference
from ml.inference.classifier import Classifier
from tests.helpers.feature_clouds import answers, cloud, fitted
from tests.helpers.trained import CLASSES, trained


def test_the_false_alarm_rate_is_at_most_the_stated_one():
    alarms = []
    for seed in range(40):
        known, _ = ood_reference.fit(
            *(cloud(50, seed), np.arange(50), np.zeros(50, int)),
            *(cloud(99, 500 + seed), answers(99, 500 + seed)),
        )
        assert known
        asked = cloud(300, 1000 + seed), answers(300, 1000 + seed)
        alarms.append(np.mean(known.ood_score(*asked) > known.limit))
    # n = 40 limits of 99 pictures each
    assert 0.03 < np.mean(alarms) <= ood_reference.FALSE_ALARMS + 0.01


def test_with_few_validation_pictures_the_farthest_is_the_limit():
    few = (
        cloud(ood_reference.MIN_VALIDATION_PICTURES - 1, 3),
        answers(ood_reference.MIN_VALIDATION_PICTURES - 1, 3),
    )
    known, about = ood_reference.fit(cloud(9, 0), np.arange(9), np.zeros(9, int), *few)
    assert known
    assert about["beyond"] == 0
    assert known.limit == known.ood_score(*few).max()
    assert about["neighbours"] == 9
    nothing = cloud(0, 0), answers(0, 0)
    assert ood_reference.fit(cloud(9, 0), np.arange(9), np.zeros(9, int), *nothing) == (None, {})


@pytest.mark.parametrize(("count", "width"), [(10, 4), (100_000, 1280), (5000, 25_088), (0, 5)])
def test_what_is_carried_is_bounded_and_spread_evenly(count, width):
    rows = ood_reference.carried_items(count, width)
    assert len(rows) <= min(count, ood_reference.MAX_PICTURES)
    assert 2 * len(rows) * width <= ood_reference.MAX_BYTES
    assert len(set(np.bincount(rows * 10 // max(1, count), minlength=10) // 20)) <= 2
    assert (np.diff(rows) > 0).all()


def test_what_was_saved_is_read_and_what_is_damaged_is_refused(tmp_path):
    known = fitted()
    ood_reference.save(known, tmp_path / "learned.npz")
    data = (tmp_path / "learned.npz").read_bytes()
    read = ood_reference.load(data, tmp_path)
    for name in ("features", "items", "labels", "spread", "limit", "gaps", "axes"):
        assert np.array_equal(getattr(read, name), getattr(known, name))
    empty = io.BytesIO()
    np.savez(
        empty, features=np.zeros((0, 3)), items=[], labels=[], spread=np.ones((2, 2)), limit=1.0
    )
    other = replace(known, axes=np.eye(2, 5, dtype=np.float32))
    ood_reference.save(other, tmp_path / "learned.npz")
    turned = (tmp_path / "learned.npz").read_bytes()
    for wrong in (data[: len(data) // 2], b"", empty.getvalue(), turned):
        with pytest.raises(BadInputError, match="again"):
            ood_reference.load(wrong, tmp_path)


def test_the_axes_explain_as_much_variance_as_a_full_decomposition():
    random = np.random.default_rng(0)
    for rows, width, most in ((400, 300, 32), (50, 900, 32), (9, 6, 32), (300, 40, 8)):
        fading = random.normal(size=(rows, width)) * 0.97 ** np.arange(width)
        features = ood.normalised(fading @ np.linalg.qr(random.normal(size=(width, width)))[0])
        axes = ood_reference.principal(features, most)
        assert len(axes) == min(most, rows // 2, width // 2)
        assert np.abs(axes @ axes.T - np.eye(len(axes))).max() < 1e-5
        best = np.square(np.linalg.svd(features, compute_uv=False)[: len(axes)]).sum()
        assert 0.998 * best < np.square(features @ axes.T).sum() <= best * 1.0001


def test_a_model_carries_its_training_features_and_explains_its_limit():
    made = trained()
    classifier, about = Classifier.load(made.run.folder / "model"), made.run.model["unlike"]
    known = classifier.known
    assert known
    assert set(known.items.tolist()) == set(made.pictures.indices("train").tolist())
    assert known.labels.tolist() == made.pictures.version.labels[known.items].tolist()
    assert (about["pictures"], about["limit"]) == (len(known.items), known.limit)
    assert about["validation"] == len(made.pictures.indices("val"))
    assert about["beyond"] <= 0.05 * about["validation"]
    place = made.pictures.indices("train")[5]
    pixels = np.array(made.pictures.pixels("train")[5])
    answer = classifier.answer(classifier.outputs(pixels[None])[0], "p.png")
    nearest = answer["nearest"][0]
    assert nearest["item"] == place
    assert nearest["label"] == CLASSES[made.pictures.version.labels[place]]
    assert nearest["distance"] < 0.02


def test_features_that_are_kept_already_give_the_same_as_those_of_the_file():
    made = trained()
    known = Classifier.load(made.run.folder / "model").known
    assert known
    with_torch = made.network.features(torch.from_numpy(np.array(made.pictures.pixels("train"))))
    wanted = ood.normalised(with_torch.detach().numpy())
    assert np.abs(wanted - known.features).max() < 2e-3
