"""Who imports whom: pages -> dashboard -> ml, never back, and what is light stays light."""

import ast
import graphlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import python_path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "lightning", "pytorch_lightning", "torchvision", "torchmetrics"}

# The modules that must stay light by themselves. Whatever pages and dashboard import joins them.
LIGHT = {
    "ml.config",
    "ml.errors",
    "ml.runs.events",
    "ml.utils.files",
    "ml.runs.folder",
    "ml.runs.status",
    "ml.workspace",
    "ml.inference.classifier",
    "ml.serving.service",
    "ml.presets",
    "ml.training.start",
    "ml.training.cost.estimate",
    "ml.training.coach",
    "ml.metrics.classification",
    "ml.metrics.calibration",
    "ml.metrics.selective",
    "ml.inference.ood_reference",
    "ml.inference.ood",
    "ml.explain.why",
    "ml.features.backbone",
    "ml.features.extract",
    "ml.doctor.examination",
    "ml.doctor.features",
    "ml.models.catalog",
    "ml.models.registry",
    "ml.data.catalog",
    "ml.data.ingest.ingest",
    "ml.data.run_pictures",
    "ml.data.pixels.pixels",
    "ml.data.sources.registry",
    "ml.data.splits.splits",
    "ml.data.store.versions",
    "ml.commands.datasets",
    "ml.commands.doctor",
    "ml.commands.ingest",
    "ml.commands.models",
    "ml.commands.predict",
    "ml.commands.runs",
    "ml.commands.worker",
}


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sources("ml", "dashboard", "pages")}
MODULES["streamlit_app"] = ROOT / "streamlit_app.py"


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: no function bodies, nothing for types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_import(child)


@cache
def imports(path: Path, *, everywhere: bool) -> frozenset[str]:
    """The full names that a module imports: at its import, or ``everywhere`` in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree) if everywhere else at_import(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


@cache
def with_parents(names: frozenset[str]) -> set[str]:
    """Importing a.b.c runs a and a.b as well."""
    return {name.rsplit(".", cut)[0] for name in names for cut in range(name.count(".") + 1)}


def reach(names: frozenset[str]) -> dict[str, str]:
    """Every module that importing ``names`` imports, and which one of ours does it."""
    known: dict[str, str] = {}
    waiting = [(name, "") for name in with_parents(names)]
    while waiting:
        name, by = waiting.pop()
        if name in known:
            continue
        known[name] = by
        if name in MODULES:
            more = with_parents(imports(MODULES[name], everywhere=False))
            waiting += [(imported, name) for imported in more]
    return known


def first(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        (
            "ml",
            {"dashboard", "pages", "streamlit", "streamlit_app", "tests", "benchmarks", "launch"},
        ),
        ("dashboard", {"pages", "streamlit_app", "tests", "benchmarks", "launch"}),
        ("pages", {"pages", "streamlit_app", "tests", "benchmarks", "launch"}),
    ],
)
def test_imports_go_one_way(folder: str, forbidden: set[str]) -> None:
    for path in sources(folder):
        wrong = {name for name in imports(path, everywhere=True) if first(name) in forbidden}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


LAYERS = [
    "ml.errors",
    "ml.utils",
    "ml.compat",
    "ml.config",
    "ml.workspace",
    "ml.hardware",
    "ml.runs",
    "ml.distributed",
    "ml.data",
    "ml.metrics",
    "ml.models",
    "ml.presets",
    "ml.inference",
    "ml.text",
    "ml.export",
    "ml.explain",
    "ml.features",
    "ml.doctor",
    "ml.training",
    "ml.evaluation",
    "ml.tuning",
    "ml.sharing",
    "ml.serving",
    "ml.api",
    "ml.commands",
    "ml.__main__",
    "dashboard.compat",
    "dashboard.server",
    "dashboard.text",
    "dashboard.workers",
    "dashboard.state",
    "dashboard.uploads",
    "dashboard.queries",
    "dashboard.actions",
    "dashboard.charts",
    "dashboard.components",
    "dashboard.app",
    "pages",
    "streamlit_app",
]
"""The packages from the ground up: each may import those before it, and no other."""


def package_of(name: str) -> str:
    """``ml.data`` of ``ml.data.store.item``, ``pages`` of ``pages.train``."""
    return ".".join(name.split(".")[: 1 if name.startswith("pages") else 2])


def imported_modules(name: str) -> set[str]:
    """Our modules that a module imports anywhere in it; names inside them count as theirs."""
    names = imports(MODULES[name], everywhere=True)
    known = {next((n for n in parents(one) if n in MODULES), "") for one in names}
    return {n for n in known if n and MODULES[n].name != "__init__.py"} - {name}


def parents(name: str) -> list[str]:
    """``a.b.c``, ``a.b`` and ``a``."""
    return [name.rsplit(".", cut)[0] for cut in range(name.count(".") + 1)]


def test_every_package_has_its_layer() -> None:
    assert {package_of(name) for name in MODULES if name not in ("ml", "dashboard")} <= set(LAYERS)


def test_packages_import_only_those_in_lower_layers() -> None:
    upward = set()
    for name in MODULES.keys() - {"ml", "dashboard"}:
        above = package_of(name)
        for below in {package_of(one) for one in imported_modules(name)} - {above}:
            if LAYERS.index(below) > LAYERS.index(above):
                upward.add((above, below))
    assert not upward, sorted(upward)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: imported_modules(name) for name in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


def test_every_package_says_what_lives_in_it_and_what_does_not() -> None:
    for name, path in MODULES.items():
        if path.name == "__init__.py" and name not in ("ml", "dashboard"):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            assert len(text.split("\n\n")) >= 2, f"{path.relative_to(ROOT)}: two lines"


@pytest.mark.parametrize("folder", ["dashboard", "pages"])
def test_nothing_that_the_server_runs_names_torch_even_inside_a_function(folder: str) -> None:
    for path in [*sources(folder), ROOT / "streamlit_app.py"]:
        wrong = {name for name in imports(path, everywhere=True) if first(name) in HEAVY}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def served() -> set[str]:
    return {name for name in MODULES if first(name) in ("dashboard", "pages", "streamlit_app")}


def test_what_is_light_reaches_no_torch() -> None:
    for name in sorted(LIGHT | served()):
        assert name in MODULES, f"{name} is not there any more"
        for module, by in reach(frozenset({name})).items():
            assert first(module) not in HEAVY, f"{name} reaches {module}, which {by} imports"


def test_what_the_server_imports_inside_functions_reaches_no_torch_either() -> None:
    for name in served():
        for module, by in reach(imports(MODULES[name], everywhere=True)).items():
            assert first(module) not in HEAVY, f"{name} reaches {module}, which {by} imports"


def test_a_real_process_that_imports_what_is_light_has_no_torch() -> None:
    names = sorted(LIGHT | {name for name in MODULES if first(name) == "dashboard"})
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": python_path(ROOT)}
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines()[-1] == "[]"


def test_this_test_sees_what_it_forbids() -> None:
    assert first("torch") in {first(name) for name in reach(frozenset({"ml.training.task"}))}
    assert "ml.runs.events" in reach(frozenset({"ml.runs.folder"}))


def test_launch_needs_the_standard_library_alone() -> None:
    modules = {first(name) for name in imports(ROOT / "launch.py", everywhere=True)}
    assert modules <= sys.stdlib_module_names


def test_every_page_is_one_row_and_every_row_a_page() -> None:
    from dashboard.state.navigation import PAGES, SHARED

    rows = [Path(page.path).name for page in (*PAGES, SHARED)]
    assert sorted(rows) == sorted(path.name for path in (ROOT / "pages").glob("*.py"))
    for attribute in ("path", "title"):
        counted = Counter(getattr(page, attribute) for page in PAGES)
        assert max(counted.values()) == 1, counted


def test_no_name_stands_twice_in_a_registry() -> None:
    from ml.data import catalog
    from ml.models import catalog as model_catalog
    from ml.workspace import open_workspace

    models = model_catalog.names()
    assert (
        len(models) == len(set(models)) == len({model_catalog.get(name).label for name in models})
    )
    sets = [item.name for item in catalog.list_datasets(open_workspace(None))]
    assert len(sets) == len(set(sets))


def test_every_module_says_what_it_is_for() -> None:
    for name, path in MODULES.items():
        assert path.stat().st_size == 0 or ast.get_docstring(ast.parse(path.read_text())), name


def test_metrics_import_nothing_of_what_asks_for_them() -> None:
    above = ("ml.export", "ml.evaluation", "ml.inference", "ml.training", "ml.text", "ml.sharing")
    for path in sources("ml/metrics"):
        wrong = {name for name in imports(path, everywhere=True) if name.startswith(above)}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"
