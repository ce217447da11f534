"""When a picture was taken, by what its camera noted in it."""

import io
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from ml.data.pixels.decode import FORMATS
from ml.data.store.versions import picture_path
from ml.workspace import Workspace

_EXIF, _TAKEN, _FRACTION, _WRITTEN = 0x8769, 0x9003, 0x9291, 0x0132
FORM = "%Y:%m:%d %H:%M:%S"


def captured(workspace: Workspace, hashes: Iterable[str]) -> dict[str, float | None]:
    """The moment each picture was taken, in seconds by the camera's own clock; None where it noted
    none. Reads the head of each file."""
    return {digest: capture_time(picture_path(workspace, digest)) for digest in hashes}


def capture_time(picture: Path | bytes) -> float | None:
    """The moment in EXIF, in seconds; None where there is none or it cannot be read."""
    file: Any = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    with suppress(Exception), Image.open(file, formats=FORMATS) as opened:
        exif = opened.getexif()
        details = exif.get_ifd(_EXIF)
        text = str(details.get(_TAKEN) or exif.get(_WRITTEN) or "").strip("\0 ")
        moment = datetime.strptime(text, FORM).replace(tzinfo=UTC).timestamp()
        fraction = str(details.get(_FRACTION, "")).strip("\0 ")
        return moment + (float(f"0.{fraction}") if fraction.isdecimal() else 0.0)
    return None
