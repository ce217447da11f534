"""Items in columns are the items that they were, in a fraction of the memory."""

import json
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.data.splits.splits import deal_folds, draw_test, pin_test, split_indices
from ml.data.store import version_file, versions
from ml.data.store.item_arrays import files_of, rows_in
from ml.data.store.packed_items import BLOCK, Packed
from ml.data.store.packer import SPILL, pack
from ml.data.store.versions import SPLITS, DatasetVersion, Item, load_version, write_version
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.ml.data.store.test_versions import ABOUT, ITEMS

CLASSES = ("a", "b é", "猫")


def many(count: int) -> list[Item]:
    return [
        Item(f"{n:064x}", n % 3, "test" if n % 7 == 0 else None, f"c/{n}") for n in range(count)
    ]


def beside(workspace: Workspace) -> Path:
    return workspace.datasets / "set" / "versions" / "1.items"


@given(made=ITEMS)
def test_packed_items_are_what_they_were(made: tuple[Item, ...]) -> None:
    packed = pack(made)
    assert packed == made
    assert made == packed
    assert len(packed) == len(made)
    assert tuple(packed) == made == tuple(packed[n] for n in range(len(made)))
    assert packed[::-1] == made[::-1] == tuple(packed[-n - 1] for n in range(len(made)))
    assert pickle.loads(pickle.dumps(packed)) == packed
    assert packed != (*made, Item("0" * 64, 0))
    for items in (packed, made):
        assert files_of(items, range(len(made))) == [item.file for item in made]
        with pytest.raises(IndexError):
            files_of(items, [len(made)])
    with pytest.raises(IndexError):
        packed[len(made)]


@given(made=ITEMS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_version_is_the_same_file_packed_or_not(
    made: tuple[Item, ...], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference is what all of it is as one value of JSON."""
    excluded = [n for n, item in enumerate(made) if item.excluded]
    whole = {
        "format": 2 if excluded else 1,
        "classes": CLASSES,
        "hash": [item.hash for item in made],
        "label": [item.label for item in made],
        "split": [SPLITS.index(item.split) if item.split else -1 for item in made],
        "file": [item.file for item in made],
        "group": {str(n): item.group for n, item in enumerate(made) if item.group is not None},
        "notes": {str(n): item.notes for n, item in enumerate(made) if item.notes},
        **({"excluded": excluded} if excluded else {}),
    }
    content = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    monkeypatch.setattr(version_file, "ROWS", 2)
    monkeypatch.setattr(versions, "MANY", 1)
    for items in (made, pack(made)):
        assert b"".join(version_file.pieces(CLASSES, items)) == content
    written = write_version(workspace, "set", CLASSES, made, ABOUT)
    found = load_version(workspace, "set")
    assert found == written
    assert isinstance(found.items, Packed) == bool(made)
    assert (found.counts, found.labels.tolist()) == (written.counts, [one.label for one in made])


def test_a_version_without_its_columns_is_read_and_gets_them(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those are that an earlier Lensmith wrote."""
    made = write_version(workspace, "set", CLASSES, many(50), ABOUT)
    assert not beside(workspace).exists(), "of few items there are none"
    monkeypatch.setattr(versions, "MANY", 50)
    first = load_version(workspace, "set")
    assert first == made
    assert beside(workspace).exists()
    second = load_version(workspace, "set")
    assert second == made
    assert isinstance(second.items, Packed)


@pytest.mark.parametrize("damage", ["bit", "half", "empty", "other"])
def test_columns_that_are_damaged_are_made_again(
    damage: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MANY", 50)
    made = write_version(workspace, "set", CLASSES, many(50), ABOUT)
    good = beside(workspace).read_bytes()
    write_version(workspace, "other", CLASSES, many(60), ABOUT)
    other = workspace.datasets / "other" / "versions" / "1.items"
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    bad = {"bit": bytes(flipped), "half": good[: len(good) // 2], "empty": b""}
    beside(workspace).write_bytes(other.read_bytes() if damage == "other" else bad[damage])
    assert load_version(workspace, "set") == made
    assert beside(workspace).read_bytes() == good


def test_a_version_that_was_changed_is_refused_whatever_its_columns_say(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MANY", 50)
    write_version(workspace, "set", CLASSES, many(50), ABOUT)
    path = beside(workspace).with_suffix(".json")
    path.write_bytes(path.read_bytes().replace(b"c/7", b"c/8"))
    with pytest.raises(BadInputError, match="was changed or is damaged"):
        load_version(workspace, "set")


def test_names_that_are_no_hashes_stay_as_they_are(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MANY", 1)
    made = (Item("A" * 64, 0, None, "x"), Item("short", 1))
    write_version(workspace, "set", CLASSES, made, ABOUT)
    assert load_version(workspace, "set").items == made


def test_to_open_a_version_and_pass_through_it_takes_no_memory(workspace: Workspace) -> None:
    """Counted, not timed: as ``Item``s they take over 400 bytes each."""
    count = 5 * versions.MANY
    write_version(workspace, "set", CLASSES, many(count), ABOUT)
    peaks = []
    for name in ("set", "few"):
        if name == "few":
            write_version(workspace, "few", CLASSES, many(versions.MANY), ABOUT)
        tracemalloc.start()
        version = load_version(workspace, name)
        assert sum(item.split == "test" for item in version.items) == -(-len(version.items) // 7)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] < 1.2 * peaks[1]
    assert peaks[0] < 20 * count


def test_columns_that_outgrow_what_is_held_are_whole(tmp_path: Path) -> None:
    made = many(2 * SPILL + BLOCK + 1)
    made[-1] = made[-1]._replace(group="g", notes=("turned",), excluded=True, file="")
    assert pack(made, tmp_path) == made
    nameless = [item._replace(file="") for item in made]
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
def test_packed_items_are_dealt_out_as_others(
    rows: list[tuple[int, int, str | None, int | None, bool]], seed: int
) -> None:
    items = tuple(
        Item(f"{picture:064x}", label, split, "", None if group is None else f"g{group}", (), out)
        for picture, label, split, group, out in rows
    )
    packed = pack(items)
    assert pin_test(CLASSES, packed) == pin_test(CLASSES, items)
    assert draw_test(packed, seed) == draw_test(items, seed)
    if not any(item.excluded for item in items):  # what is new is not
        new = [pin_test(CLASSES, one, earlier=one[:5]) for one in (items, packed)]
        assert new[0] == new[1]
    pool = np.arange(0, len(items), 2)
    folds = [[fold.tolist() for fold in deal_folds(one, pool, 3, seed)] for one in (items, packed)]
    assert folds[0] == folds[1]
    found = []
    for one in (items, packed):
        try:
            dealt = split_indices(DatasetVersion("x", 1, CLASSES, one, "", {}), seed)
            found.append({side: indices.tolist() for side, indices in dealt.items()})
        except BadInputError as error:
            found.append(str(error))
    assert found[0] == found[1]


@given(st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(0, 9), max_size=12))
def test_a_picture_is_found_where_it_is(there: list[int], wanted: list[int]) -> None:
    def digests(numbers: list[int]) -> np.ndarray:
        raw = b"".join(bytes([9, *[n] * 30, 9]) for n in numbers)
        return np.frombuffer(raw, np.uint8).reshape(-1, 32)

    for row, one in zip(rows_in(digests(there), digests(wanted)), wanted, strict=True):
        assert there[row] == one if row >= 0 else one not in there
