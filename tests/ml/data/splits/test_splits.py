"""Nothing lost, nothing twice, nothing on two sides, every class everywhere in its share."""

import random
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.data.splits.splits import MOST_VAL, draw_test, in_test, pin_test, settle, split_indices
from ml.data.store.versions import DatasetVersion, Item
from ml.errors import BadInputError


def version(items: list[Item], classes: int = 3) -> DatasetVersion:
    names = tuple(f"class {n}" for n in range(classes))
    return DatasetVersion("set", 1, names, tuple(items), "", {})


def plain(counts: list[int], split: str | None = None, start: int = 0) -> list[Item]:
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    return [Item(f"{start + n:064x}", label, split) for n, label in enumerate(labels)]


def sides(items: list[Item], found: dict[str, np.ndarray]) -> list[str | None]:
    of: list[str | None] = [None] * len(items)
    for side, indices in found.items():
        for n in indices:
            assert of[n] is None, "an item is on two sides"
            of[n] = side
    return of


@given(st.lists(st.integers(4, 90), min_size=2, max_size=6), st.integers(0, 2**31 - 1))
def test_each_class_is_split_70_15_15_and_nothing_is_lost(counts: list[int], seed: int) -> None:
    items = plain(counts)
    found = split_indices(version(items, len(counts)), seed)
    of = sides(items, found)
    assert None not in of
    for label, count in enumerate(counts):
        kept = Counter(side for item, side in zip(items, of, strict=True) if item.label == label)
        # Validation is a share of what the test, which is decided before it, has left.
        for side, most in (("val", 1), ("test", 0.5)):
            assert abs(kept[side] - 0.15 * count) <= most or kept[side] == 1
        assert kept["train"] > 0


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 2), st.none() | st.integers(0, 4)),
        min_size=30,
        max_size=80,
    ),
    st.integers(0, 1000),
)
def test_no_picture_and_no_group_comes_on_two_sides(
    rows: list[tuple[int, int, int | None]], seed: int
) -> None:
    # Few hashes and few groups, so that they run into one another.
    items = plain([20, 20, 20], start=1000)
    items += [
        Item(f"{n:064x}", label, None, group=None if group is None else f"g{group}")
        for n, label, group in rows
    ]
    of = sides(items, split_indices(version(items), seed))
    for key in ("hash", "group"):
        seen: dict[str, set[str | None]] = {}
        for item, side in zip(items, of, strict=True):
            name = getattr(item, key)
            if name is not None:
                seen.setdefault(name, set()).add(side)
        assert all(len(found) == 1 for found in seen.values())


@pytest.mark.parametrize("seed", range(5))
def test_whole_persons_are_dealt_in_proportion(seed: int) -> None:
    items = [Item(f"{n:064x}", n % 10, None, group=f"person {n // 10}") for n in range(1000)]
    found = split_indices(version(items, 10), seed)
    for side, persons in (("train", 70), ("val", 15), ("test", 15)):
        kept = Counter(items[n].label for n in found[side])
        assert set(kept.values()) == {persons}


@pytest.mark.parametrize("seed", range(5))
def test_pictures_that_come_twice_are_dealt_in_proportion_too(seed: int) -> None:
    twins = [Item(f"{n // 2:064x}", n % 2, None) for n in range(400)]
    items = twins + plain([300, 300], start=1000)
    found = split_indices(version(items, 2), seed)
    share = np.count_nonzero(found["train"] < 400) / 400
    assert 0.6 < share < 0.8
    assert [len(found[side]) for side in ("train", "val", "test")] == [700, 150, 150]


def test_few_large_groups_leave_no_side_empty() -> None:
    items = [Item(f"{n:064x}", 0, None, group=f"scene {n // 25}") for n in range(100)]
    found = split_indices(version(items, 1), 0)
    assert all(len(indices) for indices in found.values())


def test_the_seed_and_nothing_else_decides() -> None:
    items = plain([40, 40])
    one, same, other = (split_indices(version(items, 2), seed)["val"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.tolist() != other.tolist()
    assert one.dtype == np.int64
    assert one.tolist() == sorted(one.tolist())


@pytest.mark.parametrize("seed", range(4))
def test_a_fixed_test_list_is_the_test_whatever_the_seed(seed: int) -> None:
    items = plain([15, 15], "test") + plain([85, 85], None, 100)
    found = split_indices(version(items, 2), seed)
    assert found["test"].tolist() == list(range(30))
    assert [len(found[side]) for side in ("train", "val")] == [140, 30]


def test_train_and_test_given_validation_comes_off_training() -> None:
    items = plain([100, 100], "train") + plain([20, 20], "test", 500)
    found = split_indices(version(items, 2), 0)
    assert found["test"].tolist() == list(range(200, 240))
    assert [len(found[side]) for side in ("train", "val")] == [170, 30]


def test_train_and_val_given_val_is_what_is_tested_on() -> None:
    items = plain([100, 100], "train") + plain([20, 20], "val", 500)
    found = split_indices(version(items, 2), 0)
    assert found["test"].tolist() == list(range(200, 240))
    assert [len(found[side]) for side in ("train", "val")] == [170, 30]


def test_all_three_given_stay_as_they_are() -> None:
    items = plain([9], "test") + plain([5], "val", 100) + plain([7], "train", 200)
    found = split_indices(version(items, 1), 3)
    assert found["test"].tolist() == list(range(9))
    assert found["val"].tolist() == list(range(9, 14))
    assert found["train"].tolist() == list(range(14, 21))


def test_a_test_picture_that_training_has_too_is_left_out_of_training() -> None:
    items = plain([100], "train") + [item._replace(split="test") for item in plain([10])]
    found = split_indices(version(items, 1), 0)
    assert found["test"].tolist() == list(range(100, 110))
    assert not set(range(10)) & {*found["train"].tolist(), *found["val"].tolist()}
    assert len(found["train"]) + len(found["val"]) == 90


def test_one_split_alone_is_split_anew() -> None:
    found = split_indices(version(plain([50, 50], "test"), 2), 0)
    assert [len(found[side]) for side in ("train", "val", "test")] == [70, 14, 16]


def test_validation_off_a_large_training_part_is_no_larger_than_it_need_be() -> None:
    items = plain([30_000, 30_000], "train") + plain([10, 10], "test", 10**6)
    assert len(split_indices(version(items, 2), 0)["val"]) == MOST_VAL


@pytest.mark.parametrize("items", [plain([1, 1]), plain([5], "test") + plain([5], "val", 50)])
def test_an_empty_side_is_said_in_a_sentence(items: list[Item]) -> None:
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


def mixed(rows: list[tuple[int, int, int | None, bool]], start: int = 0) -> list[Item]:
    """Some that share pictures and groups, some excluded, and enough plain ones."""
    some = [
        Item(
            f"{start + n:064x}",
            label,
            group=None if group is None else f"g{group}",
            excluded=excluded,
        )
        for n, label, group, excluded in rows
    ]
    return some + plain([20, 20, 20], start=start + 1000)


def held_out(items: tuple[Item, ...]) -> set[str]:
    return {item.hash for item in items if item.split == "test" and not item.excluded}


@given(ROWS, st.integers(0, 5))
def test_the_pinned_test_does_not_depend_on_the_order(
    rows: list[tuple[int, int, int | None, bool]], seed: int
) -> None:
    items = mixed(rows)
    shuffled = random.Random(seed).sample(items, len(items))
    one, other = (pin_test("abc", made, seed) for made in (items, shuffled))
    assert held_out(one) == held_out(other)
    assert pin_test("abc", one, seed + 1) == one, "what is decided stays decided"


@given(ROWS, st.lists(st.integers(0, 10**6), min_size=2, max_size=4))
def test_the_split_seed_moves_training_and_validation_alone(
    rows: list[tuple[int, int, int | None, bool]], seeds: list[int]
) -> None:
    for items in (tuple(mixed(rows)), pin_test("abc", mixed(rows))):
        found = [split_indices(version(list(items)), seed)["test"].tolist() for seed in seeds]
        assert all(test == found[0] for test in found)
    assert held_out(items) >= {items[n].hash for n in found[0]}


@given(ROWS)
def test_an_excluded_picture_is_in_no_split(rows: list[tuple[int, int, int | None, bool]]) -> None:
    items = mixed(rows)
    of = sides(items, split_indices(version(items), 0))
    assert all((side is None) == item.excluded for item, side in zip(items, of, strict=True))


@given(ROWS, ROWS)
def test_what_is_added_joins_both_sides_and_moves_nothing(
    rows: list[tuple[int, int, int | None, bool]], more: list[tuple[int, int, int | None, bool]]
) -> None:
    old = pin_test("abc", mixed(rows))
    added = [item._replace(excluded=False) for item in mixed(more, start=30)]
    new = pin_test("abc", [*old, *added], earlier=old)
    assert new[: len(old)] == old
    seen: dict[str, set[bool]] = {}
    for item in new:
        if not item.excluded:
            for key in (item.hash, item.group):
                if key is not None:
                    seen.setdefault(key, set()).add(item.split == "test")
    torn = [key for key, found in seen.items() if len(found) > 1]
    assert not torn, "neither a picture nor a group is on both sides"


def test_the_share_stays_as_a_set_grows_class_by_class() -> None:
    items: tuple[Item, ...] = ()
    for step in range(6):
        more = plain([20 if step == label % 3 else 0 for label in range(3)], start=1000 * step)
        more += plain([3, 3, 3], start=1000 * step + 500)
        items = pin_test("abc", [*items, *more], earlier=items)
    for label in range(3):
        of_class = [item.split for item in items if item.label == label]
        assert abs(of_class.count("test") - 0.15 * len(of_class)) <= 1


def test_a_set_that_is_brought_in_again_keeps_its_test() -> None:
    items = plain([40, 40])
    old = pin_test("ab", items)
    kept = items[5:60]
    again = pin_test("ab", [*plain([9, 9], start=500), *kept], earlier=old)
    before = held_out(old) & {item.hash for item in kept}
    assert held_out(again[18:]) == before
    new = held_out(again[:18])
    assert before
    assert len(new) <= 18


@pytest.mark.parametrize("other", ["test", "val"])
def test_what_is_added_to_a_set_with_folders_takes_part_in_their_split(other: str) -> None:
    old = tuple(plain([80, 80], "train") + plain([10, 10], other, 500))
    added = plain([20, 20, 30], start=1000)
    new = pin_test("abc", [*old, *added], earlier=old)
    assert in_test(new)[: len(old)].tolist() == in_test(old).tolist()
    assert {item.split for item in new} == {"train", "test"}
    per_class = Counter(item.label for item in new if item.split == "test")
    assert per_class[2] == 4, "a class that is new is tested too"
    found = split_indices(version(list(new)), 1)
    assert found["test"].tolist() == np.flatnonzero(in_test(new)).tolist()


def test_what_is_added_to_a_set_with_all_three_is_dealt_to_all_three() -> None:
    old = tuple(
        plain([40, 40], "train") + plain([10, 10], "val", 300) + plain([10, 10], "test", 600)
    )
    new = pin_test("abc", [*old, *plain([0, 0, 40], start=1000)], earlier=old)
    assert new[: len(old)] == old
    found = split_indices(version(list(new)), 1)
    per_side = {side: Counter(new[n].label for n in indices) for side, indices in found.items()}
    assert per_side["train"] == {0: 40, 1: 40, 2: 29}
    assert per_side["val"] == {0: 10, 1: 10, 2: 5}
    assert per_side["test"] == {0: 10, 1: 10, 2: 6}


def test_to_draw_anew_decides_nothing_else() -> None:
    items = plain([50, 50], "train") + plain([20, 20], "val", 300) + plain([20, 20], "test", 600)
    drawn = draw_test(items, 3)
    assert {item.split for item in drawn} == {None, "test"}
    assert sum(item.split == "test" for item in drawn) == pytest.approx(0.15 * 180, abs=1)
    assert held_out(drawn) != held_out(draw_test(items, 4))


@pytest.mark.parametrize(
    "items",
    [
        plain([30, 30], "train"),
        plain([30, 30], "test"),
        plain([30, 30], "train") + plain([9, 9], "val", 200),
        plain([30, 30]) + plain([9, 9], "val", 200),
        plain([30, 30]) + plain([9, 9], "test", 200),
        plain([30], "train")
        + plain([9], "val", 200)
        + plain([9], "test", 300)
        + plain([8], None, 400),
    ],
)
def test_to_settle_says_what_is_meant_and_moves_nothing(items: list[Item]) -> None:
    before, after = (split_indices(version(made), 4) for made in (items, list(settle(items))))
    for side in before:
        np.testing.assert_array_equal(before[side], after[side])


def test_a_large_set_is_pinned_quickly() -> None:
    items = plain([7000] * 10)
    began = time.perf_counter()
    pin_test("abcdefghij", items)
    assert time.perf_counter() - began < 5
