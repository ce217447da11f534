"""Results as CSV, to take away."""

import csv
import io
from collections.abc import Sequence

from dashboard.results import Results


def to_csv(results: Results) -> str:
    """All test pictures with truth, guess and probabilities, one a line."""
    header = ["file", "picture", "truth", "guess", "correct", "probability", "decision"]
    lines: list[list[object]] = [[*header, *(f"p({name})" for name in results.classes)]]
    sure = results.sure
    for place, confidence in enumerate(results.confidence.tolist()):
        truth, guess = int(results.labels[place]), int(results.guesses[place])
        lines.append(
            [
                results.files[place],
                results.hashes[place],
                results.classes[truth],
                results.classes[guess],
                "yes" if truth == guess else "no",
                f"{confidence:.6f}",
                "sure" if sure[place] else "not sure",
                *(f"{share:.6f}" for share in results.probabilities[place].tolist()),
            ]
        )
    return csv_of(lines)


def csv_of(lines: Sequence[Sequence[object]]) -> str:
    """Lines as CSV. Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    for line in lines:
        writer.writerow([_harmless(cell) for cell in line])
    return out.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell
