"""The HTTP route of a live camera's frames: one request each, without a rerun of the page.

The inference worker classifies a frame while a thread waits. A frame that comes from elsewhere than
a tab of this server, too early, too large or not as a JPEG is refused before it is decoded.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dashboard.server.frame_tokens import RefusedError, frame_tokens
from ml.errors import MLError

FRAME_PATH = "app/frame"
"""Below the app's own address, beside ``app/static``."""
TOKEN_HEADER = "x-lensmith-pass"
MAX_FRAME_BYTES = 400_000
"""Of one frame; the component's have about 60,000."""
MAX_CONCURRENT_FRAMES = 4
"""Frames with the worker at a time, so that dropped pictures need not wait long."""
_JPEG = b"\xff\xd8\xff"

_threads = ThreadPoolExecutor(MAX_CONCURRENT_FRAMES, "frame")


def routes(base_path: str) -> list[Route]:
    """What the server has to add to its own routes."""
    base = base_path.strip("/")
    return [Route(f"/{base}/{FRAME_PATH}" if base else f"/{FRAME_PATH}", answer, methods=["POST"])]


async def answer(request: Request) -> JSONResponse:
    """The answer of the tab's model for a frame, as JSON; else ``error``, a sentence."""
    try:
        _check_origin(request)
        with frame_tokens.admitted(request.headers.get(TOKEN_HEADER, "")) as ask:
            frame = await _body(request)
            content = await asyncio.get_running_loop().run_in_executor(_threads, ask, frame)
            return _json(content, 200)
    except RefusedError as error:
        return _json({"error": str(error)}, error.status)
    except MLError as error:
        return _json({"error": str(error)}, 503)
    except ClientDisconnect:  # in the middle of its frame; nobody reads this
        return _json({}, 400)


def _json(content: dict[str, Any], status: int) -> JSONResponse:
    return JSONResponse(content, status, {"Cache-Control": "no-store"})


def _check_origin(request: Request) -> None:
    """Browsers say where a request comes from; no other page may use this one's camera or token.

    Raises:
        RefusedError: it comes from elsewhere.
    """
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", "")).netloc
    same = site == "same-origin" if site else origin == request.headers.get("host", "")
    if not same:
        raise RefusedError(403, "Frames are taken from Lensmith's own pages alone.")


async def _body(request: Request) -> bytes:
    """The frame, read no further than it may be long.

    Raises:
        RefusedError: it is too long, or no JPEG.
    """
    frame = bytearray()
    async for part in request.stream():
        frame += part
        if len(frame) > MAX_FRAME_BYTES:
            raise RefusedError(413, f"A frame has at most {MAX_FRAME_BYTES // 1000} kB.")
    if not frame.startswith(_JPEG):
        raise RefusedError(415, "A frame is a JPEG.")
    return bytes(frame)
