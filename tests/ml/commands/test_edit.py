"""``edit`` and ``versions``, as a shell sees them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.data.edits.apply import KINDS
from ml.data.edits.cli_parser import OPTIONS
from ml.data.store.versions import load_version, write_version
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture

Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _pets(tmp_path: Path, workspace: Workspace, capsys: Out) -> None:
    """20 cats and 20 dogs, ten pictures of each of four animals."""
    for label, animals in (("cat", ("tom", "kit")), ("dog", ("rex", "bo"))):
        for place, animal in enumerate(animals):
            folder = tmp_path / "pets" / label / animal
            folder.mkdir(parents=True)
            for n in range(10):
                seed = seed_of(label, place, n)
                (folder / f"{animal}_{n}.png").write_bytes(as_bytes(picture(seed)))
    assert main(["ingest", str(tmp_path / "pets")]) == 0
    capsys.readouterr()


def seed_of(label: str, place: int, n: int) -> int:
    return 1000 * (label == "dog") + 100 * place + n


def ml(capsys: Out, *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_an_edit_makes_a_version_and_says_what_changed(capsys: Out, workspace: Workspace) -> None:
    first = load_version(workspace, "pets")
    digest = first.items[0].hash
    result = ml(
        capsys, "edit", "pets",
        "--exclude", "rex_1.png", "dog/rex/rex_2.png", "#39",
        "--add-class", "mouse",
        "--relabel", f"{digest[:8]}=mouse", "kit_3.png=mouse",
        "--rename", "dog=hound",
    )  # fmt: skip
    assert result["change"] == (
        "3 pictures excluded. Class mouse added. 2 pictures moved to mouse. "
        "Class dog renamed to hound."
    )
    assert result["classes"] == {"cat": 18, "hound": 17, "mouse": 2}
    assert (result["version"], result["parent"], result["excluded"]) == (2, 1, 3)
    assert result["pictures"] == 40
    version = load_version(workspace, "pets")
    assert version.fingerprint == result["fingerprint"]
    assert version.items[0].label == 2


def test_each_option_does_its_edit(capsys: Out, workspace: Workspace) -> None:
    assert ml(capsys, "edit", "pets", "--delete", "#0")["pictures"] == 39
    assert ml(capsys, "edit", "pets", "--exclude", "#0")["excluded"] == 1
    assert ml(capsys, "edit", "pets", "--include", "#0")["excluded"] == 0
    assert list(ml(capsys, "edit", "pets", "--order", "dog,cat")["classes"]) == ["dog", "cat"]
    assert ml(capsys, "edit", "pets", "--merge", "dog,cat=pet")["classes"] == {"pet": 39}
    assert ml(capsys, "edit", "pets", "--remove-class", "pet")["pictures"] == 0
    ml(capsys, "versions", "pets", "--restore", "1")
    ml(capsys, "edit", "pets", "--split", "#1=val", "#2=none")
    assert load_version(workspace, "pets").items[1].split == "val"
    drawn = ml(capsys, "edit", "pets", "--draw-test", "7")
    assert "Another test set drawn (6 pictures)." in drawn["change"]


def test_a_file_or_a_pipe_of_edits_is_done(
    capsys: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits = [{"do": "exclude", "items": [0, 1]}]
    (tmp_path / "edits.json").write_text(json.dumps(edits), encoding="utf-8")
    assert ml(capsys, "edit", "pets", "--edits", str(tmp_path / "edits.json"))["excluded"] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO('[{"do": "include", "items": [0]}]'))
    assert ml(capsys, "edit", "pets", "--edits", "-")["excluded"] == 1


@pytest.mark.parametrize(
    ("way", "groups"),
    [("folder", 4), (r"name:^([a-z]+)_", 4), ("number", 4), ("time:30", 0), ("none", 0)],
)
def test_pictures_are_grouped_and_the_test_is_drawn_by_groups(
    way: str, groups: int, capsys: Out, workspace: Workspace
) -> None:
    asked = ("--group-by", way)
    assert main(["edit", "pets", *asked]) == 0
    warned = "on both sides of the test. Draw another test set" in capsys.readouterr().err
    assert warned == (groups > 0)
    ml(capsys, "versions", "pets", "--restore", "1")
    assert main(["edit", "pets", *asked, "--draw-test", "0"]) == 0
    assert "both sides" not in capsys.readouterr().err
    items = load_version(workspace, "pets").items
    assert len({item.group for item in items} - {None}) == groups
    if groups:
        tested = {item.group for item in items if item.split == "test"}
        assert len(tested) in (1, 2)


def test_what_changes_nothing_says_so(capsys: Out) -> None:
    result = ml(capsys, "edit", "pets", "--include", "#1")
    assert (result["change"], result["version"]) == ("Nothing changed.", 1)


def test_an_empty_set_is_made(capsys: Out) -> None:
    result = ml(capsys, "edit", "Birds", "--create", "--add-class", "hen", "owl")
    assert (result["name"], result["classes"], result["pictures"]) == (
        "birds",
        {"hen": 0, "owl": 0},
        0,
    )
    assert ml(capsys, "edit", "Fish", "--create")["change"] == "An empty set made."
    assert main(["edit", "birds", "--create"]) == 2
    assert main(["train", "--dataset", "birds"]) == 2
    assert "pictures of none" in capsys.readouterr().err.splitlines()[-1]


def test_versions_are_listed_compared_and_restored(capsys: Out, workspace: Workspace) -> None:
    ml(capsys, "edit", "pets", "--relabel", "tom_0.png=dog", "tom_1.png=dog")
    rows = ml(capsys, "versions", "pets")
    assert [(row["version"], row["parent"]) for row in rows] == [(2, 1), (1, 0)]
    assert rows[0]["classes"] == {"cat": 18, "dog": 22}
    result = ml(capsys, "versions", "pets", "--compare", "1", "2")
    first = load_version(workspace, "pets", 1)
    files = {item.hash: item.file for item in first.items}
    assert {files[digest] for digest in result["relabelled"]} == {
        "cat/tom/tom_0.png", "cat/tom/tom_1.png",
    }  # fmt: skip
    back = ml(capsys, "versions", "pets", "--restore", "1")
    assert (back["version"], back["fingerprint"]) == (3, first.fingerprint)
    assert back["change"] == "Back to version 1."


def test_without_json_it_is_for_people(capsys: Out) -> None:
    assert main(["edit", "pets", "--relabel", *(f"tom_{n}.png=dog" for n in range(7))]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pets version 2: 7 pictures moved to dog.", "cat 13, dog 27",
    ]  # fmt: skip
    assert main(["versions", "pets"]) == 0
    newest, oldest = capsys.readouterr().out.splitlines()
    assert newest.split()[0] == "2"
    assert newest.endswith("40 pictures    2 classes  7 pictures moved to dog.")
    assert "Brought in from" in oldest
    assert main(["versions", "pets", "--compare", "1", "2"]) == 0
    assert capsys.readouterr().out.startswith("relabelled (7): cat/tom/tom_")
    assert main(["versions", "pets", "--compare", "1", "1"]) == 0
    assert "the same pictures" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["edit", "pets"], "nothing to change"),
        (["edit", "nobody", "--exclude", "#1"], "no data set"),
        (["edit", "pets", "--exclude", "nobody.png"], "no picture 'nobody.png'"),
        (["edit", "pets", "--exclude", "#40"], "no picture '#40'"),
        (["edit", "pets", "--exclude", "a"], "no picture 'a'"),
        (["edit", "pets", "--relabel", "tom_0.png"], "takes PICTURE=CLASS"),
        (["edit", "pets", "--relabel", "tom_0.png=hen"], "no class 'hen'"),
        (["edit", "pets", "--rename", "cat="], "takes OLD=NEW"),
        (["edit", "pets", "--merge", "cat"], "takes A,B=C"),
        (["edit", "pets", "--draw-test", "x"], "whole number"),
        (["edit", "pets", "--group-by", "colour"], "Groups are made by"),
        (["edit", "pets", "--group-by", "name:("], "not a regular expression"),
        (["edit", "pets", "--group-by", "time:soon"], "number of seconds"),
        (["edit", "pets", "--edits", "/nowhere.json"], "cannot be read"),
        (["edit", "pets", "--split", "#1=both"], "A split is one of"),
        (["versions", "pets", "--restore", "9"], "no data set pets version 9"),
        (["versions", "pets", "--compare", "1", "9"], "no data set pets version 9"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    arguments: list[str], sentence: str, capsys: Out
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert len(captured.err.splitlines()) == 1


@pytest.mark.parametrize("text", ["{", "{}", "3"])
def test_edits_that_are_none_are_refused(text: str, capsys: Out, tmp_path: Path) -> None:
    (tmp_path / "edits.json").write_text(text, encoding="utf-8")
    assert main(["edit", "pets", "--edits", str(tmp_path / "edits.json")]) == 2
    assert "JSON" in capsys.readouterr().err


def test_a_name_of_two_pictures_is_asked_back(capsys: Out, workspace: Workspace) -> None:
    version = load_version(workspace, "pets")
    twins = tuple(item._replace(file=f"{n}/same.png") for n, item in enumerate(version.items))
    write_version(workspace, "pets", version.classes, twins, version.about)
    assert main(["edit", "pets", "--exclude", "same.png"]) == 2
    assert "40 pictures of pets are called 'same.png': 0/same.png" in capsys.readouterr().err


def test_there_is_an_option_for_every_kind_of_edit() -> None:
    documented = {
        "relabel": "--relabel", "exclude": "--exclude", "include": "--include",
        "delete": "--delete", "add_class": "--add-class", "rename_class": "--rename",
        "merge_classes": "--merge", "remove_class": "--remove-class", "order_classes": "--order",
        "set_groups": "--group-by", "draw_test": "--draw-test", "set_split": "--split",
    }  # fmt: skip
    assert documented.keys() == KINDS.keys()
    assert set(documented.values()) | {"--edits"} == set(OPTIONS)
