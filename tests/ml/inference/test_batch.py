"""Many pictures through ``python -m ml predict``: in order, from zips, as a table, sorted."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.data.pixels.parallel import _workers
from ml.errors import BadInputError
from ml.inference.batch import BATCH, Source, classify_sources, load_for, sources
from ml.inference.classifier import Classifier
from ml.inference.tables import Places, sorted_into
from tests.helpers.trained import CLASSES, picture, trained


def packed(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_many_pictures_are_answered_as_each_alone_and_in_order():
    folder = trained().run.folder / "model"
    data = [b"broken" if n % 7 == 3 else picture(n % 3, n) for n in range(3 * BATCH + 5)]
    classifier = load_for(folder, len(data))
    answers = list(
        classify_sources(classifier, [Source(f"{n}", lambda d=d: d) for n, d in enumerate(data)])
    )
    alone = [Classifier.load(folder).classify(d, f"{n}") for n, d in enumerate(data)]
    assert [one["file"] for one in answers] == [f"{n}" for n in range(len(data))]
    for one, wanted in zip(answers, alone, strict=True):
        names = ("label", "decision", "error", "unlike")
        assert [one[name] for name in names] == [wanted[name] for name in names]
        if wanted["error"] is None:
            assert one["probability"] == pytest.approx(wanted["probability"], abs=1e-5)
            assert [n["item"] for n in one["nearest"]] == [n["item"] for n in wanted["nearest"]]


def test_no_more_pictures_are_read_ahead_than_a_few_batches():
    read = []
    data = picture(0, 1)

    def source(number):
        return Source(str(number), lambda: read.append(number) or data)

    classifier = load_for(trained().run.folder / "model", 1000)
    going = classify_sources(classifier, (source(n) for n in range(1000)))
    for _ in range(BATCH):
        next(going)
    going.close()
    assert len(read) <= BATCH * (2 * _workers() + 3)


def test_a_zip_is_read_without_its_litter_and_what_is_refused_is_told(tmp_path, capsys):
    inner = io.BytesIO()
    packed(inner, {"a.png": picture(0, 1)})
    files = {
        "b/10.png": picture(0, 1),
        "b/9.png": picture(1, 2),
        "__MACOSX/b/._9.png": b"litter",
        "notes.txt": b"no picture",
        "more.zip": inner.getvalue(),
        "../out.png": picture(2, 3),
    }
    path = packed(tmp_path / "shots.zip", files)
    (tmp_path / "torn.zip").write_bytes(path.read_bytes()[:60])
    model = str(trained().run.folder)
    assert main(["predict", model, str(path), str(tmp_path / "torn.zip")]) == 0
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    errors = {line["file"].removeprefix(f"{tmp_path}/"): line["error"] for line in lines}
    assert list(errors)[:2] == ["shots.zip/b/9.png", "shots.zip/b/10.png"]
    assert errors["shots.zip/b/9.png"] is errors["shots.zip/b/10.png"] is None
    assert "archive inside the archive" in errors["shots.zip/more.zip"]
    assert "leads out of the archive" in errors["shots.zip/../out.png"]
    assert "cut short" in errors["torn.zip"]
    assert len(errors) == 5


def test_answers_go_into_a_table_and_pictures_into_a_folder_for_each_class(tmp_path, capsys):
    given = {}
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        for label in range(3):
            given[tmp_path / folder / f"{label}.png"] = picture(label, len(given))
    for path, data in given.items():
        path.write_bytes(data)
    (tmp_path / "x" / "torn.png").write_bytes(picture(0, 0)[:50])
    table, target = tmp_path / "answers.csv", tmp_path / "sorted"
    target.mkdir()  # an empty one is taken
    command = ["predict", str(trained().run.folder), str(tmp_path / "x"), str(tmp_path / "y")]
    options = ["--csv", str(table), "--sort-into", str(target), "--top-k", "2"]
    assert main([*command, *options]) == 0
    answers = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    with table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["file"] for line in lines] == [one["file"] for one in answers]
    for line, one in zip(lines, answers, strict=True):
        assert line["label"] == (one["label"] or "")
        assert line["error"] == (one["error"] or "")
        assert [line[f"label {n}"] or None for n in (1, 2)] == [
            *(entry["label"] for entry in one["top"]),
            *[None] * (2 - len(one["top"])),
        ]
    read = [one for one in answers if one["error"] is None]
    assert len(read) == 6
    there = sorted((path.parent.name, path.read_bytes()) for path in target.glob("*/*"))
    assert there == sorted((one["label"], Path(one["file"]).read_bytes()) for one in read)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_with_something_in_it_is_refused_before_anything_is_done(tmp_path, capsys):
    (tmp_path / "p.png").write_bytes(picture(0, 1))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("kept")
    command = ["predict", str(trained().run.folder), str(tmp_path / "p.png")]
    assert main([*command, "--sort-into", str(tmp_path / "full")]) == 2
    assert main([*command, "--sort-into", str(tmp_path / "no" / "such")]) == 2
    assert main([*command, "--csv", str(tmp_path / "no" / "a.csv")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "is not empty" in printed.err.splitlines()[0]
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_nothing_half_sorted_is_left(tmp_path):
    def stopped():
        with sorted_into(tmp_path / "new") as folder:
            folder.put("a", "1.png", b"1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_place_is_told(tmp_path):
    assert main(["predict", str(trained().run.folder), str(tmp_path)]) == 2
    with sources([tmp_path]) as entries:
        assert entries == []


def test_names_of_classes_and_files_stay_in_their_folder_and_apart():
    places = Places()
    asked = [("../up", "../../a.png"), ("..", "a.png"), ("../up", "A.png"), ("a/b", "x.png")]
    asked += [("A_B", "x.png"), ("", "con.png"), ("a/b", "x.png")]
    places_made = [places.place(*one) for one in asked]
    assert all(len(path.parts) == 2 and ".." not in path.parts for path in places_made)
    assert len({str(path).casefold() for path in places_made}) == len(places_made)
    folders = {label: path.parts[0] for (label, _), path in zip(asked, places_made, strict=True)}
    assert len({name.casefold() for name in folders.values()}) == len(folders)
    assert set(CLASSES) == {places.place(name, "a.png").parts[0] for name in CLASSES}


def test_a_model_of_an_absent_folder_is_refused(tmp_path):
    with pytest.raises(BadInputError):
        load_for(tmp_path, 3)
