"""HTML that cannot be written wrongly: what is not made of elements here is escaped.

Names of classes, files and runs come from people. They are cleaned of control characters, and
``named`` keeps one that is written from right to left from turning what stands around it.
"""

import html
from collections.abc import Iterable, Mapping

VOID = frozenset({"br", "img", "meta"})
_LINES = (9, 10, 13)
_TURNING = (0x202D, 0x202E)
"""Characters that write what follows them backwards: they make one name look like another."""
_NONE = {code: "�" for code in (*range(32), *range(127, 160), *_TURNING) if code not in _LINES}


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Part = str | float | None


def written(part: Part) -> Html:
    """``part`` as HTML: escaped, unless it is HTML already; None is nothing."""
    if isinstance(part, Html):
        return part
    text = "" if part is None else str(part)
    known = text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no character
    return Html(html.escape(known.translate(_NONE)))


def tag(element: str, *parts: Part, **attributes: Part | bool) -> Html:
    """An element with ``parts`` in it. A trailing _ is left out of the name of an attribute, any
    other is a hyphen; one that is None or False is left out, one that is True has no value.

    >>> tag("p", "a < b", tag("b", "!"), class_="x", aria_hidden="true", hidden=False)
    '<p class="x" aria-hidden="true">a &lt; b<b>!</b></p>'
    """
    said = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        said.append(f" {name}" if value is True else f' {name}="{written(value)}"')
    start = f"<{element}{''.join(said)}>"
    return Html(start if element in VOID else f"{start}{joined(parts)}</{element}>")


def joined(parts: Iterable[Part]) -> Html:
    """``parts`` one after another."""
    return Html("".join(written(part) for part in parts))


def named(name: object) -> Html:
    """A name that comes from people."""
    return tag("bdi", str(name))


def figure(value: float | None, shown: str) -> Html:
    """A number as people read it, with all its digits for a program that reads the page."""
    return tag("data", shown, value=repr(float(value))) if value is not None else written(shown)


def table(label: str, heads: Iterable[Part], rows: Iterable[Iterable[Part]]) -> Html:
    """A table whose rows begin with their heading."""
    top = tag("tr", *(tag("th", head, scope="col") for head in heads))
    lines = []
    for first, *others in rows:
        cells = (tag("td", cell) for cell in others)
        lines.append(tag("tr", tag("th", first, scope="row"), *cells))
    caption = tag("caption", label)
    return framed(tag("table", caption, tag("thead", top), tag("tbody", *lines)), label)


def facts(said: Mapping[str, Part]) -> Html:
    """Names with what is to be said of each; what is empty is left out."""
    rows = (tag("div", tag("dt", name), tag("dd", part)) for name, part in said.items() if part)
    return tag("dl", *rows)


def framed(content: Html, label: str, class_: str = "") -> Html:
    """What may be wider than the page: it scrolls by itself, with the keyboard too."""
    name = f"wide {class_}".strip()
    return tag("div", content, class_=name, tabindex="0", role="region", aria_label=label)


def section(title: Part, *parts: Part) -> Html:
    """A part of the report under a heading; nothing where there are no parts."""
    return tag("section", tag("h2", title), *parts) if any(parts) else Html()
