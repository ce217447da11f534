"""Slices: a planted bad one is found, chance alone is not called one, p-values are scipy's."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ml.__main__ import main
from ml.data.store.versions import Item
from ml.doctor.image_statistics import STATISTICS_DTYPE
from ml.errors import BadInputError
from ml.evaluation import slice_discovery
from ml.evaluation.evaluate import select_pictures
from ml.metrics import slices
from ml.metrics.slices import Group
from ml.runs.folder import Run
from ml.workspace import Workspace
from tests.helpers.trained import trained


@given(st.integers(1, 80), st.integers(0, 80), st.integers(0, 80), st.data())
def test_the_chance_is_that_of_fishers_exact_test(total, wrong, pictures, data):
    wrong, pictures = min(wrong, total), min(pictures, total)
    inside = data.draw(
        st.integers(max(0, wrong + pictures - total), min(wrong, pictures)), label="inside"
    )
    p_value = slices.chance(inside, pictures, wrong, total)
    assert p_value == pytest.approx(
        stats.hypergeom.sf(inside - 1, total, wrong, pictures), abs=1e-9
    )
    table = [[inside, pictures - inside], [wrong - inside, total - pictures - wrong + inside]]
    assert p_value == pytest.approx(stats.fisher_exact(table, "greater").pvalue, abs=1e-9)


def test_the_chance_is_right_for_ten_thousand_pictures():
    p_value = slices.chance(120, 400, 1500, 10_000)
    assert p_value == pytest.approx(stats.hypergeom.sf(119, 10_000, 1500, 400), rel=1e-6)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holms_adjustment_is_that_of_its_definition(chances):
    adjusted = slices.holm(np.array(chances))
    order = sorted(range(len(chances)), key=lambda n: chances[n])
    reached = 0.0
    for rank, place in enumerate(order):
        reached = max(reached, min(1.0, (len(chances) - rank) * chances[place]))
        assert adjusted[place] == pytest.approx(reached)


def random_groups(random, pictures):
    """Groups as there are in earnest: classes, quarters of several figures, folders."""
    groups = slices.same("Class", [f"c{n}" for n in random.integers(0, 8, pictures)])
    groups += slices.same("Folder", [f"f{n}" for n in random.integers(0, 5, pictures)])
    for name in ("Size", "Brightness", "Contrast", "Sharpness"):
        groups += slices.parts(name, random.random(pictures), ("least", "most"), str)
    return groups


def test_chance_alone_is_called_worse_in_no_more_than_one_test_of_twenty():
    random = np.random.default_rng(3)
    alarms, unadjusted = [], []
    for _ in range(300):
        groups = random_groups(random, 250)
        tried = slices.find(random.random(250) < 0.8, groups)
        assert len(tried) >= 25
        alarms.append(any(one.worse for one in tried))
        unadjusted.append(any(one.p < slices.LEVEL for one in tried))
    assert np.mean(alarms) <= slices.LEVEL
    assert np.mean(unadjusted) > 0.5  # else this proves nothing


def test_a_planted_bad_slice_is_found_and_is_the_first():
    random = np.random.default_rng(4)
    light = random.random(600)
    right = random.random(600) < np.where(light < np.quantile(light, 0.25), 0.55, 0.92)
    groups = random_groups(random, 600)
    groups += slices.parts("Light", light, ("the darkest", "the lightest"), str)
    tried = slices.find(right, groups)
    assert tried[0].group.kind == "Light"
    assert tried[0].group.word == "the darkest"
    assert tried[0].worse
    inside = tried[0].group.inside
    assert tried[0].accuracy == right[inside].mean()
    assert tried[0].rest == right[~inside].mean()
    assert [one.group.name for one in tried if one.worse] == [tried[0].group.name]
    assert "1 of the" in slice_discovery.finding(right, tried)
    assert "(the darkest)" in slice_discovery.finding(right, tried)


def test_small_groups_and_groups_named_twice_are_not_tried():
    inside = np.arange(40) < 10
    groups = [
        Group("Class", "cat", inside),
        Group("Folder", "cats", inside),
        Group("Folder", "few", np.arange(40) < 9),
        Group("Folder", "nearly all", np.arange(40) < 31),
    ]
    tried = slices.find(np.arange(40) % 2 == 0, groups)
    assert [(one.group.kind, one.pictures) for one in tried] == [("Class", 10)]


def test_parts_hold_every_known_picture_once_and_equal_values_together():
    values = np.array([1.0] * 30 + [2.0] * 5 + [3.0] * 5 + [np.nan] * 3)
    parts = slices.parts("Size", values, ("the smallest", "the largest"), "{:.0f}".format)
    assert sum(group.inside.astype(int) for group in parts).tolist() == [1] * 40 + [0] * 3
    for group in parts:
        for value in (1.0, 2.0, 3.0):
            assert len(set(group.inside[values == value])) == 1
    assert slices.parts("Size", np.ones(50), ("a", "b"), str) == []
    assert slices.parts("Size", np.full(5, np.nan), ("a", "b"), str) == []


def test_names_that_are_not_known_are_in_no_group():
    groups = slices.same("Group", ["a", None, "b", "a", None])
    assert {group.name: group.inside.tolist() for group in groups} == {
        "a": [True, False, False, True, False],
        "b": [False, False, True, False, False],
    }


def test_the_groups_are_made_of_what_is_known_of_the_pictures():
    items = [
        Item(
            str(n),
            n % 2,
            file=f"{('dog', 'cat')[n % 2]}/{'night' if n < 4 else 'day'}/{n}.JPG",
            group="anna" if n < 2 else None,
            notes=("turned upright",) if n == 0 else (),
        )
        for n in range(8)
    ]
    statistics = np.zeros(8, STATISTICS_DTYPE)
    statistics["width"], statistics["height"] = (
        [40, 20, 30, 0, 40, 20, 30, 40],
        [30] * 3 + [0] + [30] * 4,
    )
    statistics["light"], statistics["time"] = range(8), np.nan
    names = [("dog", "cat")[item.label] for item in items]
    groups = slice_discovery.groups(items, names, ("dog", "cat"), statistics)
    members = {(group.kind, group.name): np.flatnonzero(group.inside).tolist() for group in groups}
    assert members["Class", "dog"] == [0, 2, 4, 6]
    assert members["Folder", "night"] == [0, 1, 2, 3]
    assert members["Group", "anna"] == [0, 1]
    assert members["File", ".jpg"] == [*range(8)]
    assert members["Brought in", "turned upright"] == [0]
    shapes = {name: places for (kind, name), places in members.items() if kind == "Shape"}
    assert sorted(shapes.values()) == [[0, 4, 7], [1, 5], [2, 6]]
    assert not any(kind == "Time" for kind, _ in members)
    assert set(slice_discovery.HELP) >= {kind for kind, _ in members}


@pytest.mark.parametrize(
    ("right", "sentence"),
    [
        (np.ones(50, bool), "Every picture was recognised"),
        (np.zeros(50, bool), "Every picture was mistaken"),
        (np.arange(6) < 4, "6 pictures are too few"),
    ],
)
def test_where_there_is_nothing_to_find_that_is_said(right, sentence):
    groups = slices.same("Class", ["a", "b"] * (len(right) // 2))
    assert slice_discovery.finding(right, slices.find(right, groups)).startswith(sentence)


def test_nothing_found_says_how_many_were_tried():
    right = np.arange(300) % 10 > 0
    tried = slices.find(right, slices.same("Class", [f"c{n % 7}" for n in range(300)]))
    sentence = slice_discovery.finding(right, tried)
    assert sentence == "None of the 7 groups of pictures does clearly worse than the rest."


@pytest.fixture
def made(tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(trained().workspace.root, root)
    return Workspace(root), Run(root / "runs" / trained().run.id)


def test_the_command_prints_the_slices_and_keeps_them(made, capsys):
    workspace, run = made
    words = ["evaluate", run.id, "--slices", "--workspace", str(workspace.root)]
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])["slices"]
    assert slice_discovery.read(run, report["fingerprint"], "test") == report
    with np.load(run.folder / "predictions.npz") as saved:
        right = saved["logits"].argmax(1) == saved["labels"]
    assert report["accuracy"] == right.mean()
    for one in report["slices"]:
        if one["kind"] == "Class":
            inside = saved_labels(run) == list(run.report["classes"]).index(one["name"])
            assert one["pictures"] == inside.sum()
            assert one["wrong"] == np.flatnonzero(inside & ~right).tolist()
    assert main(words) == 0
    assert report["finding"] in capsys.readouterr().out


def saved_labels(run):
    with np.load(run.folder / "predictions.npz") as saved:
        return saved["labels"]


def test_what_was_found_of_an_earlier_model_does_not_count(made):
    workspace, run = made
    report = slice_discovery.measure(workspace, run, select_pictures(workspace, run))
    path = slice_discovery.path_of(run, report["fingerprint"], "test")
    path.write_text(json.dumps(report | {"model_sha256": "another"}), "utf-8")
    assert slice_discovery.read(run, report["fingerprint"], "test") is None


def test_pictures_that_are_gone_are_told(made):
    workspace, run = made
    shutil.rmtree(workspace.datasets)
    with pytest.raises(BadInputError, match="no data set"):
        slice_discovery.measure(workspace, run, select_pictures(workspace, run))
