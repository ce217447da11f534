"""SVG elements of the drawings: attributes and text are escaped as those of the templates are."""

from markupsafe import Markup, escape

from ml.sharing.html_report.rendering import cleaned


def element(name: str, *parts: str | Markup, **attributes: str | float | None) -> Markup:
    """An element with ``parts`` in it. A trailing _ is left out of the name of an attribute, any
    other is a hyphen; an attribute that is None is left out.

    >>> element("text", "a < b", element("tspan", "!"), class_="x", text_anchor="end")
    Markup('<text class="x" text-anchor="end">a &lt; b<tspan>!</tspan></text>')
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(cleaned(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    content = "".join(escape(cleaned(part)) for part in parts)
    return Markup(f"<{name}{written}>{content}</{name}>")
