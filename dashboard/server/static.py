"""Static files: copies plotly.js and the font into ``static/``, which the server serves.

Nothing is fetched from outside, so the pages work offline and under a base path.
"""

import importlib.metadata
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import streamlit as st

from ml.utils.files import write_atomically

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "dashboard" / "assets"
STATIC = ROOT / "static"


CARTESIAN_BUNDLE = "plotly-cartesian-4.1.1.min.js"
"""The part of plotly.js (its own bundle of that name) that draws what ``CARTESIAN_TRACES`` names: a
third of the whole to fetch, and to start before a page's first chart. A browser never keeps an old
one, since the version is in its name."""
CARTESIAN_TRACES = frozenset(
    ("bar", "box", "contour", "heatmap", "histogram", "image", "pie", "scatter")
)


def plotly_name(kinds: Iterable[str] = ()) -> str:
    """The file name of a plotly.js that draws these types of traces: the small one if it does."""
    if CARTESIAN_TRACES.issuperset(kinds):
        return CARTESIAN_BUNDLE
    return f"plotly-{importlib.metadata.version('plotly')}.min.js"


def beside(module: str, *names: str) -> str:
    """The files beside a component's module (its ``__file__``), one after another, as one text.

    A name may lead to another package of ``dashboard.components``: ``../widgets/create.js``.
    """
    folder = Path(module).resolve().parent
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


@st.cache_resource(show_spinner=False)
def publish() -> None:
    """Put the files in place where they are not there yet; once a process.

    Raises:
        WorkspaceError: the folder of the program cannot be written to.
    """
    spec = importlib.util.find_spec("plotly")
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    sources = {
        CARTESIAN_BUNDLE: ASSETS / CARTESIAN_BUNDLE,
        plotly_name(["all"]): package / "package_data" / "plotly.min.js",
        "inter.woff2": ASSETS / "inter.woff2",
    }
    for name, source in sources.items():
        target = STATIC / name
        if not target.is_file() or target.stat().st_size != source.stat().st_size:
            STATIC.mkdir(exist_ok=True)
            _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    def write(file: IO[bytes]) -> None:
        file.write(source.read_bytes())

    write_atomically(target, write)
