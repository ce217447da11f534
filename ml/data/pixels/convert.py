"""Conversion of a picture of any Pillow mode to 8-bit grey or RGB, with notes of what changed."""

import numpy as np
from PIL import Image, ImageCms

WIDE_GREY_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""The modes of more than 8 bits: Pillow's ``convert`` would clip them to white."""
TRANSPARENT_MODES = ("LA", "La", "PA", "RGBA", "RGBa")


def to_grey_or_rgb(picture: Image.Image) -> tuple[Image.Image, list[str]]:
    """The picture in mode ``L`` or ``RGB``, and notes of what was changed.

    Transparency is laid over white; wide greys are rescaled, never clipped; CMYK, LAB and other
    colour spaces are converted to RGB.

    Raises:
        ValueError: Pillow cannot convert this mode.
    """
    if picture.mode in WIDE_GREY_MODES:
        return _narrow(picture)
    if picture.mode in TRANSPARENT_MODES or "transparency" in picture.info:
        return _over_white(picture)
    if picture.mode in ("L", "RGB"):
        return picture, []
    if picture.mode == "1":
        return picture.convert("L"), []
    if picture.mode == "LAB":
        return _from_lab(picture), ["LAB colours converted to RGB"]
    notes = [] if picture.mode in ("P", "RGBX") else [f"{picture.mode} colours converted to RGB"]
    return picture.convert("RGB"), notes


def _narrow(picture: Image.Image) -> tuple[Image.Image, list[str]]:
    """Greys of 16 or 32 bits in 8.

    16-bit values are scaled by a fixed factor, so that pictures stay comparable. Wider values have
    no agreed range: those outside 0 to 65535 are stretched from their minimum to their maximum.
    """
    values = np.asarray(picture, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("grey values that are not numbers")
    if picture.mode == "F" and low >= 0 and high <= 1:
        values = values * 255
    elif low < 0 or high > 65535:
        values = (values - low) * (255 / max(high - low, 1e-30))
    elif picture.mode.startswith("I;16") or high > 255:
        values = values / 257
    grey = Image.fromarray((values + 0.5).astype(np.uint8))
    return grey, ["greys of more than 8 bits rescaled to 8"]


def _over_white(picture: Image.Image) -> tuple[Image.Image, list[str]]:
    grey = picture.mode in ("1", "L", "LA", "La")
    see_through = picture.convert("LA" if grey else "RGBA")
    alpha = see_through.getchannel("A")
    mode = "L" if grey else "RGB"
    over = Image.new(mode, picture.size, "white")
    over.paste(see_through.convert(mode), mask=alpha)
    opaque = alpha.getextrema() == (255, 255)
    return over, [] if opaque else ["transparency laid over white"]


def _from_lab(picture: Image.Image) -> Image.Image:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, rgb, outputMode="RGB")
    if converted is None:
        raise ValueError("LAB colours that cannot be converted")
    return converted
