"""Near copies: found by hash, confirmed on pixels, told from pictures that are only alike."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.inspection import PARTS, render
from benchmarks.planting import NEAR_COPIES
from ml.data.store.originals import write_picture
from ml.doctor import image_alignment
from ml.doctor.confirmation import far_below_strangers
from ml.doctor.image_alignment import align, relative_residuals
from ml.doctor.image_statistics import THUMBNAIL_SIDE, ImageStatistics, compute_statistics
from ml.doctor.near_duplicates import connected_components, find_near_duplicates, perceptual_hashes
from ml.doctor.registration import registered_candidates
from ml.workspace import Workspace
from tests.helpers.pictures import as_bytes
from tests.ml.doctor.conftest import open_bytes, photos


def statistics_of(workspace: Workspace, pictures: list[bytes]) -> ImageStatistics:
    return compute_statistics(workspace, [write_picture(workspace, data) for data in pictures])


def near_pairs(workspace: Workspace, pictures: list[bytes]) -> list[list[int]]:
    pairs: list[list[int]] = find_near_duplicates(
        workspace, statistics_of(workspace, pictures)
    ).pairs.tolist()
    return pairs


@pytest.mark.parametrize("kind", NEAR_COPIES)
def test_near_copies_are_found_among_photos_before_one_background(
    workspace: Workspace, kind: str
) -> None:
    originals, chance = photos(60), np.random.default_rng(1)
    exact_duplicates = [
        as_bytes(NEAR_COPIES[kind](open_bytes(data), chance), "JPEG", quality=92)
        for data in originals[:15]
    ]
    assert near_pairs(workspace, originals + exact_duplicates) == [[n, 60 + n] for n in range(15)]


def test_a_crop_that_is_mirrored_too_is_found(workspace: Workspace) -> None:
    originals, chance = photos(20), np.random.default_rng(2)
    both = NEAR_COPIES["flipped"](NEAR_COPIES["cropped"](open_bytes(originals[7]), chance), chance)
    copy = as_bytes(both, "JPEG", quality=90)
    assert near_pairs(workspace, [*originals, copy]) == [[7, 20]]


def test_another_colour_is_another_picture(workspace: Workspace) -> None:
    original = open_bytes(photos(1)[0])
    red, green, blue = original.split()
    other = Image.merge("RGB", (green, blue, red)).point(lambda value: value)
    tinted = Image.blend(other, Image.new("RGB", other.size, (0, 0, 255)), 0.3)
    assert near_pairs(workspace, [as_bytes(original), as_bytes(tinted)]) == []


def test_blank_pictures_have_no_twins(workspace: Workspace) -> None:
    blank = [as_bytes(Image.new("RGB", (50, 50), (n, n, n))) for n in (200, 210)]
    assert near_pairs(workspace, blank) == []


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pictures(workspace: Workspace, count: int) -> None:
    assert near_pairs(workspace, photos(count)) == []


@pytest.mark.parametrize("part", PARTS)
def test_photographs_of_one_part_are_no_copies(workspace: Workspace, part: str) -> None:
    pictures = [as_bytes(render(part, n), "JPEG", quality=90) for n in range(40)]
    assert near_pairs(workspace, pictures) == []


@pytest.mark.parametrize("part", PARTS)
def test_copies_are_confirmed_among_photographs_of_one_part(
    workspace: Workspace, part: str
) -> None:
    chance = np.random.default_rng(0)
    pictures = [as_bytes(render(part, n), "JPEG", quality=90) for n in range(30)]
    kinds = ["lighter", "darker", "flatter", "flipped", "resized"]
    copies = [
        as_bytes(NEAR_COPIES[kind](open_bytes(pictures[n]), chance), "JPEG", quality=92)
        for n, kind in enumerate(kinds)
    ]
    near = find_near_duplicates(workspace, statistics_of(workspace, pictures + copies))
    assert near.pairs.tolist() == [[n, 30 + n] for n in range(len(kinds))]
    assert near.confirmed.all()


def test_a_crop_is_found_among_photographs_of_one_part(workspace: Workspace) -> None:
    chance = np.random.default_rng(0)
    pictures = [as_bytes(render("casting", n), "JPEG", quality=90) for n in range(60)]
    crops = [
        as_bytes(NEAR_COPIES["cropped"](open_bytes(data), chance), "JPEG", quality=92)
        for data in pictures[:4]
    ]
    assert near_pairs(workspace, pictures + crops) == [[n, 60 + n] for n in range(4)]


def test_a_mixed_set_has_no_candidates_by_registration(workspace: Workspace) -> None:
    thumbs = statistics_of(workspace, photos(60))["thumb"]
    assert len(registered_candidates(thumbs)) == 0


def test_the_residual_is_that_of_least_squares() -> None:
    chance = np.random.default_rng(0)
    first = chance.uniform(20, 120, (1, 3, 32, 32)).astype(np.float32)
    noise = chance.normal(0, 4, first.shape)
    second = (1.3 * first + 20 + noise).astype(np.float32)
    still = np.array([[1, 0, 1, 0]], np.float32)
    inner = np.s_[0, :, 2:-2, 2:-2]
    soft = image_alignment.blur(image_alignment.blur(first[0]))[:, 2:-2, 2:-2]
    columns = np.stack([first[inner].ravel(), soft.ravel(), np.ones(soft.size)], 1)
    target = second[inner].ravel()
    _, squares, *_ = np.linalg.lstsq(columns, target, rcond=None)
    expected = np.sqrt(squares[0] / target.size) / target.std()
    assert relative_residuals(first, second, still)[0] == pytest.approx(expected, rel=1e-3)


def test_clipped_pixels_do_not_part_a_copy_from_its_picture() -> None:
    chance = np.random.default_rng(0)
    first = chance.uniform(100, 240, (1, 1, 64, 64)).astype(np.float32)
    still = np.array([[1, 0, 1, 0]], np.float32)
    assert relative_residuals(first, (1.3 * first).clip(0, 255), still)[0] < 0.01
    assert relative_residuals(first, chance.permutation(first, axis=3), still)[0] > 0.9


def test_residuals_far_below_those_of_strangers_are_told_from_near_ones() -> None:
    pairs = np.array([(a, b) for a in range(8) for b in range(a + 1, 8)])
    residuals = np.full(len(pairs), 0.1, np.float32)
    assert not far_below_strangers(pairs, residuals, 0.6).any()
    residuals[0] = 0.05
    assert far_below_strangers(pairs, residuals, 0.6).tolist() == [True] + 27 * [False]
    assert not far_below_strangers(pairs, residuals, 0.4).any()


def test_the_correlation_of_what_lies_still_is_that_of_numpy() -> None:
    chance = np.random.default_rng(0)
    one = chance.integers(0, 256, (1, THUMBNAIL_SIDE, THUMBNAIL_SIDE)).astype(np.uint8)
    alignment = align(one, one)
    np.testing.assert_allclose(alignment.correlation, 1.0, atol=1e-5)
    residual = relative_residuals(one[:, None], one[:, None], alignment.transforms)
    assert residual[0] == pytest.approx(0.0, abs=0.01)
    first, second = perceptual_hashes(np.concatenate([one, one[:, ::-1]]))
    cells = [side.reshape(16, 4, 16, 4).mean((1, 3)).ravel() for side in (one[0], one[0, ::-1])]
    assert first @ second == pytest.approx(np.corrcoef(cells)[0, 1], abs=1e-5)


def test_a_known_crop_is_laid_back_in_its_place() -> None:
    photo = open_bytes(photos(1)[0]).convert("L").resize((640, 640))
    thumbs = [
        np.asarray(part.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX))
        for part in (photo, photo.crop((26, 6, 626, 606)))  # 94 %, off the middle
    ]
    alignment = align(thumbs[0][None], thumbs[1][None])
    assert alignment.correlation[0] > 0.99
    unmoved = np.corrcoef(thumbs[0].ravel(), thumbs[1].ravel())[0, 1]
    assert alignment.correlation[0] > unmoved
    one, other = (thumb[None, None] for thumb in thumbs)
    assert relative_residuals(one, other, alignment.transforms)[0] < 0.15


def test_clusters_are_what_is_connected() -> None:
    assert connected_components([]) == []
    assert connected_components([(5, 1), (2, 3), (1, 9), (3, 2)]) == [[1, 5, 9], [2, 3]]
