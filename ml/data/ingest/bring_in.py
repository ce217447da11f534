"""Give pictures a place and a name in the workspace, once, or add them to what is there."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ml.data.ingest.add import add
from ml.data.ingest.ingest import Ingested, ingest
from ml.data.ingest.prefetch_pixels import PixelsFor
from ml.data.pixels.parallel import Progress
from ml.data.sources import hub_registry
from ml.data.sources.folders import BUNDLED
from ml.data.sources.hub_registry import Hub, NamedSet
from ml.data.sources.listing import Listing, under_one_label
from ml.data.sources.registry import list_one_class, list_source
from ml.data.sources.walk import clean, signature
from ml.data.store.versions import (
    dataset_lock,
    dataset_names,
    load_version,
    picture_path,
    read_summary,
)
from ml.errors import BadInputError
from ml.utils.files import read_json
from ml.workspace import Workspace

BUNDLED_NAMES = ("recycling", "hands", "fashion")
MOST_LABEL = 100
_FETCHING = 0.5
"""The share of the whole that a download is taken for."""
_WINDOWS_NAMES = {"con", "prn", "aux", "nul"}


@dataclass(frozen=True)
class _Origin:
    """Where pictures come from: a ``key`` to know it again (empty: never), how to find a ``mark``
    that changes with what is there, the ``name`` it suggests, and how to look through it."""

    key: str
    mark: Callable[[], str]
    name: str
    listing: Callable[[Progress], Listing]


class _Stages:
    """The progress of a download, where there is one, and of what comes after it, as one."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress or (lambda share: None)
        self.start = 0.0

    def fetch(self, share: float) -> None:
        """The download is at ``share``."""
        self.start = _FETCHING
        self.progress(share * _FETCHING)

    def take_in(self, share: float) -> None:
        """What comes after it is at ``share``."""
        self.progress(self.start + share * (1 - self.start))


def bring_in(
    workspace: Workspace,
    path: Path | str | Sequence[Path],
    name: str | None = None,
    *,
    reuse: bool = False,
    progress: Progress | None = None,
    into: str | None = None,
    label: str | None = None,
    root: Path | None = None,
    keep_test: bool = False,
    pixels_for: PixelsFor | None = None,
) -> Ingested:
    """Ingest what is at ``path``, under ``name`` or one made from its own.

    ``path`` is a folder, a zip, a table or, with ``label``, a picture or several; as a string also
    the name of a set of a hub, such as ``torchvision:cifar10``, whose files may lie in ``root``.
    With ``label`` all pictures are of that class. With ``into`` they are added to the data set of
    that name, with ``keep_test`` none of them to its test. With ``reuse``, a source whose files
    have the names, sizes and times they had is not read again. See ``ingest`` for ``pixels_for``.

    Raises:
        BadInputError: the name is taken, or there are no pictures to be had.
    """
    label = None if label is None else _label(label)
    least = 1 if label or into else 2
    origin, stages = _origin(workspace, path, label, root, least), _Stages(progress)
    if into is not None:
        name = _known(workspace, into)
        with dataset_lock(workspace, name):
            listing = origin.listing(stages.fetch)
            return add(workspace, name, listing, stages.take_in, keep_test=keep_test)
    name = _name_for(workspace, origin, name)
    with dataset_lock(workspace, name):
        known = read_summary(workspace, name).get("source") if reuse else None
        if known and known == {"path": origin.key, "signature": origin.mark()}:
            version = load_version(workspace, name)
            if not version.items or picture_path(workspace, version.items[0].hash).exists():
                return Ingested(version, [], [])
        listing = origin.listing(stages.fetch)
        # To look through a folder of many files takes a while: mostly the listing did it already.
        mark = origin.mark() if origin.key.startswith("bundled:") else listing.mark or origin.mark()
        source = {"path": origin.key, "signature": mark}
        return ingest(
            workspace,
            listing,
            name,
            least=least,
            source=source,
            progress=stages.take_in,
            pixels_for=pixels_for,
        )


def slug(name: str) -> str:
    """A name that every file system takes: lower case, letters, digits, ``-`` and ``_``."""
    plain = unicodedata.normalize("NFKC", name).lower()
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in plain).strip("-")[:60]
    return f"{kept}-set" if kept in _WINDOWS_NAMES else kept or "pictures"


def _origin(
    workspace: Workspace,
    path: Path | str | Sequence[Path],
    label: str | None,
    root: Path | None,
    least: int,
) -> _Origin:
    if isinstance(path, str):
        if (named_set := hub_registry.find(path)) and not Path(path).exists():
            return _of_hub(workspace, *named_set, label, root)
        path = Path(path)
    paths = [one.expanduser().resolve() for one in ([path] if isinstance(path, Path) else path)]
    if not paths:
        raise BadInputError("No pictures are named. Give a folder, a zip, a table or files.")
    if label is not None:
        return _Origin("", str, label, lambda _: list_one_class(paths, label))
    if len(paths) > 1:
        raise BadInputError(f"Several files have no class. Name it with --class. ({paths[0].name})")
    (one,) = paths
    stem = one.name if one.is_dir() else one.stem
    if one.parent == BUNDLED:
        facts = bundled_facts(stem)
        return _Origin(
            f"bundled:{stem}", lambda: str(facts["sha256"]), stem, lambda _: list_source(one)
        )
    return _Origin(str(one), lambda: _mark(one), stem, lambda _: list_source(one, least=least))


def _mark(path: Path) -> str:
    return signature(path) if path.exists() else ""


def _of_hub(
    workspace: Workspace, hub: Hub, known: NamedSet, label: str | None, root: Path | None
) -> _Origin:
    def listing(fetching: Progress) -> Listing:
        pictures = hub.listing(workspace, known, root, fetching)
        return under_one_label(pictures, label) if label else pictures

    folder = hub.folder(workspace, known, root)
    return _Origin(f"{hub.name}:{known.name}", lambda: str(folder), known.name, listing)


def _label(label: str) -> str:
    shown = clean(label).strip()
    if not 0 < len(shown) <= MOST_LABEL:
        raise BadInputError(f"A class needs a name of 1 to {MOST_LABEL} letters.")
    return shown


def _known(workspace: Workspace, name: str) -> str:
    """The name of a data set that is there; a bundled one is brought in for it."""
    if name in dataset_names(workspace):
        return name
    if name in BUNDLED_NAMES:
        return bring_in(workspace, BUNDLED / name, reuse=True).version.name
    raise BadInputError(f"There is no data set {name[:80]!r} to add to. Make one with --name.")


def _name_for(workspace: Workspace, origin: _Origin, wanted: str | None) -> str:
    if origin.key.startswith("bundled:"):
        return origin.name
    sources = {
        name: (read_summary(workspace, name).get("source") or {}).get("path")
        for name in dataset_names(workspace)
    }
    if wanted is not None:
        name = slug(wanted)
        taken_by_other = name in sources and (not origin.key or sources[name] != origin.key)
        if name in BUNDLED_NAMES or taken_by_other:
            raise BadInputError(
                f"There is a data set {name} already, from other pictures. Choose another name."
            )
        return name
    known = [name for name, key in sources.items() if origin.key and key == origin.key]
    if known:
        return known[0]
    base = slug(origin.name)
    taken = {*sources, *BUNDLED_NAMES}
    free = (base if n == 1 else f"{base}-{n}" for n in range(1, len(taken) + 2))
    return next(name for name in free if name not in taken)


@cache
def bundled_facts(name: str) -> dict[str, Any]:
    """The ``about.json`` of a bundled set. Raises BadInputError when it is damaged."""
    facts = read_json(BUNDLED / name / "about.json")
    if not isinstance(facts, dict):
        raise BadInputError(f"The bundled set {name} is damaged. Install Lensmith again.")
    return facts
