"""Charts of Data: class balance, sizes, splits and similarity map as Plotly figures. Pure.

Colours are the names of the theme that ``dashboard.components.widgets.plot`` knows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.text.class_names import MAX_LABEL_LENGTH, class_axis, literal
from dashboard.text.markdown import shortened
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion

MAX_BARS = 24
"""More classes than this are not drawn as bars; the table has them all."""
MAX_COLOURS = 8
"""There are so many colours for the classes on the map. With more classes, the last of them, a
grey, is that of the others."""
MAX_HOVER_POINTS = 5000
"""With more points than this, hovering names the class alone: the names would weigh megabytes."""
SIDES = (0, 32, 64, 128, 256, 512, 1024, 2048)
SHAPES = (
    (0.0, "Very tall"),
    (0.5, "Tall"),
    (0.9, "Square"),
    (1.12, "Wide"),
    (2.01, "Very wide"),
)


def balance(used: Mapping[str, int], excluded: Mapping[str, int]) -> dict[str, Any]:
    """Pictures of each class as bars, what is excluded behind them; the first is on top."""
    names = list(used)[:MAX_BARS]

    def trace(name: str, values: Mapping[str, int], colour: str) -> dict[str, Any]:
        return {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": [values.get(one, 0) for one in names],
            "y": names,
            "marker": {"color": colour},
            "customdata": [literal(one) for one in names],
            "hovertemplate": f"%{{customdata}}: %{{x}}<extra>{name}</extra>",
        }

    traces = [trace("In use", used, "$seq6")]
    if any(excluded.values()):
        traces.append(trace("Excluded", excluded, "$muted/0.4"))
    return {
        "data": traces,
        "layout": {
            "barmode": "stack",
            "bargap": 0.35,
            "showlegend": len(traces) > 1,
            "xaxis": {"rangemode": "tozero", "tickformat": ",d"},
            "yaxis": {**class_axis(names), "range": [len(names) - 0.5, -0.5]},
        },
    }


def balance_finding(counts: Mapping[str, int]) -> str:
    """What the bars say, in a few words; long names are shortened."""
    if not counts:
        return "No class yet"
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    smallest_name, largest_name = (
        shortened(smallest, MAX_LABEL_LENGTH),
        shortened(largest, MAX_LABEL_LENGTH),
    )
    if not counts[smallest]:
        return f"{smallest_name} has no picture"
    times = counts[largest] / counts[smallest]
    if times < 1.5:
        return "Every class has about as many pictures"
    return f"{largest_name} has {times:.2g} times as many pictures as {smallest_name}"


def sides(sizes: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """How many pictures are how large, by their shorter side in pixels."""
    labels = [*(f"to {high - 1}" for high in SIDES[1:]), f"{SIDES[-1]} up"]
    counts = Counter(sum(min(size) >= low for low in SIDES) - 1 for size in sizes)
    return _bars(labels, [counts[place] for place in range(len(SIDES))], "Shorter side, pixels")


def shapes(sizes: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """How many pictures have which shape, by width over height."""
    counts = Counter(
        sum(width / max(1, height) >= low for low, _ in SHAPES) - 1 for width, height in sizes
    )
    return _bars(
        [name for _, name in SHAPES], [counts[place] for place in range(len(SHAPES))], "Shape"
    )


def similarity(
    version: DatasetVersion,
    x: Sequence[float | None],
    y: Sequence[float | None],
    coloured: Sequence[int],
    token: str,
) -> dict[str, Any]:
    """The similarity map: a point a picture, in the colour of its class; its customdata is its item
    number. A picture without a place is left out.

    Args:
        coloured: the classes with a colour of their own, of which ``MAX_COLOURS`` are used.
        token: a selection lasts until it changes.
    """
    place_of = {label: place for place, label in enumerate(coloured[:MAX_COLOURS])}
    items_of_colour: dict[int, list[int]] = {place: [] for place in (-1, *place_of.values())}
    for n, item in enumerate(version.items):
        if x[n] is not None:
            items_of_colour[place_of.get(item.label, -1)].append(n)
    traces = [
        {
            **_points(version, numbers, coloured[place] if place >= 0 else None, place),
            "x": [x[n] for n in numbers],
            "y": [y[n] for n in numbers],
        }
        for place, numbers in items_of_colour.items()
        if numbers
    ]
    plain = {"visible": False, "showgrid": False, "zeroline": False}
    return {
        "data": traces,
        "layout": {
            "dragmode": "lasso",
            "selectionrevision": token,
            "hovermode": "closest",
            "xaxis": plain,
            "yaxis": {**plain, "scaleanchor": "x"},
        },
    }


def _points(
    version: DatasetVersion, numbers: Sequence[int], label: int | None, colour: int
) -> dict[str, Any]:
    """The trace, without coordinates, of the items ``numbers`` of class ``label``; None for the
    classes without a colour of their own."""
    items = [version.items[n] for n in numbers]
    name = version.classes[label] if label is not None else "Other classes"
    with_names = len(version.items) <= MAX_HOVER_POINTS
    pattern = "%{text}" if with_names else literal(name)
    hover = [f"{literal(version.classes[i.label])}<br>{literal(i.file[-60:])}" for i in items]
    opacity = 0.8 if label is not None else 0.4
    return {
        "type": "scatter" if with_names else "scattergl",
        "mode": "markers",
        "name": literal(shortened(name, 28)),
        "customdata": numbers,
        "text": hover if with_names else None,
        "marker": {
            "color": f"$cat{colour}" if label is not None else "$muted",
            "size": 8 if with_names else 5,
            "opacity": [0.2 if item.excluded else opacity for item in items],
        },
        "hovertemplate": f"{pattern}<extra></extra>",
    }


def neighbours(
    x: Sequence[float | None], y: Sequence[float | None], place: int, number: int
) -> list[int]:
    """The picture at ``place`` and those nearest to it on the map, ``number`` in all."""
    middle = x[place] or 0.0, y[place] or 0.0
    distance = {
        n: (across - middle[0]) ** 2 + (down - middle[1]) ** 2
        for n, (across, down) in enumerate(zip(x, y, strict=True))
        if across is not None and down is not None
    }
    return sorted(distance, key=lambda n: (n != place, distance[n]))[:number]


def _bars(labels: Sequence[str], values: Sequence[int], title: str) -> dict[str, Any]:
    return {
        "data": [
            {
                "type": "bar",
                "name": "Pictures",
                "x": list(labels),
                "y": list(values),
                "marker": {"color": "$seq6"},
                "customdata": [count(value, "picture") for value in values],
                "hovertemplate": "%{x}: %{customdata}<extra></extra>",
            }
        ],
        "layout": {
            "bargap": 0.3,
            "xaxis": {"title": title, "type": "category"},
            "yaxis": {"rangemode": "tozero", "tickformat": ",d"},
        },
    }
