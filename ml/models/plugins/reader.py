"""Read a plugin file's models from its syntax tree, and run the file to build a network.

The pages list models in a process without torch, so the arguments of ``@register(...)`` are read
from the text of the file and have to be literals.
"""

import ast
import importlib
import importlib.util
import logging
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ml.config import TrainConfig, names_of
from ml.errors import BadInputError, MLError
from ml.models import registry
from ml.models.registry import Builder, Inputs, ModelInfo

if TYPE_CHECKING:
    from ml.models.network import Network

PACKAGE = "lensmith_plugins"
"""Plugin files are modules of this package, so that they can import one another."""
MODEL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
"""Model names become parts of file names."""
SETTINGS_NOT_IN_PRESET = ("dataset", "model", "preset")
"""Settings that a model's ``preset`` must not contain."""
FIELD_TYPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("label", "help", "good_for"), (str, "a text")),
    **dict.fromkeys(("parameters", "macs", "native_size", "min_size"), (int, "a whole number")),
    "pretrained": (bool, "True or False"),
    "preset": (dict, "a dictionary of settings"),
    "options": (tuple, "a tuple of names of settings"),
}
"""The keyword arguments of ``@register(...)``, with their type and its description for errors."""
REQUIRED_FIELDS = ("label", "help", "good_for", "parameters", "macs", "native_size")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PluginFile:
    """A file with models. ``origin`` names it for users, ``module`` is its module when run."""

    origin: str
    path: Path
    module: str

    @property
    def packaged(self) -> bool:
        """Whether the file belongs to an installed package."""
        return not self.module.startswith(f"{PACKAGE}.")


@dataclass(frozen=True)
class PluginBuilder:
    """The builder of a plugin model, which runs the plugin file when it is called."""

    source: PluginFile
    name: str

    def __call__(self, inputs: Inputs, pretrained: bool, **options: Any) -> "Network":
        """Build the network.

        Raises:
            BadInputError: the file fails, or its builder returns no ``Network``.
        """
        from ml.models.network import Network

        builder = load(self.source).get(self.name)
        if builder is None:
            raise BadInputError(f"{self.source.origin} does not register {self.name} when it runs.")
        try:
            network = builder(inputs, pretrained, **options)
        except (MLError, MemoryError):
            raise
        except Exception as error:
            log.exception("%s could not make %s.", self.source.origin, self.name)
            error_text = _error_text(error, self.source.path)
            raise BadInputError(
                f"{self.source.origin} could not make {self.name}: {error_text}"
            ) from error
        if not isinstance(network, Network):
            raise BadInputError(
                f"{self.name} in {self.source.origin} gave a {type(network).__name__}. It has to "
                "give a Network of ml.models.network."
            )
        return network


def read(source: PluginFile) -> list[ModelInfo]:
    """The models that a file registers, read from its syntax tree.

    Raises:
        BadInputError: the file is not readable Python, or its ``@register(...)`` is not valid.
    """
    try:
        tree = ast.parse(source.path.read_bytes())
    except OSError as error:
        raise BadInputError(f"The file cannot be read: {error.strerror}.") from error
    except SyntaxError as error:
        raise BadInputError(f"Line {error.lineno} is not valid Python: {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadInputError("The file is not valid Python.") from error
    models = [
        _registered(call, source)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for call in node.decorator_list
        if isinstance(call, ast.Call) and _is_register(call.func)
    ]
    if not models:
        raise BadInputError("No function in it has @register(...) above it.")
    return models


def load(source: PluginFile) -> dict[str, Builder]:
    """The builders in a file by model name. The file is run if it changed since the last run.

    Raises:
        BadInputError: the file raises an exception.
    """
    builders = registry.plugin_builders.setdefault(source.module, {})
    try:
        if source.packaged:
            importlib.import_module(source.module)
            return builders
        stamp = source.path.stat().st_mtime_ns, source.path.stat().st_size, source.path
        if getattr(sys.modules.get(source.module), "lensmith_stamp", None) != stamp:
            builders.clear()
            _run(source).__dict__["lensmith_stamp"] = stamp
        return builders
    except (Exception, SystemExit) as error:
        log.exception("%s could not be run.", source.origin)
        error_text = _error_text(error, source.path)
        raise BadInputError(f"{source.origin} could not be run: {error_text}") from error


def _run(source: PluginFile) -> ModuleType:
    package = ModuleType(PACKAGE)
    package.__path__ = [str(source.path.parent)]
    sys.modules[PACKAGE] = package
    spec = importlib.util.spec_from_file_location(source.module, source.path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[source.module] = module
    try:  # its loader would write a .pyc beside it and might use a stale one
        exec(compile(source.path.read_bytes(), str(source.path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[source.module]
        raise
    return module


def _is_register(function: ast.expr) -> bool:
    return "register" in (getattr(function, "id", ""), getattr(function, "attr", ""))


def _registered(call: ast.Call, source: PluginFile) -> ModelInfo:
    """The ``ModelInfo`` of one ``@register(...)``."""
    try:
        positional = [ast.literal_eval(argument) for argument in call.args]
        named = {str(item.arg): ast.literal_eval(item.value) for item in call.keywords}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise BadInputError(
            f"Line {call.lineno}: what stands in @register(...) has to be written out, as texts, "
            "numbers, True or False. It is read without running the file."
        ) from error
    name = positional[0] if positional else None
    if len(positional) != 1 or not isinstance(name, str) or not MODEL_NAME.fullmatch(name):
        raise BadInputError(
            f"Line {call.lineno}: a model is named in letters of the alphabet, digits and _, at "
            "most 60, as in @register('my_net', ...)."
        )
    try:
        return ModelInfo(
            name=name, builder=PluginBuilder(source, name), origin=source.origin, **_checked(named)
        )
    except BadInputError as error:
        raise BadInputError(f"Line {call.lineno}, {name}: {error}") from error


def _checked(named: dict[str, Any]) -> dict[str, Any]:
    missing = [name for name in REQUIRED_FIELDS if name not in named]
    if missing:
        raise BadInputError(f"@register(...) lacks {', '.join(missing)}.")
    for name, value in named.items():
        if name not in FIELD_TYPES:
            raise BadInputError(f"@register(...) takes {', '.join(FIELD_TYPES)}, and not {name}.")
        expected_type, description = FIELD_TYPES[name]
        if type(value) is not expected_type:
            raise BadInputError(f"{name} has to be {description}.")
        if expected_type is int and named[name] < 1:
            raise BadInputError(f"{name} has to be at least 1.")
        if expected_type is str:
            named[name] = " ".join(named[name].split())
    min_size, max_size = (_size_field[key] for key in ("low", "high"))
    if not max(named.get("min_size", 1), min_size) <= named["native_size"] <= max_size:
        raise BadInputError(
            f"native_size has to lie between {min_size} and {max_size}, and not below min_size."
        )
    for name in named.get("options", ()):
        if name not in names_of():
            raise BadInputError(f"options names {name!r}, and there is no such setting.")
    preset = named.get("preset", {})
    if not_allowed := [name for name in SETTINGS_NOT_IN_PRESET if name in preset]:
        raise BadInputError(f"preset cannot decide {', '.join(not_allowed)}.")
    TrainConfig().changed(**{str(name): value for name, value in preset.items()})
    return named


_size_field = next(item for item in fields(TrainConfig) if item.name == "image_size").metadata


def _error_text(error: BaseException, path: Path) -> str:
    """An exception as one line: type, message, and the line in ``path`` that raised it."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError):
        line = error.lineno or 0
    text = " ".join(str(error).split())[:200]
    location = f" (line {line})" if line else ""
    return f"{type(error).__name__}{': ' if text else ''}{text}{location}."
