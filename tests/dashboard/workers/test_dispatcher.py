"""The queue: one at a time, in order, never the same dead start again, whoever starts or ends."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from dashboard.workers import dispatcher, engine, run_status
from dashboard.workers import process as children
from dashboard.workers.dispatcher import Dispatcher
from ml.runs import trash
from ml.runs.events import RunEnded, RunStarted, encode
from ml.runs.folder import Run
from ml.runs.status import identity
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace


class Children:
    """Stands for the processes: what was started, and how each of them ended."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.alive: list[Child] = []

    def spawn(self, command: list[str], log: Any, **environment: str) -> "Child":
        assert command[:2] == ["train", "--run"]
        self.started.append(command[2])
        self.alive.append(Child(log))
        log.write(b"line one\nThere is no data set.\n")
        return self.alive[-1]


class Child:
    def __init__(self, log: Any) -> None:
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Children:
    fake = Children()
    monkeypatch.setattr(dispatcher, "spawn", fake.spawn)
    return fake


def tick(serving: Dispatcher) -> None:
    serving._reap()
    serving.start_next()


def take_up(run: Run, *, queue: bool = True) -> None:
    """What a worker does first; this very process stands for it."""
    command = ["python", "-m", "ml", "train", *(["--run", run.id] if queue else ["--dataset", "d"])]
    worker = {**identity(), "claimed": time.time(), "command": command}
    write_json(run.folder / "worker.json", worker)
    with (run.folder / "events.jsonl").open("ab") as log:
        log.write(encode(RunStarted("m", "d", 1, 1)))


def end(run: Run) -> None:
    with (run.folder / "events.jsonl").open("ab") as log:
        log.write(encode(RunEnded("finished")))


def test_runs_are_started_one_at_a_time_in_the_order_of_their_making(
    workspace: Workspace, make_run: Callable[..., Run], started: Children
) -> None:
    first, second = make_run(), make_run()
    serving = Dispatcher(workspace)
    assert [engine.position(workspace, run) for run in (first, second)] == [0, 1]
    tick(serving)
    tick(serving)
    assert started.started == [first.id]  # not taken up yet, but its child lives
    take_up(first)
    tick(serving)
    assert started.started == [first.id]
    end(first)
    started.alive[0].returncode = 0
    tick(serving)
    assert started.started == [first.id, second.id]


def test_a_new_dispatcher_waits_for_the_training_that_the_old_one_started(
    workspace: Workspace, make_run: Callable[..., Run], started: Children
) -> None:
    running, waiting = make_run(), make_run()
    take_up(running)
    tick(Dispatcher(workspace))
    assert started.started == []
    end(running)
    tick(Dispatcher(workspace))
    assert started.started == [waiting.id]


def test_a_run_started_from_a_shell_does_not_hold_up_the_queue(
    workspace: Workspace, make_run: Callable[..., Run], started: Children
) -> None:
    shell, waiting = make_run(), make_run()
    take_up(shell, queue=False)
    tick(Dispatcher(workspace))
    assert started.started == [waiting.id]


def test_a_child_that_dies_before_it_begins_fails_its_run_with_a_reason(
    workspace: Workspace, make_run: Callable[..., Run], started: Children
) -> None:
    broken, next_one = make_run(), make_run()
    serving = Dispatcher(workspace)
    tick(serving)
    started.alive[0].returncode = 2
    tick(serving)
    tick(serving)
    assert started.started == [broken.id, next_one.id]
    status = run_status.status(broken)
    assert status.name == "failed"
    assert "There is no data set." in status.reason
    engine.resume(workspace, broken)  # asked for again, it is started again
    assert run_status.status(broken).name == "queued"


def test_a_run_that_was_deleted_while_its_child_started_is_no_trouble(
    workspace: Workspace, make_run: Callable[..., Run], started: Children
) -> None:
    run = make_run()
    serving = Dispatcher(workspace)
    tick(serving)
    engine.stop(workspace, run)
    started.alive[0].returncode = 2
    tick(serving)
    assert [item.id for item in trash.trashed(workspace)] == [run.id]


def test_a_resumed_run_goes_to_the_end_of_the_queue(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    old, waiting = make_run(), make_run()
    take_up(old)
    end(old)
    engine.resume(workspace, old, epochs=9)
    assert [run.id for run in engine.with_status(workspace, "queued")] == [waiting.id, old.id]
    assert old.meta["resume"]["epochs"] == 9


def test_stop_asks_a_running_run_and_takes_a_queued_one_out(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    running, waiting = make_run(), make_run()
    take_up(running)
    for run in (running, waiting):
        engine.stop(workspace, run)
    assert run_status.status(running).stopping
    assert not waiting.folder.exists()


def test_only_one_of_two_servers_serves_the_queue(
    workspace: Workspace,
    make_run: Callable[..., Run],
    started: Children,
    until: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()  # the threads are to run, and no process is to be started
    monkeypatch.setattr(dispatcher, "spawn", started.spawn)
    first, second = Dispatcher(workspace), Dispatcher(workspace)
    first.start()
    make_run()
    until(lambda: started.started)
    second.start()
    make_run()
    second.wake.set()
    time.sleep(3 * dispatcher.TICK_SECONDS)
    assert len(started.started) == 1
    first.stop_event.set()
    first.join(10)
    until(lambda: len(started.started) == 2)  # the other takes over
    second.stop_event.set()
    second.join(10)


def test_the_status_is_not_remembered_beyond_a_change(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    run = make_run()
    assert run_status.status(run).name == "queued"
    take_up(run)
    assert run_status.status(run).name == "running"
    write_json(run.folder / "worker.json", {**read_json(run.folder / "worker.json"), "pid": 2**22})
    assert run_status.status(run).name == "interrupted"


def test_many_runs_that_are_over_cost_next_to_nothing(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    for _ in range(60):
        run = make_run()
        take_up(run)
        with (run.folder / "events.jsonl").open("ab") as log:
            log.write(encode(RunStarted("m", "d", 1, 1)) * 400)
        end(run)
    engine.with_status(workspace, "running")
    before = time.process_time()
    assert engine.with_status(workspace, "running") == []
    assert time.process_time() - before < 0.05


def test_a_child_is_out_of_reach_of_the_servers_terminal_and_leaves_a_core(
    tmp_path: Path, until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENSMITH_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv(children.PRIORITY)
    with (tmp_path / "log").open("wb") as log:
        child = children.spawn(["datasets", "--json"], log)
        monkeypatch.setenv(children.PRIORITY, "normal")
        other = children.spawn(["datasets", "--json"], log)
    process = psutil.Process(child.pid)
    if sys.platform != "win32":
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
        assert process.nice() >= 10
        assert psutil.Process(other.pid).nice() == psutil.Process().nice()
    assert other.wait(60) == 0
    threads = until(lambda: process.environ().get("LENSMITH_THREADS"))  # once it has become ours
    assert threads == str(max(1, (os.cpu_count() or 2) - 1))
    assert child.wait(60) == 0
    datasets = json.loads((tmp_path / "log").read_text().splitlines()[-1])
    assert {item["name"] for item in datasets} >= {"recycling", "hands", "fashion"}


def test_the_log_tail_is_short_whatever_the_log_is(make_run: Callable[..., Run]) -> None:
    run = make_run()
    assert engine.log_tail(run) == ""
    (run.folder / "log.txt").write_bytes(b"x" * 300_000 + b"\nlast \xff line\n")
    assert engine.log_tail(run, 1) == "last \N{REPLACEMENT CHARACTER} line"
