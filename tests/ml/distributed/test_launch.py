"""Several processes train what one would, whoever starts them, kills them and resumes them."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import torch.distributed as dist
from torch import nn

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.data.datamodule import BatchLoader, count_batches
from ml.distributed import launch
from ml.distributed.group import LOST, Team, meet
from ml.distributed.launch import Place
from ml.distributed.sync_norm import SyncNorm
from ml.errors import BadInputError
from ml.features import extract as features
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.events import EpochEnd, Heartbeat, RunEnded, RunStarted
from ml.runs.folder import Run
from ml.training import checkpoints
from ml.training.train import train
from ml.workspace import Workspace
from tests.conftest import ROOT
from tests.helpers import forked_workers
from tests.helpers.trained import dataset

pytestmark = pytest.mark.slow
STEPS = 20
SETTINGS = {
    "model": "tutorial_net",  # it has no dropout
    "epochs": STEPS,
    "image_size": 16,
    "batch_size": 500,  # all of them: an epoch is a step
    "threads": 1,
    "precision": "32",
    "augment": "none",
    "pretrained": False,
    "freeze_backbone": False,
    "device": "cpu",
    "schedule": "constant",
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "label_smoothing": 0.0,
}


def command(workspace: Workspace, *words: object, module: bool = True) -> list[str]:
    start = [sys.executable, "-m"] if module else []
    return [*start, "ml", "train", *map(str, words), "--workspace", str(workspace.root)]


def asked(**changes: Any) -> list[str]:
    chosen = {**SETTINGS, **changes}
    return [word for name, value in chosen.items() for word in ("--set", f"{name}={value}")]


def done(child: "subprocess.Popen[bytes]") -> bytes:
    said = child.communicate(timeout=240)[1]
    assert child.returncode == 0, said.decode()
    return said


def start(words: list[str], **environment: str) -> "subprocess.Popen[bytes]":
    env = {**os.environ, **environment}
    return subprocess.Popen(
        words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def epochs_of(run: Run) -> list[EpochEnd]:
    return [event for event in run.events()[0] if isinstance(event, EpochEnd)]


def learned(run: Run) -> dict[str, torch.Tensor]:
    path = checkpoints.newest(run.folder / "checkpoints", "last")[0]
    return checkpoints.load(path)["state_dict"]


def is_the_same(run: Run, other: Run) -> None:
    """Loss curve within 1e-4 over all steps, validation counted to the picture, same weights."""
    ours, theirs = epochs_of(run), epochs_of(other)
    assert [event.step for event in ours] == [event.step for event in theirs]
    for mine, other_s in zip(ours, theirs, strict=True):
        assert mine.train_loss == pytest.approx(other_s.train_loss, abs=1e-4)
        assert mine.val_loss == pytest.approx(other_s.val_loss, abs=1e-4)
        assert mine.val_accuracy == other_s.val_accuracy
        assert [m["picture"] for m in mine.mistakes] == [m["picture"] for m in other_s.mistakes]
        assert mine.unpredicted == other_s.unpredicted
    for name, value in learned(run).items():
        assert torch.allclose(value, learned(other)[name], atol=1e-4), name


def test_two_processes_learn_what_one_does_whoever_starts_and_resumes_them(
    workspace: Workspace,
) -> None:
    noise = dataset(workspace, "noise", each=41)
    record = run_record(noise, 0)
    assert record["counts"]["train"] % 2, "unequal parts are part of the test"
    alone = runs.create(workspace, TrainConfig(dataset="noise", **SETTINGS), record)
    queue.claim(alone)
    train(workspace, alone)

    said = done(start(command(workspace, "--dataset", "noise", "--devices", 2, *asked())))
    ours = runs.find(workspace, "latest")
    assert (ours.config.devices, ours.config.num_nodes) == (2, 1), said.decode()
    is_the_same(ours, alone)
    started = [event for event in ours.events()[0] if isinstance(event, RunStarted)]
    assert [event.choices["processes"] for event in started] == [2]
    assert sum(isinstance(event, RunEnded) for event in ours.events()[0]) == 1
    assert any(isinstance(event, Heartbeat) for event in ours.events()[0])
    assert ours.report["accuracy"] == alone.report["accuracy"]

    # Half of it under the variables of SLURM, the other half under torchrun.
    job = {
        **{"SLURM_JOB_ID": str(20000 + os.getpid() % 9000), "SLURM_JOB_NAME": "train"},
        **{"SLURM_STEP_ID": "0", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"},
        **{"SLURM_NNODES": "1", "SLURM_NODEID": "0", "SLURM_NODELIST": "127.0.0.1"},
    }
    words = command(workspace, "--dataset", "noise", *asked(epochs=STEPS // 2))
    tasks = [start(words, **job, SLURM_PROCID=str(n), SLURM_LOCALID=str(n)) for n in (0, 1)]
    for task in tasks:
        done(task)
    cluster = runs.find(workspace, "latest")
    assert cluster.config.devices == 2
    assert len(runs.list_runs(workspace)) == 3, "each training is one run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    torchrun += ["--nproc-per-node", "2", "-m"]
    more = command(workspace, "--resume", cluster.id, "--epochs", STEPS, module=False)
    done(start([*torchrun, *more]))
    is_the_same(cluster, ours)


def test_whichever_process_is_killed_none_is_left_and_the_run_can_go_on(
    workspace: Workspace, until: Callable[..., Any]
) -> None:
    dataset(workspace, "noise", each=20)
    words = asked(epochs=1000, batch_size=7)
    leader = start(command(workspace, "--dataset", "noise", "--devices", 2, *words))
    until(lambda: runs.list_runs(workspace), 120)
    run = runs.list_runs(workspace)[0]
    until(lambda: epochs_of(run), 120)
    helpers = psutil.Process(leader.pid).children()
    assert len(helpers) == 1
    helpers[0].kill()
    leader.communicate(timeout=120)
    assert leader.returncode == 1
    assert (run.status.name, run.status.reason) == ("failed", LOST)
    assert run.model is not None, "what was best is kept"

    before = len(epochs_of(run))
    leader = start(command(workspace, "--resume", run.id))
    until(lambda: len(epochs_of(run)) > before, 120)
    helpers = psutil.Process(leader.pid).children()
    leader.kill()
    leader.communicate()
    until(lambda: not any(helper.is_running() for helper in helpers), 30)
    assert run.status.name == "interrupted"


def normalises_as_one(rank: int, port: int) -> None:
    """One of two processes, each with a part of a batch: it learns what the whole batch teaches."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    meet(Place(rank, rank, 2, 1))
    torch.set_default_dtype(torch.float64)  # in 32 bits the order of a sum shows at the 5th figure
    torch.manual_seed(1)
    x, y = 40 + torch.randn(7, 3, 8, 8), torch.randint(4, (7,))
    whole, shared = small_network(), small_network()
    nn.functional.cross_entropy(whole(x), y).backward()
    norm = SyncNorm()
    norm.apply(shared)
    mine = slice(0, 4) if rank == 0 else slice(4, 7)
    loss = nn.functional.cross_entropy(shared(x[mine]), y[mine], reduction="sum") / 7
    loss.backward()
    for one, other in zip(whole.parameters(), shared.parameters(), strict=True):
        dist.all_reduce(other.grad)
        assert torch.allclose(one.grad, other.grad, atol=1e-5), (one.grad, other.grad)
    for (name, one), other in zip(whole.named_buffers(), shared.buffers(), strict=True):
        assert torch.allclose(one, other, rtol=1e-5), name
    norm.revert(shared)
    assert [type(layer) for layer in shared] == [type(layer) for layer in whole]
    assert torch.allclose(shared.eval()(x), whole.eval()(x), atol=1e-5)


def small_network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(180, 4)
    return nn.Sequential(*layers, nn.BatchNorm1d(4, momentum=None))


def test_batch_normalisation_of_two_processes_is_that_of_the_whole_batch(tmp_path: Path) -> None:
    port, log = launch._free_port(), tmp_path / "log.txt"
    with forked_workers.loaded():
        both = [forked_workers.call(normalises_as_one, rank, port, log=log) for rank in (0, 1)]
        for child in both:
            child.join(120)
    assert [child.exitcode for child in both] == [0, 0], log.read_text()


@pytest.mark.parametrize(
    ("count", "batch", "world"), [(23, 8, 3), (17, 8, 2), (5, 8, 4), (9, 4, 3)]
)
def test_the_parts_of_a_batch_lose_and_repeat_nothing(count: int, batch: int, world: int) -> None:
    def loader(place: Place) -> BatchLoader:
        return BatchLoader(torch.arange(count), torch.arange(count), batch, seed=3, place=place)

    parts = [loader(Place(rank, rank, world, 1)) for rank in range(world)]
    seen = [list(part) for part in parts]
    whole = torch.cat([rows for _, _, rows in loader(Place())])
    assert {len(batches) for batches in seen} == {count_batches(count, batch, world)}
    joined = []
    for number, shares in enumerate(zip(*seen, strict=True)):
        rows = torch.cat([share[2] for share in shares])
        joined.append(rows)
        weights = [part.weight(number) for part in parts]
        assert min(len(share[2]) for share in shares) > 0
        for part, share in zip(weights, shares, strict=True):
            assert part == pytest.approx(len(share[2]) * world / len(rows))
    assert torch.equal(torch.cat(joined), whole)


def test_features_are_computed_once_by_one_of_the_processes(tmp_path: Path) -> None:
    class Pictures:
        spec = None
        all_pixels = np.zeros((10, 2, 2, 3), np.uint8)

        def hashes(self, split: str) -> list[str]:
            return [str(n) for n in {"train": range(6), "val": (6, 7), "test": (8, 9)}[split]]

        def rows(self, split: str) -> np.ndarray:
            return np.array([int(digest) for digest in self.hashes(split)])

    both = threading.Barrier(2)
    counted: list[int] = []

    class Half(Team):
        def wait(self) -> None:
            both.wait(30)

    def work(rank: int, out: dict[int, Any]) -> None:
        def forward(pictures: np.ndarray) -> np.ndarray:
            counted.append(len(pictures))
            return np.full((len(pictures), 3), rank, np.float32)

        team = Half(Place(rank, rank, 2, 1))
        made = features.ensure(tmp_path, Pictures(), 1, lambda: forward, team=team)
        out[rank] = made[0].get([str(n) for n in range(10)])[:, 0]

    out: dict[int, Any] = {}
    threads = [threading.Thread(target=work, args=(rank, out)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counted) == 10
    assert out[0].tolist() == out[1].tolist() == [0, 1] * 5


def test_the_place_of_a_process_follows_from_who_started_it() -> None:
    torchrun = {"TORCHELASTIC_RUN_ID": "x", "RANK": "5", "LOCAL_RANK": "1"}
    torchrun |= {"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}
    assert launch.place(None, None, torchrun) == Place(5, 1, 4, 2, "torchrun")
    assert launch.place(4, 2, torchrun).world == 8
    with pytest.raises(BadInputError, match="torchrun has started 4 processes on each of 2"):
        launch.place(8, None, torchrun)
    slurm = {"SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NNODES": "2"}
    assert launch.place(2, 1, slurm) == Place(0, 0, 2, 1), "a shell in an allocation is no task"
    assert launch.place(None, None, {**slurm, "SLURM_STEP_ID": "0"}) == Place(3, 1, 2, 2, "slurm")
    by_hand = {"NODE_RANK": "1", "LOCAL_RANK": "2"}
    assert launch.place(4, 3, by_hand) == Place(6, 2, 4, 3)
    assert launch.place(None, None, by_hand) == Place()
    with pytest.raises(BadInputError, match="Both count from 0"):
        launch.place(2, 1, by_hand)
    with pytest.raises(BadInputError, match="MASTER_ADDR"):
        launch.start_others(Place(0, 0, 1, 2))


def test_more_processes_than_pictures_of_a_batch_are_refused_with_a_sentence(
    workspace: Workspace,
) -> None:
    dataset(workspace, "noise", each=20)
    words = command(workspace, "--dataset", "noise", "--devices", 2, *asked(batch_size=1))
    child = start(words)
    said = child.communicate(timeout=120)[1].decode()
    assert child.returncode == 1
    assert "2 processes cannot share 1 pictures" in said
