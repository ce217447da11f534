"""Unzipping on Classify: the pictures of a dropped zip, read one by one under limits."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from dashboard.uploads.session_uploads import Given
from dashboard.uploads.spool import Spool
from ml.data.file_names import safe_path
from ml.data.sources.archives import open_archive
from ml.errors import BadInputError
from ml.inference.batch import is_picture
from ml.workspace import Workspace

MAX_PICTURE_BYTES = 25 * 2**20
"""Of one picture in a zip. It is read in the server's process."""
NOTHING = "There is no picture in {name}. Pack JPEG, PNG, WebP or GIF files."


@contextmanager
def opened(
    workspace: Workspace, files: Sequence[tuple[str, bytes | memoryview]]
) -> Iterator[tuple[list[Given], list[str]]]:
    """The pictures in ``files`` (name, content), those of a zip in its place, and a sentence for
    what cannot be had. They can be read meanwhile.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    pictures: list[Given] = []
    refused: list[str] = []
    with ExitStack() as stack:
        for name, data in files:
            if not name.lower().endswith(".zip"):
                pictures.append((name, partial(bytes, data)))
                continue
            spool = Spool(workspace)
            stack.callback(spool.close)
            file_name = safe_path(name).name
            spool.put(file_name, data)
            try:
                archive = open_archive(spool.folder / file_name, MAX_PICTURE_BYTES)
            except BadInputError as error:
                refused.append(str(error))
                continue
            stack.callback(archive.file.close)
            inside = [(one.name, one.read) for one in archive.entries if is_picture(one.name)]
            refused += [f"{name}, {inner}: {why}" for inner, why in archive.refused]
            if not inside and not archive.refused:
                refused.append(NOTHING.format(name=name))
            pictures += inside
        yield pictures, refused
