"""Mutations of real picture files: bits flipped, parts cut, repeated, swapped between files."""

import io
import random
from pathlib import Path

from ml.data.pixels.decode import FORMATS
from tests.helpers.pictures import SHARED, picture

MAX_SEED_BYTES = 20_000
# fmt: off
INTERESTING_BYTES = (b"\0", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\xff", b"\0\0\0\0",
                     b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xda", b",", b"!")
# fmt: on


def gif_without_palette(frames: int) -> bytes:
    """A GIF that has no palette, neither one for all frames nor one for each."""
    buffer = io.BytesIO()
    picture(mode="L").save(buffer, "GIF")
    data = buffer.getvalue()
    palette_end = 13 + 3 * (2 << (data[10] & 7))
    frame = data[data.index(b",", palette_end) : -1]
    return data[:10] + bytes([data[10] & 0x7F]) + data[11:13] + frame * frames + b";"


def seed_pictures() -> list[bytes]:
    """A small picture in each format that can be written, and the real files that are at hand."""
    seeds = [gif_without_palette(1), gif_without_palette(2)]
    for kind in FORMATS:
        for mode in ("L", "RGB", "P", "RGBA", "I;16", "CMYK", "LAB"):
            buffer = io.BytesIO()
            try:
                picture(3, 40, 32, "RGB").convert(mode).save(buffer, kind)
            except (OSError, ValueError, KeyError):
                continue
            seeds.append(buffer.getvalue())
    for path in sorted(SHARED.glob("nasty_images/**/*")):
        if path.is_file() and path.suffix != ".zip" and path.stat().st_size <= MAX_SEED_BYTES:
            seeds.append(path.read_bytes())
    for folder in ("hymenoptera_data", "trashnet_256", "sign_language_digits", "chest_xray_224"):
        files = [p for p in sorted(SHARED.glob(f"{folder}/**/*.*")) if _is_small_picture(p)]
        seeds += [path.read_bytes() for path in files[:: max(1, len(files) // 10)]]
    return seeds


def _is_small_picture(path: Path) -> bool:
    is_picture = path.suffix.lower() in (".jpg", ".jpeg", ".png")
    return is_picture and path.stat().st_size <= MAX_SEED_BYTES


def mutated(seeds: list[bytes], number: int) -> bytes:
    """The mutation with that number: the same for the same seeds."""
    dice = random.Random(number)
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        _change(data, seeds, dice)
    return bytes(data)


def _change(data: bytearray, seeds: list[bytes], dice: random.Random) -> None:
    if not data:
        return
    head = dice.random() < 0.5  # headers hold what decoders believe
    at = dice.randrange(min(len(data), 256) if head else len(data))
    kind = dice.randrange(21) // 4
    if kind == 0:
        data[at] ^= 1 << dice.randrange(8)
    elif kind == 1:
        value = dice.choice(INTERESTING_BYTES)
        data[at : at + len(value)] = value
    elif kind == 2:
        del data[at : at + dice.randrange(1, 64)]
    elif kind == 3:
        part = data[at : at + dice.randrange(1, 512)]
        data[at:at] = part * dice.randrange(1, 4)
    elif kind == 4:
        other = dice.choice(seeds)
        start = dice.randrange(len(other) or 1)
        data[at:at] = other[start : start + dice.randrange(1, 512)]
    else:
        del data[at:]
