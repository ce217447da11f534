"""The charts of Data: what they show, and that names of any kind are text."""

import pytest

from dashboard.charts import dataset as dataset_charts
from ml.data.store.versions import DatasetVersion, Item


def version(*labels: int, classes: int = 3) -> DatasetVersion:
    items = tuple(Item(f"{n:064}", label, file=f"<b>{n}") for n, label in enumerate(labels))
    return DatasetVersion("x", 1, tuple(f"c<{n}>" for n in range(classes)), items, "f", {})


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({}, "No class yet"),
        ({"a": 3, "b": 0}, "b has no picture"),
        ({"a": 30, "b": 25}, "Every class has about as many pictures"),
        ({"a": 90, "b": 30, "c": 50}, "a has 3 times as many pictures as b"),
    ],
)
def test_the_balance_is_said_in_words(counts: dict[str, int], sentence: str) -> None:
    assert dataset_charts.balance_finding(counts) == sentence


def test_only_so_many_classes_are_bars_and_what_is_excluded_stands_behind() -> None:
    used = {f"class {n}": n for n in range(40)}
    shown = dataset_charts.balance(used, {"class 2": 5})["data"]
    assert [len(trace["y"]) for trace in shown] == [dataset_charts.MAX_BARS] * 2
    assert shown[1]["x"][2] == 5
    assert len(dataset_charts.balance(used, {})["data"]) == 1


def test_sizes_and_shapes_count_every_picture_once() -> None:
    sizes = [(20, 31), (32, 64), (5000, 2048), (100, 400), (400, 100), (50, 50)]
    for figure in (dataset_charts.sides(sizes), dataset_charts.shapes(sizes)):
        assert sum(figure["data"][0]["y"]) == len(sizes)
    sides = dict(zip(*(dataset_charts.sides(sizes)["data"][0][axis] for axis in "xy"), strict=True))
    assert (sides["to 31"], sides["to 63"], sides["2048 up"]) == (1, 2, 1)


def test_the_map_colours_classes_and_leaves_out_what_lies_nowhere() -> None:
    made = version(0, 1, 1, 2)
    traces = dataset_charts.similarity(made, [0, 1, None, 1], [0, 1, None, 0], [0, 1], "t")["data"]
    by_name = {trace["name"]: trace["customdata"] for trace in traces}
    assert by_name == {"c&lt;0&gt;": [0], "c&lt;1&gt;": [1], "Other classes": [3]}
    assert "<b>" not in "".join(traces[0]["text"]).replace("<br>", "")


def test_neighbours_begin_with_the_picture_itself() -> None:
    x, y = [0.0, 0.1, 0.9, None, 0.0], [0.0, 0.0, 0.9, None, 0.0]
    assert dataset_charts.neighbours(x, y, 1, 3) == [1, 0, 4]
