"""Discover model plugins: Python files in the workspace's folder ``plugins``, and packages.

A package names its module as an entry point of the group ``lensmith.models``. Discovery reads the
text of a file (``ml.models.plugins.reader``); only building a network runs it. A file that cannot
be read is left out and listed with its reason.

A plugin is code that runs with the rights of whoever trains. No page ever writes into the folder.
A public server has no plugins unless ``LENSMITH_PLUGINS=1``; ``LENSMITH_PLUGINS=0`` turns them off
everywhere.
"""

import importlib.util
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from ml.errors import BadInputError
from ml.models import registry
from ml.models.plugins.reader import PACKAGE, PluginBuilder, PluginFile, read
from ml.models.registry import ModelInfo
from ml.utils import environment
from ml.workspace import Workspace, is_public

ENTRY_POINT_GROUP = "lensmith.models"
PLUGINS_VARIABLE = "LENSMITH_PLUGINS"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UnusablePlugin:
    """A plugin file or package that gives no usable model, and the reason."""

    origin: str
    reason: str


@dataclass(frozen=True)
class Discovered:
    """The plugin models, and the plugins that cannot be used."""

    models: tuple[ModelInfo, ...] = ()
    unreadable: tuple[UnusablePlugin, ...] = ()


SourceStamps = tuple[tuple[PluginFile, int, int], ...]
_plugin_folders: list[Path] = []
_cache: dict[SourceStamps, Discovered] = {}


def use_workspace(workspace: Workspace) -> None:
    """Offer the plugins of ``workspace`` in this process."""
    _plugin_folders[:] = [workspace.plugins]


def forget_workspace() -> None:
    """Offer the plugins of no workspace in this process."""
    _plugin_folders.clear()


def are_allowed() -> bool:
    """Whether plugins are allowed on this server."""
    allowed = environment.flag(PLUGINS_VARIABLE)
    return not is_public() if allowed is None else allowed


def discovered() -> Discovered:
    """The plugin models and the unusable plugins. Changed files are read again."""
    stamps = source_stamps()
    if not stamps:
        return Discovered()
    cached = _cache.get(stamps)
    if cached is None:
        cached = _read_all([source for source, _, _ in stamps])
        _cache.clear()
        _cache[stamps] = cached
        for item in cached.unreadable:
            log.warning("%s is left out. %s", item.origin, item.reason)
    return cached


def source_stamps() -> SourceStamps:
    """Each plugin file with its modification time and size; empty where plugins are off.

    ``discovered`` gives the same result while these stay the same.
    """
    if not are_allowed():
        return ()
    return tuple(_stamp(source) for source in (*_folder_sources(), *_package_sources()))


def source_code(name: str) -> bytes:
    """The source file of the plugin model ``name``, else b"".

    Feature caches hash it, since a plugin may compute other features with the same weights.
    """
    builders = (model.builder for model in discovered().models if model.name == name)
    builder = next(builders, None)
    return builder.source.path.read_bytes() if isinstance(builder, PluginBuilder) else b""


def _read_all(sources: list[PluginFile]) -> Discovered:
    """Read plugins in order; a plugin that repeats a model's name is unusable."""
    models = {model.name: model for model in registry.built_in_models()}
    built_in_count = len(models)
    unreadable = []
    for source in sources:
        registry.plugin_builders.setdefault(source.module, {})
        try:
            models |= _read_one(source, models)
        except BadInputError as error:
            unreadable.append(UnusablePlugin(source.origin, str(error)))
    return Discovered(tuple(models.values())[built_in_count:], tuple(unreadable))


def _read_one(source: PluginFile, other_models: dict[str, ModelInfo]) -> dict[str, ModelInfo]:
    models: dict[str, ModelInfo] = {}
    for model in read(source):
        same_name = models.get(model.name) or other_models.get(model.name)
        if same_name and getattr(same_name.builder, "__module__", "") == source.module:
            continue  # a notebook imported the package, which registered the model
        if same_name:
            raise BadInputError(
                f"There is a model named {model.name} already ({same_name.origin or 'built in'}). "
                "Give this one another name."
            )
        models[model.name] = model
    return models


def _folder_sources() -> list[PluginFile]:
    """The plugin files of the folder, by name. A leading _ marks a helper module."""
    paths = sorted(path for folder in _plugin_folders for path in folder.glob("[!_.]*.py"))
    return [
        PluginFile(f"{path.parent.name}/{path.name}", path, f"{PACKAGE}.{path.stem}")
        for path in paths
    ]


@cache
def _package_sources() -> tuple[PluginFile, ...]:
    points = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.module)
    return tuple(
        PluginFile(
            f"package {point.dist.name if point.dist else point.name}", _module_file(module), module
        )
        for point in points
        if (module := point.module)
    )


def _module_file(module: str) -> Path:
    """The file of a module, located without importing it."""
    first, *rest = module.split(".")
    spec = None
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(first)
    if spec is None or not rest:
        return Path((spec and spec.origin) or f"{module}.py")
    candidates = [
        candidate
        for location in spec.submodule_search_locations or ()
        for candidate in (
            Path(location, *rest).with_suffix(".py"),
            Path(location, *rest, "__init__.py"),
        )
    ]
    return next((path for path in candidates if path.is_file()), Path(f"{module}.py"))


def _stamp(source: PluginFile) -> tuple[PluginFile, int, int]:
    try:
        stat = source.path.stat()
    except OSError:
        return source, 0, 0  # ``read`` reports the reason
    return source, stat.st_mtime_ns, stat.st_size
