"""Fills ``static/``, which the server hands to the browser: plotly.js and the font.

Nothing is fetched from outside, so the pages work offline and under a base path.
"""

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import IO

import streamlit as st

from ml.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
ASSETS = Path(__file__).resolve().parent / "assets"
STATIC = ROOT / "static"


def plotly_name() -> str:
    """The file name of plotly.js, with its version: a browser never keeps an old one."""
    return f"plotly-{importlib.metadata.version('plotly')}.min.js"


def scripts(*names: str) -> str:
    """Files of ``assets`` one after another, as one script of a component."""
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


@st.cache_resource(show_spinner=False)
def fill() -> None:
    """Put the files in place where they are not there yet; once a process.

    Raises:
        WorkspaceError: the folder of the program cannot be written to.
    """
    spec = importlib.util.find_spec("plotly")
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    sources = {
        plotly_name(): package / "package_data" / "plotly.min.js",
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
