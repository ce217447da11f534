"""Packed items equal the items they are made of, in a fraction of the memory."""

import json
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.data.splits.splits import draw_test, pin_test, split_indices, stratified_group_folds
from ml.data.store import version_file, versions
from ml.data.store.item_arrays import files_of, find_rows
from ml.data.store.packed_items import BLOCK_ROWS, PackedItems
from ml.data.store.packer import SPILL_ROWS, pack
from ml.data.store.versions import SPLITS, DatasetVersion, Item, load_version, write_version
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.ml.data.store.test_versions import ABOUT, ITEMS

CLASSES = ("a", "b é", "猫")


def make_items(count: int) -> list[Item]:
    return [
        Item(f"{n:064x}", n % 3, "test" if n % 7 == 0 else None, f"c/{n}") for n in range(count)
    ]


def packed_path(workspace: Workspace) -> Path:
    return workspace.datasets / "set" / "versions" / "1.items"


@given(original=ITEMS)
def test_packed_items_equal_the_originals(original: tuple[Item, ...]) -> None:
    packed = pack(original)
    assert packed == original
    assert original == packed
    assert len(packed) == len(original)
    assert tuple(packed) == original == tuple(packed[n] for n in range(len(original)))
    assert packed[::-1] == original[::-1] == tuple(packed[-n - 1] for n in range(len(original)))
    assert pickle.loads(pickle.dumps(packed)) == packed
    assert packed != (*original, Item("0" * 64, 0))
    for items in (packed, original):
        assert files_of(items, range(len(original))) == [item.file for item in original]
        with pytest.raises(IndexError):
            files_of(items, [len(original)])
    with pytest.raises(IndexError):
        packed[len(original)]


@given(original=ITEMS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_version_file_is_the_same_for_packed_items(
    original: tuple[Item, ...], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference is the whole version as one JSON value."""
    excluded = [n for n, item in enumerate(original) if item.excluded]
    expected = {
        "format": 2 if excluded else 1,
        "classes": CLASSES,
        "hash": [item.hash for item in original],
        "label": [item.label for item in original],
        "split": [SPLITS.index(item.split) if item.split else -1 for item in original],
        "file": [item.file for item in original],
        "group": {str(n): item.group for n, item in enumerate(original) if item.group is not None},
        "notes": {str(n): item.notes for n, item in enumerate(original) if item.notes},
        **({"excluded": excluded} if excluded else {}),
    }
    content = json.dumps(expected, ensure_ascii=False, separators=(",", ":")).encode()
    monkeypatch.setattr(version_file, "CHUNK_ROWS", 2)
    monkeypatch.setattr(versions, "MIN_PACKED_ITEMS", 1)
    for items in (original, pack(original)):
        assert b"".join(version_file.encoded_chunks(CLASSES, items)) == content
    written = write_version(workspace, "set", CLASSES, original, ABOUT)
    loaded = load_version(workspace, "set")
    assert loaded == written
    assert isinstance(loaded.items, PackedItems) == bool(original)
    assert (loaded.counts, loaded.labels.tolist()) == (
        written.counts,
        [one.label for one in original],
    )


def test_loading_a_version_without_packed_file_writes_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier releases wrote no packed file."""
    written = write_version(workspace, "set", CLASSES, make_items(50), ABOUT)
    assert not packed_path(workspace).exists(), "a small version has no packed file"
    monkeypatch.setattr(versions, "MIN_PACKED_ITEMS", 50)
    first = load_version(workspace, "set")
    assert first == written
    assert packed_path(workspace).exists()
    second = load_version(workspace, "set")
    assert second == written
    assert isinstance(second.items, PackedItems)


@pytest.mark.parametrize("damage", ["bit", "half", "empty", "other"])
def test_damaged_packed_file_is_made_again(
    damage: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MIN_PACKED_ITEMS", 50)
    written = write_version(workspace, "set", CLASSES, make_items(50), ABOUT)
    good = packed_path(workspace).read_bytes()
    write_version(workspace, "other", CLASSES, make_items(60), ABOUT)
    other = workspace.datasets / "other" / "versions" / "1.items"
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    damaged = {"bit": bytes(flipped), "half": good[: len(good) // 2], "empty": b""}
    packed_path(workspace).write_bytes(other.read_bytes() if damage == "other" else damaged[damage])
    assert load_version(workspace, "set") == written
    assert packed_path(workspace).read_bytes() == good


def test_changed_version_is_refused_despite_intact_packed_file(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MIN_PACKED_ITEMS", 50)
    write_version(workspace, "set", CLASSES, make_items(50), ABOUT)
    path = packed_path(workspace).with_suffix(".json")
    path.write_bytes(path.read_bytes().replace(b"c/7", b"c/8"))
    with pytest.raises(BadInputError, match="was changed or is damaged"):
        load_version(workspace, "set")


def test_items_without_sha256_stay_unpacked(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MIN_PACKED_ITEMS", 1)
    original = (Item("A" * 64, 0, None, "x"), Item("short", 1))
    write_version(workspace, "set", CLASSES, original, ABOUT)
    assert load_version(workspace, "set").items == original


def test_iterating_over_packed_items_takes_little_memory(workspace: Workspace) -> None:
    """Unpacked, each ``Item`` takes over 400 bytes."""
    count = 5 * versions.MIN_PACKED_ITEMS
    write_version(workspace, "set", CLASSES, make_items(count), ABOUT)
    peaks = []
    for name in ("set", "few"):
        if name == "few":
            write_version(workspace, "few", CLASSES, make_items(versions.MIN_PACKED_ITEMS), ABOUT)
        tracemalloc.start()
        version = load_version(workspace, name)
        assert sum(item.split == "test" for item in version.items) == -(-len(version.items) // 7)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] < 1.2 * peaks[1]
    assert peaks[0] < 20 * count


def test_spilled_columns_hold_all_items(tmp_path: Path) -> None:
    original = make_items(2 * SPILL_ROWS + BLOCK_ROWS + 1)
    original[-1] = original[-1]._replace(group="g", notes=("turned",), excluded=True, file="")
    assert pack(original, tmp_path) == original
    nameless = [item._replace(file="") for item in original]
    assert pack(nameless, tmp_path) == nameless
    assert not list(tmp_path.iterdir()), "the files have no names"


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 2), st.sampled_from([None, *SPLITS]),
                  st.none() | st.integers(0, 4), st.booleans()),
        min_size=6, max_size=60,
    ),
    st.integers(0, 100),
)  # fmt: skip
def test_packed_items_get_the_same_splits(
    rows: list[tuple[int, int, str | None, int | None, bool]], seed: int
) -> None:
    items = tuple(
        Item(f"{picture:064x}", label, split, "", None if group is None else f"g{group}", (), out)
        for picture, label, split, group, out in rows
    )
    packed = pack(items)
    assert pin_test(CLASSES, packed) == pin_test(CLASSES, items)
    assert draw_test(packed, seed) == draw_test(items, seed)
    if not any(item.excluded for item in items):  # new items never are
        new = [pin_test(CLASSES, one, earlier=one[:5]) for one in (items, packed)]
        assert new[0] == new[1]
    pool = np.arange(0, len(items), 2)
    folds = [
        [fold.tolist() for fold in stratified_group_folds(one, pool, 3, seed)]
        for one in (items, packed)
    ]
    assert folds[0] == folds[1]
    outcomes = []
    for one in (items, packed):
        try:
            splits = split_indices(DatasetVersion("x", 1, CLASSES, one, "", {}), seed)
            outcomes.append({side: indices.tolist() for side, indices in splits.items()})
        except BadInputError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


@given(st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(0, 9), max_size=12))
def test_find_rows_gives_the_row_of_each_digest(stored: list[int], requested: list[int]) -> None:
    def digests(numbers: list[int]) -> np.ndarray:
        raw = b"".join(bytes([9, *[n] * 30, 9]) for n in numbers)
        return np.frombuffer(raw, np.uint8).reshape(-1, 32)

    for row, one in zip(find_rows(digests(stored), digests(requested)), requested, strict=True):
        assert stored[row] == one if row >= 0 else one not in stored
