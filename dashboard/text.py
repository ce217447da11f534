"""Text that came from outside, as the pages write it, and shares with their intervals."""

import re

from ml.words import rounded, shortened, span, with_span

__all__ = ["plain", "rounded", "shortened", "span", "with_span"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")


def plain(text: str) -> str:
    """``text`` for a place that reads Markdown: shown as it stands, on one line.

    >>> plain("*b*")
    '\\\\*b\\\\*'
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
