"""Zip archives that tests make."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.helpers.pictures import as_bytes, picture


def pack(path: Path, files: Mapping[str, bytes | int], how: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of ``files``; a number stands for the picture of this seed."""
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in files.items():
            content = as_bytes(picture(data)) if isinstance(data, int) else data
            archive.writestr(name, content)
    return path


def renamed(path: Path, old: bytes, new: bytes) -> Path:
    """The archive with names changed as no packer would."""
    assert len(old) == len(new)
    data = path.read_bytes()
    assert data.count(old) >= 2
    path.write_bytes(data.replace(old, new))
    return path
