"""What one look at a picture tells, and that it is kept."""

import io
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from ml.data.store.originals import picture_path, write_picture
from ml.doctor.image_statistics import THUMBNAIL_SIDE, capture_time, compute_statistics
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes, picture


def test_the_figures_are_those_of_the_pixels(workspace: Workspace) -> None:
    image = picture(3, width=60, height=40)
    digest = write_picture(workspace, as_bytes(image))
    row = compute_statistics(workspace, [digest])[0]
    assert (row["width"], row["height"]) == (60, 40)
    grey = np.asarray(image.convert("L"), np.float64)
    assert row["light"] == pytest.approx(grey.mean(), abs=0.01)
    assert row["contrast"] == pytest.approx(grey.std(), abs=0.01)
    assert row["red"] == pytest.approx(np.asarray(image)[:, :, 0].mean(), abs=1.0)
    laplacian = [
        grey[y - 1, x] + grey[y + 1, x] + grey[y, x - 1] + grey[y, x + 1] - 4 * grey[y, x]
        for y in range(1, 39)
        for x in range(1, 59)
    ]
    assert row["sharp"] == pytest.approx(np.var(laplacian), rel=1e-4)
    assert row["thumb"].shape == (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    assert math.isnan(row["time"])


def test_what_was_seen_is_kept(workspace: Workspace) -> None:
    hashes = [write_picture(workspace, as_bytes(picture(n))) for n in range(3)]
    seen = compute_statistics(workspace, hashes[:2])
    for digest in hashes[:2]:
        picture_path(workspace, digest).unlink()  # it cannot be looked at again
    again = compute_statistics(workspace, hashes[::-1])
    assert again["width"].tolist() == [20, 20, 20]
    np.testing.assert_array_equal(again["thumb"][::-1][:2], seen["thumb"])


def test_a_kept_part_that_is_damaged_is_made_again(workspace: Workspace) -> None:
    digest = write_picture(workspace, as_bytes(picture(1)))
    first = compute_statistics(workspace, [digest])
    for path in workspace.features.rglob("*.npy"):
        path.write_bytes(path.read_bytes()[:50])
    assert compute_statistics(workspace, [digest]).tobytes() == first.tobytes()


def test_a_picture_that_is_gone_has_no_size_and_is_not_kept(workspace: Workspace) -> None:
    data = as_bytes(picture(1))
    digest = write_picture(workspace, data)
    picture_path(workspace, digest).unlink()
    assert compute_statistics(workspace, [digest])["width"].tolist() == [0]
    write_picture(workspace, data)
    assert compute_statistics(workspace, [digest])["width"].tolist() == [20]


def test_equal_pixels_are_the_same_whatever_the_file(workspace: Workspace) -> None:
    image = picture(5)
    files = [as_bytes(image), as_bytes(image, "BMP"), as_bytes(image.rotate(180))]
    same = compute_statistics(workspace, [write_picture(workspace, data) for data in files])["same"]
    assert same[0] == same[1] != same[2]


def test_the_time_is_the_cameras_with_its_parts_of_a_second() -> None:
    image, exif = picture(1), Image.Exif()
    exif.get_ifd(0x8769).update({36867: "2017:05:04 10:11:12", 37521: "25"})
    exif[306] = "2020:01:01 00:00:00"
    data = as_bytes(image, "JPEG", exif=exif)
    expected = datetime(2017, 5, 4, 10, 11, 12, 250_000, tzinfo=UTC).timestamp()
    assert capture_time(data) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "0000:00:00 00:00:00", "yesterday", "    :  :     :  :  "])
def test_a_time_that_is_none_is_not_a_number(text: str) -> None:
    exif = Image.Exif()
    exif[306] = text
    assert math.isnan(capture_time(as_bytes(picture(1), "JPEG", exif=exif)))
    assert math.isnan(capture_time(io.BytesIO(b"no picture").getvalue()))
