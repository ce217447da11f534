"""The queue of runs: in the order of asking, one worker for each run, ended by its own name."""

import errno
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from ml.errors import BadInputError
from ml.runs import queue, trash
from ml.runs.events import EventLog, RunEnded, RunStarted
from ml.runs.folder import Run, list_runs
from ml.utils.files import write_json
from ml.workspace import Workspace


def end(run: Run, outcome: str = "finished") -> None:
    """Let a worker that is no more have ended ``run``."""
    queue.claim(run)
    log = EventLog(run.folder / "events.jsonl")
    log(RunStarted("m", "d", 3, 10))
    log(RunEnded(outcome))


def waiting(workspace: Workspace) -> list[Run]:
    queued = [run for run in list_runs(workspace) if run.status.name == "queued"]
    return sorted(queued, key=queue.place_in_queue)


def test_of_many_workers_one_gets_the_run(
    make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    code = (
        "import sys; from pathlib import Path; from ml.runs import folder, queue\n"
        "from ml.errors import BadInputError\n"
        "run = folder.Run(Path(sys.argv[1])); print('ready', flush=True); input()\n"
        "try: queue.claim(run); print('mine', flush=True)\n"
        "except BadInputError: print('not mine', flush=True)\n"
        "input()"
    )
    workers = [python(code, run.folder) for _ in range(4)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n", worker.stderr.read()
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    answers = [worker.stdout.readline() for worker in workers]
    assert sorted(answers) == ["mine\n"] + ["not mine\n"] * 3
    owner = json.loads((run.folder / "worker.json").read_text())
    assert owner["pid"] == workers[answers.index("mine\n")].pid


def test_a_claim_says_who_where_since_when_and_by_what(make_run: Callable[..., Run]) -> None:
    run = make_run()
    before = time.time()
    worker = queue.claim(run)
    assert json.loads((run.folder / "worker.json").read_text()) == worker
    assert before <= worker["claimed"] <= time.time()
    assert worker["command"] == [sys.executable, *sys.argv]
    assert {"pid", "started", "host", "platform"} <= set(worker)


def test_a_claim_clears_away_what_a_killed_worker_left_half_written(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    folder = run.folder / "checkpoints"
    folder.mkdir()
    for name in (".last.ckpt.77-ab12.part", "last.ckpt"):
        (folder / name).write_bytes(b"x")
    queue.claim(run)
    assert [item.name for item in folder.iterdir()] == ["last.ckpt"]


def test_a_run_that_was_deleted_meanwhile_cannot_be_claimed(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    run = make_run()
    trash.delete(workspace, run)
    with pytest.raises(BadInputError, match="is not there any more"):
        queue.claim(run)
    assert not run.folder.exists()


def test_the_queue_is_in_the_order_of_asking(
    workspace: Workspace, make_run: Callable[..., Run]
) -> None:
    first, second, third = make_run(), make_run(), make_run()
    assert waiting(workspace) == [first, second, third]
    end(first)
    assert waiting(workspace) == [second, third]
    first.ask_to_resume(epochs=20)
    assert waiting(workspace) == [second, third, first]
    assert first.meta["resume"]["epochs"] == 20
    queue.claim(first)
    assert waiting(workspace) == [second, third]
    first_made = json.loads((second.folder / "meta.json").read_text())["created"]
    write_json(third.folder / "meta.json", {"created": first_made - 60})
    assert waiting(workspace) == [third, second], "by when it was asked for, not by id"


def test_kill_ends_the_worker_of_the_run_and_no_other(
    make_run: Callable[..., Run], python: Callable[..., Any]
) -> None:
    run = make_run()
    queue.kill(run)
    code = (
        "import sys; from pathlib import Path; from ml.runs import folder, queue\n"
        "queue.claim(folder.Run(Path(sys.argv[1]))); print('mine', flush=True)\n"
        "for line in sys.stdin: print('mine', flush=True)"
    )
    worker = python(code, run.folder)
    assert worker.stdout.readline() == "mine\n"
    known = json.loads((run.folder / "worker.json").read_text())
    for other in ({**known, "started": known["started"] - 9}, {**known, "host": "elsewhere"}):
        write_json(run.folder / "worker.json", other)
        queue.kill(run)
        time.sleep(0.2)  # a signal would have arrived by now
        worker.stdin.write("\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "mine\n"
    write_json(run.folder / "worker.json", known)
    queue.kill(run)
    assert worker.wait(timeout=10) != 0
    assert run.status.name == "interrupted"
    queue.kill(run)


@pytest.mark.filterwarnings("ignore")
def test_claim_without_flock_passes_over_a_lock_that_was_left(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    run = make_run()
    for name in (".claim.lock", ".meta.lock"):
        left = run.folder / name
        left.touch()
        os.utime(left, (0, 0))
    run.update_meta(name="named")
    queue.claim(run)
    assert (run.name, run.status.name) == ("named", "running")
