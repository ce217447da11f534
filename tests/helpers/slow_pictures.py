"""Pictures that take far longer to decode than their size lets one expect."""

import io
import struct

from PIL import Image


def jpeg_of_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    buffer = io.BytesIO()
    Image.new("L", (width, height), 128).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    start = data.rfind(b"\xff\xda")
    (length,) = struct.unpack_from(">H", data, start + 2)
    end = start + 2 + length
    while not (data[end] == 0xFF and data[end + 1] != 0):
        end += 1
    return data[:start] + data[start:end] * scans + b"\xff\xd9"


def ppm_of_comments(count: int) -> bytes:
    """A picture of four pixels after so many comments, which are read byte by byte."""
    return b"P6\n" + b"#\n" * count + b"2 2\n255\n" + bytes(12)
