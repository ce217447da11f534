"""``python -m ml ingest`` with everything that can be brought in, as a shell sees it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.data.sources.listing import DRAWING, LAYOUT
from tests.helpers.pictures import as_bytes, picture
from tests.helpers.zips import pack


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["ingest", *map(str, arguments), "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return result


def test_a_set_made_class_by_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for n in range(3):
        files.append(tmp_path / f"{n}.png")
        files[-1].write_bytes(as_bytes(picture(n)))
    first = run(capsys, files[0], "--name", "Mine", "--class", "cat")
    assert (first["name"], first["classes"], first["version"]) == ("mine", {"cat": 1}, 1)
    second = run(capsys, *files[1:], "--into", "mine", "--class=dog")
    assert (second["classes"], second["accepted"], second["version"]) == (
        {"cat": 1, "dog": 2},
        2,
        2,
    )
    see_through = picture(9)
    see_through.putalpha(9)
    zipped = pack(
        tmp_path / "z.zip", {"a/x.png": as_bytes(see_through), "b/y.png": b"", "b/z.png": 4}
    )
    third = run(capsys, zipped, "--into=mine")
    assert third["classes"] == {"cat": 1, "dog": 2, "a": 1, "b": 1}
    assert third["changed"] == [{"file": "a/x.png", "change": "transparency laid over white"}]
    assert [entry["file"] for entry in third["refused"]] == ["b/y.png"]


def test_without_json_what_changed_is_listed_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    see_through = picture(9)
    see_through.putalpha(9)
    path = pack(tmp_path / "z.zip", {"a/x.png": as_bytes(see_through), "b/y.png": 1})
    assert main(["ingest", str(path)]) == 0
    assert "changed a/x.png: transparency laid over white" in capsys.readouterr().out


def test_a_flat_zip_is_drawn_the_layout_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pack(tmp_path / "flat.zip", {"1.png": 1, "2.png": 2})
    assert main(["ingest", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out.strip() == DRAWING
    (line,) = captured.err.splitlines()
    assert line.startswith("flat.zip has files but no class folders")
    assert LAYOUT in line
    assert main(["ingest", str(path), "--json"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.png", "--name", "x", "--into", "y"], "--name for a new data set or --into"),
        (["a.png", "b.png"], "Name it with --class"),
        (["torchvision:imagenet"], "none of torchvision's sets"),
        (["{here}/one.png"], "Or name its class with --class"),
        (["{here}/one.png", "--into", "nothing", "--class", "x"], "no data set 'nothing'"),
        (["{here}/one.rar"], "is a file that is no zip"),
    ],
)
def test_bad_arguments_of_ingest_give_one_line(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.png").write_bytes(as_bytes(picture(1)))
    (tmp_path / "one.rar").write_bytes(b"Rar!")
    words = [part.format(here=tmp_path) for part in arguments]
    assert main(["ingest", *words, "--json"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
