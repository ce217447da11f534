"""Damage to the JSON files of a workspace: what a bad disk, an editor or an enemy leaves there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VALUES = {
    "infinity": "Infinity",
    "not a number": "NaN",
    "huge": "1e308",
    "infinite": "1e999",
    "digits": "9" * 400,
    "negative": "-7",
    "null": "null",
    "text": '"seven"',
    "list": "[]",
    "object": "{}",
    "deep": "[" * 100_000 + "]" * 100_000,
    "nested": "[" * 400 + "]" * 400,
}
"""JSON texts that stand where something else belongs, by name."""
WHOLE = {**VALUES, "empty": "", "cut": '{"name": "a', "binary": "\0\1\2"}
"""Texts in place of a whole file."""


def json_files(root: Path) -> list[Path]:
    """Every JSON file of a workspace that pages read, event logs included, in order."""
    files = [*root.rglob("*.json"), *root.rglob("events.jsonl")]
    return sorted(path for path in files if "plugins" not in path.parts)


def places(content: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of each value in a JSON value; of a list, the first alone."""
    entries = content.items() if isinstance(content, dict) else enumerate(content[:1])
    for key, value in entries:
        yield (*place, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*place, key))


def with_value(content: Any, place: tuple[Any, ...], text: str) -> str:
    """The JSON text of ``content`` with ``text`` at a place."""
    mark = "\0here\0"
    copy = json.loads(json.dumps(content))
    parent = copy
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = mark
    return json.dumps(copy).replace(json.dumps(mark), text)


def damaged_lines(data: bytes, text: str) -> bytes:
    """An event log in which each value of each kind of event is ``text`` once, on a line of its
    own, before what was there."""
    lines = data.splitlines()
    kinds = {json.loads(line).get("event"): json.loads(line) for line in lines}
    added = [
        with_value(event, place, text).encode()
        for event in kinds.values()
        for place in places(event)
    ]
    return b"\n".join([*lines, *added]) + b"\n"
