"""``datasets`` and ``ingest``, as a shell sees them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ml.__main__ import main
from tests.helpers.pictures import as_bytes, picture

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for n in range(40):
            data = as_bytes(picture(n if label == "cat" else 1000 + n))
            (tmp_path / "pets" / label / f"{n}.png").write_bytes(data)
    (tmp_path / "pets" / "dog" / "bad.jpg").write_bytes(b"no picture")
    return tmp_path / "pets"


def last_json(out: str) -> object:
    return json.loads(out.splitlines()[-1])


def test_ingest_lists_accepted_and_refused_files(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", str(pets), "--name", "My pets", "--json"]) == 0
    captured = capsys.readouterr()
    result = last_json(captured.out)
    assert isinstance(result, dict)
    assert result["name"] == "my-pets"
    assert result["classes"] == {"cat": 40, "dog": 40}
    assert result["accepted"] == 80
    assert [entry["file"] for entry in result["refused"]] == ["dog/bad.jpg"]
    assert len(result["fingerprint"]) == 64
    assert result["notes"] == ["1 file could not be taken in. See which."]
    shares = [float(line.split()[1]) for line in captured.err.splitlines()]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(line.startswith("progress ") for line in captured.err.splitlines())


def test_the_same_folder_again_says_the_same(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for _ in range(2):
        assert main(["ingest", str(pets), "--json"]) == 0
        outputs.append(last_json(capsys.readouterr().out))
    assert outputs[0] == outputs[1]


def test_without_json_it_is_for_people(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", str(pets)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "pets: 80 pictures in 2 classes"
    assert lines[1] == "cat 40, dog 40"
    assert lines[-1].startswith("refused dog/bad.jpg: It is not a picture")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nothing at"),
        (["{pets}/cat"], "No pictures in class folders"),
        (["{pets}/dog/bad.jpg"], "is a file"),
        (["{pets}", "--name", "hands"], "Choose another name"),
    ],
)
def test_what_cannot_be_ingested_is_one_line_and_exit_2(
    arguments: list[str], sentence: str, pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", *(part.format(pets=pets) for part in arguments), "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert len(captured.err.splitlines()) == 1


def test_datasets_lists_bundled_and_own(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["ingest", str(pets)])
    capsys.readouterr()
    assert main(["datasets", "--json"]) == 0
    rows = last_json(capsys.readouterr().out)
    assert isinstance(rows, list)
    assert [row["name"] for row in rows] == ["recycling", "hands", "fashion", "pets"]
    assert [row["kind"] for row in rows] == ["bundled"] * 3 + ["own"]
    assert rows[-1]["classes"] == {"cat": 40, "dog": 40}
    assert {"title", "pictures", "licence", "ready"} <= set(rows[0])
    assert main(["datasets"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        row["name"] for row in rows
    ]


def test_a_bundled_set_can_be_brought_in_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", "fashion", "--json"]) == 0
    result = last_json(capsys.readouterr().out)
    assert isinstance(result, dict)
    assert (result["name"], result["accepted"]) == ("fashion", 2500)


def test_the_data_package_and_its_commands_load_no_torch() -> None:
    code = (
        "import sys, ml.data, ml.commands.datasets, ml.commands.ingest\n"
        "import ml.data.catalog, ml.data.run_pictures, ml.data.sources.registry\n"
        "import ml.data.splits.splits\n"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('torch', 'torchvision', 'lightning', 'streamlit')])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"
