"""Open dialog: the dialog above the page, which stays open when the page is drawn again.

The page is drawn again when a training ends while somebody reads the dialog; Streamlit alone would
close it then.

Whoever draws one calls ``dialog_subject`` in every script run, and gives its ``st.dialog`` this
module's ``close_dialog`` as ``on_dismiss``.
"""

from typing import Any

from dashboard.state.tab import tab_state


def open_dialog(name: str, subject: Any = True) -> None:
    """Open the dialog called ``name``, in place of any other. ``subject``: what it is to show."""
    tab_state().dialog = (name, subject)


def dialog_subject(name: str) -> Any:
    """What the dialog called ``name`` is to show; None where it is not open."""
    tab = tab_state()
    tab.dialogs_drawn |= {name}
    opened, subject = tab.dialog or ("", None)
    return subject if opened == name else None


def close_dialog() -> None:
    """Have it gone in the next script run."""
    tab_state().dialog = None


def close_dialog_of_other_page() -> None:
    """Called by the entry before the page is drawn: close a dialog that the last script run did not
    draw, for its page was left."""
    tab = tab_state()
    if tab.dialog and tab.dialog[0] not in tab.dialogs_drawn:
        tab.dialog = None
    tab.dialogs_drawn = frozenset()
