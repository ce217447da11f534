"""Each original is stored once, and a changed version file is refused."""

import errno
import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.data.store.versions import (
    Item,
    latest,
    load_version,
    picture_path,
    read_picture,
    read_summary,
    write_picture,
    write_version,
)
from ml.errors import BadInputError, WorkspaceError
from ml.workspace import Workspace

ABOUT = {"width": 4, "height": 3, "colour": True, "bytes": 12}
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
ITEMS = st.lists(
    st.builds(
        Item,
        HASHES,
        st.integers(0, 2),
        st.sampled_from([None, "train", "val", "test"]),
        NAMES,
        st.none() | NAMES,
        st.lists(NAMES, max_size=2).map(tuple),
        st.booleans(),
    ),
    max_size=12,
).map(tuple)


def items(count: int = 3) -> tuple[Item, ...]:
    return tuple(Item(f"{n:064x}", n % 2, None, f"{n}.png") for n in range(count))


@given(original=ITEMS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_loaded_version_equals_the_written_one(
    original: tuple[Item, ...], workspace: Workspace
) -> None:
    classes = ("a", "b é", "猫")
    written = write_version(workspace, "set", classes, original, ABOUT)
    assert load_version(workspace, "set", written.version) == written
    excluded = sum(item.excluded for item in original)
    assert sum(written.counts.values()) == len(original) - excluded
    assert read_summary(workspace, "set")["excluded"] == excluded


def test_only_changed_items_make_a_new_version(workspace: Workspace) -> None:
    first = write_version(workspace, "set", ("a", "b"), items(), ABOUT)
    again = write_version(workspace, "set", ("a", "b"), items(), ABOUT, source={"signature": "new"})
    assert (again.version, again.fingerprint) == (1, first.fingerprint)
    assert read_summary(workspace, "set")["source"] == {"signature": "new"}
    second = write_version(workspace, "set", ("a", "b"), items(4), ABOUT)
    assert second.version == latest(workspace, "set") == 2
    assert load_version(workspace, "set", 1) == first


def test_fingerprint_depends_on_pictures_and_labels_not_on_name(
    workspace: Workspace,
) -> None:
    one = write_version(workspace, "one", ("a", "b"), items(), ABOUT)
    other = write_version(workspace, "other", ("a", "b"), items(), ABOUT)
    moved = write_version(workspace, "moved", ("a", "b"), (items()[0]._replace(label=1),), ABOUT)
    assert one.fingerprint == other.fingerprint != moved.fingerprint


def test_fingerprints_of_earlier_versions_stay_valid(workspace: Workspace) -> None:
    """Runs of earlier releases record this fingerprint and check it."""
    original = (
        Item("a" * 64, 0, "test", "x/ü.png", "g", ("turned",)),
        Item("b" * 64, 1, None, "y.png"),
    )
    written = write_version(workspace, "set", ("a", "b"), original, ABOUT)
    assert written.fingerprint == "8f7659cfed43295deb4ddceba50466ea14003514404d8fb38235f90c0704d958"
    content = json.loads((workspace.datasets / "set" / "versions" / "1.json").read_bytes())
    assert content["format"] == 1
    with_excluded = (original[0], original[1]._replace(excluded=True))
    assert (
        write_version(workspace, "set", ("a", "b"), with_excluded, ABOUT).fingerprint
        != written.fingerprint
    )
    assert load_version(workspace, "set", 1).items == original
    assert load_version(workspace, "set", 2).items == with_excluded


def test_a_version_may_be_empty(workspace: Workspace) -> None:
    about = {"width": 0, "height": 0, "colour": False, "bytes": 0}
    written = write_version(workspace, "set", ("cat", "dog"), (), about)
    assert load_version(workspace, "set") == written
    assert written.counts == {"cat": 0, "dog": 0}
    assert read_summary(workspace, "set")["classes"] == {"cat": 0, "dog": 0}


def test_summary_has_time_parent_and_change(workspace: Workspace) -> None:
    began = time.time()
    write_version(workspace, "set", ("a", "b"), items(), ABOUT, change="Brought in from pets.")
    first = read_summary(workspace, "set")
    assert began - 1 < first["time"] < time.time() + 1
    assert (first["parent"], first["change"]) == (0, "Brought in from pets.")
    write_version(workspace, "set", ("a", "b"), items(2), ABOUT, parent=1, change="1 deleted.")
    second = read_summary(workspace, "set")
    assert (second["version"], second["parent"], second["change"]) == (2, 1, "1 deleted.")
    write_version(workspace, "set", ("a", "b"), items(2), ABOUT, parent=2, change="Nothing.")
    assert read_summary(workspace, "set") == second


def test_a_version_of_a_newer_lensmith_is_refused(workspace: Workspace) -> None:
    written = write_version(workspace, "set", ("a", "b"), items(), ABOUT)
    folder = workspace.datasets / "set" / "versions"
    content = (folder / "1.json").read_bytes().replace(b'"format":1', b'"format":3')
    (folder / "1.json").write_bytes(content)
    summary = (folder / "1.summary.json").read_text(encoding="utf-8")
    digest = hashlib.sha256(content).hexdigest()
    (folder / "1.summary.json").write_text(summary.replace(written.fingerprint, digest))
    with pytest.raises(BadInputError, match="newer Lensmith"):
        load_version(workspace, "set")


def test_a_version_that_was_changed_by_hand_is_refused(workspace: Workspace) -> None:
    write_version(workspace, "set", ("a", "b"), items(), ABOUT)
    path = workspace.datasets / "set" / "versions" / "1.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["label"][0] = 1
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BadInputError, match="changed or is damaged"):
        load_version(workspace, "set")


def test_without_version_file_there_is_no_version(workspace: Workspace) -> None:
    folder = workspace.datasets / "half" / "versions"
    folder.mkdir(parents=True)
    (folder / "1.summary.json").write_text("{}", encoding="utf-8")
    (folder / ".1.json.part").write_text("{", encoding="utf-8")
    assert latest(workspace, "half") == 0
    with pytest.raises(BadInputError, match="no data set half"):
        load_version(workspace, "half")


def test_a_picture_is_kept_once_under_its_hash(workspace: Workspace) -> None:
    digest = write_picture(workspace, b"some bytes")
    path = picture_path(workspace, digest)
    written = path.stat().st_mtime_ns
    assert write_picture(workspace, b"some bytes") == digest
    assert path.stat().st_mtime_ns == written
    assert read_picture(workspace, digest) == b"some bytes"
    assert [file.name for file in workspace.pictures.rglob("*") if file.is_file()] == [digest]


@pytest.mark.parametrize("damage", [b"some byteZ", b"some", b""])
def test_damaged_picture_is_refused_and_rewritten_by_next_write(
    damage: bytes, workspace: Workspace
) -> None:
    digest = write_picture(workspace, b"some bytes")
    picture_path(workspace, digest).write_bytes(damage)
    with pytest.raises(BadInputError, match="damaged"):
        read_picture(workspace, digest)
    write_picture(workspace, b"some bytes")
    assert read_picture(workspace, digest) == b"some bytes"


def test_full_disk_leaves_no_partial_picture(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = os.write, []

    def full(handle: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[:4])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(WorkspaceError, match="disk is full"):
        write_picture(workspace, b"some bytes")
    assert calls == [10, 6]
    assert [file.stat().st_size for file in workspace.pictures.rglob("*") if file.is_file()] == [0]
    assert read_picture(workspace, write_picture(workspace, b"some bytes")) == b"some bytes"


@pytest.mark.parametrize("name", ["../../etc/passwd", "ab", "", "A" * 64, "a" * 64 + "/"])
def test_only_a_hash_names_a_picture(name: str, workspace: Workspace) -> None:
    with pytest.raises(BadInputError):
        picture_path(workspace, name)


@pytest.mark.parametrize("name", ["", ".", "..", "../datasets/set", "set/../set", "a\\b", "a\0b"])
def test_dataset_name_cannot_escape_its_folder(name: str, workspace: Workspace) -> None:
    write_version(workspace, "set", ("a", "b"), items(), ABOUT)
    with pytest.raises(BadInputError, match="cannot be the name"):
        load_version(workspace, name)


def test_a_missing_picture_says_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="Bring the data set in again"):
        read_picture(workspace, "0" * 64)
