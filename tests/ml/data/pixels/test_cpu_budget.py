"""CPU budget: a picture that takes too much computing is given up, in any format."""

import subprocess
import time
from collections.abc import Callable

import pytest

from ml.data.ingest.intake import AcceptedPicture
from ml.data.ingest.take_in import BatchIntake
from ml.data.pixels import cpu_budget
from ml.data.pixels.cpu_budget import MAX_SCANNED_PIXELS, TOO_SLOW, BudgetedBytes, SlowPictureError
from ml.data.pixels.pixels import PixelSpec, canonical, read_facts
from ml.errors import BadInputError
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture
from tests.helpers.slow_pictures import jpeg_of_scans, ppm_of_comments


def test_jpeg_of_a_hundred_thousand_scans_is_given_up_at_once() -> None:
    data, began = jpeg_of_scans(1200, 1000, 100_000), time.thread_time()
    with pytest.raises(SlowPictureError, match="more computing"):
        canonical(data, PixelSpec(32))
    assert time.thread_time() - began < 1


@pytest.mark.parametrize("scans", [1, 10, 50])
def test_jpeg_of_few_scans_is_read(scans: int) -> None:
    assert scans * 1200 * 1000 < MAX_SCANNED_PIXELS
    assert read_facts(jpeg_of_scans(1200, 1000, scans)).width == 1200


def test_header_that_takes_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_budget, "MAX_CPU_SECONDS_OF_A_HEADER", 0.05)
    assert read_facts(ppm_of_comments(1000)).width == 2
    with pytest.raises(BadInputError, match="more computing"):
        read_facts(ppm_of_comments(2_000_000))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "PPM", "ICO"])
def test_pixels_that_take_long_are_given_up(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = as_bytes(picture(1, 200, 160), kind)
    assert canonical(data, PixelSpec(32)).shape == (32, 32, 3)
    monkeypatch.setattr(BudgetedBytes, "allow", lambda self, seconds: setattr(self, "_until", -1.0))
    monkeypatch.setattr(cpu_budget, "CALLS_PER_CHECK", 1)
    with pytest.raises(SlowPictureError):
        canonical(data, PixelSpec(32))


def test_ingest_refuses_a_slow_picture_and_takes_the_others(workspace: Workspace) -> None:
    slow, fine = jpeg_of_scans(1200, 1000, 100_000), as_bytes(picture())
    outcomes = BatchIntake(workspace)([(0, lambda: slow, None), (1, lambda: fine, None)])
    assert outcomes[0] == TOO_SLOW
    assert isinstance(outcomes[1], AcceptedPicture)


def test_call_that_never_ends_ends_its_process(
    python: Callable[..., "subprocess.Popen[str]"],
) -> None:
    code = """
from ml.data.pixels import cpu_budget
cpu_budget.WATCH_SECONDS = 0.02
cpu_budget.end_process_beyond(0.2)
with cpu_budget.watched():
    pass
with cpu_budget.watched():
    while True:
        pass
"""
    child = python(code)
    child.communicate(timeout=60)
    assert child.returncode == cpu_budget.EXIT_CODE
