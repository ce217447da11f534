"""Session uploads: the pictures that one tab classifies, and the answers of each model.

A plain list in ``ClassifyState``, the newest first. The files lie in a folder that goes with the
tab, so that another model can be asked about them as well, and they can be added to a data set;
when they grow too many or too large, the oldest go.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dashboard.server.limits import limits
from dashboard.state.page_states import ClassifyState
from dashboard.state.stored import stored
from dashboard.state.workspace import current_workspace
from dashboard.uploads.spool import Spool
from ml.data.store.picture_key import key_of_upload
from ml.errors import BadInputError
from ml.inference.classifier import unreadable
from ml.inference.tables import heading, line

TOP_K = 5
"""How many classes an answer ranks."""
MAX_CONCURRENT_REQUESTS = 4
"""Pictures with the worker at a time; it classifies those that wait in one pass."""

Entry = dict[str, Any]
"""``id`` (``PictureKey.short_hash``), ``name``, ``path`` (of its file, None once let go), ``size``,
``truth`` (a class or ""), ``label`` (set by hand, or ""), ``ticked``, ``answers`` by run id."""
Ask = Callable[[bytes, str], dict[str, Any]]
"""Classifies the bytes of a picture that has that name."""
Given = tuple[str, Callable[[], bytes]]
"""A picture that comes in: its name, and what reads it."""


def entries() -> list[Entry]:
    """The pictures of this tab, the newest first."""
    return stored(ClassifyState).uploads


def take(pictures: Iterable[Given]) -> list[str]:
    """Put pictures on top, the first of them topmost. Returns a sentence for each that cannot be
    read.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    refused = []
    for name, read in reversed(list(pictures)):
        try:
            add(name, read())
        except BadInputError as error:
            refused.append(f"{name}: {error}")
    return refused[::-1]


def add(name: str, data: bytes, truth: str = "") -> None:
    """Put a picture on top. One that is there already moves up and keeps its answers.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    identifier = key_of_upload(data).short_hash
    uploads = entries()
    earlier = next((one for one in uploads if one["id"] == identifier), None)
    entry = earlier or {"id": identifier, "label": "", "ticked": False, "answers": {}}
    state = stored(ClassifyState)
    spool = state.spool = state.spool or Spool(current_workspace())
    spool.put(identifier, data)
    entry |= {
        "name": name,
        "truth": truth,
        "size": len(data),
        "path": spool.folder / identifier,
    }
    other_entries = [one for one in uploads if one["id"] != identifier]
    state.uploads = limited([entry, *other_entries])


def limited(uploads: list[Entry]) -> list[Entry]:
    """``uploads`` within the limits: the oldest leave the list, or lose their files alone."""
    allowed, total = limits(), 0
    for entry in uploads[allowed.classify_pictures :]:
        _delete_file(entry)
    for entry in (within_count := uploads[: allowed.classify_pictures]):
        total += entry["size"]
        if total > allowed.classify_megabytes * 1e6:
            _delete_file(entry)
    return within_count


def read(entry: Entry) -> bytes:
    """The picture as it came.

    Raises:
        BadInputError: it was let go.
    """
    try:
        if entry["path"] is not None:
            return Path(entry["path"]).read_bytes()
    except OSError:
        pass  # the tab was open for days, and its files were swept away
    raise BadInputError("This picture is not held any more. Drop it again.")


def remove(identifier: str) -> None:
    """Take one picture out."""
    for entry in entries():
        if entry["id"] == identifier:
            _delete_file(entry)
    others = [entry for entry in entries() if entry["id"] != identifier]
    stored(ClassifyState).uploads = others


def clear() -> None:
    """Take all pictures out."""
    state = stored(ClassifyState)
    state.uploads = []
    if state.spool:
        state.spool.close()
        state.spool = None


def unanswered(run: str) -> list[Entry]:
    """The pictures that the model of ``run`` was not asked about and that are still held."""
    return [
        entry for entry in entries() if run not in entry["answers"] and entry["path"] is not None
    ]


def answer(run: str, ask: Ask, progress: Callable[[int, int], None]) -> None:
    """Ask about all unanswered pictures; ``progress`` is told how many of how many are done.

    ``ask`` is called in other threads, several at a time.
    """
    waiting = unanswered(run)
    pool = ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS)
    try:
        answers = [pool.submit(_asked, ask, entry) for entry in waiting]
        for done, (entry, answered) in enumerate(zip(waiting, answers, strict=True)):
            progress(done, len(waiting))
            entry["answers"][run] = answered.result()
    finally:  # a rerun may stop this at any time, and asks about the rest
        pool.shutdown(wait=False, cancel_futures=True)


def lines(uploads: Iterable[Entry], run: str) -> list[list[object]]:
    """The answers of one model as lines of a table, the header first; labels set by hand last."""
    made: list[list[object]] = [[*heading(TOP_K), "label by hand"]]
    width = len(made[0]) - 1
    for entry in uploads:
        answer = entry["answers"].get(run)
        if answer is not None:
            cells = line({**answer, "file": entry["name"]})
            made.append([*cells, *[""] * (width - len(cells)), entry["label"]])
    return made


def _asked(ask: Ask, entry: Entry) -> dict[str, Any]:
    try:
        data = read(entry)
    except BadInputError as error:
        return unreadable(entry["name"], str(error))
    return ask(data, entry["name"])


def _delete_file(entry: Entry) -> None:
    if entry["path"] is not None:
        Path(entry["path"]).unlink(missing_ok=True)
    entry |= {"path": None, "size": 0}
