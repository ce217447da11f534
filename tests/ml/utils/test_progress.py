"""How a command tells how far it is."""

import pytest

from ml.utils import progress
from ml.utils.progress import Progress


def test_each_percent_is_told_once_and_never_less(capsys: pytest.CaptureFixture[str]) -> None:
    report = Progress()
    for share in (0.0, 0.001, 0.25, 0.2, 0.259, 1.0):
        report(share)
    assert capsys.readouterr().err.split("\n") == [
        "progress 0.00", "progress 0.25", "progress 1.00", "",
    ]  # fmt: skip


def test_the_time_left_is_told_once_it_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 100.5, 103.0, 112.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    report = Progress()
    for share in (0.1, 0.25, 1.0):
        report(share)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["progress 0.10", "progress 0.25", "left 9", "progress 1.00"]
