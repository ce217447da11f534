"""Traced networks, shared by the workspaces of a session: torch takes seconds to trace each.

That a network is traced, and its graph kept, filled and distrusted as it should be, is for
``test_export``. Elsewhere it would only be waited for, in each new workspace again.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ml.workspace import Workspace

TRACED = re.compile(r"[0-9a-f]{32}(\.features)?\.onnx")


@contextlib.contextmanager
def lent(shared: Path, workspace: Workspace) -> Iterator[None]:
    """``workspace`` has the graphs that were traced before, and leaves those that it adds."""
    workspace.graphs.mkdir(parents=True, exist_ok=True)
    share(shared, workspace.graphs)
    yield
    share(workspace.graphs, shared)


def share(source: Path, target: Path) -> None:
    """Bring what ``source`` has to ``target``, where each may replace its own."""
    for path in source.glob("*.onnx"):
        if TRACED.fullmatch(path.name):
            with contextlib.suppress(FileExistsError):
                os.link(path, target / path.name)
