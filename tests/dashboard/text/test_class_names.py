"""Names of classes in Plotly figures: short, told apart, and text whatever they hold."""

import pytest

from dashboard.text.class_names import MAX_LABEL_LENGTH, MAX_NAMED_CLASSES, class_axis


@pytest.mark.parametrize("number", [2, 25, 26, 100])
def test_any_number_of_classes_stays_legible(number):
    axis = class_axis([f"a class with a rather long name {place}" for place in range(number)])
    shown = axis["ticktext"] if number <= MAX_NAMED_CLASSES else axis["labelalias"].values()
    assert len(set(shown)) == number
    assert all(len(text) <= MAX_LABEL_LENGTH for text in shown)
    assert axis.get("nticks", number) <= MAX_NAMED_CLASSES


def test_names_of_classes_are_text_and_not_tags():
    assert class_axis(["<b>bold</b>", "a & b"])["ticktext"] == [
        "&lt;b&gt;bold&lt;/b&gt;",
        "a &amp; b",
    ]
