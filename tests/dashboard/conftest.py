"""No test of a page starts training behind its back."""

import pytest

from dashboard.workers.dispatcher import Dispatcher


@pytest.fixture(autouse=True)
def _no_dispatcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dispatcher, "start", lambda self: None)
