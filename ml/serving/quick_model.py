"""Handler of ``instant``: what a change of a data set did to the guesses of a quick model.

Versions, features and guesses stay in memory from request to request.
"""

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

from ml.data.store.versions import load_version
from ml.features.backbone import Backbone, stored_backbone
from ml.features.quick_model import Guesses, compare, guess, pool_of
from ml.serving.handlers import handler
from ml.serving.model_cache import ModelCache
from ml.serving.protocol import QuickModelRequest, QuickModelResponse
from ml.workspace import Workspace

MAX_NEW_PICTURES = 64
"""New pictures whose features are computed while the page waits; a child computes those of more."""
MAX_VERSIONS_IN_MEMORY = 8
"""Versions whose guesses stay in memory."""


@handler(QuickModelRequest)
class QuickModelHandler:
    """Compares versions of a data set by a quick model."""

    unforeseen: ClassVar[str] = "Something unforeseen went wrong. See the server's log."

    def __init__(self, models: ModelCache) -> None:
        self._quick_models = QuickModels()

    def __call__(self, request: QuickModelRequest) -> QuickModelResponse:
        """Answer one request.

        Raises:
            BadInputError: too few pictures, or one cannot be read.
        """
        comparison = self._quick_models.compare(
            Path(request.workspace), request.dataset, request.version, request.before
        )
        return QuickModelResponse(comparison)


class QuickModels:
    """Guesses of quick models by version. One workspace's backbone is in memory at a time."""

    def __init__(self) -> None:
        self._backbone_key: tuple[Path, float] | None = None
        self._backbone: Backbone | None = None
        self._session: Any = None
        self._guesses: OrderedDict[tuple[Path, str, int], Guesses] = OrderedDict()

    def compare(self, root: Path, name: str, number: int, before: int) -> dict[str, Any]:
        """``ml.features.quick_model.compare`` of two versions of a data set.

        Args:
            root: the workspace's folder.
            before: the version that was shown before; 0 for none.

        Returns:
            The comparison, or ``{"lacking": count}`` where the features of so many pictures have
            to be computed first.

        Raises:
            BadInputError: too few pictures, or one cannot be read.
        """
        began = time.monotonic()
        workspace = Workspace(root)
        guesses = self._guesses_of(workspace, name, number)
        if isinstance(guesses, int):
            return {"lacking": guesses}
        old = self._guesses_of(workspace, name, before) if before and before != number else None
        return compare(guesses, None if isinstance(old, int) else old, began)

    def _guesses_of(self, workspace: Workspace, name: str, number: int) -> Guesses | int:
        """The guesses for a version, or how many of its pictures lack features."""
        key = (workspace.root, name, number)
        version = load_version(workspace, name, number)
        cached = self._guesses.get(key)
        if cached is not None and cached.version.fingerprint == version.fingerprint:
            self._guesses.move_to_end(key)
            return cached
        hashes = [version.items[n].hash for n in pool_of(version)]
        backbone = self._backbone_of(workspace)
        if backbone is None:
            return len(hashes)
        store = backbone.store(workspace)
        missing = store.missing(hashes)
        if len(missing) > MAX_NEW_PICTURES:
            return len(missing)
        if missing:
            self._session = self._session or backbone.session()
            backbone.compute(workspace, self._session, missing)
            store = backbone.store(workspace)
        self._guesses[key] = guesses = guess(version, store.get(hashes))
        while len(self._guesses) > MAX_VERSIONS_IN_MEMORY:
            self._guesses.popitem(last=False)
        return guesses

    def _backbone_of(self, workspace: Workspace) -> Backbone | None:
        """The workspace's backbone; None where none is stored."""
        try:
            changed = (workspace.graphs / "backbone.json").stat().st_mtime
        except OSError:
            return None
        if self._backbone_key != (workspace.root, changed):
            self._backbone, self._session = stored_backbone(workspace), None
            self._backbone_key = (workspace.root, changed)
        return self._backbone
