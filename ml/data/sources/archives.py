"""Zip archives: read member by member under limits, never unpacked to the disk.

Archives are untrusted: the central directory is measured before it is parsed, a member is read no
further than its declared size, and the names in it are shown and never used as paths.
"""

import io
import stat
import struct
import threading
import zipfile
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ml.data.sources.folders import arrange
from ml.data.sources.listing import LAYOUT, Listing, source
from ml.data.sources.tables import MAX_TABLE_BYTES, SUFFIXES, find_table
from ml.data.sources.walk import MAX_FILE_BYTES, Entry, clean, in_order, is_junk
from ml.errors import BadInputError

MAX_ARCHIVE_MEMBERS = 200_000
MAX_DIRECTORY_BYTES = 64 * 2**20
MAX_UNPACKED_BYTES = 64 * 2**30
MAX_COMPRESSION_RATIO = 200
"""A member that unpacks to more than so many times its packed size is refused as a zip bomb."""
MIN_BYTES_FOR_RATIO_CHECK = 4 * 2**20
"""Smaller members are not checked: blank pictures pack far better than others."""
ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst")
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ENTRY = b"PK\x01\x02"


@dataclass(frozen=True)
class Archive:
    """An opened archive: its files in order, those ``refused`` by name or size, with reasons."""

    file: zipfile.ZipFile
    entries: list[Entry]
    refused: list[tuple[str, str]]


@source("zip")
def load_zip(path: Path) -> Listing | None:
    """A zip with class folders in it, or with a table of files and labels beside the pictures."""
    if not is_zip(path):
        return None
    archive = open_archive(path)
    listing = find_table(archive.entries) or arrange(archive.entries)
    if listing is None:
        archive.file.close()
        raise BadInputError(_without_classes(path, archive))
    refused = (*listing.refused, *archive.refused)
    return replace(listing, refused=refused, close=archive.file.close)


def is_zip(path: Path) -> bool:
    """Whether a path is a file that is, or calls itself, a zip."""
    if not path.is_file():
        return False
    if path.suffix.casefold() == ".zip":
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in _MAGIC
    except OSError:  # whoever reads it says so
        return False


def open_archive(path: Path, max_bytes: int = MAX_FILE_BYTES) -> Archive:
    """Read the directory of a zip. Of its files, those above ``max_bytes`` are refused.

    Raises:
        BadInputError: it is no zip, damaged, or beyond the limits.
    """
    try:
        file = _LimitedZip(path)
    except PermissionError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise _damaged(path) from error
    entries: list[Entry] = []
    refused: list[tuple[str, str]] = []
    members, paths, total = Members(path, file), set(), 0
    for info in file.infolist():
        parts, name = _parts(info), clean(_name(info))
        if info.filename.endswith("/") or any(is_junk(part) and part != ".." for part in parts):
            continue
        why = (
            "Another file of this name came first."
            if parts in paths
            else _refusal(info, parts, max_bytes)
        )
        paths.add(parts)
        if why:
            refused.append((name, why))
            continue
        total += info.file_size
        entries.append(Entry(parts, partial(members.read, info)))
    try:
        _check_total(path, total)
    except BadInputError:
        file.close()
        raise
    return Archive(file, in_order(entries), refused)


def _check_total(path: Path, total: int) -> None:
    if total > MAX_UNPACKED_BYTES:
        raise BadInputError(
            f"{path.name} unpacks to {total / 2**30:,.0f} GB, and {MAX_UNPACKED_BYTES // 2**30} "
            "are the most. Pack it in parts."
        )


class _MeasuredFile(io.BufferedReader):
    """A zip file whose directory is measured as it is read, wherever the file hides it.

    Raises:
        BadInputError: the directory is too large, or names too many files.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._path, self.is_measured = path, True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes."""
        if not self.is_measured:
            return super().read(size)
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise self._too_many()
        data = super().read(MAX_DIRECTORY_BYTES if size is None or size < 0 else size)
        if data.count(_ENTRY) > MAX_ARCHIVE_MEMBERS:
            raise self._too_many()
        return data

    def _too_many(self) -> BadInputError:
        return BadInputError(
            f"{self._path.name} holds more than {MAX_ARCHIVE_MEMBERS:,} files. Unpack it and bring "
            "the folder in, or pack it in parts."
        )


class _LimitedZip(zipfile.ZipFile):
    """A zip whose directory was read under limits. Raises as ``_MeasuredFile`` and ZipFile do."""

    def __init__(self, path: Path) -> None:
        self._measured = _MeasuredFile(path)
        try:
            super().__init__(self._measured)
        except BaseException:
            self._measured.close()
            raise
        self._measured.is_measured = False

    def close(self) -> None:
        """Close the zip and its file."""
        super().close()
        self._measured.close()


def _name(info: zipfile.ZipInfo) -> str:
    """The name. Many packers write UTF-8 without saying so; Python then takes it for cp437."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    return tuple(
        part for part in _name(info).replace("\\", "/").split("/") if part not in ("", ".")
    )


def _refusal(info: zipfile.ZipInfo, parts: tuple[str, ...], max_bytes: int) -> str:
    """Why a member is not read; else empty."""
    absolute = _name(info).startswith(("/", "\\")) or (parts and parts[0].endswith(":"))
    if not parts or ".." in parts or absolute:
        return "Its name leads out of the archive."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "It is a link, not a file."
    if info.flag_bits & 0x1:
        return "It is encrypted. Pack the pictures without a password."
    if parts[-1].casefold().endswith(ARCHIVES):
        return "It is an archive inside the archive. Unpack it first."
    if parts[-1].casefold().endswith(SUFFIXES) and info.file_size > MAX_TABLE_BYTES:
        return f"A table is read up to {MAX_TABLE_BYTES // 2**20} MB. Give it in parts."
    if info.file_size > max_bytes:
        return f"The file is larger than {max_bytes // 2**20} MB."
    if info.file_size > max(MIN_BYTES_FOR_RATIO_CHECK, MAX_COMPRESSION_RATIO * info.compress_size):
        return "It unpacks to far more than a picture would: it looks made to fill the memory."
    return ""


class Members:
    """Reads the members of the zip ``path``, opened as ``file``. Another process opens it anew."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path, self._file = path, file
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return _members, (self.path,)

    def read(self, info: zipfile.ZipInfo) -> bytes:
        """The bytes of a member, checked against its checksum.

        Raises:
            BadInputError: it is damaged, or packed in an unknown way.
        """
        try:
            with self._lock:  # reading has a lock of its own, opening and closing have none
                member = self._file.open(info)
            try:
                return member.read(info.file_size + 1)  # to its end, where the checksum is compared
            finally:
                with self._lock:
                    member.close()
        except NotImplementedError as error:
            raise BadInputError("It is packed in a way that cannot be unpacked here.") from error
        except Exception as error:  # each way of packing has errors of its own
            raise BadInputError("It is damaged in the archive. Pack it again.") from error


@lru_cache(maxsize=1)
def _members(path: Path) -> Members:
    return Members(path, _LimitedZip(path))


def _without_classes(path: Path, archive: Archive) -> str:
    if not archive.entries and not archive.refused:
        return f"{path.name} is empty. {LAYOUT}"
    if archive.entries:
        return f"{path.name} has files but no class folders, so no class can be told. {LAYOUT}"
    name, why = archive.refused[0]
    return f"{path.name} has no pictures in class folders. {name}: {why} {LAYOUT}"


def _damaged(path: Path) -> BadInputError:
    return BadInputError(
        f"{path.name} is not a zip archive, or is damaged or cut short. Copy or pack it again."
    )
