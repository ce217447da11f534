"""The transition table of statuses, derived from real files and real processes."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import BadInputError, MLError
from ml.runs import queue, status, trash
from ml.runs.events import EventLog, Heartbeat, Progress, RunEnded, RunStarted, encode
from ml.runs.folder import Run
from ml.runs.status import TRANSITIONS, Status, identity, lives, status_of
from ml.utils.files import write_json
from ml.workspace import Workspace

WORKER = """
import sys, time
from pathlib import Path
from ml.runs import folder, queue
from ml.runs.events import EventLog, RunEnded, RunStarted
run = folder.Run(Path(sys.argv[1]))
queue.claim(run, resume=sys.argv[2] == "resume")
log = EventLog(run.folder / "events.jsonl")
log(RunStarted("m", "d", 3, 10))
print("claimed", flush=True)
for line in sys.stdin:
    log(RunEnded(line.strip(), "because"))
    print("told", flush=True)
"""
"""A worker: takes the run up, and ends it with the outcome that it is told on standard input."""


class Worker:
    """The worker above, in a process of its own."""

    def __init__(self, python: Callable[..., Any], run: Run, how: str = "first") -> None:
        self.process = python(WORKER, run.folder, how)
        assert self.process.stdout.readline() == "claimed\n", self.process.stderr.read()

    def end_as(self, outcome: str) -> None:
        self.process.stdin.write(outcome + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "told\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def bring_to(name: str, run: Run, python: Callable[..., Any]) -> None:
    """Bring a new run into a status by what really leads there."""
    if name == "queued":
        return
    worker = Worker(python, run)
    if name in ("finished", "stopped", "failed"):
        worker.end_as(name)
    if name != "running":
        worker.kill()


def go(run: Run, workspace: Workspace, target: str, python: Callable[..., Any]) -> None:
    """Do what leads from the run's present status to ``target``."""
    present = run.status.name
    if target == "deleted":
        trash.delete(workspace, run)
    elif target == "queued":
        run.ask_to_resume()
    elif target == "running":
        Worker(python, run, "first" if present == "queued" else "resume")
    elif present == "queued" and target == "failed":
        run.refuse("The program could not be started.")
    elif target == "interrupted":
        psutil.Process(json.loads((run.folder / "worker.json").read_text())["pid"]).kill()
    else:
        EventLog(run.folder / "events.jsonl")(RunEnded(target, "because"))


def name_of(run: Run) -> str:
    return run.status.name if run.folder.exists() else "deleted"


ARROWS = [(start, end) for start, ends in TRANSITIONS.items() for end in sorted(ends)]


@pytest.mark.parametrize(("start", "end"), ARROWS, ids=lambda name: name)
def test_every_arrow_of_the_table_can_be_gone(
    start: str,
    end: str,
    workspace: Workspace,
    make_run: Callable[..., Run],
    python: Callable[..., Any],
    until: Callable[..., Any],
) -> None:
    run = make_run()
    bring_to(start, run, python)
    assert name_of(run) == start
    go(run, workspace, end, python)
    until(lambda: name_of(run) == end)


def test_the_table_is_that_of_the_design() -> None:
    resting = {"queued", "running", "deleted"}
    assert {name: set(ends) for name, ends in TRANSITIONS.items()} == {
        "queued": {"running", "failed", "deleted"},
        "running": {"stopped", "finished", "failed", "interrupted"},
        "stopped": resting,
        "finished": resting,
        "failed": resting,
        "interrupted": resting,
        "deleted": set(),
    }


def test_a_running_run_can_neither_be_deleted_nor_taken_by_another(
    workspace: Workspace, make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    Worker(python, run)
    with pytest.raises(MLError, match="Stop it before you delete it"):
        trash.delete(workspace, run)
    for resume in (False, True):
        with pytest.raises(BadInputError, match="being trained already"):
            queue.claim(run, resume=resume)
    assert name_of(run) == "running"


@pytest.mark.parametrize("name", ["stopped", "finished", "failed", "interrupted"])
def test_what_was_started_once_is_not_started_anew_by_mistake(
    name: str, make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    bring_to(name, run, python)
    with pytest.raises(BadInputError, match=f"is {name}. Resume it with"):
        queue.claim(run)
    assert name_of(run) == name


@pytest.mark.parametrize("outcome", ["stopped", "failed"])
def test_the_reason_of_an_end_is_handed_on(
    outcome: str, make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    Worker(python, run).end_as(outcome)
    assert run.status == Status(outcome, "because")


def test_a_claimed_run_is_running_before_its_first_event(make_run: Callable[..., Run]) -> None:
    run = make_run()
    queue.claim(run)
    assert run.status == Status("running")
    run.ask_to_stop()
    assert run.status == Status("running", stopping=True)


def test_a_claim_forgets_an_old_wish_to_stop(
    make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    Worker(python, run).end_as("stopped")
    run.ask_to_stop()
    Worker(python, run, "resume")
    assert run.status == Status("running")


# --- whether a worker lives ---------------------------------------------------------------------


def test_this_process_lives() -> None:
    assert lives(identity(), heard=0.0)


def test_a_reused_pid_is_not_the_worker() -> None:
    me = identity()
    assert not lives({**me, "started": float(str(me["started"])) - 5}, heard=time.time())


def test_a_killed_child_is_dead_though_nobody_reaped_it(until: Callable[..., Any]) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        process = psutil.Process(child.pid)
        worker = {**identity(), "pid": child.pid, "started": status.start_of(process)}
        assert lives(worker, heard=0.0)
        process.kill()
        if sys.platform == "linux":
            until(lambda: process.status() == psutil.STATUS_ZOMBIE)
        until(lambda: not lives(worker, heard=time.time()))
    finally:
        child.communicate()
    assert not lives(worker, heard=time.time())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts from its start")
def test_setting_the_clock_does_not_kill_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    me, boot = identity(), psutil.boot_time()
    # What the system does to both figures when its clock is set back by an hour.
    monkeypatch.setattr(psutil, "boot_time", lambda: boot - 3600)
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) - 3600)
    assert lives(me, heard=0.0)


def test_an_inaccessible_process_is_judged_by_its_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(pid: int) -> None:
        raise psutil.AccessDenied(pid)

    monkeypatch.setattr(psutil, "Process", forbidden)
    worker = {"host": platform.node(), "pid": 1, "started": 0.0}
    assert lives(worker, heard=100.0, now=110.0)
    assert not lives(worker, heard=100.0, now=140.0)


@pytest.mark.parametrize(("age", "alive"), [(0, True), (29.9, True), (30.1, False), (1e6, False)])
def test_another_host_is_judged_by_its_last_sign_of_life(age: float, alive: bool) -> None:
    elsewhere = {**identity(), "host": platform.node() + "-other"}
    assert lives(elsewhere, heard=1e9, now=1e9 + age) is alive


@pytest.mark.parametrize("age", [0.0, 100.0])
def test_any_event_of_a_worker_elsewhere_is_a_sign_of_life(
    age: float, make_run: Callable[..., Run]
) -> None:
    run = make_run()
    worker = queue.claim(run)
    write_json(run.folder / "worker.json", {**worker, "host": "elsewhere", "claimed": 5.0})
    log = EventLog(run.folder / "events.jsonl")
    log(RunStarted("m", "d", 3, 10, time=10.0))
    log(Progress("train", 0.5, time=time.time() - age))
    assert run.status.name == ("running" if age < 30 else "interrupted")


@pytest.mark.parametrize("worker", [{}, {"pid": -1}, {"pid": "x", "started": 1}, {"pid": 10**30}])
def test_a_worker_file_that_says_nothing_names_no_living_worker(worker: dict[str, Any]) -> None:
    assert not lives({"host": platform.node(), **worker}, heard=time.time())


# --- what the files say ---------------------------------------------------------------------------


def test_the_clock_set_back_between_two_workers_changes_no_status(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    ended = EventLog(run.folder / "events.jsonl")
    worker = queue.claim(run)
    ended(RunStarted("m", "d", 3, 10, time=time.time() + 3600))
    ended(RunEnded("stopped", time=time.time() + 3601))
    run.update_meta(resume={"asked": time.time() + 7200})
    assert run.status.name == "queued"
    write_json(run.folder / "worker.json", {**worker, "pid": 2**22 + 1})  # the first one is gone
    queue.claim(run)
    assert run.status.name == "running", "neither the wish nor the old end holds any more"


def test_running_out_of_memory_is_told_from_the_last_heartbeat(
    make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    for free, sentence in ((40 * 2**20, "ran out of memory"), (4 * 2**30, "ended without a word")):
        run = make_run()
        worker = Worker(python, run)
        log = EventLog(run.folder / "events.jsonl")
        log(Heartbeat(2**30, 4 * 2**30, 8 * 2**30))
        log(Heartbeat(2**30, free, 8 * 2**30))
        worker.kill()
        assert run.status.name == "interrupted"
        assert sentence in run.status.reason


def test_a_worker_ended_on_request_is_said_to_be_ended_as_asked(
    make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    worker = Worker(python, run)
    queue.kill(run)
    worker.process.wait()
    assert run.status.name == "interrupted"
    assert run.status.reason.startswith("Ended at once, as you asked.")
    Worker(python, run, "resume").kill()
    assert "without a word" in run.status.reason, "the request was to the worker before"


def test_a_torn_end_is_no_end(make_run: Callable[..., Run], python: Callable[..., Any]) -> None:
    run = make_run()
    worker = Worker(python, run)
    with (run.folder / "events.jsonl").open("ab") as file:
        file.write(encode(RunEnded("finished"))[:-1])
    assert run.status.name == "running"
    worker.kill()
    assert run.status.name == "interrupted"
    Worker(python, run, "resume").end_as("finished")
    assert run.status.name == "finished"


def test_an_end_is_found_behind_a_long_log(make_run: Callable[..., Run]) -> None:
    run = make_run()
    queue.claim(run)
    line = encode(Progress("train", 0.5))
    (run.folder / "events.jsonl").write_bytes(
        encode(RunStarted("m", "d", 3, 10)) + line * 5000 + encode(RunEnded("finished"))
    )
    assert run.status.name == "finished"


def test_a_run_that_could_not_start_has_failed_until_it_is_queued_again(
    make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    run.refuse("There is no such file.")
    assert run.status == Status("failed", "There is no such file.")
    run.ask_to_resume()
    assert run.status.name == "queued"
    run.refuse("Again not.")
    assert run.status == Status("failed", "Again not.")
    Worker(python, run, "resume")
    assert run.status.name == "running"


damage = st.one_of(
    st.binary(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["pid", "started", "host", "claimed", "asked", "resume", "refused"]
                ),
                inner,
                max_size=4,
            )
        ),
    ).map(lambda value: json.dumps(value).encode()),
)


@given(worker=st.none() | damage, meta=st.none() | damage, log=st.none() | damage)
def test_no_damage_to_the_files_keeps_a_run_from_having_a_status(
    tmp_path_factory: pytest.TempPathFactory,
    worker: bytes | None,
    meta: bytes | None,
    log: bytes | None,
) -> None:
    folder = tmp_path_factory.mktemp("run")
    for name, content in (("worker.json", worker), ("meta.json", meta), ("events.jsonl", log)):
        if content is not None:
            (folder / name).write_bytes(content)
    status = status_of(folder)
    assert status.name in set(TRANSITIONS) - {"deleted"}
    if worker is not None and log is None and status.name == "queued":
        assert meta is not None, "only a wish to go on queues what a worker has had"
    shutil.rmtree(folder)


def test_an_unknown_outcome_counts_as_failed() -> None:
    assert status.derive([RunEnded("exploded", "boom")], alive=True) == Status("failed", "boom")


def test_the_identity_is_that_of_this_process() -> None:
    assert identity()["pid"] == os.getpid()
    assert identity()["host"] == platform.node()
