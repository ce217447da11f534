"""Preprocessing: every conversion against a formula of its own."""

import io
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from ml.data.pixels import decode as opening
from ml.data.pixels.pixels import PixelSpec, canonical, decode, read_facts, to_spec
from ml.errors import BadInputError
from tests.helpers.pictures import as_bytes, picture

TURNS = {  # EXIF orientation: numpy function from the upright pixels to the stored ones
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


def png_head(width: int, height: int) -> bytes:
    """A PNG of that size in its header, without pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    ihdr = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    data = b"IDAT" + zlib.compress(b"\0")
    idat = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return b"\x89PNG\r\n\x1a\n" + ihdr + idat


@pytest.mark.parametrize("orientation", TURNS)
def test_turned_photo_is_decoded_upright(orientation: int) -> None:
    upright = np.asarray(picture(1, 20, 12))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(TURNS[orientation](upright)))
    data = as_bytes(stored, "PNG", exif=exif)
    seen = decode(data)
    np.testing.assert_array_equal(seen.pixels, upright)
    assert bool(seen.notes) == (orientation != 1)
    assert (read_facts(data).width, read_facts(data).height) == (20, 12)


def test_wide_greys_are_rescaled_and_never_saturated() -> None:
    values = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    seen = decode(as_bytes(Image.fromarray(values), "PNG")).pixels
    np.testing.assert_array_equal(seen, np.floor(values / 65535 * 255 + 0.5).astype(np.uint8))
    assert len(np.unique(seen)) == 256


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([-2.0, 0.0, 2.0], [0, 128, 255]),
        ([0.0, 9.0, 200.0], [0, 9, 200]),
    ],
)
def test_floating_greys_are_rescaled_from_their_range(
    values: list[float], expected: list[int]
) -> None:
    data = as_bytes(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")
    assert decode(data).pixels.tolist() == [expected]


def test_greys_that_are_not_numbers_are_refused() -> None:
    data = as_bytes(Image.fromarray(np.array([[1.0, np.nan]], dtype=np.float32)), "TIFF")
    with pytest.raises(BadInputError):
        decode(data)


@pytest.mark.parametrize("grey", [False, True])
def test_transparency_lies_over_white(grey: bool) -> None:
    base = picture(2, mode="L" if grey else "RGB")
    alpha = np.asarray(picture(3, mode="L"))
    image = base.copy()
    image.putalpha(Image.fromarray(alpha))
    seen = decode(as_bytes(image)).pixels.astype(float)
    share = alpha / 255 if grey else (alpha / 255)[:, :, None]
    expected = np.asarray(base) * share + 255 * (1 - share)
    assert np.abs(seen - expected).max() <= 1


def test_a_colour_marked_as_transparent_is_white() -> None:
    data = as_bytes(Image.new("RGB", (4, 4), (10, 20, 30)), "PNG", transparency=(10, 20, 30))
    assert (decode(data).pixels == 255).all()
    data = as_bytes(Image.new("P", (4, 4), 3), "GIF", transparency=3)
    assert (decode(data).pixels == 255).all()


def test_cmyk_and_palette_and_lab_keep_their_colours() -> None:
    base = Image.new("RGB", (16, 16), (200, 40, 90))
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    in_lab = ImageCms.profileToProfile(base, srgb, lab, outputMode="LAB")
    assert in_lab is not None
    for data in (
        as_bytes(base.convert("CMYK"), "JPEG", quality=100),
        as_bytes(base.quantize(4), "PNG"),
        as_bytes(base.convert("YCbCr"), "JPEG", quality=100),
        as_bytes(in_lab, "TIFF"),
    ):
        seen = decode(data).pixels
        assert seen.shape == (16, 16, 3)
        assert np.abs(seen.astype(int) - (200, 40, 90)).max() <= 3


def test_one_bit_is_black_and_white() -> None:
    bits = np.indices((8, 8)).sum(0) % 2 == 0
    seen = decode(as_bytes(Image.fromarray(bits))).pixels
    np.testing.assert_array_equal(seen, bits * 255)


def test_an_animation_is_its_first_frame() -> None:
    first, second = picture(5), picture(6)
    data = as_bytes(first, "WEBP", save_all=True, append_images=[second], lossless=True)
    seen = decode(data)
    np.testing.assert_array_equal(seen.pixels, np.asarray(first))
    assert "first frame of several taken" in seen.notes


def test_crop_takes_the_middle_and_squeeze_all() -> None:
    pixels = np.zeros((10, 30, 3), dtype=np.uint8)
    pixels[:, :10], pixels[:, 10:20], pixels[:, 20:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    data = as_bytes(Image.fromarray(pixels))
    np.testing.assert_array_equal(canonical(data, PixelSpec(10)), pixels[:, 10:20])
    squeezed = canonical(data, PixelSpec(30, fit="squeeze"))
    assert (squeezed[15, 2] == (255, 0, 0)).all()
    assert (squeezed[15, 28] == (0, 0, 255)).all()


def test_picture_of_the_right_size_is_unchanged() -> None:
    image = picture(7, 16, 16)
    np.testing.assert_array_equal(canonical(as_bytes(image), PixelSpec(16)), np.asarray(image))
    grey = canonical(as_bytes(image.convert("L")), PixelSpec(16))
    assert grey.shape == (16, 16, 3)
    assert (grey == grey[:, :, :1]).all()


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 32))
    small = to_spec(stripes, PixelSpec(8, "grey"))
    assert np.abs(small[:, 1:-1].astype(int) - 127).max() <= 12


@pytest.mark.parametrize("width", [1600, 480, 250])
def test_jpeg_decoded_at_reduced_size_is_close_to_full_decoding(width: int) -> None:
    fine = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    image = Image.fromarray(fine).resize((width, width * 3 // 4), Image.Resampling.BICUBIC)
    data = as_bytes(image, "JPEG", quality=95, subsampling=0)
    spec = PixelSpec(64)
    reduced, full = canonical(data, spec), to_spec(decode(data).pixels, spec)
    difference = np.abs(reduced.astype(int) - full)
    assert difference.mean() < 3


@pytest.mark.parametrize("size", [(20000, 1), (60000, 60000), (100_000, 4000), (41, 1)])
def test_limits_are_checked_in_the_header_before_decoding(size: tuple[int, int]) -> None:
    for read in (decode, read_facts, lambda data: canonical(data, PixelSpec(8))):
        with pytest.raises(BadInputError, match=r"too (large|narrow)"):
            read(png_head(*size))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_file_cut_short_is_refused(kind: str) -> None:
    data = as_bytes(picture(9, 64, 48), kind)
    for share in (0.3, 0.6, 0.9):
        for read in (decode, read_facts, lambda part: canonical(part, PixelSpec(8))):
            with pytest.raises(BadInputError):
                read(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "HEIC"),
    ],
)
def test_bytes_of_no_picture_are_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(BadInputError, match=sentence):
        decode(data)


VALID = [
    as_bytes(picture(10), kind, **options)  # type: ignore[arg-type]
    for kind, options in (
        ("PNG", {}), ("JPEG", {}), ("GIF", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {}),
        ("TIFF", {"compression": "tiff_lzw"}), ("PPM", {}), ("ICO", {}), ("JPEG2000", {}),
    )
]  # fmt: skip


@given(st.data())
def test_any_bytes_give_pixels_or_an_error_in_a_sentence(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(VALID)))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] or content
    try:
        pixels = canonical(bytes(content), PixelSpec(9, "grey", "squeeze"))
    except BadInputError as error:
        message = str(error)
    else:
        message = "."
        assert pixels.shape == (9, 9, 1)
        assert pixels.dtype == np.uint8
    assert message.endswith(".")


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 40),
    st.sampled_from(["rgb", "grey"]),
    st.sampled_from(["crop", "squeeze"]),
)
def test_any_shape_becomes_the_requested_square(
    width: int, height: int, size: int, colour: str, fit: str
) -> None:
    spec = PixelSpec(size, colour, fit)
    data = as_bytes(picture(3, width, height))
    if max(width, height) > opening.MAX_ASPECT * min(width, height):
        return
    square = canonical(data, spec)
    assert square.shape == (size, size, spec.channels)
    np.testing.assert_array_equal(square, to_spec(decode(data).pixels, spec))


def test_threads_give_the_same_pixels_and_keep_warning_filters() -> None:
    spec = PixelSpec(24)
    odd = as_bytes(picture(1).quantize(8), "PNG", transparency=b"\x00\x80")
    data = [as_bytes(picture(n, 90, 70), "JPEG") for n in range(40)] + [odd] * 40
    before = list(warnings.filters)
    sequential = [canonical(content, spec) for content in data]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(lambda content: canonical(content, spec), data))
    np.testing.assert_array_equal(sequential, threaded)
    assert warnings.filters == before


def test_warnings_are_silent_until_the_last_thread_is_done() -> None:
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with opening._without_warnings():
            inside.set()
            leave.wait(10)
            warnings.warn("this would be an error", stacklevel=1)

    with ThreadPoolExecutor(1) as pool:
        staying = pool.submit(stay)
        inside.wait(10)
        with opening._without_warnings():
            pass  # in after it, out before it
        leave.set()
        staying.result()
    with pytest.raises(UserWarning):
        warnings.warn("heard again", UserWarning, stacklevel=1)


def test_colour_is_a_fact_of_the_pixels_not_of_the_mode() -> None:
    assert read_facts(as_bytes(picture(1))).colour
    assert not read_facts(as_bytes(picture(1).convert("L").convert("RGB"))).colour
    assert not read_facts(as_bytes(picture(1).convert("L"))).colour


def test_pixel_spec_survives_json_and_refuses_invalid_values() -> None:
    spec = PixelSpec(96, "grey", "squeeze")
    assert PixelSpec.from_json(spec.to_json()) == spec
    assert spec.key == "96-grey-squeeze"
    assert (spec.channels, PixelSpec(8).channels) == (1, 3)
    for bad in ({"size": 0}, {"size": "8"}, {"size": 8, "colour": "cmyk", "fit": "crop"}, None, 3):
        with pytest.raises(BadInputError):
            PixelSpec.from_json(bad)


def test_decoding_does_not_close_the_buffer() -> None:
    buffer = io.BytesIO(as_bytes(picture(1)))
    decode(buffer.getvalue())
    assert not buffer.closed


def test_large_pictures_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lock_calls: list[str] = []

    class Queue:
        def __enter__(self) -> None:
            lock_calls.append("in")

        def __exit__(self, *error: object) -> None:
            lock_calls.append("out")

    monkeypatch.setattr(opening, "_large_lock", Queue())
    monkeypatch.setattr(opening, "MAX_PARALLEL_PIXELS", 20 * 16)
    decode(as_bytes(picture(1, 20, 16)))
    assert lock_calls == []
    decode(as_bytes(picture(1, 20, 17)))
    assert lock_calls == ["in", "out"]
