"""No slip in an environment variable opens a server: unknown values and names are refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ml.errors import WorkspaceError
from ml.hardware import limit_of_child, thread_count
from ml.models.plugins.discovery import are_allowed
from ml.utils import environment
from ml.workspace import is_demo, is_public
from tests.conftest import ROOT
from tests.helpers.page_visits import AppTest, words

SLIPS = {
    "LENSMITH_MODE": ("demo ", " demo", "dmo", "public", "1", "demo\n", "dem\u00f6"),
    "LENSMITH_PUBLIC": ("yes", "true", " 1", "1 ", "2", "on", "no", "\u0661"),
    "LENSMITH_PLUGINS": ("no", "off", "false", "0 ", "none"),
    "LENSMITH_MEMORY_LIMIT": ("4G", "-1", "1e9", "\u0663"),
    "LENSMITH_THREADS": ("two", "1.5", "-1"),
    "LENSMITH_PARENT": ("4G", "-1"),
    "LENSMITH_PRIORITY": ("high", "norml"),
}
READERS = {
    "LENSMITH_MODE": is_demo,
    "LENSMITH_PUBLIC": is_public,
    "LENSMITH_PLUGINS": are_allowed,
    "LENSMITH_MEMORY_LIMIT": limit_of_child,
    "LENSMITH_THREADS": lambda: thread_count(0),
}


@pytest.mark.parametrize(("name", "text"), [(n, text) for n in SLIPS for text in SLIPS[n]])
def test_an_unknown_value_is_refused(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(WorkspaceError, match=rf"^{name} is .*, and can be .*\.$"):
        environment.check()
    if name in READERS:
        with pytest.raises(WorkspaceError):
            READERS[name]()


def test_known_values_and_empty_ones_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SLIPS:
        monkeypatch.setenv(name, "")
    environment.check()
    assert not is_demo()
    assert not is_public()
    assert limit_of_child() == 0
    monkeypatch.setenv("LENSMITH_MODE", "Demo")
    environment.check()
    assert is_demo()
    assert is_public()
    assert not are_allowed()
    monkeypatch.setenv("LENSMITH_PLUGINS", "1")
    assert are_allowed()


def test_a_misspelt_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(WorkspaceError, match="Did you mean LENSMITH_PUBLIC"):
        environment.check({"LENSMITH_PUBLC": "1"})
    with pytest.raises(WorkspaceError, match="Did you mean LENSMITH_MODE"):
        environment.check({"lensmith_mode": "demo"})
    environment.check({"HOME": "/", "LENSMITH": "x"})


def test_every_variable_that_is_read_is_known_and_described() -> None:
    """A new one has to say which values it takes, and what it does."""
    sources = [ROOT / "launch.py", *ROOT.glob("ml/**/*.py"), *ROOT.glob("dashboard/**/*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert set(re.findall(r"\bLENSMITH_[A-Z_]+[A-Z]\b", text)) == set(environment.VARIABLES)
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    inner = {"LENSMITH_MEMORY_LIMIT", "LENSMITH_PARENT"}  # the server sets it for its children
    assert {name for name in environment.VARIABLES if name not in page} == inner


@pytest.mark.parametrize(
    "command",
    [
        ["streamlit", "run", "streamlit_app.py", "--server.headless=true", "--server.port=0"],
        ["ml", "runs"],
    ],
)
@pytest.mark.parametrize("slip", [("LENSMITH_MODE", "demo "), ("LENSMITH_PUBLC", "1")])
def test_a_process_refuses_to_start(
    command: list[str], slip: tuple[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, slip[0]: slip[1]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (1, 2)
    assert slip[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_a_slip_in_a_secret_shows_a_sentence_and_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit sets variables from its secrets once the server has started."""
    monkeypatch.setenv("LENSMITH_MODE", "demo ")
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=30).run()
    assert "LENSMITH_MODE is" in words(at).replace("\\", "")
    assert [button.label for button in at.button] == ["Try again"]
    assert not at.sidebar.button
