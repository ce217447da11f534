"""Removal of the orphans of interrupted ingests, and of nothing else."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.data.ingest import orphans
from ml.data.ingest.bring_in import bring_in
from ml.data.ingest.orphans import MIN_ORPHAN_AGE_SECONDS, ingest_marker, remove_orphans
from ml.data.store import originals
from ml.data.store.originals import picture_path
from ml.data.store.versions import dataset_names, load_version, write_picture
from ml.errors import WorkspaceError
from ml.presets import default_pixels
from ml.runs.status import identity
from ml.workspace import Workspace

Make = Callable[..., Path]

SLOW = """
import os, sys, time
from ml.data.ingest import take_in as taking
real = taking.write_picture
def slow(workspace, data):
    os.write(1, b"one\\n")
    time.sleep(0.05)
    return real(workspace, data)
taking.write_picture = slow
from ml.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def orphan(workspace: Workspace, data: bytes, age_seconds: float) -> Path:
    path = picture_path(workspace, write_picture(workspace, data))
    os.utime(path, (time.time() - age_seconds,) * 2)
    return path


def mark(workspace: Workspace, process: dict[str, object], age: float) -> Path:
    path = workspace.datasets / ".ingests" / f"{len(process)}{age}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(process), encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


DEAD = {**identity(), "pid": 2**22 - 1, "started": 1.0}


def test_old_orphans_are_removed_and_named_pictures_stay(
    make_folder: Make, workspace: Workspace
) -> None:
    folder = make_folder("pets", {"cat": 3, "dog": 3})
    first = bring_in(workspace, folder, "pets").version
    (folder / "cat" / "000.png").unlink()
    bring_in(workspace, folder, "pets")  # version 1 alone names that picture now
    for path in workspace.pictures.rglob("*"):
        os.utime(path, (1, 1))
    old = orphan(workspace, b"old", MIN_ORPHAN_AGE_SECONDS + 10)
    young = orphan(workspace, b"young", 10)
    half = old.with_name(f".{old.name}.1234.part")
    half.write_bytes(b"o")
    os.utime(half, (1, 1))
    assert remove_orphans(workspace) == (2, 1)
    assert not old.exists()
    assert not half.exists()
    assert young.exists()
    assert all(picture_path(workspace, item.hash).exists() for item in first.items)


def test_ingest_removes_orphans_only_after_an_interrupted_one(
    make_folder: Make, workspace: Workspace
) -> None:
    old = orphan(workspace, b"old", MIN_ORPHAN_AGE_SECONDS + 10)
    bring_in(workspace, make_folder("one", {"a": 2, "b": 2}))
    assert old.exists()  # nothing says that an ingest was cut off
    marker = mark(workspace, DEAD, MIN_ORPHAN_AGE_SECONDS + 10)
    bring_in(workspace, make_folder("two", {"a": 2, "b": 2}))
    assert not old.exists()
    assert not marker.exists()


def test_no_orphan_is_removed_while_an_ingest_runs(workspace: Workspace) -> None:
    old = orphan(workspace, b"old", MIN_ORPHAN_AGE_SECONDS + 10)
    dead_marker = mark(workspace, DEAD, MIN_ORPHAN_AGE_SECONDS + 10)
    foreign_marker = mark(workspace, {**DEAD, "host": "another"}, 600)
    with ingest_marker(workspace):
        assert old.exists()
    foreign_marker.unlink()
    with ingest_marker(workspace), ingest_marker(workspace):
        assert not old.exists()
    assert not dead_marker.exists()


def test_marker_stays_until_no_orphan_is_left(workspace: Workspace) -> None:
    marker = mark(workspace, DEAD, MIN_ORPHAN_AGE_SECONDS + 10)
    young = orphan(workspace, b"young", 10)
    with ingest_marker(workspace):
        pass
    assert marker.exists()
    os.utime(young, (1, 1))
    with ingest_marker(workspace):
        pass
    assert not young.exists()
    assert not marker.exists()


def test_unreadable_version_stops_the_removal_of_orphans(
    make_folder: Make, workspace: Workspace
) -> None:
    version = bring_in(workspace, make_folder("pets", {"a": 2, "b": 2})).version
    path = picture_path(workspace, version.items[0].hash)
    os.utime(path, (1, 1))
    (workspace.datasets / "pets" / "versions" / "1.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="Expecting"):
        remove_orphans(workspace)
    assert path.exists()
    mark(workspace, DEAD, MIN_ORPHAN_AGE_SECONDS + 10)
    bring_in(workspace, make_folder("more", {"a": 2, "b": 2}))  # goes on all the same
    assert path.exists()


def test_cache_files_that_no_index_names_are_removed(
    make_folder: Make, workspace: Workspace
) -> None:
    bring_in(workspace, make_folder("pets", {"a": 3, "b": 3}), pixels_for=default_pixels)
    (cache,) = (workspace.datasets / "pets" / "cache").iterdir()
    named = sorted(cache.glob("*.npy"))
    assert named
    (cache / "pixels-dead.npy").write_bytes(b"half")
    for path in cache.iterdir():
        os.utime(path, (1, 1))
    assert remove_orphans(workspace) == (1, 0)
    assert sorted(cache.glob("*.npy")) == named


def test_ingest_that_fills_the_disk_removes_what_it_wrote(
    make_folder: Make, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = bring_in(workspace, make_folder("kept", {"a": 2, "b": 2})).version
    before = sorted(path for path in workspace.pictures.rglob("*") if path.is_file())
    real, written = originals._create, []

    def full(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) > 30:
            raise OSError(28, "No space left on device", str(path))
        real(path, data)

    monkeypatch.setattr(originals, "_create", full)
    with pytest.raises(WorkspaceError, match="disk is full"):
        bring_in(workspace, make_folder("big", {"a": 30, "b": 30}))
    assert sorted(path for path in workspace.pictures.rglob("*") if path.is_file()) == before
    assert all(picture_path(workspace, item.hash).exists() for item in earlier.items)
    assert not (workspace.datasets / "big").exists()


def test_full_disk_keeps_pictures_of_another_running_ingest(workspace: Workspace) -> None:
    with ingest_marker(workspace):
        other = orphan(workspace, b"of another", 0)
        with pytest.raises(WorkspaceError), ingest_marker(workspace):
            raise WorkspaceError("The disk is full.")
        assert other.exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_killed_ingest_leaves_no_version_and_no_cache(
    how: signal.Signals,
    make_folder: Make,
    workspace: Workspace,
    python: Callable[..., "subprocess.Popen[str]"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = make_folder("pets", {"cat": 100, "dog": 100})
    child = python(SLOW, "ingest", folder, "--workspace", workspace.root)
    assert child.stdout is not None
    for _ in range(20):
        assert child.stdout.readline() == "one\n"
    child.send_signal(how)
    _, err = child.communicate(timeout=20)
    assert child.returncode == (130 if how == signal.SIGTERM else -signal.SIGKILL)
    assert "Traceback" not in err
    assert dataset_names(workspace) == []
    if how == signal.SIGTERM:
        assert not (workspace.datasets / "pets").exists()
    leftover = [path for path in workspace.pictures.rglob("*") if path.is_file()]
    assert len(leftover) >= 15
    monkeypatch.setattr(orphans, "MIN_ORPHAN_AGE_SECONDS", -1)
    bring_in(workspace, make_folder("other", {"a": 2, "b": 2}), pixels_for=default_pixels)
    assert not [path for path in leftover if path.exists()]
    caches = list(workspace.datasets.rglob("pixels-*.npy"))
    assert {path.relative_to(workspace.datasets).parts[0] for path in caches} == {"other"}
    assert len(bring_in(workspace, folder).version.items) == 200
    assert load_version(workspace, "pets").version == 1
