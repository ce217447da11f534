"""Many pictures are read in other processes, and nothing else is different."""

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
from ml.workspace import Workspace, open_workspace

Make = Callable[..., Path]


def square(numbers: list[int]) -> list[int]:
    return [number * number for number in numbers]


def square_or_die(numbers: list[int]) -> list[int]:
    if multiprocessing.parent_process() and 100 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(numbers)


def who(numbers: list[int]) -> int:
    return os.getpid()


@pytest.fixture
def pets(make_folder: Make) -> Path:
    """Forty pictures: two are one, one is none, one is large enough to wait for its turn."""
    folder = make_folder("pets", {"cat": 20, "dog": 20}, width=40, height=30)
    (folder / "cat" / "bad.png").write_bytes(b"no picture")
    shutil.copy(folder / "cat" / "000.png", folder / "cat" / "again.png")
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_the_same_comes_of_it_in_processes_and_in_threads(
    packed: bool, pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", pets)) if packed else pets
    threads = bring_in(open_workspace(str(tmp_path / "threads")), source)
    monkeypatch.setattr(parallel, "ENOUGH", 1)
    workspace = open_workspace(str(tmp_path / "processes"))
    processes = bring_in(workspace, source)
    assert processes.version.fingerprint == threads.version.fingerprint
    assert processes.refused == threads.refused != []
    assert processes.version.about == threads.version.about
    spec = PixelSpec(40)
    expected = [
        canonical(read_picture(workspace, one.hash), spec) for one in processes.version.items
    ]
    shutil.rmtree(workspace.pictures)  # so these pixels are those that ingest made
    found = open_pictures(workspace, catalog.run_record(processes.version, 0), spec)
    assert np.array_equal(found.pixels("all"), np.stack(expected))


def test_few_items_stay_in_this_process_and_many_leave_it() -> None:
    assert set(parallel.in_batches(who, iter(range(100)))) == {os.getpid()}
    count = parallel.ENOUGH
    assert os.getpid() not in set(parallel.in_batches(who, iter(range(count)), count=count))


def test_what_cannot_be_sent_stays_in_this_process() -> None:
    found = parallel.in_batches(lambda some: os.getpid(), iter(range(40)), count=parallel.ENOUGH)
    assert set(found) == {os.getpid()}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_process_that_is_killed_loses_no_item() -> None:
    found = parallel.in_batches(square_or_die, iter(range(300)), count=parallel.ENOUGH)
    assert [one for some in found for one in some] == [n * n for n in range(300)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_the_processes_end_with_the_ingest_that_is_killed(
    make_folder: Make, workspace: Workspace, tmp_path: Path
) -> None:
    folder = make_folder("pets", {"a": 300, "b": 300}, width=200, height=200)
    script = tmp_path / "bring.py"
    script.write_text(
        "from pathlib import Path\n"
        "from ml.data.ingest import bring_in as bringing; from ml.data.pixels import parallel\n"
        "from ml.workspace import open_workspace\n"
        "if __name__ == '__main__':\n"
        "    parallel.ENOUGH = 1\n"
        f"    bringing.bring_in(open_workspace({str(workspace.root)!r}), Path({str(folder)!r}))\n"
    )
    ingest = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": "."})
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


def test_processes_started_ahead_are_those_that_work_and_end_with_it() -> None:
    with parallel.starting_ahead(True):
        parallel._started[0].result()
        there = set(multiprocessing.active_children())
        assert there
        count = parallel.ENOUGH
        working = set(parallel.in_batches(who, iter(range(count)), count=count))
        assert working & {child.pid for child in there}
        assert os.getpid() not in working
    with parallel.starting_ahead(True):
        parallel._started[0].result()
        unused = multiprocessing.active_children()
    for child in unused:  # by their own means: whoever else waits for a child takes its end away,
        child.join(20)  # and the pool then waits for it for ever, in a loop
    assert unused
    assert not any(child.is_alive() for child in unused)


@pytest.mark.parametrize(("least", "many"), [(40, True), (100, False)])
def test_a_quick_look_tells_many_files_from_few(least: int, many: bool, pets: Path) -> None:
    assert walk.has_many(pets, least) is many
    assert not walk.has_many(pets / "nothing", least)
