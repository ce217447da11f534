"""HTML escaping of text that comes from people."""

import html


def escape(text: object) -> str:
    """``text`` as HTML shows it literally, in content and in quoted attributes.

    >>> escape('<b title="a">')
    '&lt;b title=&quot;a&quot;&gt;'
    """
    return html.escape(str(text), quote=True)
