"""Streamlit's drop zone still has the two properties that dropped folders need."""

from pathlib import Path

import streamlit

from dashboard.compat.dropped_folders import TRIED_WITH


def test_streamlit_still_reads_one_path_and_notes_the_other() -> None:
    scripts = (Path(streamlit.__file__).parent / "static").rglob("*.js")
    text = "".join(path.read_text("utf-8", "replace") for path in scripts)
    changed = f"Streamlit has changed since {TRIED_WITH}: mend dashboard.compat.dropped_folders"
    assert ".webkitRelativePath" in text, changed
    assert "relativePath" in text.replace("webkitRelativePath", ""), changed
