"""Slices on Evaluate: what was found stands there, and a chosen group shows its own mistakes."""

import json

import numpy as np
import pytest

from dashboard.charts import slices as slice_charts
from dashboard.state.keys import fold_key
from ml.evaluation import slice_discovery
from ml.evaluation.evaluate import select_pictures
from ml.utils.files import read_json, write_json
from tests.dashboard.charts.test_evaluation import drawable
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words


@pytest.fixture
def run(workspace):
    """Paper, and nothing else, is often mistaken: 18 of its 30 pictures."""
    version = made_up_runs.dataset(workspace, each=30)
    logits = 4 * np.eye(3)[version.labels]
    logits[60:78, 0] += 5
    made = made_up_runs.finished(workspace, version, made_up_runs.Truth(version.labels, logits))
    path = made.folder / "model" / "model.json"
    write_json(path, read_json(path) | {"sha256": {"model.onnx": "0" * 64}})
    return made


def opened(run):
    at = visit("evaluate", run.id)
    at.session_state[fold_key("slices", run.id)] = True
    return at.run()


def sent(at, key):
    parts = [json.loads(part.proto.json) for part in at.get("bidi_component")]
    return [part[key] for part in parts if key in part]


def test_the_groups_are_looked_for_and_the_worst_shows_its_mistakes(workspace, run):
    at = opened(run)
    assert any(button.label == "Look for such groups" for button in at.button)
    report = slice_discovery.measure(workspace, run, select_pictures(workspace, run))
    (worst,) = (one for one in report["slices"] if one["worse"])
    assert (worst["kind"], worst["name"]) == ("Class", "paper")
    assert worst["wrong"] == [*range(60, 78)]
    at = opened(run)
    assert "1 of the" in words(at)
    assert "It is class paper: 40 % right" in words(at).replace("\\", "")
    at.selectbox(f"slice-{run.id}-chosen").select(0).run()
    assert not at.exception
    assert "18 mistakes among 30 pictures" in words(at)
    (tiles,) = sent(at, "tiles")
    assert sorted(one["file"] for one in tiles) == sorted(f"2-{n}.png" for n in range(18))


def test_every_group_is_in_the_table_and_the_worse_ones_are_coloured(workspace, run):
    report = slice_discovery.measure(workspace, run, select_pictures(workspace, run))
    figure = slice_charts.slices(report)
    assert drawable({name: figure[name] for name in ("data", "layout")}).data
    assert len(figure["table"]) == 1 + report["tried"]
    (bars,) = figure["data"]
    assert bars["marker"]["color"][0] == "$bad"
    assert "$bad" not in bars["marker"]["color"][1:]
    assert len(set(bars["y"])) == len(bars["y"]) <= slice_charts.MAX_BARS


def test_few_pictures_are_not_cut_into_groups(workspace):
    version = made_up_runs.dataset(workspace, ("cat", "dog"), each=3)
    at = opened(made_up_runs.finished(workspace, version))
    assert "6 pictures are too few to tell one group from the rest" in words(at)
    assert not any(button.label == "Look for such groups" for button in at.button)
