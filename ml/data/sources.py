"""Where pictures come from: a path, and the first loader that knows its layout."""

from pathlib import Path

from ml.data import folders, idx  # noqa: F401  (they register their loaders)
from ml.data.listing import LAYOUT, SOURCES, Candidate, Listing, source
from ml.data.walk import natural, signature
from ml.errors import BadInputError

__all__ = ["SOURCES", "Candidate", "Listing", "list_source", "natural", "signature", "source"]


def list_source(path: Path) -> Listing:
    """What the pictures at ``path`` are, without decoding them.

    Raises:
        BadInputError: there is nothing there, or no loader knows the layout.
    """
    if not path.exists():
        raise BadInputError(f"There is nothing at {path}. Check the path.")
    if not path.is_dir():
        raise BadInputError(f"{path.name} is a file. {LAYOUT} Unpack it first if it is an archive.")
    for loader in SOURCES.values():
        listing = loader(path)
        if listing is None:
            continue
        if len(listing.classes) < 2:
            raise BadInputError(f"{path} has one class, {listing.classes[0]}. {LAYOUT}")
        return listing
    raise BadInputError(f"No pictures in class folders were found in {path}. {LAYOUT}")
