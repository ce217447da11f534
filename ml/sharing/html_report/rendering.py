"""The Jinja2 templates of the HTML report: text from people is escaped, markup is ours alone.

Jinja2 is imported when a report is made, so that a server that makes none starts as fast.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ml.text.format import percentage

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).with_name("templates")
_LINE_CHARACTERS = (9, 10, 13)
_TURNING = (0x202D, 0x202E)
"""Characters that write what follows them backwards: they make one name look like another."""
_REPLACED = {
    code: "\ufffd"
    for code in (*range(32), *range(127, 160), *_TURNING)
    if code not in _LINE_CHARACTERS
}


def cleaned(value: Any) -> Any:
    """``value`` as a template writes it: None is nothing, and a control character, a turning one or
    a lone surrogate in text is replaced. Markup and numbers stay as they are."""
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return value.encode("utf-8", "replace").decode("utf-8").translate(_REPLACED)


def render(template: str, **context: Any) -> Markup:
    """The template of that name in ``FOLDER``, filled in. What is not ``Markup`` is escaped."""
    text = _environment().get_template(f"{template}.html.j2").render(**context)
    return Markup(text)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["all_digits"] = lambda value: repr(float(value))
    environment.filters["grouped"] = lambda value: f"{value:,}"
    environment.filters["percentage"] = lambda share: percentage(share, digits=1)
    environment.filters["whole_percentage"] = percentage
    return environment
