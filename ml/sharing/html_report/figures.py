"""The drawings of the report, as SVG inside the page: colours are classes of the style sheet.

Each stands beside a table that says the same.
"""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from ml.evaluation.learning_curve import accuracy_title
from ml.metrics.report import bin_interval
from ml.sharing.html_report.svg import element

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 74, 24, 12, 46
"""What a chart keeps free for its axes, in its own units."""
Ticks = Sequence[tuple[float, str]]
"""Where an axis has a label, and what it says."""
BAR = 120
"""The width that stands for 100 %."""


def bars(shares: Sequence[float], mark: float | None = None) -> Markup:
    """Thin bars of shares 0 to 1, one under another; ``mark`` is a dashed line across them."""
    height = 10 * len(shares) + 2
    parts = []
    for place, share in enumerate(shares):
        y = 10 * place + 2
        parts.append(element("rect", x=0, y=y, width=BAR, height=8, class_="track"))
        length = round(BAR * share, 1)
        parts.append(element("rect", x=0, y=y, width=length, height=8, class_=f"fill{place}"))
    if mark is not None:
        x = round(BAR * mark, 1)
        parts.append(element("line", x1=x, x2=x, y1=0, y2=height, class_="mark"))
    box = f"0 0 {BAR} {height}"
    return element("svg", *parts, viewBox=box, width=BAR, height=height, class_="bars", **HIDDEN)


HIDDEN: dict[str, Any] = {"aria_hidden": "true", "focusable": "false"}
"""Of a drawing that only repeats the numbers beside it."""


class Axes:
    """A chart's frame: where shares 0 to 1 of a value range lie, and the lines and words around.

    ``across`` and ``up`` are (low, high) of both axes.
    """

    def __init__(self, across: tuple[float, float], up: tuple[float, float]) -> None:
        self.across, self.up = across, up

    def x(self, value: float) -> float:
        """Where ``value`` lies across."""
        low, high = self.across
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low), 1)

    def y(self, value: float) -> float:
        """Where ``value`` lies up."""
        low, high = self.up
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low), 1)

    def frame(self, xs: Ticks, ys: Ticks, titles: tuple[str, str]) -> list[Markup]:
        """Grid lines with their labels, and the titles of both axes."""
        parts = []
        left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
        for value, label in ys:
            y = self.y(value)
            parts.append(element("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
            parts.append(element("text", label, x=left - 6, y=y + 4, text_anchor="end"))
        for value, label in xs:
            x = self.x(value)
            parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="grid"))
            parts.append(element("text", label, x=x, y=bottom + 17, text_anchor="middle"))
        middle = (TOP + bottom) / 2
        about: dict[str, Any] = {"text_anchor": "middle", "class_": "axis"}
        across = element("text", titles[0], x=(left + right) / 2, y=HEIGHT - 8, **about)
        turned = f"rotate(-90 14 {middle})"
        up = element("text", titles[1], x=14, y=middle, transform=turned, **about)
        return [*parts, across, up]

    def whisker(self, x: float, ends: Sequence[float], class_: str | None = None) -> Markup:
        """A 95 % interval (low, high) at ``x``."""
        place, (low, high) = self.x(x), (self.y(end) for end in ends)
        left = place - 4
        path = f"M{place} {low}V{high}M{left} {low}h8M{left} {high}h8"
        return element("path", d=path, class_=class_)

    def line(self, points: Sequence[tuple[float, float]], class_: str) -> Markup:
        """A line through points."""
        path = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)
        return element("polyline", points=path, class_=class_)

    def dot(self, x: float, y: float, size: float, class_: str) -> Markup:
        """A point."""
        return element("circle", cx=self.x(x), cy=self.y(y), r=round(size, 1), class_=class_)


def chart(parts: Sequence[Markup], alt: str) -> Markup:
    """The chart of ``parts``, for those who see it and for those who are told."""
    return element(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="chart", role="img", aria_label=alt
    )


def percents(low: int = 0, step: int = 20) -> list[tuple[float, str]]:
    """Ticks in percent from ``low`` to 100."""
    return [(value / 100, f"{value} %") for value in range(low, 101, step)]


def reliability(
    bins: Sequence[dict[str, float]], before: Sequence[dict[str, float]], alt: str
) -> Markup:
    """How often guesses of about the same probability are right; on the dashed line they mean it.

    ``bins`` and ``before`` are those of a report's calibration.
    """
    axes = Axes((0.0, 1.0), (0.0, 1.0))
    parts = axes.frame(percents(), percents(), ("Probability given", "Share right"))
    parts.append(axes.line([(0, 0), (1, 1)], "ideal"))
    earlier = [(entry["confidence"], entry["accuracy"]) for entry in before]
    parts += [axes.line(earlier, "before"), *(axes.dot(x, y, 3, "hollow") for x, y in earlier)]
    parts.append(axes.line([(entry["confidence"], entry["accuracy"]) for entry in bins], "now"))
    most = max((entry["pictures"] for entry in bins), default=1)
    for entry in bins:
        share = entry["accuracy"]
        parts.append(axes.whisker(entry["confidence"], bin_interval(entry)))
        size = 3 + 6 * (entry["pictures"] / most) ** 0.5
        parts.append(axes.dot(entry["confidence"], share, size, "point"))
    return chart(parts, alt)


def learning_curve(measured: dict[str, Any]) -> Markup:
    """Accuracy by training pictures, of ``ml.evaluation.learning_curve``; hollow is
    what may come."""
    points = measured["points"]
    last = points[-1]
    ahead = measured["twice"] or ()
    most = last["train"] * (2 if ahead else 1)
    ends = [end for point in points for end in point["interval"]]
    low = max(0, 10 * int(10 * min(ends)))
    axes = Axes((0, most), (low / 100, 1.0))
    xs = [(most * part / 4, f"{most * part / 4:,.0f}") for part in range(5)]
    ys = percents(low, 20 if low < 40 else 10)
    parts = axes.frame(xs, ys, ("Training pictures", accuracy_title(measured)))
    parts.append(axes.line([(point["train"], point["accuracy"]) for point in points], "now"))
    for point in points:
        parts.append(axes.whisker(point["train"], point["interval"]))
        parts.append(axes.dot(point["train"], point["accuracy"], 5, "point"))
    if ahead:
        bounds = [min(1.0, last["accuracy"] + end) for end in ahead]
        parts.append(axes.whisker(most, bounds, "ahead"))
        parts.append(axes.dot(most, sum(bounds) / 2, 5, "hollow"))
    return chart(parts, str(measured["finding"]))
