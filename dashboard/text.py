"""Shares with their intervals, and text that came from outside, as the pages write them."""

import math
import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")


def rounded(value: float | None) -> str:
    """A share (0 to 1) in percent, whole where that does not hide something.

    >>> rounded(0.884), rounded(0.9991), rounded(1.0), rounded(None)
    ('88 %', '99.9 %', '100 %', '–')
    """
    return "–" if value is None or not math.isfinite(value) else f"{_digits(value)} %"


def _digits(value: float) -> str:
    """The number of percent: finer where a whole one would say "all" or "none" wrongly."""
    percent = 100 * value
    for digits in range(4):
        text = f"{percent:.{digits}f}"
        if float(text) not in (0.0, 100.0) or percent in (0.0, 100.0):
            return text
    return text


def span(interval: object) -> str:
    """A 95 % interval of shares as "83 to 92"; empty where there is none.

    >>> span([0.8312, 0.921])
    '83 to 92'
    """
    if not isinstance(interval, (list, tuple)) or len(interval) != 2:
        return ""
    low, high = interval
    if not all(isinstance(end, (int, float)) and math.isfinite(end) for end in (low, high)):
        return ""
    return f"{_digits(low)} to {_digits(high)}"


def with_span(value: float | None, interval: object) -> str:
    """A share and its interval: "88 % (83 to 92)"."""
    around = span(interval)
    return f"{rounded(value)} ({around})" if around else rounded(value)


def plain(text: str) -> str:
    """``text`` for a place that reads Markdown: shown as it stands, on one line.

    >>> plain("*b*")
    '\\\\*b\\\\*'
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def shortened(text: str, length: int) -> str:
    """``text`` with its middle left out where it is longer than ``length`` characters.

    >>> shortened("a rather long class name", 11)
    'a rat… name'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"
