"""CSV writing, safe to open in a spreadsheet; reading tables is ``ml.data.sources``."""

import csv
import io
from collections.abc import Sequence


def csv_of(lines: Sequence[Sequence[object]]) -> str:
    """Lines as CSV. Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    for line in lines:
        writer.writerow([_harmless(cell) for cell in line])
    return out.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell
