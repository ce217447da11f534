"""Handler of ``ping``: whether the worker runs, and as which process."""

import os
from typing import ClassVar

from ml.serving.handlers import handler
from ml.serving.model_cache import ModelCache
from ml.serving.protocol import PingRequest, PingResponse


@handler(PingRequest)
class PingHandler:
    """Tells the process id."""

    unforeseen: ClassVar[str] = "Something unforeseen went wrong. See the server's log."

    def __init__(self, models: ModelCache) -> None:
        pass

    def __call__(self, request: PingRequest) -> PingResponse:
        """Answer one request."""
        return PingResponse(os.getpid())
