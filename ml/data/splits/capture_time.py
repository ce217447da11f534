"""Capture time of pictures, from their EXIF data."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ml.data.pixels.decode import opened
from ml.data.store.versions import picture_path
from ml.workspace import Workspace

_EXIF, _TAKEN, _FRACTION, _WRITTEN = 0x8769, 0x9003, 0x9291, 0x0132
EXIF_TIME_FORMAT = "%Y:%m:%d %H:%M:%S"


def capture_times(workspace: Workspace, hashes: Iterable[str]) -> dict[str, float | None]:
    """{hash: capture time in seconds by the camera's clock, or None}. Reads each file's header."""
    return {digest: capture_time(picture_path(workspace, digest)) for digest in hashes}


def capture_time(picture: Path | bytes) -> float | None:
    """The capture time in EXIF, in seconds since 1970 by the camera's clock; None where there is
    none or it cannot be read."""
    with suppress(Exception), opened(picture) as image:
        exif = image.getexif()
        exif_details = exif.get_ifd(_EXIF)
        text = str(exif_details.get(_TAKEN) or exif.get(_WRITTEN) or "").strip("\0 ")
        moment = datetime.strptime(text, EXIF_TIME_FORMAT).replace(tzinfo=UTC).timestamp()
        fraction = str(exif_details.get(_FRACTION, "")).strip("\0 ")
        return moment + (float(f"0.{fraction}") if fraction.isdecimal() else 0.0)
    return None
