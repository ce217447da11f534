"""The figures of Evaluate, against the numbers that they draw."""

import plotly.graph_objects as go
import pytest

from dashboard import charts_evaluate as charts
from dashboard.comparison import Curve

CONFUSION = [[8, 2, 0], [1, 9, 0], [0, 3, 7]]
CLASSES = ["glass", "metal", "paper"]


def drawable(figure):
    """Plotly itself accepts the figure, once theme colours are colours."""

    def plain(value, key=""):
        if isinstance(value, dict):
            return {name: plain(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [plain(item, key) for item in value]
        known = isinstance(value, str) and value.startswith("$") and "color" in key
        return "#123456" if known else value

    return go.Figure(plain(figure))


def test_every_figure_is_one_that_plotly_draws():
    entry = {"class": "glass", "precision": 0.5, "recall": 0.6, "f1": 0.55, "support": 4}
    bins = [{"low": 0.5, "high": 0.6, "pictures": 3, "confidence": 0.55, "accuracy": 0.66}]
    figures = [
        charts.matrix(CONFUSION, CLASSES, chosen=(0, 1)),
        charts.per_class([entry]),
        charts.reliability(bins),
        charts.thresholds([0.5, 0.9], [False, True], 0.6),
        charts.overlay([Curve("a", "A", (1, 2), (0.5, 0.7))], "val_accuracy"),
    ]
    for figure in figures:
        assert drawable(figure).data


def test_rows_of_the_matrix_are_the_truth():
    trace = charts.matrix(CONFUSION, CLASSES)["data"][0]
    layout = charts.matrix(CONFUSION, CLASSES)["layout"]
    assert trace["z"] == CONFUSION
    assert trace["y"] == trace["x"] == CLASSES
    assert layout["yaxis"]["title"] == "Truth"
    assert layout["xaxis"]["title"] == "Guess"
    assert layout["yaxis"]["autorange"] == "reversed"
    assert "2 of 10 <b>glass</b><br>taken for <b>metal</b> (20 %)" in trace["customdata"][0][1]


def test_percent_are_those_of_the_row():
    trace = charts.matrix(CONFUSION, CLASSES, share=True)["data"][0]
    assert trace["z"] == [[80, 20, 0], [10, 90, 0], [0, 30, 70]]


def test_a_class_without_pictures_is_no_division_by_zero():
    trace = charts.matrix([[0, 0], [1, 3]], ["a", "b"], share=True)["data"][0]
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
    assert ("texttemplate" in figure["data"][0]) == (number <= charts.NUMBERED)
    assert 240 <= charts.matrix_height(number) <= 820


def test_names_of_classes_are_text_and_not_tags():
    hostile = ['<b onclick="x">bold</b>', "a & b"]
    figure = charts.matrix([[1, 1], [0, 1]], hostile)
    shown = figure["layout"]["xaxis"]["ticktext"] + figure["data"][0]["customdata"][0]
    assert not any("<b onclick" in text for text in shown)
    assert "&lt;b onclick" in figure["data"][0]["customdata"][0][0]


def test_the_most_confused_classes_are_found_in_their_order():
    confusion = [[9, 0, 0, 0], [0, 5, 0, 4], [0, 0, 9, 0], [0, 2, 0, 7]]
    assert charts.most_confused(confusion, 2) == [1, 3]
    trace = charts.matrix(confusion, list("abcd"), shown=[1, 3])["data"][0]
    assert trace["z"] == [[5, 4], [2, 7]]


def test_the_chosen_cell_is_framed():
    frame = charts.matrix(CONFUSION, CLASSES, chosen=(2, 1))["layout"]["shapes"][0]
    assert (frame["x0"], frame["x1"], frame["y0"], frame["y1"]) == (0.5, 1.5, 1.5, 2.5)
    row = charts.matrix(CONFUSION, CLASSES, chosen=(0, None))["layout"]["shapes"][0]
    assert (row["x0"], row["x1"], row["y0"], row["y1"]) == (-0.5, 2.5, -0.5, 0.5)


def test_the_weakest_class_comes_first():
    entries = [
        {"class": "b", "precision": 1, "recall": 1, "f1": 1.0, "support": 3},
        {"class": "a", "precision": 0.1, "recall": 0.1, "f1": 0.1, "support": 9},
        {"class": "C", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1},
    ]
    names = {
        order: [e["class"] for e in charts.in_order(entries, order)] for order in charts.ORDERS
    }
    assert names == {
        "Weakest first": ["a", "C", "b"],
        "By name": ["a", "b", "C"],
        "Most pictures first": ["a", "b", "C"],
    }
    assert charts.per_class(charts.in_order(entries, "Weakest first"))["data"][0]["y"][0] == "a"


def test_a_threshold_answers_less_and_is_right_more_often():
    confidence, right = [0.3, 0.5, 0.7, 0.9], [False, False, True, True]
    figure = charts.thresholds(confidence, right, 0.6)
    correct, answered = (dict(zip(t["x"], t["y"], strict=True)) for t in figure["data"])
    assert (answered[0], correct[0]) == (100, 50)
    assert (answered[60], correct[60]) == (50, 100)
    assert (answered[92], correct[92]) == (0, None)
