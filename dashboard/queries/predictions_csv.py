"""Predictions as CSV, for download."""

from dashboard.queries.results import Results
from ml.utils.csv import csv_of

__all__ = ["csv_of", "to_csv"]


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
