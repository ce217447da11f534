"""Shared fixtures: a temporary workspace, runs in it, child processes, waiting for a state."""

import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from ml.config import TrainConfig
from ml.runs import folder as runs
from ml.runs.folder import Run
from ml.workspace import Workspace, open_workspace
from tests.helpers.offline import sitecustomize as offline
from tests.helpers.traced_graphs import shared_graphs

ROOT = Path(__file__).resolve().parent.parent

# A shell lets background processes ignore SIGINT, and children inherit that; tests send SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Two test processes keep both cores of a small machine busy: a child with a lowered priority, as
# pages start them, would hardly run.
os.environ.setdefault("LENSMITH_PRIORITY", "normal")

# Nothing that a test does may leave this computer: not from this process, nor from its children.
OFFLINE = Path(__file__).resolve().parent / "helpers" / "offline"
if offline.LOG_VARIABLE not in os.environ:  # else a process of ``-n``, which has inherited it
    os.environ[offline.LOG_VARIABLE] = tempfile.mkstemp(prefix="lensmith-offline-")[1]
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(OFFLINE), os.environ.get("PYTHONPATH", "")))
    )
    offline.guard()


def python_path(folder: Path) -> str:
    """``PYTHONPATH`` of a child that imports from ``folder`` and is kept offline."""
    return os.pathsep.join((os.environ["PYTHONPATH"], str(folder)))


# No deadline, since a busy machine is slow; derandomized, so that a failure can be repeated.
settings.register_profile("lensmith", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("lensmith")


def _has_browser(nodeid: str) -> bool:
    return nodeid.startswith("tests/browser/")


class _BrowserApart(LoadScopeScheduling):
    """One process gets all browser tests, which mostly wait; each other file stays in one process,
    as its tests share fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if _has_browser(nodeid) else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """The scheduler that deals tests to the processes of ``-n``."""
    return _BrowserApart(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests marked ``every_model`` unless ``-m`` names them, and order the rest.

    Browser tests and slow files come first, so that two processes end at about the same time.
    """
    if "every_model" not in config.option.markexpr:
        excluded = [item for item in items if item.get_closest_marker("every_model")]
        config.hook.pytest_deselected(items=excluded)
        items[:] = [item for item in items if item not in excluded]
    gc.freeze()  # the garbage collector skips torch and the collected tests
    slow_files = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (not _has_browser(item.nodeid), item.path not in slow_files))


@pytest.fixture(autouse=True)
def _own_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the workspace of whoever runs it."""
    monkeypatch.setenv("LENSMITH_WORKSPACE", str(tmp_path / "workspace"))


@pytest.fixture(autouse=True)
def _nothing_leaves() -> Iterator[None]:
    """Fail the test in which this process or a child of it asked for an address elsewhere."""
    log = Path(os.environ[offline.LOG_VARIABLE])
    before = log.stat().st_size
    yield
    with log.open(encoding="utf-8") as file:
        file.seek(before)
        attempts = file.read()
    assert not attempts, f"This would have left the computer:\n{attempts}"


@pytest.fixture(autouse=True)
def _own_main_module() -> Iterator[None]:
    """``AppTest`` leaves its script as ``__main__``, which children of later tests would run."""
    main_module = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main_module


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the ONNX graphs that any process of this session traced."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "graphs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def workspace(tmp_path: Path, graphs: Path) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path / "workspace")
    with shared_graphs(graphs, opened):
        yield opened


@pytest.fixture
def make_run(workspace: Workspace) -> Callable[..., Run]:
    """Makes a queued run; keyword arguments are settings."""

    def make(**values: Any) -> Run:
        return runs.create(workspace, TrainConfig(**{"dataset": "hands", **values}), {})

    return make


@pytest.fixture
def python() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts ``python -c CODE ARGUMENT...`` in the root of the repository; ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": python_path(ROOT)},
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a state: asks until the answer is true, and returns it."""

    def wait(question: Callable[[], Any], seconds: float = 30) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < deadline, f"This did not happen within {seconds} s."
            time.sleep(0.02)
        return answer

    return wait
