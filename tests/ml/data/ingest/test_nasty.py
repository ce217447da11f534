"""``ingest`` on odd and broken files of other projects' test suites, alone and all together."""

import csv
import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.data.sources.walk import is_junk
from tests.helpers.pictures import SHARED

NASTY = SHARED / "nasty_images"
MAX_PEAK_BYTES = 500 * 2**20
EXPECTED = Path(__file__).with_name("nasty_zips.csv")
pytestmark = pytest.mark.skipif(
    not (NASTY / "MANIFEST.csv").is_file(),
    reason="the collection of nasty pictures is not beside the repository",
)

WATCHED = """
import os, resource, sys
from pathlib import Path
written = set()
def hook(event, given):
    if event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR):
        written.add(os.fspath(given[0]) if not isinstance(given[0], int) else "")
    elif event in ("os.mkdir", "os.rename", "os.symlink", "os.link", "os.remove"):
        written.add(os.fspath(given[1 if event == "os.rename" else 0]))
sys.addaudithook(hook)
from ml.__main__ import main
code = main(sys.argv[2:])
outside = [p for p in written if p and not Path(p).resolve().is_relative_to(sys.argv[1])]
print("outside", sorted(p for p in outside if p != os.devnull))
# On Linux getrusage also counts the memory of whoever started the process.
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
own = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
print("peak", own[0] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Power does not fail here, and 250 syncs take long."""
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ingest(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    """The exit code and the result; a refusal is one sentence on one line."""
    code = main(["ingest", *arguments, "--json"])
    output = capsys.readouterr()
    if code == 0:
        result: dict[str, object] = json.loads(output.out.splitlines()[-1])
        return code, result
    lines = [x for x in output.err.splitlines() if not x.startswith(("progress ", "left "))]
    assert code == 2, lines
    assert len(lines) == 1, lines
    assert output.out == ""
    return code, {"said": lines[0]}


def test_each_picture_alone_gives_the_result_of_the_manifest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = rows(NASTY / "MANIFEST.csv")
    assert len(listed) > 200
    wrong = []
    for number, row in enumerate(listed):
        path = str(NASTY / row["file"])
        code, result = ingest(capsys, path, "--class", "odd", "--name", f"set-{number}")
        if (code == 0) != (row["result"] == "OK"):
            wrong.append((row["file"], result))
    assert wrong == []


def test_each_archive_alone_gives_the_result_of_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = rows(EXPECTED)
    assert {row["file"] for row in table} == {path.name for path in (NASTY / "zips").iterdir()}
    for row in table:
        code, result = ingest(capsys, str(NASTY / "zips" / row["file"]))
        assert code == int(row["exit"]), (row["file"], result)
        if code == 0:
            assert result["accepted"] == int(row["accepted"]), row["file"]
            refused = result["refused"]
            assert isinstance(refused, list)
            assert len(refused) == int(row["refused"]), row["file"]
        elif int(row["refused"] or 0) == 1:  # the sentence names the file and the reason
            with zipfile.ZipFile(NASTY / "zips" / row["file"]) as archive:
                assert any(name in str(result["said"]) for name in archive.namelist()), row["file"]


def test_all_files_in_one_zip_stay_within_memory_and_workspace(
    tmp_path: Path, python: Callable[..., "subprocess.Popen[str]"]
) -> None:
    path, listed = tmp_path / "all.zip", rows(NASTY / "MANIFEST.csv")
    zips = sorted((NASTY / "zips").iterdir())
    with zipfile.ZipFile(path, "w") as archive:
        for row in listed:
            archive.write(NASTY / row["file"], row["file"])
        for zip_path in zips:
            archive.write(zip_path, f"zips/{zip_path.name}")
    workspace = tmp_path / "workspace"
    child = python(WATCHED, workspace, "ingest", path, "--json", "--workspace", workspace)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    *_, result_line, outside, peak = out.splitlines()
    assert outside == "outside []"
    assert int(peak.split()[1]) < MAX_PEAK_BYTES
    result = json.loads(result_line)
    refused = {entry["file"] for entry in result["refused"]}
    regular = [row for row in listed if not is_junk(row["file"].rpartition("/")[2])]
    expected = {row["file"] for row in regular if row["result"] != "OK"}
    assert refused == expected | {f"zips/{zip_path.name}" for zip_path in zips}
    fine = [row["file"] for row in regular if row["result"] == "OK"]
    different = {(name.split("/")[0], (NASTY / name).read_bytes()) for name in fine}
    assert result["accepted"] == len(different) > 190
    assert {entry["file"] for entry in result["changed"]} >= {
        "odd_but_valid/16bit.cropped.tif", "odd_but_valid/delay.png", "odd_but_valid/iss634.webp",
        "exif_orientation/Landscape_6.jpg",
    }  # fmt: skip
