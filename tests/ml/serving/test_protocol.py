"""A message comes out of its frame as it went in, and nothing torn or malformed comes out."""

import io
import struct
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import BadInputError
from ml.serving.protocol import (
    AugmentRequest,
    AugmentResponse,
    ClassifyRequest,
    ClassifyResponse,
    ExplainRequest,
    ExplainResponse,
    PingRequest,
    PingResponse,
    QuickModelRequest,
    QuickModelResponse,
    Refusal,
    read_frame,
    response_of,
    write_frame,
)

MESSAGES = [
    PingRequest,
    PingResponse,
    ClassifyRequest,
    ClassifyResponse,
    ExplainRequest,
    ExplainResponse,
    AugmentRequest,
    AugmentResponse,
    QuickModelRequest,
    QuickModelResponse,
    Refusal,
]
WORDS = st.text(max_size=5)
SHARES = st.lists(st.floats(0, 1), max_size=3)
BY_NAME = {
    "pixels": st.dictionaries(WORDS, st.integers()),
    "result": st.dictionaries(WORDS, WORDS),
    "comparison": st.dictionaries(WORDS, SHARES),
    "heat": st.lists(SHARES, max_size=3),
    "methods": st.lists(st.dictionaries(WORDS, WORDS), max_size=2),
    "pictures": st.lists(st.binary(max_size=9), max_size=3).map(tuple),
    "versions": st.lists(st.binary(max_size=9), max_size=3).map(tuple),
    "shares": SHARES,
}
BY_TYPE = {str: WORDS, int: st.integers(), float: st.floats(0, 1), bytes: st.binary(max_size=9)}


def messages(kind):
    """Any message of a type."""
    return st.builds(
        kind,
        **{
            field.name: BY_NAME[field.name] if field.name in BY_NAME else BY_TYPE[field.type]
            for field in fields(kind)
        },
    )


@given(st.lists(st.tuples(st.dictionaries(st.text(), st.text()), st.binary()), max_size=4))
def test_frames_come_out_as_they_went_in_and_a_torn_one_does_not(messages):
    pipe = io.BytesIO()
    for header, data in messages:
        write_frame(pipe, header, data)
    complete = pipe.getvalue()
    pipe.seek(0)
    for header, data in messages:
        assert read_frame(pipe) == ({**header, "size": len(data)}, data)
    assert read_frame(pipe) is None
    if messages:
        torn = io.BytesIO(complete[:-1])
        frames = [read_frame(torn) for _ in messages]
        assert frames[-1] is None
        assert None not in frames[:-1]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 2**31),
        struct.pack(">I", 13) + b'{"size": -5}x',
        struct.pack(">I", 22) + b'{"size": 999999999999}',
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 3) + b"{{{",
    ],
)
def test_what_is_no_frame_is_refused_before_its_data_is_read(data):
    with pytest.raises(ValueError):  # noqa: PT011 (json has its own kind)
        read_frame(io.BytesIO(data))


@pytest.mark.parametrize("kind", MESSAGES)
@given(data=st.data())
def test_a_message_comes_out_of_the_pipe_as_it_went_in(kind, data):
    message = data.draw(messages(kind))
    pipe = io.BytesIO()
    write_frame(pipe, *message.to_frame())
    pipe.seek(0)
    header, parts = read_frame(pipe)
    assert kind.from_frame(header, parts) == message
    with pytest.raises(BadInputError, match="announced"):
        kind.from_frame(header, parts + b"x")


def test_a_message_without_a_field_or_with_one_of_another_type_is_refused():
    header, data = ClassifyRequest(folder="f", name="n", top_k=3, picture=b"123").to_frame()
    for name in ("folder", "name", "top_k", "picture"):
        with pytest.raises(BadInputError, match=f"has no {name}"):
            ClassifyRequest.from_frame({k: v for k, v in header.items() if k != name}, data)
        with pytest.raises(BadInputError, match=f"its {name} is a dict"):
            ClassifyRequest.from_frame({**header, name: {}}, data)
    without = {name: value for name, value in header.items() if name != "max_side"}
    assert ClassifyRequest.from_frame(without, data).max_side == 0


def test_a_refusal_is_raised_where_a_response_was_awaited():
    with pytest.raises(BadInputError, match="There is no model"):
        response_of(PingResponse, Refusal("There is no model.").to_frame())
