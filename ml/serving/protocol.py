"""The inference worker's protocol: framing, and a request and a response type per operation.

A frame is the length of the header (4 bytes, big-endian), the header as JSON, and as many bytes as
the header's ``size`` says. A message is a dataclass. Its fields are the header's keys; fields of
bytes travel behind the header, which has their lengths instead.
"""

import json
import struct
from dataclasses import dataclass, fields
from typing import IO, Any, ClassVar, Self, TypeVar, get_origin, get_type_hints

from ml.data.pixels.cpu_budget import TOO_SLOW as TOO_SLOW
from ml.errors import BadInputError

MAX_HEADER_BYTES = 1 << 20
MAX_DATA_BYTES = 256 * 1024 * 1024
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
    """The next complete frame; None when the other side closed or broke off.

    Raises:
        ValueError: what comes is not a frame.
    """
    start = pipe.read(_LENGTH.size)
    if len(start) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(start)
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {length} bytes")
    text = pipe.read(length)
    if len(text) < length:
        return None
    header = json.loads(text)
    size = header.get("size") if isinstance(header, dict) else None
    if not isinstance(size, int) or not 0 <= size <= MAX_DATA_BYTES:
        raise ValueError(f"data of {size} bytes")
    data = pipe.read(size)
    return (header, data) if len(data) == size else None


class Message:
    """A dataclass that travels as a frame.

    Fields are str, int, float, list, dict, ``bytes`` or ``tuple[bytes, ...]``.
    """

    def to_frame(self) -> Frame:
        """Header and data."""
        header: dict[str, Any] = {}
        parts: list[bytes] = []
        for name, kind in _types(type(self)).items():
            value = getattr(self, name)
            if kind is bytes:
                parts.append(value)
                value = len(value)
            elif kind is tuple:
                parts += value
                value = [len(part) for part in value]
            header[name] = value
        return header, b"".join(parts)

    @classmethod
    def from_frame(cls, header: dict[str, Any], data: bytes) -> Self:
        """The message in a frame. Keys that are no field are passed over.

        Raises:
            BadInputError: a field is missing or of another type, or the lengths do not add up.
        """
        values: dict[str, Any] = {}
        start = 0
        for name, kind in _types(cls).items():
            if name not in header:
                if name in _with_default(cls):
                    continue
                raise _malformed(cls, f"it has no {name}")
            value = header[name]
            if not _is_of(value, kind):
                raise _malformed(cls, f"its {name} is a {type(value).__name__}")
            if kind in (bytes, tuple):
                lengths = [value] if kind is bytes else value
                parts = []
                for length in lengths:
                    parts.append(data[start : start + length])
                    start += length
                value = parts[0] if kind is bytes else tuple(parts)
            values[name] = value
        if start != len(data):
            raise _malformed(cls, f"{start} bytes are announced and {len(data)} came")
        return cls(**values)


def _malformed(cls: type[Message], why: str) -> BadInputError:
    return BadInputError(f"The inference worker cannot read a {cls.__name__}: {why}.")


def _types(cls: type[Message]) -> dict[str, Any]:
    """The plain type of each field: ``list`` for ``list[float]``."""
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    return {name: get_origin(hints[name]) or hints[name] for name in names}


def _with_default(cls: type[Message]) -> frozenset[str]:
    return frozenset(field.name for field in fields(cls) if hasattr(cls, field.name))  # type: ignore[arg-type]


def _is_of(value: object, kind: Any) -> bool:
    if kind in (int, float, bytes) and isinstance(value, bool):
        return False
    if kind is bytes:
        return isinstance(value, int) and value >= 0
    if kind is tuple:
        return isinstance(value, list) and all(_is_of(one, bytes) for one in value)
    return isinstance(value, (int, float) if kind is float else kind)


class Request(Message):
    """A message to the worker. The header has its operation as ``op``."""

    op: ClassVar[str]

    def to_frame(self) -> Frame:
        """Header, with ``op``, and data."""
        header, data = super().to_frame()
        return {"op": self.op, **header}, data


Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True)
class Refusal(Message):
    """The response to whatever cannot be answered: ``refused`` is a sentence for the user."""

    refused: str


def response_of(kind: type[Response], frame: Frame) -> Response:
    """The response in a frame.

    Raises:
        BadInputError: the worker refused the request, or the frame holds another response.
    """
    header, data = frame
    if "refused" in header:
        raise BadInputError(Refusal.from_frame(header, data).refused)
    return kind.from_frame(header, data)


@dataclass(frozen=True)
class PingRequest(Request):
    """Asks whether the worker runs."""

    op: ClassVar[str] = "ping"


@dataclass(frozen=True)
class PingResponse(Message):
    """``pid`` is the worker's process id."""

    pid: int


@dataclass(frozen=True)
class ClassifyRequest(Request):
    """Asks what the model in ``folder`` makes of the encoded ``picture``.

    ``name`` is the picture's name in the answer, ``top_k`` how many classes the answer ranks.
    ``max_side`` is 0, or for a camera's frame, which must be a JPEG, the most pixels a side.
    """

    op: ClassVar[str] = "classify"
    folder: str
    name: str
    top_k: int
    picture: bytes
    max_side: int = 0


@dataclass(frozen=True)
class ClassifyResponse(Message):
    """``result`` is an answer of ``ml.inference.classifier.Classifier.answer``.

    ``seen`` is the picture as the network sees it (PNG), ``preview`` the picture itself, small and
    upright (JPEG). Both are empty for a camera's frame and for a picture that cannot be read.
    """

    result: dict[str, Any]
    seen: bytes = b""
    preview: bytes = b""


@dataclass(frozen=True)
class ExplainRequest(Request):
    """Asks what counts for class ``label`` in a picture ``seen`` of a ``ClassifyResponse``.

    ``method`` names a method of ``ml.explain.why``; empty for the best that the model has.
    """

    op: ClassVar[str] = "why"
    folder: str
    label: str
    method: str
    seen: bytes


@dataclass(frozen=True)
class ExplainResponse(Message):
    """What ``ml.explain.why.Explainer.explain`` returns: ``heat`` is (h, w), 0 to 1."""

    method: str
    heat: list[list[float]]
    before: float
    covered: float
    elsewhere: float
    methods: list[dict[str, str]]


@dataclass(frozen=True)
class AugmentRequest(Request):
    """Asks for ``count`` augmented versions of the first of some encoded ``pictures``.

    ``pixels`` is a ``PixelSpec`` as JSON, ``turn`` the number of the random draw. Either ``policy``
    is one of the setting ``augment``, or ``operation`` and ``strength`` name one change: then the
    versions go from one end of its range to the other. ``mixing`` (mixup, cutmix or none) mixes
    them with the other pictures, augmented as well.
    """

    op: ClassVar[str] = "augment"
    pixels: dict[str, Any]
    count: int
    turn: int
    pictures: tuple[bytes, ...] = ()
    policy: str = ""
    operation: str = ""
    strength: float = 0.0
    mixing: str = "none"


@dataclass(frozen=True)
class AugmentResponse(Message):
    """``versions`` are encoded pictures, ``shares`` how much of each is the first picture."""

    versions: tuple[bytes, ...]
    shares: list[float]


@dataclass(frozen=True)
class QuickModelRequest(Request):
    """Asks what changed in the guesses of a quick model from version ``before`` of a data set (0
    for none) to ``version``."""

    op: ClassVar[str] = "instant"
    workspace: str
    dataset: str
    version: int
    before: int


@dataclass(frozen=True)
class QuickModelResponse(Message):
    """``comparison`` is what ``ml.serving.quick_model.QuickModels.compare`` returns."""

    comparison: dict[str, Any]
