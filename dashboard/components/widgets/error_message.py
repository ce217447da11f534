"""Error message: shows an ``MLError`` on the page as its sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.text.markdown import plain
from ml.errors import MLError


@contextmanager
def error_message() -> Iterator[None]:
    """Show an error of ours, or of the disk, as a sentence where the page has got to."""
    try:
        yield
    except MLError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        st.error(plain(f"{about}{error.strerror or error}."), icon=":material/error:")
