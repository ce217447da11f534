"""Distributed training: two ranks learn what one does, under each launcher, killed and resumed."""

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
from ml.distributed.group import LOST_PROCESS, ProcessGroup, init_process_group
from ml.distributed.launch import RankInfo
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


def set_options(**changes: Any) -> list[str]:
    chosen = {**SETTINGS, **changes}
    return [word for name, value in chosen.items() for word in ("--set", f"{name}={value}")]


def finished(child: "subprocess.Popen[bytes]") -> bytes:
    stderr = child.communicate(timeout=240)[1]
    assert child.returncode == 0, stderr.decode()
    return stderr


def start(words: list[str], **environment: str) -> "subprocess.Popen[bytes]":
    env = {**os.environ, **environment}
    return subprocess.Popen(
        words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def epochs_of(run: Run) -> list[EpochEnd]:
    return [event for event in run.events()[0] if isinstance(event, EpochEnd)]


def state_dict(run: Run) -> dict[str, torch.Tensor]:
    path = checkpoints.newest(run.folder / "checkpoints", "last")[0]
    return checkpoints.load(path)["state_dict"]


def assert_same_training(run: Run, other: Run) -> None:
    """Loss curve within 1e-4 over all steps, validation counted to the picture, same weights."""
    epochs, other_epochs = epochs_of(run), epochs_of(other)
    assert [event.step for event in epochs] == [event.step for event in other_epochs]
    for epoch, other_epoch in zip(epochs, other_epochs, strict=True):
        assert epoch.train_loss == pytest.approx(other_epoch.train_loss, abs=1e-4)
        assert epoch.val_loss == pytest.approx(other_epoch.val_loss, abs=1e-4)
        assert epoch.val_accuracy == other_epoch.val_accuracy
        assert [m["picture"] for m in epoch.mistakes] == [
            m["picture"] for m in other_epoch.mistakes
        ]
        assert epoch.unpredicted == other_epoch.unpredicted
    for name, value in state_dict(run).items():
        assert torch.allclose(value, state_dict(other)[name], atol=1e-4), name


def test_two_ranks_learn_what_one_does_under_any_launcher(
    workspace: Workspace,
) -> None:
    noise = dataset(workspace, "noise", each=41)
    record = run_record(noise, 0)
    assert record["counts"]["train"] % 2, "unequal parts are part of the test"
    single_run = runs.create(workspace, TrainConfig(dataset="noise", **SETTINGS), record)
    queue.claim(single_run)
    train(workspace, single_run)

    stderr = finished(
        start(command(workspace, "--dataset", "noise", "--devices", 2, *set_options()))
    )
    two_rank_run = runs.find(workspace, "latest")
    assert (two_rank_run.config.devices, two_rank_run.config.num_nodes) == (2, 1), stderr.decode()
    assert_same_training(two_rank_run, single_run)
    started = [event for event in two_rank_run.events()[0] if isinstance(event, RunStarted)]
    assert [event.choices["processes"] for event in started] == [2]
    assert sum(isinstance(event, RunEnded) for event in two_rank_run.events()[0]) == 1
    assert any(isinstance(event, Heartbeat) for event in two_rank_run.events()[0])
    assert two_rank_run.report["accuracy"] == single_run.report["accuracy"]

    # Half of it under the variables of SLURM, the other half under torchrun.
    job = {
        **{"SLURM_JOB_ID": str(20000 + os.getpid() % 9000), "SLURM_JOB_NAME": "train"},
        **{"SLURM_STEP_ID": "0", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"},
        **{"SLURM_NNODES": "1", "SLURM_NODEID": "0", "SLURM_NODELIST": "127.0.0.1"},
    }
    arguments = command(workspace, "--dataset", "noise", *set_options(epochs=STEPS // 2))
    tasks = [start(arguments, **job, SLURM_PROCID=str(n), SLURM_LOCALID=str(n)) for n in (0, 1)]
    for task in tasks:
        finished(task)
    slurm_run = runs.find(workspace, "latest")
    assert slurm_run.config.devices == 2
    assert len(runs.list_runs(workspace)) == 3, "each training is one run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    torchrun += ["--nproc-per-node", "2", "-m"]
    resume_arguments = command(workspace, "--resume", slurm_run.id, "--epochs", STEPS, module=False)
    finished(start([*torchrun, *resume_arguments]))
    assert_same_training(slurm_run, two_rank_run)


def test_a_killed_rank_ends_all_ranks_and_the_run_can_resume(
    workspace: Workspace, until: Callable[..., Any]
) -> None:
    dataset(workspace, "noise", each=20)
    options = set_options(epochs=1000, batch_size=7)
    leader = start(command(workspace, "--dataset", "noise", "--devices", 2, *options))
    until(lambda: runs.list_runs(workspace), 120)
    run = runs.list_runs(workspace)[0]
    until(lambda: epochs_of(run), 120)
    other_ranks = psutil.Process(leader.pid).children()
    assert len(other_ranks) == 1
    other_ranks[0].kill()
    leader.communicate(timeout=120)
    assert leader.returncode == 1
    assert (run.status.name, run.status.reason) == ("failed", LOST_PROCESS)
    assert run.model is not None, "what was best is kept"

    epochs_before = len(epochs_of(run))
    leader = start(command(workspace, "--resume", run.id))
    until(lambda: len(epochs_of(run)) > epochs_before, 120)
    other_ranks = psutil.Process(leader.pid).children()
    leader.kill()
    leader.communicate()
    until(lambda: not any(other_rank.is_running() for other_rank in other_ranks), 30)
    assert run.status.name == "interrupted"


def normalises_as_one(rank: int, port: int) -> None:
    """One of two processes, each with a part of a batch: it learns what the whole batch teaches."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    init_process_group(RankInfo(rank, rank, 2, 1))
    torch.set_default_dtype(torch.float64)  # in 32 bits the order of a sum shows at the 5th figure
    torch.manual_seed(1)
    x, y = 40 + torch.randn(7, 3, 8, 8), torch.randint(4, (7,))
    network, synchronised = small_network(), small_network()
    nn.functional.cross_entropy(network(x), y).backward()
    norm = SyncNorm()
    norm.apply(synchronised)
    own_rows = slice(0, 4) if rank == 0 else slice(4, 7)
    loss = nn.functional.cross_entropy(synchronised(x[own_rows]), y[own_rows], reduction="sum") / 7
    loss.backward()
    for expected, actual in zip(network.parameters(), synchronised.parameters(), strict=True):
        dist.all_reduce(actual.grad)
        assert torch.allclose(expected.grad, actual.grad, atol=1e-5), (expected.grad, actual.grad)
    for (name, expected), actual in zip(
        network.named_buffers(), synchronised.buffers(), strict=True
    ):
        assert torch.allclose(expected, actual, rtol=1e-5), name
    norm.revert(synchronised)
    assert [type(layer) for layer in synchronised] == [type(layer) for layer in network]
    assert torch.allclose(synchronised.eval()(x), network.eval()(x), atol=1e-5)


def small_network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(180, 4)
    return nn.Sequential(*layers, nn.BatchNorm1d(4, momentum=None))


def test_synchronised_batch_norm_equals_that_of_the_whole_batch(tmp_path: Path) -> None:
    port, log = launch._free_port(), tmp_path / "log.txt"
    with forked_workers.preloaded():
        children = [forked_workers.call(normalises_as_one, rank, port, log=log) for rank in (0, 1)]
        for child in children:
            child.join(120)
    assert [child.exitcode for child in children] == [0, 0], log.read_text()


@pytest.mark.parametrize(
    ("count", "batch", "world"), [(23, 8, 3), (17, 8, 2), (5, 8, 4), (9, 4, 3)]
)
def test_the_ranks_parts_of_a_batch_lose_and_repeat_nothing(
    count: int, batch: int, world: int
) -> None:
    def loader(rank_info: RankInfo) -> BatchLoader:
        return BatchLoader(
            torch.arange(count), torch.arange(count), batch, seed=3, rank_info=rank_info
        )

    parts = [loader(RankInfo(rank, rank, world, 1)) for rank in range(world)]
    seen = [list(part) for part in parts]
    expected = torch.cat([rows for _, _, rows in loader(RankInfo())])
    assert {len(batches) for batches in seen} == {count_batches(count, batch, world)}
    joined = []
    for number, shares in enumerate(zip(*seen, strict=True)):
        rows = torch.cat([share[2] for share in shares])
        joined.append(rows)
        weights = [part.weight(number) for part in parts]
        assert min(len(share[2]) for share in shares) > 0
        for part, share in zip(weights, shares, strict=True):
            assert part == pytest.approx(len(share[2]) * world / len(rows))
    assert torch.equal(torch.cat(joined), expected)


def test_each_feature_is_computed_by_one_rank(tmp_path: Path) -> None:
    class Pictures:
        spec = None
        all_pixels = np.zeros((10, 2, 2, 3), np.uint8)

        def hashes(self, split: str) -> list[str]:
            return [str(n) for n in {"train": range(6), "val": (6, 7), "test": (8, 9)}[split]]

        def rows(self, split: str) -> np.ndarray:
            return np.array([int(digest) for digest in self.hashes(split)])

    barrier = threading.Barrier(2)
    counted: list[int] = []

    class HalfGroup(ProcessGroup):
        def barrier(self) -> None:
            barrier.wait(30)

    def work(rank: int, features_by_rank: dict[int, Any]) -> None:
        def forward(pictures: np.ndarray) -> np.ndarray:
            counted.append(len(pictures))
            return np.full((len(pictures), 3), rank, np.float32)

        process_group = HalfGroup(RankInfo(rank, rank, 2, 1))
        stores = features.ensure(
            tmp_path, Pictures(), 1, lambda: forward, process_group=process_group
        )
        features_by_rank[rank] = stores[0].get([str(n) for n in range(10)])[:, 0]

    features_by_rank: dict[int, Any] = {}
    threads = [threading.Thread(target=work, args=(rank, features_by_rank)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counted) == 10
    assert features_by_rank[0].tolist() == features_by_rank[1].tolist() == [0, 1] * 5


def test_the_rank_follows_from_the_launcher_s_environment() -> None:
    torchrun = {"TORCHELASTIC_RUN_ID": "x", "RANK": "5", "LOCAL_RANK": "1"}
    torchrun |= {"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}
    assert launch.detect_rank(None, None, torchrun) == RankInfo(5, 1, 4, 2, "torchrun")
    assert launch.detect_rank(4, 2, torchrun).world_size == 8
    with pytest.raises(BadInputError, match="torchrun has started 4 processes on each of 2"):
        launch.detect_rank(8, None, torchrun)
    slurm = {"SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NNODES": "2"}
    assert launch.detect_rank(2, 1, slurm) == RankInfo(0, 0, 2, 1), (
        "a shell in an allocation is no task"
    )
    assert launch.detect_rank(None, None, {**slurm, "SLURM_STEP_ID": "0"}) == RankInfo(
        3, 1, 2, 2, "slurm"
    )
    own_variables = {"NODE_RANK": "1", "LOCAL_RANK": "2"}
    assert launch.detect_rank(4, 3, own_variables) == RankInfo(6, 2, 4, 3)
    assert launch.detect_rank(None, None, own_variables) == RankInfo()
    with pytest.raises(BadInputError, match="Both count from 0"):
        launch.detect_rank(2, 1, own_variables)
    with pytest.raises(BadInputError, match="MASTER_ADDR"):
        launch.start_local_ranks(RankInfo(0, 0, 1, 2))


def test_more_ranks_than_pictures_in_a_batch_are_refused(
    workspace: Workspace,
) -> None:
    dataset(workspace, "noise", each=20)
    arguments = command(workspace, "--dataset", "noise", "--devices", 2, *set_options(batch_size=1))
    child = start(arguments)
    stderr = child.communicate(timeout=120)[1].decode()
    assert child.returncode == 1
    assert "2 processes cannot share 1 pictures" in stderr
