"""Numbers and states in words, the same on every page."""

import math
import time

STATUS_WORDS = {
    "queued": "Waiting",
    "running": "Training",
    "stopped": "Stopped",
    "finished": "Finished",
    "failed": "Failed",
    "interrupted": "Interrupted",
}

PHASE_WORDS = {
    "prepare": "Preparing",
    "download": "Fetching weights",
    "features": "Looking at pictures",
    "train": "Training",
    "evaluate": "Testing",
    "export": "Packing the model",
    "folds": "Training on folds",
}


def percent(value: float | None, digits: int = 1) -> str:
    """A share of 0 to 1 as per cent.

    >>> percent(0.8766)
    '87.7 %'
    """
    return "–" if value is None else f"{100 * value:.{digits}f} %"


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


def duration(seconds: float | None) -> str:
    """How long, in the unit that fits.

    >>> duration(42), duration(200), duration(7300)
    ('42 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, rest = divmod(whole, 3600)
    return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"


def roughly(seconds: float) -> str:
    """An estimate, no finer than it can be.

    >>> roughly(42), roughly(70), roughly(500), roughly(9000)
    ('45 s', '1 min', '8 min', '2.5 h')
    """
    if seconds < 58:
        return f"{max(5, 5 * math.ceil(seconds / 5))} s"
    if seconds < 3600:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.2g} h"


def ago(moment: float, now: float | None = None) -> str:
    """How long ago ``moment`` (seconds since 1970) was.

    >>> ago(100.0, now=100.0), ago(0.0, now=7200.0)
    ('just now', '2 h ago')
    """
    passed = (time.time() if now is None else now) - moment
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{passed / 60:.0f} min ago"
    if passed < 86400:
        return f"{passed / 3600:.0f} h ago"
    return time.strftime("%d %b %Y", time.localtime(moment))


def unique(labels: dict[str, str]) -> dict[str, str]:
    """``labels`` by key, told apart where two are the same: a browser knows an option by its label.

    >>> unique({"a": "cats", "b": "cats", "c": "dogs"})
    {'a': 'cats', 'b': 'cats (2)', 'c': 'dogs'}
    """
    found: dict[str, str] = {}
    for key, label in labels.items():
        number, told = 1, label
        while told in found.values():
            number += 1
            told = f"{label} ({number})"
        found[key] = told
    return found


def large(value: int) -> str:
    """A large count, with three digits that matter.

    >>> large(27_500), large(3_380_000), large(15_420_000_000)
    ('27,500', '3.38 million', '15.4 billion')
    """
    for unit, word in ((10**9, " billion"), (10**6, " million")):
        if value >= unit:
            return f"{number(value / unit)}{word}"
    return f"{value:,}"


def size(octets: float) -> str:
    """An amount of memory.

    >>> size(1_500_000_000)
    '1.5 GB'
    """
    return f"{octets / 1e9:.1f} GB" if octets >= 1e9 else f"{octets / 1e6:.0f} MB"
