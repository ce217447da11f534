"""One entry adds a live metric: the event log, the live state, the charts and the tiles have it."""

import json
from pathlib import Path

import pytest
import torch

from dashboard.charts import training as training_charts
from dashboard.components.train.live_metrics import live_metric_tiles
from dashboard.queries import live
from dashboard.queries.run_comparison import curve, overlay
from ml.config import TrainConfig
from ml.data import catalog
from ml.metrics import live as live_metrics
from ml.runs.events import EpochEnd, EventLog, read
from ml.runs.folder import Run, create
from ml.training.meter import Meter
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.helpers.in_process_training import fit

# As a version without further live metrics wrote it.
OLD_LOG = [
    {"event": "RunStarted", "model": "m", "dataset": "d", "epochs": 2, "steps_per_epoch": 1},
    {"event": "Progress", "phase": "train", "fraction": 0.5, "step": 1, "epoch": 1}
    | {"loss": 2.0, "accuracy": 0.25, "learning_rate": 0.1, "pictures_per_second": 9.0},
    {"event": "EpochEnd", "epoch": 1, "step": 1, "train_loss": 2.0, "train_accuracy": 0.25}
    | {"val_loss": 1.5, "val_accuracy": 0.5, "best": True, "mistakes": []},
]


@pytest.fixture
def top_2(monkeypatch: pytest.MonkeyPatch) -> live_metrics.LiveMetric:
    """Top-2 accuracy, registered for one test."""
    monkeypatch.setattr(live_metrics, "_metrics", dict(live_metrics._metrics))

    @live_metrics.live_metric("top_2", label="Top-2 accuracy", help="Right in two guesses.")
    def top_2(batch: live_metrics.BatchAnswers) -> torch.Tensor:
        return (batch.logits.topk(2, 1).indices == batch.labels[:, None]).any(1).sum()

    return live_metrics.get("top_2")


@pytest.mark.filterwarnings("ignore:.*treespec.*")
@pytest.mark.filterwarnings("ignore:.*does not have many workers.*")
@pytest.mark.filterwarnings("ignore:GPU available but not used")
def test_one_entry_reaches_the_event_log_the_charts_and_the_tiles(
    workspace: Workspace, top_2: live_metrics.LiveMetric
) -> None:
    run = _trained(workspace)
    ends = [one for one in read(run.folder / "events.jsonl")[0] if isinstance(one, EpochEnd)]
    measured = [one.val_metrics["top_2"] for one in ends]
    assert len(measured) == 2
    assert all(one.val_accuracy <= value <= 1 for one, value in zip(ends, measured, strict=True))

    state = live.new()
    live.follow(run.folder, state)
    assert len(state["steps"]["top_2"]) == len(state["steps"]["loss"])
    assert None not in state["steps"]["top_2"]
    assert [metric.name for metric in live.drawn_metrics(state)] == ["loss", "accuracy", "top_2"]
    validation = training_charts.curves(state, top_2)["data"][1]
    assert validation["y"] == pytest.approx([100 * value for value in measured], abs=1e-3)
    assert training_charts.text_alternative(state, top_2).startswith(
        "The top-2 accuracy after epoch 2"
    )
    tiles = live_metric_tiles(state)
    assert [tile.label for tile in tiles] == [
        "Validation accuracy",
        "Validation loss",
        "Validation top-2 accuracy",
    ]

    compared = curve(run, "Run", "top_2")
    assert compared.values == pytest.approx(measured)
    axis = overlay([compared], "top_2")["layout"]["yaxis"]
    assert axis == {"title": "Validation top-2 accuracy", "ticksuffix": " %"}


def test_the_meter_agrees_with_a_count_by_hand(top_2: live_metrics.LiveMetric) -> None:
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 4
    meter = Meter()
    for some, true in zip(logits.split(16), labels.split(16), strict=True):
        meter.add(torch.tensor(1.0), some, true)
    ranks = [row.argsort(descending=True).tolist() for row in logits]
    right = sum(label in rank[:2] for rank, label in zip(ranks, labels.tolist(), strict=True))
    score = meter.total()
    assert score is not None
    assert score.others == {"top_2": pytest.approx(right / 50)}


def test_a_log_of_an_older_version_draws_what_it_has(
    tmp_path: Path, top_2: live_metrics.LiveMetric
) -> None:
    lines = [json.dumps({**event, "time": 1.0}) for event in OLD_LOG]
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n")
    state = live.new()
    assert live.follow(tmp_path, state) == 3
    assert [metric.name for metric in live.drawn_metrics(state)] == ["loss", "accuracy"]
    for metric in live_metrics.live_metrics():
        for by in ("epoch", "step"):
            json.dumps(training_charts.curves(state, metric, by), allow_nan=False)
    accuracy = training_charts.curves(state, live_metrics.get("accuracy"))["data"][1]
    assert accuracy["y"] == [50.0]


def test_a_state_from_before_a_metric_was_registered_takes_it_in(
    top_2: live_metrics.LiveMetric,
) -> None:
    state = live.new()
    del state["steps"]["top_2"]
    for step in (1, 2):
        live.append(state, live.Progress("train", 0.5, step=step, loss=1.0, metrics={"top_2": 0.5}))
    assert state["steps"]["top_2"] == [0.5, 0.5]


def _trained(workspace: Workspace) -> Run:
    version = made_up_runs.dataset(workspace, each=20)
    config = TrainConfig(
        dataset="made",
        model="tutorial_net",
        epochs=2,
        image_size=24,
        pretrained=False,
        freeze_backbone=False,
        batch_size=8,
        device="cpu",
        precision="32",
        threads=1,
    )
    run = create(workspace, config, catalog.run_record(version, 0))
    sink = EventLog(run.folder / "events.jsonl")
    fit(workspace, run, sink)
    sink.close()
    return run
