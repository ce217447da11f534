"""Limits of what a browser may send: generous on one's own computer, tight for strangers."""

from dataclasses import dataclass

from ml.workspace import is_public


@dataclass(frozen=True)
class Limits:
    """How much may come in through the browser: ``files`` and ``megabytes`` in one drop,
    ``megabytes_a_file``, ``session_megabytes`` from one tab in all (0: no limit), and at one time
    ``server_megabytes`` from all ``tabs``, of which there are so many at most. On Classify a tab
    holds ``classify_pictures`` pictures at most, and of their files ``classify_megabytes``."""

    files: int
    megabytes: int
    megabytes_a_file: int
    session_megabytes: int
    server_megabytes: int
    tabs: int
    classify_pictures: int = 500
    classify_megabytes: int = 1000


LOCAL = Limits(
    files=20_000,
    megabytes=1000,
    megabytes_a_file=500,
    session_megabytes=0,
    server_megabytes=1000,
    tabs=100,
)
PUBLIC = Limits(
    files=1000,
    megabytes=100,
    megabytes_a_file=50,
    session_megabytes=300,
    server_megabytes=300,
    tabs=200,
    classify_pictures=100,
    classify_megabytes=64,
)


def local_mode() -> bool:
    """Whether the page is for the person at this computer, who may name folders on it.

    ``LENSMITH_PUBLIC=1`` says that it is not.
    """
    return not is_public()


def limits() -> Limits:
    """What holds in this mode."""
    return LOCAL if local_mode() else PUBLIC
