"""The layouts that people have."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.data.sources.listing import SOURCES, Listing
from ml.data.sources.registry import list_source, natural, signature
from ml.data.sources.walk import clean
from ml.errors import BadInputError

Make = Callable[..., Path]


def listed(listing: Listing) -> dict[str, tuple[str, str | None]]:
    made = {one.file: (one.label, one.split) for one in listing.candidates}
    assert listing.count == len(made)
    return made


def test_class_folders_are_the_labels(make_folder: Make) -> None:
    listing = list_source(make_folder("pets", {"cat": 2, "dog": 1}))
    assert listing.classes == ("cat", "dog")
    assert listed(listing) == {
        "cat/000.png": ("cat", None),
        "cat/001.png": ("cat", None),
        "dog/000.png": ("dog", None),
    }


def test_pictures_deeper_in_a_class_folder_are_of_that_class(make_folder: Make) -> None:
    folder = make_folder("pets", {"cat": 1, "cat/2019/may": 1, "dog": 1})
    assert listed(list_source(folder))["cat/2019/may/000.png"] == ("cat", None)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("train", "val", "test"), ("train", "val", "test")),
        (("training", "validation", "testing"), ("train", "val", "test")),
        (("Train", "VALID", "Test"), ("train", "val", "test")),
        (("train", "test"), ("train", "test")),
        (("train", "val"), ("train", "val")),
    ],
)
def test_split_folders_are_known_by_their_usual_names(
    names: tuple[str, ...], splits: tuple[str, ...], make_folder: Make
) -> None:
    folder = make_folder("pets", {f"{name}/{label}": 1 for name in names for label in ("a", "b")})
    assert listed(list_source(folder)) == {
        f"{name}/{label}/000.png": (label, split)
        for name, split in zip(names, splits, strict=True)
        for label in ("a", "b")
    }


def test_a_lone_split_folder_is_split_anew_and_says_so(make_folder: Make) -> None:
    listing = list_source(make_folder("pets", {"train/a": 1, "train/b": 1}))
    assert {split for _, split in listed(listing).values()} == {None}
    assert len(listing.notes) == 1


@pytest.mark.parametrize("wrapper", ["wrapper", "outer/inner", "outer/train-data"])
@pytest.mark.parametrize("inside", [{"a": 1, "b": 1}, {"train/a": 1, "test/b": 1}])
def test_wrapper_folders_are_looked_through(
    wrapper: str, inside: dict[str, int], make_folder: Make
) -> None:
    folder = make_folder("pets", {f"{wrapper}/{name}": n for name, n in inside.items()})
    assert list_source(folder).classes == ("a", "b")


def test_what_systems_leave_behind_is_passed_over(make_folder: Make) -> None:
    folder = make_folder("pets", {"cat": 1, "dog": 1, "__MACOSX": 1, ".thumbnails": 1})
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._000.png"):
        (folder / "cat" / name).write_bytes(b"litter")
        (folder / name).write_bytes(b"litter")
    listing = list_source(folder)
    assert listing.classes == ("cat", "dog")
    assert listing.refused == ()
    assert set(listed(listing)) == {"cat/000.png", "dog/000.png"}


def test_pictures_without_a_class_are_refused_one_by_one(make_folder: Make) -> None:
    folder = make_folder("pets", {"train/a": 1, "train/b": 1, "test/a": 1, "more": 1})
    shutil.copy(folder / "more" / "000.png", folder / "train" / "loose.PNG")
    (folder / "README.txt").write_text("about", encoding="utf-8")
    listing = list_source(folder)
    assert [file for file, _ in listing.refused] == ["train/loose.PNG", "more"]


def test_numbers_in_names_are_in_their_own_order(make_folder: Make) -> None:
    names = ["10", "9", "1", "class 2", "Class 10", "b", "A"]
    listing = list_source(make_folder("pets", dict.fromkeys(names, 1)))
    assert listing.classes == ("1", "9", "10", "A", "b", "class 2", "Class 10")


@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_names_can_be_put_in_order(names: list[str]) -> None:
    ordered = sorted(names, key=natural)
    backwards = list(reversed(ordered))
    assert sorted(backwards, key=natural) == ordered


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: None, "nothing at"),
        (lambda root: root.mkdir(), "No pictures"),
        (lambda root: root.write_bytes(b"PK"), "is a file"),
        (lambda root: (root / "cat").mkdir(parents=True), "No pictures"),
    ],
)
def test_what_holds_no_pictures_is_told_the_layout(
    make: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    make(tmp_path / "source")
    with pytest.raises(BadInputError, match=sentence):
        list_source(tmp_path / "source")


def test_one_class_is_not_enough_and_a_flat_folder_is_explained(make_folder: Make) -> None:
    one = make_folder("one", {"cat": 3})
    for folder in (one, one / "cat"):
        with pytest.raises(BadInputError, match="one folder of pictures for each class"):
            list_source(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_cannot_be_shown_are_made_showable(make_folder: Make) -> None:
    folder = make_folder("pets", {"cat": 1, "dog": 1})
    os.rename(folder / "dog", os.fsencode(folder) + b"/d\xffog\n")  # noqa: PTH104
    (folder / "cat" / "e\u0301te\u0301 \x1b[31m.png").write_bytes(b"x")
    listing = list_source(folder)
    assert listing.classes == ("cat", "d\N{REPLACEMENT CHARACTER}og\N{REPLACEMENT CHARACTER}")
    for file in listed(listing):
        assert file.isprintable()
        file.encode()
    assert clean("e\u0301") == "\N{LATIN SMALL LETTER E WITH ACUTE}"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right that few have there")
def test_links_that_lead_in_circles_or_nowhere_do_no_harm(make_folder: Make) -> None:
    folder = make_folder("pets", {"cat": 1, "dog": 1})
    (folder / "cat" / "round").symlink_to(folder)
    (folder / "dog" / "nowhere.png").symlink_to(folder / "missing.png")
    assert set(listed(list_source(folder))) == {"cat/000.png", "dog/000.png"}


def test_the_signature_changes_with_what_is_there(make_folder: Make) -> None:
    folder = make_folder("pets", {"cat": 2, "dog": 2})
    seen = {signature(folder)}
    assert signature(folder) in seen
    (folder / "cat" / ".DS_Store").write_bytes(b"litter")
    assert signature(folder) in seen
    changes: list[Callable[[], object]] = [
        lambda: (folder / "cat" / "000.png").rename(folder / "cat" / "moved.png"),
        lambda: (folder / "dog" / "000.png").unlink(),
        lambda: (folder / "dog" / "001.png").write_bytes(b"other"),
        lambda: os.utime(folder / "cat" / "001.png", ns=(1, 1)),
    ]
    for number, change in enumerate(changes, 2):
        change()
        seen.add(signature(folder))
        assert len(seen) == number


def test_every_source_leaves_a_layout_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    assert [loader(tmp_path) for loader in SOURCES.values()] == [None] * len(SOURCES)
    order = list(SOURCES)
    assert max(order.index("idx"), order.index("table")) < order.index("folders")
