"""What was taken in is counted in columns: the same as one by one, in a fraction of the memory."""

import json
import os
import tracemalloc
from collections import Counter
from pathlib import Path
from statistics import median_low

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.data.ingest import remarks
from ml.data.ingest.take_in_counts import Taken, Tally
from ml.data.pixels.pixels import Facts
from ml.data.sources.entries import Entry, Files
from ml.data.sources.listing import Candidate
from ml.data.sources.walk import read_file, signed_entries
from ml.data.store import packer
from ml.data.store.versions import Item
from ml.errors import WorkspaceError
from ml.utils.files import write_json

COMING = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["cat", "dog", "é"]),
        st.sampled_from([None, "train", "test"]),
        st.sampled_from([(), ("turned",), ("turned", "made grey")]),
    ),
    max_size=30,
)


def tallied(folder: Path, rows: list[tuple[int, str, str | None, tuple[str, ...]]]) -> Tally:
    tally = Tally(folder, [("x", "bad")])
    for n, (picture, label, split, notes) in enumerate(rows):
        candidate = Candidate(f"{label}/{n}", label, split, bytes, f"g{n % 2}" if n % 3 else None)
        facts = Facts(picture + 5, picture + 9, picture == 3, notes)
        tally.add(candidate, Taken(f"{picture:064x}", facts, picture + 1))
    tally.close()
    return tally


@given(rows=COMING)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_counted_is_what_came(
    rows: list[tuple[int, str, str | None, tuple[str, ...]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packer, "SPILL_ROWS", 4)
    tally = tallied(tmp_path, rows)
    first: dict[tuple[int, str, str | None], int] = {}
    for n, row in enumerate(rows):
        first.setdefault(row[:3], n)
    kept = [rows[n] for n in first.values()]
    classes = tuple(sorted({label for _, label, _, _ in rows}))
    assert tally.numbered(classes) == [
        Item(f"{picture:064x}", classes.index(label), split, f"{label}/{n}",
             f"g{n % 2}" if n % 3 else None, notes)
        for n, (picture, label, split, notes) in zip(first.values(), kept, strict=True)
    ]  # fmt: skip
    assert tally.twice == len(rows) - len(first)
    assert tally.taken == list(dict.fromkeys(label for _, label, _, _ in rows))
    assert tally.refused == [{"file": "x", "reason": "bad"}]
    if rows:
        assert tally.about == {
            "width": median_low([one[0] + 5 for one in kept]),
            "height": median_low([one[0] + 9 for one in kept]),
            "colour": any(one[0] == 3 for one in kept),
            "bytes": sum(one[0] + 1 for one in kept),
        }
    tally.keep(np.array([one[1] == "cat" for one in kept], np.bool_))
    assert tally.taken == ["cat"] * any(one[1] == "cat" for one in kept)
    assert tally.about["bytes"] == sum(one[0] + 1 for one in kept if one[1] == "cat")


@given(rows=COMING)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_remarks_count_pictures_of_several_classes_and_splits(
    rows: list[tuple[int, str, str | None, tuple[str, ...]]], tmp_path: Path
) -> None:
    items = tallied(tmp_path, rows).numbered(("cat", "dog", "é"))
    told = list(remarks.of_items(items, ("cat", "dog", "é")))
    assert told == list(remarks.of_items(tuple(items), ("cat", "dog", "é")))
    for place, words in ((1, "under more than one class"), (2, "in more than one split")):
        several = Counter(picture for picture, _ in {(row[0], row[place]) for row in rows})
        count = sum(times > 1 for times in several.values())
        found = [line for line in told if words in line]
        assert [line.split()[0] for line in found] == [str(count)] * bool(count)
    assert remarks.changes(items) == [
        {"file": item.file, "change": "; ".join(item.notes)} for item in items if item.notes
    ]


def counted(folder: Path, count: int) -> Tally:
    tally = Tally(folder)
    for n in range(count):
        candidate = Candidate(f"c/{n:08}.png", "c", None, bytes)
        tally.add(candidate, Taken(f"{n:064x}", Facts(8, 8, True), 200))
    return tally


def test_to_count_a_picture_more_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: as objects they take over 900 bytes each."""
    monkeypatch.setattr(packer, "SPILL_ROWS", 1024)
    peaks = []
    for count in (2048, 16_384):
        tracemalloc.start()
        tally = counted(tmp_path, count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        tally.close()
        assert len(tally.items) == count
    assert peaks[1] < 1.1 * peaks[0]


def test_a_disk_that_is_full_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="could not be written"):
        counted(tmp_path / "gone", packer.SPILL_ROWS)


def test_the_files_of_a_folder_are_listed_in_little_memory(tmp_path: Path) -> None:
    names = ["1.png", "é.png", os.fsdecode(b"\xff.png"), "10.png"]
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    for name in names:
        try:
            (folder / name).write_bytes(name.encode("utf-8", "surrogatepass"))
        except OSError:  # a file system of Unicode alone
            names.remove(name)
    files = signed_entries(tmp_path)[0]
    assert [one.parts for one in files] == list(files.parts()) == [one.parts for one in files[:]]
    assert {one.parts for one in files} == {("deep", "er", name) for name in names}
    assert all(one.read() == one.parts[-1].encode("utf-8", "surrogatepass") for one in files)
    assert (files[-1].parts, len(files)) == (files[len(files) - 1].parts, len(names))

    tracemalloc.start()
    many = Files(read_file)
    many.add_folder("/somewhere", ("some",))
    for n in range(20_000):
        many.add(f"{n:08}.png")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 40 * len(many)
    assert isinstance(many[7], Entry)
    assert [one.parts for one in many][:2] == [("some", f"{n:08}.png") for n in range(2)]


def test_json_in_pieces_is_json(tmp_path: Path) -> None:
    value = {"a": list(range(20_000)), "é": [1.5, None, {"b": "\udc80"}]}
    write_json(tmp_path / "x.json", value)
    whole = json.dumps(value, ensure_ascii=False, indent=1)
    assert (tmp_path / "x.json").read_bytes() == whole.encode("utf-8", "backslashreplace")
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", [0] * 20_000 + [float("nan")])
    assert (tmp_path / "x.json").read_bytes() == whole.encode("utf-8", "backslashreplace")
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
