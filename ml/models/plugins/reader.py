"""One file with models of one's own: read without being run, and run where a network is built.

The pages list models in a process without torch. So what a file registers is read from its text;
that is why all that stands in ``@register(...)`` has to be written out.
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
"""The files of the folder are modules of it, so that they can import one another."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
"""Names of models become parts of names of files."""
FIXED = ("dataset", "model", "preset")
"""Settings that no recipe of a model decides."""
KINDS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("label", "help", "good_for"), (str, "a text")),
    **dict.fromkeys(("parameters", "macs", "native_size", "min_size"), (int, "a whole number")),
    "pretrained": (bool, "True or False"),
    "preset": (dict, "a dictionary of settings"),
    "options": (tuple, "a tuple of names of settings"),
}
"""What may stand in ``@register(...)`` besides the name."""
NEEDED = ("label", "help", "good_for", "parameters", "macs", "native_size")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A file with models. ``origin`` is how people call it, ``module`` its name when it is run."""

    origin: str
    path: Path
    module: str

    @property
    def packaged(self) -> bool:
        """Whether it belongs to an installed package."""
        return not self.module.startswith(f"{PACKAGE}.")


@dataclass(frozen=True)
class Borrowed:
    """The builder of a model whose file is run only now."""

    source: Source
    name: str

    def __call__(self, inputs: Inputs, pretrained: bool, **options: Any) -> "Network":
        """As the builder in the file.

        Raises:
            BadInputError: the file cannot be run, or it makes no ``Network``.
        """
        from ml.models.network import Network

        builder = load(self.source).get(self.name)
        if builder is None:
            raise BadInputError(f"{self.source.origin} does not register {self.name} when it runs.")
        try:
            made = builder(inputs, pretrained, **options)
        except (MLError, MemoryError):
            raise
        except Exception as error:
            log.exception("%s could not make %s.", self.source.origin, self.name)
            said = _said(error, self.source.path)
            raise BadInputError(f"{self.source.origin} could not make {self.name}: {said}") from (
                error
            )
        if not isinstance(made, Network):
            raise BadInputError(
                f"{self.name} in {self.source.origin} gave a {type(made).__name__}. It has to give "
                "a Network of ml.models.network."
            )
        return made


def read(source: Source) -> list[ModelInfo]:
    """The models that a file registers, by its text alone.

    Raises:
        BadInputError: it cannot be read, or what it says of a model is incomplete or wrong.
    """
    try:
        tree = ast.parse(source.path.read_bytes())
    except OSError as error:
        raise BadInputError(f"The file cannot be read: {error.strerror}.") from error
    except SyntaxError as error:
        raise BadInputError(f"Line {error.lineno} is not valid Python: {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadInputError("The file is not valid Python.") from error
    found = [
        _registered(call, source)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for call in node.decorator_list
        if isinstance(call, ast.Call) and _is_register(call.func)
    ]
    if not found:
        raise BadInputError("No function in it has @register(...) above it.")
    return found


def load(source: Source) -> dict[str, Builder]:
    """The builders in a file, which is run unless it has been.

    Raises:
        BadInputError: it fails.
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
        said = _said(error, source.path)
        raise BadInputError(f"{source.origin} could not be run: {said}") from error


def _run(source: Source) -> ModuleType:
    package = ModuleType(PACKAGE)
    package.__path__ = [str(source.path.parent)]
    sys.modules[PACKAGE] = package
    spec = importlib.util.spec_from_file_location(source.module, source.path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[source.module] = module
    try:  # not through its loader, which would write beside it and might take an older version
        exec(compile(source.path.read_bytes(), str(source.path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[source.module]
        raise
    return module


def _is_register(called: ast.expr) -> bool:
    return "register" in (getattr(called, "id", ""), getattr(called, "attr", ""))


def _registered(call: ast.Call, source: Source) -> ModelInfo:
    """One ``@register(...)`` as an entry of the list."""
    try:
        given = [ast.literal_eval(argument) for argument in call.args]
        about = {str(item.arg): ast.literal_eval(item.value) for item in call.keywords}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise BadInputError(
            f"Line {call.lineno}: what stands in @register(...) has to be written out, as texts, "
            "numbers, True or False. It is read without running the file."
        ) from error
    name = given[0] if given else None
    if len(given) != 1 or not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadInputError(
            f"Line {call.lineno}: a model is named in letters of the alphabet, digits and _, at "
            "most 60, as in @register('my_net', ...)."
        )
    try:
        return ModelInfo(
            name=name, builder=Borrowed(source, name), origin=source.origin, **_checked(about)
        )
    except BadInputError as error:
        raise BadInputError(f"Line {call.lineno}, {name}: {error}") from error


def _checked(about: dict[str, Any]) -> dict[str, Any]:
    missing = [name for name in NEEDED if name not in about]
    if missing:
        raise BadInputError(f"@register(...) lacks {', '.join(missing)}.")
    for name, value in about.items():
        if name not in KINDS:
            raise BadInputError(f"@register(...) takes {', '.join(KINDS)}, and not {name}.")
        kind, said = KINDS[name]
        if type(value) is not kind:
            raise BadInputError(f"{name} has to be {said}.")
        if kind is int and about[name] < 1:
            raise BadInputError(f"{name} has to be at least 1.")
        if kind is str:
            about[name] = " ".join(about[name].split())
    least, most = (_size_field[key] for key in ("low", "high"))
    if not max(about.get("min_size", 1), least) <= about["native_size"] <= most:
        raise BadInputError(
            f"native_size has to lie between {least} and {most}, and not below min_size."
        )
    for name in about.get("options", ()):
        if name not in names_of():
            raise BadInputError(f"options names {name!r}, and there is no such setting.")
    recipe = about.get("preset", {})
    if fixed := [name for name in FIXED if name in recipe]:
        raise BadInputError(f"preset cannot decide {', '.join(fixed)}.")
    TrainConfig().changed(**{str(name): value for name, value in recipe.items()})
    return about


_size_field = next(item for item in fields(TrainConfig) if item.name == "image_size").metadata


def _said(error: BaseException, path: Path) -> str:
    """What an exception says, in one line, with the line of the file where it arose."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError):
        line = error.lineno or 0
    text = " ".join(str(error).split())[:200]
    where = f" (line {line})" if line else ""
    return f"{type(error).__name__}{': ' if text else ''}{text}{where}."
