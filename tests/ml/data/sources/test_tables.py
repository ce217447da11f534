"""A table of files and labels beside the pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ml.data.ingest.bring_in import bring_in
from ml.data.sources.listing import Listing
from ml.data.sources.registry import list_source
from ml.data.sources.tables import MAX_TABLE_BYTES, _read, load_table
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture
from tests.helpers.zips import pack

Rows = dict[str, tuple[str, str | None, str | None]]


def listed(listing: Listing) -> Rows:
    return {one.file: (one.label, one.split, one.group) for one in listing.candidates}


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """``table(text, *names)`` writes pictures of these names and the table beside them."""

    def make(text: str, *names: str, name: str = "labels.csv", coding: str = "utf-8") -> Path:
        for seed, one in enumerate(names):
            path = tmp_path / "set" / one
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_bytes(picture(seed)))
        path = tmp_path / "set" / name
        path.write_bytes(text.encode(coding))
        return path

    return make


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.png,cat\nb.png,dog\n",
        "label,id,file\ncat,1,a.png\ndog,2,b.png\n",
        "a.png,cat\nb.png,dog\n",
        "Bild;was\na.png;cat\nb.png;dog\n",
        "filename\tclass\r\na.png\tcat\r\nb.png\tdog\r\n",
        'file,label\n"a.png","cat"\n\n"b.png", dog \n',
        "image_id,breed\na,cat\nb,dog\n",
        "file|label\na.png|cat\nb.png|dog",
    ],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_as_people_write_them(text: str, coding: str, table: Callable[..., Path]) -> None:
    path = table(text, "a.png", "b.png", coding=coding)
    listing = list_source(path)
    assert listing.classes == ("cat", "dog")
    assert sorted(label for label, _, _ in listed(listing).values()) == ["cat", "dog"]
    assert listing.refused == ()


def test_split_and_group_are_taken_over(table: Callable[..., Path]) -> None:
    text = "file,label,split,group\na.png,cat,train,anna\nb.png,dog,Validation,\nc.png,dog,test,b\n"
    path = table(text, "a.png", "b.png", "c.png")
    assert listed(list_source(path)) == {
        "a.png": ("cat", "train", "anna"),
        "b.png": ("dog", "val", None),
        "c.png": ("dog", "test", "b"),
    }
    bare = path.with_name("bare.csv")
    bare.write_text("a.png,cat,train,anna\nb.png,dog,test\n", encoding="utf-8")
    assert listed(list_source(bare))["a.png"] == ("cat", "train", "anna")


def test_files_in_folders_are_found_by_path_and_by_their_mere_name(
    table: Callable[..., Path],
) -> None:
    text = "file,label\nimages/a.png,cat\nb.png,dog\ndeep\\c.png,dog\n"
    path = table(text, "images/a.png", "images/more/b.png", "deep/c.png")
    assert set(listed(list_source(path))) == {"images/a.png", "images/more/b.png", "deep/c.png"}
    twice = table("file,label\na.png,cat\nb.png,dog\n", "one/b.png", "two/b.png", "a.png", "c.png")
    (twice.parent / "images" / "more" / "b.png").unlink()
    with pytest.raises(BadInputError, match=r"b\.png: There is no such file"):
        list_source(twice)  # which of the two is meant cannot be told


def test_rows_that_lead_nowhere_are_refused_one_by_one(
    table: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes(as_bytes(picture(77)))
    text = (
        "file,label,split\na.png,cat,\nb.png,dog,\nmissing.png,cat,\nb.png,,\n../secret.png,cat,\n"
        f"{tmp_path}/secret.png,cat,\na.png,dog,tomorrow\n{'x' * 400}.png,cat,\n"
    )
    listing = list_source(table(text, "a.png", "b.png"))
    assert set(listed(listing)) == {"a.png", "b.png"}
    reasons = [why for _, why in listing.refused]
    assert [why.split(".")[0] for why in reasons] == [
        "There is no such file beside the table",
        "It has no label in the table",
        "Its name leads out of the folder of the table",
        "Its name leads out of the folder of the table",
        "Its split is tomorrow, where train, val and test are known",
        "There is no such file beside the table",
    ]


def test_a_folder_or_zip_with_a_table_at_its_top_is_read_by_it(
    table: Callable[..., Path], tmp_path: Path, workspace: Workspace
) -> None:
    path = table("file,label\nall/a.png,cat\nall/b.png,dog\n", "all/a.png", "all/b.png")
    by_table = bring_in(workspace, path, "one").version
    assert bring_in(workspace, path.parent, "two").version.items == by_table.items
    files = {
        f"wrapped/{one.relative_to(path.parent).as_posix()}": one.read_bytes()
        for one in path.parent.rglob("*")
        if one.is_file()
    }
    zipped = pack(tmp_path / "set.zip", files)
    assert bring_in(workspace, zipped, "three").version.items == by_table.items


def test_a_table_about_something_else_does_not_hide_the_class_folders(
    table: Callable[..., Path],
) -> None:
    names = ("cat/a.png", "dog/b.png")
    for text in ("file,size\ncat/a.png,12\n", "file,label\nnowhere.png,cat\n", "", "\x00\xff;;\n"):
        path = table(text, *names)
        assert set(listed(list_source(path.parent))) == set(names)


@pytest.mark.parametrize("text", ["", "file,label\n", "x", "file,label\na.png,\n", "\x00" * 50])
def test_a_table_of_nothing_is_said_in_a_sentence(text: str, table: Callable[..., Path]) -> None:
    with pytest.raises(BadInputError, match="names no picture with a label"):
        list_source(table(text, "a.png"))


def test_a_table_of_one_class_is_not_enough(table: Callable[..., Path]) -> None:
    with pytest.raises(BadInputError, match="has one class, cat"):
        list_source(table("file,label\na.png,cat\n", "a.png"))


def test_a_heading_that_is_not_known_is_passed_over_and_said(table: Callable[..., Path]) -> None:
    listing = list_source(table("Bild,Was\na.png,cat\nb.png,dog\n", "a.png", "b.png"))
    assert listing.notes == ("The first line of labels.csv was taken for a heading.",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("file,label\n" + "," * 2**21, "too long"),
        ('file,label\n"' + "\n" * 5000, "too long"),
        ("file,label\n" + '"\n",' * 5000, "too long"),
        ("file,label\n" + "a,b\n" * 1_000_001, "more than 1,000,000 lines"),
    ],
)
def test_table_is_measured_as_it_is_read(content: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(BadInputError, match=sentence):
        load_table(path)


def test_table_of_too_many_bytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with path.open("wb") as file:
        file.truncate(MAX_TABLE_BYTES + 1)
    with pytest.raises(BadInputError, match="larger than 64 MB"):
        load_table(path)


def test_wide_rows_keep_the_columns_that_are_asked_for(tmp_path: Path) -> None:
    rows, columns = _read(b"file,label" + b",x" * 1000 + b"\n" + b"a,b" + b",c" * 1000, "t.csv")
    assert columns is not None
    assert rows == [["a", "b"]]
