"""Make the golden pictures: ``python tests/ml/data/pixels/golden/make.py``. Only after an intended
change of the preprocessing: every trained model saw the old pixels."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from ml.data.pixels.pixels import PixelSpec, canonical

FOLDER = Path(__file__).resolve().parent
SPECS = (PixelSpec(12), PixelSpec(12, "grey", "squeeze"), PixelSpec(40, "rgb", "squeeze"))


def scene(width: int = 36, height: int = 24) -> Image.Image:
    """Slopes of three colours, a hard edge and a dot: nothing in it is symmetrical."""
    y, x = np.mgrid[0:height, 0:width]
    x, y = x / width, y / height
    pixels = (np.stack([x, y, (x + y) / 2], axis=2) * 256).astype(np.uint8)
    pixels[(y > 0.15) & (y < 0.5) & (x > 0.55) & (x < 0.85)] = (250, 240, 20)
    pixels[height * 3 // 4, width // 7] = (255, 255, 255)
    return Image.fromarray(pixels)


def main() -> None:
    """Write the inputs and what they become."""
    rgb = scene()
    turned = Image.Exif()
    turned[0x0112] = 6
    see_through = rgb.copy()
    see_through.putalpha(Image.fromarray((np.mgrid[0:24, 0:36][1] * 7).clip(0, 255).astype("u1")))
    wide = Image.fromarray((np.mgrid[0:24, 0:36][1] * 1800).astype(np.uint16))
    lab = ImageCms.profileToProfile(
        rgb, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    rgb.save(FOLDER / "turned.jpg", quality=92, exif=turned)
    scene(320, 200).save(FOLDER / "large.jpg", quality=85, progressive=True)
    rgb.convert("CMYK").save(FOLDER / "cmyk.jpg", quality=92)
    rgb.convert("L").save(FOLDER / "grey.jpg", quality=92)
    see_through.save(FOLDER / "see-through.png")
    wide.save(FOLDER / "wide-grey.png")
    rgb.quantize(32).save(FOLDER / "palette.gif")
    rgb.convert("1").save(FOLDER / "one-bit.png")
    assert lab is not None
    lab.save(FOLDER / "lab.tif", compression="tiff_lzw")
    rgb.save(
        FOLDER / "animated.webp", save_all=True, append_images=[rgb.rotate(180)], lossless=True
    )
    for path in sorted(FOLDER.iterdir()):
        if path.suffix != ".py" and not path.name.endswith(".expected.png"):
            for spec in SPECS:
                pixels = canonical(path.read_bytes(), spec)
                shown = Image.fromarray(pixels if spec.channels == 3 else pixels[:, :, 0])
                shown.save(FOLDER / f"{path.stem}.{spec.key}.expected.png", optimize=True)


if __name__ == "__main__":
    main()
