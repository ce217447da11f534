"""Page states: the session state of each page, a dataclass each.

Read and write them with ``stored(TrainState)``, or ``stored(EvaluateState, results.key)`` where
there is one for each subject. What a widget holds is not here but under its key
(``dashboard.state.keys``).
"""

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dashboard.workers.job import Job


class UploadFolder(Protocol):
    """A folder of uploaded files that goes with the tab (``dashboard.uploads.spool``)."""

    folder: Path

    def put(self, name: str, data: bytes) -> object:
        """Write a file into it."""

    def close(self) -> object:
        """Remove it at once."""


@dataclass
class TrainState:
    """Train, and every page that proposes settings to it."""

    overrides: dict[str, Any] = field(default_factory=dict)
    """Settings that were changed by hand: field of ``TrainConfig`` to value."""
    estimate_job: Job | None = None
    """The child that measures what a training would take."""
    live: dict[str, Any] | None = None
    """Events of the run that is watched (``dashboard.queries.live``)."""


@dataclass
class TuneState:
    """Tune."""

    rate_job: Job | None = None
    """The child that looks for a learning rate."""
    rate_found: dict[str, Any] | None = None
    """What it found, and for which data set and model (``asked``)."""


@dataclass
class IngestState:
    """Pictures that are being brought in, on whatever page."""

    job: Job | None = None
    """The child at work."""
    waiting: list[Job] = field(default_factory=list)
    """Jobs that start one by one after it."""
    results: list[dict[str, Any]] = field(default_factory=list)
    """What came of those that ended (see ``data.ingest_result``), until it is dismissed."""
    upload_turn: int = 0
    """Part of the key of a drop zone: a new number empties it."""
    uploaded_bytes: int = 0
    """How much this tab has uploaded in all."""


@dataclass
class DataState:
    """Data, but for what is about one panel or one set."""

    new_set: bool = False
    """Whether the ways to a new set are shown, although one is selected."""
    adding: bool = False
    """Whether the drop zones that add to the selected set are shown."""
    more_classes: int = 0
    """Classes that are shown beyond the first ``class_columns.COLUMNS``."""
    class_name_turn: int = 0
    """Part of the key of a class's name field: a new number shows the set's own name again."""
    camera_class: str = ""
    """``readiness.class_key`` of the class whose camera was turned on last."""
    more_versions: int = 0
    """Versions that are listed beyond the first ``version_list.FIRST``."""
    version_view: dict[str, Any] | None = None
    """The versions that are looked at: ``name`` of the set, and one or two numbers (``of``)."""


@dataclass
class DatasetState:
    """Data, for the data set with that name."""

    more_findings: int = 0
    """Findings that are shown beyond the first ``findings.FIRST``."""


@dataclass
class EditState:
    """Changes of data sets, on whatever page."""

    last_change: dict[str, Any] | None = None
    """``name``, ``version``, ``parent`` (0: cannot be undone) and ``sentence`` of the last."""
    move_turn: int = 0
    """Part of the key of the field "Move to class": a new number empties it."""


@dataclass
class ExplorerState:
    """The explorer on Data."""

    query: tuple[Any, ...] | None = None
    """What was last searched for. Another search empties the selection."""
    reveal_turn: int = 0
    """Goes up whenever the page is to scroll to the pictures."""


@dataclass
class PicturePageState:
    """A page of selectable pictures, by its key: the selection, which goes over several pages."""

    fingerprint: str = ""
    """Of the version that item numbers are of. Another one empties the selection."""
    items: set[int] = field(default_factory=set)
    """Item numbers of the selected pictures."""
    turn: int = 0
    """Goes up when the server decides what is selected; else the browser does."""


@dataclass
class SimilarityMapState:
    """The similarity map on Data."""

    fingerprint: str = ""
    """Of the version that item numbers are of."""
    items: list[int] = field(default_factory=list)
    """Item numbers of the pictures that were picked on the map."""
    turn: int = 0
    """A new number has the browser drop its own selection."""


@dataclass
class AugmentationState:
    """The panel on Data that shows what the model sees."""

    turn: int = 0
    """The seed of what is drawn: a new number draws other versions."""
    offset: int = 0
    """From where in the set the pictures to choose from are taken."""
    fingerprint: str = ""
    """Of the version that the item number is of."""
    item: int | None = None
    """Item number of the chosen picture; None for the first that is offered."""


@dataclass
class QuickModelState:
    """Instant mode on Data: what was last asked of the quick model."""

    dataset: tuple[str, str] | None = None
    """Name and fingerprint of the version that it was fitted to."""
    version: int = 0
    """Its number."""
    compared_with: int = 0
    """The number of the version that guesses are compared with; 0 for none."""
    answer: Future[dict[str, Any]] | None = None
    asked_again: bool = False
    """Whether it was asked once more, after features had been computed."""
    waited: bool = False
    """Whether the answer was not there when it was last looked for."""


@dataclass
class EvaluateState:
    """Evaluate, for the report with that ``Results.key``."""

    more_mistakes: int = 0
    """Mistakes that are shown beyond the first ``mistakes.PAGE``."""


@dataclass
class DrawerState:
    """A drawer of pictures on Evaluate, by its key."""

    more_pictures: int = 0
    """Pictures that are shown beyond the first ``cell_drawer.PAGE``."""


@dataclass
class ClassifyState:
    """Classify, and the page that shows one classifier alone."""

    uploads: list[dict[str, Any]] = field(default_factory=list)
    """The pictures (``session_uploads.Entry``), the newest first."""
    spool: UploadFolder | None = None
    """The folder with their files."""
    upload_turn: int = 0
    """Part of the key of the drop zone: a new number empties it."""
    more_cards: int = 0
    """Results that are shown as cards beyond the first ``results.PAGE``."""
    chosen_view: str | None = None
    """How results are to be shown; None while nobody has chosen."""
    labelled_dataset: str = ""
    """The data set that this tab has added pictures to from here."""
    label_turn: int = 0
    """Goes up when the server decides what is ticked or labelled; else the browser does."""
    kept_frames: int = 0
    """Frames of the live camera that were kept."""
    camera_pass: tuple[str, str] = ("", "")
    """Run id, and the pass with which the live camera may send frames to its model."""


@dataclass
class RunsState:
    """Runs."""

    more_runs: int = 0
    """Runs that are listed beyond the first page."""
    editing: tuple[str, str] | None = None
    """The field that is edited, ``name`` or ``notes``, and the id of its run."""
