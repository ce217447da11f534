"""Markdown escaping of text from outside, and shares with their intervals."""

import re

from ml.text.format import percentage, shortened, span, with_span

__all__ = ["percentage", "plain", "shortened", "span", "whole_percentage", "with_span"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")
WORD_JOINER = "\N{WORD JOINER}"
"""Invisible, and part of no link, icon or arrow."""
_REPLACED = re.compile(
    r"\bwww(?=\.)|(?<=[\w.+-])(?=@)|:(?=//)|:(?=[\w+/-]+:)"
    r"|(?<!\S)(<(?=->?(?!\S))|[-><~](?=[-=>](?!\S)))",
    re.IGNORECASE,
)
"""The beginning of what the browser makes into something else once escapes are gone: addresses
(``www.``, ``https://``, mail), icons and emoji (``:material/x:``), arrows and signs (``->``)."""


def plain(text: str) -> str:
    """``text`` for a place that reads Markdown: shown as it stands, on one line.

    >>> plain("*b*")
    '\\\\*b\\\\*'
    """
    joined = _REPLACED.sub(lambda match: match[0] + WORD_JOINER, " ".join(text.split()))
    return _MARKDOWN.sub(r"\\\1", joined)


def whole_percentage(probability: float) -> str:
    """A probability in whole percent: what changes all the time must be read at a glance.

    >>> whole_percentage(0.004), whole_percentage(0.5), whole_percentage(0.999)
    ('< 1 %', '50 %', '> 99 %')
    """
    if probability < 0.01:
        return "< 1 %"
    return "> 99 %" if probability > 0.99 else percentage(probability, digits=0)
