"""A write leaves the old file or the new one, whatever happens in between."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import WorkspaceError
from ml.utils import files
from ml.utils.files import explain_os_error, read_json, sha256_of, write_atomically, write_json

HANGING_WRITER = """
import sys, time
from pathlib import Path
from ml.utils import files
{patch}
def write(file):
    file.write(b"new" * 100000)
    {inside}
files.write_atomically(Path(sys.argv[1]), write)
"""


@pytest.mark.parametrize(
    ("patch", "inside"),
    [
        ("", "file.flush(); print('here', flush=True); time.sleep(60)"),
        ("files.os.fsync = lambda number: (print('here', flush=True), time.sleep(60))", ""),
        ("files._replace = lambda a, b: (print('here', flush=True), time.sleep(60))", ""),
    ],
    ids=["half written", "not flushed", "not moved"],
)
def test_a_writer_that_is_killed_leaves_the_old_file(
    patch: str, inside: str, tmp_path: Path, python: Callable[..., Any]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    writer = python(HANGING_WRITER.format(patch=patch, inside=inside), path)
    assert writer.stdout.readline() == "here\n", writer.stderr.read()
    writer.kill()
    writer.wait()
    assert path.read_bytes() == b"old"
    assert not [
        name for name in tmp_path.iterdir() if not name.name.startswith(".") and name != path
    ]


def test_a_reader_sees_old_or_new_while_another_process_writes(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    path = tmp_path / "value.json"
    write_json(path, ["0"] * 5000)
    code = (
        "import sys; from pathlib import Path; from ml.utils.files import write_json\n"
        "for turn in range(60): write_json(Path(sys.argv[1]), [str(turn)] * 5000)"
    )
    writer, seen = python(code, path), set()
    while writer.poll() is None:
        value = json.loads(path.read_bytes())
        assert len(value) == 5000
        assert len(set(value)) == 1
        seen.add(value[0])
    assert writer.returncode == 0
    assert len(seen) > 1


def test_an_error_while_writing_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WorkspaceError, match="The disk is full, so file could not be written"):
        write_atomically(path, fail)
    assert [(item.name, item.read_bytes()) for item in tmp_path.iterdir()] == [("file", b"old")]


def test_writing_where_there_is_no_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="could not be written: No such file"):
        write_json(tmp_path / "gone" / "value.json", 1)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EROFS, "cannot be written to"),
        (errno.EACCES, "cannot be written to"),
        (errno.EPERM, "cannot be written to"),
        (errno.EIO, "Input/output error. Try again"),
    ],
)
def test_every_failed_write_says_what_to_do(number: int, sentence: str) -> None:
    message = str(
        explain_os_error(OSError(number, os.strerror(number)), Path("/w/runs/value.json"))
    )
    assert sentence in message
    assert message.endswith(".")
    assert "\n" not in message


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(json_values)
def test_json_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    path = tmp_path_factory.mktemp("json") / "value.json"
    write_json(path, value)
    assert read_json(path) == value
    path.read_text(encoding="utf-8")


def test_not_a_number_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, 1)
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"loss": float("nan")})
    assert read_json(path) == 1


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"])
def test_what_cannot_be_read_gives_the_default(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    if content is not None:
        path.write_bytes(content)
    assert read_json(path, "default") == "default"


def test_a_replace_that_a_reader_blocks_on_windows_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, tries = tmp_path / "new", tmp_path / "old", []
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    replace = Path.replace

    def blocked_twice(self: Path, to: Path) -> Path:
        tries.append(1)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "The file is being used by another process")
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", blocked_twice)
    if os.name != "nt":
        with pytest.raises(PermissionError):
            files._replace(source, target)
        tries.clear()
    monkeypatch.setattr(files, "ON_WINDOWS", True)
    files._replace(source, target)
    assert target.read_bytes() == b"new"
    assert len(tries) == 3


def test_the_hash_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    assert sha256_of(path) == hashlib.sha256(b"x" * 3_000_000).hexdigest()


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_a_disk_that_is_really_full_is_a_sentence(tmp_path: Path) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True
    ).returncode:
        pytest.skip("only an administrator can mount a disk")
    try:
        path = tmp_path / "value.json"
        write_json(path, "old")
        with pytest.raises(WorkspaceError, match="The disk is full"):
            write_json(path, "x" * 200_000)
        assert [item.name for item in tmp_path.iterdir()] == ["value.json"]
        assert read_json(path) == "old"
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        with pytest.raises(WorkspaceError, match="cannot be written to"):
            write_json(path, "new")
        assert read_json(path) == "old"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
