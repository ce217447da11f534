"""Serves instant mode from a process that stays warm: versions, features and guesses are kept."""

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from ml.data.store.versions import load_version
from ml.features.backbone import Backbone, kept
from ml.features.quick_model import Guesses, compare, guess, pool_of
from ml.workspace import Workspace

MOST_AT_ONCE = 64
"""New pictures whose features are computed while somebody waits; more are work for a child."""
KEPT = 8


class Instant:
    """Answers what a change did. One workspace's network is kept ready at a time."""

    def __init__(self) -> None:
        self._of: tuple[Path, float] | None = None
        self._backbone: Backbone | None = None
        self._session: Any = None
        self._known: OrderedDict[tuple[Path, str, int], Guesses] = OrderedDict()

    def answer(self, root: Path, name: str, number: int, before: int) -> dict[str, Any]:
        """``ml.features.quick_model.compare`` of two versions of a set; ``{"lacking": count}``
        where features of so many pictures have to be computed first.

        Args:
            before: the version that was shown before; 0 for none.

        Raises:
            BadInputError: too few pictures, or one cannot be read.
        """
        began = time.monotonic()
        workspace = Workspace(root)
        found = self._guesses(workspace, name, number)
        if isinstance(found, int):
            return {"lacking": found}
        old = self._guesses(workspace, name, before) if before and before != number else None
        return compare(found, None if isinstance(old, int) else old, began)

    def _guesses(self, workspace: Workspace, name: str, number: int) -> Guesses | int:
        key = (workspace.root, name, number)
        version = load_version(workspace, name, number)
        known = self._known.get(key)
        if known is not None and known.version.fingerprint == version.fingerprint:
            self._known.move_to_end(key)
            return known
        hashes = [version.items[n].hash for n in pool_of(version)]
        backbone = self._ready(workspace)
        if backbone is None:
            return len(hashes)
        store = backbone.store(workspace)
        lacking = store.missing(hashes)
        if len(lacking) > MOST_AT_ONCE:
            return len(lacking)
        if lacking:
            self._session = self._session or backbone.session()
            backbone.compute(workspace, self._session, lacking)
            store = backbone.store(workspace)
        self._known[key] = found = guess(version, store.get(hashes))
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found

    def _ready(self, workspace: Workspace) -> Backbone | None:
        try:
            stamp = (workspace.root, (workspace.graphs / "backbone.json").stat().st_mtime)
        except OSError:
            return None
        if self._of != stamp:
            self._backbone, self._session, self._of = kept(workspace), None, stamp
        return self._backbone
