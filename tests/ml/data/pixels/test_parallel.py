"""Parallel work in processes gives the same results as in threads."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from ml.data import catalog
from ml.data.ingest.bring_in import bring_in
from ml.data.pixels import parallel
from ml.data.pixels.pixels import PixelSpec, canonical
from ml.data.run_pictures import open_pictures
from ml.data.sources import walk
from ml.data.store.versions import read_picture
from ml.presets import default_pixels
from ml.workspace import Workspace, open_workspace
from tests.conftest import python_path

Make = Callable[..., Path]


def square(numbers: list[int]) -> list[int]:
    return [number * number for number in numbers]


def square_or_die(numbers: list[int]) -> list[int]:
    if multiprocessing.parent_process() and 100 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(numbers)


def process_id(numbers: list[int]) -> int:
    return os.getpid()


@pytest.fixture
def pets(make_folder: Make) -> Path:
    """A folder of forty pictures, a copy of one and a broken file."""
    folder = make_folder("pets", {"cat": 20, "dog": 20}, width=24, height=18)
    (folder / "cat" / "bad.png").write_bytes(b"no picture")
    shutil.copy(folder / "cat" / "000.png", folder / "cat" / "again.png")
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_processes_and_threads_give_the_same_version(
    packed: bool, pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", pets)) if packed else pets
    threads = bring_in(open_workspace(str(tmp_path / "threads")), source, pixels_for=default_pixels)
    monkeypatch.setattr(parallel, "MIN_ITEMS_FOR_PROCESSES", 1)
    workspace = open_workspace(str(tmp_path / "processes"))
    processes = bring_in(workspace, source, pixels_for=default_pixels)
    assert processes.version.fingerprint == threads.version.fingerprint
    assert processes.refused == threads.refused != []
    assert processes.version.about == threads.version.about
    spec = PixelSpec(24)
    expected = [
        canonical(read_picture(workspace, item.hash), spec) for item in processes.version.items
    ]
    shutil.rmtree(workspace.pictures)  # so these pixels are those that ingest made
    pictures = open_pictures(workspace, catalog.run_record(processes.version, 0), spec)
    assert np.array_equal(pictures.pixels("all"), np.stack(expected))


def test_only_many_items_are_sent_to_other_processes() -> None:
    assert set(parallel.in_batches(process_id, iter(range(100)))) == {os.getpid()}
    count = parallel.MIN_ITEMS_FOR_PROCESSES
    assert os.getpid() not in set(parallel.in_batches(process_id, iter(range(count)), count=count))


def test_unpicklable_work_stays_in_this_process() -> None:
    process_ids = parallel.in_batches(
        lambda batch: os.getpid(), iter(range(40)), count=parallel.MIN_ITEMS_FOR_PROCESSES
    )
    assert set(process_ids) == {os.getpid()}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_killed_process_loses_no_item() -> None:
    batches = parallel.in_batches(
        square_or_die, iter(range(300)), count=parallel.MIN_ITEMS_FOR_PROCESSES
    )
    assert [number for batch in batches for number in batch] == [n * n for n in range(300)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_processes_end_when_their_ingest_is_killed(
    make_folder: Make, workspace: Workspace, tmp_path: Path
) -> None:
    folder = make_folder("pets", {"a": 300, "b": 300}, width=200, height=200)
    script = tmp_path / "bring.py"
    script.write_text(
        "from pathlib import Path\n"
        "from ml.data.ingest import bring_in as bringing; from ml.data.pixels import parallel\n"
        "from ml.workspace import open_workspace\n"
        "if __name__ == '__main__':\n"
        "    parallel.MIN_ITEMS_FOR_PROCESSES = 1\n"
        f"    bringing.bring_in(open_workspace({str(workspace.root)!r}), Path({str(folder)!r}))\n"
    )
    ingest = subprocess.Popen(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": python_path(Path())}
    )
    children: list[psutil.Process] = []
    while len(children) < 3 and ingest.poll() is None:  # one, and those that start and count them
        children = psutil.Process(ingest.pid).children(recursive=True)
        time.sleep(0.01)
    assert ingest.poll() is None
    ingest.kill()
    ingest.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert children
    assert not alive


def test_prestarted_processes_do_the_work_and_end_afterwards() -> None:
    with parallel.prestarted_processes(True):
        parallel._started[0].result()
        prestarted = set(multiprocessing.active_children())
        assert prestarted
        count = parallel.MIN_ITEMS_FOR_PROCESSES
        working = set(parallel.in_batches(process_id, iter(range(count)), count=count))
        assert working & {child.pid for child in prestarted}
        assert os.getpid() not in working
    with parallel.prestarted_processes(True):
        parallel._started[0].result()
        unused = multiprocessing.active_children()
    for child in unused:  # by their own means: whoever else waits for a child takes its end away,
        child.join(20)  # and the pool then waits for it for ever, in a loop
    assert unused
    assert not any(child.is_alive() for child in unused)


@pytest.mark.parametrize(("least", "expected"), [(40, True), (100, False)])
def test_has_many_compares_the_number_of_files(least: int, expected: bool, pets: Path) -> None:
    assert walk.has_many(pets, least) is expected
    assert not walk.has_many(pets / "nothing", least)
