"""Export: writes a trained model in some format and measures its parity on the run's test
pictures."""

import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import open_pictures
from ml.errors import BadInputError, MLError
from ml.export import record
from ml.export.registry import Exporter, ExportSource, get_exporter
from ml.inference.model_folder import find_model, read_manifest
from ml.metrics import parity, predictions
from ml.runs.folder import Run
from ml.utils.files import explain_os_error, move_into_place
from ml.utils.paths import absolute_path
from ml.workspace import Workspace

MAX_PICTURES_FOR_PARITY = 256
"""At most so many test pictures, evenly spread, go through an exported file."""

log = logging.getLogger(__name__)


def export(
    workspace: Workspace,
    wanted: str,
    format_name: str,
    output: Path | None,
    *,
    force: bool = False,
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """Write the model that ``wanted`` names to ``output`` and measure how the file answers.

    ``output`` is a file, or a folder that is there, in which the file is named for the run. None is
    the folder ``exports`` of the run itself, where pages offer the file. What was measured is kept
    with the run (``ml.export.record``).

    Returns:
        ``path``, ``format`` and ``parity`` (see ``ml.metrics.parity.compare``), which is None where
        it cannot be measured.

    Raises:
        BadInputError: there is no such model or format, a package is missing, or ``output`` is
            there already and ``force`` is not given.
        WorkspaceError: the disk is full or cannot be written to.
    """
    exporter = get_exporter(format_name)
    folder = find_model(workspace, wanted)
    run = Run(folder.parent) if (folder.parent / "config.json").is_file() else None
    source = ExportSource(folder, read_manifest(folder), run, workspace)
    target = _target(source, exporter, output, force=force)
    beside = target.with_name(f".{secrets.token_hex(4)}.part{exporter.suffix}")
    try:
        progress(0.05)
        exporter.write(source, beside)
        progress(0.4)
        measured = _measured(workspace, source, exporter, beside)
        move_into_place(beside, target)
        _keep_record(source, exporter, target, measured)
    except OSError as error:
        raise explain_os_error(error, target) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return {"path": str(target), "format": exporter.name, "parity": measured}


def _keep_record(
    source: ExportSource, exporter: Exporter, path: Path, measured: dict[str, Any] | None
) -> None:
    """Keep what was measured with the run; one that cannot be written to is exported all the
    same."""
    if source.run is None or measured is None:
        return
    try:
        record.keep(source.run, exporter.name, path, source.manifest, measured)
    except MLError as error:
        log.warning("What was measured is not kept with the run. %s", error)


def _target(source: ExportSource, exporter: Exporter, output: Path | None, *, force: bool) -> Path:
    """The file to write.

    Raises:
        BadInputError: it is there already, its folder is not, or it would damage the run.
    """
    if output is None:
        if source.run is None:
            raise BadInputError("The model is not in its run. Name a file with --output.")
        folder = record.folder_of(source.run)
        folder.mkdir(exist_ok=True)
        return folder / f"{source.run.id}{exporter.suffix}"
    target = absolute_path(output)
    if target.is_dir():
        target /= f"{source.manifest['run']}{exporter.suffix}"
    inside = source.run.folder if source.run else source.folder
    if target.is_relative_to(inside.resolve()):
        raise BadInputError(f"{target} lies in the run itself. Name a file outside of it.")
    if not target.parent.is_dir():
        raise BadInputError(f"There is no folder {target.parent} to export to. Make it first.")
    if target.is_dir():
        raise BadInputError(f"{target} is a folder. Name a file.")
    if target.exists() and not force:
        raise BadInputError(f"{target} is there already. Name another file, or add --force.")
    return target


def _measured(
    workspace: Workspace, source: ExportSource, exporter: Exporter, path: Path
) -> dict[str, Any] | None:
    """How the file at ``path`` answers, by its own proof where it has one."""
    if exporter.prove:
        return exporter.prove(source, path)
    return _parity(workspace, source, exporter, path)


def _parity(
    workspace: Workspace, source: ExportSource, exporter: Exporter, path: Path
) -> dict[str, Any] | None:
    """How the file at ``path`` answers beside what the run recorded for its test pictures."""
    if exporter.predict is None:
        log.warning("How the file answers is not measured: nothing here runs it.")
        return None
    if source.run is None:
        log.warning("How the file answers is not measured: the model is not in its run.")
        return None
    try:
        recorded = predictions.load(source.run.folder / predictions.FILE)
        spec = PixelSpec.from_json(source.manifest["pixels"])
        pictures = open_pictures(workspace, source.run.dataset, spec)
        count = len(recorded.indices)
        chosen = np.linspace(0, count - 1, min(count, MAX_PICTURES_FOR_PARITY)).astype(np.int64)
        pixels = pictures.all_pixels[pictures.item_rows[recorded.indices[chosen]]]
        logits = exporter.predict(source, path, pixels)
    except BadInputError as error:
        log.warning("How the file answers is not measured. %s", error)
        return None
    measured = parity.compare(logits, recorded.logits[chosen], source.manifest["temperature"])
    if not parity.is_same(measured):
        log.warning(
            "The file agrees with the run on %.1f %% of its test pictures, and a probability "
            "differs by up to %.2f.",
            100 * measured["top1_agreement"],
            measured["max_probability_difference"],
        )
    return measured
