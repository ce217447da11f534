"""An intake equals a plain count of the pictures, in a fraction of the memory."""

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

from ml.data.ingest import notes as ingest_notes
from ml.data.ingest.intake import AcceptedPicture, Intake
from ml.data.pixels.pixels import Facts
from ml.data.sources.entries import Entry, Files
from ml.data.sources.listing import Candidate
from ml.data.sources.walk import read_file, signed_entries
from ml.data.store import packer
from ml.data.store.versions import Item
from ml.errors import WorkspaceError
from ml.utils.files import write_json

ROWS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["cat", "dog", "é"]),
        st.sampled_from([None, "train", "test"]),
        st.sampled_from([(), ("turned",), ("turned", "made grey")]),
    ),
    max_size=30,
)


def make_intake(folder: Path, rows: list[tuple[int, str, str | None, tuple[str, ...]]]) -> Intake:
    intake = Intake(folder, [("x", "bad")])
    for n, (picture, label, split, notes) in enumerate(rows):
        candidate = Candidate(f"{label}/{n}", label, split, bytes, f"g{n % 2}" if n % 3 else None)
        facts = Facts(picture + 5, picture + 9, picture == 3, notes)
        intake.add(candidate, AcceptedPicture(f"{picture:064x}", facts, picture + 1))
    intake.close()
    return intake


@given(rows=ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_intake_equals_a_plain_count(
    rows: list[tuple[int, str, str | None, tuple[str, ...]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packer, "SPILL_ROWS", 4)
    intake = make_intake(tmp_path, rows)
    first: dict[tuple[int, str, str | None], int] = {}
    for n, row in enumerate(rows):
        first.setdefault(row[:3], n)
    expected = [rows[n] for n in first.values()]
    classes = tuple(sorted({label for _, label, _, _ in rows}))
    assert intake.labelled_by(classes) == [
        Item(f"{picture:064x}", classes.index(label), split, f"{label}/{n}",
             f"g{n % 2}" if n % 3 else None, notes)
        for n, (picture, label, split, notes) in zip(first.values(), expected, strict=True)
    ]  # fmt: skip
    assert intake.repeats == len(rows) - len(first)
    assert intake.accepted_classes == list(dict.fromkeys(label for _, label, _, _ in rows))
    assert intake.refused == [{"file": "x", "reason": "bad"}]
    if rows:
        assert intake.about == {
            "width": median_low([one[0] + 5 for one in expected]),
            "height": median_low([one[0] + 9 for one in expected]),
            "colour": any(one[0] == 3 for one in expected),
            "bytes": sum(one[0] + 1 for one in expected),
        }
    intake.select(np.array([one[1] == "cat" for one in expected], np.bool_))
    assert intake.accepted_classes == ["cat"] * any(one[1] == "cat" for one in expected)
    assert intake.about["bytes"] == sum(one[0] + 1 for one in expected if one[1] == "cat")


@given(rows=ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_notes_count_pictures_of_several_classes_and_splits(
    rows: list[tuple[int, str, str | None, tuple[str, ...]]], tmp_path: Path
) -> None:
    items = make_intake(tmp_path, rows).labelled_by(("cat", "dog", "é"))
    notes = list(ingest_notes.item_notes(items, ("cat", "dog", "é")))
    assert notes == list(ingest_notes.item_notes(tuple(items), ("cat", "dog", "é")))
    for column, phrase in ((1, "under more than one class"), (2, "in more than one split")):
        values_by_picture = Counter(
            picture for picture, _ in {(row[0], row[column]) for row in rows}
        )
        count = sum(times > 1 for times in values_by_picture.values())
        matching = [line for line in notes if phrase in line]
        assert [line.split()[0] for line in matching] == [str(count)] * bool(count)
    assert ingest_notes.decoding_changes(items) == [
        {"file": item.file, "change": "; ".join(item.notes)} for item in items if item.notes
    ]


def large_intake(folder: Path, count: int) -> Intake:
    intake = Intake(folder)
    for n in range(count):
        candidate = Candidate(f"c/{n:08}.png", "c", None, bytes)
        intake.add(candidate, AcceptedPicture(f"{n:064x}", Facts(8, 8, True), 200))
    return intake


def test_memory_of_an_intake_does_not_grow_with_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As objects, each picture takes over 900 bytes."""
    monkeypatch.setattr(packer, "SPILL_ROWS", 1024)
    peaks = []
    for count in (2048, 16_384):
        tracemalloc.start()
        intake = large_intake(tmp_path, count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        intake.close()
        assert len(intake.items) == count
    assert peaks[1] < 1.1 * peaks[0]


def test_missing_spill_folder_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="could not be written"):
        large_intake(tmp_path / "gone", packer.SPILL_ROWS)


def test_files_of_a_folder_are_listed_in_little_memory(tmp_path: Path) -> None:
    names = ["1.png", "é.png", os.fsdecode(b"\xff.png"), "10.png"]
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    for name in names:
        try:
            (folder / name).write_bytes(name.encode("utf-8", "surrogatepass"))
        except OSError:  # a file system of Unicode alone
            names.remove(name)
    files = signed_entries(tmp_path)[0]
    assert (
        [entry.parts for entry in files]
        == list(files.parts())
        == [entry.parts for entry in files[:]]
    )
    assert {entry.parts for entry in files} == {("deep", "er", name) for name in names}
    assert all(entry.read() == entry.parts[-1].encode("utf-8", "surrogatepass") for entry in files)
    assert (files[-1].parts, len(files)) == (files[len(files) - 1].parts, len(names))

    tracemalloc.start()
    listing = Files(read_file)
    listing.add_folder("/somewhere", ("some",))
    for n in range(20_000):
        listing.add(f"{n:08}.png")
    peak = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert peak < 40 * len(listing)
    assert isinstance(listing[7], Entry)
    assert [entry.parts for entry in listing][:2] == [("some", f"{n:08}.png") for n in range(2)]


def test_json_written_in_chunks_equals_json_dumps(tmp_path: Path) -> None:
    value = {"a": list(range(20_000)), "é": [1.5, None, {"b": "\udc80"}]}
    write_json(tmp_path / "x.json", value)
    expected = json.dumps(value, ensure_ascii=False, indent=1)
    assert (tmp_path / "x.json").read_bytes() == expected.encode("utf-8", "backslashreplace")
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", [0] * 20_000 + [float("nan")])
    assert (tmp_path / "x.json").read_bytes() == expected.encode("utf-8", "backslashreplace")
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
