"""Zip download of Classify: the pictures in a folder for each label."""

import io
import zipfile
from collections.abc import Sequence

from dashboard.uploads import session_uploads
from dashboard.uploads.filters import label_of
from dashboard.uploads.session_uploads import Entry
from ml.errors import BadInputError
from ml.inference.tables import Places


def sorted_zip(entries: Sequence[Entry], run: str) -> bytes:
    """A zip of the pictures, each in the folder of its label: the one set by hand, else the guess.
    What has none, or is not held any more, is left out."""
    out, places = io.BytesIO(), Places()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # pictures are packed already
        for entry in entries:
            try:
                data = session_uploads.read(entry)
            except BadInputError:
                continue
            if label := label_of(entry, run):
                archive.writestr(str(places.place(label, entry["name"])), data)
    return out.getvalue()
