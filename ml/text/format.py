"""Formatting: shares, counts, lists, times and sizes for pages, shell and report. Light."""

import math
from collections.abc import Sequence


def percentage(share: float | None, *, digits: int | None = None) -> str:
    """A share (0 to 1) in percent, "–" where there is none.

    Args:
        digits: decimals; by default none, but as many as keep "0 %" and "100 %" from being said of
            what is neither.

    >>> percentage(0.884), percentage(0.9991), percentage(1.0), percentage(None)
    ('88 %', '99.9 %', '100 %', '–')
    >>> percentage(0.8766, digits=1)
    '87.7 %'
    """
    if share is None or not math.isfinite(share):
        return "–"
    return f"{_digits(share)} %" if digits is None else f"{100 * share:.{digits}f} %"


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
    return f"{percentage(value)} ({around})" if around else percentage(value)


def shortened(text: str, length: int) -> str:
    """``text`` with its middle left out where it is longer than ``length`` characters.

    >>> shortened("a rather long class name", 11)
    'a rat… name'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def number(value: float | None, digits: int = 3) -> str:
    """A figure with so many digits that matter, never in powers of ten.

    >>> number(0.034567), number(0.5), number(12876.0)
    ('0.0346', '0.500', '12,900')
    """
    if value is None:
        return "–"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    after = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, after):,.{max(0, min(after, 8))}f}"


def count(value: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> count(1, "picture"), count(1200, "picture")
    ('1 picture', '1,200 pictures')
    """
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def is_or_are(number: int) -> str:
    """``is`` of one, ``are`` of any other number."""
    return "is" if number == 1 else "are"


def has_or_have(number: int) -> str:
    """``has`` of one, ``have`` of any other number."""
    return "has" if number == 1 else "have"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names as part of a sentence; of many the first few and how many more.

    >>> listed(["a", "b", "c"]), listed("abcdefg"), listed([])
    ('a, b and c', 'a, b, c, d, e and 2 more', '')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def duration(seconds: float | None) -> str:
    """How long, in the unit that fits.

    >>> duration(42), duration(200), duration(7300)
    ('42 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds is None:
        return "–"
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        minutes, rest = divmod(total, 60)
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, rest = divmod(total, 3600)
    return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"


def size(octets: float) -> str:
    """An amount of memory.

    >>> size(1_500_000_000)
    '1.5 GB'
    """
    return f"{octets / 1e9:.1f} GB" if octets >= 1e9 else f"{octets / 1e6:.0f} MB"
