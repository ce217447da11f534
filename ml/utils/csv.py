"""CSV writing, safe to open in a spreadsheet; reading tables is ``ml.data.sources``."""

import csv
import io
import re
from collections.abc import Sequence

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""What a formula begins with; the last four are signs of full width."""
_CELL = re.compile(rf"^(?=\s*[{_SIGNS}]|[\t\r])")
_INNER_CELL = re.compile(rf'([;|\t\r\n][\s"]*)(?=[{_SIGNS}])')
"""Behind what separates cells where a comma does not, as in Excel in much of Europe."""


def csv_of(lines: Sequence[Sequence[object]]) -> str:
    """Lines as CSV. Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    for line in lines:
        writer.writerow([_harmless(cell) for cell in line])
    return out.getvalue()


def _harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    return _CELL.sub("'", _INNER_CELL.sub(r"\1'", cell))
