"""Zip archives: what they hold is found, and what is hostile in them stays outside."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.data.ingest.bring_in import bring_in
from ml.data.sources import archives
from ml.data.sources.archives import MAX_ARCHIVE_MEMBERS, open_archive
from ml.data.sources.listing import LAYOUT
from ml.data.sources.registry import list_source
from ml.data.sources.tables import MAX_TABLE_BYTES
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture
from tests.helpers.zips import pack, renamed

Make = Callable[..., Path]
PAIR = {"cat/1.png": 1, "dog/1.png": 2}


def listed(path: Path) -> dict[str, tuple[str, str | None]]:
    listing = list_source(path)
    made = {one.file: (one.label, one.split) for one in listing.candidates}
    listing.close()
    return made


def refused(path: Path) -> dict[str, str]:
    listing = list_source(path)
    listing.close()
    return dict(listing.refused)


def test_a_zip_makes_the_same_version_as_its_folder(
    make_folder: Make, tmp_path: Path, workspace: Workspace
) -> None:
    splits = {f"{split}/{label}": 3 for split in ("train", "test") for label in ("10", "9", "x y")}
    folder = make_folder("pets", splits)
    make_folder("pets", {"train/9/deeper": 2})
    files = {f"pets/{p.relative_to(folder).as_posix()}": p.read_bytes() for p in _files(folder)}
    path = pack(tmp_path / "packed.zip", files)
    made = bring_in(workspace, path).version
    assert made.name == "packed"
    assert made.fingerprint == bring_in(workspace, folder).version.fingerprint


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*"), reverse=True) if path.is_file()]


def test_what_systems_pack_along_is_passed_over(tmp_path: Path) -> None:
    junk = {"__MACOSX/cat/._1.png": b"x", "cat/.DS_Store": b"x", "dog/Thumbs.db": b"x"}
    path = pack(tmp_path / "a.zip", {**PAIR, **junk})
    assert set(listed(path)) == set(PAIR)
    assert refused(path) == {}


@pytest.mark.parametrize(
    "name",
    ["../1.png", "cat/../../1.png", "/tmp/1.png", "\\1.png", "C:/cat/1.png", "C:\\1.png",
     "..\\..\\1.png", "cat/..", "./../x.png"],
)  # fmt: skip
def test_a_name_that_leads_out_is_refused_and_named(
    name: str, tmp_path: Path, workspace: Workspace
) -> None:
    path = pack(tmp_path / "a.zip", {**PAIR, name: 3})
    before = {p for p in tmp_path.rglob("*") if workspace.root not in p.parents}
    done = bring_in(workspace, path)
    assert [entry["reason"] for entry in done.refused] == ["Its name leads out of the archive."]
    assert done.accepted == 2
    assert {p for p in tmp_path.rglob("*") if workspace.root not in p.parents} == before


def test_links_are_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", PAIR)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("cat/passwd.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert refused(path) == {"cat/passwd.png": "It is a link, not a file."}


def test_what_is_encrypted_is_refused(tmp_path: Path, workspace: Workspace) -> None:
    path = pack(tmp_path / "a.zip", {**PAIR, "cat/secret.png": 3})
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(magic, at + 1)) >= 0:
            if data.find(b"cat/secret.png", at, at + 70) > 0 and data[at + 8] < 64:
                data[at + flags] |= 1
    path.write_bytes(data)
    done = bring_in(workspace, path)
    assert {entry["file"] for entry in done.refused} >= {"cat/secret.png"}
    assert any("password" in entry["reason"] for entry in done.refused)


def test_a_bad_checksum_or_a_lying_size_refuses_that_file_alone(
    tmp_path: Path, workspace: Workspace
) -> None:
    path = pack(tmp_path / "a.zip", {**PAIR, "cat/2.png": 3, "cat/3.png": 4}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    at = data.find(b"cat/2.png")
    data[at + 60] ^= 255  # inside the picture
    entry = data.rfind(b"cat/3.png") - 46
    struct.pack_into("<I", data, entry + 24, 10**8)  # what it says it unpacks to
    path.write_bytes(data)
    done = bring_in(workspace, path)
    reasons = {entry["file"]: entry["reason"] for entry in done.refused}
    assert set(reasons) == {"cat/2.png", "cat/3.png"}
    assert done.accepted == 2


def test_blank_pictures_may_pack_well_and_bombs_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = bytes(3 * 2**20)
    path = pack(tmp_path / "a.zip", {**PAIR, "cat/blank.bmp": blank, "cat/bomb.bmp": blank * 2})
    assert set(refused(path)) == {"cat/bomb.bmp"}
    assert "fill the memory" in refused(path)["cat/bomb.bmp"]
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 2**20)
    with pytest.raises(BadInputError, match="in parts"):
        list_source(path)


def test_too_many_files_are_refused_before_the_directory_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path / "a.zip", {f"c{n % 2}/{n}.png": b"" for n in range(50)})
    monkeypatch.setattr(archives, "MAX_ARCHIVE_MEMBERS", 49)
    monkeypatch.setattr(archives.zipfile, "ZipFile", None)
    with pytest.raises(BadInputError, match="more than 49 files"):
        list_source(path)
    monkeypatch.setattr(archives, "MAX_ARCHIVE_MEMBERS", 10**6)
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 100)
    with pytest.raises(BadInputError, match="more than"):
        list_source(path)


def test_the_directory_of_a_zip64_is_measured_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
    path = pack(tmp_path / "a.zip", {f"c{n % 2}/{n}.png": n for n in range(40)})
    assert b"PK\x06\x06" in path.read_bytes()
    assert len(listed(path)) == 40
    monkeypatch.setattr(archives, "MAX_ARCHIVE_MEMBERS", 39)
    with pytest.raises(BadInputError, match="more than 39 files"):
        list_source(path)


def test_names_are_read_in_the_coding_they_were_written_in(tmp_path: Path) -> None:
    utf8 = "chat/\N{LATIN SMALL LETTER E WITH ACUTE}1.png".encode()
    path = pack(tmp_path / "a.zip", {"dog/1.png": 1, "chat/xx1.png": 2})
    assert set(listed(renamed(path, b"chat/xx1.png", utf8))) == {"dog/1.png", utf8.decode()}
    dos = "chat/x\N{LATIN SMALL LETTER E WITH ACUTE}1.png".encode("cp437")
    path = pack(tmp_path / "b.zip", {"dog/1.png": 1, "chat/xx1.png": 2})
    assert set(listed(renamed(path, b"chat/xx1.png", dos))) == {"dog/1.png", dos.decode("cp437")}
    names = ["\u732b/\u7167\u7247.png", "\u0645\u06cc\u200c\u062e/1.png"]
    path = pack(tmp_path / "c.zip", {name: n for n, name in enumerate(names)})
    assert set(listed(path)) == set(names)


def test_very_long_names_and_backslashes_do_no_harm(tmp_path: Path, workspace: Workspace) -> None:
    long = "x" * 3000
    path = pack(tmp_path / "a.zip", {f"cat/{long}.png": 1, "dog\\sub\\1.png": 2})
    done = bring_in(workspace, path)
    assert done.version.classes == ("cat", "dog")
    assert done.version.items[0].file == f"cat/{long}.png"


def test_the_second_file_of_a_name_is_refused_and_case_makes_two_classes(
    tmp_path: Path, workspace: Workspace
) -> None:
    path = pack(tmp_path / "a.zip", {**PAIR, "CAT/1.PNG": 3})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("cat/1.png", as_bytes(picture(4)))
    done = bring_in(workspace, path)
    assert done.refused == [
        {"file": "cat/1.png", "reason": "Another file of this name came first."}
    ]
    assert done.version.counts == {"CAT": 1, "cat": 1, "dog": 1}
    assert any("CAT and cat differ in case alone" in note for note in done.notes)


@pytest.mark.parametrize("inner", ["more.zip", "more.tar.gz", "more.7z", "more.RAR"])
def test_archives_in_archives_are_refused(inner: str, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {**PAIR, f"cat/{inner}": b"PK"})
    assert refused(path) == {
        f"cat/{inner}": "It is an archive inside the archive. Unpack it first."
    }


def test_a_flat_zip_is_told_the_layout(tmp_path: Path) -> None:
    for number, files in enumerate([{"1.png": 1, "2.png": 2}, {"pets/1.png": 1}, {}]):
        path = pack(tmp_path / f"{number}.zip", files)
        with pytest.raises(BadInputError) as raised:
            list_source(path)
        assert LAYOUT in str(raised.value)


def test_what_is_no_zip_is_said_in_a_sentence(tmp_path: Path) -> None:
    archive = pack(tmp_path / "whole.zip", PAIR).read_bytes()
    for data in (
        b"",
        b"hello",
        archive[:-30],
        archive[: len(archive) // 2],
        archive[:22],
        b"PK\x05\x06",
    ):
        path = tmp_path / "bad.zip"
        path.write_bytes(data)
        with pytest.raises(BadInputError, match="not a zip archive"):
            list_source(path)


def test_any_single_byte_may_be_wrong(tmp_path: Path, workspace: Workspace) -> None:
    archive = pack(tmp_path / "whole.zip", {"a/1.png": 1, "b/1.png": 2}).read_bytes()
    path = tmp_path / "bad.zip"
    for at in range(0, len(archive), 7):
        data = bytearray(archive)
        data[at] ^= 0xFF
        path.write_bytes(data)
        try:
            listing = list_source(path)
        except BadInputError:
            continue
        for one in listing.candidates:
            try:
                one.read()
            except BadInputError:
                continue
        listing.close()


def _remembered(opened: list[archives.Archive], path: Path) -> archives.Archive:
    opened.append(open_archive(path))
    return opened[-1]


def test_an_archive_is_closed_however_it_ends(tmp_path: Path, workspace: Workspace) -> None:
    closed: set[str] = set()
    real = zipfile.ZipFile.close

    def close(archive: zipfile.ZipFile) -> None:
        if archive.mode == "r":
            closed.add(Path(str(archive.filename)).name)
        real(archive)

    pack(tmp_path / "good.zip", PAIR)
    bad = {
        "flat.zip": {"1.png": 1},
        "one.zip": {"cat/1.png": 1},
        "empty.zip": {"cat/1.png": b"", "dog/1.png": b""},
    }
    opened: list[archives.Archive] = []  # nothing is closed merely because nobody holds it any more
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "close", close)
        patch.setattr(archives, "open_archive", lambda path: _remembered(opened, path))
        bring_in(workspace, tmp_path / "good.zip")
        for name, files in bad.items():
            with pytest.raises(BadInputError):
                bring_in(workspace, pack(tmp_path / name, files))
        assert closed >= {"good.zip", *bad}  # and what other tests let go of


def directory_of(count: int, entry: bytes, comment: bytes = b"") -> bytes:
    """A zip that is a directory of ``count`` times ``entry``, which only its zip64 record says."""
    head, table = b"PK\x03\x04" + bytes(26), entry * count
    numbers = (44, 45, 45, 0, 0, count, count, len(table), 30)
    end_64 = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", *numbers)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, 30 + len(table), 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), 30, len(comment))
    return head + table + end_64 + locator + end + comment


@pytest.mark.parametrize("comment", [b"", b"c" * 65_535])
def test_directory_is_counted_wherever_its_record_hides(comment: bytes, tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + bytes(42)
    path = tmp_path / "many.zip"
    path.write_bytes(directory_of(MAX_ARCHIVE_MEMBERS + 1, entry, comment))
    with pytest.raises(BadInputError, match="more than 200,000 files"):
        open_archive(path)


def test_member_without_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nameless.zip"
    path.write_bytes(directory_of(1, b"PK\x01\x02" + bytes(42)))
    assert open_archive(path).refused == [("", "Its name leads out of the archive.")]


def test_large_table_in_a_zip_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "table.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        lines = b"".join(b"%d.jpg,cat\n" % n for n in range(100_000))
        with archive.open("labels.csv", "w") as file:
            for _ in range(1 + MAX_TABLE_BYTES // len(lines)):
                file.write(lines)
    archived = open_archive(path)
    assert archived.entries == []
    assert archived.refused == [("labels.csv", "A table is read up to 64 MB. Give it in parts.")]
