"""The HTML report: all sections as one file."""

from pathlib import Path
from typing import IO

from markupsafe import Markup

from ml import __version__
from ml.errors import BadInputError
from ml.evaluation.results import Results
from ml.runs.folder import Run
from ml.sharing.html_report import (
    calibration,
    classes,
    further_measurements,
    matrix,
    pictures,
    provenance,
    summary,
)
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.report_data import Subject
from ml.utils.files import write_atomically
from ml.workspace import Workspace

STYLE = Path(__file__).with_name("style.css")
RULES = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
"""What a browser lets the page do: show itself, and nothing else. Nothing is fetched."""
PARTS = (
    summary.head,
    summary.result,
    matrix.confusion,
    classes.per_class,
    pictures.gallery,
    further_measurements.kinds_of_pictures,
    calibration.probabilities,
    calibration.refusing,
    further_measurements.worse_pictures,
    further_measurements.more_pictures,
    provenance.making,
    provenance.using,
)


def page(workspace: Workspace, run: Run, results: Results) -> str:
    """The report on ``results`` of ``run``: an HTML document that needs no other file.

    Raises:
        BadInputError: the configuration of the run cannot be read.
    """
    subject = Subject(workspace, run, results, run.config, run.model or {})
    style = Markup(STYLE.read_text(encoding="utf-8"))
    return render(
        "page",
        title=f"{run.name}: report",
        policy=RULES,
        version=__version__,
        style=style,
        sections=[section for part in PARTS if (section := part(subject))],
    )


def check_place(path: Path) -> None:
    """Raises BadInputError where no file can be written to ``path``, before any work is done."""
    if path.is_dir():
        raise BadInputError(f"{path} is a folder. Give the name of a file, as in report.html.")
    if not path.parent.is_dir():
        raise BadInputError(f"There is no folder {path.parent}. Make it first, or choose another.")


def write(path: Path, text: str) -> None:
    """Write ``text``, which ``page`` made, in one step.

    Raises:
        WorkspaceError: the disk is full or the folder cannot be written to.
    """

    def put(file: IO[bytes]) -> None:
        file.write(text.encode("utf-8"))

    write_atomically(path, put)
