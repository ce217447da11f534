"""What tests share: a workspace of their own, runs in it, and other processes."""

import gc
import os
import signal
import subprocess
import sys
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
from tests.helpers.traced_graphs import lent

ROOT = Path(__file__).resolve().parent.parent

# Whoever starts the suite in the background lets it ignore Ctrl-C, and so would its children, which
# the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Two processes of tests keep both cores of a small machine busy: what gives way to them, as a child
# of the pages does, would hardly get on.
os.environ.setdefault("LENSMITH_PRIORITY", "normal")

# A busy machine is slow, not wrong; and a failure must come again when it is looked into.
settings.register_profile("lensmith", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("lensmith")


def _has_browser(nodeid: str) -> bool:
    return nodeid.startswith("tests/browser/")


class _BrowserApart(LoadScopeScheduling):
    """Of two processes one takes all tests with a browser, which wait a lot; no other file is torn,
    as its tests share what was made for them."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if _has_browser(nodeid) else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How tests are dealt to the processes that ``-n`` asks for."""
    return _BrowserApart(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes is left out unless ``-m every_model`` asks for it; what takes long comes
    first, so that of two processes none is left alone with it at the end."""
    if "every_model" not in config.option.markexpr:
        dear = [item for item in items if item.get_closest_marker("every_model")]
        config.hook.pytest_deselected(items=dear)
        items[:] = [item for item in items if item not in dear]
    gc.freeze()  # torch and all tests stay: they are not looked through again
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (not _has_browser(item.nodeid), item.path not in long))


@pytest.fixture(autouse=True)
def _own_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the workspace of whoever runs it."""
    monkeypatch.setenv("LENSMITH_WORKSPACE", str(tmp_path / "workspace"))


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks that were traced in this session, by whichever of its processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "graphs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def workspace(tmp_path: Path, graphs: Path) -> Iterator[Workspace]:
    made = open_workspace(tmp_path / "workspace")
    with lent(graphs, made):
        yield made


@pytest.fixture
def make_run(workspace: Workspace) -> Callable[..., Run]:
    """Makes a run of nothing in particular; keyword arguments are settings."""

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
            env={**os.environ, "PYTHONPATH": str(ROOT)},
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
