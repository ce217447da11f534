"""PNG writer without compression."""

import struct
import zlib


def png(pixels: bytes, height: int, width: int, channels: int = 1) -> bytes:
    """A PNG of ``pixels`` (uint8, by rows), grey or with 3 ``channels`` RGB.

    Not compressed, so that the bytes, hence the hash, are the same on every machine.
    """
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    row = width * channels
    rows = b"".join(b"\0" + pixels[n * row : (n + 1) * row] for n in range(height))
    body = bytearray(b"\x78\x01")
    for start in range(0, len(rows), 65535):
        block = rows[start : start + 65535]
        is_last = start + 65535 >= len(rows)
        body += struct.pack("<BHH", is_last, len(block), 65535 - len(block)) + block
    body += struct.pack(">I", zlib.adler32(rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"IDAT", bytes(body)), (b"IEND", b""))
    )
