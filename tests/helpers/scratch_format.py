"""An export format in a file of its own, as somebody adds one: the classes as text."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml.export import formats, registry

FORMAT = '''
"""The format ``labels``: the names of the classes, one a line."""

from pathlib import Path

from ml.export.registry import ExportSource, exporter


@exporter("labels", suffix=".txt", label="Labels", help="The classes, one a line.", needs=NEEDS)
def write(source: ExportSource, path: Path) -> None:
    path.write_text("\\\\n".join(source.manifest["classes"]), encoding="utf-8")
'''


@contextmanager
def scratch_format(folder: Path, *, needs: tuple[str, ...] = ()) -> Iterator[None]:
    """While this lasts, ``folder`` holds a module with the format ``labels``."""
    text = FORMAT.replace("NEEDS", repr(needs)).replace("\\\\n", "\\n")
    (folder / "labels.py").write_text(text, encoding="utf-8")
    registry.all_exporters()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "__path__", [*formats.__path__, str(folder)])
        patch.setattr(registry, "_exporters", dict(registry._exporters))
        yield
    sys.modules.pop(f"{formats.__name__}.labels", None)
