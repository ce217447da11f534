"""What a page lets measure may fail: why is said for as long as it takes to read it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.state.keys import fold_key
from dashboard.state.messages import WANTED_DATASET
from dashboard.workers import job
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit

SENTENCE = "There is too little of it. Bring more."


FAILS = f"print({SENTENCE!r}); raise SystemExit(2)"
WORKS_ON = "import time; time.sleep(600)"
ENDS_WELL = "print('{}')"


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let the children to come run some Python in the place of ``ml``."""
    children: list[subprocess.Popen[bytes]] = []

    def acts(code: str) -> None:
        def spawn(command: list[str], log: Any, **environment: str) -> "subprocess.Popen[bytes]":
            children.append(subprocess.Popen([sys.executable, "-c", code], stdout=log))
            return children[-1]

        monkeypatch.setattr(job, "spawn", spawn)

    yield acts
    for one in children:
        one.kill()
        one.wait()


def reported(at: AppTest) -> bool:
    return SENTENCE in [one.value.replace("\\", "") for one in at.warning]


def press(at: AppTest, key: str) -> None:
    at.button(key=key).click().run()
    deadline = time.monotonic() + 30
    while not reported(at):
        assert time.monotonic() < deadline
        at.run()
    assert not at.exception


@pytest.mark.parametrize("page", ["evaluate", "tune", "train"])
def test_why_a_measurement_failed_stays_until_it_is_asked_for_again(
    workspace, child, page: str
) -> None:
    child(FAILS)
    version = made_up_runs.dataset(workspace)
    run = made_up_runs.finished(workspace, version)
    at = visit(page, run.id if page == "evaluate" else None)
    at.session_state[WANTED_DATASET.key()] = version.name
    folds = {"evaluate": fold_key("robustness", run.id), "tune": fold_key("rate")}
    if page in folds:
        at.session_state[folds[page]] = True
    at.run()
    keys = {"evaluate": f"measure-robustness-{run.id}", "tune": "rate-test"}
    key = keys.get(page, "measure-estimate")
    press(at, key)
    for _ in range(2):
        at.run()  # the page is drawn again for any reason at all
        assert reported(at)
    child(WORKS_ON)
    at.button(key=key).click().run()
    assert not reported(at)
    assert not at.exception


def test_a_measurement_that_was_called_off_has_not_failed(workspace, child) -> None:
    child(WORKS_ON)
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    at = visit("evaluate", run.id)
    at.session_state[fold_key("robustness", run.id)] = True
    at.run()
    at.button(key=f"measure-robustness-{run.id}").click().run()
    at.button(key=f"cancel-robustness-{run.id}").click().run()
    assert not at.warning
    assert at.button(key=f"measure-robustness-{run.id}")
    at.run()
    assert not at.warning
    assert not at.exception


def test_the_end_of_a_measurement_redraws_the_page_with_its_result(workspace, child) -> None:
    child(ENDS_WELL)
    run = made_up_runs.finished(workspace, made_up_runs.dataset(workspace))
    at = visit("evaluate", run.id)
    at.session_state[fold_key("robustness", run.id)] = True
    at.run()
    key = f"measure-robustness-{run.id}"
    at.button(key=key).click().run()
    deadline = time.monotonic() + 30
    while key not in [button.key for button in at.button]:
        assert f"cancel-robustness-{run.id}" in [button.key for button in at.button]
        assert time.monotonic() < deadline
        at.run()
    assert not at.warning
    assert not at.exception
