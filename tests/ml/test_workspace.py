"""A workspace is made, found again, and refused with a sentence where it cannot be used."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml import __version__
from ml.errors import WorkspaceError
from ml.workspace import SCHEMA, default_root, open_workspace


def test_a_new_workspace_has_its_folders_and_its_version(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "deep" / "down")
    for folder in (workspace.runs, workspace.datasets, workspace.pictures):
        assert folder.is_dir()
        assert folder.parent == workspace.root
    assert json.loads((workspace.root / "schema.json").read_text()) == {
        "schema": SCHEMA,
        "lensmith": __version__,
    }


def test_everything_lies_inside_under_a_name_of_its_own(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    names = [name for name, item in vars(type(workspace)).items() if isinstance(item, property)]
    assert {"runs", "trash", "datasets", "pictures", "features", "machine"} <= set(names)
    assert {getattr(workspace, name) for name in names} == {tmp_path / name for name in names}


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    (workspace.runs / "kept").mkdir()
    before = (tmp_path / "schema.json").stat()
    assert open_workspace(str(tmp_path)) == workspace
    assert (tmp_path / "schema.json").stat() == before
    assert (workspace.runs / "kept").is_dir()


def test_the_root_is_what_the_environment_says_else_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LENSMITH_WORKSPACE", "there")
    assert default_root() == tmp_path.resolve() / "there"
    monkeypatch.setenv("LENSMITH_WORKSPACE", "")
    assert default_root() == tmp_path.resolve() / "workspace"
    monkeypatch.delenv("LENSMITH_WORKSPACE")
    assert default_root() == tmp_path.resolve() / "workspace"


def test_a_workspace_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    open_workspace(tmp_path)
    content = json.dumps({"schema": SCHEMA + 1, "lensmith": "9.9"})
    (tmp_path / "schema.json").write_text(content)
    with pytest.raises(WorkspaceError, match=r"newer Lensmith \(9.9\).*Update Lensmith"):
        open_workspace(tmp_path)
    assert (tmp_path / "schema.json").read_text() == content


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"schema": "1"}', "{}", '{"schema": true}']
)
def test_a_damaged_version_file_is_refused_and_not_overwritten(
    content: str, tmp_path: Path
) -> None:
    open_workspace(tmp_path)
    (tmp_path / "schema.json").write_text(content)
    with pytest.raises(WorkspaceError, match="another workspace"):
        open_workspace(tmp_path)
    assert (tmp_path / "schema.json").read_text() == content


def test_a_file_where_the_workspace_should_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="is a file"):
        open_workspace(tmp_path / "file")
    with pytest.raises(WorkspaceError, match="could not be written"):
        open_workspace(tmp_path / "file" / "below")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows expands no user names")
def test_the_home_of_nobody_is_a_sentence() -> None:
    with pytest.raises(WorkspaceError, match="no home folder"):
        open_workspace("~nobody-of-that-name/workspace")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a disk that cannot be written to")
@pytest.mark.parametrize("made_before", [True, False])
def test_a_read_only_disk_is_a_sentence(made_before: bool, tmp_path: Path) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], capture_output=True
    ).returncode:
        pytest.skip("only an administrator can mount a disk")
    try:
        if made_before:
            open_workspace(tmp_path)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        with pytest.raises(WorkspaceError, match=r"cannot be written to.*LENSMITH_WORKSPACE"):
            open_workspace(tmp_path)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_many_that_open_a_new_workspace_at_once_all_succeed(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    code = (
        "import sys; from ml.workspace import open_workspace\n"
        "print('ready', flush=True); input()\n"
        "for turn in range(40): open_workspace(f'{sys.argv[1]}/{turn}')"
    )
    openers = [python(code, tmp_path) for _ in range(3)]
    for opener in openers:
        assert opener.stdout.readline() == "ready\n", opener.stderr.read()
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    for opener in openers:
        assert opener.wait() == 0, opener.stderr.read()


def test_workspace_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    open_workspace(root)
    assert open_workspace(root, must_exist=True).root == root
    root.rename(tmp_path / "renamed")
    with pytest.raises(WorkspaceError, match="renamed, moved or removed"):
        open_workspace(root, must_exist=True)
    assert not root.exists()
