"""Names of runs: what people call them, each once in a workspace. Ids are for addresses and shells.

A run without a given name is called after its data set: "Flowers messy", "Flowers messy 2".
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ml.runs.folder import list_runs
from ml.runs.trash import trashed
from ml.utils.locks import held
from ml.workspace import Workspace

LOCK = ".names.lock"


@contextmanager
def naming(workspace: Workspace) -> Iterator[None]:
    """Hold the names of a workspace, so that two runs made at once get different ones."""
    workspace.runs.mkdir(parents=True, exist_ok=True)
    with held(workspace.runs / LOCK):
        yield


def free_name(workspace: Workspace, wanted: str, *, apart_from: str = "") -> str:
    """``wanted``, with the next number behind it where a run has that name, one in the trash too.

    Args:
        apart_from: the id of the run that is named, whose own name is free.
    """
    runs = [*list_runs(workspace), *trashed(workspace)]
    taken = {run.name.casefold() for run in runs if run.id != apart_from}
    stem, last = re.sub(r" \d+$", "", wanted), len(taken) + 2
    candidates = (wanted, *(f"{stem} {number}" for number in range(2, last + 1)))
    return next(name for name in candidates if name.casefold() not in taken)


def title_of_dataset(name: str) -> str:
    """The name of a data set as a person writes it.

    >>> title_of_dataset("flowers-messy")
    'Flowers messy'
    """
    words = re.sub(r"[-_]+", " ", name).strip()
    return words[:1].upper() + words[1:]
