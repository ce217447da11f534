"""Markdown escaping of text from outside, and shares with their intervals."""

import re

from ml.text.format import percentage, shortened, span, with_span

__all__ = ["percentage", "plain", "shortened", "span", "whole_percentage", "with_span"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")


def plain(text: str) -> str:
    """``text`` for a place that reads Markdown: shown as it stands, on one line.

    >>> plain("*b*")
    '\\\\*b\\\\*'
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def whole_percentage(probability: float) -> str:
    """A probability in whole percent: what changes all the time must be read at a glance.

    >>> whole_percentage(0.004), whole_percentage(0.5), whole_percentage(0.999)
    ('< 1 %', '50 %', '> 99 %')
    """
    if probability < 0.01:
        return "< 1 %"
    return "> 99 %" if probability > 0.99 else percentage(probability, digits=0)
