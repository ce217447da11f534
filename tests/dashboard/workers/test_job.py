"""A task in a child: its progress, its result, its sentence when it fails, and its end."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.uploads.spool import stage
from dashboard.workers import job as preparing
from dashboard.workers.job import Job
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers import made_up_runs

PATIENCE = 60


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the child run some Python in the place of ``ml``."""

    def act(code: str) -> None:
        def spawn(command: list[str], log: Any, **_: str) -> "subprocess.Popen[bytes]":
            return subprocess.Popen(
                [sys.executable, "-u", "-c", code], stdout=log, stderr=subprocess.STDOUT
            )

        monkeypatch.setattr(preparing, "spawn", spawn)

    return act


def test_a_real_ingest_reports_what_it_took_in(workspace: Workspace, tmp_path: Path) -> None:
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for seed in range(3):
            path = tmp_path / "pets" / name / f"{seed}.png"
            path.write_bytes(made_up_runs.picture(10 * label + seed))
    job = Job(["ingest", str(tmp_path / "pets")]).start(workspace)
    until(lambda: not job.running)
    assert job.progress == 1.0
    result = job.result()
    assert (result["name"], result["accepted"]) == ("pets", 6)


def test_progress_and_time_left_are_the_last_that_were_said(
    workspace: Workspace, acting: Callable[[str], None]
) -> None:
    acting("print('progress 0.1\\nleft 9\\nprogress 0.42\\nleft 7'); input()")
    job = Job(["ingest"]).start(workspace)
    until(lambda: job.progress > 0.4)
    assert job.progress == 0.42
    until(lambda: job.seconds_left == 7.0)
    until(lambda: not job.running)  # there is no input


def test_a_failure_is_told_in_the_sentence_of_the_child(
    workspace: Workspace, acting: Callable[[str], None]
) -> None:
    acting("print('progress 0.5\\nThere is nothing.\\nleft 3'); raise SystemExit(2)")
    job = Job(["ingest"], "Reading x").start(workspace)
    until(lambda: not job.running)
    for _ in range(2):  # as often as somebody asks
        with pytest.raises(BadInputError, match=r"^There is nothing\.$"):
            job.result()


def test_a_child_that_dies_without_a_word_is_told_too(
    workspace: Workspace, acting: Callable[[str], None]
) -> None:
    acting("raise SystemExit(9)")
    job = Job(["ingest"], "Reading x").start(workspace)
    until(lambda: not job.running)
    with pytest.raises(BadInputError, match="Reading x failed"):
        job.result()


def test_cancelling_ends_the_child_and_clears_what_was_uploaded(
    workspace: Workspace, acting: Callable[[str], None]
) -> None:
    acting("import time; time.sleep(600)")
    folder = stage(workspace, [("a.png", b"1")])
    job = Job(["ingest"], staging=folder).start(workspace)
    assert job.running
    job.cancel()
    assert not job.running
    assert not folder.exists()


def test_a_result_clears_what_was_uploaded(
    workspace: Workspace, acting: Callable[[str], None]
) -> None:
    acting("print('{}')")
    folder = stage(workspace, [("a.png", b"1")])
    job = Job(["ingest"], staging=folder).start(workspace)
    until(lambda: not job.running)
    assert job.result() == job.result() == {}
    assert not folder.exists()
