"""A check of the doctor in a file of its own, as somebody adds one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml.doctor import checks, registry

CHECK = '''
"""Pictures whose number is odd, which a test can count."""

from collections.abc import Iterator

from ml.doctor.check_context import CheckContext
from ml.doctor.finding import Finding
from ml.doctor.registry import Kind, check


@check(Kind("odd_number", label="Odd numbers", advice="Leave them.", shows_split=True))
def odd_number(context: CheckContext) -> Iterator[Finding]:
    items = context.items[1::2].tolist()
    yield context.finding(
        kind="odd_number",
        severity="high",
        title=f"{len(items)} pictures have an odd number.",
        why="Odd numbers are not even.",
        items=items,
    )
    FAIL
'''


@contextmanager
def scratch_check(folder: Path, *, last_line: str = "") -> Iterator[None]:
    """While this lasts, ``folder`` holds a module with a check of its own.

    Args:
        last_line: what the check runs after its finding, such as ``raise KeyError("no")``.
    """
    (folder / "odd_number.py").write_text(CHECK.replace("FAIL", last_line), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "__path__", [*checks.__path__, str(folder)])
        registry.all_checks()  # so that what is put back has all of our own
        yield
    for check in [one for one in registry._checks if one.__module__.endswith(".odd_number")]:
        del registry._checks[check]
    registry.import_errors.clear()
    sys.modules.pop(f"{checks.__name__}.odd_number", None)
