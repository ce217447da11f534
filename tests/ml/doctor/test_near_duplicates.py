"""Near copies: found by hash, confirmed on pixels, told from pictures that are only alike."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.planting import NEAR_COPIES
from ml.data.store.originals import write_picture
from ml.doctor.image_alignment import compare
from ml.doctor.image_statistics import THUMBNAIL_SIDE, ImageStatistics, compute_statistics
from ml.doctor.near_duplicates import connected_components, find_near_duplicates, perceptual_hashes
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes
from tests.ml.doctor.conftest import open_bytes, photos


def statistics_of(workspace: Workspace, pictures: list[bytes]) -> ImageStatistics:
    return compute_statistics(workspace, [write_picture(workspace, data) for data in pictures])


@pytest.mark.parametrize("kind", NEAR_COPIES)
def test_near_copies_are_found_among_photos_before_one_background(
    workspace: Workspace, kind: str
) -> None:
    originals, chance = photos(60), np.random.default_rng(1)
    exact_duplicates = [
        as_bytes(NEAR_COPIES[kind](open_bytes(data), chance), "JPEG", quality=92)
        for data in originals[:15]
    ]
    pairs = find_near_duplicates(statistics_of(workspace, originals + exact_duplicates)).tolist()
    assert pairs == [[n, 60 + n] for n in range(15)]


def test_a_crop_that_is_mirrored_too_is_found(workspace: Workspace) -> None:
    originals, chance = photos(20), np.random.default_rng(2)
    both = NEAR_COPIES["flipped"](NEAR_COPIES["cropped"](open_bytes(originals[7]), chance), chance)
    pairs = find_near_duplicates(
        statistics_of(workspace, [*originals, as_bytes(both, "JPEG", quality=90)])
    )
    assert pairs.tolist() == [[7, 20]]


def test_another_colour_is_another_picture(workspace: Workspace) -> None:
    original = open_bytes(photos(1)[0])
    red, green, blue = original.split()
    other = Image.merge("RGB", (green, blue, red)).point(lambda value: value)
    tinted = Image.blend(other, Image.new("RGB", other.size, (0, 0, 255)), 0.3)
    assert (
        len(find_near_duplicates(statistics_of(workspace, [as_bytes(original), as_bytes(tinted)])))
        == 0
    )


def test_blank_pictures_have_no_twins(workspace: Workspace) -> None:
    blank = [as_bytes(Image.new("RGB", (50, 50), (n, n, n))) for n in (200, 210)]
    assert len(find_near_duplicates(statistics_of(workspace, blank))) == 0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pictures(workspace: Workspace, count: int) -> None:
    assert len(find_near_duplicates(statistics_of(workspace, photos(count)))) == 0


def test_the_correlation_of_what_lies_still_is_that_of_numpy() -> None:
    chance = np.random.default_rng(0)
    one = chance.integers(0, 256, (1, THUMBNAIL_SIDE, THUMBNAIL_SIDE)).astype(np.uint8)
    np.testing.assert_allclose(compare(one, one).correlation, 1.0, atol=1e-5)
    assert compare(one, one).difference[0] == pytest.approx(0.0, abs=0.05)
    first, second = perceptual_hashes(np.concatenate([one, one[:, ::-1]]))
    cells = [side.reshape(16, 4, 16, 4).mean((1, 3)).ravel() for side in (one[0], one[0, ::-1])]
    assert first @ second == pytest.approx(np.corrcoef(cells)[0, 1], abs=1e-5)


def test_a_known_crop_is_laid_back_in_its_place() -> None:
    photo = open_bytes(photos(1)[0]).convert("L").resize((640, 640))
    thumbs = [
        np.asarray(part.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX))
        for part in (photo, photo.crop((26, 6, 626, 606)))  # 94 %, off the middle
    ]
    similarity = compare(thumbs[0][None], thumbs[1][None])
    assert similarity.same_picture[0]
    assert similarity.correlation[0] > 0.99
    unmoved = np.corrcoef(thumbs[0].ravel(), thumbs[1].ravel())[0, 1]
    assert similarity.correlation[0] > unmoved


def test_clusters_are_what_is_connected() -> None:
    assert connected_components([]) == []
    assert connected_components([(5, 1), (2, 3), (1, 9), (3, 2)]) == [[1, 5, 9], [2, 3]]
