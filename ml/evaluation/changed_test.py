"""Changed test: a run's score by the test it was measured on and by the test as it is now.

A label or a picture that somebody changes in the test moves the score of every model without any
change of the model. The stored answers are judged by both tests, so that this can be seen.
"""

from dataclasses import dataclass

from ml.data.edits.compare import HeldOutChanges, held_out_changes, tested_labels
from ml.data.store.versions import DatasetVersion
from ml.evaluation.results import Results


@dataclass(frozen=True)
class ChangedTest:
    """One model by two tests: pictures right of how many, ``before`` and ``after`` the changes.

    ``after`` counts the pictures that the model has answered: those that came into the test since
    are in ``changes.added`` alone.
    """

    changes: HeldOutChanges
    right_before: int
    pictures_before: int
    right_after: int
    pictures_after: int


def changed_test(results: Results, old: DatasetVersion, new: DatasetVersion) -> ChangedTest | None:
    """The score of ``results``, on the test of ``old``, by that of ``new`` too.

    None where both tests are one, or the classes are called otherwise.
    """
    changes = held_out_changes(old, new)
    if not changes or set(results.classes) != set(new.classes):
        return None
    labels = tested_labels(new)
    still = [place for place, digest in enumerate(results.hashes) if digest in labels]
    right_after = sum(
        results.classes[results.guesses[place]] in labels[results.hashes[place]] for place in still
    )
    right_before = int((results.guesses == results.labels).sum())
    return ChangedTest(changes, right_before, len(results.labels), right_after, len(still))
