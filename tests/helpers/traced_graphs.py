"""Traced ONNX graphs, shared by the workspaces of a test session, as torch takes seconds to trace.

``tests/ml/export`` tests the tracing and the graph cache themselves.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ml.workspace import Workspace

TRACED = re.compile(r"[0-9a-f]{32}(\.features)?\.onnx")


@contextlib.contextmanager
def shared_graphs(shared: Path, workspace: Workspace) -> Iterator[None]:
    """``workspace`` starts with the graphs in ``shared``, and adds its own to them at the end."""
    workspace.graphs.mkdir(parents=True, exist_ok=True)
    link_graphs(shared, workspace.graphs)
    yield
    link_graphs(workspace.graphs, shared)


def link_graphs(source: Path, target: Path) -> None:
    """Hard-link the graphs of ``source`` into ``target``."""
    for path in source.glob("*.onnx"):
        if TRACED.fullmatch(path.name):
            with contextlib.suppress(FileExistsError):
                os.link(path, target / path.name)
