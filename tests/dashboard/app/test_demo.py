"""One classifier alone, for others: the page, what it says, and what is out of its reach."""

from pathlib import Path

import pytest

from dashboard.server.static import ROOT
from dashboard.state.navigation import PAGES
from ml.data.store.originals import picture_path
from ml.data.store.versions import load_version
from ml.errors import BadInputError
from ml.runs.folder import Run
from ml.sharing import bundle, page_text
from ml.workspace import Workspace, open_workspace
from tests.helpers import made_up_runs
from tests.helpers.page_visits import AppTest, words


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return made_up_runs.finished(workspace, made_up_runs.dataset(workspace))


def ask(**address: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception
    return at


def test_the_address_of_a_run_shows_it_alone_with_its_author_s_words(run: Run) -> None:
    page_text.write(run, "Which *bin*?", "One thing at a time.\n<b>Daylight</b> helps.")
    at = ask(classify=run.id)
    assert [title.value for title in at.title] == [r"Which \*bin\*?"]
    text = words(at).replace("\\", "")
    assert "One thing at a time." in text
    assert "<b>Daylight" in text  # as it was written, and no HTML: Markdown shows it as text
    assert "About this classifier" in [fold.label for fold in at.expander]
    assert not at.sidebar.button
    at.run()  # a later run of the same tab, whatever its address says by then
    assert [title.value for title in at.title] == [r"Which \*bin\*?"]


def test_a_run_that_is_not_there_is_said_in_a_sentence(workspace: Workspace) -> None:
    assert "There is no such classifier" in words(ask(classify="20990101"))


def test_what_is_said_of_it_is_what_its_report_says(run: Run) -> None:
    report = run.report
    assert isinstance(report, dict)
    text = words(ask(classify=run.id))
    assert f"Accuracy {round(100 * report['accuracy'])} %" in text.replace("\\", "")


@pytest.mark.parametrize("address", [{}, {"run": "x"}, {"classify": "another"}])
def test_a_demo_has_that_page_whatever_is_asked_for(
    address: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENSMITH_MODE", "demo")
    page_text.write(run, "Alone", "")
    at = ask(**address)
    assert [title.value for title in at.title] == ["Alone"]
    assert "A page for others" not in " ".join(fold.label for fold in at.expander)


def test_a_demo_has_no_other_page(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENSMITH_MODE", "demo")
    at = ask()
    for row in PAGES:
        with pytest.raises(ValueError, match="Could not find"):
            at.switch_page(row.path)


def test_what_is_packed_serves_the_page_and_holds_no_other_picture(
    workspace: Workspace, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = bundle.pack(workspace, run, tmp_path / "out")
    packed = open_workspace(tmp_path / "out")
    files = [path for path in packed.root.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) >= size
    record = run.dataset
    items = load_version(packed, record["name"], record["version"]).items
    assert items == load_version(workspace, record["name"], record["version"]).items
    held = {item.hash for item in items if picture_path(packed, item.hash).exists()}
    tested = {items[n].hash for n in record["splits"]["test"]}
    assert 0 < len(held) <= bundle.EXAMPLES
    assert held <= tested
    monkeypatch.setenv("LENSMITH_MODE", "demo")
    monkeypatch.setenv("LENSMITH_WORKSPACE", str(packed.root))
    assert "About this classifier" in [fold.label for fold in ask().expander]


def test_nothing_that_is_there_is_packed_over(
    workspace: Workspace, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInputError, match="is there already"):
        bundle.pack(workspace, run, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert not list(tmp_path.glob(".out*"))
