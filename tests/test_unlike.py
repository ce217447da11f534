"""What a model carries of the pictures that it learned from, and what it calls unlike them."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from ml import abstain, unlike
from ml.errors import BadInputError
from ml.predict import Classifier
from tests.trained import CLASSES, trained


def cloud(count: int, seed: int, width: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).normal(1, 0.6, (count, width)).astype(np.float32)


def answers(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).normal(0, 3, (count, 4))


def fitted(count: int = 60, validation: int = 200) -> unlike.Known:
    known, _ = unlike.fit(
        *(cloud(count, 0), np.arange(count) * 3, np.arange(count) % 4),
        *(cloud(validation, 1), answers(validation, 1)),
    )
    assert known
    return known


def test_distances_and_the_nearest_are_those_that_scikit_learn_finds():
    known, asked = fitted(), cloud(30, 2)
    reference = NearestNeighbors(n_neighbors=unlike.NEIGHBOURS).fit(known.features)
    far, places = reference.kneighbors(unlike.normalised(asked))
    assert known.distances(asked) == pytest.approx(far[:, -1], abs=1e-5)
    for one, row, wanted in zip(asked, places, far, strict=True):
        items, labels, distances = zip(*known.nearest(one, unlike.NEIGHBOURS), strict=True)
        assert list(items) == (3 * row).tolist()
        assert list(labels) == (row % 4).tolist()
        assert distances == pytest.approx(wanted, abs=1e-5)


def test_pictures_of_the_same_kind_are_called_unlike_at_most_as_often_as_stated():
    alarms = []
    for seed in range(40):
        known, _ = unlike.fit(
            *(cloud(50, seed), np.arange(50), np.zeros(50, int)),
            *(cloud(99, 500 + seed), answers(99, 500 + seed)),
        )
        assert known
        asked = cloud(300, 1000 + seed), answers(300, 1000 + seed)
        alarms.append(np.mean(known.strangeness(*asked) > known.limit))
    assert 0.03 < np.mean(alarms) <= unlike.FALSE_ALARMS + 0.01  # n = 40 limits of 99 pictures each


def test_with_few_validation_pictures_the_farthest_is_the_limit():
    few = cloud(unlike.ENOUGH - 1, 3), answers(unlike.ENOUGH - 1, 3)
    known, about = unlike.fit(cloud(9, 0), np.arange(9), np.zeros(9, int), *few)
    assert known
    assert about["beyond"] == 0
    assert known.limit == known.strangeness(*few).max()
    assert about["neighbours"] == 9
    nothing = cloud(0, 0), answers(0, 0)
    assert unlike.fit(cloud(9, 0), np.arange(9), np.zeros(9, int), *nothing) == (None, {})


def test_the_measures_are_those_of_an_independent_computation():
    known, asked = fitted(), cloud(40, 2)
    features = known.features.astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    rows = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    middles = np.stack([features[known.labels == one].mean(0) for one in range(4)])
    off_centre = pairwise_distances(rows, middles, metric="cosine").min(1)
    k = unlike.NEIGHBOURS
    reference = NearestNeighbors(n_neighbors=k).fit(features)
    gaps = reference.kneighbors()[0][:, -1]  # without themselves
    far, near = reference.kneighbors(rows)
    alone = np.log(far.mean(1) / gaps[near].mean(1))
    said = answers(40, 2)
    energy = -np.log(np.exp(said).sum(1))
    measured = known.measures(asked, said)
    assert measured == pytest.approx(np.stack([alone, off_centre, energy]), abs=2e-3)
    units = (measured - known.spread[:, :1]) / known.spread[:, 1:]
    wanted = units[0] + np.maximum(units[1], units[2])
    assert known.strangeness(asked, said) == pytest.approx(wanted)
    single = [known.strangeness(asked[n : n + 1], said[n : n + 1])[0] for n in range(40)]
    assert single == pytest.approx(wanted, abs=1e-3)


def test_what_lies_off_the_classes_what_lies_alone_and_a_faint_answer_all_count():
    known, one, said = fitted(), cloud(1, 5), answers(1, 5)
    assert (known.measures(-one, said)[:2] > known.measures(one, said)[:2]).all()
    assert known.strangeness(one, said - 30)[0] > known.strangeness(one, said)[0]
    # Beside a dense cloud: nearer to its pictures than those of the sparse one lie to each other.
    random = np.random.default_rng(0)
    spots = np.repeat(np.eye(3, 20), 40, axis=0) * 4
    features = spots + random.normal(0, np.repeat([0.05, 0.05, 0.5], 40)[:, None], spots.shape)
    labels = np.arange(120) // 40
    dense, _ = unlike.fit(features, np.arange(120), labels, features + 0.01, answers(120, 1))
    assert dense
    between, sparse = np.zeros((1, 20)), 4 * np.eye(3, 20)[2:] + random.normal(0, 0.5, (1, 20))
    between[0, 0], between[0, 1] = 4, 0.8
    assert dense.distances(between) < dense.distances(sparse)
    assert dense.measures(between, said)[0] > 1 > dense.measures(sparse, said)[0]


def test_copies_and_single_pictures_are_no_error():
    one, said = cloud(1, 5), answers(1, 5)
    for learned in (cloud(9, 0), np.repeat(cloud(1, 0), 30, axis=0), cloud(1, 0)):
        count = len(learned)
        known, _ = unlike.fit(learned, np.arange(count), np.zeros(count, int), one, said)
        assert known
        assert np.isfinite(
            known.strangeness(np.concatenate([learned, -one]), answers(count + 1, 1))
        ).all()


def test_a_model_of_an_earlier_lensmith_is_asked_by_its_own_measures_and_limit(tmp_path):
    known = replace(fitted(), gaps=None, spread=np.array([[0.5, 0.1], [-3.0, 2.0]]))
    known.save(tmp_path / "learned.npz")
    read = unlike.load((tmp_path / "learned.npz").read_bytes(), tmp_path)
    asked, said = cloud(30, 2), answers(30, 2)
    far = NearestNeighbors(n_neighbors=unlike.NEIGHBOURS).fit(known.features)
    far = far.kneighbors(unlike.normalised(asked))[0][:, -1]
    energy = -np.log(np.exp(said).sum(1))
    assert read.measures(asked, said) == pytest.approx(np.stack([far, energy]), abs=1e-5)
    added = (far - 0.5) / 0.1 + (energy + 3) / 2
    assert read.strangeness(asked, said) == pytest.approx(added, abs=1e-4)
    assert read.limit == known.limit


@pytest.mark.parametrize(("count", "width"), [(10, 4), (100_000, 1280), (5000, 25_088), (0, 5)])
def test_what_is_carried_is_bounded_and_spread_evenly(count, width):
    rows = unlike.chosen(count, width)
    assert len(rows) <= min(count, unlike.MOST)
    assert 2 * len(rows) * width <= unlike.MOST_BYTES
    assert len(set(np.bincount(rows * 10 // max(1, count), minlength=10) // 20)) <= 2
    assert (np.diff(rows) > 0).all()


def test_what_was_saved_is_read_and_what_is_damaged_is_refused(tmp_path):
    known = fitted()
    known.save(tmp_path / "learned.npz")
    data = (tmp_path / "learned.npz").read_bytes()
    read = unlike.load(data, tmp_path)
    for name in ("features", "items", "labels", "spread", "limit", "gaps"):
        assert np.array_equal(getattr(read, name), getattr(known, name))
    empty = io.BytesIO()
    np.savez(
        empty, features=np.zeros((0, 3)), items=[], labels=[], spread=np.ones((2, 2)), limit=1.0
    )
    for wrong in (data[: len(data) // 2], b"", empty.getvalue()):
        with pytest.raises(BadInputError, match="again"):
            unlike.load(wrong, tmp_path)


def test_a_trained_model_carries_its_training_pictures_and_says_what_its_limit_means():
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
    answer = classifier.judge(np.array(made.pictures.pixels("train")[5]), "p.png")
    nearest = answer["nearest"][0]
    assert nearest["item"] == place
    assert nearest["label"] == CLASSES[made.pictures.version.labels[place]]
    assert nearest["distance"] < 0.02


def test_features_that_are_kept_already_give_the_same_as_those_of_the_file():
    made = trained()
    known = Classifier.load(made.run.folder / "model").known
    assert known
    with_torch = made.network.features(torch.from_numpy(np.array(made.pictures.pixels("train"))))
    wanted = unlike.normalised(with_torch.detach().numpy())
    assert np.abs(wanted - known.features).max() < 2e-3


def test_a_model_of_an_earlier_lensmith_says_nothing_of_it(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained().run.folder / "model", folder)
    manifest = json.loads((folder / "model.json").read_text("utf-8"))
    del manifest["unlike"], manifest["answers"], manifest["sha256"]["learned.npz"]
    (folder / "model.json").write_text(json.dumps(manifest), "utf-8")
    (folder / "learned.npz").unlink()
    answer = Classifier.load(folder).judge(np.array(trained().pictures.pixels("test")[0]), "p.png")
    assert answer["unlike"] is None
    assert answer["nearest"] == []


def test_what_a_threshold_leaves_open_is_counted():
    chances = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.55, 0.45]])
    found = abstain.count(chances, np.array([0, 1, 1, 0]), 0.7)
    assert found == {"pictures": 4, "answered": 3, "right": 2, "target": 0.95, "enough": False}
    assert abstain.count(chances, np.array([0, 1, 1, 0]), 1.0)["answered"] == 0
