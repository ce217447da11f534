"""The figures of Evaluate, against the numbers that they draw."""

import plotly.graph_objects as go

from dashboard.charts import evaluation as evaluation_charts
from dashboard.queries.run_comparison import Curve, overlay
from dashboard.server.static import CARTESIAN_BUNDLE, plotly_name


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
        evaluation_charts.per_class([entry]),
        evaluation_charts.reliability(bins),
        evaluation_charts.thresholds([0.5, 0.9], [False, True], 0.6),
        overlay([Curve("a", "A", (1, 2), (0.5, 0.7))], "accuracy"),
    ]
    for figure in figures:
        assert drawable(figure).data
        assert plotly_name(trace.type for trace in drawable(figure).data) == CARTESIAN_BUNDLE


def test_the_weakest_class_comes_first():
    entries = [
        {"class": "b", "precision": 1, "recall": 1, "f1": 1.0, "support": 3},
        {"class": "a", "precision": 0.1, "recall": 0.1, "f1": 0.1, "support": 9},
        {"class": "C", "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1},
    ]
    names = {
        order: [e["class"] for e in evaluation_charts.in_order(entries, order)]
        for order in evaluation_charts.ORDERS
    }
    assert names == {
        "Weakest first": ["a", "C", "b"],
        "By name": ["a", "b", "C"],
        "Most pictures first": ["a", "b", "C"],
    }
    assert (
        evaluation_charts.per_class(evaluation_charts.in_order(entries, "Weakest first"))["data"][
            0
        ]["y"][0]
        == "a"
    )


def test_a_threshold_answers_less_and_is_right_more_often():
    confidence, right = [0.3, 0.5, 0.7, 0.9], [False, False, True, True]
    figure = evaluation_charts.thresholds(confidence, right, 0.6)
    correct, answered = (dict(zip(t["x"], t["y"], strict=True)) for t in figure["data"])
    assert (answered[0], correct[0]) == (100, 50)
    assert (answered[60], correct[60]) == (50, 100)
    assert (answered[92], correct[92]) == (0, None)
