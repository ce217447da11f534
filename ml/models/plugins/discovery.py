"""Models of one's own: from files in the workspace's folder ``plugins``, and from packages.

A package names its module with models as an entry point of the group ``lensmith.models``. Here is
only read what there is (``ml.models.plugins.reader``); nothing is run but where a network is
built. A file that cannot be read is left out and named with its reason.

What lies in the folder is code that runs with the rights of whoever trains. Nothing that comes in
through a page is ever written there. A server that strangers use leaves plugins out altogether,
unless ``LENSMITH_PLUGINS=1`` asks for them; ``LENSMITH_PLUGINS=0`` leaves them out everywhere.
"""

import importlib.util
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from ml.errors import BadInputError
from ml.models import registry
from ml.models.plugins.reader import PACKAGE, Borrowed, Source, read
from ml.models.registry import ModelInfo
from ml.workspace import Workspace, is_public

GROUP = "lensmith.models"
VARIABLE = "LENSMITH_PLUGINS"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unreadable:
    """A file or package without a model that can be used, and why."""

    origin: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What there is besides our own models."""

    models: tuple[ModelInfo, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


Stamp = tuple[tuple[Source, int, int], ...]
_folder: list[Path] = []
_kept: dict[Stamp, Found] = {}


def use(workspace: Workspace) -> None:
    """From now on this process offers the models of this workspace besides our own."""
    _folder[:] = [workspace.plugins]


def unuse() -> None:
    """As if no workspace had been named."""
    _folder.clear()


def allowed() -> bool:
    """Whether models of one's own are offered here."""
    wanted = os.environ.get(VARIABLE, "")
    return wanted != "0" if wanted else not is_public()


def found() -> Found:
    """The models besides our own, and what could not be read. Files are read anew once changed."""
    now = stamp()
    if not now:
        return Found()
    kept = _kept.get(now)
    if kept is None:
        kept = _read([source for source, _, _ in now])
        _kept.clear()
        _kept[now] = kept
        for item in kept.unreadable:
            log.warning("%s is left out. %s", item.origin, item.reason)
    return kept


def stamp() -> Stamp:
    """What there is to read, with when it was changed: another stamp, another ``found``."""
    if not allowed():
        return ()
    return tuple(_stamped(source) for source in (*_files(), *_packages()))


def code_of(name: str) -> bytes:
    """The file that model ``name`` is in where it is not ours, else nothing. What a network does
    may change while its weights stay."""
    builders = (model.builder for model in found().models if model.name == name)
    borrowed = next(builders, None)
    return borrowed.source.path.read_bytes() if isinstance(borrowed, Borrowed) else b""


def _read(sources: list[Source]) -> Found:
    """Earlier sources come first: who takes a name that is taken is left out."""
    models = {model.name: model for model in registry.own_models()}
    own = len(models)
    unreadable = []
    for source in sources:
        registry.plugin_builders.setdefault(source.module, {})
        try:
            models |= _read_one(source, models)
        except BadInputError as error:
            unreadable.append(Unreadable(source.origin, str(error)))
    return Found(tuple(models.values())[own:], tuple(unreadable))


def _read_one(source: Source, taken: dict[str, ModelInfo]) -> dict[str, ModelInfo]:
    here: dict[str, ModelInfo] = {}
    for model in read(source):
        other = here.get(model.name) or taken.get(model.name)
        if other and getattr(other.builder, "__module__", "") == source.module:
            continue  # a notebook has imported the package, and so registered it, by itself
        if other:
            raise BadInputError(
                f"There is a model named {model.name} already ({other.origin or 'built in'}). "
                "Give this one another name."
            )
        here[model.name] = model
    return here


def _files() -> list[Source]:
    """The files of the folder, by name. Those that begin with _ are for others to import."""
    paths = sorted(path for folder in _folder for path in folder.glob("[!_.]*.py"))
    return [
        Source(f"{path.parent.name}/{path.name}", path, f"{PACKAGE}.{path.stem}") for path in paths
    ]


@cache
def _packages() -> tuple[Source, ...]:
    points = sorted(entry_points(group=GROUP), key=lambda point: point.module)
    return tuple(
        Source(f"package {point.dist.name if point.dist else point.name}", _file(module), module)
        for point in points
        if (module := point.module)
    )


def _file(module: str) -> Path:
    """The file of a module, found without importing anything."""
    first, *rest = module.split(".")
    spec = None
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(first)
    if spec is None or not rest:
        return Path((spec and spec.origin) or f"{module}.py")
    tries = [
        found
        for place in spec.submodule_search_locations or ()
        for found in (
            Path(place, *rest).with_suffix(".py"),
            Path(place, *rest, "__init__.py"),
        )
    ]
    return next((path for path in tries if path.is_file()), Path(f"{module}.py"))


def _stamped(source: Source) -> tuple[Source, int, int]:
    try:
        about = source.path.stat()
    except OSError:
        return source, 0, 0  # reading it says what is wrong
    return source, about.st_mtime_ns, about.st_size
