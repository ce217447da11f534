"""Bring in pictures from any source: as a data set of their own, or into an existing one."""

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
from ml.utils.paths import absolute_path, exists
from ml.workspace import Workspace

BUNDLED_NAMES = ("recycling", "hands", "fashion")
MAX_LABEL_LENGTH = 100
_DOWNLOAD_SHARE = 0.5
"""The share of the progress that a download has."""
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
    """One progress for a possible download and the ingest after it."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress or (lambda share: None)
        self.start = 0.0

    def fetch(self, share: float) -> None:
        """Report that the download is at ``share``, 0 to 1."""
        self.start = _DOWNLOAD_SHARE
        self.progress(share * _DOWNLOAD_SHARE)

    def take_in(self, share: float) -> None:
        """Report that the ingest is at ``share``, 0 to 1."""
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
    min_classes = 1 if label or into else 2
    origin, stages = _origin(workspace, path, label, root, min_classes), _Stages(progress)
    if into is not None:
        name = _existing_name(workspace, into)
        with dataset_lock(workspace, name):
            listing = origin.listing(stages.fetch)
            return add(workspace, name, listing, stages.take_in, keep_test=keep_test)
    name = _name_for(workspace, origin, name)
    with dataset_lock(workspace, name):
        earlier_source = read_summary(workspace, name).get("source") if reuse else None
        if earlier_source and earlier_source == {"path": origin.key, "signature": origin.mark()}:
            version = load_version(workspace, name)
            if not version.items or picture_path(workspace, version.items[0].hash).exists():
                return Ingested(version, [], [])
        listing = origin.listing(stages.fetch)
        # Walking a large folder is slow: mostly the listing has made the mark already.
        mark = origin.mark() if origin.key.startswith("bundled:") else listing.mark or origin.mark()
        source = {"path": origin.key, "signature": mark}
        return ingest(
            workspace,
            listing,
            name,
            min_classes=min_classes,
            source=source,
            progress=stages.take_in,
            pixels_for=pixels_for,
        )


def slug(name: str) -> str:
    """A name that every file system takes: lower case, letters, digits, ``-`` and ``_``.

    Marks count as letters: they are the vowels of many scripts.

    >>> slug("हिन्दी फूल"), slug("Blümchen, zweite")
    ('हिन्दी-फूल', 'blümchen--zweite')
    """
    plain = unicodedata.normalize("NFKC", name).lower()
    allowed = "".join(c if _in_a_name(c) else "-" for c in plain).strip("-")[:60]
    return f"{allowed}-set" if allowed in _WINDOWS_NAMES else allowed or "pictures"


def _in_a_name(letter: str) -> bool:
    return letter.isalnum() or letter in "-_" or unicodedata.category(letter) in ("Mn", "Mc")


def _origin(
    workspace: Workspace,
    path: Path | str | Sequence[Path],
    label: str | None,
    root: Path | None,
    min_classes: int,
) -> _Origin:
    if isinstance(path, str):
        if (named_set := hub_registry.find(path)) and not exists(Path(path)):
            return _of_hub(workspace, *named_set, label, root)
        path = Path(path)
    paths = [absolute_path(source) for source in ([path] if isinstance(path, Path) else path)]
    if not paths:
        raise BadInputError("No pictures are named. Give a folder, a zip, a table or files.")
    if label is not None:
        return _Origin("", str, label, lambda _: list_one_class(paths, label))
    if len(paths) > 1:
        raise BadInputError(f"Several files have no class. Name it with --class. ({paths[0].name})")
    (source,) = paths
    stem = source.name if source.is_dir() else source.stem
    if source.parent == BUNDLED:
        facts = bundled_facts(stem)
        return _Origin(
            f"bundled:{stem}", lambda: str(facts["sha256"]), stem, lambda _: list_source(source)
        )
    return _Origin(
        str(source), lambda: _mark(source), stem, lambda _: list_source(source, least=min_classes)
    )


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
    if not 0 < len(shown) <= MAX_LABEL_LENGTH:
        raise BadInputError(f"A class needs a name of 1 to {MAX_LABEL_LENGTH} letters.")
    return shown


def _existing_name(workspace: Workspace, name: str) -> str:
    """The name of an existing data set; a bundled one is brought in if necessary."""
    if name in dataset_names(workspace):
        return name
    if name in BUNDLED_NAMES:
        return bring_in(workspace, BUNDLED / name, reuse=True).version.name
    raise BadInputError(f"There is no data set {name[:80]!r} to add to. Make one with --name.")


def _name_for(workspace: Workspace, origin: _Origin, requested: str | None) -> str:
    if origin.key.startswith("bundled:"):
        return origin.name
    sources = {
        name: (read_summary(workspace, name).get("source") or {}).get("path")
        for name in dataset_names(workspace)
    }
    if requested is not None:
        name = slug(requested)
        taken_by_other = name in sources and (not origin.key or sources[name] != origin.key)
        if name in BUNDLED_NAMES or taken_by_other:
            raise BadInputError(
                f"There is a data set {name} already, from other pictures. Choose another name."
            )
        return name
    same_source = [name for name, key in sources.items() if origin.key and key == origin.key]
    if same_source:
        return same_source[0]
    base = slug(origin.name)
    taken_names = {*sources, *BUNDLED_NAMES}
    free = (base if n == 1 else f"{base}-{n}" for n in range(1, len(taken_names) + 2))
    return next(name for name in free if name not in taken_names)


@cache
def bundled_facts(name: str) -> dict[str, Any]:
    """The ``about.json`` of a bundled set. Raises BadInputError when it is damaged."""
    facts = read_json(BUNDLED / name / "about.json")
    if not isinstance(facts, dict):
        raise BadInputError(f"The bundled set {name} is damaged. Install Lensmith again.")
    return facts
