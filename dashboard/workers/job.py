"""Job: a command in a child process whose progress a page shows and can cancel."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboard.workers.process import PARENT, spawn
from ml.errors import BadInputError
from ml.workspace import Workspace

_PROGRESS = re.compile(r"^progress (\d(?:\.\d+)?)$", re.MULTILINE)
_LEFT = re.compile(r"^left (\d+(?:\.\d+)?)$", re.MULTILINE)


@dataclass
class Job:
    """One ``python -m ml`` command that reports progress on standard error and JSON at its end.

    Attributes:
        title: what it does, such as "Reading pets.zip".
        follow_up: tells the page what to do with the result.
        staging: a folder of uploads, deleted when the job ends in any way.
    """

    command: list[str]
    title: str = ""
    follow_up: dict[str, Any] = field(default_factory=dict)
    staging: Path | None = None
    reason: str = ""
    """Why it failed, once somebody has asked for its result."""
    _child: "subprocess.Popen[bytes] | None" = None
    _log: Path = Path()
    _result: dict[str, Any] | None = None

    def start(self, workspace: Workspace) -> "Job":
        """Start the child; returns itself. ``--json`` and the workspace are added."""
        command = [*self.command, "--json", "--workspace", str(workspace.root)]
        handle, name = tempfile.mkstemp(prefix="lensmith-job-", suffix=".log")
        self._log = Path(name)
        with os.fdopen(handle, "wb") as log:
            self._child = spawn(command, log, **{PARENT: str(os.getpid())})
        return self

    @property
    def running(self) -> bool:
        """Whether the child runs."""
        return self._child is not None and self._child.poll() is None

    @property
    def progress(self) -> float:
        """The share that is done, 0 to 1."""
        matches = _PROGRESS.findall(self._text())
        return min(1.0, float(matches[-1])) if matches else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it ends, where the child knows."""
        matches = _LEFT.findall(self._text())
        return float(matches[-1]) if matches else None

    def result(self) -> dict[str, Any]:
        """What the child reports, once it has ended; the same as often as it is asked for.

        Raises:
            BadInputError: it failed, with the sentence that it wrote.
        """
        if self.reason:
            raise BadInputError(self.reason)
        if self._result is not None:
            return self._result
        text = _LEFT.sub("", _PROGRESS.sub("", self._text()))
        lines = [line for line in text.splitlines() if line.strip()]
        self._clear()
        if self._child is None or self._child.returncode != 0:
            self.reason = self._failure(lines)
            raise BadInputError(self.reason)
        result: dict[str, Any] = json.loads(lines[-1])
        self._result = result
        return result

    def _failure(self, lines: list[str]) -> str:
        """Why the child failed, from what it wrote."""
        if self._child is not None and self._child.returncode < 0:
            return (
                f"{self.title or 'The task'} was ended from outside, most likely because the "
                "memory of this computer was full. Close other programs and try again."
            )
        return lines[-1] if lines else f"{self.title or 'The task'} failed."

    def cancel(self) -> None:
        """End the child. The next try uses what it has stored."""
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait(10)
        self._clear()

    def _clear(self) -> None:
        if self._log.name:
            self._log.unlink(missing_ok=True)
        if self.staging is not None:
            shutil.rmtree(self.staging, ignore_errors=True)

    def _text(self) -> str:
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
