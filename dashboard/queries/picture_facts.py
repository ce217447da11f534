"""Picture facts: sizes and capture times of a data set's pictures, read from their files."""

import math
from pathlib import Path

import streamlit as st

from ml.data.pixels.decode import opened
from ml.data.store.versions import DatasetVersion, picture_path, read_picture
from ml.doctor.image_statistics import capture_time
from ml.errors import MLError
from ml.workspace import Workspace

MAX_MEASURED = 2000
"""Pictures whose size is read for the charts; more would not change what they say."""
_ORIENTATION = 274
_ON_ITS_SIDE = (5, 6, 7, 8)


def sizes_of(workspace: Workspace, version: DatasetVersion) -> list[tuple[int, int]]:
    """Width and height, as the picture stands, of at most ``MAX_MEASURED`` pictures in use."""
    used_hashes = [item.hash for item in version.items if not item.excluded]
    step = max(1, len(used_hashes) / MAX_MEASURED)
    sampled = dict.fromkeys(
        used_hashes[int(place * step)] for place in range(int(len(used_hashes) / step))
    )
    cache = _size_cache(workspace.root)
    for digest in sampled:
        if digest not in cache:
            cache[digest] = _measure(workspace, digest)
    return [size for digest in sampled if (size := cache[digest]) is not None]


@st.cache_resource(show_spinner=False)
def _size_cache(root: Path) -> dict[str, tuple[int, int] | None]:
    return {}


def _measure(workspace: Workspace, digest: str) -> tuple[int, int] | None:
    """From the header alone: these pictures were decoded once already, when they came in."""
    try:
        with opened(picture_path(workspace, digest)) as picture:
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
    except Exception:  # whatever a broken header makes Pillow raise: it has no size then
        return None
    return (height, width) if turned else (width, height)


def times_of(workspace: Workspace, version: DatasetVersion) -> list[float | None]:
    """When each picture was taken, as its camera says: seconds since 1970, or None."""
    cache = _time_cache(workspace.root)
    for item in version.items:
        if item.hash not in cache:
            try:
                moment = capture_time(read_picture(workspace, item.hash))
            except (MLError, OSError):
                moment = math.nan
            cache[item.hash] = None if math.isnan(moment) else moment
    return [cache[item.hash] for item in version.items]


@st.cache_resource(show_spinner=False)
def _time_cache(root: Path) -> dict[str, float | None]:
    return {}
