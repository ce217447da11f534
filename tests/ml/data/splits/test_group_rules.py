"""Groups by folder, file name, file number and capture time."""

import doctest
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ml.data.splits import group_rules
from ml.data.splits.capture_time import capture_time, capture_times
from ml.data.splits.group_rules import by_folder, by_name, by_number, by_time, count_torn_groups
from ml.data.store.versions import write_picture
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers.pictures import SHARED, as_bytes, picture


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(group_rules).failed == 0
    assert doctest.testmod(group_rules).attempted == 4


def test_folders_of_classes_and_splits_group_nothing() -> None:
    files = ["train/Cat/anna/a.png", "Cat\\anna\\b.png", "val/cat/c.png", "d.png", "cat/x/y/e.png"]
    assert by_folder(files, ["cat"]) == ["anna", "anna", None, None, "x/y"]


def test_a_pattern_names_the_group() -> None:
    files = ["a/p01_left_3.png", "b/p01_right_9.png", "p02_left_1.png", "cover.png"]
    assert by_name(files, r"^(p\d+)_") == ["p01", "p01", "p02", None]
    assert by_name(files, r"p\d+") == ["p01", "p01", "p02", None]
    assert by_name(files, r"^(p\d+)_(left|right)")[:2] == ["p01 left", "p01 right"]
    assert by_name(files, "x*") == [None] * 4, "a match of nothing is no group"


@pytest.mark.parametrize("pattern", ["(", "[", "*", "x" * 201, "a{99999999999999999999}", "(a+)+$"])
def test_invalid_pattern_is_refused_in_a_sentence(pattern: str) -> None:
    with pytest.raises(BadInputError, match=r"pattern|regular expression"):
        by_name(["a.png"], pattern)


@given(
    st.lists(st.none() | st.floats(0, 1e6), max_size=40),
    st.floats(0, 1e5),
)
def test_groups_by_time_differ_only_after_a_longer_pause(
    times: list[float | None], seconds: float
) -> None:
    groups = by_time(times, seconds)
    timed = sorted(
        (time, group) for time, group in zip(times, groups, strict=True) if time is not None
    )
    for (earlier, group), (later, next_group) in pairwise(timed):
        assert (group == next_group) == (later - earlier <= seconds)
    assert all((time is None) == (group is None) for time, group in zip(times, groups, strict=True))


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_pause_must_be_a_finite_length_of_time(seconds: float) -> None:
    with pytest.raises(BadInputError, match="seconds"):
        by_time([1.0], seconds)


def test_consecutive_numbers_are_one_group_across_folders() -> None:
    files = ["b/IMG_0009.JPG", "a/IMG_0008.JPG", "a/IMG_0012.JPG", "a/DSC_0010.JPG", "note.png"]
    assert by_number(files) == ["IMG_0008", "IMG_0008", "IMG_0012", "DSC_0010", None]
    assert by_number(files, step=3)[2] == "IMG_0008"


def test_a_returning_class_begins_another_group() -> None:
    files = [f"{n % 3}/IMG_{n:03}.jpg" for n in range(9)]
    labels = [n % 3 for n in range(9)]
    assert len(set(by_number(files))) == 1
    assert by_number(files, labels) == [f"IMG_{n - n % 3:03}" for n in range(9)]
    burst = [0, 0, 0, 1, 1, 1, 0, 0, 1]
    assert len(set(by_number(files, burst))) == 2


@given(st.lists(st.integers(0, 60), unique=True, max_size=30), st.integers(0, 9))
def test_groups_by_number_do_not_depend_on_file_order(numbers: list[int], seed: int) -> None:
    files = [f"IMG_{n}.jpg" for n in numbers]
    shuffled = random.Random(seed).sample(files, len(files))
    one = dict(zip(files, by_number(files), strict=True))
    assert one == dict(zip(shuffled, by_number(shuffled), strict=True))


def test_torn_groups_are_counted() -> None:
    groups = ["a", "a", "b", "b", None, None]
    assert count_torn_groups(groups, [True, False, True, True, True, False]) == 1


def test_capture_time_is_read_from_exif(workspace: Workspace) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2020:01:01 00:00:00"
    later = Image.Exif()
    later[0x0132] = "2021:06:07 08:09:10"
    later.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:30"
    later.get_ifd(0x8769)[0x9291] = "25"
    bad = Image.Exif()
    bad[0x0132] = "yesterday"
    dated, detailed, unreadable, without_exif = (
        as_bytes(picture(0), "JPEG", exif=metadata) for metadata in (exif, later, bad, Image.Exif())
    )
    first, second = capture_time(dated), capture_time(detailed)
    assert first is not None
    assert second == first + 30.25
    assert [capture_time(data) for data in (unreadable, without_exif, b"no picture", b"")] == [
        None
    ] * 4
    hashes = [write_picture(workspace, data) for data in (dated, without_exif)]
    assert capture_times(workspace, [*hashes, "0" * 64]) == {
        hashes[0]: first, hashes[1]: None, "0" * 64: None,
    }  # fmt: skip


@pytest.mark.skipif(not SHARED.exists(), reason="the shared pictures are not here")
def test_number_and_time_rules_find_persons_of_sign_language_digits() -> None:
    """About ten pictures a person, one a digit, as its description says."""
    files = sorted((SHARED / "sign_language_digits").rglob("*.JPG"))
    names = [file.as_posix() for file in files]
    labels = [int(file.parent.name) for file in files]
    persons = by_number(names, labels)
    assert 190 < len(set(persons)) < 260
    complete = sum(
        sorted(label for label, person in zip(labels, persons, strict=True) if person == name)
        == list(range(10))
        for name in set(persons)
    )
    assert complete > 150
    times = [capture_time(file) for file in files[::20]]
    assert sum(time is not None for time in times) > 50
