"""Keys of the widgets whose value other code reads or sets.

A widget that only its own function knows keeps its key where it is drawn. Containers have keys too,
which the style sheet selects by: those are not here, for they have no value.
"""

from typing import Any, Literal

from dashboard.state.widget_key import WidgetKey

# Every page

Fold = Literal[
    "calibration",
    "class-threshold",
    "curve",
    "formats",
    "log",
    "others",
    "rate",
    "robustness",
    "settings",
    "slices",
    "sure-threshold",
    "tune-log",
]


def fold_key(name: Fold, subject: str = "") -> WidgetKey[bool]:
    """A fold (``widgets.lazy_expander``): whether it is open.

    Args:
        subject: what it is about, where there is one for each: a run's id, or ``Results.key``.

    >>> fold_key("rate"), fold_key("curve", "run-1")
    ('fold-rate', 'fold-curve-run-1')
    """
    return WidgetKey(f"fold-{name}-{subject}" if subject else f"fold-{name}")


def run_picker_key(page: Literal["train", "evaluate", "classify"]) -> WidgetKey[str]:
    """The picker of a run at the head of a page: the id of a run."""
    return WidgetKey(f"{page}-run")


# Train

TRAIN_DATASET: WidgetKey[str | None] = WidgetKey("dataset")
"""The name of the data set to train on."""
TRAIN_FOLDER: WidgetKey[str] = WidgetKey("folder")
"""The path of a folder on this computer."""
ADVANCED_FOLD: WidgetKey[bool] = WidgetKey("advanced")
MODEL_LIST_FOLD: WidgetKey[bool] = WidgetKey("model-list")


def field_key(name: str) -> WidgetKey[Any]:
    """The widget of a field of ``TrainConfig`` under Advanced."""
    return WidgetKey(f"field-{name}")


# Data

DATASET_PICKER: WidgetKey[str] = WidgetKey("data-set")
DATA_PANEL: WidgetKey[str] = WidgetKey("data-panel")
"""The title of the tab that is open at the foot of Data."""
EXPLORER_TEXT: WidgetKey[str] = WidgetKey("look-text")
EXPLORER_CLASS: WidgetKey[int] = WidgetKey("look-class")
"""A class index, or ``explorer.ANY``."""
EXPLORER_SIDE: WidgetKey[str] = WidgetKey("look-side")
EXPLORER_STATE: WidgetKey[str] = WidgetKey("look-state")
EXPLORER_FINDING: WidgetKey[str] = WidgetKey("look-finding")
"""The key of a finding, or ``explorer.ANYTHING``."""
EXPLORER_ORDER: WidgetKey[str] = WidgetKey("look-order")
AUGMENT_POLICY: WidgetKey[str] = WidgetKey("augment-kind")
AUGMENT_MIXING: WidgetKey[str] = WidgetKey("augment-mixing")
SINGLE_CHANGES_FOLD: WidgetKey[bool] = WidgetKey("augment-single")
GROUPING_FOLD: WidgetKey[bool] = WidgetKey("grouping")


def folder_path_key(place: str) -> WidgetKey[str]:
    """The field for the path of a folder on this computer, at that place of the page."""
    return WidgetKey(place)


def class_camera_key(class_key: str) -> WidgetKey[bool]:
    """Whether the camera of a class is on; ``class_key`` as from ``readiness.class_key``."""
    return WidgetKey(f"camera-on-{class_key}")


# Evaluate


def report_key(run: str) -> WidgetKey[str]:
    """Which report of the run with that id Evaluate shows: ``fingerprint-split``, or empty for that
    of its own test pictures."""
    return WidgetKey(f"report-{run}")


def true_class_key(results: str) -> WidgetKey[int]:
    """The row that is chosen in the confusion matrix, a class index; ``results``: ``Results.key``.

    ``confusion_matrix.ANY`` stands for any class.
    """
    return WidgetKey(f"truth-{results}")


def predicted_class_key(results: str) -> WidgetKey[int]:
    """The column that is chosen in the confusion matrix, as in ``true_class_key``."""
    return WidgetKey(f"guess-{results}")


def drawer_confidence_key(drawer: str) -> WidgetKey[str]:
    """The filter of a drawer of pictures by how sure the model was."""
    return WidgetKey(f"surely-{drawer}")


def drawer_text_key(drawer: str) -> WidgetKey[str]:
    """The filter of a drawer of pictures by file name."""
    return WidgetKey(f"search-{drawer}")


def slice_key(results: str) -> WidgetKey[int]:
    """The slice whose mistakes are shown: its place in the list, -1 for none."""
    return WidgetKey(f"slice-{results}-chosen")


def class_threshold_key(results: str, label: int) -> WidgetKey[float]:
    """The threshold that is tried for a class, in percent."""
    return WidgetKey(f"threshold-at-{results}-{label}")


def class_table_fold(results: str) -> WidgetKey[bool]:
    """The fold with the figures of every class as a table."""
    return WidgetKey(f"table-{results}")


# Classify

RESULTS_VIEW: WidgetKey[str | None] = WidgetKey("answers-view")
"""How the results are shown: ``results_header.CARDS`` or ``TABLE``."""
CAMERA_TOGGLE: WidgetKey[bool] = WidgetKey("camera-on")
FOLDER_TOGGLE: WidgetKey[bool] = WidgetKey("folder-on")


def upload_key(folder: bool, turn: int) -> WidgetKey[Any]:
    """The drop zone for files or for a ``folder``; a new ``turn`` empties it."""
    return WidgetKey(f"drop-{'folder' if folder else 'files'}-{turn}")


def label_key(picture: str) -> WidgetKey[str]:
    """The label that is given by hand to the uploaded picture with that id."""
    return WidgetKey(f"label-{picture}")


def tick_key(picture: str) -> WidgetKey[bool]:
    """Whether the uploaded picture with that id is to be added to the data set."""
    return WidgetKey(f"tick-{picture}")


def label_all_key(turn: int) -> WidgetKey[str | None]:
    """The label for every ticked picture; a new ``turn`` empties the field."""
    return WidgetKey(f"teach-label-{turn}")


def heat_map_key(run: str, picture: str) -> WidgetKey[str]:
    """The method of the heat map that is shown for a picture that the run classified."""
    return WidgetKey(f"why-map-{run}-{picture}")


# Runs

RUNS_ORDER: WidgetKey[str] = WidgetKey("runs-sort")


def run_chosen_key(run: str) -> WidgetKey[bool]:
    """Whether the run with that id is chosen for a comparison."""
    return WidgetKey(f"chosen-{run}")


def run_text_key(field: str, run: str) -> WidgetKey[str | None]:
    """The text field for the ``name`` or the ``notes`` of a run."""
    return WidgetKey(f"{field}-{run}")
