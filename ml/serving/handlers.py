"""The table of the inference worker's handlers: one class per operation.

A handler's module is imported when its operation is first asked for, so that a worker which only
classifies never imports torch. A new operation takes its request and response in
``ml.serving.protocol``, a module with a class under ``@handler`` and a line in ``MODULES``.
"""

import importlib
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

from ml.serving.model_cache import ModelCache
from ml.serving.protocol import ClassifyRequest, Message, PingRequest, Request

MODULES = {
    "ping": "ml.serving.ping",
    "classify": "ml.serving.classification",
    "why": "ml.serving.explanation",
    "augment": "ml.serving.augmentation",
    "instant": "ml.serving.quick_model",
}
"""The module that registers the handler of each operation."""


CONCURRENT = frozenset((ClassifyRequest.op, PingRequest.op))
"""Operations that are worked on several at a time; all others are in turn."""


class Handler(Protocol):
    """Answers the requests of one operation. A worker makes one and keeps it."""

    unforeseen: ClassVar[str]
    """The sentence for an error that nobody foresaw; the log has its traceback."""

    def __init__(self, models: ModelCache) -> None: ...

    def __call__(self, request: Any, /) -> Message:
        """The response. An ``MLError`` becomes a refusal with its sentence."""
        ...


HandlerType = TypeVar("HandlerType", bound=type[Handler])
_registered: dict[str, tuple[type[Request], type[Handler]]] = {}


def handler(request_type: type[Request]) -> Callable[[HandlerType], HandlerType]:
    """Registers a class as the handler of the operation of ``request_type``.

    Raises:
        ValueError: the operation has a handler already.
    """

    def register(handler_type: HandlerType) -> HandlerType:
        if request_type.op in _registered:
            raise ValueError(f"the operation {request_type.op} has two handlers")
        _registered[request_type.op] = (request_type, handler_type)
        return handler_type

    return register


def is_concurrent(op: object) -> bool:
    """Whether requests of an operation are worked on several at a time."""
    return op in CONCURRENT


def find_handler(op: object) -> tuple[type[Request], type[Handler]] | None:
    """Request type and handler of an operation; None where there is no such operation."""
    if not isinstance(op, str) or op not in MODULES:
        return None
    importlib.import_module(MODULES[op])
    return _registered[op]
