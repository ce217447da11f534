"""A worker killed at any moment loses at most an epoch, and its run ends as if it had not."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from ml.data.ingest.bring_in import BUNDLED
from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.events import EpochEnd, Progress, RunEnded, RunStarted
from ml.utils.files import read_json
from ml.workspace import Workspace, open_workspace
from tests.faults.victim import ROOT, Victim
from tests.helpers import forked_workers
from tests.helpers.traced_graphs import shared_graphs

pytestmark = pytest.mark.slow
SETTINGS = {
    "model": "tutorial_net",
    "epochs": 6,
    "batch_size": 8,
    "threads": 1,
    "device": "cpu",
    "precision": "32",  # what is measured in two workspaces may differ
    "augment": "light",
}


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> Iterator[None]:
    with forked_workers.preloaded():
        yield


@pytest.fixture
def victim(workspace: Workspace) -> Iterator[Victim]:
    new_victim = Victim(workspace, "fashion", **SETTINGS)
    yield new_victim
    if new_victim.process:
        new_victim.kill()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, graphs: Path) -> Victim:
    """The same run in a workspace of its own, with nobody killing anything."""
    workspace = open_workspace(tmp_path_factory.mktemp("undisturbed") / "workspace")
    new_victim = Victim(workspace, "fashion", **SETTINGS)
    with shared_graphs(graphs, workspace):
        new_victim.start()
        new_victim.finish()
    return new_victim


def test_a_run_killed_in_every_phase_ends_as_the_undisturbed_one(
    victim: Victim, undisturbed: Victim
) -> None:
    dice = random.Random(1)

    def while_pictures_are_prepared() -> None:
        victim.wait_for_phase("prepare")
        victim.kill()

    def in_an_epoch() -> None:
        victim.wait_for_epochs(1)
        time.sleep(dice.uniform(0, 1))
        victim.kill()

    def in_a_checkpoint() -> None:
        victim.wait_for_epochs(1)
        while victim.kill_in_checkpoint() is False:  # the moment was just missed
            victim.start()

    def while_it_is_evaluated() -> None:
        victim.wait_for(
            lambda event: isinstance(event, Progress) and event.phase in ("evaluate", "export")
        )
        victim.kill()

    lost_epochs = []
    for kill in (
        while_pictures_are_prepared,
        in_an_epoch,
        in_a_checkpoint,
        while_it_is_evaluated,
    ):
        victim.start()
        kill()
        lost_epochs.append(victim.check_remains())
    assert max(lost_epochs) <= 1, lost_epochs
    victim.start()
    victim.finish()
    assert victim.run.status.name == "finished"
    assert victim.digest() == undisturbed.digest()
    assert victim.ended().test == undisturbed.ended().test


def test_a_frozen_run_killed_while_it_computes_features_ends_the_same(
    tmp_path: Path, graphs: Path
) -> None:
    pictures = tmp_path / "few"
    for name in ("0", "1", "2"):
        chosen_files = sorted((BUNDLED / "hands" / name).iterdir())[:14]
        (pictures / name).mkdir(parents=True)
        for path in chosen_files:
            shutil.copy(path, pictures / name)
    settings = {
        "model": "efficientnet_lite0",
        "epochs": 4,
        "threads": 1,
        "device": "cpu",
        "precision": "32",
    }
    digests = []
    for kills in (0, 1):
        workspace = open_workspace(tmp_path / f"with-{kills}")
        run = Victim(workspace, str(pictures), **settings)
        with shared_graphs(graphs, workspace):
            for _ in range(kills):
                run.start()
                run.wait_for_phase("features")
                run.kill()
                assert run.check_remains() == 0
            run.start()
            run.finish()
        digests.append(run.digest())
    assert digests[0] == digests[1]


# --- the server -----------------------------------------------------------------------------------

SERVER = """
import sys, time
from dashboard.workers.dispatcher import Dispatcher
from ml.workspace import open_workspace
Dispatcher(open_workspace(sys.argv[1])).start()
print("serving", flush=True)
time.sleep(600)
"""


@pytest.fixture
def serve(workspace: Workspace) -> Iterator[Callable[[Workspace], "subprocess.Popen[str]"]]:
    """Starts what starts queued runs in a server, as a process and process group of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(where: Workspace) -> "subprocess.Popen[str]":
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(where.root)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == "serving\n"
        return server

    yield start
    for server in started:
        server.kill()
        server.communicate()


def test_a_training_outlives_killed_servers(
    victim: Victim,
    undisturbed: Victim,
    until: Callable[..., Any],
    serve: Callable[[Workspace], "subprocess.Popen[str]"],
) -> None:
    run = victim.run
    first = serve(victim.workspace)
    until(lambda: any(isinstance(event, EpochEnd) for event in run.events()[0]), 120)
    worker = (run.folder / "worker.json").read_bytes()
    if os.name != "nt":
        os.killpg(first.pid, signal.SIGINT)  # what Ctrl-C does to all that the terminal started
    else:
        first.kill()
    first.wait()
    assert run.status.name == "running"

    second = serve(victim.workspace)
    waiting = runs.create(victim.workspace, victim.config, run.dataset)
    until(lambda: not can_be_taken(victim.workspace))  # it serves the queue now
    second.kill()
    second.wait()
    serve(victim.workspace)
    assert waiting.status.name == "queued"
    until(lambda: isinstance(run.events()[0][-1], RunEnded), 120)
    assert run.status.name == "finished"
    assert (run.folder / "worker.json").read_bytes() == worker, "it was started again"
    assert sum(isinstance(event, RunStarted) for event in run.events()[0]) == 1
    assert victim.digest() == undisturbed.digest()
    until(lambda: waiting.status.name == "running", 60)
    claimed = read_json(waiting.folder / "worker.json")["claimed"]
    assert claimed > victim.ended().time, "two of the queue were trained at once"
    queue.kill(waiting)


def can_be_taken(workspace: Workspace) -> bool:
    """Whether no server has been elected to serve the queue."""
    lock = FileLock(workspace.root / ".dispatcher.lock")
    try:
        with lock.acquire(timeout=0):
            return True
    except Timeout:
        return False
