"""Messages over a pipe: a JSON header and the bytes that belong to it.

A frame is the length of the header (4 bytes, big-endian), the header, and as many bytes as the
header's ``size`` says.
"""

import json
import struct
from typing import IO, Any

MOST_HEADER = 1 << 20
MOST_BYTES = 256 * 1024 * 1024
"""More than any picture that is read; a length beyond it is no length."""
_LENGTH = struct.Struct(">I")

Frame = tuple[dict[str, Any], bytes]


def write_frame(pipe: IO[bytes], header: dict[str, Any], data: bytes = b"") -> None:
    """Write one frame and flush it. Raises OSError when the other side is gone."""
    text = json.dumps({**header, "size": len(data)}).encode()
    pipe.write(_LENGTH.pack(len(text)) + text)
    pipe.write(data)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> Frame | None:
    """The next frame, whole; None when the other side closed or broke off.

    Raises:
        ValueError: what comes is not a frame.
    """
    start = pipe.read(_LENGTH.size)
    if len(start) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(start)
    if length > MOST_HEADER:
        raise ValueError(f"a header of {length} bytes")
    text = pipe.read(length)
    if len(text) < length:
        return None
    header = json.loads(text)
    size = header.get("size") if isinstance(header, dict) else None
    if not isinstance(size, int) or not 0 <= size <= MOST_BYTES:
        raise ValueError(f"data of {size} bytes")
    data = pipe.read(size)
    return (header, data) if len(data) == size else None
