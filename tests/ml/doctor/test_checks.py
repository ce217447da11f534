"""Each check against faults that were planted and counted by hand, and its fix applied."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter

from benchmarks.planting import NEAR_COPIES, with_remark
from ml.data.edits.edits import apply
from ml.doctor.check_context import CheckContext
from ml.doctor.checks import labels as labels_check
from ml.doctor.checks import shift as shift_check
from ml.doctor.examination import findings_of
from ml.doctor.finding import Finding
from tests.helpers.pictures import as_bytes, picture
from tests.ml.doctor.conftest import Shot, open_bytes, photos

Make = Callable[..., CheckContext]


def finding_or_none(context: CheckContext, kind: str) -> Finding | None:
    findings = [finding for finding in findings_of(context) if finding.kind == kind]
    assert len(findings) < 2
    return findings[0] if findings else None


def the_finding(context: CheckContext, kind: str) -> Finding:
    finding = finding_or_none(context, kind)
    assert finding is not None, [finding.title for finding in findings_of(context)]
    return finding


def noise(count: int, label: str = "a", start: int = 0, **options: int) -> list[Shot]:
    return [
        Shot(as_bytes(picture(start + n, **options)), label, file=f"{label}/{word(start + n)}.png")
        for n in range(count)
    ]


def word(number: int) -> str:
    """A name without a number in it."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def in_training(shots: list[Shot]) -> list[Shot]:
    """These and a few more that validate and test, so that the split is decided."""
    others = noise(4, "a", 900)
    split_numbers = ["train"] * len(shots) + ["val", "test"] * 2
    pairs = zip([*shots, *others], split_numbers, strict=True)
    return [shot._replace(split=side) for shot, side in pairs]


def test_a_clean_set_has_no_findings(make_context: Make) -> None:
    context = make_context([*noise(40, "a", 0), *noise(40, "b", 100)])
    assert {finding.kind for finding in findings_of(context)} <= {
        "label_error"
    }  # noise has no label


def test_an_empty_set_and_one_picture(make_context: Make) -> None:
    assert findings_of(make_context([])) == []
    assert findings_of(make_context(noise(1), name="one")) == []


def test_a_set_of_which_all_is_excluded(make_context: Make) -> None:
    assert findings_of(make_context([shot._replace(excluded=True) for shot in noise(20)])) == []


def test_copies_with_other_bytes_are_exact_duplicates(make_context: Make) -> None:
    first, second = (data for data in photos(2))
    shots = [Shot(first), Shot(second), Shot(with_remark(first, b"x")), *noise(10, "b")]
    finding = the_finding(make_context(in_training(shots)), "exact_duplicate")
    assert finding.groups == [[0, 2]]
    assert finding.items == [0, 2]
    assert finding.title == "1 picture is in the set more than once."
    assert finding.fixes[0].edits == [{"do": "exclude", "items": [2]}]


def test_what_is_excluded_is_not_examined(make_context: Make) -> None:
    first = photos(1)[0]
    shots = [Shot(first), Shot(with_remark(first, b"x"), excluded=True), *noise(10)]
    assert finding_or_none(make_context(shots), "exact_duplicate") is None


def test_of_near_copies_the_largest_stays(make_context: Make) -> None:
    originals, chance = photos(8), np.random.default_rng(0)
    shrunk = as_bytes(NEAR_COPIES["resized"](open_bytes(originals[3]), chance), "JPEG", quality=92)
    mirrored = as_bytes(
        NEAR_COPIES["flipped"](open_bytes(originals[5]), chance), "JPEG", quality=92
    )
    shots = [Shot(data) for data in (shrunk, *originals, mirrored)]
    finding = the_finding(make_context(in_training(shots)), "near_duplicate")
    assert finding.groups == [[0, 4], [6, 9]]
    assert finding.fixes[0].edits == [{"do": "exclude", "items": [0, 9]}]


def test_one_picture_under_two_labels_is_a_contradiction(make_context: Make) -> None:
    originals = photos(6)
    shots = [Shot(data, "glass") for data in originals] + [Shot(originals[2], "metal")]
    context = make_context([*shots, *noise(6, "metal")])
    finding = the_finding(context, "contradiction")
    assert finding.groups == [[2, 6]]
    assert finding.severity == "high"
    assert finding_or_none(context, "exact_duplicate") is None
    _, items, _ = apply(context.version, finding.fixes[0].edits)
    assert [n for n, item in enumerate(items) if item.excluded] == [2, 6]
    _, items, _ = apply(context.version, finding.fixes[1].edits)
    assert sum(item.excluded for item in items) == 1


def test_leaks_leave_the_test_as_it_is(make_context: Make) -> None:
    originals, chance = photos(12), np.random.default_rng(0)
    cropped = as_bytes(NEAR_COPIES["cropped"](open_bytes(originals[4]), chance), "JPEG", quality=92)
    shots = [Shot(data, split="train") for data in originals[:9]]
    shots += [Shot(data, split="test") for data in (*originals[9:], originals[1], cropped)]
    context = make_context(shots)
    exact, near = the_finding(context, "leak"), the_finding(context, "near_leak")
    assert exact.groups == [[1, 12]]
    assert near.groups == [[4, 13]]
    assert exact.fixes[0].edits == [{"do": "exclude", "items": [1]}]
    assert near.fixes[0].edits == [{"do": "exclude", "items": [4]}]
    assert exact.title == "1 test picture is in training too."
    assert "20 % of the test pictures" in exact.why
    assert finding_or_none(context, "near_duplicate") is None
    assert finding_or_none(context, "exact_duplicate") is None


def test_tiny_classes_are_named_and_can_be_merged(make_context: Make) -> None:
    shots = [*noise(30, "a"), *noise(30, "b", 50), *noise(4, "c", 100), *noise(9, "d", 110)]
    context = make_context([*shots, *noise(10, "e", 130)])
    finding = the_finding(context, "tiny_class")
    assert finding.title == "2 classes have too few pictures: c (4) and d (9)."
    assert len(finding.items) == 13
    classes, items, _ = apply(context.version, finding.fixes[0].edits)
    assert classes == ("a", "b", "other", "e")
    assert sum(item.label == 2 for item in items) == 13
    classes, _, _ = apply(context.version, finding.fixes[1].edits)
    assert classes == ("a", "b", "e")


def test_a_class_missing_from_the_test(make_context: Make) -> None:
    train = [shot._replace(split="train") for shot in (*noise(20, "a"), *noise(20, "b", 30))]
    test = [shot._replace(split="test") for shot in noise(5, "a", 60)]
    finding = the_finding(make_context(train + test), "missing_in_split")
    assert finding.title == "1 class is missing from a split: b in test."
    assert finding.items == list(range(20, 40))
    assert finding.fixes[0].edits == [{"do": "draw_test", "seed": 0}]


def test_imbalance_is_mended_in_training_alone(make_context: Make) -> None:
    context = make_context([*noise(120, "a"), *noise(12, "b", 200)])
    finding = the_finding(context, "imbalance")
    assert finding.title == "a has 10 times as many pictures as b: 120 and 12."
    assert finding.severity == "medium"
    extra = finding.fixes[0].edits[0]["items"]
    train = int(((context.split_numbers == 0) & (context.labels == 0)).sum())
    assert train - len(extra) == round(36 * train / 120)
    assert set(context.split_numbers[extra].tolist()) == {0}
    assert (
        finding_or_none(
            make_context([*noise(40, "a"), *noise(12, "b", 200)], name="fine"), "imbalance"
        )
        is None
    )


def test_pictures_that_show_nothing(make_context: Make) -> None:
    notice = Image.new("RGB", (90, 90), "white")
    notice.paste((150, 150, 150), (20, 40, 70, 44))
    blank = as_bytes(Image.new("RGB", (20, 16), (90, 91, 92)))
    context = make_context([*noise(30), Shot(blank), Shot(as_bytes(notice))])
    finding = the_finding(context, "blank")
    assert finding.items == [30, 31]
    assert finding.title == "2 pictures show nothing."


def test_tiny_odd_and_narrow_pictures(make_context: Make) -> None:
    usual = noise(30, width=100, height=80)
    odd = noise(1, start=50, width=600, height=500)
    tiny = noise(1, start=60, width=15, height=12)
    narrow = noise(1, start=70, width=300, height=50)
    context = make_context([*usual, *odd, *tiny, *narrow])
    assert the_finding(context, "odd_size").items == [30]
    assert the_finding(context, "odd_size").title == "1 picture is much larger than the rest."
    assert the_finding(context, "tiny").items == [31]
    assert the_finding(context, "extreme_aspect").items == [32]


def test_a_blurred_picture_is_told_from_sharp_ones(make_context: Make) -> None:
    originals = photos(30)
    blurred = open_bytes(originals[7]).filter(ImageFilter.GaussianBlur(6))
    shots = [Shot(data) for data in originals[:7] + originals[8:]]
    finding = the_finding(make_context([*shots, Shot(as_bytes(blurred))]), "blurred")
    assert 29 in finding.items
    assert max(finding.scores, key=lambda item: finding.scores[item]) == 29


def test_labels_turned_are_suspected_with_their_own_label(make_context: Make) -> None:
    dark = [Shot(as_bytes(picture(n).point(lambda v: v // 3)), "night") for n in range(40)]
    light = [Shot(as_bytes(picture(n).point(lambda v: 170 + v // 3)), "day") for n in range(50, 90)]
    shots = [*dark, *light]
    shots[5] = shots[5]._replace(label="day")
    shots[60] = shots[60]._replace(label="night")
    context = make_context(shots)
    finding = the_finding(context, "label_error")
    assert dict(finding.labels) == {5: "night", 60: "day"}
    assert set(finding.scores) == {5, 60}
    classes, items, _ = apply(context.version, finding.fixes[0].edits)
    assert (classes[items[5].label], classes[items[60].label]) == ("night", "day")


def test_no_fix_reaches_a_test_picture(make_context: Make) -> None:
    dark = [Shot(as_bytes(picture(n).point(lambda v: v // 3)), "night") for n in range(40)]
    light = [Shot(as_bytes(picture(n).point(lambda v: 170 + v // 3)), "day") for n in range(50, 90)]
    sides = [["train", "train", "val", "test"][n % 4] for n in range(80)]
    shots = [shot._replace(split=side) for shot, side in zip([*dark, *light], sides, strict=True)]
    for n in (5, 7, 44, 47):  # two of them tested
        shots[n] = shots[n]._replace(label="day" if n < 40 else "night")
    shots.append(shots[11]._replace(label="day"))  # of a test picture, in the test
    context = make_context(shots)
    for finding in findings_of(context):
        changed = {n for fix in finding.fixes for edit in fix.edits for n in edit.get("items", ())}
        assert not {n for n in changed if context.is_tested(n)}, finding.kind
    labels = the_finding(context, "label_error")
    assert set(labels.labels) == {5, 7, 44, 47}
    assert sorted(labels.fixes[-1].edits[0]["items"]) == [5, 44]
    assert labels.fixes[0].label == "Relabel the 2 surest"
    assert "2 test pictures are left as they are" in labels.advice
    contradiction = the_finding(context, "contradiction")
    assert list(contradiction.fixes) == []
    assert contradiction.items == [11, 80]


def test_series_become_groups_that_no_split_tears(make_context: Make) -> None:
    chance = np.random.default_rng(0)
    shots = []
    for person in range(12):
        scene = picture(person, width=96, height=72)
        for n in range(10):
            grain = np.asarray(scene, np.float32) + chance.normal(0, 50, (72, 96, 1))
            data = as_bytes(Image.fromarray(grain.clip(0, 255).astype(np.uint8)))
            number = 20 * person + n
            shots.append(Shot(data, "ab"[n % 2], file=f"{'ab'[n % 2]}/IMG_{number:04}.png"))
    context = make_context(shots)
    finding = the_finding(context, "burst")
    classes, items, _ = apply(context.version, finding.fixes[0].edits)
    groups = [item.group for item in items]
    for person in range(12):
        assert len(set(groups[10 * person : 10 * person + 10])) == 1
    test = {item.group for item in items if item.split == "test"}
    assert test
    assert not test & {item.group for item in items if item.split != "test"}
    mended = make_context(
        [shot._replace(group=item.group, split=item.split)
         for shot, item in zip(shots, items, strict=True)],
        name="mended",
    )  # fmt: skip
    assert finding_or_none(mended, "burst") is None
    assert classes == ("a", "b")


def test_test_pictures_that_are_darker(make_context: Make) -> None:
    train = [shot._replace(split="train") for shot in noise(60, "a")]
    dark = [
        Shot(as_bytes(picture(100 + n).point(lambda v: v // 2)), split="test") for n in range(40)
    ]
    finding = the_finding(make_context(train + dark), "shift")
    assert "darker" in finding.title
    even = [shot._replace(split="test") for shot in noise(40, "a", 100)]
    assert finding_or_none(make_context(train + even, name="even"), "shift") is None


@pytest.mark.parametrize("move", [0.0, 0.3, 1.0])
def test_the_comparison_of_distributions_is_that_of_scipy(move: float) -> None:
    from scipy.stats import ks_2samp

    chance = np.random.default_rng(0)
    one, other = chance.normal(size=200), chance.normal(move, size=90)
    distance, probability = shift_check.kolmogorov_smirnov(one, other)
    reference = ks_2samp(one, other, method="asymp")
    assert distance == pytest.approx(reference.statistic)
    assert probability == pytest.approx(
        reference.pvalue, abs=0.05
    )  # scipy corrects for few pictures
    assert (probability < 0.001) == (reference.pvalue < 0.001) == (move == 1.0)


def test_refused_files_are_told(make_context: Make) -> None:
    refused = [{"file": "a/bad.jpg", "reason": "The file is empty."}]
    context = make_context(noise(20), report={"refused": refused, "notes": []})
    finding = the_finding(context, "undecodable")
    assert finding.title == "1 file could not be read."
    assert "a/bad.jpg: The file is empty." in finding.why
    assert list(finding.fixes) == []


def test_a_damaged_picture_is_a_finding_and_no_end(make_context: Make) -> None:
    from ml.data.store.originals import picture_path

    context = make_context(noise(20))
    picture_path(context.workspace, context.version.items[3].hash).unlink()
    assert the_finding(context, "undecodable").items == [3]


def test_suspects_that_are_mostly_right_are_minor_and_have_no_fix(
    make_context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(0)
    context = make_context([*noise(100, "a"), *noise(100, "b", 200)])
    # Classes that look alike: labels follow the probabilities, and no label was turned.
    logits = chance.normal(0, 2.5, 200)
    logits = np.where(np.abs(logits) < 1, 2.0, logits)
    probabilities = 1 / (1 + np.exp(-logits))
    context.labels = (chance.random(200) < probabilities).astype(np.int64)
    context.label_probabilities = np.stack([1 - probabilities, probabilities], 1)
    (finding,) = labels_check.label_errors(context)
    assert finding.severity == "low"
    assert list(finding.fixes) == []
    assert "Probably hardly any" in finding.why or "About 1 of" in finding.why
    sure = labels_check.Precision(0.9, 0.8, 1.0)
    monkeypatch.setattr(labels_check, "suspect_precision", lambda *_: sure)
    (finding,) = labels_check.label_errors(context)
    assert finding.severity in ("high", "medium")
    assert finding.fixes
