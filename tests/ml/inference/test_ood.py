"""What a model calls unlike anything that it learned, and what it looks like."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from ml.inference import ood, ood_reference
from ml.inference.classifier import Classifier
from tests.helpers.feature_clouds import answers, cloud, fitted
from tests.helpers.trained import trained


def test_distances_and_the_nearest_are_those_that_scikit_learn_finds():
    known, asked = fitted(), cloud(30, 2)
    reference = NearestNeighbors(n_neighbors=ood.NEIGHBOURS).fit(known.features)
    far, places = reference.kneighbors(ood.normalised(asked))
    assert known.distances(asked) == pytest.approx(far[:, -1], abs=1e-5)
    for one, row, wanted in zip(asked, places, far, strict=True):
        items, labels, distances = zip(*known.nearest(one, ood.NEIGHBOURS), strict=True)
        assert list(items) == (3 * row).tolist()
        assert list(labels) == (row % 4).tolist()
        assert distances == pytest.approx(wanted, abs=1e-5)


def test_the_measures_are_those_of_an_independent_computation():
    known, asked = fitted(), cloud(40, 2)
    features = known.features.astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    rows = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    middles = np.stack([features[known.labels == one].mean(0) for one in range(4)])
    off_centre = pairwise_distances(rows, middles, metric="cosine").min(1)
    k = ood.NEIGHBOURS
    reference = NearestNeighbors(n_neighbors=k).fit(features)
    gaps = reference.kneighbors()[0][:, -1]  # without themselves
    far, near = reference.kneighbors(rows)
    alone = np.log(far.mean(1) / gaps[near].mean(1))
    said = answers(40, 2)
    energy = -np.log(np.exp(said).sum(1))
    # Half of the 12 directions there are, as 60 pictures would give up to 30.
    axes = TruncatedSVD(6, algorithm="arpack").fit(features).components_
    residual = np.linalg.norm(rows - rows @ axes.T @ axes, axis=1)
    measured = known.measures(asked, said)
    assert measured == pytest.approx(np.stack([alone, off_centre, energy, residual]), abs=2e-3)
    units = (measured - known.spread[:, :1]) / known.spread[:, 1:]
    wanted = units[0] + units[1:].max(0)
    assert known.ood_score(asked, said) == pytest.approx(wanted)
    single = [known.ood_score(asked[n : n + 1], said[n : n + 1])[0] for n in range(40)]
    assert single == pytest.approx(wanted, abs=1e-3)


def test_what_lies_off_the_classes_what_lies_alone_and_a_faint_answer_all_count():
    known, one, said = fitted(), cloud(1, 5), answers(1, 5)
    assert (known.measures(-one, said)[:2] > known.measures(one, said)[:2]).all()
    assert known.ood_score(one, said - 30)[0] > known.ood_score(one, said)[0]
    # Beside a dense cloud: nearer to its pictures than those of the sparse one lie to each other.
    random = np.random.default_rng(0)
    spots = np.repeat(np.eye(3, 20), 40, axis=0) * 4
    features = spots + random.normal(0, np.repeat([0.05, 0.05, 0.5], 40)[:, None], spots.shape)
    labels = np.arange(120) // 40
    dense, _ = ood_reference.fit(features, np.arange(120), labels, features + 0.01, answers(120, 1))
    assert dense
    between, sparse = np.zeros((1, 20)), 4 * np.eye(3, 20)[2:] + random.normal(0, 0.5, (1, 20))
    between[0, 0], between[0, 1] = 4, 0.8
    assert dense.distances(between) < dense.distances(sparse)
    assert dense.measures(between, said)[0] > 1 > dense.measures(sparse, said)[0]


def test_copies_and_single_pictures_are_no_error():
    one, said = cloud(1, 5), answers(1, 5)
    for some in (cloud(9, 0), np.repeat(cloud(1, 0), 30, axis=0), cloud(1, 0)):
        count = len(some)
        known, _ = ood_reference.fit(some, np.arange(count), np.zeros(count, int), one, said)
        assert known
        assert np.isfinite(
            known.ood_score(np.concatenate([some, -one]), answers(count + 1, 1))
        ).all()


def test_models_of_earlier_lensmiths_are_asked_by_their_own_measures_and_limit(tmp_path):
    known = replace(fitted(), gaps=None, axes=None, spread=np.array([[0.5, 0.1], [-3.0, 2.0]]))
    ood_reference.save(known, tmp_path / "learned.npz")
    read = ood_reference.load((tmp_path / "learned.npz").read_bytes(), tmp_path)
    asked, said = cloud(30, 2), answers(30, 2)
    far = NearestNeighbors(n_neighbors=ood.NEIGHBOURS).fit(known.features)
    far = far.kneighbors(ood.normalised(asked))[0][:, -1]
    energy = -np.log(np.exp(said).sum(1))
    assert read.measures(asked, said) == pytest.approx(np.stack([far, energy]), abs=1e-5)
    added = (far - 0.5) / 0.1 + (energy + 3) / 2
    assert read.ood_score(asked, said) == pytest.approx(added, abs=1e-4)
    assert read.limit == known.limit
    three = replace(fitted(), axes=None, spread=fitted().spread[:3])
    ood_reference.save(three, tmp_path / "learned.npz")
    read = ood_reference.load((tmp_path / "learned.npz").read_bytes(), tmp_path)
    measures = read.measures(asked, said)
    assert np.array_equal(measures, fitted().measures(asked, said)[:3])
    units = (measures - three.spread[:, :1]) / three.spread[:, 1:]
    assert read.ood_score(asked, said) == pytest.approx(units[0] + np.maximum(*units[1:]))


def test_a_model_of_an_earlier_lensmith_says_nothing_of_it(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained().run.folder / "model", folder)
    manifest = json.loads((folder / "model.json").read_text("utf-8"))
    del manifest["unlike"], manifest["answers"], manifest["sha256"]["learned.npz"]
    del manifest["checksum"]
    (folder / "model.json").write_text(json.dumps(manifest), "utf-8")
    (folder / "learned.npz").unlink()
    classifier, pictures = Classifier.load(folder), trained().pictures.pixels("test")
    answer = classifier.answer(classifier.outputs(np.array(pictures[:1]))[0], "p.png")
    assert answer["unlike"] is None
    assert answer["nearest"] == []
