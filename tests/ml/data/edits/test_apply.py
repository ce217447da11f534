"""Each kind of edit changes the items and classes that it names, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.data.edits.apply import KINDS
from ml.data.edits.edits import apply
from ml.data.splits.splits import draw_test, in_test, pin_test
from ml.data.store.versions import SPLITS, DatasetVersion, Item
from ml.errors import BadInputError

CLASSES = ("cat", "dog", "cow")


def version(items: tuple[Item, ...], classes: tuple[str, ...] = CLASSES) -> DatasetVersion:
    return DatasetVersion("pets", 1, classes, items, "", {})


def pets(count: int = 30) -> DatasetVersion:
    """As many of each class, in turn, with a test set."""
    items = [Item(f"{n:064x}", n % 3, None, f"{n}.png") for n in range(count)]
    return version(pin_test(CLASSES, items))


def apply_edit(kind: str, **values: Any) -> tuple[tuple[str, ...], tuple[Item, ...], str]:
    return apply(pets(), [{"do": kind, **values}])


def test_relabel_moves_the_pictures_to_the_class() -> None:
    old = pets().items
    classes, items, summary = apply_edit("relabel", items=[0, 2, 3], label="dog")
    assert (classes, summary) == (CLASSES, "3 pictures moved to dog.")
    assert items == tuple(
        item._replace(label=1) if n in (0, 2, 3) else item for n, item in enumerate(old)
    )


def test_include_undoes_exclude() -> None:
    _, items, summary = apply_edit("exclude", items=[4, 4, 1])
    assert summary == "2 pictures excluded."
    assert [n for n, item in enumerate(items) if item.excluded] == [1, 4]
    _, back, summary = apply(version(items), [{"do": "include", "items": [1, 4, 5]}])
    assert (back, summary) == (pets().items, "2 pictures included again.")


def test_delete_removes_these_items_only() -> None:
    _, items, summary = apply_edit("delete", items=[7])
    assert summary == "1 picture deleted."
    assert items == pets().items[:7] + pets().items[8:]


def test_item_numbers_refer_to_the_base_version_throughout() -> None:
    edits = [
        {"do": "delete", "items": [0, 1]},
        {"do": "relabel", "items": [2], "label": "cat"},
        {"do": "exclude", "items": [3]},
    ]
    _, items, summary = apply(pets(), edits)
    assert summary == "2 pictures deleted. 1 picture moved to cat. 1 picture excluded."
    assert (items[0].file, items[0].label) == ("2.png", 0)
    assert (items[1].file, items[1].excluded) == ("3.png", True)


def test_a_class_is_added_at_the_end() -> None:
    classes, items, summary = apply_edit("add_class", name=" hen ")
    assert (classes, summary) == ((*CLASSES, "hen"), "Class hen added.")
    assert items == pets().items


def test_class_can_be_renamed_in_case_alone() -> None:
    classes, items, summary = apply_edit("rename_class", old="dog", new="Dog")
    assert (classes, summary) == (("cat", "Dog", "cow"), "Class dog renamed to Dog.")
    assert items == pets().items


@pytest.mark.parametrize(
    ("names", "into", "classes", "labels"),
    [
        (["cat", "cow"], "cat", ("cat", "dog"), {0: 0, 1: 1, 2: 0}),
        (["cat"], "cow", ("dog", "cow"), {0: 1, 1: 0, 2: 1}),
        (["cow", "dog"], "hoofed or not", ("cat", "hoofed or not"), {0: 0, 1: 1, 2: 1}),
        (["cat", "dog", "cow"], "all", ("all",), {0: 0, 1: 0, 2: 0}),
    ],
)
def test_classes_are_merged(
    names: list[str], into: str, classes: tuple[str, ...], labels: dict[int, int]
) -> None:
    merged, items, summary = apply_edit("merge_classes", names=names, into=into)
    assert merged == classes
    assert summary.endswith(f"merged into {into}.")
    for before, after in zip(pets().items, items, strict=True):
        assert after == before._replace(label=labels[before.label])


def test_a_class_is_removed_with_its_pictures() -> None:
    classes, items, summary = apply_edit("remove_class", name="dog")
    assert (classes, summary) == (("cat", "cow"), "Class dog removed with its 10 pictures.")
    expected = [i for i in pets().items if i.label != 1]
    assert items == tuple(item._replace(label=item.label // 2) for item in expected)


def test_classes_are_put_in_another_order() -> None:
    classes, items, summary = apply_edit("order_classes", names=["cow", "cat", "dog"])
    assert (classes, summary) == (("cow", "cat", "dog"), "Classes put in another order.")
    names = [CLASSES[item.label] for item in pets().items]
    assert [classes[item.label] for item in items] == names


def test_groups_are_set_and_a_grouped_test_is_drawn_with_them() -> None:
    groups = [f"person {n // 3}" for n in range(30)]
    _, items, summary = apply_edit("set_groups", groups=groups)
    assert summary == "Pictures kept together in 10 groups."
    assert in_test(items).tolist() == in_test(pets().items).tolist()
    both = [{"do": "set_groups", "groups": groups}, {"do": "draw_test", "seed": 0}]
    _, items, summary = apply(pets(), both)
    tested = {item.group for item in items if item.split == "test"}
    assert tested
    assert not tested & {item.group for item in items if item.split != "test"}
    assert "cannot be compared" in summary
    _, items, summary = apply(version(items), [{"do": "set_groups", "groups": [None] * 30}])
    assert summary == "Groups removed."
    assert {item.group for item in items} == {None}


def test_another_test_is_drawn_by_its_seed() -> None:
    _, items, summary = apply_edit("draw_test", seed=5)
    assert items == draw_test(pets().items, 5)
    assert items != draw_test(pets().items, 6)
    assert summary == (
        "Another test set drawn (6 pictures). Scores from before and after cannot be compared."
    )


@pytest.mark.parametrize("split", [*SPLITS, None])
def test_a_split_is_set(split: str | None) -> None:
    old = pets().items
    number = next(n for n, item in enumerate(old) if item.split != split)
    _, items, summary = apply_edit("set_split", items=[number], split=split)
    assert items[number].split == split
    assert summary.startswith("1 picture ")
    test_changed = "test" in (split, old[number].split)
    assert ("cannot be compared" in summary) == test_changed


def test_val_beside_train_stays_the_test_after_edits() -> None:
    """``val`` beside ``train`` alone is the test, also when one picture more is put into it."""
    items = tuple(
        Item(f"{n:064x}", n % 3, "val" if n % 5 == 0 else "train", f"{n}.png") for n in range(30)
    )
    before = in_test(items).tolist()
    _, after, summary = apply(version(items), [{"do": "set_split", "items": [1], "split": "test"}])
    assert in_test(after).tolist() == [n == 1 or tested for n, tested in enumerate(before)]
    assert "cannot be compared" in summary
    _, after, _ = apply(version(items), [{"do": "exclude", "items": [1]}])
    assert in_test(after).tolist() == before


def test_many_changes_are_summed_up_in_few_sentences() -> None:
    edits = [{"do": "add_class", "name": f"class {n}"} for n in range(9)]
    _, _, summary = apply(pets(), edits)
    first_sentences = (
        "Class class 0 added. Class class 1 added. Class class 2 added. And 6 more changes."
    )
    assert summary == first_sentences
    drawn = apply(pets(), [*edits[:-1], {"do": "draw_test", "seed": 1}])[2]
    assert drawn == f"{first_sentences} Scores from before and after cannot be compared.", (
        "never left out"
    )


def test_moves_to_one_class_are_counted_together() -> None:
    edits = [{"do": "relabel", "items": [n], "label": "dog"} for n in (0, 2, 3)]
    assert apply(pets(), edits)[2] == "3 pictures moved to dog."


def test_edits_without_effect_keep_the_items() -> None:
    undecided = version(tuple(item._replace(split=None) for item in pets().items))
    edits: list[dict[str, Any]] = [
        {"do": "relabel", "items": [0], "label": "cat"},
        {"do": "include", "items": [3]},
        {"do": "rename_class", "old": "cat", "new": "cat"},
        {"do": "order_classes", "names": list(CLASSES)},
        {"do": "set_groups", "groups": [None] * 30},
        {"do": "delete", "items": []},
    ]
    for tried in ([], edits):
        assert apply(undecided, tried) == (CLASSES, undecided.items, "Nothing changed.")


def test_merging_classes_merges_copies_of_a_picture() -> None:
    pair = (Item("a" * 64, 0), Item("a" * 64, 1), Item("b" * 64, 1), Item("c" * 64, 2, "test"))
    for edit in (
        {"do": "relabel", "items": [1], "label": "cat"},
        {"do": "merge_classes", "names": ["cat", "dog"], "into": "cat"},
    ):
        _, items, _ = apply(version(pair), [edit])
        assert [item.hash[0] for item in items] == ["a", "b", "c"]
    with_excluded = (pair[0]._replace(excluded=True), *pair[1:])
    _, items, _ = apply(version(with_excluded), [{"do": "relabel", "items": [1], "label": "cat"}])
    assert [item.excluded for item in items if item.hash == pair[0].hash] == [False]


def test_removed_test_set_is_drawn_anew_and_reported() -> None:
    old = pets()
    test_items = [n for n, item in enumerate(old.items) if item.split == "test"]
    for kind in ("delete", "exclude"):
        _, items, summary = apply(old, [{"do": kind, "items": test_items}])
        assert in_test(items).any()
        assert "No picture of the test set is left, so another was drawn." in summary
        assert "cannot be compared" in summary
    _, items, summary = apply(old, [{"do": "delete", "items": list(range(30))}])
    assert (items, summary) == ((), "30 pictures deleted.")


@pytest.mark.parametrize(
    "edit",
    [
        None,
        [],
        "relabel",
        {},
        {"do": "explode"},
        {"do": ["relabel"]},
        {"do": "relabel", "items": [0]},
        {"do": "relabel", "items": [0], "label": "cat", "more": 1},
        {"do": "relabel", "items": [30], "label": "cat"},
        {"do": "relabel", "items": [-1], "label": "cat"},
        {"do": "relabel", "items": [True], "label": "cat"},
        {"do": "relabel", "items": ["0"], "label": "cat"},
        {"do": "relabel", "items": "0", "label": "cat"},
        {"do": "relabel", "items": [0], "label": "hen"},
        {"do": "relabel", "items": [0], "label": ["cat"]},
        {"do": "add_class", "name": ""},
        {"do": "add_class", "name": "  "},
        {"do": "add_class", "name": "x" * 101},
        {"do": "add_class", "name": "two\nlines"},
        {"do": "add_class", "name": "Cat"},
        {"do": "add_class", "name": 3},
        {"do": "rename_class", "old": "hen", "new": "cock"},
        {"do": "rename_class", "old": "cat", "new": "DOG"},
        {"do": "merge_classes", "names": ["cat"], "into": "cat"},
        {"do": "merge_classes", "names": ["cat"], "into": "new"},
        {"do": "merge_classes", "names": [], "into": "cat"},
        {"do": "merge_classes", "names": ["cat", "hen"], "into": "cat"},
        {"do": "merge_classes", "names": ["cat", "dog"], "into": "COW"},
        {"do": "merge_classes", "names": "cat", "into": "cow"},
        {"do": "remove_class", "name": "hen"},
        {"do": "order_classes", "names": ["cat", "dog"]},
        {"do": "order_classes", "names": ["cat", "dog", "cow", "hen"]},
        {"do": "set_groups", "groups": ["a"]},
        {"do": "set_groups", "groups": [1] * 30},
        {"do": "set_groups", "groups": {}},
        {"do": "draw_test", "seed": -1},
        {"do": "draw_test", "seed": 1.5},
        {"do": "draw_test", "seed": True},
        {"do": "set_split", "items": [0], "split": "all"},
        {"do": "set_split", "items": [0], "split": ["test"]},
    ],
)
def test_invalid_edit_is_refused_in_a_sentence(edit: Any) -> None:
    with pytest.raises(BadInputError) as error:
        apply(pets(), [edit])
    assert str(error.value).endswith(".")


PLACES = st.lists(st.integers(0, 29), max_size=8)
NAMES = st.sampled_from([*CLASSES, "hen", "Hen", "rest"])
EDITS = st.lists(
    st.one_of(
        st.builds(lambda n, k: {"do": "relabel", "items": n, "label": k}, PLACES, NAMES),
        st.builds(
            lambda kind, n: {"do": kind, "items": n},
            st.sampled_from(["exclude", "include", "delete"]),
            PLACES,
        ),
        st.builds(
            lambda kind, k: {"do": kind, "name": k},
            st.sampled_from(["add_class", "remove_class"]),
            NAMES,
        ),
        st.builds(lambda a, b: {"do": "rename_class", "old": a, "new": b}, NAMES, NAMES),
        st.builds(
            lambda n, k: {"do": "merge_classes", "names": n, "into": k},
            st.lists(NAMES, max_size=3),
            NAMES,
        ),
        st.builds(lambda n: {"do": "order_classes", "names": n}, st.permutations(list(CLASSES))),
        st.builds(
            lambda n: {"do": "set_groups", "groups": n},
            st.lists(st.sampled_from([None, "a", "b"]), min_size=30, max_size=30),
        ),
    ),
    max_size=6,
)


@given(EDITS, st.booleans(), st.integers(0, 2))
def test_any_edits_keep_labels_valid_and_the_test_unchanged(
    edits: list[dict[str, Any]], decided: bool, twins: int
) -> None:
    old = pets()
    items = [n % (30 - 5 * twins) for n in range(30)]
    original = tuple(old.items[n]._replace(label=k % 3) for k, n in enumerate(items))
    if not decided:
        original = tuple(item._replace(split=None) for item in original)
    start = version(original)
    before = pin_test(CLASSES, original)
    try:
        classes, after, summary = apply(start, edits)
    except BadInputError:
        return
    assert len({name.casefold() for name in classes}) == len(classes)
    assert all(0 <= item.label < len(classes) for item in after)
    assert start.items == original, "what is edited is not changed itself"
    was_in_test = {item.hash: item.split == "test" for item in before}
    if "another was drawn" not in summary:
        assert all(was_in_test[item.hash] == (item.split == "test") for item in pin_test("", after))
    deleted = {n for edit in edits if edit["do"] == "delete" for n in edit["items"]}
    if not any(edit["do"] == "remove_class" for edit in edits):
        remaining = {item.hash for n, item in enumerate(original) if n not in deleted}
        assert {item.hash for item in after} == remaining
    kinds = {edit["do"] for edit in edits}
    if kinds <= {"relabel", "exclude", "include"} and not twins:
        assert len(after) == len(original)
    assert summary.endswith(".")


def test_every_kind_of_edit_is_tested_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{kind}"' in text for kind in KINDS)
