"""What an address names is compared with what is there, and never used as a path."""

import shutil
from pathlib import Path

import pytest

from dashboard.server.static import ROOT
from dashboard.state.selection import Selection
from dashboard.state.stored import stored_in
from ml.runs.folder import Run
from ml.sharing import page_text
from ml.workspace import Workspace, open_workspace
from tests.helpers import made_up_runs
from tests.helpers.page_visits import AppTest, visit, words

PAGES = ("home", "data", "train", "tune", "evaluate", "classify", "runs")
ODD_NAMES = (
    *("x" * 300, "y" * 5000, "../..", "..", ".", "/", "/etc", "~root", "~nobody/x", "a/b"),
    *("nul\0l", "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), "*", "[!.]*"),
    *("%2e%2e%2f", "CON", "<b>x</b>", "a\nb"),
)


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return made_up_runs.finished(workspace, made_up_runs.dataset(workspace))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Run:
    """A run of another workspace of this computer, whose page has words of its own."""
    other = open_workspace(tmp_path / "other")
    secret = made_up_runs.finished(other, made_up_runs.dataset(other, name="secret"))
    page_text.write(secret, "Secret", "")
    return secret


def ask(**address: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30)
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception
    return at


@pytest.mark.parametrize("public", ["", "1"])
@pytest.mark.parametrize("page", PAGES)
def test_a_folder_elsewhere_is_no_run(
    page: str, public: str, run: Run, elsewhere: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENSMITH_PUBLIC", public)
    link = run.folder.parent / ".." / ".." / "other" / "runs" / elsewhere.id
    for path in (elsewhere.folder, link, f"../../other/runs/{elsewhere.id}"):
        assert "The run in the address is not there" in words(ask(run=str(path)))
        at = visit(page, run=str(path))
        assert stored_in(at.session_state, Selection).run in (None, run.id)
        assert "secret" not in words(at).casefold().replace(str(path).casefold(), "")


def test_a_folder_elsewhere_is_no_classifier(run: Run, elsewhere: Run) -> None:
    for path in (str(elsewhere.folder), f"./other/runs/{elsewhere.id}"):
        at = ask(classify=path)
        assert "There is no such classifier" in words(at)
        assert not at.title or at.title[0].value != "Secret"


@pytest.mark.parametrize("page", PAGES)
def test_an_odd_name_in_the_address_is_a_sentence(page: str, run: Run) -> None:
    for name in ODD_NAMES:
        at = visit(page, run=name, data=name)
        assert not at.exception, name


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_of_a_classifier_or_a_search_is_a_sentence(name: str, run: Run) -> None:
    assert "There is no such classifier" in words(ask(classify=name))
    assert "The search in the address is not there" in words(ask(sweep=name))


def test_the_beginning_of_an_id_becomes_the_id(run: Run, workspace: Workspace) -> None:
    """Else a later run that begins alike would take the place of the one that is shown."""
    at = visit("train", run="latest")
    assert stored_in(at.session_state, Selection).run == run.id
    shutil.copytree(run.folder, workspace.runs / f"9{run.id}")
    at.run()
    assert stored_in(at.session_state, Selection).run == run.id
    assert at.query_params["run"] == run.id
