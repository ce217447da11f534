"""The registry of export formats: ``@exporter`` on a function adds one.

A format is one module in ``ml/export/formats``. ``python -m ml export --list`` and ``--format``
follow from what it declares.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ml.data.pixels.pixels import Pixels
from ml.errors import BadInputError
from ml.export import formats
from ml.metrics.report import Logits
from ml.runs.folder import Run
from ml.utils.submodules import import_submodules
from ml.workspace import Workspace


@dataclass(frozen=True)
class ExportSource:
    """What is exported: a model folder with the content of its ``model.json``, its run, which is
    None where the folder stands alone, and the workspace that holds the pictures."""

    folder: Path
    manifest: dict[str, Any]
    run: Run | None
    workspace: Workspace | None = None


Write = Callable[[ExportSource, Path], None]
Predict = Callable[[ExportSource, Path, Pixels], Logits]
Prove = Callable[[ExportSource, Path], dict[str, Any]]


@dataclass(frozen=True)
class Exporter:
    """An export format.

    Attributes:
        name: what ``--format`` takes.
        suffix: of the file, such as ``.onnx``.
        label: the format for people; help: a sentence on what it is good for.
        write: writes the file to a path, which is moved into place afterwards.
        predict: gives logits (n, K) of pixels uint8 (n, S, S, C) by the file that was written, in
            the runtime that it is for; None where there is no such runtime here.
        prove: takes the place of ``predict`` where the file carries a check of its own: runs it in
            a process of its own and gives the parity; raises BadInputError where the file answers
            otherwise than the run, and it is not kept.
        needs: packages that must be installed.
    """

    name: str
    suffix: str
    label: str
    help: str
    write: Write
    predict: Predict | None = None
    needs: tuple[str, ...] = ()
    prove: Prove | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages of ``needs`` that are not installed."""
        return tuple(name for name in self.needs if find_spec(name.replace("-", "_")) is None)


_exporters: dict[str, Exporter] = {}


def exporter(
    name: str,
    *,
    suffix: str,
    label: str,
    help: str,
    predict: Predict | None = None,
    prove: Prove | None = None,
    needs: tuple[str, ...] = (),
) -> Callable[[Write], Write]:
    """Register the decorated function as ``write`` of an ``Exporter`` with these attributes.

    Raises:
        ValueError: there is a format of that name already.
    """

    def decorate(write: Write) -> Write:
        if name in _exporters:
            raise ValueError(f"There are two export formats named {name}.")
        _exporters[name] = Exporter(name, suffix, label, help, write, predict, needs, prove)
        return write

    return decorate


def all_exporters() -> list[Exporter]:
    """Every format, by name. One whose module cannot be imported is left out."""
    import_submodules(formats)
    return [_exporters[name] for name in sorted(_exporters)]


def get_exporter(name: str) -> Exporter:
    """The format of that name.

    Raises:
        BadInputError: there is none, or a package that it needs is not installed.
    """
    exporters = {one.name: one for one in all_exporters()}
    if name not in exporters:
        raise BadInputError(
            f"There is no export format {name[:80]!r}. The formats are: {', '.join(exporters)}."
        )
    if missing := exporters[name].missing:
        raise BadInputError(
            f"{exporters[name].label} needs {', '.join(missing)}. Install it with: "
            f"pip install {' '.join(missing)}"
        )
    return exporters[name]
