"""Locks: a wait ends with a sentence, and a file that was left behind holds nobody up."""

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, SoftFileLock

from ml.errors import WorkspaceError
from ml.utils import locks
from ml.utils.locks import held

fcntl = pytest.importorskip("fcntl")


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", missing)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "TRY_SECONDS", 0.05)


def aged(path: Path, seconds: float) -> Path:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))
    return path


def test_lock_is_held_and_released(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with (
        held(path),
        pytest.raises(WorkspaceError, match="delete the lock"),
        held(path, seconds=0.1),
    ):
        pass
    with held(path, seconds=0.1):
        pass


def test_lock_file_of_before_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    path.touch()
    with held(path, seconds=0.1):
        pass


@pytest.mark.usefixtures("without_flock")
@pytest.mark.filterwarnings("ignore")
def test_file_without_an_owner_is_no_lock_after_a_moment(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    path.touch()
    with pytest.raises(WorkspaceError, match="in use"), held(path, seconds=0.2):
        pass
    aged(path, 60)
    with held(path, seconds=5):
        assert path.exists()


@pytest.mark.usefixtures("without_flock")
@pytest.mark.filterwarnings("ignore")
def test_lock_of_another_computer_counts_until_it_is_old(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with SoftFileLock(path):
        marker = path.read_bytes()
    foreign = marker.replace(os.uname().nodename.encode(), b"elsewhere")
    assert foreign != marker
    path.write_bytes(foreign)
    aged(path, 60)
    with pytest.raises(WorkspaceError, match="in use"), held(path, seconds=0.2):
        pass
    aged(path, 3600)
    with held(path, seconds=5):
        pass


def test_real_holder_is_never_taken_for_one_that_was_left(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with FileLock(path):
        aged(path, 10**6)
        with pytest.raises(WorkspaceError, match="in use"), held(path, seconds=0.2):
            pass
