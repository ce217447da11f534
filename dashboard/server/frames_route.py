"""The way of a live camera's frames: one HTTP request each, past the pages and their reruns.

A frame is answered in a thread of its own by the inference worker. What is not from a tab of this
server, too large, too fast or no JPEG is refused before anything looks into it.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dashboard.server.frame_tokens import RefusedError, passes
from ml.errors import MLError

PATH = "app/frame"
"""Below the app's own address, beside ``app/static``."""
PASS = "x-lensmith-pass"
MOST_BYTES = 400_000
"""Of one frame; the component's have about 60,000."""
AT_ONCE = 4
"""Frames of all tabs with the worker at a time; pictures that were dropped need not wait long."""
_JPEG = b"\xff\xd8\xff"

_threads = ThreadPoolExecutor(AT_ONCE, "frame")


def routes(base_path: str) -> list[Route]:
    """What the server has to add to its own routes."""
    base = base_path.strip("/")
    return [Route(f"/{base}/{PATH}" if base else f"/{PATH}", answer, methods=["POST"])]


async def answer(request: Request) -> JSONResponse:
    """What the model of the tab that sent a frame makes of it; else ``error``, a sentence."""
    try:
        _check_origin(request)
        with passes.admitted(request.headers.get(PASS, "")) as ask:
            frame = await _body(request)
            told = await asyncio.get_running_loop().run_in_executor(_threads, ask, frame)
            return _json(told, 200)
    except RefusedError as error:
        return _json({"error": str(error)}, error.status)
    except MLError as error:
        return _json({"error": str(error)}, 503)
    except ClientDisconnect:  # in the middle of its frame; nobody hears this any more
        return _json({}, 400)


def _json(content: dict[str, Any], status: int) -> JSONResponse:
    return JSONResponse(content, status, {"Cache-Control": "no-store"})


def _check_origin(request: Request) -> None:
    """Browsers say where a request comes from; no other page may use this one's camera or pass.

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
        if len(frame) > MOST_BYTES:
            raise RefusedError(413, f"A frame has at most {MOST_BYTES // 1000} kB.")
    if not frame.startswith(_JPEG):
        raise RefusedError(415, "A frame is a JPEG.")
    return bytes(frame)
