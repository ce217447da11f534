"""The confusion matrix, against the counts that it draws."""

import tomllib

import pytest

from dashboard.charts import confusion_matrix
from dashboard.server.static import ROOT
from dashboard.text.class_names import MAX_LABEL_LENGTH
from ml.evaluation import results

CONFUSION = [[8, 2, 0], [1, 9, 0], [0, 3, 7]]
CLASSES = ["glass", "metal", "paper"]


def test_rows_of_the_matrix_are_the_truth():
    figure = confusion_matrix.matrix(CONFUSION, CLASSES)
    assert figure["values"] == CONFUSION
    assert figure["names"] == CLASSES
    assert figure["most"] == 9
    assert figure["said"][0][1].startswith("2 of 10 glass\ntaken for metal (20 %)")
    assert figure["said"][2][2].startswith("7 of 10 paper\nrecognised (70 %)")


def test_percent_are_those_of_the_row_or_of_the_column():
    figure = confusion_matrix.matrix(CONFUSION, CLASSES, share="row")
    assert figure["values"] == [[80, 20, 0], [10, 90, 0], [0, 30, 70]]
    figure = confusion_matrix.matrix(CONFUSION, CLASSES, share="column", shown=[2, 1])
    assert figure["values"] == [[100, 21.43], [0, 64.29]], "of all 14 guesses, shown or not"
    assert figure["names"] == ["paper", "metal"]


def test_classes_are_ordered_by_their_mistakes():
    assert results.by_confusion(CONFUSION) == [1, 0, 2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_number_is_legible_on_its_cell(theme):
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    colours = config["theme"][theme]
    steps = colours["chartSequentialColors"]
    for percent in range(101):
        cell = tone(confusion_matrix.SCALE, steps, percent / 100)
        text = colours[
            "textColor" if percent / 100 < confusion_matrix.LIGHT_TEXT_FROM else "backgroundColor"
        ]
        assert contrast(cell, rgb(text)) >= 4.5, percent


def rgb(text):
    return tuple(int(text[place : place + 2], 16) for place in (1, 3, 5))


def tone(scale, steps, share):
    """The colour at ``share``, mixed from the stops around it."""
    above = next(place for place, (end, _) in enumerate(scale) if share < end or end == 1)
    (start, first), (end, second) = scale[above - 1], scale[above]
    part = (share - start) / (end - start)
    ends = rgb(steps[first]), rgb(steps[second])
    return tuple(a + part * (b - a) for a, b in zip(*ends, strict=True))


def contrast(one, other):
    """As the Web Content Accessibility Guidelines define it."""

    def luminance(colour):
        parts = [part / 255 for part in colour]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_class_without_pictures_is_no_division_by_zero():
    figure = confusion_matrix.matrix([[0, 0], [1, 3]], ["a", "b"], share="row")
    assert figure["values"] == [[0, 0], [25, 75]]
    assert figure["said"][0][0] == "0 of 0 a\nrecognised"


@pytest.mark.parametrize("number", [2, 16, 17, 40, 100])
def test_names_are_shortened_and_still_told_apart(number):
    classes = [f"a class with a rather long name {place}" for place in range(number)]
    confusion = [[5 if row == column else 0 for column in range(number)] for row in range(number)]
    figure = confusion_matrix.matrix(confusion, classes)
    assert figure["names"] == classes
    assert len(set(figure["labels"])) == number
    assert all(len(text) <= MAX_LABEL_LENGTH for text in figure["labels"])


def test_the_most_confused_classes_are_found_in_their_order():
    confusion = [[9, 0, 0, 0], [0, 5, 0, 4], [0, 0, 9, 0], [0, 2, 0, 7]]
    assert results.most_confused(confusion, 2) == [1, 3]
    assert confusion_matrix.matrix(confusion, list("abcd"), shown=[1, 3])["values"] == [
        [5, 4],
        [2, 7],
    ]


def test_the_chosen_cell_row_or_column_is_framed():
    def framed(*chosen, **settings):
        return confusion_matrix.matrix(CONFUSION, CLASSES, chosen=chosen, **settings)["frame"]

    assert framed(2, 1) == (2, 2, 1, 1)
    assert framed(0, None) == (0, 0, 0, 2)
    assert framed(None, 0, shown=[2, 0]) == (0, 1, 1, 1)
    assert framed(None, None) is None
    assert framed(1, 1, shown=[2, 0]) is None
