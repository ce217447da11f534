"""What more pictures would bring: nested parts, figures against an independent count, sentences."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import learning_curve as simulation
from ml import __main__
from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Pictures
from ml.data.store.versions import DatasetVersion, Item
from ml.errors import BadInputError, StoppedError
from ml.evaluation import learning_curve, learning_curve_fit
from ml.metrics.classification import Z95, paired_difference
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.folder import Run
from ml.training.coach import measured
from ml.training.coach.rules import MORE_PICTURES
from ml.training.train import train
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace, open_workspace
from tests.helpers.traced_graphs import shared_graphs
from tests.helpers.trained import dataset

COUNTS = [100, 200, 300, 400]
SETTINGS = {
    "dataset": "noise",
    "model": "efficientnet_lite0",
    "epochs": 2,
    "image_size": 32,
    "batch_size": 8,
    "feature_views": 2,
    "threads": 1,
    "precision": "32",
    "device": "cpu",
}


def hits(shares: list[float], draws: int = 1, pictures: int = 1000, seed: int = 0) -> np.ndarray:
    """Pictures of one difficulty order, so that a larger size has right what a smaller one has,
    but for a few by chance."""
    chance = np.random.default_rng(seed)
    hard = chance.permutation(np.linspace(0, 1, pictures))
    near = chance.normal(0, 0.01, (len(shares), draws, pictures))
    return hard + near < np.array(shares)[:, None, None]


@pytest.mark.parametrize("seed", range(5))
def test_parts_are_nested_stratified_and_part_no_group(seed: int) -> None:
    items = [
        Item(f"{n:064x}", n % 3, group=f"g{n // 6}" if n % 5 == 0 else None) for n in range(240)
    ]
    version = DatasetVersion("x", 1, ("a", "b", "c"), tuple(items), "", {})
    train = np.arange(0, 240, 1)[np.arange(240) % 8 != 0]
    pictures = Pictures(version, PixelSpec(8), np.empty(0), np.arange(240), {"train": train})
    parts = learning_curve_fit.nested(pictures, train, seed)
    assert parts[-1].tolist() == train.tolist()
    for number, (part, larger) in enumerate(zip(parts, [*parts[1:], train], strict=True), 1):
        assert set(part) <= set(larger)
        assert len(part) == pytest.approx(len(train) * number / 4, abs=4)
        for label in range(3):
            of_class = sum(items[n].label == label for n in part)
            in_all = sum(items[n].label == label for n in train)
            assert of_class == pytest.approx(in_all * number / 4, abs=4)
        inside = {items[n].group for n in part} - {None}
        outside = {items[n].group for n in set(train) - set(part)} - {None}
        assert not inside & outside
    again, other = (
        learning_curve_fit.nested(pictures, train, seed),
        learning_curve_fit.nested(pictures, train, seed + 1),
    )
    assert [part.tolist() for part in again] == [part.tolist() for part in parts]
    assert parts[0].tolist() != other[0].tolist()


def test_the_interval_of_a_gain_is_that_of_paired_shares() -> None:
    before, after = hits([0.7, 0.8], seed=3)[:, 0]
    interval = paired_difference((after.astype(float) - before)[None])
    more, less = int((after & ~before).sum()), int((before & ~after).sum())
    assert interval[0] == pytest.approx((more - less) / len(after))
    # By the formula as Bonett and Price have it.
    gained, lost = (more + 1) / (len(after) + 2), (less + 1) / (len(after) + 2)
    half = Z95 * ((gained + lost - (gained - lost) ** 2) / (len(after) + 2)) ** 0.5
    assert interval[1] == pytest.approx((gained - lost - half, gained - lost + half))


def test_draws_that_differ_widen_the_interval() -> None:
    same = np.repeat(hits([0.7, 0.8], 1)[1] * 1.0 - hits([0.7, 0.8], 1)[0], 4, 0)
    apart = same.copy()
    apart[::2, :100] += 0.5
    apart[1::2, :100] -= 0.5
    narrow, wide = paired_difference(same)[1], paired_difference(apart)[1]
    assert wide[1] - wide[0] > narrow[1] - narrow[0]


def test_the_forecast_of_a_power_law_comes_true() -> None:
    law = [1 - 0.4 * (count / 100) ** -0.5 for count in [*COUNTS, 800]]
    summary = learning_curve.summary(hits(law[:4], 5), COUNTS)
    assert summary["verdict"] == "rising"
    low, high = summary["twice"]
    assert low < law[4] - law[3] < high
    assert "pictures might bring about" in summary["finding"]


@pytest.mark.parametrize("floor", [0.0, 0.3, 0.7])
def test_the_interval_of_twice_as_many_covers_with_a_floor_and_without(floor: float) -> None:
    """A cheap part of ``benchmarks/learning_curve.py``: fewer tests, so wider limits."""
    ours, without = simulation.coverage(floor, 0.8, 0.3, 300, 5, tests=40)
    assert ours[0] > 20
    assert ours[1] >= 0.9 * ours[0]
    if floor:
        assert without[1] < 0.5 * without[0]


def test_points_and_gain_allow_for_groups() -> None:
    right = np.repeat(hits([0.5, 0.6, 0.7, 0.75], 1, 40), 5, axis=2)
    alone = learning_curve.summary(right, COUNTS)
    grouped = learning_curve.summary(right, COUNTS, np.repeat(np.arange(40), 5), "test")
    for one, other in zip(alone["points"], grouped["points"], strict=True):
        assert other["interval"][0] < one["interval"][0]
    assert grouped["interval"][0] < alone["interval"][0]
    assert learning_curve.summary(right, COUNTS, np.zeros(200, np.int64))["twice"] is None


@pytest.mark.parametrize(
    ("shares", "pictures", "verdict", "sentence"),
    [
        ([0.6, 0.8, 0.8, 0.8], 3000, "little", "will bring little"),
        ([0.70, 0.72, 0.72, 0.73], 60, "unclear", "may be chance"),
        ([0.5, 0.501, 0.502, 0.7], 1000, "rising", "cannot be told"),
    ],
    ids=["flat", "too few to tell", "no law"],
)
def test_nothing_is_foretold_where_no_law_fits(
    shares: list[float], pictures: int, verdict: str, sentence: str
) -> None:
    summary = learning_curve.summary(hits(shares, 1, pictures), COUNTS)
    assert (summary["twice"], summary["verdict"]) == (None, verdict)
    assert sentence in summary["finding"]
    assert summary["points"][0]["train"] == 100
    assert summary["points"][-1]["accuracy"] == pytest.approx(shares[-1], abs=0.03)


def test_the_coach_says_what_was_measured_in_place_of_its_advice() -> None:
    advice = f"90 % of the training pictures are right. {MORE_PICTURES}"
    assert measured(advice, "From 1 to 2 it gained.") == (
        "90 % of the training pictures are right. Measured: from 1 to 2 it gained."
    )
    assert measured("Something else.", "From 1 to 2 it gained.") == "Something else."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, graphs: Path) -> tuple[Workspace, Run]:
    """A run with a head on a frozen network."""
    workspace = open_workspace(tmp_path_factory.mktemp("curve") / "workspace")
    version = dataset(workspace, "noise", each=20)
    run = runs.create(workspace, TrainConfig(**SETTINGS), run_record(version, 0))
    queue.claim(run)
    with shared_graphs(graphs, workspace):
        assert train(workspace, run).outcome == "finished"
    return workspace, run


def test_a_curve_of_test_pictures_goes_on_after_a_stop(
    made: tuple[Workspace, Run], capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    workspace, run = made
    seen: list[tuple[int, int, int]] = []
    real = learning_curve_fit.refit

    def watched(plan, config, *rest):
        real(plan, config, *rest)
        seen.append((len(plan.data.train), len(plan.data.val), config.epochs))

    monkeypatch.setattr(learning_curve_fit, "refit", watched)

    def stop(share: float) -> None:
        if share > 0.3:
            raise StoppedError("Stopped as you asked.")

    with pytest.raises(StoppedError):
        learning_curve_fit.measure(workspace, run, stop)
    assert learning_curve.read(run) is None
    before = read_json(learning_curve.path_of(run))["hits"]
    assert 0 < len(before) < 20
    assert __main__.main(["curve", run.id, "--json", "--workspace", str(workspace.root)]) == 0
    curve = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert curve == learning_curve.read(run)
    assert curve["hits"][: len(before)] == before

    counts = run.dataset["counts"]
    assert len(seen) == 20, "what was done was not done again"
    assert {measured for _, measured, _ in seen} == {counts["test"]} == {len(one) for one in before}
    taught = learning_curve.taught_by(run)
    assert curve["points"][-1]["train"] == sum(counts[split] for split in taught)
    assert curve["measured_on"] == "test"
    assert all(rows * epochs >= 0.9 * 2 * 2 * counts["train"] for rows, _, epochs in seen)
    last = [one.count("1") / counts["test"] for one in curve["hits"][3::4]]
    assert curve["points"][-1]["accuracy"] == pytest.approx(np.mean(last))
    uninterrupted = learning_curve_fit.measure(workspace, run)
    assert uninterrupted["hits"] == curve["hits"], "the same seeds give the same curve"
    assert __main__.main(["curve", run.id, "--workspace", str(workspace.root)]) == 0
    assert uninterrupted["finding"] in capsys.readouterr().out


def test_it_is_of_the_run_as_it_is(made: tuple[Workspace, Run], tmp_path: Path) -> None:
    _, run = made
    write_json(learning_curve.path_of(run), {**learning_curve.recipe_of(run), "verdict": "little"})
    assert learning_curve.read(run) is not None
    for other in ({"epochs": 3}, {"fingerprint": "x"}, {"measure": 0}):
        write_json(
            learning_curve.path_of(run),
            {**learning_curve.recipe_of(run), "verdict": "little", **other},
        )
        assert learning_curve.read(run) is None


def test_a_run_without_a_model_is_refused_in_a_sentence(make_run, workspace: Workspace) -> None:
    with pytest.raises(BadInputError, match="no model yet"):
        learning_curve_fit.measure(workspace, make_run())
