"""Children of the server: each has a limit of memory, and says so where it is reached."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dashboard.workers import process
from dashboard.workers.process import MAX_INGEST_BYTES, PARENT, memory_limit, spawn
from ml.hardware import MEMORY_LIMIT, limit_of_child

COMMANDS = ("ingest", "doctor", "map", "train", "tune", "evaluate", "robustness", "curve")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_child_has_a_limit_within_the_memory(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "accelerator", lambda: "cpu")
    assert 2**28 < memory_limit([command]) < psutil.virtual_memory().total


def test_graphics_card_frees_all_but_an_ingest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "accelerator", lambda: "cuda")
    assert memory_limit(["train"]) == 0
    assert 0 < memory_limit(["ingest"]) <= MAX_INGEST_BYTES


@pytest.mark.parametrize(("text", "limit"), [("", 0), ("12", 12)])
def test_limit_of_a_child_is_a_number_or_none(text: str, limit: int) -> None:
    assert limit_of_child({MEMORY_LIMIT: text}) == limit


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit of memory")
def test_child_beyond_its_limit_ends_with_a_sentence_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "memory_limit", lambda command: 700 * 2**20)
    table = tmp_path / "labels.csv"
    table.write_text("file,label\n" + "a.jpg,cat\n" * 10)
    log = tmp_path / "log.txt"
    (tmp_path / "sitecustomize.py").write_text(
        "from ml.data.ingest import bring_in\n"
        "def fill(*_, **__):\n"
        "    return bytearray(2**30)\n"
        "bring_in.bring_in = fill\n"
    )
    paths = f"{tmp_path}:{process.ROOT}"
    with log.open("wb") as file:
        command = ["ingest", str(table), "--workspace", str(tmp_path / "workspace")]
        child = spawn(command, file, PYTHONPATH=paths)
        code = child.wait(60)
    assert code == 1
    assert "0.7 GB of memory" in log.read_text()
    assert isinstance(child, subprocess.Popen)


@pytest.mark.skipif(sys.platform == "win32", reason="a parent is told by its number there")
def test_child_ends_soon_after_its_parent(
    python: Callable[..., "subprocess.Popen[str]"], until: Callable[..., object]
) -> None:
    child_code = (
        "import os, sys, time; from ml import hardware; hardware.PARENT_SECONDS = 0.05;"
        "hardware.end_with_parent(); print(os.getpid(), flush=True); time.sleep(60)"
    )
    code = f"""
import os, subprocess, sys
environment = {{**os.environ, {PARENT!r}: str(os.getpid())}}
child = subprocess.Popen([sys.executable, "-c", {child_code!r}], env=environment)
child.wait()
"""
    parent = python(code)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")
