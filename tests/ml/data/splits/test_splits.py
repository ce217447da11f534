"""Splits lose no item, tear no group, and give every side its share of every class."""

import random
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from ml.data.splits.splits import (
    MAX_VALIDATION_PICTURES,
    draw_test,
    in_test,
    normalised_splits,
    pin_test,
    split_indices,
)
from ml.data.store.versions import DatasetVersion, Item
from ml.errors import BadInputError


def version(items: list[Item], classes: int = 3) -> DatasetVersion:
    names = tuple(f"class {n}" for n in range(classes))
    return DatasetVersion("set", 1, names, tuple(items), "", {})


def make_items(counts: list[int], split: str | None = None, start: int = 0) -> list[Item]:
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    return [Item(f"{start + n:064x}", label, split) for n, label in enumerate(labels)]


def sides(items: list[Item], splits: dict[str, np.ndarray]) -> list[str | None]:
    side_by_item: list[str | None] = [None] * len(items)
    for side, indices in splits.items():
        for n in indices:
            assert side_by_item[n] is None, "an item is on two sides"
            side_by_item[n] = side
    return side_by_item


@given(st.lists(st.integers(4, 90), min_size=2, max_size=6), st.integers(0, 2**31 - 1))
def test_each_class_is_split_70_15_15_and_nothing_is_lost(counts: list[int], seed: int) -> None:
    items = make_items(counts)
    splits = split_indices(version(items, len(counts)), seed)
    item_sides = sides(items, splits)
    assert None not in item_sides
    for label, count in enumerate(counts):
        side_counts = Counter(
            side for item, side in zip(items, item_sides, strict=True) if item.label == label
        )
        # Validation is a share of the items outside the test.
        for side, tolerance in (("val", 1), ("test", 0.5)):
            assert abs(side_counts[side] - 0.15 * count) <= tolerance or side_counts[side] == 1
        assert side_counts["train"] > 0


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 2), st.none() | st.integers(0, 4)),
        min_size=30,
        max_size=80,
    ),
    st.integers(0, 1000),
)
def test_no_picture_and_no_group_is_on_two_sides(
    rows: list[tuple[int, int, int | None]], seed: int
) -> None:
    # Few hashes and few groups, so that they run into one another.
    items = make_items([20, 20, 20], start=1000)
    items += [
        Item(f"{n:064x}", label, None, group=None if group is None else f"g{group}")
        for n, label, group in rows
    ]
    item_sides = sides(items, split_indices(version(items), seed))
    for key in ("hash", "group"):
        sides_by_name: dict[str, set[str | None]] = {}
        for item, side in zip(items, item_sides, strict=True):
            name = getattr(item, key)
            if name is not None:
                sides_by_name.setdefault(name, set()).add(side)
        assert all(len(one) == 1 for one in sides_by_name.values())


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_split_in_proportion_to_classes(seed: int) -> None:
    items = [Item(f"{n:064x}", n % 10, None, group=f"person {n // 10}") for n in range(1000)]
    splits = split_indices(version(items, 10), seed)
    for side, persons in (("train", 70), ("val", 15), ("test", 15)):
        counts = Counter(items[n].label for n in splits[side])
        assert set(counts.values()) == {persons}


@pytest.mark.parametrize("seed", range(5))
def test_duplicate_pictures_are_split_in_proportion(seed: int) -> None:
    twins = [Item(f"{n // 2:064x}", n % 2, None) for n in range(400)]
    items = twins + make_items([300, 300], start=1000)
    splits = split_indices(version(items, 2), seed)
    share = np.count_nonzero(splits["train"] < 400) / 400
    assert 0.6 < share < 0.8
    assert [len(splits[side]) for side in ("train", "val", "test")] == [700, 150, 150]


def test_few_large_groups_leave_no_side_empty() -> None:
    items = [Item(f"{n:064x}", 0, None, group=f"scene {n // 25}") for n in range(100)]
    splits = split_indices(version(items, 1), 0)
    assert all(len(indices) for indices in splits.values())


def test_split_is_a_function_of_the_seed() -> None:
    items = make_items([40, 40])
    one, same, other = (split_indices(version(items, 2), seed)["val"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.tolist() != other.tolist()
    assert one.dtype == np.int64
    assert one.tolist() == sorted(one.tolist())


@pytest.mark.parametrize("seed", range(4))
def test_given_test_split_is_the_test_for_every_seed(seed: int) -> None:
    items = make_items([15, 15], "test") + make_items([85, 85], None, 100)
    splits = split_indices(version(items, 2), seed)
    assert splits["test"].tolist() == list(range(30))
    assert [len(splits[side]) for side in ("train", "val")] == [140, 30]


def test_given_train_and_test_validation_is_split_off_train() -> None:
    items = make_items([100, 100], "train") + make_items([20, 20], "test", 500)
    splits = split_indices(version(items, 2), 0)
    assert splits["test"].tolist() == list(range(200, 240))
    assert [len(splits[side]) for side in ("train", "val")] == [170, 30]


def test_given_train_and_val_val_is_the_test() -> None:
    items = make_items([100, 100], "train") + make_items([20, 20], "val", 500)
    splits = split_indices(version(items, 2), 0)
    assert splits["test"].tolist() == list(range(200, 240))
    assert [len(splits[side]) for side in ("train", "val")] == [170, 30]


def test_three_given_splits_stay() -> None:
    items = make_items([9], "test") + make_items([5], "val", 100) + make_items([7], "train", 200)
    splits = split_indices(version(items, 1), 3)
    assert splits["test"].tolist() == list(range(9))
    assert splits["val"].tolist() == list(range(9, 14))
    assert splits["train"].tolist() == list(range(14, 21))


def test_test_picture_is_left_out_of_training() -> None:
    items = make_items([100], "train") + [item._replace(split="test") for item in make_items([10])]
    splits = split_indices(version(items, 1), 0)
    assert splits["test"].tolist() == list(range(100, 110))
    assert not set(range(10)) & {*splits["train"].tolist(), *splits["val"].tolist()}
    assert len(splits["train"]) + len(splits["val"]) == 90


def test_one_split_alone_is_split_anew() -> None:
    splits = split_indices(version(make_items([50, 50], "test"), 2), 0)
    assert [len(splits[side]) for side in ("train", "val", "test")] == [70, 14, 16]


def test_validation_of_a_large_set_has_an_upper_limit() -> None:
    items = make_items([30_000, 30_000], "train") + make_items([10, 10], "test", 10**6)
    assert len(split_indices(version(items, 2), 0)["val"]) == MAX_VALIDATION_PICTURES


@pytest.mark.parametrize(
    "items", [make_items([1, 1]), make_items([5], "test") + make_items([5], "val", 50)]
)
def test_empty_side_is_refused_in_a_sentence(items: list[Item]) -> None:
    with pytest.raises(BadInputError, match="too few pictures"):
        split_indices(version(items), 0)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.integers(0, 2),
        st.none() | st.integers(0, 6),
        st.booleans() | st.just(False),
    ),
    min_size=1,
    max_size=60,
)


def make_mixed_items(rows: list[tuple[int, int, int | None, bool]], start: int = 0) -> list[Item]:
    """Items that share pictures and groups, excluded ones, and 60 others."""
    special = [
        Item(
            f"{start + n:064x}",
            label,
            group=None if group is None else f"g{group}",
            excluded=excluded,
        )
        for n, label, group, excluded in rows
    ]
    return special + make_items([20, 20, 20], start=start + 1000)


def held_out(items: tuple[Item, ...]) -> set[str]:
    return {item.hash for item in items if item.split == "test" and not item.excluded}


@given(ROWS, st.integers(0, 5))
def test_pinned_test_does_not_depend_on_item_order(
    rows: list[tuple[int, int, int | None, bool]], seed: int
) -> None:
    items = make_mixed_items(rows)
    shuffled = random.Random(seed).sample(items, len(items))
    pinned, pinned_shuffled = (pin_test("abc", order, seed) for order in (items, shuffled))
    assert held_out(pinned) == held_out(pinned_shuffled)
    assert pin_test("abc", pinned, seed + 1) == pinned, "what is decided stays decided"


@given(ROWS, st.lists(st.integers(0, 10**6), min_size=2, max_size=4))
def test_split_seed_does_not_move_the_test(
    rows: list[tuple[int, int, int | None, bool]], seeds: list[int]
) -> None:
    for items in (tuple(make_mixed_items(rows)), pin_test("abc", make_mixed_items(rows))):
        tests = [split_indices(version(list(items)), seed)["test"].tolist() for seed in seeds]
        assert all(test == tests[0] for test in tests)
    assert held_out(items) >= {items[n].hash for n in tests[0]}


@given(ROWS)
def test_an_excluded_picture_is_in_no_split(rows: list[tuple[int, int, int | None, bool]]) -> None:
    items = make_mixed_items(rows)
    item_sides = sides(items, split_indices(version(items), 0))
    assert all(
        (side is None) == item.excluded for item, side in zip(items, item_sides, strict=True)
    )


@given(ROWS, ROWS)
def test_added_items_join_both_sides_and_move_no_old_item(
    rows: list[tuple[int, int, int | None, bool]], more: list[tuple[int, int, int | None, bool]]
) -> None:
    old = pin_test("abc", make_mixed_items(rows))
    added = [item._replace(excluded=False) for item in make_mixed_items(more, start=30)]
    new = pin_test("abc", [*old, *added], earlier=old)
    assert new[: len(old)] == old
    for component in components([item for item in new if not item.excluded]):
        old_sides = {item.split == "test" for item in old if item in component}
        if len(old_sides) < 2:  # else the added items link old pictures that must not move
            assert len({item.split == "test" for item in component}) == 1


def components(items: Sequence[Item]) -> list[list[Item]]:
    """The items in lists, each connected by shared pictures and groups."""
    names = [{f"picture {item.hash}", f"group {item.group or n}"} for n, item in enumerate(items)]
    linked = np.array([[bool(one & other) for other in names] for one in names])
    _, numbers = connected_components(linked)
    return [
        [item for item, own in zip(items, numbers, strict=True) if own == number]
        for number in set(numbers.tolist())
    ]


def test_test_share_stays_as_a_set_grows_class_by_class() -> None:
    items: tuple[Item, ...] = ()
    for step in range(6):
        more = make_items([20 if step == label % 3 else 0 for label in range(3)], start=1000 * step)
        more += make_items([3, 3, 3], start=1000 * step + 500)
        items = pin_test("abc", [*items, *more], earlier=items)
    for label in range(3):
        of_class = [item.split for item in items if item.label == label]
        assert abs(of_class.count("test") - 0.15 * len(of_class)) <= 1


def test_set_that_is_brought_in_again_keeps_its_test() -> None:
    items = make_items([40, 40])
    old = pin_test("ab", items)
    remaining = items[5:60]
    again = pin_test("ab", [*make_items([9, 9], start=500), *remaining], earlier=old)
    before = held_out(old) & {item.hash for item in remaining}
    assert held_out(again[18:]) == before
    new = held_out(again[:18])
    assert before
    assert len(new) <= 18


@pytest.mark.parametrize("other", ["test", "val"])
def test_items_added_to_train_and_test_folders_join_both(other: str) -> None:
    old = tuple(make_items([80, 80], "train") + make_items([10, 10], other, 500))
    added = make_items([20, 20, 30], start=1000)
    new = pin_test("abc", [*old, *added], earlier=old)
    assert in_test(new)[: len(old)].tolist() == in_test(old).tolist()
    assert {item.split for item in new} == {"train", "test"}
    per_class = Counter(item.label for item in new if item.split == "test")
    assert per_class[2] == 4, "a class that is new is tested too"
    splits = split_indices(version(list(new)), 1)
    assert splits["test"].tolist() == np.flatnonzero(in_test(new)).tolist()


def test_items_added_to_three_given_splits_join_all_three() -> None:
    old = tuple(
        make_items([40, 40], "train")
        + make_items([10, 10], "val", 300)
        + make_items([10, 10], "test", 600)
    )
    new = pin_test("abc", [*old, *make_items([0, 0, 40], start=1000)], earlier=old)
    assert new[: len(old)] == old
    splits = split_indices(version(list(new)), 1)
    per_side = {side: Counter(new[n].label for n in indices) for side, indices in splits.items()}
    assert per_side["train"] == {0: 40, 1: 40, 2: 29}
    assert per_side["val"] == {0: 10, 1: 10, 2: 5}
    assert per_side["test"] == {0: 10, 1: 10, 2: 6}


def test_drawing_a_new_test_decides_no_other_split() -> None:
    items = (
        make_items([50, 50], "train")
        + make_items([20, 20], "val", 300)
        + make_items([20, 20], "test", 600)
    )
    drawn = draw_test(items, 3)
    assert {item.split for item in drawn} == {None, "test"}
    assert sum(item.split == "test" for item in drawn) == pytest.approx(0.15 * 180, abs=1)
    assert held_out(drawn) != held_out(draw_test(items, 4))


@pytest.mark.parametrize(
    "items",
    [
        make_items([30, 30], "train"),
        make_items([30, 30], "test"),
        make_items([30, 30], "train") + make_items([9, 9], "val", 200),
        make_items([30, 30]) + make_items([9, 9], "val", 200),
        make_items([30, 30]) + make_items([9, 9], "test", 200),
        make_items([30], "train")
        + make_items([9], "val", 200)
        + make_items([9], "test", 300)
        + make_items([8], None, 400),
    ],
)
def test_normalised_splits_give_the_same_sides(items: list[Item]) -> None:
    before, after = (
        split_indices(version(variant), 4) for variant in (items, list(normalised_splits(items)))
    )
    for side in before:
        np.testing.assert_array_equal(before[side], after[side])


def test_a_large_set_is_pinned_quickly() -> None:
    items = make_items([7000] * 10)
    began = time.perf_counter()
    pin_test("abcdefghij", items)
    assert time.perf_counter() - began < 5
