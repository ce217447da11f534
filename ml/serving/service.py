"""The inference worker's service: finds the handler of a request and answers with its response.

``ml.serving.server`` reads the requests from the pipe.
"""

import logging
import threading
from typing import Any

from ml.errors import MLError
from ml.serving.handlers import Handler, find_handler
from ml.serving.model_cache import ModelCache
from ml.serving.protocol import Frame, Refusal

log = logging.getLogger(__name__)


class Worker:
    """Answers requests. Operations that are ``concurrent`` may be asked for by any number of
    threads at a time, all others by one thread in turn."""

    def __init__(self) -> None:
        self._models = ModelCache()
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()

    def answer(self, header: dict[str, Any], data: bytes) -> Frame:
        """The response to one request of ``ml.serving.protocol``, as a frame.

        A request that is unknown or malformed, and one whose model or picture cannot be used, is
        answered with a ``Refusal``.
        """
        op = header.get("op")
        try:
            entry = find_handler(op)
            if entry is None:
                return _refuse(f"The inference worker does not know {op!r}.")
            request_type, handler_type = entry
            request = request_type.from_frame(header, data)
            handle = self._handler(request_type.op, handler_type)
        except MLError as error:
            return _refuse(str(error))
        try:
            return handle(request).to_frame()
        except MLError as error:
            return _refuse(str(error))
        except Exception:
            log.exception("A request for %s could not be answered.", op)
            return _refuse(handle.unforeseen)

    def _handler(self, op: str, kind: type[Handler]) -> Handler:
        with self._lock:
            if op not in self._handlers:
                self._handlers[op] = kind(self._models)
            return self._handlers[op]


def _refuse(sentence: str) -> Frame:
    return Refusal(sentence).to_frame()
