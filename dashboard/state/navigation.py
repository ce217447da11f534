"""Navigation: the table of pages, one row each, in the order of the work."""

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class PageRow:
    """``path`` is relative to the entry script, ``icon`` the name of a Material symbol."""

    path: str
    title: str
    icon: str
    help: str
    section: str = ""


PAGES = (
    PageRow("pages/home.py", "Home", "home", "What this is, where to start, and your last runs."),
    PageRow("pages/data.py", "Data", "photo_library", "Bring in pictures, and mend what is wrong."),
    PageRow("pages/train.py", "Train", "model_training", "Train a classifier and watch it learn."),
    PageRow("pages/tune.py", "Tune", "tune", "Search better settings, for as long as you like."),
    PageRow("pages/evaluate.py", "Evaluate", "fact_check", "How good a run is, and where it errs."),
    PageRow("pages/classify.py", "Classify", "image_search", "Try a trained model on pictures."),
    PageRow("pages/runs.py", "Runs", "list", "All runs: compare, rename, delete, bring back."),
)

SHARED = PageRow("pages/shared.py", "Classify", "image_search", "One classifier alone, for others.")
"""Not in the menu: see ``dashboard.app.demo``."""
HOME, DATA, TRAIN, TUNE, EVALUATE, CLASSIFY, RUNS = (row.path for row in PAGES)


def url_path(path: str) -> str:
    """The last part of the page's address; empty for Home.

    >>> url_path("pages/train.py")
    'train'
    """
    return "" if path == HOME else path.removeprefix("pages/").removesuffix(".py")


def navigation() -> st.Page:
    """Register the pages with Streamlit, draw the menu, and return the page to run."""
    sections: dict[str, list[st.Page]] = {}
    for row in PAGES:
        page = st.Page(
            row.path,
            title=row.title,
            icon=f":material/{row.icon}:",
            url_path=url_path(row.path) or None,
            default=row.path == HOME,
            help=row.help,
        )
        sections.setdefault(row.section, []).append(page)
    return st.navigation(sections)
