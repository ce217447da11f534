"""Uploads on disk: whatever they call themselves, they stay in their folder and keep apart."""

import errno
import os
import time
from pathlib import Path

import pytest

from dashboard.uploads import spool
from dashboard.uploads.spool import incoming, stage
from ml.data.file_names import safe_path
from ml.errors import WorkspaceError
from ml.workspace import Workspace

HOSTILE = [
    "../../b.png",
    "/etc/passwd",
    "C:\\Windows\\x.png",
    "..",
    "",
    "a/../../../x.png",
    "con.png",
    "a\x00b.png",
    "x" * 5000 + ".png",
    "名" * 300 + ".jpeg",
    "dot. ",
    "\ud800.png",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leaves_the_folder_or_is_too_long(workspace: Workspace, name: str) -> None:
    folder = stage(workspace, [(name, b"1")])
    (file,) = (path for path in folder.rglob("*") if path.is_file())
    assert file.resolve().is_relative_to(incoming(workspace).resolve())
    assert all(len(part.encode()) <= 200 for part in file.relative_to(folder).parts)
    assert file.read_bytes() == b"1"


def test_folders_and_names_in_any_script_are_kept() -> None:
    assert safe_path("pets/кошка/猫 1.png").parts == ("pets", "кошка", "猫 1.png")
    assert safe_path("a" * 300 + ".png").suffix == ".png"


def test_names_that_clash_also_by_case_are_told_apart(workspace: Workspace) -> None:
    folder = stage(workspace, [("a/x.png", b"1"), ("a/X.png", b"2"), ("a/x.png", b"3")])
    assert sorted(path.read_bytes() for path in (folder / "a").iterdir()) == [b"1", b"2", b"3"]
    assert len({path.name.lower() for path in (folder / "a").iterdir()}) == 3


def test_what_a_closed_server_left_is_removed_and_the_rest_is_not(workspace: Workspace) -> None:
    old, new = (stage(workspace, [("a.png", b"1")]) for _ in range(2))
    long_ago = time.time() - spool.ABANDONED_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    stage(workspace, [("b.png", b"1")])
    assert not old.exists()
    assert new.exists()


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WorkspaceError, match="The disk is full"):
        stage(workspace, [("a.png", b"1")])
    assert list(incoming(workspace).iterdir()) == []
