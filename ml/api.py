"""The interface for notebooks and scripts: ``ingest``, ``train``, ``evaluate``, ``load``,
``export_model``.

These names, also to be had as ``ml.ingest`` and so on, stay the same from version to version; the
modules below them may move. Nothing heavy is imported before it is needed.
"""

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ml.data import catalog
from ml.data.ingest.bring_in import bring_in
from ml.data.pixels.convert import to_grey_or_rgb
from ml.data.pixels.pixels import to_spec
from ml.data.sources.walk import read_file
from ml.errors import BadInputError, MLError
from ml.evaluation.evaluate import evaluate as measure_run
from ml.inference.classifier import Classifier, unreadable
from ml.inference.model_folder import find_model
from ml.presets import default_pixels
from ml.runs import folder as runs
from ml.training import start
from ml.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from ml.runs.folder import Run

__all__ = [
    "Classification",
    "Dataset",
    "Model",
    "TrainedRun",
    "evaluate",
    "export_model",
    "ingest",
    "load",
    "train",
]

Picture = str | PathLike[str] | bytes | npt.NDArray[np.uint8] | Image.Image
"""A picture: its path, the bytes of its file, an array uint8 (H, W), (H, W, 3) or (H, W, 4), or a
PIL picture."""


@dataclass(frozen=True)
class Dataset:
    """A data set in the workspace, as ``ingest`` left it.

    ``counts`` says how many pictures each class has; ``refused`` lists the files that could not be
    read [{file, reason}]; ``notes`` are remarks in plain words.
    """

    name: str
    version: int
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    refused: Sequence[Mapping[str, str]] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class TrainedRun:
    """A run that ``train`` has ended: ``finished``, ``stopped`` or ``failed`` (``status``).

    ``validation`` and ``test`` map the name of a metric to its value (accuracy from 0 to 1);
    ``test`` is empty where no model was made. ``folder`` is the run folder.
    """

    id: str
    status: str
    folder: Path
    epochs: int
    seconds: float
    validation: Mapping[str, float]
    test: Mapping[str, float]

    def load(self, *, threads: int = 0) -> "Model":
        """The classifier of this run; see ``ml.load``."""
        return load(self, threads=threads)


@dataclass(frozen=True)
class Classification:
    """What a model makes of one picture.

    ``probability`` goes from 0 to 1 and is calibrated; ``top`` has the most probable classes with
    theirs, best first. ``sure`` is whether it reaches the model's threshold. ``unlike`` is whether
    the picture is unlike anything learned (out of distribution), None where the model cannot tell.
    A picture that could not be read has ``label`` None and a sentence in ``error``.
    """

    file: str
    label: str | None
    probability: float | None
    top: tuple[tuple[str, float], ...]
    sure: bool
    unlike: bool | None
    error: str | None = None


class Model:
    """A trained classifier in memory: call it with a picture or a list of pictures.

    It runs the exported file by ONNX Runtime and imports no torch.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the network's outputs."""
        return self._classifier.classes

    @overload
    def __call__(self, pictures: Picture, *, top_k: int = 5) -> Classification: ...

    @overload
    def __call__(
        self, pictures: list[Picture] | tuple[Picture, ...], *, top_k: int = 5
    ) -> list[Classification]: ...

    def __call__(
        self, pictures: Picture | list[Picture] | tuple[Picture, ...], *, top_k: int = 5
    ) -> Classification | list[Classification]:
        """Classify one picture, or each of a list; an unreadable file gives its ``error``.

        Raises:
            BadInputError: an array of another shape or type, or an object that is no picture.
        """
        if isinstance(pictures, (list, tuple)):
            return [self._classify(one, top_k) for one in pictures]
        return self._classify(pictures, top_k)

    def _classify(self, picture: Picture, top_k: int) -> Classification:
        name = str(picture) if isinstance(picture, (str, PathLike)) else "picture"
        pixels = _as_pixels(picture)
        try:
            if pixels is None:
                data = picture if isinstance(picture, bytes) else read_file(name)
                model_input = self._classifier.see(data)
            else:
                model_input = to_spec(pixels, self._classifier.spec)
            output = self._classifier.outputs(model_input[None])[0]
            answer = self._classifier.answer(output, name, top_k)
        except BadInputError as error:
            answer = unreadable(name, str(error))
        return Classification(
            file=name,
            label=answer["label"],
            probability=answer["probability"],
            top=tuple((one["label"], one["probability"]) for one in answer["top"]),
            sure=answer["decision"] == "sure",
            unlike=answer["unlike"],
            error=answer["error"],
        )


def ingest(
    source: str | PathLike[str], name: str | None = None, *, workspace: Path | None = None
) -> Dataset:
    """Bring pictures into the workspace as a data set.

    Args:
        source: a folder of class folders, a zip, a table of files and labels, or the name of one of
            torchvision's sets; also the name of a data set that is there already.
        name: what the data set is called; made from the source's own where it is None.
        workspace: the folder to keep it in; ``LENSMITH_WORKSPACE`` or ``./workspace`` if None.

    Raises:
        BadInputError: the name is taken, or there are no pictures of two classes to be had.
    """
    place = open_workspace(workspace)
    if name is None and str(source) in {info.name for info in catalog.list_datasets(place)}:
        version = catalog.resolve(place, str(source), pixels_for=default_pixels)
        return Dataset(version.name, version.version, version.classes, dict(version.counts))
    path = source if isinstance(source, str) else Path(source)
    ingested = bring_in(place, path, name, reuse=name is None, pixels_for=default_pixels)
    version = ingested.version
    counts = dict(version.counts)
    return Dataset(
        version.name, version.version, version.classes, counts, ingested.refused, ingested.notes
    )


def train(
    dataset: Dataset | str | PathLike[str],
    *,
    name: str = "",
    workspace: Path | None = None,
    **settings: Any,
) -> TrainedRun:
    """Train a classifier in this process and evaluate it on its test pictures.

    Interrupting it (Ctrl-C, or the notebook's stop button) ends it at the next batch and keeps the
    best model; a second time ends it at once.

    Args:
        dataset: what ``ingest`` returned, a data set's name, or a folder of class folders.
        name: what the run is called.
        workspace: as in ``ingest``.
        **settings: fields of ``TrainConfig``, such as ``model``, ``preset``, ``epochs``; see
            docs/settings.md. The others suit the pictures and the model.

    Raises:
        BadInputError: no such data set, or a setting that does not fit.
        MLError: the run failed; the message says why.
    """
    place = open_workspace(workspace)
    dataset_name = dataset.name if isinstance(dataset, Dataset) else str(dataset)
    config, version = start.configured(place, dataset_name, settings)
    run = start.start(place, config, version, name=name, claimed=True)

    from ml.training.train import train as train_run

    with _stopping_at_interrupt(run):
        ended = train_run(place, run)
    if ended.outcome == "failed":
        raise MLError(f"Run {run.id} failed: {ended.reason}")
    return TrainedRun(
        id=run.id,
        status=ended.outcome,
        folder=run.folder,
        epochs=ended.epochs,
        seconds=ended.seconds,
        validation=dict(ended.validation or {}),
        test=dict(ended.test or {}),
    )


def evaluate(
    run: TrainedRun | str,
    dataset: Dataset | str | None = None,
    *,
    split: str | None = None,
    workspace: Path | None = None,
) -> dict[str, Any]:
    """Measure a trained classifier: the EvaluationReport as a dictionary.

    ``accuracy``, ``balanced_accuracy``, ``macro_f1`` (0 to 1), ``intervals`` (95 %), ``classes``,
    ``confusion`` (rows true, columns predicted, in pictures), ``per_class``, ``calibration``.

    Args:
        run: what ``train`` returned, a run's id, the start of it, or ``latest``.
        dataset: other pictures than the run's own.
        split: train, val, test or all; by default test of the run's own pictures, all of others.
        workspace: as in ``ingest``.

    Raises:
        BadInputError: no such run, data set or split, or no picture of a class that it knows.
    """
    place = _workspace_of(run, workspace)
    finished_run = runs.find(place, run.id if isinstance(run, TrainedRun) else run)
    other = dataset.name if isinstance(dataset, Dataset) else dataset
    return measure_run(place, finished_run, other, split)


def load(
    model: TrainedRun | str | PathLike[str], *, workspace: Path | None = None, threads: int = 0
) -> Model:
    """Load a trained classifier.

    Args:
        model: what ``train`` returned, a run's id, the start of it, ``latest``, or the path of a
            run folder or of a model folder that was copied elsewhere.
        workspace: as in ``ingest``.
        threads: how many CPU threads it computes with; 0 takes all cores.

    Raises:
        BadInputError: there is no such model, or its file is damaged.
    """
    place = _workspace_of(model, workspace)
    model_name = str(model.folder) if isinstance(model, TrainedRun) else str(model)
    return Model(Classifier.load(find_model(place, model_name), threads))


def export_model(
    model: TrainedRun | str | PathLike[str],
    format: str,
    output: str | PathLike[str],
    *,
    force: bool = False,
    workspace: Path | None = None,
) -> dict[str, Any]:
    """Write a trained classifier for other programs, and measure that the file answers the same.

    ``ml.export`` is the package that does it; ``python -m ml export --list`` names the formats.

    Args:
        model: as in ``load``.
        format: ``onnx``, ``safetensors`` or ``folder``.
        output: the file to write, or a folder to write it into.
        force: whether a file that is there is replaced.
        workspace: as in ``ingest``.

    Returns:
        ``path``, ``format`` and ``parity``: {``images``, ``top1_agreement`` (0 to 1),
        ``max_probability_difference`` (0 to 1)}, None where it cannot be measured.

    Raises:
        BadInputError: no such model or format, a package is missing, or the file is there already.
    """
    from ml.export.export import export

    place = _workspace_of(model, workspace)
    model_name = str(model.folder) if isinstance(model, TrainedRun) else str(model)
    return export(place, model_name, format, Path(output), force=force)


def _workspace_of(run: object, workspace: Path | None) -> Workspace:
    if isinstance(run, TrainedRun) and workspace is None:
        return open_workspace(run.folder.parent.parent)
    return open_workspace(workspace)


def _as_pixels(picture: object) -> npt.NDArray[np.uint8] | None:
    """The pixels of an array or a PIL picture, uint8 (H, W) or (H, W, 3); None for path or bytes.

    Raises:
        BadInputError: an array of another shape or type, or an object that is no picture.
    """
    if isinstance(picture, (str, PathLike, bytes)):
        return None
    if isinstance(picture, np.ndarray):
        shape = picture.shape
        grey_or_colour = picture.ndim == 2 or (picture.ndim == 3 and shape[2] in (3, 4))
        if picture.dtype != np.uint8 or not grey_or_colour or not picture.size:
            raise BadInputError(
                f"An array of {picture.dtype} {shape} is no picture. Give uint8 from 0 to 255 in "
                "the shape (height, width), (height, width, 3) or (height, width, 4)."
            )
        if picture.ndim == 2 or shape[2] == 3:
            return picture
        picture = Image.fromarray(picture)
    if isinstance(picture, Image.Image):
        upright = ImageOps.exif_transpose(picture) or picture
        return np.asarray(to_grey_or_rgb(upright)[0])
    raise BadInputError(
        f"A {type(picture).__name__} is no picture. Give a path, bytes, an array or a PIL picture."
    )


@contextmanager
def _stopping_at_interrupt(run: "Run") -> Iterator[None]:
    """Let the first Ctrl-C ask ``run`` to stop; the second one interrupts as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before)
        run.ask_to_stop()

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
