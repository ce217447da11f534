"""The confusion matrix, against the counts that it draws."""

import tomllib

import pytest

from dashboard import charts_matrix as charts
from dashboard.static import ROOT
from ml import results

CONFUSION = [[8, 2, 0], [1, 9, 0], [0, 3, 7]]
CLASSES = ["glass", "metal", "paper"]


def test_rows_of_the_matrix_are_the_truth():
    trace = charts.matrix(CONFUSION, CLASSES)["data"][0]
    layout = charts.matrix(CONFUSION, CLASSES)["layout"]
    assert trace["z"] == CONFUSION
    assert trace["y"] == trace["x"] == CLASSES
    assert layout["yaxis"]["title"] == "Truth (the label)"
    assert layout["xaxis"]["title"] == "Guess (what the model said)"
    assert layout["yaxis"]["autorange"] == "reversed"
    assert "2 of 10 <b>glass</b><br>taken for <b>metal</b> (20 %)" in trace["customdata"][0][1]


def test_percent_are_those_of_the_row_or_of_the_column():
    trace = charts.matrix(CONFUSION, CLASSES, share="row")["data"][0]
    assert trace["z"] == [[80, 20, 0], [10, 90, 0], [0, 30, 70]]
    trace = charts.matrix(CONFUSION, CLASSES, share="column", shown=[2, 1])["data"][0]
    assert trace["z"] == [[100, 21.43], [0, 64.29]], "of all 14 guesses, shown or not"
    assert trace["x"] == trace["y"] == ["paper", "metal"]


def test_classes_are_ordered_by_their_mistakes():
    assert results.by_confusion(CONFUSION) == [1, 0, 2]


def test_the_numbers_in_the_cells_are_those_that_are_not_zero():
    numbers = charts.matrix(CONFUSION, CLASSES)["data"][1]
    shown = {
        (row, column): int(text)
        for row, column, text in zip(numbers["y"], numbers["x"], numbers["text"], strict=True)
    }
    assert shown == {
        (CLASSES[row], CLASSES[column]): CONFUSION[row][column]
        for row in range(3)
        for column in range(3)
        if CONFUSION[row][column]
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_number_is_legible_on_its_cell(theme):
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    colours = config["theme"][theme]
    scale, steps = charts._SCALE, colours["chartSequentialColors"]
    for percent in range(101):
        cell = tone(scale, steps, percent / 100)
        text = colours["textColor" if percent / 100 < charts.FLIP else "backgroundColor"]
        assert contrast(cell, rgb(text)) >= 4.5, percent


def rgb(text):
    return tuple(int(text[place : place + 2], 16) for place in (1, 3, 5))


def tone(scale, steps, share):
    """The colour at ``share``, as Plotly mixes it from the stops around it."""
    above = next(place for place, (end, _) in enumerate(scale) if share < end or end == 1)
    (start, first), (end, second) = scale[above - 1], scale[above]
    part = (share - start) / (end - start)
    ends = [rgb(steps[int(token.removeprefix("$seq"))]) for token in (first, second)]
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
    trace = charts.matrix([[0, 0], [1, 3]], ["a", "b"], share="row")["data"][0]
    assert trace["z"] == [[0, 0], [25, 75]]


@pytest.mark.parametrize("number", [2, 16, 17, 40, 100])
def test_any_number_of_classes_stays_legible(number):
    classes = [f"a class with a rather long name {place}" for place in range(number)]
    confusion = [[5 if row == column else 0 for column in range(number)] for row in range(number)]
    figure = charts.matrix(confusion, classes)
    for axis in (figure["layout"]["xaxis"], figure["layout"]["yaxis"]):
        shown = axis["ticktext"] if number <= charts.NAMED else axis["labelalias"].values()
        assert len(shown) == number
        assert len(set(shown)) == number
        assert all(len(text) <= charts.LABEL for text in shown)
        assert axis.get("nticks", number) <= 50
    assert (len(figure["data"]) == 2) == (number <= charts.NUMBERED)
    assert 240 <= charts.matrix_height(number) <= 820


def test_names_of_classes_are_text_and_not_tags():
    hostile = ['<b onclick="x">bold</b>', "a & b"]
    figure = charts.matrix([[1, 1], [0, 1]], hostile)
    shown = figure["layout"]["xaxis"]["ticktext"] + figure["data"][0]["customdata"][0]
    assert not any("<b onclick" in text for text in shown)
    assert "&lt;b onclick" in figure["data"][0]["customdata"][0][0]


def test_the_most_confused_classes_are_found_in_their_order():
    confusion = [[9, 0, 0, 0], [0, 5, 0, 4], [0, 0, 9, 0], [0, 2, 0, 7]]
    assert results.most_confused(confusion, 2) == [1, 3]
    trace = charts.matrix(confusion, list("abcd"), shown=[1, 3])["data"][0]
    assert trace["z"] == [[5, 4], [2, 7]]


def test_the_chosen_cell_is_framed():
    frame = charts.matrix(CONFUSION, CLASSES, chosen=(2, 1))["layout"]["shapes"][0]
    assert (frame["x0"], frame["x1"], frame["y0"], frame["y1"]) == (0.5, 1.5, 1.5, 2.5)
    row = charts.matrix(CONFUSION, CLASSES, chosen=(0, None))["layout"]["shapes"][0]
    assert (row["x0"], row["x1"], row["y0"], row["y1"]) == (-0.5, 2.5, -0.5, 0.5)
