"""What ``docs/adding-a-dataset.md`` says, tried."""

import re
from pathlib import Path

import pytest

from ml.data.ingest.bring_in import bring_in
from ml.data.sources import listing
from ml.data.sources.tables import HEADINGS
from ml.data.sources.torchvision_catalog import SETS
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture

TEXT = (Path(__file__).parents[4] / "docs" / "adding-a-dataset.md").read_text(encoding="utf-8")


def test_the_loader_of_the_page_is_one(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SOURCES", registry := dict(listing.SOURCES))
    monkeypatch.setattr("ml.data.sources.registry.SOURCES", registry)
    folder = tmp_path / "pets"
    folder.mkdir()
    for n in range(12):
        (folder / f"{('cat', 'dog')[n % 2]}_{n:03}.png").write_bytes(as_bytes(picture(n)))
    (folder / "cat_bad.png").write_bytes(b"no picture")
    with pytest.raises(BadInputError, match="No pictures in class folders"):
        bring_in(workspace, folder)
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(code, "adding-a-dataset.md", "exec"), {"__name__": "example"})
    done = bring_in(workspace, folder)
    assert done.version.counts == {"cat": 6, "dog": 6}
    assert [entry["file"] for entry in done.refused] == ["cat_bad.png"]
    assert {item.split for item in done.version.items} == {None, "test"}
    assert registry["file-names"](tmp_path) is None


def test_the_names_on_the_page_are_those_that_are_known() -> None:
    assert all(f"`{name}`" in TEXT for name in SETS)
    documented = re.search(r"A table may call its columns(.*?)\n\n", TEXT, re.DOTALL)
    assert documented
    known = {name for names in HEADINGS.values() for name in names}
    assert set(re.findall(r"`(\w+)`", documented[1])) <= known


def test_the_files_on_the_page_are_there() -> None:
    root = Path(__file__).parents[4]
    for name in re.findall(r"`((?:ml|tests)/[\w/]+\.py)`", TEXT):
        assert (root / name).is_file(), name
