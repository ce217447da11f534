"""Bringing pictures into the workspace: a child does it, a page watches and can call it off."""

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboard.children import spawn
from ml.errors import BadInputError
from ml.workspace import Workspace

_PROGRESS = re.compile(r"progress (\d(?:\.\d+)?)")


@dataclass
class Ingest:
    """One ``python -m ml ingest``. ``then`` is what the page wants to do with the result."""

    source: Path
    then: dict[str, Any] = field(default_factory=dict)
    _child: "subprocess.Popen[bytes] | None" = None
    _log: Path = Path()

    def start(self, workspace: Workspace) -> "Ingest":
        """Start the child; returns itself."""
        command = ["ingest", str(self.source), "--json", "--workspace", str(workspace.root)]
        handle, name = tempfile.mkstemp(prefix="lensmith-ingest-", suffix=".log")
        self._log = Path(name)
        with os.fdopen(handle, "wb") as log:
            self._child = spawn(command, log)
        return self

    @property
    def running(self) -> bool:
        """Whether the child is at it."""
        return self._child is not None and self._child.poll() is None

    @property
    def progress(self) -> float:
        """How much is done, 0 to 1."""
        found = _PROGRESS.findall(self._text())
        return min(1.0, float(found[-1])) if found else 0.0

    def result(self) -> dict[str, Any]:
        """What the child reports: name, classes, accepted, refused, notes.

        Raises:
            BadInputError: it failed, with the sentence that it wrote.
        """
        lines = [line for line in self._text().splitlines() if line.strip()]
        self._log.unlink(missing_ok=True)
        if self._child is None or self._child.returncode != 0:
            said = [line for line in lines if not _PROGRESS.match(line)]
            raise BadInputError(said[-1] if said else f"{self.source} could not be read.")
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    def cancel(self) -> None:
        """End the child. What it had stored stays unused until the next try takes it up."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait(10)
        self._log.unlink(missing_ok=True)

    def _text(self) -> str:
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
